"""Where studies come from: a label that people choose, so that results can be told apart by site.

It is never read from a file: InstitutionName and its relatives name a place, and with it patients. Whoever gives the
label keeps what it stands for outside the platform, as with pseudonyms.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.studies.models import Project, Study

CHARACTERS = 40
_LABEL = re.compile(r"[\w][\w .\-]*")
_NUMBERS = re.compile(r"(?:S-)?0*(\d{1,8})(?:\s*[-–]\s*(?:S-)?0*(\d{1,8}))?", re.IGNORECASE)


def site_label(text: str) -> str:
    """A label of a site with single spaces; "" stands for not known.

    Raises:
        Invalid: it is longer than 40 characters, or has others than letters, digits, spaces, dots and hyphens.
    """
    label = " ".join(text.split())
    if len(label) > CHARACTERS or (label and not _LABEL.fullmatch(label)):
        words = _("A site is a label of up to %(n)d letters, digits, spaces, dots and hyphens, say “Site A”.")
        raise Invalid(words % {"n": CHARACTERS}, rule="site-label")
    return label


def numbers_of(text: str) -> list[tuple[int, int]]:
    """Numbers of studies as people write them, as (first, last): "S-0001 - S-0040, 55".

    Raises:
        Invalid: something else stands there, or nothing.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = [_NUMBERS.fullmatch(part) for part in parts]
    if not found or None in found:
        raise Invalid(_("Name studies by number, say 1-40, 55."), rule="site-studies")
    return [(int(one[1]), int(one[2] or one[1])) for one in found if one is not None]


def sites_of(project: Project) -> list[str]:
    """The labels in use, in order."""
    rows = Study.objects.filter(project=project).exclude(site="").order_by("site")
    return list(rows.values_list("site", flat=True).distinct())


@transaction.atomic
def set_site(*, project: Project, numbers: Collection[tuple[int, int]], site: str, by: User) -> int:
    """Give studies their site by number, from first to last of each pair; returns how many have another one now.

    Raises:
        NotAllowed: the user may not look after studies of the project.
        Invalid: the label is none, or no study has such a number.
    """
    if not by.can(Capability.UPLOAD, project.pk):
        raise NotAllowed(_("You may not change studies of this project."), rule="site-right")
    label = site_label(site)
    rows = Study.objects.filter(project=project).order_by("number")
    named = [row for row in rows.only("number", "site") if any(low <= row.number <= high for low, high in numbers)]
    if not named:
        raise Invalid(_("No study has such a number."), rule="site-studies")
    changed = [row for row in named if row.site != label]
    for start in range(0, len(changed), 500):
        part = changed[start : start + 500]
        Study.objects.filter(pk__in=[row.pk for row in part]).update(site=label)
        record_event(
            actor=by, verb="study.site_set", target=project, project_id=project.pk,
            diff={"site": label, "studies": [row.number for row in part]},
        )  # fmt: skip
    return len(changed)
