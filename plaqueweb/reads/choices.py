"""Words that are stored: choices of rounds and reads."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Policy(models.TextChoices):
    BLINDED = "blinded", _("blinded")
    AI_ASSISTED = "ai_assisted", _("AI-assisted: blind answer first, then with the model")
    CONCURRENT = "concurrent", _("concurrent: the model is shown from the start")
    PRACTICE = "practice", _("practice set: the known answer after each case")
    OPEN = "open", _("imported, blinding unknown")  # reads from elsewhere: nobody is blinded by it


class Reveal(models.TextChoices):
    NEVER = "never", _("never")
    ROUND_CLOSED = "round_closed", _("when the round is closed")
    ALL_SIGNED = "all_signed", _("when you have signed all cases")
    AFTER_EACH = "after_each", _("after you have signed a case")


class Frames(models.TextChoices):
    READER = "reader", _("the reader’s choice")
    FIXED = "fixed", _("fixed: named for each clip")
    TWO_STAGES = "two_stages", _("both, in two stages")


class AssignmentState(models.TextChoices):
    ASSIGNED = "assigned", _("to read")
    OPENED = "opened", _("open")
    COMPLETED = "completed", _("completed")
    SIGNED = "signed", _("signed")
    SKIPPED = "skipped", _("skipped")
    WITHDRAWN = "withdrawn", _("withdrawn")
    REASSIGNED = "reassigned", _("reassigned")


class Speciality(models.TextChoices):
    CARDIOLOGY = "cardiology", _("Cardiology")
    ANAESTHESIOLOGY = "anaesthesiology", _("Cardiac anaesthesiology")
    SURGERY = "surgery", _("Cardiac surgery")
    RADIOLOGY = "radiology", _("Radiology")
    NEUROLOGY = "neurology", _("Neurology")
    SONOGRAPHY = "sonography", _("Sonography")
    TRAINING = "training", _("In training")
    OTHER = "other", _("Other")


class ReadState(models.TextChoices):
    DRAFT = "draft", _("draft")
    COMPLETED = "completed", _("completed")
    SIGNED = "signed", _("signed")


class PlaqueClass(models.IntegerChoices):
    NOT_COMPLEX = 0, _("Not complex")
    COMPLEX = 1, _("Complex")
    CANNOT_ASSESS = 9, _("Can’t assess")


class Quality(models.TextChoices):
    GOOD = "good", _("Good")
    LIMITED = "limited", _("Limited")
    UNUSABLE = "unusable", _("Unusable")


class QualityReason(models.TextChoices):
    GAIN = "gain", _("Gain")
    SHADOW = "shadow", _("Shadow")
    NEAR_FIELD = "near_field", _("Near field")
    OBLIQUE = "oblique", _("Oblique cut")
    MOTION = "motion", _("Motion")
    CUT_OFF = "cut_off", _("Cut off")
    OVERLAY = "overlay", _("Colour or text over it")


class ConflictReason(models.TextChoices):
    MEASURE = "measure", _("The measured thickness is not the plaque’s (oblique cut, artefact)")
    ELSEWHERE = "elsewhere", _("Seen better where it could not be measured")
    NEAR = "near", _("Too near the limit to follow it")
    SHAPE = "shape", _("Shape or movement that the rule does not count")
    IMPRESSION = "impression", _("The study as a whole says otherwise")
    OTHER = "other", _("Another reason, in the note")


class Confidence(models.TextChoices):
    SURE = "sure", _("Sure")
    PROBABLE = "probable", _("Probable")
    UNSURE = "unsure", _("Unsure")


class Visibility(models.TextChoices):
    WELL = "well", _("Well")
    PARTLY = "partly", _("Partly")
    NOT = "not", _("Not")


class PlaqueAnswer(models.TextChoices):
    NONE = "none", _("None")
    PRESENT = "present", _("Present")
    UNCLEAR = "unclear", _("Cannot tell")


class Reason(models.TextChoices):
    YES = "yes", _("Yes")
    NO = "no", _("No")
    UNCLEAR = "unclear", _("Cannot tell")


class Extent(models.TextChoices):
    ALL_MARKED = "all_marked", _("all plaque marked")
    INDEX_ONLY = "index_only", _("index lesion only")
    NO_PLAQUE = "no_plaque", _("examined, no plaque")
    UNUSABLE = "unusable", _("unusable")


class CaliperKind(models.TextChoices):
    THICKNESS = "thickness", _("Thickness")
    PROTRUSION = "protrusion", _("Protrusion")
    ULCER_DEPTH = "ulcer_depth", _("Ulcer depth")
    ULCER_WIDTH = "ulcer_width", _("Ulcer width")
    DIAMETER = "diameter", _("Aortic diameter")


class MaskSource(models.TextChoices):
    DRAWN = "drawn", _("drawn")
    COPIED = "copied", _("copied")
    INTERPOLATED = "interpolated", _("interpolated between two frames")
    THRESHOLD = "threshold", _("painted where grey allows it")
    GROWN = "grown", _("grown from a point")
    PROPAGATED = "propagated", _("carried from another frame by optical flow, and accepted")
    MIXED = "mixed", _("different by lesion")  # of a frame only: each of its masks has its own
    IMPORTED = "imported", _("imported")
    SIMULATED = "simulated", _("simulated")


class ScaleMethod(models.TextChoices):
    ONE_LINE = "one_line", _("one known length, the same in every direction")
    TWO_LINES = "two_lines", _("one known length down and one across")


class ThicknessSource(models.TextChoices):
    CALIPER = "caliper", _("caliper")
    MASK = "mask", _("from mask")
    IMPORTED = "imported", _("imported")


class Arm(models.TextChoices):
    BLIND = "blind", _("blind")
    AIDED = "aided", _("with the model, after a blind answer")
    CONCURRENT = "concurrent", _("with the model from the start")
    UNKNOWN = "unknown", _("imported, blinding unknown")
    INFORMED = "informed", _("corrected after results were shown")  # of a read only, never of a case


class RevisionKind(models.TextChoices):
    """Why a signed read is corrected."""

    SLIP = "slip", _("Slip of the hand")
    OPINION = "opinion", _("Changed opinion")
    TECHNICAL = "technical", _("Technical fault")


class SignatureMeaning(models.TextChoices):
    AUTHORED = "authored", _("I read these cases myself, and these are my answers.")
    IMPORTED = "imported", _("Imported from elsewhere.")
    CORRECTED = "corrected", _("I correct my own answer for the reason given, and this is my answer now.")


ARM_OF_POLICY = {
    Policy.BLINDED: Arm.BLIND,
    Policy.AI_ASSISTED: Arm.BLIND,
    Policy.CONCURRENT: Arm.CONCURRENT,
    Policy.PRACTICE: Arm.BLIND,
    Policy.OPEN: Arm.UNKNOWN,
}
"""The arm of a first answer under each policy."""
MODEL_ARMS = (Arm.AIDED, Arm.CONCURRENT)
"""Arms whose reader saw a model’s result: their reads never count as blind."""
