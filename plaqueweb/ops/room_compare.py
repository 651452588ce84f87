"""One comparison in a reading room: a signed read of a simulated reader beside a simulated pipeline, on a large clip.

``python -m plaqueweb.ops.room_compare`` adds it to the room's database and prints the page's path as JSON.
"""

from __future__ import annotations

import io
import json
import math
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from inference.types import ClipResult, FrameResult
    from plaqueweb.studies.models import Clip

SLUG = "room-compared"
ROWS, COLUMNS, FRAMES = 600, 800, 100
SPACING_MM = 0.2
PAINTED = range(20, 80)
"""Frames that the simulated reader marked; the pipeline marked all."""


def _plaque(frame: int, radius: float) -> NDArray[np.bool_]:
    """A disc at the foot of the ring that ``room.moving`` draws, swaying with it."""
    phase = 2 * math.pi * (frame - 1) / FRAMES
    x, y = COLUMNS / 2 + 0.02 * COLUMNS * math.sin(phase), 0.5 * ROWS + 0.015 * ROWS * math.cos(phase) + 0.234 * ROWS
    yy, xx = np.mgrid[:ROWS, :COLUMNS]
    inside: NDArray[np.bool_] = (xx - x) ** 2 + (yy - y) ** 2 < radius**2
    return inside


def _read_body(clip: str) -> dict[str, Any]:
    from inference.types import rle_encode

    unseen = {"visibility": "not", "plaque": None}
    reasons = dict.fromkeys(("ulceration", "mobile", "thrombus"), "no")
    lesion = {
        "number": 1, "segment": "descending", "is_index": True, "key_clip": clip, "key_frame": 50, "key_region": 1,
        **reasons,
    }  # fmt: skip
    caliper = {
        "id": str(uuid.uuid4()), "kind": "thickness", "lesion": 1, "points": [[400.0, 420.0], [400.0, 445.0]],
    }  # fmt: skip
    frames = [
        {
            "clip": clip, "frame": frame, "region": 1, "extent": "all_marked",
            "calipers": [caliper] if frame == 50 else [],
            "masks": {"1": {"size": [ROWS, COLUMNS], "rle": [int(n) for n in rle_encode(_plaque(frame, 40.0))]}},
        }
        for frame in PAINTED
    ]  # fmt: skip
    findings = dict.fromkeys(("ascending", "arch"), unseen)
    findings["descending"] = {"visibility": "well", "plaque": "present"}
    answers = {"reader_class": 1, "quality": "good", "confidence": "sure", "note": "", "findings": findings}
    return {"answers": answers, "lesions": [lesion], "frames": frames}


def _frame_result(number: int) -> FrameResult:
    from inference.types import FrameResult, rle_encode

    plaque = _plaque(number, 36.0)
    area = int(plaque.sum())
    nothing = rle_encode(np.zeros_like(plaque))
    return FrameResult(
        frame=number, probability_complex=0.8, plaque_area_px=area, plaque_area_mm2=area * SPACING_MM**2,
        max_thickness_mm=4.6, max_thickness_px=23.0, lumen_area_px=0, plaque_rle=rle_encode(plaque),
        lumen_rle=nothing, wall_rle=nothing,
    )  # fmt: skip


def _clip_result() -> ClipResult:
    from inference.types import ClipResult, RegionBox

    frames = [_frame_result(number) for number in range(1, FRAMES + 1)]
    box = RegionBox(
        number=1, x0=0, y0=0, x1=COLUMNS - 1, y1=ROWS - 1, row_mm=SPACING_MM, col_mm=SPACING_MM, source="us_region",
        valid=True, reason="", view="SAX",
    )  # fmt: skip
    return ClipResult(
        frames=FRAMES, rows=ROWS, columns=COLUMNS, region=box, spacing_mm=(SPACING_MM, SPACING_MM),
        probability_complex=0.8, predicted_class=1, rule_verdict=1, max_thickness_mm=4.6, key_frame=50,
        key_chord=((400.0, 420.0), (400.0, 443.0)), thickness_method="simulated",
        max_plaque_area_mm2=frames[49].plaque_area_mm2, max_plaque_area_px=frames[49].plaque_area_px, reason="",
        per_frame=frames, device="none: simulated", gated_frames=FRAMES, engine="simulated",
    )  # fmt: skip


def _predict(clip: Clip) -> None:
    from plaqueweb.core.models import ObjectKind
    from plaqueweb.core.storage import put_file
    from plaqueweb.jobs.rows import clip_row, packed_masks, study_row
    from plaqueweb.predictions.models import ClipPrediction, Prediction
    from plaqueweb.predictions.simulated import record_simulated_predictions, register_simulated_pipeline

    study = clip.study
    pipeline = register_simulated_pipeline(
        project=study.project, name="Room", version="1", threshold=0.5, traits={"drawn": "discs"}
    )
    result = _clip_result()
    masks = put_file(source=io.BytesIO(packed_masks(result)), project_id=study.project_id, kind=ObjectKind.MASKS)
    row = study_row([(clip, result)], threshold=0.5, content_hash=study.content_hash, seconds=0.0)
    prediction = Prediction(
        job_id=uuid.uuid4(), pipeline=pipeline, study=study, content_no=study.content_no, **row
    )  # fmt: skip
    part = ClipPrediction(prediction=prediction, **clip_row(clip, result, masks=masks))
    record_simulated_predictions(pipeline=pipeline, rows=[(prediction, [part])])


def fill_comparison() -> str:
    """Make a synthetic project with one read and predicted study; the room's reader coordinates it. Return the path."""
    from plaqueweb.accounts.models import User
    from plaqueweb.accounts.roles import Role
    from plaqueweb.accounts.services import create_user, set_roles
    from plaqueweb.ops.room import EMAIL, bundles_of, store_study
    from plaqueweb.reads.choices import Policy, Reveal
    from plaqueweb.reads.models import Assignment
    from plaqueweb.reads.rounds import create_round
    from plaqueweb.reads.simulated import record_simulated_read
    from plaqueweb.review.services import case_for
    from plaqueweb.studies.models import Protocol
    from plaqueweb.studies.services import create_case_list, create_project

    project = create_project(slug=SLUG, name="Compared", by=None, is_synthetic=True)
    set_roles(project=project, user=User.objects.get(email=EMAIL), roles=[Role.COORDINATOR], by=None)
    drawn = create_user(
        email="drawn@room.plaqueweb.example", name="Drawn reader", password=None, by=None, is_simulated=True
    )
    set_roles(project=project, user=drawn, roles=[Role.READER], by=None)
    study = store_study(project, 1, ["large"], bundles_of([["large"]]))
    listed = create_case_list(project=project, name="Compared", purpose="test", studies=[study], by=None)
    round_ = create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=listed, name="Compared",
        readers=[drawn], policy=Policy.BLINDED, reveal=Reveal.ALL_SIGNED, seed=1, by=None,
    )  # fmt: skip
    assignment = Assignment.objects.select_related("reader", "study", "round__protocol").get(round=round_)
    clip = study.clips.prefetch_related("regions").get()
    _predict(clip)
    record_simulated_read(assignment=assignment, **_read_body(str(clip.pk)))
    return f"/p/{SLUG}/cases/{case_for(round=round_, study=study).pk}/"


def main() -> None:
    """Fill the room named by the environment."""
    import django

    django.setup()
    print(json.dumps(fill_comparison()))


if __name__ == "__main__":
    main()
