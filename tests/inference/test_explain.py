"""Why the classifier said what it said, as pictures on the source grid."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inference.checkpoints import PIPELINE_FILE
from inference.explain import MAPS, activation_cells, explain, laid_over, packed, ramp, write_maps
from inference.files import predict_files
from inference.models import AutoencoderClassifier
from inference.phantom import PhantomClip
from inference.predictor import Predictor
from inference.types import RegionBox


@pytest.fixture(scope="module")
def raw(raw_pipeline: Path) -> Predictor:
    return Predictor.from_pipeline(raw_pipeline, device="cpu", threads=1)[0]


def test_activation_adds_up_to_the_margin_less_the_bias() -> None:
    torch.manual_seed(1)
    net = AutoencoderClassifier((4, 6, 8, 8)).eval()
    x = torch.rand(3, 1, 96, 96)

    cells, margins, bias = activation_cells(net, x)

    with torch.no_grad():
        logits = net(x)
    assert torch.allclose(margins, logits[:, 1] - logits[:, 0], atol=1e-5)
    assert torch.allclose(cells.sum((1, 2)), margins - bias, atol=1e-3)


def test_shipped_weights_keep_the_sum_too(thick_clip: PhantomClip) -> None:
    predictor, _ = Predictor.from_pipeline(PIPELINE_FILE, device="cpu", threads=1)

    found = explain(predictor, thick_clip.frames[0], thick_clip.region)

    assert float(found.cells.sum()) == pytest.approx(found.margin - found.bias, abs=1e-2 * (1 + abs(found.margin)))


def test_maps_lie_on_the_source_grid_and_only_within_the_region(raw: Predictor, thick_clip: PhantomClip) -> None:
    frame, region = thick_clip.frames[0], thick_clip.region

    found = explain(raw, frame, region)

    outside = np.ones(frame.shape[:2], dtype=bool)
    outside[region.y0 : region.y1 + 1, region.x0 : region.x1 + 1] = False
    assert found.original.shape == found.reconstruction.shape == frame.shape[:2]
    assert found.error.shape == found.activation.shape == (*frame.shape[:2], 4)
    assert not found.reconstruction[outside].any()
    assert not found.error[..., 3][outside].any()
    assert not found.activation[..., 3][outside].any()
    assert found.error[..., 3].any()


def test_a_colour_frame_and_an_uncalibrated_region_are_explained(raw: Predictor) -> None:
    frame = np.random.default_rng(2).integers(0, 255, (120, 160, 3)).astype(np.uint8)

    found = explain(raw, frame, RegionBox(1, 10, 5, 149, 109))

    assert found.original.shape == (120, 160)
    assert found.unexplained > 0.0


def test_a_region_outside_the_picture_is_refused(raw: Predictor) -> None:
    with pytest.raises(ValueError, match="outside"):
        explain(raw, np.zeros((50, 50), dtype=np.uint8), RegionBox(1, 0, 0, 80, 80))


def test_ramp_goes_from_clear_to_dark_in_one_hue() -> None:
    colours = ramp(np.linspace(0, 1, 9, dtype=np.float32))

    lightness = colours[:, :3].astype(float) @ np.array([0.299, 0.587, 0.114])
    assert colours[0, 3] == 0
    assert (np.diff(colours[:, 3].astype(int)) > 0).all()
    assert (np.diff(lightness) < 0).all()


def test_an_overlay_leaves_the_picture_where_it_is_clear() -> None:
    grey = np.full((2, 2), 77, dtype=np.uint8)
    overlay = np.zeros((2, 2, 4), dtype=np.uint8)
    overlay[0, 0] = (200, 10, 10, 255)

    shown = laid_over(grey, overlay)

    assert shown[0, 0].tolist() == [200, 10, 10]
    assert (shown[1] == 77).all()


def test_packed_maps_are_pngs_by_name_and_equal_bytes_for_equal_maps(raw: Predictor, thick_clip: PhantomClip) -> None:
    first, second = (packed(explain(raw, thick_clip.frames[1], thick_clip.region)) for _ in range(2))

    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        sizes = {name: Image.open(io.BytesIO(archive.read(f"{name}.png"))).size for name in MAPS}
    assert set(sizes.values()) == {(thick_clip.frames.shape[2], thick_clip.frames.shape[1])}


def test_written_maps_are_named_by_frame(raw: Predictor, thick_clip: PhantomClip, tmp_path: Path) -> None:
    paths = write_maps(tmp_path / "maps", 7, explain(raw, thick_clip.frames[0], thick_clip.region))

    assert [path.name for path in paths] == [f"frame-0007-{name}.png" for name in MAPS]
    assert all(Image.open(path).size == thick_clip.frames.shape[:0:-1] for path in paths)


def test_predict_writes_maps_and_names_them(raw: Predictor, thick_clip: PhantomClip, tmp_path: Path) -> None:
    Image.fromarray(thick_clip.frames[0]).save(tmp_path / "still.png")

    (line,) = predict_files(raw, [tmp_path / "still.png"], tmp_path / "out", maps=True)

    assert line["outputs"][-1] == "maps"
    assert len(line["maps"]) >= len(MAPS)
    assert all((tmp_path / "out" / "still.png.maps" / name).is_file() for name in line["maps"])
    assert json.loads((tmp_path / "out" / "predictions.jsonl").read_text())["maps"] == line["maps"]
