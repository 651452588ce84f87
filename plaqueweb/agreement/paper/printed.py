"""A frozen report as sections for one template: sentences, methods, flow, tables, figures, checklists, hashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.agreement import present
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.freezing import NEEDS
from plaqueweb.agreement.models import FrozenReport
from plaqueweb.agreement.paper import tables
from plaqueweb.agreement.paper.blocks import Block, Figure, Paragraph, Section, Table, figure, numbered, table
from plaqueweb.agreement.paper.checklists import CLAIM, TRIPOD, Answered, count_words, filled
from plaqueweb.agreement.paper.facts import Facts
from plaqueweb.agreement.paper.flow import draw_flow
from plaqueweb.agreement.paper.rebuilt import tabs_of
from plaqueweb.agreement.report import Report


@dataclass(frozen=True)
class Checklist:
    """One checklist with its answers."""

    key: str
    title: str
    items: list[Answered]
    words: str


@dataclass(frozen=True)
class Paper:
    """Everything the page says."""

    sections: list[Section]
    checklists: list[Checklist]
    simulated: bool
    synthetic: bool


def paper_of(frozen: FrozenReport, user: User) -> Paper:
    """The printable report; the numbers come from the manifest alone."""
    facts = Facts(frozen.manifest)
    tabs = tabs_of(frozen, user)
    sections = [_summary(tabs["overview"]), _methods(facts), _material(facts)]
    for slug, report in tabs.items():
        blocks = BLOCKS.get(slug, _charts)(report, report.board.present(report))
        if slug == "time" and (listed := tables.alarms(facts)) is not None:
            blocks.append(listed)
        sections.append(Section(slug, str(report.board.title), [block for block in blocks if block is not None]))
    sections.append(_behind(facts, frozen))
    checklists = [
        _checklist("claim", _("CLAIM, 2024 update"), CLAIM, facts),
        _checklist("tripod", _("TRIPOD+AI"), TRIPOD, facts),
    ]
    return Paper(numbered(sections), checklists, facts.overview["simulated"], facts.overview["synthetic"])


def _checklist(key: str, title: str, items: Any, facts: Facts) -> Checklist:
    answered = filled(items, facts)
    return Checklist(key, title, answered, count_words(answered))


def _summary(report: Report) -> Section:
    context = report.board.present(report)
    blocks: list[Block] = []
    if context["human"]:
        blocks += [Paragraph(context["human"]["text"], strong=True), Paragraph(context["human"]["ground"])]
    sentence = context["sentence"] or _("No study was given a class by both.")
    blocks += [Paragraph(sentence, strong=not context["human"]), Paragraph(context["ground"])]
    return Section("summary", _("Result in short"), blocks)


def _methods(facts: Facts) -> Section:
    """The methods in the order in which a paper tells them, from the same facts as the checklists."""
    order = (
        ("goal", "source", "dates", "eligibility"),
        ("acquisition", "deidentification", "subsets", "preprocessing"),
        ("annotators", "annotation", "blinding"),
        ("reference",),
        ("technology", "model", "output", "training"),
        ("partitions", "disjoint", "missing"),
        ("measures", "uncertainty", "heterogeneity"),
        ("software", "limits_known"),
    )
    told = [" ".join(part for name in names if (part := getattr(facts, name)())) for names in order]
    return Section("methods", _("Methods"), [Paragraph(text) for text in told if text])


def _material(facts: Facts) -> Section:
    flow = facts.flow
    drawn = Figure(
        _("Flow of the studies (STARD)"),
        _("each study stands in exactly one box"),
        draw_flow(flow, facts.other),
        foot="" if flow.adds_up else _("These counts do not add up: the rows behind this report are not whole."),
    )
    found = [tables.characteristics(facts), tables.readers(facts), tables.rounds(facts), tables.weights(facts)]
    return Section("material", _("Material"), [drawn, *(one for one in found if one is not None)])


def _behind(facts: Facts, frozen: FrozenReport) -> Section:
    blocks: list[Block] = [tables.behind(facts, frozen.sha256)]
    titles = {board.slug: str(board.title) for board in registry.BOARDS}
    blocks += [
        Paragraph(
            _("Not in this report: %(tab)s, because %(why)s.")
            % {"tab": titles.get(row["tab"], row["tab"]), "why": NEEDS.get(row["needs"], row["needs"])}
        )
        for row in facts.body["left_out"]
    ]
    return Section("behind", _("Reproducibility"), blocks)


Context = Mapping[str, Any]
Blocks = list[Block]


def _overview(report: Report, context: Context) -> Blocks:
    charts = context["charts"]
    blocks: Blocks = [*table(charts["confusion"], _("Class of model and other side")), tables.performance(context)]
    if "ceiling" in charts:
        sides = (("phys", _("two readers")), ("model", _("model and one reader")))
        ceiling = replace(charts["ceiling"], legend=sides, foot=_("lines: 95 % CI over resampled subjects"))
        blocks += [figure(ceiling), *table(ceiling)]
    trust = context["trust"]
    return [*blocks, figure(trust), *table(trust), *_dice(context["dice"])]


def _dice(dice: Mapping[str, Any]) -> Blocks:
    if not dice["value"]:
        return []
    text = _(
        "Dice, plaque only: median %(value)s over %(subjects)s subjects%(interval)s; %(scored)s frames scored, of them "
        "%(missed)s on which the model marked nothing and %(false)s on which the reader saw no plaque (both count 0); "
        "%(true)s true negatives and %(unknown)s unknown frames are not counted."
    ) % {
        "value": dice["value"], "subjects": dice["subjects"], "scored": dice["scored"], "missed": dice["missed"],
        "interval": _(" (95 %% CI %(ends)s)") % {"ends": dice["interval"]} if dice["interval"] else "",
        "false": dice["false_marks"], "true": dice["true_negatives"], "unknown": dice["unknown"],
    }  # fmt: skip
    return [Paragraph(text)]


def _classification(report: Report, context: Context) -> Blocks:
    charts = context["charts"]
    return [
        figure(charts["roc"], half=True),
        figure(charts["reliability"], half=True),
        figure(charts["thresholds"]),
    ]


def _segmentation(report: Report, context: Context) -> Blocks:
    charts = context["charts"]
    rows = [
        (
            line["label"], line["readers"], line["readers_interval"] or "–", line["readers_n"], line["model"],
            line["model_interval"] or "–", line["model_n"], line["without"],
        )
        for line in context["distances"]
    ]  # fmt: skip
    columns = [
        (_("Distance"), False), (_("Two readers"), True), (_("95 % CI"), True), (_("Frames"), True),
        (_("Model and reader"), True), (_("95 % CI"), True), (_("Frames"), True), (_("Without"), True),
    ]  # fmt: skip
    distances = [Table(_("Borders of the masks, same frame"), columns, rows)] if rows else []
    return [figure(charts["by-size"]), *table(charts["by-size"]), *distances, figure(charts["over-area"])]


def _measurement(report: Report, context: Context) -> Blocks:
    charts = context["charts"]
    rows = context["coefficients"]
    columns = [(_("Figure"), False), (_("Value"), True), (_("95 % CI"), True), (_("n"), True)]
    coefficients = [Table(_("Thickness, coefficients"), columns, rows, str(context["kind_words"]))]
    readers, choice = context["readers"], context["choice"]
    told: Blocks = []
    if readers:
        text = _(
            "Two readers on the same cases: mean absolute difference %(mae)s, limits about zero %(limits)s; %(n)s."
        )
        told.append(Paragraph(text % readers))
    if choice:
        text = _(
            "Choice of frame: mean absolute difference %(read)s each on its own frame and %(same)s on the other "
            "side’s; part of the squared error that comes from the choice %(share)s; %(n)s."
        )
        told.append(Paragraph(text % choice))
    return [
        figure(charts["bland-altman"]),
        figure(charts["scatter-thickness"], half=True),
        figure(charts["digits"], half=True),
        figure(charts["straddle"]),
        *(coefficients if not charts["bland-altman"].missing else []),
        *told,
        figure(charts["bland-altman-area"]),
        figure(charts["scatter-area"]),
    ]


def _readers(report: Report, context: Context) -> Blocks:
    charts = context["charts"]
    columns = [(_("All readers at once"), False), (_("Value"), True), (_("95 % CI"), True), (_("n"), True)]
    rows = [(line["label"], line["value"], line["interval"] or "–", line["n"]) for line in context["overall"]]
    overall = [Table(_("Agreement of all readers"), columns, rows)] if rows else []
    told: Blocks = [figure(charts["kappa"], foot=False), *table(charts["kappa"]), *overall]
    for key in ("bias", "repeats"):
        told += [figure(charts[key]), *table(charts[key])]
    return [*told, figure(charts["time"], half=True), figure(charts["order"], half=True)]


def _pipelines(report: Report, context: Context) -> Blocks:
    differences, parts = context["ordered"]
    plan, test = context["plan"], context["test"]
    told: Blocks = [Paragraph(context["verdict"], strong=True), Paragraph(context["verdict_ground"])]
    told.append(
        Paragraph(
            _("Margin %(margin)s, set by %(who)s on %(at)s; McNemar over subjects: gained %(g)s, lost %(l)s, p %(p)s.")
            % {
                "margin": context["margin_words"], "who": plan.by.name, "at": plan.created_at.strftime("%Y-%m-%d"),
                "g": test["gained"], "l": test["lost"], "p": present.number(test["p"], 3),
            }
        )
    )  # fmt: skip
    flips = Table(
        _("Studies whose class changed, first → second"),
        [(_("Kind"), False), (_("Studies"), True)],
        [(str(kind["label"]), str(kind["count"])) for kind in context["flips"]],
    )
    return [*told, figure(differences), *table(differences), flips, figure(parts), *table(parts)]


def _time(report: Report, context: Context) -> Blocks:
    drawn = [figure(chart, half=True) for chart in context["signals"] if not chart.missing]
    return [*map(figure, context["agreement"]), *drawn]


def _subgroups(report: Report, context: Context) -> Blocks:
    return [figure(context["chart"]), *table(context["chart"])]


def _charts(report: Report, context: Context) -> Blocks:
    """Of a tab that has no page of its own here: every chart with its table."""
    return [block for chart in context.get("charts", {}).values() for block in (figure(chart), *table(chart))]


BLOCKS: dict[str, Callable[[Report, Context], Blocks]] = {
    "overview": _overview,
    "classification": _classification,
    "segmentation": _segmentation,
    "measurement": _measurement,
    "readers": _readers,
    "pipelines": _pipelines,
    "time": _time,
    "subgroups": _subgroups,
}
