"""The tables of a report that no tab has: people, readers, rounds, weights, hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.paper.blocks import Table
from plaqueweb.agreement.paper.facts import Facts
from plaqueweb.agreement.paper.facts_study import ACCURACY, POLICY_WORDS, day
from plaqueweb.agreement.report_models import inputs_of, tab_of
from plaqueweb.agreement.watch_models import PART_UNKNOWN, AlarmChart, AlarmDecision, AlarmState
from plaqueweb.reads.choices import Speciality
from plaqueweb.studies.choices import CalibrationSource

ORDER = (*ACCURACY, "answered", "observed_all", *(f"{key}_all" for key in ACCURACY[:3]), "observed", "kappa", "ac1",
         "pabak", "positive", "negative")  # fmt: skip
"""The figures of the class in the order of a table."""


def _share(n: int, total: int) -> str:
    return f"{n} ({present.percent(n / total)})" if total else str(n)


def _sites(data: Mapping[str, Any]) -> dict[str, int]:
    """Studies by site; none where no study has one, and in a report that was frozen before there were sites."""
    found: dict[str, int] = data.get("sites", {})
    return found if any(found) else {}


def characteristics(facts: Facts) -> Table:
    """Subjects by sex and age, studies by site and scanner, clips and scale."""
    data = facts.dataset_of
    people, studies = data["subjects"], len(data["studies"])
    sexes = {"F": _("female"), "M": _("male"), "O": _("other")}
    rows = [(_("Subjects"), str(people)), (_("Studies"), str(studies))]
    for key, n in sorted(data["sex"].items(), key=lambda item: (not item[0], item[0])):
        rows.append((_("Sex: %(sex)s") % {"sex": sexes.get(key, _("not known"))}, _share(n, people)))
    for key, n in sorted(data["age_band"].items(), key=lambda item: (not item[0], item[0])):
        rows.append((_("Age: %(band)s") % {"band": key or _("not known")}, _share(n, people)))
    for key, n in _sites(data).items():
        rows.append((_("Studies, site: %(name)s") % {"name": key or _("not known")}, _share(n, studies)))
    for key, n in data["scanners"].items():
        rows.append((_("Studies, scanner: %(name)s") % {"name": key or _("not known")}, _share(n, studies)))
    rows += [(_("Clips, frames"), f"{data['clips']}, {data['frames']}")]
    known = dict(CalibrationSource.choices)
    rows += [
        (_("Regions: %(scale)s") % {"scale": known.get(key, key)}, str(n)) for key, n in data["scale_from"].items()
    ]
    if data["synthetic_clips"]:
        rows.append((_("Synthetic clips"), _share(data["synthetic_clips"], data["clips"])))
    columns = [(_("Characteristic"), False), (_("n (%)"), True)]
    return Table(_("Subjects and studies of the comparison"), columns, rows)


def readers(facts: Facts) -> Table | None:
    """Who read: profile, practice, reads that count."""
    people = facts.made_of["readers"]
    if not people:
        return None
    primary = set(inputs_of(facts.body, tab_of(facts.body, "overview"))["reads"])
    counted: dict[str, int] = {}
    for read in facts.made_of["reads"]:
        if read["id"] in primary:
            counted[read["reader"]] = counted.get(read["reader"], 0) + 1
    known: dict[str, Any] = dict(Speciality.choices)
    rows = [
        (
            row["name"],
            _("simulated reader") if row["simulated"] else str(known.get(row["speciality"], "–")),
            _dash(row["years"]),
            _dash(row["tee_count"]),
            "; ".join(f"{one['agree']} / {one['cases']}" for one in row["practice"]) or "–",
            str(counted.get(row["id"], 0)),
        )
        for row in people
    ]
    columns = [
        (_("Reader"), False), (_("Speciality"), False), (_("Years"), True), (_("TEE examinations"), True),
        (_("Practice: agreed / cases"), True), (_("Reads that count"), True),
    ]  # fmt: skip
    return Table(_("Readers, by their own profile"), columns, rows)


def _dash(value: Any) -> str:
    return "–" if value is None else str(value)


def rounds(facts: Facts) -> Table | None:
    """How was read, under which rule."""
    if not facts.made_of["rounds"]:
        return None
    rows = [
        (
            row["name"],
            str(POLICY_WORDS.get(row["policy"], row["policy"])).split(":")[0],
            f"{row['case_list']['name']} {row['case_list']['hash'][:12]}",
            str(row["protocol"]["version"]),
            str(row["seed"]),
            day(row["opened_at"]) or "–",
            day(row["closed_at"]) or _("goes on"),
        )
        for row in facts.made_of["rounds"]
    ]
    columns = [
        (_("Round"), False), (_("Policy"), False), (_("Case list and hash"), False), (_("Protocol"), True),
        (_("Seed"), True), (_("Opened"), False), (_("Closed"), False),
    ]  # fmt: skip
    return Table(_("Rounds whose reads count"), columns, rows)


def weights(facts: Facts) -> Table | None:
    """What was run, by hash."""
    rows = []
    for line in facts.pipelines:
        rows.append((line["name"], _("pipeline"), present.number(line["threshold"], 2), line["hash"]))
        for key, words in (("classifier", _("classifier")), ("segmenter", _("segmenter"))):
            model = line[key]
            rows.append((f"{model['name']} {model['version']}", words, "", model["sha256"]))
    if not rows:
        return None
    columns = [(_("Name"), False), (_("What"), False), (_("Threshold"), True), (_("SHA-256"), False)]
    return Table(_("Pipelines and weights"), columns, rows)


def performance(context: Mapping[str, Any]) -> Table:
    """Every figure of the class with interval, method and n."""
    every = {line.key: line for line in [*context["accuracy"], *context["coverage"], *context["figures"]]}
    lines = [every[key] for key in ORDER if key in every]  # a manifest keeps its keys by the alphabet
    rows = [
        (line.label, line.value, line.interval or line.note or "–", line.method or "–", line.count or str(line.n))
        for line in lines
    ]
    columns = [
        (_("Figure"), False), (_("Value"), True), (_("95 % CI"), True), (_("Interval"), False), (_("n"), True),
    ]  # fmt: skip
    return Table(_("Class: model against the other side"), columns, rows, context["no_result_words"])


def alarms(facts: Facts) -> Table | None:
    """What went beyond its limits, and what was decided."""
    found = facts.body["alarms"]
    if not found:
        return None
    charts, states, decisions = dict(AlarmChart.choices), dict(AlarmState.choices), dict(AlarmDecision.choices)
    rows = []
    for row in found:
        decided = (states.get(row["state"]), row["cause"], decisions.get(row["decision"]))
        rows.append(
            (
                str(charts.get(row["chart"], row["chart"])),
                ", ".join(part for part in (row["pipeline"], _part_of(row)) if part),
                row["from"],
                present.number(row["value"], 2),
                present.number(row["limit"], 2),
                str(row["n"]),
                " · ".join(str(part) for part in decided if part),
            )
        )
    columns = [
        (_("Alarm"), False), (_("Pipeline"), False), (_("From"), False), (_("Value"), True), (_("Limit"), True),
        (_("n"), True), (_("State, cause, decision"), False),
    ]  # fmt: skip
    return Table(_("Alarms"), columns, rows)


def _part_of(row: Mapping[str, Any]) -> str:
    """The site or scanner of an alarm; reports frozen earlier know scanners alone."""
    if "split" not in row:
        return str(row["scanner"])
    return row["part"] or str(PART_UNKNOWN.get(row["split"], ""))


def behind(facts: Facts, sha256: str) -> Table:
    """What is needed to count it again."""
    code, made = facts.body["code"], facts.made_of
    rows = [
        (_("This report’s manifest, SHA-256"), sha256),
        (_("Data set, SHA-256"), facts.dataset_of["sha256"]),
        (_("Source code, SHA-256"), code["sources"]),
        (_("Commit"), code["commit"] or "–"),
        (_("Lock of dependencies, SHA-256"), code["lock"] or "–"),
        (_("Python, machine"), f"{code['python']}, {code['machine']}"),
        (_("Packages"), ", ".join(f"{name} {version}" for name, version in code["packages"].items())),
        (_("Resamples, seed"), f"{facts.body['statistics']['resamples']}, {facts.body['statistics']['seed']}"),
        (_("Reads, references, predictions"),
         f"{len(made['reads'])}, {len(made['consensus'])}, {len(made['predictions'])}"),
        (_("To count it again"), f"manage.py recompute {sha256[:12]}"),
    ]  # fmt: skip
    return Table(_("Behind every number"), [(_("What"), False), (_("Value"), False)], rows)
