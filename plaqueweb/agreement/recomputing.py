"""Recomputing: the numbers of a run or of a frozen report once more, from the rows that its manifest names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plaqueweb.agreement import provenance
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.models import AgreementRun, FrozenReport
from plaqueweb.agreement.report_models import inputs_of
from plaqueweb.agreement.services import input_hash, results_of
from plaqueweb.predictions.models import Pipeline

CLOSE = 1e-12
"""Relative, and absolute around zero: how far numbers may lie apart that other code or another machine counted."""
NAMES = frozenset({"name", "names"})
"""Words that a person may change without changing a number."""
SAME_CODE = ("sources", "lock", "python", "machine", "packages")


@dataclass(frozen=True)
class Difference:
    """A number that is another one now; ``apart`` is relative, None where it is no number or one is missing."""

    where: str
    was: Any
    now: Any
    apart: float | None


@dataclass(frozen=True)
class Checked:
    """What came out of one tab: numbers looked at, those that differ at all, and those beyond what is allowed."""

    name: str
    numbers: int
    moved: tuple[Difference, ...]
    beyond: tuple[Difference, ...]


@dataclass(frozen=True)
class Outcome:
    """A whole recomputation. ``exact``: code, lock and machine are the same, so nothing may move."""

    exact: bool
    intact: bool
    tabs: tuple[Checked, ...]
    changed_rows: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Tell whether everything is as it was."""
        return self.intact and not self.changed_rows and not any(tab.beyond for tab in self.tabs)


def recompute_report(report: FrozenReport) -> Outcome:
    """Recompute every tab of a report from the ids in its manifest, later reads or not, and look at the rows again."""
    body = report.manifest
    exact = same_code(body["code"])
    tabs = []
    for tab in body["tabs"]:
        manifest = inputs_of(body, tab)
        whole = input_hash(manifest) == tab["input_hash"]
        checked = _checked(tab["tab"], manifest, tab["results"], exact=exact)
        if not whole:
            broken = Difference("inputs", tab["input_hash"], input_hash(manifest), None)
            checked = Checked(checked.name, checked.numbers, checked.moved, (broken, *checked.beyond))
        tabs.append(checked)
    return Outcome(exact, report.intact, tuple(tabs), tuple(changed_rows(body)))


def recompute_run(run: AgreementRun) -> Outcome:
    """Recompute one cached run; which lock counted it is not known, so numbers may lie ``CLOSE`` apart."""
    intact = input_hash(run.manifest) == run.input_hash
    return Outcome(False, intact, (_checked(run.kind, run.manifest, run.results, exact=False),), ())


def _checked(kind: str, manifest: dict[str, Any], results: Mapping[str, Any], *, exact: bool) -> Checked:
    again = results_of(registry.board_of(kind), manifest)
    numbers = sum(1 for _where, value in leaves(results) if _is_number(value))
    moved = tuple(differences(results, again))
    beyond = moved if exact else tuple(one for one in moved if not close(one.was, one.now))
    return Checked(kind, numbers, moved, beyond)


def same_code(then: Mapping[str, Any]) -> bool:
    """Tell whether this is the code, the lock and the machine's kind that a report was counted with."""
    now = provenance.code()
    return all(then.get(key) == now[key] for key in SAME_CODE)


def differences(was: Any, now: Any, where: str = "") -> Iterator[Difference]:
    """Every leaf of two JSON values that is not the same, names of people and pipelines aside."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in [*was, *(key for key in now if key not in was)]:
            if key not in NAMES:
                yield from differences(was.get(key), now.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(was, list) and isinstance(now, list | tuple) and len(was) == len(now):
        for place, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif not _equal(was, now):
        yield Difference(where, was, now, _apart(was, now))


def _equal(was: Any, now: Any) -> bool:
    if _is_number(was) and _is_number(now):
        return float(was) == float(now)
    return type(was) is type(now) and bool(was == now)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _apart(was: Any, now: Any) -> float | None:
    if not (_is_number(was) and _is_number(now)):
        return None
    largest = max(abs(was), abs(now))
    return abs(was - now) / largest if largest else 0.0


def close(was: Any, now: Any) -> bool:
    """Tell whether two numbers lie no further apart than ``CLOSE``; what is no number never does."""
    return _is_number(was) and _is_number(now) and math.isclose(was, now, rel_tol=CLOSE, abs_tol=CLOSE)


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a JSON value with its place."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from leaves(part, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from leaves(part, f"{where}[{place}]")
    else:
        yield where, value


def changed_rows(body: Mapping[str, Any]) -> Iterator[str]:
    """Rows behind a report that are gone or are not the same any more, in words."""
    manifests = [inputs_of(body, tab) for tab in body["tabs"]]
    now = provenance.made_of(manifests)
    for kind in ("reads", "consensus", "predictions"):
        found = {row["id"]: row for row in now[kind]}
        for row in body["made_of"][kind]:
            if row["id"] not in found:
                yield f"{kind} {row['id']}: gone"
            elif found[row["id"]] != row:
                yield f"{kind} {row['id']}: changed"
    hashes = {str(pk): (hash_, one, two) for pk, hash_, one, two in Pipeline.objects.filter(
        pk__in=[row["id"] for row in body["made_of"]["pipelines"]]
    ).values_list("pk", "hash", "classifier__sha256", "segmenter__sha256")}  # fmt: skip
    for row in body["made_of"]["pipelines"]:
        if hashes.get(row["id"]) != (row["hash"], row["classifier"]["sha256"], row["segmenter"]["sha256"]):
            yield f"pipelines {row['id']}: changed"
