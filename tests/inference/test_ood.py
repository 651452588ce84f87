"""How unlike the training pictures a picture is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from inference import ood
from inference.checkpoints import Card, CheckpointError, load_model, load_reference, save_model
from inference.models import AutoencoderClassifier, count_parameters
from inference.training.reference import fit_ood, stressed

SIDE = 192
WIDTHS = (4, 6, 8, 8)


def rings(count: int, seed: int) -> NDArray[np.uint8]:
    """Pictures of one kind: a dark disc in speckle within a sector, black around."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    out = np.zeros((count, SIDE, SIDE), dtype=np.uint8)
    for picture in out:
        speckle = 90 + 30 * ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 1.5) * 4
        y, x, radius = rng.uniform(80, 110), rng.uniform(80, 110), rng.uniform(25, 45)
        disc = np.hypot(rows - y, columns - x) < radius
        speckle[disc] = 8
        inside = np.abs(columns - SIDE / 2) < 12 + 0.6 * rows
        picture[inside] = np.clip(speckle, 4, 255)[inside]
    return out


@pytest.fixture(scope="module")
def net() -> AutoencoderClassifier:
    torch.manual_seed(3)
    made = AutoencoderClassifier(WIDTHS)
    pictures = torch.from_numpy(rings(16, 1))[:, None].float() / 255.0
    optimiser = torch.optim.AdamW([*made.encoder.parameters(), *made.decoder.parameters()], lr=3e-3)
    for number in range(12):
        x = pictures[4 * (number % 4) : 4 * (number % 4) + 4]
        loss = torch.nn.functional.mse_loss(made.reconstruct(x), x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    made.start_step_two()
    return made.eval()


@pytest.fixture(scope="module")
def reference(net: AutoencoderClassifier) -> ood.OodReference:
    return fit_ood(net, rings(40, 2), rings(32, 3))


def test_sector_holds_dark_blood_but_not_the_black_around() -> None:
    x = torch.zeros(1, 1, 40, 40)
    x[..., 5:35, 10:30] = 0.5
    x[..., 15:25, 15:25] = 0.0

    inside = ood.sector(x)

    assert float(inside[..., 15:25, 15:25].min()) == 1.0
    assert float(inside.sum()) == 30 * 20


def test_unexplained_share_is_one_for_a_local_mean_and_small_for_the_picture_itself() -> None:
    x = torch.rand(2, 1, 64, 64)
    inside = torch.ones_like(x)
    mean = x - ood.local_variance(x, inside).sqrt() * torch.sign(torch.randn(x.shape))

    assert torch.allclose(ood.unexplained(x, mean, inside), torch.ones(2), atol=1e-4)
    assert float(ood.unexplained(x, x, inside).max()) < 0.01


def test_plain_contrast_does_not_change_the_unexplained_share() -> None:
    x = 0.2 + 0.6 * torch.rand(3, 1, 64, 64)
    again = x + 0.1 * torch.randn(x.shape)
    inside = torch.ones_like(x)

    full, half = ood.unexplained(x, again, inside), ood.unexplained(0.5 * x, 0.5 * again, inside)

    assert torch.allclose(full, half, rtol=0.05)


def test_error_map_is_zero_outside_the_sector(net: AutoencoderClassifier) -> None:
    x = torch.from_numpy(rings(2, 4))[:, None].float() / 255

    errors = ood.error_map(net, x)

    assert errors.shape == x.shape
    assert float(errors[ood.sector(x) == 0].max()) == 0.0
    assert float(errors.max()) > 0.0


def test_pictures_of_the_trained_kind_stay_and_others_score_higher(
    net: AutoencoderClassifier, reference: ood.OodReference
) -> None:
    usual = reference.scores(net, rings(24, 5))
    noise = np.random.default_rng(6).integers(0, 256, (8, SIDE, SIDE)).astype(np.uint8)

    strange = reference.scores(net, noise)

    assert np.median(usual) < reference.warn < reference.hard
    assert strange.min() > np.quantile(usual, 0.9)
    assert reference.verdict(float(strange.min())) != ""


def test_a_blank_picture_is_strange_although_it_is_easy_to_reconstruct(
    net: AutoencoderClassifier, reference: ood.OodReference
) -> None:
    blank = np.full((2, SIDE, SIDE), 120, dtype=np.uint8)

    assert reference.scores(net, blank).min() > reference.warn


def test_verdict_knows_two_limits_and_no_score(reference: ood.OodReference) -> None:
    middle = 0.5 * (reference.warn + reference.hard)

    assert [reference.verdict(v) for v in (None, reference.warn, middle, reference.hard + 1)] == [
        "",
        "",
        "warn",
        "hard",
    ]
    assert f"{middle:.1f}" in ood.flag_text(middle, reference)


def test_reference_travels_inside_the_weights_under_their_sha256(
    net: AutoencoderClassifier, reference: ood.OodReference, tmp_path: Path
) -> None:
    path = tmp_path / "c.safetensors"
    card = Card("c", "0", "autoencoder-classifier-v2", "", count_parameters(net), settings={"widths": list(WIDTHS)})
    card = save_model(net, path, card, reference=reference.tensors())

    model, _ = load_model(path)
    read = ood.OodReference.from_tensors(load_reference(path))

    assert read is not None
    pictures = rings(3, 7)
    assert np.allclose(read.scores(model, pictures), reference.scores(net, pictures), atol=1e-3)
    assert (read.warn, read.hard) == pytest.approx((reference.warn, reference.hard), rel=1e-5)
    path.write_bytes(path.read_bytes() + b"\x00")
    with pytest.raises(CheckpointError, match="sha256"):
        load_reference(path)


def test_weights_without_reference_give_none_and_half_a_one_is_refused(reference: ood.OodReference) -> None:
    assert ood.OodReference.from_tensors({}) is None
    tensors = reference.tensors()
    del tensors["limits"]
    with pytest.raises(ValueError, match="limits"):
        ood.OodReference.from_tensors(tensors)


def test_too_few_pictures_make_no_reference(net: AutoencoderClassifier) -> None:
    with pytest.raises(ValueError, match="at least"):
        fit_ood(net, rings(4, 8), rings(4, 9))


def test_stressed_pictures_differ_and_stay_in_range() -> None:
    pictures = rings(8, 11)

    changed = stressed(pictures, 1)

    assert changed.dtype == np.uint8
    assert all(not np.array_equal(a, b) for a, b in zip(pictures, changed, strict=True))


@pytest.mark.parametrize(
    ("frames", "expected"), [(1, [0]), (30, [15]), (64, [16, 48]), (1000, [100, 300, 500, 700, 900])]
)
def test_scored_frames_are_spread_over_the_clip(frames: int, expected: list[int]) -> None:
    assert ood.frames_to_score(frames) == expected


def test_clip_score_is_the_median_so_that_one_odd_frame_does_not_decide() -> None:
    assert ood.clip_score([0.1, 0.2, 40.0]) == pytest.approx(0.2)
    assert ood.clip_score([]) is None
