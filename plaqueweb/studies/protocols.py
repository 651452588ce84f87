"""The protocol editor: a new version is written beside the last, so that nothing changes under a round."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.studies.choices import MarkAsked, Segment, ThicknessFrom
from plaqueweb.studies.grading import NONE, own_grades, scheme_name, scheme_of
from plaqueweb.studies.guide import guide_sha256, guide_words, parse_guide
from plaqueweb.studies.models import DEFAULT_REQUIRED, DEFAULT_RULE, Project, Protocol
from plaqueweb.studies.questions import parse_questions
from plaqueweb.studies.services import REASONS, REQUIRED, create_protocol

MAX_MM = 100
MANY = ("reasons", "segments", "required", "marks")
"""Fields of the form of which several may be chosen."""
REASON_WORDS = {
    "ulceration": gettext_lazy("Ulceration"),
    "mobile": gettext_lazy("Mobile part"),
    "thrombus": gettext_lazy("Thrombus"),
}
REQUIRED_WORDS = {
    "findings": gettext_lazy("Seen and plaque, of each segment"),
    "class": gettext_lazy("Class"),
    "quality": gettext_lazy("Quality"),
    "confidence": gettext_lazy("Confidence"),
}


def limit_of(text: str) -> float:
    """Return a limit in mm from what was typed; a comma counts as a point.

    Raises:
        Invalid: no number, not between 0 and 100 mm, or finer than 0.1 mm (rule ``protocol-limit``).
    """
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise Invalid(_("“%(given)s” is no length in mm.") % {"given": text[:40]}, rule="protocol-limit") from None
    if not math.isfinite(number) or not 0 < number < MAX_MM:
        raise Invalid(_("The limit must lie between 0 and 100 mm."), rule="protocol-limit")
    if number != round(number, 1):
        raise Invalid(
            _("The rule judges a thickness as displayed, to 0.1 mm: give the limit so too."), rule="protocol-limit"
        )
    return float(number)


def content_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form says of a protocol, checked, as ``create_protocol`` takes it but for the rule's name.

    Args:
        given: ``limit``, thickness in mm from which a plaque is complex, as typed; ``reasons``, which of ``REASONS``
            make it complex whatever its thickness; ``segments``; ``required``, which of ``REQUIRED`` must be answered
            (the class always is); ``questions`` as JSON text, see ``studies.questions``; ``scheme``: ``none``, the id
            of a grading scheme, or ``own`` with its ``grades`` as JSON text, see ``studies.grading``; ``guide``, the
            sections of the reading guide as JSON text, see ``studies.guide``;
            ``thickness_from``; ``marks``. What is left out takes its default.

    Raises:
        Invalid: a value against its rule.
    """
    reasons, segments, required, marks = (given.get(name, ()) for name in MANY)
    chosen = {*reasons} - {*REASONS} | {*required} - {*REQUIRED} | {*segments} - {*Segment.values}
    thickness_from = str(given.get("thickness_from") or ThicknessFrom.CALIPER_MASK.value)
    if chosen or {*marks} - {*MarkAsked.values} or thickness_from not in ThicknessFrom.values:
        raise Invalid(_("Choose among the reasons, segments and answers on the page."), rule="protocol-choice")
    if not segments:
        raise Invalid(_("Choose at least one segment."), rule="protocol-segments")
    return {
        "label_rule": {
            "thickness_mm": limit_of(str(given.get("limit", ""))),
            "reasons": [key for key in REASONS if key in reasons],
        },
        "segments": [key for key in Segment.values if key in segments],
        "required": [key for key in REQUIRED if key in required or key == "class"],
        "questions": parse_questions(json_of(str(given.get("questions", "")))),
        "grading": scheme_of(str(given.get("scheme") or NONE), json_of(str(given.get("grades", "")))),
        "thickness_from": thickness_from,
        "marks": [key for key in MarkAsked.values if key in marks],
        "guide": parse_guide(json_of(str(given.get("guide", "")))),
    }


