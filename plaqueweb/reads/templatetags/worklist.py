"""The rows of the worklist's table in one piece: a page of 50 has 600 values, and a template takes 30 µs for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from plaqueweb.core.templatetags.ui import chip, clock
from plaqueweb.reads.choices import MODEL_ARMS
from plaqueweb.reads.models import Assignment

register = template.Library()

ROW = (
    '<tr data-row="{public_id}" data-name="{name}"{marks}><th scope="row"><a href="{url}">{name}</a></th>'
    '<td>{state}</td><td class="num">{clips}</td><td>{scale}</td><td class="said">{class_words}</td>'
    '<td class="num said">{thickness_words}</td><td class="num">{time}</td>'
    '<td class="wrap" title="{note_words}">{note_words}{act}</td></tr>\n'
)
TEXTS = ("public_id", "name", "url", "clips", "scale", "class_words", "thickness_words", "note_words")


@register.simple_tag
def case_rows(rows: Iterable[Mapping[str, Any]], chosen_url: str) -> SafeString:
    """Return the rows of ``sitting.worklist_context``; the one at ``chosen_url`` is selected. Every text is escaped."""
    chips: dict[str, str] = {}
    correct, correct_words = escape(_("Correct")), escape(_("Correct the answer: %(name)s"))
    written = []
    for row in rows:
        state = row["state"]
        if state not in chips:
            chips[state] = chip(state, row["state_words"])
        marks = ' aria-selected="true"' if row["url"] == chosen_url else ""
        if row["skip_url"]:
            marks += f' data-skip-url="{escape(row["skip_url"])}"'
        texts = {key: escape(str(row[key])) for key in TEXTS}
        time = clock(row["active_seconds"]) if row["active_seconds"] else "–"
        act = ""
        if row["correct_url"]:
            words = correct_words % {"name": texts["name"]}
            gap = " " if texts["note_words"] else ""
            act = f'{gap}<a href="{escape(row["correct_url"])}" aria-label="{words}">{correct}</a>'
        written.append(ROW.format(marks=marks, state=chips[state], time=time, act=act, **texts))
    return mark_safe("".join(written))  # every value was escaped above


@register.filter
def presentation(case: Assignment) -> str:
    """Return what a case is to its reader: first reading, hidden repeat, answer with the model, given frames."""
    again = bool(case.repeat_no)
    if case.arm in MODEL_ARMS:
        if case.stage_no > 1:
            return _("with the model, after the blind answer")
        return _("with the model from the start, hidden repeat") if again else _("with the model from the start")
    if case.stage_no > 1:
        return _("given frames")
    return _("hidden repeat") if again else _("first reading")
