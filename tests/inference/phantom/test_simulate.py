from __future__ import annotations

import numpy as np
import pytest

from inference.phantom import COMPLEX_KINDS, KINDS, random_spec, simulate_clip
from inference.thickness import wall_normal_thickness
from inference.types import LUMEN, PLAQUE, WALL


def spec_of(kind: str, seed: int = 0):
    return random_spec(np.random.default_rng((seed, KINDS.index(kind))), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_spec_gives_the_same_bytes(kind) -> None:
    first, second = simulate_clip(spec_of(kind), 2), simulate_clip(spec_of(kind), 2)

    assert np.array_equal(first.frames, second.frames)
    assert np.array_equal(first.labels, second.labels)
    assert first.truth == second.truth


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_class_follows_from_the_reasons_and_the_kind(kind, seed) -> None:
    truth = simulate_clip(spec_of(kind, seed), 1).truth

    assert truth["class"] == int(any(truth["reasons"].values()))
    assert truth["class"] == int(kind in COMPLEX_KINDS)
    assert truth["plaque_present"] == (kind != "none")


@pytest.mark.parametrize("kind", ["thin", "thick"])
@pytest.mark.parametrize("seed", range(4))
def test_the_stated_thickness_is_what_the_mask_measures(kind, seed) -> None:
    clip = simulate_clip(spec_of(kind, seed), 1)
    labels = clip.labels[0]

    measured = wall_normal_thickness(labels == PLAQUE, labels > 0, clip.spacing).mm

    assert measured == pytest.approx(clip.truth["thickness_mm"], abs=2.0 * max(clip.spacing) + 0.1)


def test_plaque_reaches_from_the_lumen_edge_to_the_outer_wall() -> None:
    clip = simulate_clip(spec_of("thick", 1), 1)
    labels = clip.labels[0]
    rows, columns = np.nonzero(labels == LUMEN)
    middle = np.array([rows.mean(), columns.mean()])
    at = np.argwhere(labels == PLAQUE)
    direction = at.mean(axis=0) - middle
    line = [tuple(np.rint(middle + direction * t).astype(int)) for t in np.linspace(0, 3, 400)]
    along = [int(labels[p]) for p in line if 0 <= p[0] < labels.shape[0] and 0 <= p[1] < labels.shape[1]]

    order = [v for n, v in enumerate(along) if n == 0 or v != along[n - 1]]

    assert order[:3] == [LUMEN, PLAQUE, 0]


def test_a_clip_without_plaque_has_none_in_its_labels() -> None:
    labels = simulate_clip(spec_of("none"), 2).labels

    assert not (labels == PLAQUE).any()
    assert (labels == WALL).any()
    assert (labels == LUMEN).any()


def test_the_picture_is_black_outside_the_region_but_for_depth_ticks() -> None:
    clip = simulate_clip(spec_of("thin"), 1)
    r = clip.region

    assert clip.frames[0][: r.y0].max() == 0
    assert clip.frames[0][:, : r.x0].max() == 0
    assert set(np.unique(clip.frames[0][:, r.x1 + 1 :])) <= {0, 170}
    assert clip.labels[0][: r.y0].max() == 0


def test_the_heart_beats_and_a_mobile_part_swings() -> None:
    clip = simulate_clip(spec_of("mobile", 2), 8)

    lumen = (clip.labels == LUMEN).sum(axis=(1, 2))
    moving = np.logical_xor(clip.labels[0] == PLAQUE, clip.labels[3] == PLAQUE)
    assert len(set(lumen.tolist())) > 3
    assert moving.sum() > 20


def test_speckle_is_rayleigh_like_in_tissue_and_blood_is_darker() -> None:
    clip = simulate_clip(spec_of("none", 3), 1)
    frame, labels = clip.frames[0], clip.labels[0]

    assert frame[labels == LUMEN].mean() < 0.6 * frame[labels == WALL].mean()
    assert frame[labels == WALL].std() > 8


def test_an_unknown_kind_and_an_empty_clip_are_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        random_spec(np.random.default_rng(0), "calcified")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one frame"):
        simulate_clip(spec_of("none"), 0)