def save_version(*, project: Project, based_on: int, by: User, **given: Any) -> Protocol:
    """Write the next version of a protocol. Rounds keep the version that they were opened under.

    Args:
        based_on: the newest version that the editor knew.
        given: as in ``content_of``.

    Raises:
        NotAllowed: ``by`` makes no rounds in this project.
        Conflict: somebody saved a version meanwhile (rule ``protocol-stale``).
        Invalid: a value against its rule, or nothing differs from the newest version (rule ``protocol-unchanged``).
    """
    if not by.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotAllowed(_("You may not change the protocol of this project."))
    newest = Protocol.objects.filter(project=project).order_by("-version").first()
    found = newest.version if newest else 0
    if found != based_on:
        raise Conflict(
            _("Version %(n)d was saved meanwhile. Your choices stand below: look at it, then save again.")
            % {"n": found},
            rule="protocol-stale",
        )
    wanted = content_of(given)
    if newest is not None and _content(newest) == wanted:
        raise Invalid(_("Nothing differs from version %(n)d.") % {"n": found}, rule="protocol-unchanged")
    named = named_content(wanted, found + 1)
    try:
        with transaction.atomic():
            return create_protocol(project=project, by=by, **named)
    except IntegrityError:  # two saved the same number in the same moment
        raise Conflict(_("A version was saved in the same moment: save again."), rule="protocol-stale") from None


def named_content(content: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Return a content with its label rule under a name of its own."""
    rule = content["label_rule"]
    return {**content, "label_rule": {**rule, "version": f"complex@{rule['thickness_mm']:g}mm-v{version}"}}


def _content(protocol: Protocol) -> dict[str, Any]:
    rule = {**DEFAULT_RULE, **protocol.label_rule}
    return {
        "label_rule": {
            "thickness_mm": float(rule["thickness_mm"]),
            "reasons": [key for key in REASONS if key in rule["reasons"]],
        },
        "segments": [key for key in Segment.values if key in protocol.segments],
        "required": [key for key in REQUIRED if key in protocol.required],
        "questions": protocol.own_questions,
        "grading": protocol.grading,
        "thickness_from": protocol.thickness_from or ThicknessFrom.CALIPER_MASK.value,
        "marks": protocol.marks or [],
        "guide": parse_guide(protocol.guide or []),
    }


def json_of(text: str) -> Any:
    """Return what a form sends as JSON; nothing is an empty list.

    Raises:
        Invalid: it is no JSON (rule ``protocol-json``).
    """
    try:
        return json.loads(text or "[]", parse_constant=_refuse_constant)
    except ValueError:
        raise Invalid(_("The page sent no readable JSON. Reload it and try again."), rule="protocol-json") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def version_rows(project: Project) -> list[dict[str, Any]]:
    """Return the versions of a protocol, newest first, in words."""
    rows = []
    for protocol in Protocol.objects.filter(project=project).order_by("-version"):
        content = _content(protocol)
        rows.append(
            {
                "protocol": protocol,
                "limit": content["label_rule"]["thickness_mm"],
                "reasons": ", ".join(str(REASON_WORDS[key]) for key in content["label_rule"]["reasons"]),
                "segments": ", ".join(str(Segment(key).label) for key in content["segments"]),
                "required": ", ".join(str(REQUIRED_WORDS[key]) for key in content["required"]),
                "questions": [row["words"] for row in content["questions"]],
                "grading": scheme_name(content["grading"]),
                "thickness": str(ThicknessFrom(content["thickness_from"]).label),
                "marks": ", ".join(str(MarkAsked(key).label) for key in content["marks"]),
                "guide": guide_words(protocol),
                "guide_sha256": guide_sha256(protocol),
            }
        )
    return rows


def form_values(protocol: Protocol | None) -> dict[str, Any]:
    """Return what the editor shows first: the given version, or the default of a new project."""
    content = _content(protocol or Protocol(label_rule={}, segments=Segment.values, required=DEFAULT_REQUIRED))
    return {
        "limit": f"{content['label_rule']['thickness_mm']:.1f}",
        "reasons": content["label_rule"]["reasons"],
        "segments": content["segments"],
        "required": content["required"],
        "questions": json.dumps(content["questions"], ensure_ascii=False),
        "thickness_from": content["thickness_from"],
        "marks": content["marks"],
        "scheme": content["grading"]["id"] if content["grading"] else NONE,
        "guide": json.dumps(content["guide"], ensure_ascii=False),
        "grades": json.dumps(own_grades(content["grading"]), ensure_ascii=False),
    }
