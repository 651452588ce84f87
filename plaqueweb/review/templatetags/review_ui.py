"""Template tags of the review pages."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from plaqueweb.review import rederive, words
from plaqueweb.review.error_models import ErrorReason, ErrorTrigger
from plaqueweb.review.models import Consensus, ConsensusKind

register = template.Library()


@register.simple_tag
def glyph(name: str) -> SafeString:
    """Return a decorative state glyph without its word."""
    return format_html('<svg class="icon glyph" aria-hidden="true"><use href="#s-{}"></use></svg>', name)


@register.simple_tag
def answer_length(mm: float | None, px: float | None, *, manual: bool | None = None) -> str:
    """Return a thickness as in the numbers table, or nothing where there is none."""
    text = words.length(mm, px, manual=manual)
    return "" if text == words.DASH else text


@register.filter
def class_digit(value: int | None) -> str:
    """Return 0, 1 or – of a class."""
    return str(value) if value in (0, 1) else words.DASH


@register.filter
def reference_words(row: Consensus) -> str:
    """Return in one or two words what kind of reference it is."""
    kinds = {
        ConsensusKind.KNOWN_TRUTH.value: _("known truth"),
        ConsensusKind.AGREED.value: _("agreed"),
        ConsensusKind.ADJUDICATED.value: _("adjudicated"),
    }
    return kinds[row.kind]


@register.filter
def rule_words(rule: str) -> str:
    """Return in words what two reads differ in."""
    return {"class": _("class differs"), "thickness": _("thickness differs"), "dice": _("areas differ")}.get(rule, rule)


@register.filter
def verdict_words(value: int | None) -> str:
    """Return what the label rule says: complex, not complex, open."""
    return rederive.verdict_words(value)


@register.filter
def trigger_words(name: str) -> str:
    """Return in words what brought a case into error review."""
    return str(ErrorTrigger(name).label)


@register.filter
def error_words(code: str) -> str:
    """Return in words why a model was wrong."""
    return str(ErrorReason(code).label)


@register.filter
def against_words(against: str) -> str:
    """Return whose class a model's was compared with."""
    return {"reference": _("the reference"), "majority": _("most readers"), "reader": _("the only reader")}.get(
        against, ""
    )


@register.filter
def signed_mm(value: float | None) -> str:
    """Return a difference as ``+0.4 mm``, or a dash."""
    return words.DASH if value is None else _("%(value)s mm") % {"value": words.signed(value, 1)}
