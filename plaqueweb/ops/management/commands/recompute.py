"""Compute the numbers of a run or of a frozen report again, and say whether they are the same."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q, QuerySet

from plaqueweb.agreement.models import AgreementRun, FrozenReport
from plaqueweb.agreement.recomputing import CLOSE, Outcome, recompute_report, recompute_run
from plaqueweb.core.models import WorkState

LISTED = 20


class Command(BaseCommand):
    help = (
        "Computes a run or a frozen report again from the rows its manifest names; exit status 1 when a number "
        "differs: at all under the same code, lock and machine, by more than 1e-12 otherwise."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", help="id or hash, or the first digits of one, as the page shows it")
        parser.add_argument("--json", action="store_true", help="the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = _find(options["run"])
        outcome = recompute_report(found) if isinstance(found, FrozenReport) else recompute_run(found)
        words = found.title if isinstance(found, FrozenReport) else f"run {found.input_hash[:12]}, {found.kind}"
        if options["json"]:
            self.stdout.write(json.dumps(as_json(words, outcome)))
        else:
            self.stdout.write("\n".join(told(words, outcome)))
        if not outcome.same:
            raise CommandError("not the same")


def _find(text: str) -> FrozenReport | AgreementRun:
    """The one report or run that an id or hash, or its beginning, names.

    Raises:
        CommandError: there is none, or there are several.
    """
    digits = text.strip().lower()
    if len(digits) < 8:
        raise CommandError("an id or hash needs at least its first 8 digits")
    # Reports first: a report names its runs, so that what is asked for by a title's hash is never one of its parts.
    for rows, hashed in ((FrozenReport.objects.all(), "sha256"), (AgreementRun.objects.all(), "input_hash")):
        found = list(_matching(rows, hashed, digits)[:5])
        if len(found) > 1:
            raise CommandError("several begin so: " + ", ".join(getattr(row, hashed)[:12] for row in found))
        if found:
            row: FrozenReport | AgreementRun = found[0]
            if isinstance(row, AgreementRun) and row.work_state != WorkState.DONE:
                raise CommandError(f"this run has no numbers yet: it is {row.work_state}")
            return row
    raise CommandError(f"there is no report and no run {text}")


def _matching(rows: QuerySet[Any], hashed: str, digits: str) -> QuerySet[Any]:
    hexadecimal = digits.replace("-", "")
    wanted = Q(**{f"{hashed}__startswith": digits})
    if len(hexadecimal) == 32 and all(digit in "0123456789abcdef" for digit in hexadecimal):
        wanted |= Q(pk=hexadecimal)
    return rows.filter(wanted).order_by("pk")


def told(words: str, outcome: Outcome) -> list[str]:
    """The outcome line by line."""
    lines = [words]
    lines.append(
        "same code, lock and machine: every number must be equal" if outcome.exact
        else f"other code, lock or machine, or not known: numbers may lie {CLOSE:g} apart"
    )  # fmt: skip
    if not outcome.intact:
        lines.append("NOT INTACT: the stored text does not fit its hash")
    for tab in outcome.tabs:
        far = max((one.apart for one in tab.moved if one.apart is not None), default=0.0)
        state = "differs" if tab.beyond else "equal" if not tab.moved else f"within {far:.1e}"
        lines.append(f"{tab.name:<16}{tab.numbers:>8} numbers  {state}")
        lines += [f"    {one.where}: {one.was!r} is now {one.now!r}" for one in tab.beyond[:LISTED]]
        if len(tab.beyond) > LISTED:
            lines.append(f"    and {len(tab.beyond) - LISTED} more")
    lines += [f"row {row}" for row in outcome.changed_rows[:LISTED]]
    if len(outcome.changed_rows) > LISTED:
        lines.append(f"and {len(outcome.changed_rows) - LISTED} more rows")
    return lines


def as_json(words: str, outcome: Outcome) -> dict[str, Any]:
    """The outcome as data."""
    return {
        "of": words,
        "same": outcome.same,
        "exact": outcome.exact,
        "intact": outcome.intact,
        "tabs": [
            {
                "tab": tab.name, "numbers": tab.numbers, "moved": len(tab.moved),
                "differ": [{"where": one.where, "was": one.was, "now": one.now} for one in tab.beyond],
            }
            for tab in outcome.tabs
        ],
        "changed_rows": list(outcome.changed_rows),
    }  # fmt: skip
