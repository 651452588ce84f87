"""Segmentation: how well does the model's plaque lie on the readers', and where does it not?"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.base import Board, Results, common
from plaqueweb.agreement.boards.parts import Picks, ground, take
from plaqueweb.agreement.boards.segmentation_fused import fused_results, made_of, other_words, rater_lines
from plaqueweb.agreement.boards.shown import Chart, Column, Row, Rows, cases_of, figure_words, interval_or_why
from plaqueweb.agreement.compute import dice_figures
from plaqueweb.agreement.evidence import READER, Evidence
from plaqueweb.agreement.evidence_frames import NSD_MM
from plaqueweb.agreement.figures.lesions import EXTRA, MISSED, compute_lesions
from plaqueweb.agreement.figures.segmentation import ALL, BANDS, NO_SCALE, compute_segmentation
from plaqueweb.agreement.filters import NARROWING, OWN_MASKS
from plaqueweb.review.matching import RULE_VERSION
from plaqueweb.studies.models import Clip

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

BAND_WORDS: dict[str, Any] = {
    ALL: gettext_lazy("All frames"),
    "small": gettext_lazy("below 20 mm²"),
    "middle": gettext_lazy("20 to 60 mm²"),
    "large": gettext_lazy("60 mm² or more"),
    NO_SCALE: gettext_lazy("no scale"),
}
KIND_WORDS: dict[str, Any] = {
    "both": gettext_lazy("both marked"),
    "missed": gettext_lazy("model marked nothing"),
    "false_mark": gettext_lazy("reader saw no plaque"),
}
assert set(BAND_WORDS) == {ALL, NO_SCALE, *(band[0] for band in BANDS)}


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """Dice and distances over declared frames; of one reader's frames where the comparison is with a reader.

    With fused masks the model meets these alone, beside two readers on the same frames.
    """
    fused = fused_results(evidence, str(options.get("masks", "")))
    against = str(options["against"])
    reader = against.removeprefix(READER) if against.startswith(READER) else ""
    pairs = evidence.frames.pairs
    model = [pair for pair in pairs if pair.other is None and (fused or not reader or str(pair.reader) == reader)]
    found = compute_segmentation(model, [pair for pair in pairs if pair.other is not None])
    picks = Picks(evidence.units)
    for row in found["bands"]:
        row["count"] = picks.add("bands", row["band"], row["studies"])
    picks.add("worst", "all", [row["study"] for row in found["worst"]])
    lesions = compute_lesions(evidence, reader)
    lesions["counts"] = {key: picks.add("lesions", key, studies) for key, studies in lesions["studies"].items()}
    return common(evidence, options) | {
        **found,
        "bands": [take(row, "studies") for row in found["bands"]],
        "dice": dice_figures(evidence),
        "fused": fused,
        "lesions": take(lesions, "studies"),
        "picks": picks.found,
    }


def show(report: Report) -> dict[str, Any]:
    """The counts, Dice by size, distances, and the worst studies with their frames."""
    charts = [by_size(report), over_area(report)]
    return {
        "charts": {chart.key: chart for chart in charts},
        "ordered": charts,
        "dice": present.dice_words(report.results["dice"]),
        "lesions": lesion_words(report),
        "distances": distance_lines(report),
        "nsd_mm": present.number(NSD_MM, 1),
        "worst": worst_cards(report),
        "worst_cases": cases_of(report, "worst", "all", len(report.results["worst"])),
        "ground": ground(report),
        "other_words": other_words(report),
        "fused": report.results["fused"],
        "made_of": made_of(report),
        "raters": rater_lines(report),
    }


def _mark(figure: Mapping[str, Any], tone: str) -> dict[str, Any]:
    interval = figure["interval"] or {"low": None, "high": None}
    return {
        "value": figure["value"],
        "low": interval["low"],
        "high": interval["high"],
        "tone": tone,
        "text": figure_words(figure, share=False),
    }


def by_size(report: Report) -> Chart:
    """Model and reader beside two readers, by the size of the plaque that the reader marked."""
    marks: list[dict[str, Any]] = []
    rows = []
    for row in report.results["bands"]:
        model, readers = row["model"], row["readers"]
        if model["value"] is None:
            continue
        label, href = str(BAND_WORDS[row["band"]]), cases_of(report, "bands", row["band"], row["count"])
        n = _("n = %(n)s, %(frames)s frames") % {"n": model["subjects"], "frames": model["frames"]}
        first = [{"label": label, "ground": n, "href": href, **_mark(readers, "phys")}] if readers["value"] else []
        marks += first
        marks.append({"label": label, "ground": n, "href": href, "joined": bool(first), **_mark(model, "model")})
        cells = (
            label, figure_words(readers, share=False),
            interval_or_why(readers, share=False, subjects=readers["subjects"]), str(readers["frames"]),
            figure_words(model, share=False), interval_or_why(model, share=False, subjects=model["subjects"]),
            str(model["frames"]), str(model["subjects"]),
        )  # fmt: skip
        rows.append(Row(cells, href))
    both = _("Model and %(other)s") % {"other": other_words(report)}
    return Chart(
        key="by-size",
        title=_("Dice by plaque size, model and %(other)s") % {"other": other_words(report)},
        ground=_("same frame, mean of each subject’s mean"),
        draw="forest",
        data={"rows": marks, "x": {"min": 0, "max": 1, "name": _("Dice")}},
        columns=[
            Column(_("Reader’s plaque")), Column(_("Two readers"), True), Column(_("95 % CI"), True),
            Column(_("Frames"), True), Column(both, True), Column(_("95 % CI"), True),
            Column(_("Frames"), True), Column(_("Subjects"), True),
        ],
        rows=rows,
        missing="" if marks else _needed(),
        legend=(("phys", _("two readers")), ("model", _("model and %(other)s") % {"other": other_words(report)})),
        foot=_("frames on which both marked nothing have no Dice"),
    )  # fmt: skip


def _needed() -> str:
    return _("No figure yet. A first figure needs one frame on which a reader said that all plaque is marked.")


def over_area(report: Report) -> Chart:
    """One point a study."""
    points, studies = [], report.results["studies"]
    for point in studies:
        row = _study_row(report, point)
        label = _("%(case)s: Dice %(dice)s, %(area)s") % dict(zip(("case", "dice", "area"), row.cells, strict=False))
        points.append({"x": point["mm2"], "y": point["dice"], "label": label, "href": row.href, "tone": "model"})
    return Chart(
        key="over-area",
        title=_("Dice over the plaque’s area, model and %(other)s") % {"other": other_words(report)},
        ground=_("same frame, one point a study (descriptive), n = %(n)s studies") % {"n": len(points)},
        draw="scatter",
        data={
            "points": points,
            "x": {"name": _("mean area that the reader marked, mm²"), "min": 0},
            "y": {"name": _("mean Dice"), "min": 0, "max": 1},
        },
        columns=[Column(_("Case")), Column(_("Dice"), True), Column(_("Area"), True), Column(_("Frames"), True)],
        rows=Rows(studies, lambda point: _study_row(report, point), lambda point: -float(point["dice"])),
        order=_("lowest Dice first"),
        missing="" if points else _("No figure yet. It needs marked frames with a scale."),
    )


def _study_row(report: Report, point: Mapping[str, Any]) -> Row:
    place, area = report.places[point["study"]], f"{present.number(point['mm2'], 0)} mm²"
    return Row((place.label, present.number(point["dice"], 2), area, str(point["frames"])), place.href)


def distance_lines(report: Report) -> list[dict[str, str]]:
    """HD95, mean border distance and surface Dice of model and readers, each with interval and n."""
    words = {
        "hd95_mm": _("HD95, mm"),
        "assd_mm": _("Mean border distance (ASSD), mm"),
        "nsd": _("Surface Dice (NSD) at %(mm)s mm") % {"mm": present.number(NSD_MM, 1)},
    }
    lines = []
    for row in report.results["distances"]:
        line = {"label": words[row["key"]]}
        for side in ("readers", "model"):
            figure = row[side]
            line[side] = figure_words(figure, share=False)
            line[f"{side}_interval"] = interval_or_why(figure, share=False, subjects=figure["subjects"])
            line[f"{side}_n"] = str(figure["frames"])
        line["without"] = str(row["model"]["without"])
        lines.append(line)
    return lines


def lesion_words(report: Report) -> dict[str, Any]:
    """Lesion sensitivity and extra lesions of the model beside two readers, and the cases behind them."""
    found = report.results["lesions"]
    words = {
        "sensitivity": _("Lesion sensitivity: found of the reader’s lesions"),
        "precision": _("Of the lesions listed, also the reader’s"),
        "extra": _("Extra lesions a study"),
        "clean": _("No extra lesion where the reader has none"),
    }
    lines = []
    for key, label in words.items():
        line = {"key": key, "label": label, "n": str(found["model"][key]["n"])}
        for side in ("readers", "model"):
            figure, share = found[side][key], key != "extra"
            line[side] = figure_words(figure, share=share)
            line[f"{side}_interval"] = interval_or_why(figure, share=share, subjects=found[side]["subjects"])
        lines.append(line)
    model = found["model"]
    counts = _(
        "%(matched)s lesions matched, %(missed)s missed and %(extra)s extra in %(studies)s pairs of reader and model "
        "(%(subjects)s subjects). A plaque that the model lists on several clips counts once (%(again)s more)."
    ) % {
        "matched": model["matched"], "missed": model["reference"] - model["matched"],
        "extra": model["other"] - model["matched"], "studies": model["studies"], "subjects": model["subjects"],
        "again": found["again"],
    }  # fmt: skip
    labels = {MISSED: _("cases with a missed lesion"), EXTRA: _("cases with an extra lesion")}
    cases = [
        {"label": label, "href": href}
        for key, label in labels.items()
        if (href := cases_of(report, "lesions", key, found["counts"][key]))
    ]
    return {"lines": lines, "counts": counts, "cases": cases, "version": RULE_VERSION}


def worst_cards(report: Report) -> list[dict[str, str]]:
    """The frame with the least Dice of each of the worst studies, as far as the user may see its clip."""
    rows = report.results["worst"]
    wanted = {uuid.UUID(row["clip"]) for row in rows}
    clips = Clip.objects.visible_to(report.user).for_reading().filter(pk__in=wanted)
    seen = {str(pk) for pk in clips.values_list("pk", flat=True)}
    return [
        {
            "name": report.places[row["study"]].label,
            "href": report.places[row["study"]].href,
            "picture": reverse("clips-frame", args=[row["clip"], row["frame"]]) if row["clip"] in seen else "",
            "dice": _("Dice %(dice)s") % {"dice": present.number(row["dice"], 2)},
            "why": str(KIND_WORDS.get(row["kind"], "")),
            "where": _("frame %(n)s") % {"n": row["frame"]},
        }
        for row in rows
    ]


BOARD = Board(
    slug="segmentation",
    title=gettext_lazy("Segmentation"),
    template="agreement/boards/segmentation.html",
    compute=compute,
    present=show,
    parts=("frames", "pairs", "borders", "matches"),
    filters=(*NARROWING, "masks"),
    defaults=(("masks", OWN_MASKS),),
    version=2,
    inline=100,
)
