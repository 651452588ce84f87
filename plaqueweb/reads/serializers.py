"""The shapes of cases, reads and rounds in the API. Answers are built by ``selectors``; these describe them.

Input of drafts is parsed by ``draft_input``: the shapes here are what it accepts.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers as s

from plaqueweb.core.strict import StrictSerializer
from plaqueweb.reads import choices as c
from plaqueweb.reads.draft_shapes import AnswersShape, ClipQualityShape, FrameShape, LesionShape, ScaleIn, ScaleOut
from plaqueweb.studies.choices import ListPurpose, ThicknessFrom
from plaqueweb.studies.serializers import ClipOut

Shape = s.Serializer[Any]


class MissingShape(Shape):
    field = s.CharField()
    words = s.CharField()


class CorrectionShape(Shape):
    """Why a signed read was corrected, and which."""

    kind = s.ChoiceField(choices=c.RevisionKind.choices)
    kind_words = s.CharField()
    reason = s.CharField()
    of = s.UUIDField(help_text="the signed read that is corrected; it stays")
    of_signed_at = s.DateTimeField()
    informed = s.BooleanField(help_text="signed after results were shown: it counts in no blind comparison")


class ReadOut(Shape):
    """A read. After a save, ``frames`` holds only the frames that were saved."""

    id = s.UUIDField()
    state = s.ChoiceField(choices=c.ReadState.choices)
    draft_no = s.IntegerField()
    revision = s.IntegerField()
    answers = AnswersShape()
    lesions = LesionShape(many=True)
    frames = FrameShape(many=True)
    scales = ScaleOut(many=True)
    clips = ClipQualityShape(many=True)
    rule_class = s.IntegerField(allow_null=True)
    rule_reason = s.CharField()
    rule_agrees = s.BooleanField(allow_null=True)
    plaque_present = s.BooleanField(allow_null=True)
    missing = MissingShape(many=True)
    saved_at = s.DateTimeField(allow_null=True)
    signed_at = s.DateTimeField(allow_null=True)
    place = s.DictField(allow_null=True, help_text="clip and frame where the reader was; null once it is signed")
    correction = CorrectionShape(allow_null=True, help_text="of a correction: why, and of which signed read")


class ReadSummaryOut(Shape):
    """A line of the list of reads."""

    id = s.UUIDField()
    reader = s.CharField()
    simulated = s.BooleanField()
    state = s.ChoiceField(choices=c.ReadState.choices)
    revision = s.IntegerField()
    arm = s.ChoiceField(choices=c.Arm.choices)
    reader_class = s.IntegerField(allow_null=True)
    rule_class = s.IntegerField(allow_null=True)
    thickness_mm = s.FloatField(allow_null=True)
    thickness_px = s.FloatField(allow_null=True)
    signed_at = s.DateTimeField(allow_null=True)


class SaveIn(Shape):
    """One save of a draft: only what changed."""

    save_id = s.UUIDField(help_text="made by the client; the same one again stores nothing twice")
    answers = AnswersShape(required=False)
    lesions = LesionShape(many=True, required=False)
    frames = FrameShape(many=True, required=False)
    scales = ScaleIn(many=True, required=False)
    clips = ClipQualityShape(many=True, required=False)


class FramesIn(Shape):
    save_id = s.UUIDField()
    frames = FrameShape(many=True)


class SignIn(StrictSerializer):
    reads = s.ListField(child=s.UUIDField(), min_length=1, max_length=200)
    password = s.CharField(trim_whitespace=False)
    meaning = s.ChoiceField(choices=[(c.SignatureMeaning.AUTHORED.value, c.SignatureMeaning.AUTHORED.label)])


class SignOneIn(StrictSerializer):
    password = s.CharField(trim_whitespace=False)
    meaning = s.ChoiceField(choices=[(c.SignatureMeaning.AUTHORED.value, c.SignatureMeaning.AUTHORED.label)])


class SignedShape(Shape):
    read = s.UUIDField()
    public_id = s.CharField()
    compare_url = s.CharField(allow_null=True)
    second_url = s.CharField(allow_null=True, help_text="where the answer with the model is to be given")


class SignedOut(Shape):
    signed = SignedShape(many=True)


class ThicknessShape(Shape):
    mm = s.FloatField(allow_null=True)
    px = s.FloatField(allow_null=True)
    manual = s.BooleanField(help_text="the mm come from a scale set by hand")


class AssignmentRowOut(Shape):
    """A line of one's own worklist."""

    public_id = s.CharField()
    number = s.IntegerField()
    of = s.IntegerField()
    state = s.ChoiceField(choices=c.AssignmentState.choices)
    stage = s.IntegerField(help_text="2: the answer with the model, or the same frames for all readers")
    arm = s.ChoiceField(choices=c.Arm.choices)
    clips = s.IntegerField()
    scale = s.CharField()
    your_class = s.IntegerField(allow_null=True)
    your_thickness = ThicknessShape()
    active_seconds = s.IntegerField()
    note = s.CharField()
    missing = s.IntegerField(allow_null=True)


