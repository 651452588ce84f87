"""Template tags of the components: icons, chips, keycaps, and how numbers are written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()

# state -> (glyph, tone): glyph and word carry the state, colour only underlines it
CHIPS: dict[str, tuple[str, str]] = {
    "created": ("waits", ""),
    "assigned": ("waits", ""),
    "received": ("queued", ""),
    "queued": ("queued", ""),
    "running": ("arc", "run"),
    "parsed": ("arc", "run"),
    "opened": ("half", "half"),
    "open": ("half", "half"),
    "completed": ("full", "full"),
    "done": ("tick", "ok"),
    "signed": ("tick", "ok"),
    "stored": ("tick", "ok"),
    "agreed": ("tick", "ok"),
    "adjudicated": ("tick", "ok"),
    "active": ("tick", "ok"),
    "quarantined": ("diamond", "ask"),
    "held": ("diamond", "ask"),
    "discordant": ("diamond", "ask"),
    "failed": ("octagon", "bad"),
    "refused": ("octagon", "bad"),
    "dead": ("octagon", "bad"),
    "skipped": ("barred", ""),
    "cancelled": ("barred", ""),
    "withdrawn": ("barred", ""),
    "reassigned": ("barred", ""),
    "retired": ("barred", ""),
    "registered": ("waits", ""),
    "evaluated": ("full", "full"),
    "shadow": ("half", "half"),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return a decorative icon of the sprite."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"></use></svg>', name)


@register.simple_tag
def chip(state: str, words: Any = "") -> SafeString:
    """Return glyph and word of a state; ``words`` replaces the state's own name."""
    glyph, tone = CHIPS.get(str(state), ("waits", ""))
    return format_html(
        '<span class="chip" data-tone="{}" data-state="{}"><svg class="icon" aria-hidden="true">'
        '<use href="#s-{}"></use></svg><span>{}</span></span>',
        tone, state, glyph, words or _(str(state)),
    )  # fmt: skip


@register.simple_tag
def glyph(state: str) -> SafeString:
    """Return the glyph of a state alone; the words stand beside it."""
    name, _tone = CHIPS.get(str(state), ("waits", ""))
    return format_html('<svg class="icon glyph" aria-hidden="true"><use href="#s-{}"></use></svg>', name)


@register.filter
def tone(state: str) -> str:
    """Return the tone of a state, as the chips carry it."""
    return CHIPS.get(str(state), ("waits", ""))[1]


@register.simple_tag
def bar(done: int | None, total: int | None) -> SafeString | str:
    """Return a small bar while something runs, nothing otherwise."""
    if not total:
        return ""
    return format_html('<progress class="inline" max="{}" value="{}"></progress>', total, done or 0)


@register.simple_tag
def parts(*, total: int, signed: int = 0, completed: int = 0, open: int = 0) -> SafeString:
    """Return a bar in parts: signed, completed, open (hatched), and what is left."""
    at, rects = 0.0, []
    for name, count in (("signed", signed), ("completed", completed), ("open", open)):
        width = 100.0 * count / total if total else 0.0
        rects.append((f"{at:.2f}", name, f"{width:.2f}"))
        at += width
    inner = format_html_join("", '<rect x="{}%" class="{}" width="{}%" height="6"></rect>', rects)
    return format_html('<svg class="parts" aria-hidden="true">{}</svg>', inner)


@register.simple_tag
def dots(done: int, total: int) -> SafeString:
    """Return one dot a reader, filled where signed, with the count; from seven on the count alone."""
    circles = SafeString("")
    if total <= 6:
        places = ((5 + i * 11, "full" if i < done else "") for i in range(total))
        circles = format_html(
            '<svg class="dots" width="{}" height="12" aria-hidden="true">{}</svg>',
            total * 11 + 5,
            format_html_join("", '<circle cx="{}" cy="6" r="3.5" class="{}"></circle>', places),
        )
    return format_html('<span class="dots-line">{}{}/{}</span>', circles, done, total)


@register.filter
def arrived(at: datetime | None) -> str:
    """Return a time as ``12:03`` today, ``Fri`` in the last week, else ``3 Oct``."""
    if at is None:
        return "–"
    local, now = timezone.localtime(at), timezone.localtime()
    if local.date() == now.date():
        return date_format(local, "H:i")
    return date_format(local, "D" if now - local < timedelta(days=7) else "j M")


@register.simple_tag
def keycap(*keys: str) -> SafeString:
    """Return one keycap per key."""
    return format_html_join("", '<kbd class="keycap">{}</kbd>', ((key,) for key in keys))


@register.filter
def minus(value: Any) -> str:
    """Write minus signs as −."""
    return str(value).replace("-", "−")


@register.filter
def decimals(value: float | None, places: int = 1) -> str:
    """Return a number with fixed decimals and a real minus sign, or – where there is none."""
    return "–" if value is None else minus(f"{value:.{places}f}")


@register.filter
def mm(value: float | None) -> str:
    """Return a length as ``6.9 mm``, or – where there is none."""
    return "–" if value is None else f"{decimals(value, 1)} mm"


@register.filter
def percent(value: float | None, places: int = 0) -> str:
    """Return a share in per cent: ``0.876`` is ``88 %``."""
    return "–" if value is None else f"{decimals(value * 100, places)} %"


@register.filter
def clock(seconds: float | None) -> str:
    """Return seconds as ``m:ss``."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


@register.filter
def class_words(value: int | None) -> str:
    """Return a class as its digit and word."""
    words = {0: _("0 not complex"), 1: _("1 complex"), 9: _("can’t assess")}
    return "–" if value is None else words.get(value, str(value))


@register.filter
def as_words(value: Any) -> str:
    """Return a stored value as a person writes it: lists by commas, nothing as –."""
    if isinstance(value, list | tuple):
        return ", ".join(as_words(item) for item in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} {as_words(item)}" for key, item in value.items()) or "–"
    return "–" if value in (None, "") else str(value)


@register.filter
def short_hash(value: str) -> str:
    """Return the first twelve digits of a hash."""
    return value[:12]
