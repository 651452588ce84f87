"""The thickness code on walls that an expert drew on real carotid arteries, against the millimetres he recorded."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.io import loadmat

from inference.thickness import wall_normal_thickness
from inference.types import Thickness

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "carotid_imt_cyprus"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the data set {FOLDER.name} is not here")
ROWS, COLUMNS = 576, 768
_ASIDE_MM, _LUMEN_MM = 1.5, 8.0


@dataclass(frozen=True)
class Wall:
    """One picture: the expert's points (n, 2) as (x, y) on intima and media, mm per pixel, and what was recorded."""

    name: str
    intima: np.ndarray
    media: np.ndarray
    mm: float
    recorded_mean: float
    recorded_max: float


def walls() -> list[Wall]:
    """All pictures whose record agrees with its own points."""
    found = []
    with (FOLDER / "derived_imt_truth.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            path = FOLDER / row["id"] / f"{row['id']}.scl"
            if row["record_matches_points"] != "1" or not path.is_file():
                continue
            with path.open("rb") as data:
                points = loadmat(data)
            both = np.stack((points["Param_3"].ravel(), points["Param_4"].ravel()), axis=1)
            # Some points were set out of turn.
            intima, media = (line[np.argsort(line[:, 0])] for line in (both[0::2], both[1::2]))
            found.append(
                Wall(
                    row["id"],
                    intima,
                    media,
                    float(row["scale_mm_per_px"]),
                    float(row["recorded_imt_mean_mm"]),
                    float(row["recorded_imt_max_mm"]),
                )
            )
    return found


def filled(points: np.ndarray) -> np.ndarray:
    """A polygon of (x, y) points as a mask; a pixel belongs to it when its middle does (drawn eight times as fine)."""
    fine = 8
    left, top = (int(v) - 2 for v in points.min(axis=0))
    wide, high = (int(v) + 4 for v in np.ptp(points, axis=0))
    canvas = Image.new("1", (wide * fine, high * fine))
    at = (points - (left, top) + 0.5) * fine - 0.5
    ImageDraw.Draw(canvas).polygon([tuple(p) for p in at.tolist()], fill=1)
    small = np.asarray(canvas).reshape(high, fine, wide, fine).mean(axis=(1, 3)) >= 0.5
    mask = np.zeros((ROWS, COLUMNS), dtype=bool)
    mask[top : top + high, left : left + wide] = small
    return mask


def masks_of(wall: Wall) -> tuple[np.ndarray, np.ndarray]:
    """The band between the two lines as plaque; the vessel as what lies on the lumen's side of the media.

    The media is carried on to both sides with its mean slope, so that no wall-normal runs out of the vessel's side.
    """
    band = np.vstack((wall.intima, wall.media[::-1]))
    towards = np.sign(wall.intima[:, 1].mean() - wall.media[:, 1].mean())
    slope = np.polyfit(wall.media[:, 0], wall.media[:, 1], 1)[0]
    aside = np.array([1.0, slope]) * _ASIDE_MM / wall.mm
    first, last = wall.media[0] - aside, wall.media[-1] + aside
    across = (0.0, towards * _LUMEN_MM / wall.mm)
    vessel = np.vstack((first, wall.media, last, last + across, first + across))
    return filled(band), filled(vessel)


def on_grid(wall: Wall, mm: float) -> Wall:
    """The same wall on a grid of another fineness."""
    factor = wall.mm / mm
    return replace(wall, intima=wall.intima * factor, media=wall.media * factor, mm=mm)


def measure(wall: Wall) -> Thickness:
    plaque, vessel = masks_of(wall)
    return wall_normal_thickness(plaque, vessel, (wall.mm, wall.mm))


def errors(mm: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Measured less recorded (mm) of the greatest and of the mean thickness, over all pictures.

    ``mm`` redraws the walls on a grid of so many millimetres a pixel; None keeps each picture's own.
    """
    found = [(wall, measure(wall if mm is None else on_grid(wall, mm))) for wall in walls()]
    greatest = [result.mm - wall.recorded_max for wall, result in found]
    mean = [np.mean([v for v in result.profile_mm if v > 0]) - wall.recorded_mean for wall, result in found]
    return np.asarray(greatest), np.asarray(mean)


def described(name: str, difference: np.ndarray) -> str:
    bias, half, size = difference.mean(), 1.96 * difference.std(ddof=1), np.abs(difference)
    return (
        f"{name}: n {difference.size}, MAE {size.mean():.3f}, bias {bias:+.3f}, limits {bias - half:+.3f} to "
        f"{bias + half:+.3f}, worst {size.max():.3f} (mm)"
    )


def test_the_greatest_thickness_agrees_with_what_the_expert_recorded() -> None:
    greatest, _ = errors()

    print(described("greatest", greatest))
    assert greatest.size >= 40
    assert np.abs(greatest).mean() < 0.06
    assert abs(greatest.mean()) < 0.05
    assert np.abs(greatest).max() < 0.3


def test_pixels_as_coarse_as_in_an_echo_of_the_aorta_cost_less_than_half_of_one() -> None:
    greatest, _ = errors(0.2)

    print(described("greatest at 0.2 mm a pixel", greatest))
    assert np.abs(greatest).mean() < 0.2 / 2


def test_the_mean_thickness_agrees_with_what_the_expert_recorded() -> None:
    _, mean = errors()

    print(described("mean", mean))
    assert np.abs(mean).mean() < 0.03
    assert abs(mean.mean()) < 0.03


def test_every_wall_is_measured_along_its_normal() -> None:
    assert {measure(wall).method for wall in walls()} == {"wall-normal"}


def test_another_scale_gives_the_same_pixels_and_other_millimetres() -> None:
    wall = walls()[0]
    plaque, vessel = masks_of(wall)

    whole = wall_normal_thickness(plaque, vessel, (wall.mm, wall.mm))
    none = wall_normal_thickness(plaque, vessel, None)

    assert none.mm is None
    assert none.px * wall.mm == pytest.approx(whole.mm, abs=0.1)
