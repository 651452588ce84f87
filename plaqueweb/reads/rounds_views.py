"""Pages of those who manage rounds: the list, a new one with what it will take, one in progress, and case lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import DomainError, Invalid, NotFound
from plaqueweb.reads import overview, selectors, services
from plaqueweb.reads.choices import Frames, Policy, Reveal
from plaqueweb.reads.export import to_csv
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.qualification import qualifications
from plaqueweb.reads.rounds_form import open_round, practice_rounds, wanted
from plaqueweb.reads.rounds_frames import stage_two_state
from plaqueweb.reads.rounds_plan import AGREEMENT, COMPLEX
from plaqueweb.reads.rounds_rules import WASHOUT_DAYS
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import Project, Protocol
from plaqueweb.studies.services import add_to_case_list, create_case_list, freeze_case_list

PAGE = 60
MANY = ("studies", "readers")


def _given(post: QueryDict) -> dict[str, Any]:
    """A form as plain values: lists where several may be chosen."""
    given: dict[str, Any] = {name: post.get(name, "") for name in post}
    return given | {name: post.getlist(name) for name in MANY}


@login_required
def rounds(request: HttpRequest, slug: str) -> HttpResponse:
    """List rounds with their progress."""
    user = current_user(request)
    project = overview.managed_project(user=user, slug=slug)
    rows = overview.rounds_payload(overview.project_rounds(project), user=user)
    return render(request, "reads/rounds.html", {"project": project, "rounds": rows})


@login_required
@require_http_methods(["GET", "POST"])
def new_round(request: HttpRequest, slug: str) -> HttpResponse:
    """Fill in a round, see what it will take, and open it."""
    user = current_user(request)
    project = overview.managed_project(user=user, slug=slug)
    given = _given(request.POST if request.method == "POST" else request.GET)
    error, status = None, 200
    if request.method == "POST":
        try:
            made = open_round(wanted=wanted(project=project, given=given), by=user)
        except DomainError as refused:
            error, status = refused, refused.status
        else:
            messages.success(request, _("Round “%(name)s” is open.") % {"name": made.name})
            return redirect("round", slug=slug, pk=made.pk)
    context = {**_choices(project), **_plan(project, given, user), "project": project, "given": given, "error": error}
    return render(request, "reads/round_new.html", context, status=status)


@login_required
@require_POST
def plan_round(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with what the round in the form would take, as far as it is filled in."""
    user = current_user(request)
    project = overview.managed_project(user=user, slug=slug)
    return render(request, "reads/_plan.html", _plan(project, _given(request.POST), user))


def _plan(project: Project, given: dict[str, Any], user: User) -> dict[str, Any]:
    try:
        half = wanted(project=project, given=given, strict=False)
    except DomainError as error:  # no protocol: nothing can be planned
        return {"plan": None, "plan_error": error.detail}
    agreement = _share(given.get("agreement"), AGREEMENT)
    return {
        "plan": half.plan(by=user, agreement=agreement, share=_share(given.get("share"), COMPLEX)),
        "plan_error": "",
    }


