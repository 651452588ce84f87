"""Template tags of the components: icons, chips, keycaps, and how numbers are written."""

from __future__ import annotations

from typing import Any

from django import template
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
def short_hash(value: str) -> str:
    """Return the first twelve digits of a hash."""
    return value[:12]
