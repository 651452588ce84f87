"""The compiled loops are ready before the first result, and where nothing can be kept on disk they still run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np

from inference.kernels import compiled, grid, oval, paint, rays
from inference.measure import ClipMeasurer
from inference.phantom import random_spec, simulate_clip
from inference.preprocess import Canvas, whole_picture
from inference.warm import drawn_labels, warm_up
from tests.inference.kernels.drawn import outputs

ROOT = Path(__file__).resolve().parents[2]


def signatures() -> dict[str, list[Any]]:
    """The kinds of arguments that each loop was compiled for."""
    loops = {
        f"{module.__name__}.{name}": loop
        for module in (grid, oval, paint, rays)
        for name, loop in vars(module).items()
        if isinstance(loop, numba.core.registry.CPUDispatcher)
    }
    return {name: list(loop.signatures) for name, loop in loops.items()}


def test_nothing_is_compiled_after_the_warm_up() -> None:
    warm_up()
    before = signatures()
    for kind in ("none", "thick", "mobile"):
        clip = simulate_clip(random_spec(np.random.default_rng(3), kind), 2)
        rows, columns = clip.frames[0].shape[:2]
        for region in (clip.region, whole_picture(rows, columns, "no scale")):
            canvas = Canvas(region)
            images = np.stack([canvas.frame(frame) for frame in clip.frames])
            labels = np.stack([canvas.labels(frame) for frame in clip.labels])
            logits = np.where(np.arange(4)[:, None, None] == labels[:, None], np.float32(6), np.float32(-6))
            measurer = ClipMeasurer(canvas, (rows, columns))
            results = measurer.measure(0, np.ones(2, np.float32), logits, np.zeros(2, np.bool_), images)
            assert any(result.no_result is None for result in results)
    measurer.measure(0, np.ones(1, np.float32), outputs(7)[None], np.zeros(1, np.bool_), images[:1])
    assert signatures() == before


def test_the_warm_up_goes_through_every_loop_that_measuring_calls() -> None:
    """In a process of its own, since other tests call loops by themselves."""
    program = (
        "from inference.warm import warm_up; warm_up(); import tests.inference.test_warm as t; "
        "print(sorted(name.rsplit('.', 1)[1] for name, kinds in t.signatures().items() if not kinds))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    # The others are parts of these: a loop that is read from disk brings its parts along.
    called = {"cut_vessel", "pieces_of", "rle_of", "free_part", "free_parts", "paint", "counted", "seen_from_middle"}
    called |= {"fitted", "cap", "outline", "chords", "owners", "median_of", "spread", "may_hold_free_part"}
    called |= {"resample", "grey_along", "clear_share", "longest", "bridged"}
    assert not called & set(eval(done.stdout))  # noqa: S307  # a list of names that we printed


def test_the_drawn_vessel_has_a_mobile_part() -> None:
    labels = drawn_labels()

    assert set(np.unique(labels)) == {0, 1, 2, 3}
    assert labels[96, 96 - 6] == 3


def test_a_loop_that_cannot_be_kept_is_compiled_all_the_same(tmp_path: Path) -> None:
    """Code that has no file has no place beside it; the folders that are left are no folders."""
    program = (
        "from inference.kernels import compiled\n"
        "space = {}\n"
        "exec('def twice(x):\\n    return 2 * x\\n', space)\n"
        "twice = compiled(space['twice'])\n"
        "assert twice(21) == 42 and twice.nopython_signatures\n"
    )
    blocked = tmp_path / "file"
    blocked.write_text("")
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(blocked / "x"),
        "HOME": str(blocked),
        "XDG_CACHE_HOME": str(blocked),
    }
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)


def test_loops_are_kept_where_the_environment_says(tmp_path: Path) -> None:
    program = "import numpy as np; from inference.kernels import rays; rays.spread(np.ones(5), 3, True)"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)

    assert list(tmp_path.rglob("*.nbi"))
    assert compiled.__name__ == "compiled"