class RoundShape(Shape):
    id = s.UUIDField()
    name = s.CharField()
    policy = s.ChoiceField(choices=c.Policy.choices)
    reveal = s.ChoiceField(choices=c.Reveal.choices)
    reveal_words = s.CharField()
    frames = s.ChoiceField(choices=c.Frames.choices)
    hides_verdict = s.BooleanField(help_text="the label rule's verdict is not shown to readers")
    demo = s.BooleanField()


class SegmentShape(Shape):
    key = s.CharField()
    label = s.CharField()  # type: ignore[assignment]


class RuleShape(Shape):
    version = s.CharField()
    thickness_mm = s.FloatField()
    reasons = s.ListField(child=s.CharField())
    words = s.CharField()


class ProtocolShape(Shape):
    version = s.IntegerField()
    segments = SegmentShape(many=True)
    required = s.ListField(child=s.CharField())  # type: ignore[assignment]
    rule = RuleShape()
    thickness_from = s.ChoiceField(choices=ThicknessFrom.choices, help_text="what gives the official thickness")
    marks = s.ListField(child=s.CharField(), help_text="what the index lesion must have: thickness, mask, wall")
    grading = s.DictField(allow_null=True, help_text="id, name, grades; null: no grade is asked")
    questions = s.ListField(child=s.DictField(), help_text="own ones: key, words, kind, required, shown_if, …")
    guide = s.ListField(
        child=s.DictField(), allow_null=True, help_text="sections: title, about, text, pictures; null: no reading guide"
    )


class FirstAnswerShape(Shape):
    """One's own blind answer, once the model is shown."""

    reader_class = s.IntegerField(allow_null=True)
    thickness_mm = s.FloatField(allow_null=True)
    thickness_px = s.FloatField(allow_null=True)


class AheadOut(Shape):
    """Where a clip of the next case is: its bundle, one frame with ``{n}`` (only 1 may be fetched ahead), its size."""

    cine_url = s.CharField()
    frame_url = s.CharField()
    bytes = s.IntegerField()


class AssignmentOut(AssignmentRowOut):
    """Everything the reading page needs of one case."""

    round = RoundShape()
    protocol = ProtocolShape()
    clips = ClipOut(many=True)  # type: ignore[assignment]
    read = ReadOut(allow_null=True)
    frames = s.ListField(
        child=s.ListField(), allow_null=True, help_text="[clip, frame] to mark, in this order; null: free"
    )
    model_url = s.CharField(allow_null=True, help_text="the model's result, where the policy shows it now")
    first_answer = FirstAnswerShape(allow_null=True)
    compare_url = s.CharField(allow_null=True)
    correct_url = s.CharField(allow_null=True, help_text="where the signed answer is corrected, while that is possible")
    worklist_url = s.CharField()
    next_url = s.CharField(allow_null=True)


class SkipIn(StrictSerializer):
    reason = s.CharField(max_length=300)


class CorrectIn(StrictSerializer):
    kind = s.ChoiceField(choices=c.RevisionKind.choices)
    reason = s.CharField(max_length=500)


class PlaceShape(StrictSerializer):
    """Where the reader is in the case."""

    clip = s.UUIDField()
    frame = s.IntegerField(min_value=1)