def _share(given: Any, default: float) -> float:
    """A percentage between 1 and 99, else the default."""
    text = str(given or "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    return number / 100 if 1 <= number <= 99 else default


def _choices(project: Project) -> dict[str, Any]:
    earlier = [row for row in overview.project_rounds(project) if row.policy not in (Policy.OPEN, Policy.PRACTICE)]
    return {
        "lists": overview.case_lists(project),
        "studies": overview.ready_studies(project),
        "readers": overview.possible_readers(project),
        "protocols": Protocol.objects.filter(project=project).order_by("-version"),
        "policies": [choice for choice in Policy.choices if choice[0] not in (Policy.OPEN, Policy.PRACTICE)],
        "practices": practice_rounds(project),
        "pipelines": overview.shown_pipelines(project),
        "reveals": Reveal.choices,
        "frame_choices": Frames.choices,
        "purposes": ListPurpose.choices,
        "earlier": earlier,
        "washout": WASHOUT_DAYS,
        "agreement": round(AGREEMENT * 100),
        "share": round(COMPLEX * 100),
    }


def _round(user: User, slug: str, pk: Any) -> tuple[Project, Round]:
    project = overview.managed_project(user=user, slug=slug)
    round_ = overview.managed_round(user=user, pk=pk)
    if round_.project_id != project.pk:
        raise NotFound(_("There is nothing here that you may see."))
    return project, round_


@login_required
@require_http_methods(["GET", "POST"])
def round_detail(request: HttpRequest, slug: str, pk: Any) -> HttpResponse:
    """Show one round, and do with it what can be done: readers, cases, second stage, close, reveal."""
    user = current_user(request)
    project, round_ = _round(user, slug, pk)
    if request.method == "POST":
        act = ACTS.get(request.POST.get("act", ""))
        try:
            if act is None:
                raise Invalid(_("Unknown act."), rule="round-act")
            messages.success(request, act(request, round_, user))
        except DomainError as refused:
            messages.error(request, refused.detail)
        return redirect("round", slug=slug, pk=round_.pk)
    return render(request, "reads/round.html", _detail(request, project, round_, user))


@login_required
@require_safe
def round_reads(request: HttpRequest, slug: str, pk: Any) -> HttpResponse:
    """Give the signed reads of a round that one may see, as CSV."""
    user = current_user(request)
    project, round_ = _round(user, slug, pk)
    if not user.can(Capability.EXPORT, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    answer = HttpResponse(to_csv(round_=round_, viewer=user), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="reads-{round_.pk}.csv"'
    return answer


def _detail(request: HttpRequest, project: Project, round_: Round, user: User) -> dict[str, Any]:
    payload = overview.rounds_payload([round_], user=user)[0]
    inside = {str(row["reader_id"]) for row in payload["progress"] or []}
    readers = list(overview.possible_readers(project))
    rows = overview.managed_assignments(user=user, round_=round_)
    reader = request.GET.get("reader", "")
    if reader:
        rows = rows.filter(reader__in=[row.pk for row in readers if str(row.pk) == reader])
    start = int(at) if (at := request.GET.get("from", "")).isascii() and at.isdigit() and len(at) < 7 else 0
    page = list(rows[start : start + PAGE + 1])
    names = {str(row.pk): row.name for row in overview.shown_pipelines(project)}
    return {
        "project": project,
        "round": round_,
        "row": payload,
        "readers": readers,
        "others": [row for row in readers if str(row.pk) not in inside],
        "rule_words": selectors.rule_words(round_.protocol),
        "stage_two": stage_two_state(round_),
        "qualified": _qualified(round_, payload),
        "pipelines": [names.get(pk, pk[:8]) for pk in round_.pipelines],
        "rows": page[:PAGE],
        "chosen_reader": reader,
        "older": start + PAGE if len(page) > PAGE else None,
        "studies": _addable(project, round_),
    }


def _qualified(round_: Round, payload: dict[str, Any]) -> list[Any]:
    """Profile and practice results of a round's readers, for who may see its progress."""
    if payload["progress"] is None:
        return []
    inside = [row["reader_id"] for row in payload["progress"]]
    readers = User.objects.filter(pk__in=inside).order_by("name", "pk")
    return qualifications(readers=readers, project_id=round_.project_id)


def _addable(project: Project, round_: Round) -> list[Any]:
    """Studies that may still join: only while a demo's case list is open."""
    if round_.case_list.frozen_at is not None or round_.closed_at is not None:
        return []
    return list(overview.ready_studies(project).exclude(list_items__case_list=round_.case_list))


def _add_reader(request: HttpRequest, round_: Round, user: User) -> str:
    reader = _reader(round_, request.POST.get("reader", ""))
    added = services.add_reader(round_=round_, reader=reader, by=user)
    return _("%(name)s has %(n)d cases to read.") % {"name": reader.name, "n": len(added)}


def _reader(round_: Round, key: str) -> User:
    found = next((row for row in overview.possible_readers(round_.project) if str(row.pk) == key), None)
    if found is None:
        raise Invalid(_("Choose a reader."), rule="round-readers")
    return found


def _add_cases(request: HttpRequest, round_: Round, user: User) -> str:
    asked = set(request.POST.getlist("studies"))
    studies = [row for row in _addable(round_.project, round_) if str(row.pk) in asked]
    if not studies:
        raise Invalid(_("Choose at least one study."), rule="round-studies")
    services.add_cases(round_=round_, studies=studies, by=user)
    return _("%(n)d cases were added behind every reader’s last one.") % {"n": len(studies)}


def _assignment(request: HttpRequest, round_: Round, user: User) -> Assignment:
    key = request.POST.get("assignment", "")
    rows = overview.managed_assignments(user=user, round_=round_).select_related(
        "round__project", "round__repeat_of", "study", "reader"
    )
    found = next((row for row in rows if str(row.pk) == key), None)
    if found is None:
        raise NotFound(_("There is nothing here that you may see."))
    return found


def _withdraw(request: HttpRequest, round_: Round, user: User) -> str:
    row = _assignment(request, round_, user)
    services.withdraw(assignment=row, by=user)
    return _("%(study)s was taken from %(name)s.") % {"study": row.study.label, "name": row.reader.name}


def _restore(request: HttpRequest, round_: Round, user: User) -> str:
    row = _assignment(request, round_, user)
    services.restore(assignment=row, by=user)
    return _("%(name)s has %(study)s back.") % {"study": row.study.label, "name": row.reader.name}


def _reassign(request: HttpRequest, round_: Round, user: User) -> str:
    row = _assignment(request, round_, user)
    new = services.reassign(assignment=row, to=_reader(round_, request.POST.get("to", "")), by=user)
    return _("%(study)s is %(name)s’s now.") % {"study": row.study.label, "name": new.reader.name}


def _stage_two(request: HttpRequest, round_: Round, user: User) -> str:
    count = services.open_stage_two(round_=round_, by=user)
    return _("The second stage is open: %(n)d frames, the same for all readers.") % {"n": count}


def _close(request: HttpRequest, round_: Round, user: User) -> str:
    services.close_round(round_=round_, by=user)
    return _("The round is closed.")


def _reveal(request: HttpRequest, round_: Round, user: User) -> str:
    shown = services.reveal_round(round_=round_, by=user, reason=request.POST.get("reason", ""))
    return _("%(n)d signed cases are revealed to their readers.") % {"n": shown}


ACTS: dict[str, Callable[[HttpRequest, Round, User], str]] = {
    "reader": _add_reader,
    "cases": _add_cases,
    "withdraw": _withdraw,
    "restore": _restore,
    "reassign": _reassign,
    "stage-two": _stage_two,
    "close": _close,
    "reveal": _reveal,
}


# --- case lists


@login_required
@require_http_methods(["GET", "POST"])
def case_lists(request: HttpRequest, slug: str) -> HttpResponse:
    """List the case lists of a project; make a new one."""
    user = current_user(request)
    project = overview.managed_project(user=user, slug=slug)
    error, status = None, 200
    if request.method == "POST":
        name = request.POST.get("name", "").strip()
        try:
            if not name:
                raise Invalid(_("The case list needs a name."), rule="list-name")
            made = create_case_list(
                project=project, name=name, purpose=request.POST.get("purpose", ""), studies=[], by=user
            )
        except DomainError as refused:
            error, status = refused, refused.status
        else:
            return redirect("case-list", slug=slug, pk=made.pk)
    context = {
        "project": project, "lists": overview.case_lists(project), "purposes": ListPurpose.choices,
        "given": request.POST, "error": error,
    }  # fmt: skip
    return render(request, "reads/case_lists.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def case_list(request: HttpRequest, slug: str, pk: Any) -> HttpResponse:
    """Show one case list; add studies or freeze it."""
    user = current_user(request)
    project = overview.managed_project(user=user, slug=slug)
    row = overview.managed_case_list(user=user, project=project, pk=pk)
    if request.method == "POST":
        try:
            if request.POST.get("act") == "freeze":
                freeze_case_list(case_list=row, by=user)
                messages.success(request, _("The list is frozen: it never changes from now on."))
            else:
                asked = set(request.POST.getlist("studies"))
                studies = [study for study in overview.ready_studies(project) if str(study.pk) in asked]
                if not studies:
                    raise Invalid(_("Choose at least one study."), rule="round-studies")
                added = add_to_case_list(case_list=row, studies=studies, by=user)
                messages.success(request, _("%(n)d studies were added.") % {"n": len(added)})
        except DomainError as refused:
            messages.error(request, refused.detail)
        return redirect("case-list", slug=slug, pk=row.pk)
    return render(request, "reads/case_list.html", {"project": project, "list": row, **overview.list_studies(row)})
