"""A protocol's reading guide: sections with a title, what they are about, text, and pictures.

Stored as a list of plain objects in the protocol version, frozen with it; ``parse_guide`` is the only door to it. Text
is plain: a blank line parts paragraphs, lines that begin with "- " are a list. A picture is named by the hash of its
bytes, so the hash of the guide covers its pictures too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid
from plaqueweb.studies.models import GuidePicture, Project, Protocol

SHA256 = re.compile(r"[0-9a-f]{64}\Z")
UNUSED = timedelta(days=7)
"""How long a picture that no version shows is kept: long enough for whoever writes the guide over a week."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class About(models.TextChoices):
    """What a section is about: the guide opens at the section that fits what the reader is at."""

    GENERAL = "", gettext_lazy("in general")
    FINDINGS = "findings", gettext_lazy("segments: seen, plaque")
    LESIONS = "lesions", gettext_lazy("lesions")
    THICKNESS = "thickness", gettext_lazy("thickness, calipers")
    ULCERATION = "ulceration", gettext_lazy("ulceration")
    MOBILE = "mobile", gettext_lazy("mobile part")
    THROMBUS = "thrombus", gettext_lazy("thrombus")
    GRADE = "grade", gettext_lazy("grade")
    MARKING = "marking", gettext_lazy("painting, outer wall")
    CLASS = "class", gettext_lazy("study class")
    QUALITY = "quality", gettext_lazy("quality")
    CONFIDENCE = "confidence", gettext_lazy("confidence")
    QUESTIONS = "questions", gettext_lazy("own questions")


def parse_guide(given: Any) -> list[dict[str, Any]]:
    """Return a guide as it is stored, or say which section breaks which rule.

    Args:
        given: a list of objects: ``title``, ``about`` (of ``About``, "" in general), ``text``, ``pictures``, a list of
            objects with ``sha256`` (see ``ingest.guide_pictures``), ``caption`` and ``alt``, what it shows to somebody
            who cannot see it. Other keys of a picture are left out.

    Raises:
        Invalid: rules ``guide-shape``, ``guide-many``, ``guide-title``, ``guide-about``, ``guide-text``,
            ``guide-empty``, ``guide-pictures``, ``guide-caption``, ``guide-alt``, ``guide-length``.
    """
    if not isinstance(given, list) or not all(isinstance(item, Mapping) for item in given):
        raise Invalid(_("The reading guide must be a list of sections."), rule="guide-shape")
    if len(given) > limits.GUIDE_SECTIONS:
        raise Invalid(
            _("A reading guide has at most %(n)d sections.") % {"n": limits.GUIDE_SECTIONS}, rule="guide-many"
        )
    found = [_section(item, number) for number, item in enumerate(given, 1)]
    length = sum(len(str(value)) for row in found for value in (row["title"], row["text"], *_words_of(row)))
    if length > limits.GUIDE_CHARACTERS:
        words = _("All text of a reading guide together has at most %(n)d characters; here are %(found)d.")
        raise Invalid(words % {"n": limits.GUIDE_CHARACTERS, "found": length}, rule="guide-length")
    return found


def _words_of(section: Mapping[str, Any]) -> list[str]:
    return [picture[key] for picture in section["pictures"] for key in ("caption", "alt")]


def _section(item: Mapping[str, Any], number: int) -> dict[str, Any]:
    title = _line(item.get("title", ""), number, "guide-title", _("the title"), limits.GUIDE_TITLE_CHARACTERS)
    if not title:
        raise _wrong(number, _("it needs a title"), "guide-title")
    about = item.get("about", "")
    if about not in About.values:
        raise _wrong(number, _("choose what it is about among those on the page"), "guide-about")
    text = item.get("text", "")
    if not isinstance(text, str) or len(text) > limits.GUIDE_TEXT_CHARACTERS:
        words = _("the text has at most %(n)d characters") % {"n": limits.GUIDE_TEXT_CHARACTERS}
        raise _wrong(number, words, "guide-text")
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    pictures = item.get("pictures", [])
    if not isinstance(pictures, list) or not all(isinstance(one, Mapping) for one in pictures):
        raise _wrong(number, _("its pictures must be a list"), "guide-shape")
    if len(pictures) > limits.GUIDE_PICTURES:
        words = _("a section shows at most %(n)d pictures") % {"n": limits.GUIDE_PICTURES}
        raise _wrong(number, words, "guide-pictures")
    if not text and not pictures:
        raise _wrong(number, _("write a text or add a picture, or remove the section"), "guide-empty")
    return {
        "title": title,
        "about": str(about),
        "text": text,
        "pictures": [_picture(one, number, at) for at, one in enumerate(pictures, 1)],
    }


