"""Numbers into words: what the page, the API and the CSV say. Nothing here looks at hidden rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement.comparison import CONSENSUS_KINDS, Selection
from plaqueweb.agreement.coverage import NOT_RUN, UNNAMED
from plaqueweb.agreement.evidence import study_labels
from plaqueweb.agreement.filters import KINDS
from plaqueweb.agreement.selectors import case_ids
from plaqueweb.agreement.stats import CATEGORIES
from plaqueweb.predictions.choices import NoResultReason

REFERENCE_WORDS = {
    "known_truth": gettext_lazy("Known truth"),
    "consensus": gettext_lazy("Consensus of readers"),
    "adjudicated": gettext_lazy("Adjudicated consensus"),
    "majority": gettext_lazy("Majority of readers"),
}
CLASS_WORDS: dict[int | None, Any] = {
    1: gettext_lazy("Complex"),
    0: gettext_lazy("Not complex"),
    9: gettext_lazy("Can’t assess"),
    None: gettext_lazy("No result"),
}
FIGURE_WORDS = {
    "observed": gettext_lazy("Same class"),
    "kappa": gettext_lazy("Cohen’s kappa"),
    "ac1": gettext_lazy("Gwet AC1"),
    "pabak": gettext_lazy("PABAK"),
    "positive": gettext_lazy("Both say complex"),
    "negative": gettext_lazy("Both say not complex"),
    "accuracy": gettext_lazy("Accuracy"),
    "sensitivity": gettext_lazy("Sensitivity"),
    "specificity": gettext_lazy("Specificity"),
    "ppv": gettext_lazy("PPV"),
    "npv": gettext_lazy("NPV"),
    "same_class": gettext_lazy("Same class"),
    "within_1mm": gettext_lazy("Thickness within 1.0 mm"),
    "dice": gettext_lazy("Dice, plaque only"),
    "answered": gettext_lazy("Model gave a class"),
    "observed_all": gettext_lazy("Same class, all studies"),
    "accuracy_all": gettext_lazy("Accuracy, all studies"),
    "sensitivity_all": gettext_lazy("Sensitivity, all studies"),
    "specificity_all": gettext_lazy("Specificity, all studies"),
}
METHOD_WORDS = {
    "wilson": gettext_lazy("Wilson"),
    "clopper-pearson": gettext_lazy("Clopper-Pearson"),
    "asymptotic": gettext_lazy("large sample"),
    "t": gettext_lazy("t"),
    "subject bootstrap": gettext_lazy("subjects resampled 2 000 times"),
    "newcombe": gettext_lazy("Newcombe"),
    "logit": gettext_lazy("logit scale"),
    "f": gettext_lazy("F"),
    "mover": gettext_lazy("MOVER"),
    "rank": gettext_lazy("ranks"),
    "jackknife": gettext_lazy("jackknife"),
}
KIND_WORDS = KINDS
SHARES = {"observed", "positive", "negative", "accuracy", "sensitivity", "specificity", "ppv", "npv"} | {"same_class"}
SHARES |= {"within_1mm", "within_05", "within_10"}
SHARES |= {"answered", "observed_all", "accuracy_all", "sensitivity_all", "specificity_all"}


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number with a real minus, and a plus where a sign is asked for; never "−0.00"."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return ("−" if value < 0 else "+" if sign else "") + text


def percent(value: float, *, sign: bool = False) -> str:
    """A share as "87.6 %"."""
    return f"{number(value * 100, 1, sign=sign)} %"


def _value(value: float, share: bool, sign: bool = False) -> str:
    return percent(value, sign=sign) if share else number(value, 2, sign=sign)


def why_not(reason: str, n: int) -> str:
    """Why there is no value, or no interval."""
    words = {
        "no-units": _("No figure yet."),
        "one-class": _("Undefined: both gave one and the same class to all."),
        "too-few": _("too few for an interval (n %(n)s)") % {"n": n},
        "no-spread": _("Undefined: the values do not vary."),
        "undefined-resamples": _("no interval: undefined in too many resamples"),
        "at-bound": _("no interval: all subjects alike"),
        "separated": _("Undefined: one probability parts the classes."),
    }
    return words.get(reason, "")


def interval_words(interval: Mapping[str, Any] | None, *, share: bool, sign: bool = False) -> str:
    """An interval as "82.1 to 91.6 %" or "0.64 to 0.83"; "" without one."""
    if interval is None:
        return ""
    low, high = float(interval["low"]), float(interval["high"])
    if share:
        ends = number(low * 100, 1, sign=sign), number(high * 100, 1, sign=sign)
        return _("%(low)s to %(high)s %%") % {"low": ends[0], "high": ends[1]}
    return _("%(low)s to %(high)s") % {"low": number(low, 2, sign=sign), "high": number(high, 2, sign=sign)}


@dataclass(frozen=True)
class Line:
    """One figure ready for a table row."""

    key: str
    label: str
    value: str
    interval: str
    method: str
    n: int
    note: str
    few: bool = False
    count: str = ""


def line(key: str, figure: Mapping[str, Any], *, subjects: int | None = None) -> Line:
    """A figure with its interval, n, and the reason for what is missing."""
    share, n = key in SHARES, int(figure["n"])
    shown = _value(figure["value"], share) if figure["value"] is not None else "–"
    count = figure.get("count")
    interval = figure["interval"]
    return Line(
        key=key,
        label=str(FIGURE_WORDS[key]),
        value=shown,
        interval=interval_words(interval, share=share),
        method=str(METHOD_WORDS[interval["method"]]) if interval else "",
        n=n,
        note=why_not(figure["reason"], n if subjects is None else subjects),
        few=figure["reason"] == "too-few",
        count=_("%(count)s of %(n)s") % {"count": count, "n": n} if count is not None and n else "",
    )


def against_words(selection: Selection) -> str:
    """The other side of the comparison by name."""
    if selection.reader is not None:
        return selection.reader.name
    return str(REFERENCE_WORDS.get(selection.against, ""))


@dataclass(frozen=True)
class Place:
    """How a study is named and where it is opened: its label only for people who may see studies."""

    label: str
    subject: str
    case: str
    href: str


def places(user: User, selection: Selection, studies: Iterable[str], second: str = "") -> dict[str, Place]:
    """Name and address of each study for this user; ``second`` is the id of a pipeline compared with the first."""
    ids = [uuid.UUID(text) for text in studies]
    project = selection.project
    sides = f"?{urlencode([('prefer', key) for key in preferred_sides(selection, second)])}"
    cases = case_ids(user, project, ids, selection.round)
    labels = study_labels(project, ids) if user.can(Capability.VIEW_STUDIES, project.pk) else {}
    found = {}
    # Finding the address of thousands of cases costs more than naming them: it is found once.
    stand_in = uuid.UUID(int=0)
    pattern = reverse("compare", args=[project.slug, stand_in]).split(str(stand_in))
    for study in ids:
        case, order = cases.get(study, (None, None))
        label, subject = labels.get(study, ("", ""))
        href = f"{str(case).join(pattern)}{sides}" if case else ""
        fallback = _("Case %(number)s") % {"number": order} if order else _("Case")
        found[str(study)] = Place(label or fallback, subject, str(case or ""), href)
    return found


def preferred_sides(selection: Selection, second: str = "") -> list[str]:
    """What a case is opened with: the two that are compared here, as far as the case offers them to this user."""
    kinds = [f"reference.{kind}" for kind in CONSENSUS_KINDS.get(selection.against, ())]
    other = [f"reader.{selection.reader.id}"] if selection.reader is not None else kinds
    models = [str(selection.pipeline.id)] if selection.pipeline is not None else []
    return [*other, *(f"pipeline.{key}" for key in [*models, second] if key)]


def query(selection: Selection, **more: str) -> str:
    """The page's filters as a query string, so that every link keeps them."""
    values = dict(selection.asked) | {
        "round": str(selection.round.pk) if selection.round else "",
        "pipeline": str(selection.pipeline.id) if selection.pipeline else "",
        "against": selection.against,
    }
    return urlencode({key: value for key, value in (values | more).items() if value})


