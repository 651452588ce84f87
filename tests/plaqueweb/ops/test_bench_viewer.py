"""What the viewer's bench counts, and that the built viewer is as small as it should be."""

from __future__ import annotations

import json

import pytest

from plaqueweb.ops.bench_viewer import bundle_figures, p95, skipped_frames
from tests.conftest import REPO, skip_or_fail


@pytest.mark.parametrize(
    ("shown", "skipped"),
    [([1, 2, 3, 4], 0), ([98, 99, 100, 1, 2], 0), ([1, 3, 4], 1), ([99, 2], 2), ([5], 0), ([], 0)],
)
def test_frames_passed_over_are_counted_round_the_loop(shown: list[int], skipped: int) -> None:
    assert skipped_frames(shown, 100) == skipped


def test_p95_is_a_measured_value() -> None:
    assert p95([float(n) for n in range(100, 0, -1)]) == 96.0
    assert p95([7.0]) == 7.0


def test_the_built_viewer_has_at_most_30_kb() -> None:
    manifest = REPO / "static" / "dist" / ".vite" / "manifest.json"
    if not manifest.exists():
        skip_or_fail("the front end is not built (python3 run.py test builds it)")

    viewer, page = bundle_figures(json.loads(manifest.read_text()))

    assert 5.0 < viewer.value <= 30.0
    assert viewer.reached
    assert page.value > viewer.value
