"""The charts of the classification tab, and the lines of its threshold explorer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import present, stats
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of, figure_words, interval_or_why, n_words

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def charts_of(report: Report, threshold: float) -> list[Chart]:
    """ROC, reliability, and sensitivity and specificity over the threshold."""
    return [_roc(report), _reliability(report), _over_thresholds(report, threshold)]


def words_of(report: Report) -> dict[str, str]:
    """Sensitivity and its relatives: their names against a reference, plain words against a reader."""
    if report.results["accuracy"] is not None:
        return {"sensitivity": _("Sensitivity"), "specificity": _("Specificity"), "ppv": _("PPV"), "npv": _("NPV")}
    other = {"other": present.against_words(report.selection)}
    return {
        "sensitivity": _("Complex where %(other)s says complex") % other,
        "specificity": _("Not complex where %(other)s says not complex") % other,
        "ppv": _("%(other)s says complex where the model does") % other,
        "npv": _("%(other)s says not complex where the model does") % other,
    }


def _ground(report: Report) -> str:
    scored = report.results["scored"]
    return _("%(n)s, %(complex)s complex") % {
        "n": n_words(scored["subjects"], scored["n"]),
        "complex": scored["complex"],
    }


def _needed() -> str:
    return _("No figure yet. It needs both classes among the cases to which the model gave a probability.")


def _roc(report: Report) -> Chart:
    scored, words = report.results["scored"], words_of(report)
    other = present.against_words(report.selection)
    false_alarms = _("%% complex where %(other)s says not") % {"other": other}
    points, rows = [], []
    for number, point in enumerate(scored["roc"]):
        at = "–" if point["threshold"] is None else present.number(point["threshold"], 3)
        href = cases_of(report, "roc", number, point["count"])
        one, two = present.percent(point["sensitivity"]), present.percent(1 - point["false_positive"])
        label = _("threshold %(at)s: %(one)s, %(two)s") % {"at": at, "one": one, "two": two}
        points.append({"x": point["false_positive"], "y": point["sensitivity"], "label": label, "href": href})
        rows.append(Row((at, one, two), href))
    lines: list[dict[str, Any]] = [
        {"name": _("chance"), "tone": "mid", "dash": "dotted", "points": [_plain(0, 0), _plain(1, 1)]},
        {"name": _("Model"), "tone": "model", "points": points, "marks": True, "size": 5},
    ]
    frozen = _frozen_point(report)
    if points and frozen is not None:
        lines.append({"name": _("operating point"), "tone": "model", "points": [frozen], "marks": True})
    subjects = scored["subjects"]
    return Chart(
        key="roc",
        title=_("ROC: the model’s probability for the class of %(other)s") % {"other": other},
        ground=_ground(report),
        draw="lines",
        data={
            "lines": lines,
            "x": {"min": 0, "max": 1, "ticks": "percent", "name": false_alarms},
            "y": {"min": 0, "max": 1, "ticks": "percent", "name": f"{words['sensitivity']}, %"},
        },
        columns=[
            Column(_("Threshold"), True), Column(words["sensitivity"], True), Column(words["specificity"], True),
        ],
        rows=rows,
        missing="" if points else _needed(),
        facts=[
            _fact(_("AUC, model gave a class"), scored["auc"], subjects),
            _fact(_("AUC, all (no result ranks last)"), scored["auc_all"], scored["all_subjects"]),
        ]
        if points
        else [],
        legend=[("model", _("at the pipeline’s threshold %(at)s") % {"at": present.number(scored["threshold"], 2)})]
        if frozen is not None and points
        else [],
        foot=_("interval of the AUC: DeLong, logit scale"),
    )  # fmt: skip


def _plain(x: float, y: float) -> dict[str, Any]:
    return {"x": x, "y": y, "label": ""}


def _frozen_point(report: Report) -> dict[str, Any] | None:
    scored = report.results["scored"]
    steps = [row["threshold"] for row in scored["thresholds"]]
    frozen = _rounded(scored["threshold"])
    if frozen not in steps:
        return None
    number = steps.index(frozen)
    (tp, fn), (fp, tn) = scored["thresholds"][number]["table"]
    if not tp + fn or not fp + tn:
        return None
    label = _("the pipeline’s threshold: %(one)s, %(two)s") % {
        "one": present.percent(tp / (tp + fn)),
        "two": present.percent(tn / (fp + tn)),
    }
    href = cases_of(report, "otherwise", number) if fn + fp else cases_of(report, "labelled", "all")
    return {"x": fp / (fp + tn), "y": tp / (tp + fn), "label": label, "href": href}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _fact(label: str, figure: Mapping[str, Any], subjects: int) -> tuple[str, str, str]:
    return (
        label,
        figure_words(figure, share=False, digits=3),
        interval_or_why(figure, share=False, subjects=subjects),
    )


def _reliability(report: Report) -> Chart:
    scored = report.results["scored"]
    other = present.against_words(report.selection)
    points, intervals, rows = [], [], []
    for number, made in enumerate(scored["bins"]):
        observed = made["observed"]
        href = cases_of(report, "bins", number, made["count"])
        share, mean = figure_words(observed, share=True), present.percent(made["mean"])
        span = f"{present.number(made['low'], 2)} – {present.number(made['high'], 2)}"
        label = _("%(span)s: mean %(mean)s, observed %(share)s, n = %(n)s") % {
            "span": span, "mean": mean, "share": share, "n": made["n"],
        }  # fmt: skip
        interval = observed["interval"]
        points.append({"x": made["mean"], "y": observed["value"], "label": label, "href": href})
        intervals.append([interval["low"], interval["high"]] if interval else None)
        rows.append(
            Row((span, mean, share, interval_or_why(observed, share=True, subjects=made["n"]), str(made["n"])), href)
        )
    chance = scored["ece_chance"]
    subjects = scored["subjects"]
    facts = [
        _fact(_("Brier score"), scored["brier"], subjects),
        _fact(_("Calibration error (10 bins of equal mass)"), scored["ece"], subjects),
        (
            _("the same for a perfectly calibrated model, by chance"),
            present.number(chance, 3) if chance is not None else "–",
            "",
        ),
        _fact(_("Calibration slope (ideal 1)"), scored["slope"], subjects),
        _fact(_("Calibration in the large (ideal 0)"), scored["in_the_large"], subjects),
    ]
    return Chart(
        key="reliability",
        title=_("Reliability: observed share of complex against %(other)s") % {"other": other},
        ground=_ground(report),
        draw="lines",
        data={
            "lines": [
                {"name": _("ideal"), "tone": "mid", "dash": "dotted", "points": [_plain(0, 0), _plain(1, 1)]},
                {"name": _("Model"), "tone": "model", "points": points, "marks": True, "intervals": intervals},
            ],
            "x": {"min": 0, "max": 1, "ticks": "percent", "name": _("mean probability, %")},
            "y": {"min": 0, "max": 1, "ticks": "percent", "name": _("observed complex, %")},
        },
        columns=[
            Column(_("Probability")), Column(_("Mean"), True), Column(_("Observed"), True), Column(_("95 % CI"), True),
            Column("n", True),
        ],
        rows=rows,
        missing="" if points else _needed(),
        facts=facts if points else [],
        foot=_("bars: Wilson intervals of each bin"),
    )  # fmt: skip


def _over_thresholds(report: Report, chosen: float) -> Chart:
    scored, words = report.results["scored"], words_of(report)
    lines: dict[str, list[dict[str, Any]]] = {"sensitivity": [], "specificity": []}
    behind = {"sensitivity": ("missed", "1"), "specificity": ("false", "0")}
    rows = []
    for number, row in enumerate(scored["thresholds"]):
        found = stats.diagnostic(row["table"])
        at = present.number(row["threshold"], 2)
        cells = [at]
        for key in ("sensitivity", "specificity", "ppv", "npv"):
            figure = getattr(found, key).as_dict()
            cells.append(figure_words(figure, share=True))
            if key in lines and figure["value"] is not None:
                label = f"{words[key]}, {at}: {cells[-1]}"
                wrong, label_of = behind[key]
                missed = figure["n"] - figure["count"]
                href = cases_of(report, wrong, number, missed) or cases_of(report, "labelled", label_of)
                lines[key].append({"x": row["threshold"], "y": figure["value"], "label": label, "href": href})
        (_tp, fn), (fp, _tn) = row["table"]
        rows.append(Row(tuple(cells), cases_of(report, "otherwise", number, fn + fp)))
    rules = [{"at": chosen, "axis": "x", "tone": "ink", "dash": "dotted"}]
    small = {"marks": True, "size": 6}
    return Chart(
        key="thresholds",
        title=_("What another threshold would have done"),
        ground=_ground(report),
        draw="lines",
        data={
            "lines": [
                {"name": words["sensitivity"], "tone": "ink", "points": lines["sensitivity"], "dash": "solid", **small},
                {
                    "name": words["specificity"],
                    "tone": "mute",
                    "points": lines["specificity"],
                    "dash": "dashed",
                    **small,
                },
            ],
            "x": {"min": 0, "max": 1, "name": _("threshold on the probability")},
            "y": {"min": 0, "max": 1, "ticks": "percent", "name": "%"},
            "rules": rules,
        },
        columns=[
            Column(_("Threshold"), True),
            *(Column(words[key], True) for key in ("sensitivity", "specificity", "ppv", "npv")),
        ],
        rows=rows,
        missing="" if scored["n"] else _needed(),
        foot=_(
            "solid: %(one)s · dashed: %(two)s · dotted: threshold %(at)s · a point opens what it would get "
            "wrong; where that is none, all of its class"
        )
        % {"one": words["sensitivity"], "two": words["specificity"], "at": present.number(chosen, 2)},
    )


def explorer_lines(report: Report, threshold: float, prevalence: float | None) -> list[dict[str, str]]:
    """Figures at one threshold; predictive values at a prevalence, that of these units where None."""
    scored, words = report.results["scored"], words_of(report)
    row = next((row for row in scored["thresholds"] if row["threshold"] == threshold), None)
    if row is None or not scored["n"]:
        return []
    table = row["table"]
    found = stats.diagnostic(table)
    figures: dict[str, Any] = {key: getattr(found, key) for key in ("sensitivity", "specificity", "ppv", "npv")}
    if prevalence is not None:
        adjusted = stats.at_prevalence(table, prevalence)
        figures |= {"ppv": adjusted.ppv, "npv": adjusted.npv}
    subjects = scored["subjects"]
    return [
        {
            "label": words[key],
            "value": figure_words(figure.as_dict(), share=True),
            "interval": interval_or_why(figure.as_dict(), share=True, subjects=subjects),
            "n": f"{figure.count} / {figure.n}" if figure.count is not None else "",
        }
        for key, figure in figures.items()
    ]