def matrix(selection: Selection, counts: list[list[int]], address: Callable[[int, int], str]) -> dict[str, Any]:
    """The confusion table as rows of linked cells, with margins; a row for missing answers only where there are any.

    ``address`` gives the cases of a cell, "" for none, by row and column of ``CATEGORIES``.
    """
    shown = [i for i, name in enumerate(CATEGORIES) if name is not None or any(counts[i])]
    rows = []
    for i in shown:
        cells = []
        for j, column in enumerate(CATEGORIES):
            cells.append(
                {
                    "count": counts[i][j],
                    "href": address(i, j),
                    "kind": _cell_kind(i, j),
                    "column": str(CLASS_WORDS[column]),
                }
            )
        label = CLASS_WORDS[CATEGORIES[i]] if CATEGORIES[i] is not None else missing_words(selection)
        rows.append({"label": str(label), "cells": cells, "total": sum(counts[i])})
    totals = [sum(counts[i][j] for i in shown) for j in range(len(CATEGORIES))]
    return {
        "columns": [str(CLASS_WORDS[name]) for name in CATEGORIES],
        "rows": rows,
        "totals": totals,
        "total": sum(totals),
    }


def missing_words(selection: Selection) -> str:
    """The row of studies without the other side's answer."""
    return _("No read yet") if selection.reader is not None else _("No reference")


