"""Engines, streams and the choice among them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from inference import tuning
from inference.engines import (
    EngineError,
    Pair,
    Setting,
    TorchEngine,
    default_setting,
    folded,
    make_engine,
    onnx_installed,
)
from inference.predictor import Predictor
from inference.preprocess import CANVAS
from inference.tuning import Wish, agrees_with_fp32, candidates, choose, has_fast_bf16, measured, wish_from

CPU = torch.device("cpu")
needs_onnx = pytest.mark.skipif(not onnx_installed(), reason="the extra “fast” (ONNX Runtime) is not installed")


@pytest.fixture
def raw(raw_pipeline: Path) -> Predictor:
    return Predictor.from_pipeline(raw_pipeline, device="cpu", threads=1)[0]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (3, CANVAS, CANVAS), dtype=np.uint8)


def plain(predictor: Predictor, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both networks as they are, in the usual layout."""
    with torch.inference_mode():
        x = torch.from_numpy(images)[:, None].float() / 255.0
        logits = predictor.classifier(x)
        return (logits[:, 1] - logits[:, 0]).numpy(), predictor.segmenter(x).numpy()


@pytest.mark.parametrize("layout", ["channels_last", "contiguous"])
def test_an_engine_gives_what_the_networks_give(raw, pictures, layout: str) -> None:
    engine = raw.make_engine(Setting(layout=layout))

    margins, logits = engine.run(pictures)
    tensors = engine.forward(pictures)

    expected = plain(raw, pictures)
    assert np.allclose(margins, expected[0], atol=1e-4)
    assert np.allclose(logits, expected[1], atol=1e-3)
    assert logits.flags["C_CONTIGUOUS"]
    assert np.array_equal(tensors[1].numpy(), logits)


@needs_onnx
def test_onnx_runtime_gives_what_torch_gives_for_any_batch(raw, pictures) -> None:
    engine = raw.make_engine(Setting(engine="onnxruntime"))

    for images in (pictures, pictures[:1]):
        margins, logits = engine.run(images)
        expected = plain(raw, images)
        assert np.allclose(margins, expected[0], atol=1e-4)
        assert np.allclose(logits, expected[1], atol=1e-3)


def test_folding_leaves_no_normalisation_after_a_convolution_and_the_network_itself_alone() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)), nn.ReLU(), nn.ConvTranspose2d(3, 2, 2),
                        nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2)).eval()  # fmt: skip
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    x = torch.randn(2, 1, 9, 9)

    quick = folded(net)

    assert torch.allclose(quick(x), net(x), atol=1e-5)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in quick.modules()) == 1  # the one after an activation stays
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 3


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in ({"engine": "other"}, {"dtype": "int8"}, {"batch": 0}, {"streams": 0}, {"layout": "odd"}):
        with pytest.raises(ValueError):
            Setting(**wrong)
    with pytest.raises(ValueError, match="fp32"):
        Setting(engine="onnxruntime", dtype="bf16")


