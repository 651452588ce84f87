"""Words and charts of the pipelines' tab: every difference is second minus first."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.parts import part_words
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of, figure_words, interval_or_why
from plaqueweb.studies.models import Clip

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

ROW_WORDS: dict[str, Any] = {
    "agree_all": gettext_lazy("Same class, no result counts as not"),
    "agree": gettext_lazy("Same class, both gave one"),
    "sensitivity": gettext_lazy("Sensitivity"),
    "specificity": gettext_lazy("Specificity"),
    "with_class": gettext_lazy("Studies with a class"),
    "kappa": gettext_lazy("Cohen’s kappa"),
    "mae": gettext_lazy("Thickness, mean absolute difference"),
    "within_1mm": gettext_lazy("Thickness within 1.0 mm"),
}
SHARES = {"agree_all", "agree", "sensitivity", "specificity", "with_class", "within_1mm"}
FLIP_WORDS: dict[str, Any] = {
    "gained": gettext_lazy("Now with the reference"),
    "lost": gettext_lazy("No longer with the reference"),
    "neither": gettext_lazy("Changed, with it in neither"),
    "unjudged": gettext_lazy("Changed, no reference to tell"),
}
FLAG_WORDS: dict[str, Any] = {
    "loss": gettext_lazy("loses: the whole interval lies below 0"),
    "watch": gettext_lazy("the point lies below the margin"),
    "": "",
}
SHOWN = 6


def _words(figure: Mapping[str, Any], key: str, *, sign: bool = False) -> str:
    unit = " mm" if key == "mae" else ""
    return figure_words(figure, share=key in SHARES, unit=unit, sign=sign)


def verdict(report: Report, second: str) -> str:
    """The result in one sentence, in the words of the margin that was set before."""
    results = report.results
    first = report.selection.pipeline.name if report.selection.pipeline else ""
    names = {"first": first, "second": second, "margin": present.percent(results["margin"])}
    found = results["verdict"]
    if found["not_inferior"] is None:
        return _("No verdict: ") + present.why_not(found["reason"], results["of"]["judged_subjects"])
    if found["superior"]:
        return _("%(second)s agrees more often than %(first)s.") % names
    if found["not_inferior"]:
        return _("%(second)s is not inferior to %(first)s: it loses less than %(margin)s.") % names
    if found["inferior"]:
        return _("%(second)s is inferior to %(first)s: it loses more than %(margin)s.") % names
    return _("Not shown: %(second)s may lose more than %(margin)s to %(first)s, or not.") % names


def headline(report: Report) -> str:
    """What the sentence stands on."""
    results = report.results
    row = results["rows"][0]
    interval = present.interval_words(row["difference"]["interval"], share=True, sign=True)
    parts = [
        _("difference %(value)s") % {"value": figure_words(row["difference"], share=True, sign=True)},
        _("95 %% CI %(interval)s") % {"interval": interval} if interval else "",
        _("%(n)s studies of %(subjects)s subjects with a class of %(other)s")
        % {"n": row["n"], "subjects": row["subjects"], "other": present.against_words(report.selection)},
        _("margin %(margin)s, set before the result was shown") % {"margin": present.percent(results["margin"])},
    ]
    return " · ".join(part for part in parts if part)


def differences(report: Report) -> Chart:
    """First and second of every measure, and their paired difference."""
    results, marks, rows = report.results, [], []
    for number, row in enumerate(results["rows"]):
        key, difference = row["key"], row["difference"]
        label, href = str(ROW_WORDS[key]), cases_of(report, "differences", number, row["count"])
        interval = difference["interval"]
        if key in SHARES and difference["value"] is not None:
            marks.append(
                {
                    "label": label, "ground": _("n = %(n)s studies") % {"n": row["n"]}, "value": difference["value"],
                    "low": interval["low"] if interval else None, "high": interval["high"] if interval else None,
                    "tone": "model", "text": _words(difference, key, sign=True), "href": href,
                }
            )  # fmt: skip
        rows.append(
            Row(
                (
                    label, _words(row["first"], key), _words(row["second"], key), _words(difference, key, sign=True),
                    interval_or_why(difference, share=key in SHARES, subjects=row["subjects"], sign=True),
                    str(row["n"]), str(row["subjects"]),
                ),
                href,
            )
        )  # fmt: skip
    reach = max([0.1, *(abs(mark[key]) for mark in marks for key in ("value", "low", "high") if mark[key] is not None)])
    reach = round(int(reach * 20 + 1) / 20, 2)
    margin = results["margin"]
    return Chart(
        key="differences",
        title=_("Paired differences, second − first"),
        ground=_("same studies, against %(other)s; thickness as read") % {
            "other": present.against_words(report.selection)},
        draw="forest",
        data={
            "rows": marks,
            "x": {"min": -reach, "max": reach, "ticks": "percent", "name": _("difference, %")},
            "rules": [
                {"axis": "x", "at": 0, "tone": "faint", "width": 1},
                {"axis": "x", "at": -margin, "tone": "ask", "dash": "dashed", "width": 1},
            ],
        },
        columns=[
            Column(_("Measure")), Column(_("First"), True), Column(_("Second"), True),
            Column(_("Second − first"), True), Column(_("95 % CI"), True), Column(_("Studies"), True),
            Column(_("Subjects"), True),
        ],
        rows=rows,
        missing="" if marks else _("No figure yet. It needs studies of the list with a class of the other side."),
        foot=_(
            "right of 0: the second is better; dashed: the margin; lines: 95 % CI over resampled subjects; "
            "a mark opens the studies that make the difference, all where none does"
        ),
    )  # fmt: skip


def parts_chart(report: Report) -> Chart:
    """Where the second loses, part by part."""
    results, marks, rows = report.results, [], []
    for number, row in enumerate(results["groups"]):
        difference, label = row["difference"], part_words(row["dimension"], row["level"])
        href = cases_of(report, "parts", number, row["count"])
        interval = difference["interval"]
        if difference["value"] is not None:
            marks.append(
                {
                    "label": label, "ground": _("n = %(n)s") % {"n": row["subjects"]}, "value": difference["value"],
                    "low": interval["low"] if interval else None, "high": interval["high"] if interval else None,
                    "tone": "bad" if row["flag"] == "loss" else "ask" if row["flag"] else "model",
                    "text": figure_words(difference, share=True, sign=True), "href": href,
                }
            )  # fmt: skip
        cells = (
            label, figure_words(row["first"], share=True), figure_words(row["second"], share=True),
            figure_words(difference, share=True, sign=True),
            interval_or_why(difference, share=True, subjects=row["subjects"], sign=True), str(row["n"]),
            str(row["subjects"]), str(FLAG_WORDS[row["flag"]]),
        )  # fmt: skip
        rows.append(Row(cells, href))
    reach = max([0.1, *(abs(mark[key]) for mark in marks for key in ("value", "low", "high") if mark[key] is not None)])
    reach = min(1, round(int(reach * 20 + 1) / 20, 2))
    return Chart(
        key="parts",
        title=_("For whom: same class, second − first"),
        ground=_("no result counts as not; parts of the same list"),
        draw="forest",
        data={
            "rows": marks,
            "x": {"min": -reach, "max": reach, "ticks": "percent", "name": _("difference, %")},
            "rules": [{"axis": "x", "at": 0, "tone": "faint", "width": 1}],
        },
        columns=[
            Column(_("Part")), Column(_("First"), True), Column(_("Second"), True), Column(_("Second − first"), True),
            Column(_("95 % CI"), True), Column(_("Studies"), True), Column(_("Subjects"), True), Column(_("Flag")),
        ],
        rows=rows,
        missing="" if marks else _("No figure yet. No part of these studies is known."),
        foot=_("flagged: the interval lies below 0, or the point below the margin; of many parts one in 40 by chance"),
    )  # fmt: skip


def flips_of(report: Report) -> list[dict[str, Any]]:
    """Each kind of change with its count, its cases and the first few for thumbnails."""
    counts = report.results["flips"]
    shown = {key: report.picked(f"flips.{key}")[:SHOWN] for key in FLIP_WORDS}
    pictures = _pictures(report, [row["study"] for rows in shown.values() for row in rows])
    return [
        {
            "key": key,
            "label": label,
            "count": counts[key],
            "cards": [_flip(report, row, pictures) for row in shown[key]],
            "href": cases_of(report, "flips", key, counts[key]),
        }
        for key, label in FLIP_WORDS.items()
    ]


def _pictures(report: Report, studies: Sequence[str]) -> dict[str, str]:
    """Address of the frame that the second pipeline measured, of each study whose clip the user may see."""
    keys = {study: report.results["changed"][study]["key"] for study in studies}
    wanted = {uuid.UUID(key[0]) for key in keys.values() if key}
    seen = {
        str(pk)
        for pk in Clip.objects.visible_to(report.user).for_reading().filter(pk__in=wanted).values_list("pk", flat=True)
    }
    return {
        study: reverse("clips-frame", args=[key[0], key[1]]) for study, key in keys.items() if key and key[0] in seen
    }


def _flip(report: Report, row: Mapping[str, Any], pictures: Mapping[str, str]) -> dict[str, Any]:
    place, changed = report.places[row["study"]], report.results["changed"][row["study"]]
    words = present.CLASS_WORDS
    return {
        "study": row["study"],
        "name": place.label,
        "picture": pictures.get(row["study"], ""),
        "href": place.href,
        "first": str(words[changed["first"]]),
        "second": str(words[changed["second"]]),
        "reference": str(words[row["reference"]]) if row["has_reference"] else "–",
    }