def _token(category: int | None) -> str:
    return "none" if category is None else str(category)


def _cell_kind(row: int, column: int) -> str:
    if row > 1 or column > 1:
        return "outside"
    return "agree" if row == column else "differ"


def sentence(selection: Selection, results: Mapping[str, Any]) -> str:
    """The one sentence of the page: a named reader is agreed with, only a reference is met or missed."""
    figure = results["class"]["observed"]
    if figure["value"] is None or selection.pipeline is None:
        return ""
    words = {
        "model": selection.pipeline.name,
        "other": against_words(selection),
        "count": figure["count"],
        "n": figure["n"],
        "share": percent(figure["value"]),
        "units": _("subjects") if results.get("unit") == "subject" else _("studies"),
    }
    text = _("%(model)s agrees with %(other)s in %(count)s of %(n)s %(units)s (%(share)s).") % words
    if selection.has_reference:
        text = _("%(model)s gives the class of the reference in %(count)s of %(n)s %(units)s (%(share)s).") % words
    return f"{text} {all_studies(results)}".strip()


def ground(selection: Selection, results: Mapping[str, Any]) -> str:
    """What the sentence stands on: interval, n and what is missing."""
    n, figure = results["n"], results["class"]["observed"]
    interval = interval_words(figure["interval"], share=True)
    first = _("95 %% CI %(interval)s") % {"interval": interval} if interval else ""
    if not interval and figure["value"] is not None:
        first = why_not(figure["reason"], results["class"]["subjects"])
    parts = [
        first,
        _("against: %(other)s") % {"other": against_words(selection)},
        ngettext("%(n)s subject", "%(n)s subjects", n["subjects"]) % {"n": n["subjects"]},
        ngettext("%(n)s study", "%(n)s studies", n["studies"]) % {"n": n["studies"]},
        ngettext("%(n)s frame", "%(n)s frames", n["frames"]) % {"n": n["frames"]},
        _("%(n)s missing") % {"n": n["missing"]},
        *left_out(n),
    ]
    return " · ".join(part for part in parts if part)


