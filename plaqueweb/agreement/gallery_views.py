"""The discordance gallery: the wall of cards, and the same list as CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from plaqueweb.accounts.api import current_user
from plaqueweb.agreement import gallery, present
from plaqueweb.agreement.export import NOTICE, safe_cell
from plaqueweb.agreement.gallery import ORDERS, TABS, Pair, Wall
from plaqueweb.agreement.gallery_pictures import Picture, pictures
from plaqueweb.agreement.report import visible_project
from plaqueweb.audit.services import record_event
from plaqueweb.predictions.showing import record_shown
from plaqueweb.review.models import DifferenceReason
from plaqueweb.studies.choices import Segment
from plaqueweb.studies.models import Project

FILTERS = ("round", "pipeline", "against", "segment", "reason", "order", "show")


@dataclass(frozen=True)
class Card:
    """One card in words; ``picture`` is None where the user may not see the clip."""

    pair: Pair
    name: str
    where: str
    difference: str
    strong: bool
    reader: str
    model: str
    dice: str
    reason: str
    href: str
    picture: Picture | None


def _asked(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "")[:64] for name in FILTERS}


def _wall(request: HttpRequest, slug: str) -> tuple[Project, Wall]:
    user = current_user(request)
    project = visible_project(user, slug)
    wall = gallery.wall(user, project, _asked(request))
    record_shown(user=user, studies=[pair.study for pair in wall.shown], door="gallery")
    return project, wall


@login_required
@require_GET
def discordance(request: HttpRequest, slug: str) -> HttpResponse:
    """Show nine cases on which physician and model part, the furthest apart first."""
    project, wall = _wall(request, slug)
    user = current_user(request)
    shown, before, older = wall.page(request.GET.get("after", ""))
    drawn = pictures(user, shown)
    names = gallery.names(user, wall.selection, shown)
    cards = [_card(project, wall, pair, names[pair.study], drawn.get(pair.case)) for pair in shown]
    context = {
        "project": project,
        "wall": wall,
        "cards": cards,
        "payload": {str(card.pair.case): card.picture.data for card in cards if card.picture},
        "tabs": [
            {"label": label, "count": wall.counts[key], "href": _href(wall, show=key), "current": key == _show(wall)}
            for key, (label, _test) in TABS.items()
        ],
        "filters": _filters(wall),
        "kept": [(key, value) for key, value in wall.asked.items() if key == "show"],
        "first": before + 1,
        "last": before + len(cards),
        "older": _href(wall, after=older) if older else "",
        "newest": _href(wall) if before else "",
        "csv": f"{reverse('agreement-discordance-csv', args=[slug])}?{urlencode(wall.asked)}",
        "reasons": _reason_choices(wall),
        "interim": wall.interim,
        "simulated": any(pair.simulated for pair in wall.pairs),
        "synthetic": project.is_synthetic or any(card.picture and card.picture.synthetic for card in cards),
    }
    return render(request, "agreement/discordance.html", context)


def _show(wall: Wall) -> str:
    return wall.asked.get("show", "")


def _href(wall: Wall, **more: str) -> str:
    values = {key: value for key, value in (dict(wall.asked) | more).items() if value}
    return f"?{urlencode(values)}"


def _reason_choices(wall: Wall) -> list[dict[str, Any]]:
    return [
        {"key": key, "number": number, "label": label, "count": wall.reasons.get(key, 0)}
        for number, (key, label) in enumerate(DifferenceReason.choices, 1)
    ]


def _filters(wall: Wall) -> list[dict[str, Any]]:
    """The selects, each (name, label, options as (value, words, chosen))."""
    choices, selection = wall.choices, wall.selection
    pipeline = str(selection.pipeline.id) if selection.pipeline else ""
    counted = {key: f" · {count}" for key, count in wall.reasons.items()}
    every: list[tuple[str, Any, list[tuple[str, Any]]]] = [
        ("round", _("Round"), [("", _("all")), *((str(row.pk), row.name) for row in choices.rounds)]),
        ("pipeline", _("Pipeline"), [(str(row.id), row.name) for row in choices.pipelines]),
        ("against", _("Against"), [("", _("who signed first")), *((row.key, _reader(row)) for row in choices.readers)]),
        ("segment", _("Segment"), [("", _("all")), *Segment.choices]),
        (
            "reason",
            _("Reason"),
            [("", _("any")), ("none", _("none yet"))]
            + [(key, f"{label}{counted.get(key, '')}") for key, label in DifferenceReason.choices],
        ),
        ("order", _("Order"), [(key, label) for key, (label, _key) in ORDERS.items()]),
    ]
    current = dict(wall.asked) | {"pipeline": pipeline}
    return [
        {
            "name": name,
            "label": label,
            "options": [(value, str(words), current.get(name, "") == value) for value, words in options],
        }
        for name, label, options in every
        if options
    ]


def _reader(row: Any) -> str:
    return _("%(name)s (simulated reader)") % {"name": row.name} if row.simulated else str(row.name)


def _card(project: Project, wall: Wall, pair: Pair, name: str, picture: Picture | None) -> Card:
    segment = str(Segment(pair.segment).label) if pair.segment else ""
    address = reverse("compare", args=[project.slug, pair.case])
    pipeline = wall.selection.pipeline
    query = urlencode({"read": str(pair.read), "pipeline": str(pipeline.id) if pipeline else ""})
    return Card(
        pair=pair,
        name=name,
        where=", ".join(part for part in (segment, *pair.reasons) if part),
        difference=_difference(pair),
        strong=pair.class_differs or pair.one_without_class,
        reader=_answer(pair.read_class, pair.read_mm, _("can’t assess")),
        model=_answer(pair.model_class, pair.model_mm, _("no result")),
        dice=_("Dice %(value)s") % {"value": present.number(picture.dice, 2)}
        if picture and picture.dice is not None
        else "",
        reason=str(DifferenceReason(pair.note).label) if pair.note else "",
        href=f"{address}?{query}",
        picture=picture,
    )


def _dice(picture: Picture | None) -> str:
    if picture is None or picture.dice is None:
        return ""
    return _("Dice %(value)s") % {"value": present.number(picture.dice, 2)}


def _difference(pair: Pair) -> str:
    gap = "" if pair.gap_mm is None else present.number(abs(pair.gap_mm), 1)
    if pair.one_without_class:
        return _("only one gave a class")
    if pair.class_differs:
        return _("class differs, %(mm)s mm") % {"mm": gap} if gap else _("class differs")
    return _("thickness differs, %(mm)s mm") % {"mm": gap}


def _answer(klass: int | None, mm: float | None, without: str) -> str:
    if klass not in (0, 1):
        return without
    return f"{present.number(mm, 1)} mm" if mm is not None else _("no thickness")


@login_required
@require_GET
def discordance_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the wall under its filters as CSV, one row a case, and note that it left the site."""
    project, wall = _wall(request, slug)
    user = current_user(request)
    names = gallery.names(user, wall.selection, wall.shown)
    record_event(
        actor=user, verb="discordance.exported", target=project, project_id=project.pk, diff={"rows": len(wall.shown)}
    )
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-discordance.csv"'
    response["Cache-Control"] = "private, no-store"
    out = csv.writer(response, lineterminator="\r\n")
    out.writerow(
        ["study", "reader", "pipeline", "segment", "reader_class", "model_class", "reader_thickness_mm",
         "model_thickness_mm", "thickness_difference_mm", "model_probability", "reason", "notice"]
    )  # fmt: skip
    pipeline = wall.selection.pipeline.name if wall.selection.pipeline else ""
    for pair in wall.shown:
        numbers = (pair.read_mm, pair.model_mm, pair.gap_mm, pair.probability)
        texts = [safe_cell(text) for text in (names[pair.study], pair.reader, pipeline, pair.segment)]
        classes = ["" if value is None else str(value) for value in (pair.read_class, pair.model_class)]
        values = ["" if value is None else f"{value:.4g}" for value in numbers]
        out.writerow([*texts, *classes, *values, pair.note, NOTICE])
    return response