def _picture(item: Mapping[str, Any], number: int, at: int) -> dict[str, Any]:
    digest = item.get("sha256")
    if not isinstance(digest, str) or not SHA256.match(digest):
        raise _wrong(number, _("picture %(n)d is not uploaded") % {"n": at}, "guide-pictures")
    most = limits.GUIDE_CAPTION_CHARACTERS
    caption = _line(
        item.get("caption", ""), number, "guide-caption", _("the caption of picture %(n)d") % {"n": at}, most
    )
    what = _("the alternative text of picture %(n)d") % {"n": at}
    alt = _line(item.get("alt", ""), number, "guide-alt", what, most)
    if not alt:
        words = _("picture %(n)d needs an alternative text: what it shows, for somebody who cannot see it") % {"n": at}
        raise _wrong(number, words, "guide-alt")
    return {"sha256": digest, "caption": caption, "alt": alt}


def _line(given: Any, number: int, rule: str, what: str, most: int) -> str:
    """One line of text, with single blanks."""
    text = " ".join(_CONTROL.sub(" ", given).split()) if isinstance(given, str) else None
    if text is None or len(text) > most:
        raise _wrong(number, _("%(what)s has at most %(n)d characters") % {"what": what, "n": most}, rule)
    return text


def _wrong(number: int, words: str, rule: str) -> Invalid:
    return Invalid(_("Reading guide, section %(n)d: %(words)s.") % {"n": number, "words": words}, rule=rule)


def with_pictures(project: Project, guide: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a parsed guide with the size of each picture, as its row has it.

    Raises:
        Invalid: the project has no such picture (rule ``guide-pictures``).
    """
    wanted = {picture["sha256"] for section in guide for picture in section["pictures"]}
    rows = GuidePicture.objects.filter(project=project, stored__sha256__in=wanted).select_related("stored")
    known = {row.stored.sha256: {"width": row.width, "height": row.height} for row in rows} if wanted else {}
    for number, section in enumerate(guide, 1):
        for at, picture in enumerate(section["pictures"], 1):
            if picture["sha256"] not in known:
                raise _wrong(number, _("picture %(n)d is not here any more: upload it again") % {"n": at},
                             "guide-pictures")  # fmt: skip
    return [
        {**section, "pictures": [{**picture, **known[picture["sha256"]]} for picture in section["pictures"]]}
        for section in guide
    ]


def picture_url(slug: str, digest: str) -> str:
    """Return where a picture of a project's guides is."""
    return reverse("guide-picture", args=[slug, digest])


def guide_payload(protocol: Protocol, project: Project) -> list[dict[str, Any]] | None:
    """Return the guide for the reader's page; None where the version has none."""
    if not protocol.guide:
        return None
    return [
        {**row, "pictures": [{**one, "url": picture_url(project.slug, one["sha256"])} for one in row["pictures"]]}
        for row in protocol.guide
    ]


def guide_sha256(protocol: Protocol) -> str:
    """Return the hash of a version's guide with its pictures, as hex digits; "" where there is none."""
    if not protocol.guide:
        return ""
    text = json.dumps(protocol.guide, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def guide_words(protocol: Protocol) -> str:
    """Return how much a version's guide holds, in words; "" where there is none."""
    sections = protocol.guide or []
    if not sections:
        return ""
    pictures = sum(len(section["pictures"]) for section in sections)
    words = ngettext("%(n)d section", "%(n)d sections", len(sections)) % {"n": len(sections)}
    if not pictures:
        return words
    return f"{words}, {ngettext('%(n)d picture', '%(n)d pictures', pictures) % {'n': pictures}}"


def sweep_pictures() -> int:
    """Remove pictures that no version shows and nobody uploaded lately; returns how many. Their bytes follow."""
    removed = 0
    old = GuidePicture.objects.filter(created_at__lt=Now() - UNUSED).select_related("stored")
    for project_id in set(old.values_list("project_id", flat=True)):
        guides = Protocol.objects.filter(project_id=project_id, guide__isnull=False).values_list("guide", flat=True)
        shown = {picture["sha256"] for guide in guides for section in guide for picture in section["pictures"]}
        for row in old.filter(project_id=project_id).exclude(stored__sha256__in=shown):
            row.delete()
            removed += 1
    return removed