def in_order(figures: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Figures in the order of their words: a database may give keys of JSON back in another order than they came in."""
    return [(key, figures[key]) for key in FIGURE_WORDS if key in figures]


def no_result_words(counts: Mapping[str, int]) -> str:
    """How many studies have no class of the model, and why: "3 without a class: 2 no aorta found, 1 not run"."""
    if not counts:
        return _("The model gave a class to every study.")
    named = {**dict(NoResultReason.choices), UNNAMED: _("no reason given"), NOT_RUN: _("no prediction of this content")}
    reasons = [reason for reason in named if reason in counts] + sorted(counts.keys() - named.keys())
    parts = [f"{counts[reason]} {named.get(reason, reason)}" for reason in reasons]
    return _("%(n)s without a class: %(parts)s") % {"n": sum(counts.values()), "parts": ", ".join(parts)}


def all_studies(results: Mapping[str, Any]) -> str:
    """The headline once more over all studies, where some have no class: a model does not win by abstaining."""
    figures = results["coverage"]["figures"]
    figure = figures.get("accuracy_all") or figures["observed_all"]
    if figure["value"] is None or figure["n"] == results["class"]["observed"]["n"]:
        return ""
    share = {"count": figure["count"], "n": figure["n"], "share": percent(figure["value"])}
    return _("Over all studies, no result counted as not correct: %(count)s of %(n)s (%(share)s).") % share


def left_out(n: Mapping[str, int]) -> list[str]:
    """What the counts exclude, each only where there is any."""
    words = [
        (n["informed"], _("%(n)s signed after disclosure, left out")),
        (n["other_content"], _("%(n)s predicted on other content, left out")),
        (n["imported"], _("%(n)s imported, blinding unknown")),
    ]
    return [text % {"n": count} for count, text in words if count]


def dice_words(part: Mapping[str, Any]) -> dict[str, Any]:
    """The Dice card: median over subjects, quartiles, and the counts of frames."""
    median, subjects = part["median"], int(part["subjects"])
    value = median["value"]
    quartiles = part["quartiles"]
    return {
        "value": number(value, 2) if value is not None else "",
        "interval": interval_words(median["interval"], share=False),
        "note": why_not(median["reason"], subjects),
        "quartiles": [number(quartile, 2) for quartile in quartiles] if quartiles else [],
        "mean": number(part["mean"]["value"], 2) if part["mean"]["value"] is not None else "",
        **{
            key: part[key]
            for key in ("subjects", "scored", "missed", "false_marks", "true_negatives", "unknown", "no_result")
        },
    }


@dataclass(frozen=True)
class CaseRow:
    """One study in a list of cases."""

    place: Place
    subject: str
    reference: str
    model: str
    second: str
    probability: str
    reference_mm: str
    model_mm: str
    difference: str
    dice: str
    differs: bool


SHOW: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "dice": lambda unit: unit["dice"] is not None,
    "as_read": lambda unit: unit["kind"] is not None,
    "same_frame": lambda unit: unit["kind"] == "same_frame",
    "compared": lambda unit: unit["reference"] in (0, 1) and unit["model"] in (0, 1),
}


def narrowed(units: Iterable[Mapping[str, Any]], wanted: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The studies that a cell or chart is made of, in their order; an unknown filter value matches none."""
    rows = []
    for unit in units:
        if "ref" in wanted and _token(unit["reference"]) != wanted["ref"]:
            continue
        if "model" in wanted and _token(unit["model"]) != wanted["model"]:
            continue
        if "show" in wanted and not (wanted["show"] in SHOW and SHOW[wanted["show"]](unit)):
            continue
        rows.append(unit)
    return rows


def case_row(unit: Mapping[str, Any], place: Place) -> CaseRow:
    """One study of a list in words."""
    a, b, dice = unit["model_mm"], unit["reference_mm"], unit["dice"]
    both = unit["reference"] in (0, 1) and unit["model"] in (0, 1)
    return CaseRow(
        place=place,
        subject=unit["subject"],
        reference=str(CLASS_WORDS[unit["reference"]]) if unit["has_reference"] else "–",
        model=str(CLASS_WORDS[unit["model"]]),
        second=str(CLASS_WORDS[unit.get("second")]),
        probability=number(unit["probability"], 2) if unit["probability"] is not None else "–",
        reference_mm=number(b, 1) if b is not None else "–",
        model_mm=number(a, 1) if a is not None else "–",
        difference=number(a - b, 1, sign=True) if a is not None and b is not None else "–",
        dice=number(dice, 2) if dice is not None else "–",
        differs=both and unit["reference"] != unit["model"],
    )


def case_list_title(selection: Selection, wanted: Mapping[str, str]) -> str:
    """What the list shows, in words."""
    names = {_token(category): str(words) for category, words in CLASS_WORDS.items()}
    parts = []
    if wanted.get("ref") in names:
        reference = names[wanted["ref"]] if wanted["ref"] != "none" else missing_words(selection)
        parts.append(f"{against_words(selection)}: {reference}")
    if wanted.get("model") in names:
        parts.append(_("Model: %(class)s") % {"class": names[wanted["model"]]})
    return " · ".join(parts) or _("All cases of this comparison")