class ActivityIn(StrictSerializer):
    """Seconds of active reading since the last call, and where the reader is now."""

    seconds = s.IntegerField(min_value=0, max_value=60)
    place = PlaceShape(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a call that says nothing."""
        if not attrs["seconds"] and "place" not in attrs:
            raise s.ValidationError({"seconds": _("Say how long, or where.")})
        return attrs


class ActivityOut(Shape):
    active_seconds = s.IntegerField()


class ProgressShape(Shape):
    """How far one reader is."""

    reader = s.CharField()
    reader_id = s.UUIDField()
    simulated = s.BooleanField()
    cases = s.IntegerField()
    signed = s.IntegerField()
    completed = s.IntegerField()
    opened = s.IntegerField()
    skipped = s.IntegerField()
    left = s.IntegerField()


class RoundOut(RoundShape):
    """A round; ``progress`` only for those who manage it and do not read blind in it."""

    project = s.CharField()
    case_list = s.UUIDField(allow_null=True, help_text="null for who reads blind in it")
    reads_per_case = s.IntegerField(allow_null=True)
    repeats = s.IntegerField(allow_null=True, help_text="null for readers")
    repeat_of = s.UUIDField(allow_null=True, help_text="null for readers")
    washout_days = s.IntegerField(allow_null=True)
    stage_two_at = s.DateTimeField(allow_null=True)
    cases = s.IntegerField()
    opened_at = s.DateTimeField(allow_null=True)
    closed_at = s.DateTimeField(allow_null=True)
    progress = ProgressShape(many=True, allow_null=True)


class RoundIn(StrictSerializer):
    """A new round over a case list, or over studies (which become a frozen one), for some readers."""

    project = s.SlugField()
    name = s.CharField(max_length=120)
    case_list = s.UUIDField(required=False, allow_null=True, default=None)
    studies = s.ListField(child=s.UUIDField(), required=False, default=list, max_length=5000)
    readers = s.ListField(child=s.UUIDField(), min_length=1, max_length=200)
    reveal = s.ChoiceField(choices=c.Reveal.choices, default=c.Reveal.ALL_SIGNED)
    reveal_reason = s.CharField(required=False, default="", allow_blank=True, max_length=300)
    purpose = s.CharField(required=False, default="test")
    protocol = s.UUIDField(required=False, allow_null=True, default=None, help_text="left out: the newest")
    policy = s.ChoiceField(choices=c.Policy.choices, default="blinded", help_text="not: open, practice")
    pipeline = s.UUIDField(required=False, allow_null=True, default=None, help_text="whose result the policy shows")
    frames = s.ChoiceField(choices=c.Frames.choices, default=c.Frames.READER)
    fixed_frames = s.DictField(
        child=s.ListField(child=s.IntegerField(min_value=1), min_length=1), required=False, default=dict,
        help_text="frame numbers by clip id, of frames “fixed”",
    )  # fmt: skip
    reads_per_case = s.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    repeats = s.IntegerField(required=False, default=0, min_value=0, help_text="cases each reader meets twice")
    repeat_of = s.UUIDField(required=False, allow_null=True, default=None)
    washout_days = s.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    practice = s.UUIDField(required=False, allow_null=True, default=None, help_text="a practice set to pass first")
    hides_verdict = s.BooleanField(required=False, default=False, help_text="readers are not told the rule's verdict")
    seed = s.IntegerField(required=False, allow_null=True, default=None, min_value=0)


class ProfileShape(StrictSerializer):
    """What a reader says of the own experience."""

    speciality = s.ChoiceField(choices=c.Speciality.choices)
    years = s.IntegerField(min_value=0, max_value=70)
    tee_count = s.IntegerField(min_value=0, max_value=100_000)


class PracticeResultShape(Shape):
    practice = s.UUIDField()
    name = s.CharField()
    of = s.IntegerField()
    read = s.IntegerField()
    agree = s.IntegerField()
    needed = s.IntegerField()
    pass_mark = s.IntegerField()
    passed = s.BooleanField(allow_null=True)


class FeedbackOut(Shape):
    """One's own answer of a practice case beside the known one."""

    your_class = s.IntegerField()
    your_thickness_mm = s.FloatField(allow_null=True)
    known_class = s.IntegerField()
    known_thickness_mm = s.FloatField(allow_null=True)
    thickness_difference_mm = s.FloatField(allow_null=True)
    agrees = s.BooleanField()
    source = s.CharField()  # type: ignore[assignment]
    result = PracticeResultShape()


class QualificationOut(Shape):
    """Profile and practice results of one reader; empty: not filled in."""

    reader = s.UUIDField()
    name = s.CharField()
    simulated = s.BooleanField()
    speciality = s.CharField()
    speciality_words = s.CharField()
    years = s.IntegerField(allow_null=True)
    tee_count = s.IntegerField(allow_null=True)
    practice = PracticeResultShape(many=True)


class CaseListOut(Shape):
    """A list of studies with one purpose; its hash once it is frozen."""

    id = s.UUIDField()
    project = s.CharField(source="project.slug")
    name = s.CharField()
    purpose = s.ChoiceField(choices=ListPurpose.choices)
    studies = s.IntegerField()
    frozen_at = s.DateTimeField(allow_null=True)
    hash = s.CharField()


class CaseListDetailOut(CaseListOut):
    study_ids = s.ListField(child=s.UUIDField())


class CaseListIn(StrictSerializer):
    project = s.SlugField()
    name = s.CharField(max_length=120)
    purpose = s.ChoiceField(choices=ListPurpose.choices)
    studies = s.ListField(child=s.UUIDField(), required=False, default=list, max_length=5000)


class StudiesIn(StrictSerializer):
    studies = s.ListField(child=s.UUIDField(), min_length=1, max_length=5000)


class ReaderIn(StrictSerializer):
    reader = s.UUIDField()


class AssignmentIn(StrictSerializer):
    assignment = s.UUIDField()


class ReassignIn(AssignmentIn):
    to = s.UUIDField()


class RevealIn(StrictSerializer):
    reason = s.CharField(max_length=300)


class RevealedOut(Shape):
    disclosed = s.IntegerField()


class StageTwoOut(Shape):
    frames = s.IntegerField()


class ManagedAssignmentOut(Shape):
    """A case of a round with its reader, for who manages it: never an answer."""

    id = s.UUIDField()
    study = s.UUIDField()
    study_label = s.CharField()
    reader = s.UUIDField()
    reader_name = s.CharField()
    number = s.IntegerField()
    stage = s.IntegerField()
    repeat = s.IntegerField()
    arm = s.ChoiceField(choices=c.Arm.choices)
    state = s.ChoiceField(choices=c.AssignmentState.choices)