def test_an_engine_that_is_not_there_says_what_to_install(raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.engines.onnx_installed", lambda: False)

    with pytest.raises(EngineError, match="fast"):
        raw.use(Setting(engine="onnxruntime"))
    with pytest.raises(EngineError, match="processor only"):
        make_engine(raw.classifier, raw.segmenter, torch.device("cuda"), Setting(engine="onnxruntime"), CANVAS)


def test_the_environment_fixes_what_is_not_measured() -> None:
    assert wish_from({}) == Wish()
    fixed = wish_from({"PLAQUEWEB_ENGINE": "onnxruntime", "PLAQUEWEB_BATCH": "4", "PLAQUEWEB_STREAMS": "3"})
    assert [(s.engine, s.batch, s.streams) for s in candidates(CPU, 2, fixed, fast_bf16=True)] == [
        ("onnxruntime", 4, 3)
    ]
    with pytest.raises(ValueError, match="PLAQUEWEB_BATCH"):
        wish_from({"PLAQUEWEB_BATCH": "many"})
    with pytest.raises(ValueError, match="engine"):
        wish_from({"PLAQUEWEB_ENGINE": "odd"})


def test_bf16_is_tried_only_where_the_processor_has_it(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nflags : fpu avx2 avx512f\n")
    assert not has_fast_bf16(CPU, info)
    info.write_text("flags : fpu avx2 avx512_bf16\n")
    assert has_fast_bf16(CPU, info)
    assert not has_fast_bf16(CPU, tmp_path / "missing")
    assert {s.dtype for s in candidates(CPU, 1, Wish(), fast_bf16=False)} == {"fp32"}
    assert {s.dtype for s in candidates(CPU, 1, Wish(), fast_bf16=True)} == {"fp32", "bf16"}


def test_a_gpu_gets_large_batches_graphs_and_threads_that_feed_it() -> None:
    options = candidates(torch.device("cuda"), 8, Wish(), fast_bf16=True)

    assert {s.graphs for s in options} == {False, True}
    assert min(s.batch for s in options) >= 32
    assert default_setting(torch.device("cuda"), 8).dtype == "fp32"  # bf16 only once it was found to agree


class Shifted:
    """An engine whose outputs are moved, as a lower precision moves them."""

    def __init__(self, engine: TorchEngine, margin: float = 0.0, logit: float = 0.0) -> None:
        self.engine, self.setting, self.margin, self.logit = engine, engine.setting, margin, logit

    def forward(self, images):
        return self.engine.forward(images)

    def run(self, images):
        margins, logits = self.engine.run(images)
        moved = logits.copy()
        moved[:, 1] += self.logit
        return margins + np.float32(self.margin), moved


def test_another_engine_counts_only_with_the_same_masks_and_classes(raw, pictures) -> None:
    clips = np.array([0, 0, 1])
    reference = raw.make_engine(Setting())
    margin = float(reference.run(pictures)[0].mean())
    rule = {"threshold": 0.5, "temperature": 1.0}

    assert agrees_with_fp32(reference, reference, pictures, clips, **rule)
    assert agrees_with_fp32(Shifted(reference, logit=1e-6), reference, pictures, clips, **rule)
    assert not agrees_with_fp32(Shifted(reference, logit=0.5), reference, pictures, clips, **rule)
    assert not agrees_with_fp32(Shifted(reference, margin=-4 * margin), reference, pictures, clips, **rule)


def test_bf16_on_this_processor_is_measured_against_fp32_and_not_assumed(raw, pictures) -> None:
    half = raw.make_engine(Setting(dtype="bf16"))

    margins, logits = half.run(pictures)

    assert logits.dtype == margins.dtype == np.float32
    assert not np.array_equal(logits, raw.engine.run(pictures)[1])
    assert np.allclose(margins, plain(raw, pictures)[0], atol=0.2)


@needs_onnx
def test_agreement_is_remembered_by_weights_and_engine(raw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "deep" / "engines.json"
    wish = Wish(engine="onnxruntime", batch=2)

    choose(raw, wish, seconds=0, cache=cache)

    assert raw.setting.text() == "onnxruntime fp32, 1 x 1 threads, batch 2"
    assert list(json.loads(cache.read_text()).values()) == [True]
    monkeypatch.setattr(tuning, "check_pictures", lambda: pytest.fail("it was known already"))
    choose(raw, wish, seconds=0, cache=cache)


def test_what_does_not_agree_is_not_used_and_a_fixed_type_is_refused(raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "agrees", lambda *_: False)

    with pytest.raises(ValueError, match="same masks"):
        choose(raw, Wish(dtype="bf16"), seconds=0)
    monkeypatch.setattr(tuning, "has_fast_bf16", lambda _device: True)
    choose(raw, Wish(batch=2), seconds=0.01)

    assert raw.setting.numerics == "torch fp32 channels_last"


def test_the_choice_is_the_quickest_of_those_measured(raw) -> None:
    speeds = choose(raw, Wish(), seconds=0.05)

    assert raw.setting.text() in speeds
    assert speeds[raw.setting.text()] > 0
    assert {"channels_last", "contiguous"} <= {word for name in speeds for word in name.replace(",", "").split()}
    assert raw.batch == raw.setting.batch


def test_measuring_covers_every_engine(raw) -> None:
    engines = [raw.make_engine(Setting(batch=batch, streams=streams)) for batch, streams in ((1, 1), (2, 2))]

    assert all(speed > 0 for speed in measured(engines, 0.0).values())


def test_a_pair_gives_margins_and_logits(raw, pictures) -> None:
    pair = Pair(raw.classifier, raw.segmenter)
    with torch.inference_mode():
        margins, logits = pair(torch.from_numpy(pictures)[:, None].float() / 255.0)

    assert (margins.shape, logits.shape) == ((3,), (3, 4, CANVAS, CANVAS))
