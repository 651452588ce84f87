"""What all charts of the time tab share: the periods, the names of series, and what their limits promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.watch_models import PART_UNKNOWN

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

DASH = "–"


def false_alarms(report: Report) -> list[str]:
    """What the limits promise; nothing for a report that was frozen under limits which promised less."""
    promise = report.results.get("promise")
    if not promise:
        return []
    words = _("a steady pipeline raises any alarm in at most %(share)s of programmes of %(n)s further studies")
    told = words % {"share": present.percent(promise["chance"]), "n": promise["cases"]}
    counts = promise.get("parts") or {}
    named = [
        words % {"n": counts[name]}
        for name, words in (("site", _("in each of %(n)s sites")), ("scanner", _("with each of %(n)s scanners")))
        if counts.get(name)
    ]
    return [", ".join([told, _("watched as a whole"), *named]) if named else told]


class Axis:
    """The periods of all series in order, and where each stands."""

    def __init__(self, starts: Iterable[str], weeks: int) -> None:
        self.weeks = weeks
        given = sorted({date.fromisoformat(text) for text in starts})
        self.days: list[date] = []
        day = given[0] if given else None
        while day is not None and day <= given[-1]:
            self.days.append(day)
            day += timedelta(weeks=weeks)
        self.place = {day.isoformat(): place for place, day in enumerate(self.days)}

    @property
    def names(self) -> list[str]:
        return [date_format(day, "j M") for day in self.days]

    @property
    def words(self) -> str:
        if not self.days:
            return ""
        years = sorted({self.days[0].year, self.days[-1].year})
        text = "–".join(map(str, years))
        return (
            _("week from, %(year)s") % {"year": text}
            if self.weeks == 1
            else _("%(n)s weeks from, %(year)s") % {"n": self.weeks, "year": text}
        )

    def rules(self, report: Report) -> list[dict[str, Any]]:
        """A line where a further pipeline came into use."""
        found = []
        for change in report.results["changes"]:
            day = date.fromisoformat(change["at"])
            place = next(
                (i for i, start in enumerate(self.days) if start <= day < start + timedelta(weeks=self.weeks)), None
            )
            if place is not None:
                name = _("%(name)s from here") % {"name": pipeline_name(report, change["pipeline"])}
                found.append({"axis": "x", "at": place, "tone": "mute", "name": name, "width": 1})
        return found


def pipeline_name(report: Report, pipeline: str) -> str:
    return str(report.results["names"].get(pipeline, ""))


def series_name(report: Report, series: Mapping[str, Any]) -> str:
    name = pipeline_name(report, series["pipeline"])
    split = report.options.get("split", "")
    return f"{name}, {series[split] or PART_UNKNOWN[split]}" if split else name
