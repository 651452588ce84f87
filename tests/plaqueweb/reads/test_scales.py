"""A scale set by hand: worked out by the server, kept with the read, and used for the reader's own numbers only."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid
from plaqueweb.reads.models import FrameAnnotation, FrameMask, Lesion, ManualScale, Read
from plaqueweb.reads.scales import spacing_from_lines
from plaqueweb.reads.selectors import assignment_rows, read_payload
from plaqueweb.reads.signing import verify_read
from plaqueweb.studies.models import Clip, Region
from tests.factories import member
from tests.plaqueweb.reads.helpers import (
    COMPLETE,
    box_mask,
    caliper,
    case,
    complete,
    frame,
    lesion,
    opened,
    save,
    sign,
)

NO_SCALE = {
    "region__row_mm": None, "region__col_mm": None, "region__source": "none", "region__valid": False,
}  # fmt: skip
DOWN = {"points": [[60, 4], [60, 44]], "mm": 20.0}  # 0.5 mm a pixel
ACROSS = {"points": [[4, 46], [54, 46]], "mm": 10.0}  # 0.2 mm a pixel


def scale(clip: Clip, *lines: dict[str, Any], region: int = 1) -> dict[str, Any]:
    return {"clip": str(clip.pk), "region": region, "lines": list(lines)}


@given(
    row=st.floats(0.05, 1.0), col=st.floats(0.05, 1.0), length=st.floats(60, 300),
    tilt=st.floats(-0.3, 0.3), other=st.floats(-0.3, 0.3),
)  # fmt: skip
def test_two_lines_give_both_scales_back_however_they_are_tilted(
    row: float, col: float, length: float, tilt: float, other: float
) -> None:
    def line(dx: float, dy: float) -> tuple[Any, float]:
        return ((10.0, 10.0), (10.0 + dx, 10.0 + dy)), math.hypot(dx * col, dy * row)

    lines = [
        line(length * math.sin(tilt), length * math.cos(tilt)),
        line(length * math.cos(other), length * math.sin(other)),
    ]

    found = spacing_from_lines(lines, where="here")

    assert found == pytest.approx((row, col), rel=1e-6)


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([((0.0, 0.0), (0.0, 19.0), 10.0)], "scale-line"),
        ([((0.0, 0.0), (0.0, 100.0), 0.5)], "scale-line"),
        ([((0.0, 0.0), (0.0, 100.0), 501.0)], "scale-line"),
        ([((0.0, 0.0), (0.0, 40.0), 400.0)], "scale-range"),
        ([((0.0, 0.0), (0.0, 100.0), 20.0), ((5.0, 0.0), (9.0, 100.0), 20.0)], "scale-axes"),
    ],
)
def test_lines_that_give_no_scale_are_refused_by_rule(lines: list[Any], rule: str) -> None:
    with pytest.raises(Invalid) as caught:
        spacing_from_lines([((a, b), mm) for a, b, mm in lines], where="here")

    assert caught.value.rule == rule


@pytest.mark.django_db
class TestSaved:
    def test_a_scale_by_hand_measures_what_was_drawn_before_and_after(self) -> None:
        assignment, clip = case(**NO_SCALE)
        read = opened(assignment)
        save(read, lesions=[lesion()], frames=[frame(clip, 2, calipers=[caliper(10, 10, 10, 20)])])

        save(read, scales=[scale(clip, DOWN)])
        save(read, frames=[frame(clip, 3, calipers=[caliper(10, 10, 10, 16, kind="diameter", lesion=None)])])

        first, second = (row.calipers[0] for row in FrameAnnotation.objects.order_by("frame"))
        assert (first["mm"], first["scale"], first["why_no_mm"]) == (pytest.approx(5.0), "manual", "")
        assert (second["mm"], second["scale"]) == (pytest.approx(3.0), "manual")
        row = Lesion.objects.get()
        assert (row.thickness_mm, row.manual_scale) == (pytest.approx(5.0), True)

    def test_per_axis_and_the_area_of_masks(self) -> None:
        assignment, clip = case(**NO_SCALE)
        read = opened(assignment)
        masks = {"1": box_mask(10, 20, 10, 30)}
        save(read, lesions=[lesion()], frames=[frame(clip, 1, extent="all_marked", masks=masks)])

        save(read, scales=[scale(clip, DOWN, ACROSS)])

        area = FrameMask.objects.get().areas["1"]
        assert area == {"px": 200, "mm2": pytest.approx(200 * 0.5 * 0.2), "scale": "manual", "source": "drawn"}
        stored = ManualScale.objects.get()
        assert (stored.method, stored.by, stored.at is not None) == ("two_lines", assignment.reader, True)
        assert AuditEvent.objects.filter(verb="read.scale-set").count() == 1

    def test_taken_back_the_numbers_are_pixels_again(self) -> None:
        assignment, clip = case(**NO_SCALE)
        read = opened(assignment)
        save(read, lesions=[lesion()], frames=[frame(clip, calipers=[caliper(10, 10, 10, 20)])])
        save(read, scales=[scale(clip, DOWN)])

        save(read, scales=[scale(clip)])

        kept = FrameAnnotation.objects.get().calipers[0]
        assert (kept["mm"], kept["px"], kept["why_no_mm"]) == (None, 10.0, "no scale in the file")
        assert "scale" not in kept
        assert not ManualScale.objects.exists()

    def test_the_region_of_the_file_stays_and_others_see_no_scale(self) -> None:
        assignment, clip = case(**NO_SCALE)
        read = opened(assignment)
        save(read, scales=[scale(clip, DOWN)])
        other = opened(type(assignment).objects.create(
            round=assignment.round, study=assignment.study, order_no=1,
            reader=member(assignment.round.project, "reader"),
        ))  # fmt: skip

        theirs = save(other, frames=[frame(clip, calipers=[caliper(10, 10, 10, 20, kind="diameter", lesion=None)])])

        assert Region.objects.get().row_mm is None
        assert read_payload(theirs)["scales"] == []
        assert FrameAnnotation.objects.get(read=other).calipers[0]["mm"] is None

    def test_a_scale_of_the_file_is_not_overruled(self) -> None:
        assignment, clip = case()
        read = opened(assignment)

        with pytest.raises(Invalid) as caught:
            save(read, scales=[scale(clip, DOWN)])

        assert caught.value.rule == "scale-in-file"

    def test_each_half_of_a_biplane_picture_has_its_own(self) -> None:
        half = {"region__x1": 31, **NO_SCALE}
        assignment, clip = case(**half)
        Region.objects.create(clip=clip, number=2, x0=32, y0=0, x1=63, y1=47, source="none", valid=False)
        read = opened(assignment)
        left, right = {"points": [[4, 2], [4, 42]], "mm": 20.0}, {"points": [[40, 2], [40, 42]], "mm": 8.0}
        halves = [
            frame(clip, 1, calipers=[caliper(10, 10, 10, 20, kind="diameter", lesion=None)]),
            frame(clip, 1, region=2, calipers=[caliper(40, 10, 40, 20, kind="diameter", lesion=None)]),
        ]

        save(read, scales=[scale(clip, left), scale(clip, right, region=2)], frames=halves)

        mm = [row.calipers[0]["mm"] for row in FrameAnnotation.objects.order_by("region")]
        assert mm == [pytest.approx(5.0), pytest.approx(2.0)]
        with pytest.raises(Invalid) as caught:
            save(read, scales=[scale(clip, right)])
        assert caught.value.rule == "scale-two-regions"

    def test_signed_with_the_read_and_immutable(self) -> None:
        assignment, clip = case(**NO_SCALE)
        read = opened(assignment)
        marks = [frame(clip, calipers=[caliper(10, 10, 10, 20)])]
        save(read, answers=COMPLETE, lesions=[lesion()], frames=marks, scales=[scale(clip, DOWN)])
        complete(read)
        signed = sign(read)[0]

        assert (signed.thickness_mm, signed.manual_scale) == (pytest.approx(5.0), True)
        assert verify_read(Read.objects.get())
        assert assignment_rows([assignment], user=assignment.reader)[0]["your_thickness"]["manual"] is True
        with pytest.raises(DatabaseError), transaction.atomic():
            ManualScale.objects.update(row_mm=0.1)
        with pytest.raises(DatabaseError), transaction.atomic():
            ManualScale.objects.all().delete()
