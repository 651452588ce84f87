"""The shapes of what a draft holds, in the API: what ``draft_input`` accepts, and what is shown of it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from plaqueweb.reads import choices as c
from plaqueweb.studies.choices import Segment

Shape = s.Serializer[Any]


class FindingShape(Shape):
    """What was seen in one segment; null is unanswered."""

    visibility = s.ChoiceField(choices=c.Visibility.choices, allow_null=True)
    plaque = s.ChoiceField(choices=c.PlaqueAnswer.choices, allow_null=True)


class AnswersShape(Shape):
    """Answers about the study; partial on input, findings are merged per segment."""

    reader_class = s.ChoiceField(choices=c.PlaqueClass.choices, allow_null=True)
    quality = s.ChoiceField(choices=c.Quality.choices, allow_null=True)
    quality_reasons = s.ListField(child=s.ChoiceField(choices=c.QualityReason.choices))
    confidence = s.ChoiceField(choices=c.Confidence.choices, allow_null=True)
    conflict_reason = s.ChoiceField(choices=c.ConflictReason.choices, allow_null=True)
    note = s.CharField(allow_blank=True)
    findings = s.DictField(child=FindingShape())
    own = s.DictField(help_text="answers to the protocol's own questions by key; merged; null takes one back")


class LesionShape(Shape):
    """One plaque. Thickness is computed by the server and ignored on input."""

    number = s.IntegerField()
    segment = s.ChoiceField(choices=Segment.choices, allow_null=True)
    is_index = s.BooleanField()
    key_clip = s.UUIDField(allow_null=True)
    key_frame = s.IntegerField(allow_null=True)
    key_region = s.IntegerField(allow_null=True)
    ulceration = s.ChoiceField(choices=c.Reason.choices, allow_null=True)
    mobile = s.ChoiceField(choices=c.Reason.choices, allow_null=True)
    thrombus = s.ChoiceField(choices=c.Reason.choices, allow_null=True)
    grade = s.IntegerField(allow_null=True, required=False, help_text="derived by the protocol's scheme")
    grade_given = s.IntegerField(allow_null=True, help_text="the reader's own, which overrules it")
    thickness_mm = s.FloatField(allow_null=True, required=False)
    thickness_px = s.FloatField(allow_null=True, required=False)
    thickness_source = s.ChoiceField(choices=c.ThicknessSource.choices, allow_null=True, required=False)
    manual_scale = s.BooleanField(allow_null=True, required=False, help_text="the mm come from a scale set by hand")


class PointField(s.ListField):
    """A point as [x, y] in image pixels."""

    child = s.FloatField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=2, max_length=2, **kwargs)


class CaliperShape(Shape):
    """A caliper in image pixels, origin top left, pixel centres at +0.5. Lengths are the server's."""

    id = s.UUIDField(help_text="made by the client")
    kind = s.ChoiceField(choices=c.CaliperKind.choices)
    lesion = s.IntegerField(allow_null=True)
    points = s.ListField(
        child=s.ListField(child=s.FloatField(), min_length=2, max_length=2), min_length=2, max_length=2
    )
    mm = s.FloatField(allow_null=True, required=False)
    px = s.FloatField(required=False)
    why_no_mm = s.CharField(required=False)
    scale = s.CharField(required=False, help_text="“manual” where the reader set the scale by hand, else left out")


class MaskShape(Shape):
    """A mask as row-major run lengths, the run of zeros first."""

    size = s.ListField(child=s.IntegerField(), min_length=2, max_length=2)
    rle = s.ListField(child=s.IntegerField(min_value=0))


class AreaShape(Shape):
    px = s.IntegerField()
    mm2 = s.FloatField(allow_null=True)
    scale = s.CharField(required=False, help_text="“manual” where the reader set the scale by hand, else left out")
    source = s.ChoiceField(choices=c.MaskSource.choices)  # type: ignore[assignment]


class FrameShape(Shape):
    """All marks of one frame. A frame with nothing on it is removed."""

    clip = s.UUIDField()
    frame = s.IntegerField(min_value=1)
    region = s.IntegerField(min_value=1)
    extent = s.ChoiceField(choices=c.Extent.choices, allow_null=True)
    outline = s.ListField(child=PointField(), allow_null=True)
    calipers = CaliperShape(many=True)
    masks = s.DictField(child=MaskShape(), help_text="by lesion number; left out: the stored ones stay")
    areas = s.DictField(child=AreaShape(), required=False, help_text="by lesion number; computed by the server")
    source = s.ChoiceField(  # type: ignore[assignment]
        choices=c.MaskSource.choices, required=False, help_text="of all masks that ``sources`` does not name"
    )
    sources = s.DictField(
        child=s.ChoiceField(choices=c.MaskSource.choices), required=False, help_text="where each mask comes from"
    )


class ScaleLineShape(Shape):
    """A line whose length is known, as two points in image pixels."""

    points = s.ListField(child=PointField(), min_length=2, max_length=2)
    mm = s.FloatField()


class ScaleIn(Shape):
    """The scale of one region set by hand: one line, or one down and one across; no line takes it back."""

    clip = s.UUIDField()
    region = s.IntegerField(min_value=1)
    lines = ScaleLineShape(many=True)


class ScaleOut(ScaleIn):
    """What the server made of it: mm per pixel down and across."""

    row_mm = s.FloatField()
    col_mm = s.FloatField()
    method = s.ChoiceField(choices=c.ScaleMethod.choices)
    at = s.DateTimeField()


class ClipQualityShape(Shape):
    """How well one clip can be read; null takes it back."""

    clip = s.UUIDField()
    quality = s.ChoiceField(choices=c.Quality.choices, allow_null=True)
    reasons = s.ListField(child=s.ChoiceField(choices=c.QualityReason.choices))
