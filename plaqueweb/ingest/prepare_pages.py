"""What the case preparation shows. Nothing here comes from predictions, jobs or anybody's answers."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import NotFound
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.choices import ClipState, ClipUse, Segment, View
from plaqueweb.studies.models import Clip, Project, Study
from plaqueweb.studies.selectors import clip_payload, readable

REASONS_ASIDE = (
    lazy("Not the aorta"), lazy("Colour Doppler"), lazy("Not readable"), lazy("Same as another clip"),
    lazy("Measurement drawn in"),
)  # fmt: skip


def studies_to_prepare(user: User, project: Project) -> QuerySet[Study]:
    """Studies of a project that hold a stored clip, in their order."""
    rows: QuerySet[Study] = Study.objects.visible_to(user).filter(project=project, clips__state=ClipState.STORED)
    return rows.select_related("subject", "project").distinct().order_by("number")


def one_study(user: User, project: Project, pk: Any) -> Study:
    """Return a study that can be prepared.

    Raises:
        NotFound: there is none that the user may see.
    """
    row = studies_to_prepare(user, project).filter(pk=pk).first()
    if row is None:
        raise NotFound(_("There is no such study that you may see."))
    return row


def sheet_clips(user: User, study: Study) -> list[dict[str, Any]]:
    """Return the clips of a contact sheet. Pictures with a measurement are left out for who still reads it blind."""
    blind = blinded_studies(user).filter(pk=study.pk).exists()
    rows = readable(pictures=True, use=None).filter(study=study).prefetch_related("regions")
    return [clip_state(clip, hidden=blind and clip.calipers) for clip in rows]


def clip_state(clip: Clip, *, hidden: bool) -> dict[str, Any]:
    """Return one clip of a contact sheet; ``hidden`` leaves its addresses out."""
    shown = clip_payload(clip)
    payload = {name: value for name, value in shown.items() if name not in ("regions", "state")}
    payload |= {"use_reason": clip.use_reason, "calipers": clip.calipers, "hidden": hidden}
    if hidden:
        payload |= {"cine_url": "", "frame_url": ""}
    return payload


def neighbours(user: User, project: Project, study: Study) -> dict[str, Any]:
    """Return the addresses of the study before and after, of the next one to prepare, and how many are left."""
    rows = studies_to_prepare(user, project)
    before = rows.filter(number__lt=study.number).order_by("-number").first()
    after = rows.filter(number__gt=study.number).first()
    waiting = rows.filter(prepared_at__isnull=True).exclude(pk=study.pk)
    following = waiting.filter(number__gt=study.number).first() or waiting.first()
    return {
        "previous_url": _url(project, before),
        "next_url": _url(project, after),
        "waiting_url": _url(project, following),
        "waiting": studies_to_prepare(user, project).filter(prepared_at__isnull=True).count(),
        "total": rows.count(),
        "place": rows.filter(number__lte=study.number).count(),
    }


def sheet_context(user: User, project: Project, study: Study) -> dict[str, Any]:
    """Return the page of one contact sheet."""
    places = neighbours(user, project, study)
    clips = sheet_clips(user, study)
    return {
        "project": project,
        "study": study,
        "clips": clips,
        "synthetic": any(clip["synthetic"] for clip in clips),
        "held": Clip.objects.filter(study=study, state=ClipState.HELD).count(),
        "sheet": {
            "clips": clips,
            "prepared": study.prepared_at is not None,
            "clip_url": reverse("api-prepare-clip", args=[study.pk, "00000000-0000-0000-0000-000000000000"]),
            "done_url": reverse("api-prepare-done", args=[study.pk]),
            **{name: places[name] for name in ("previous_url", "next_url", "waiting_url")},
            "segments": [{"key": key, "words": str(words)} for key, words in Segment.choices],
            "views": [{"key": key, "words": str(words)} for key, words in View.choices],
            "uses": [{"key": key, "words": str(words)} for key, words in ClipUse.choices],
            "reasons": [str(words) for words in REASONS_ASIDE],
        },
        **places,
    }


def list_rows(user: User, project: Project) -> list[dict[str, Any]]:
    """Return a line for each study: how many clips are read, for reference, set aside, flagged; whether it is done."""
    stored = Q(clips__state=ClipState.STORED)

    def count(**how: Any) -> Count:
        return Count("clips", filter=stored & Q(**{f"clips__{name}": value for name, value in how.items()}))

    rows = Study.objects.visible_to(user).filter(project=project).select_related("subject")
    rows = rows.annotate(
        to_read=count(use=ClipUse.READ), reference=count(use=ClipUse.REFERENCE), aside=count(use=ClipUse.ASIDE),
        flagged=count(calipers=True), without=count(segment=""),
    )  # fmt: skip
    return [
        {"study": row, "url": _url(project, row), "clips": row.to_read + row.reference + row.aside}
        for row in rows.order_by("number")
        if row.to_read + row.reference + row.aside
    ]


def _url(project: Project, study: Study | None) -> str | None:
    return reverse("prepare-study", args=[project.slug, study.pk]) if study else None
