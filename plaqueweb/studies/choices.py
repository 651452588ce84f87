"""Words that are stored: choices of the study tables."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Segment(models.TextChoices):
    ASCENDING = "ascending", _("Ascending")
    ARCH = "arch", _("Arch")
    DESCENDING = "descending", _("Descending")


class View(models.TextChoices):
    SAX = "SAX", _("short axis")
    LAX = "LAX", _("long axis")
    OBLIQUE = "oblique", _("oblique")
    UNKNOWN = "unknown", _("view not given")


class ClipKind(models.TextChoices):
    STILL = "still", _("still")
    CINE = "cine", _("cine")


class ClipUse(models.TextChoices):
    READ = "read", _("read")
    REFERENCE = "reference", _("reference only")
    ASIDE = "aside", _("set aside")


class ClipState(models.TextChoices):
    STORED = "stored", _("stored")
    HELD = "held", _("held")  # quarantined: a person must look
    REFUSED = "refused", _("refused")


class StoredAs(models.TextChoices):
    AS_IN_FILE = "as_in_file_jpeg", _("stored as in file (JPEG)")
    BLANKED = "jpeg_blanked", _("re-encoded where pixels were blanked (JPEG)")
    LOSSLESS = "png_lossless", _("stored lossless (PNG)")


class CalibrationSource(models.TextChoices):
    US_REGION = "us_region", _("scale from the file")
    MANUAL = "manual", _("scale set by hand")
    NONE = "none", _("no scale in the file")


class ThicknessFrom(models.TextChoices):
    CALIPER_MASK = "caliper_mask", _("caliper, else the mask")
    CALIPER = "caliper", _("caliper only")
    MASK = "mask", _("mask only")


class MarkAsked(models.TextChoices):
    THICKNESS = "thickness", _("Its thickness")
    MASK = "mask", _("It painted on its key frame")
    WALL = "wall", _("The outer wall on its key frame")


class ListPurpose(models.TextChoices):
    TRAIN = "train", _("train")
    TUNE = "tune", _("tune")
    TEST = "test", _("test")
    MONITOR = "monitor", _("monitor")


class DisclosureKind(models.TextChoices):
    AFTER_EACH = "after_each", _("after signing this case")
    ALL_SIGNED = "all_signed", _("after signing all cases")
    ROUND_CLOSED = "round_closed", _("when the round closed")
    MODEL = "model", _("the model’s result, for an answer with it")
    PRACTICE = "practice", _("the known answer of a practice case")


PARTIAL_DISCLOSURES = (DisclosureKind.MODEL, DisclosureKind.PRACTICE)
"""Kinds that show one thing on one page and open nothing else; what is answered after them is informed all the same."""
