"""The page on which a reader says why a signed answer is corrected."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.reads import selectors, services
from plaqueweb.reads.bundle import newest_read
from plaqueweb.reads.choices import AssignmentState, RevisionKind
from plaqueweb.reads.correction import REASON_CHARACTERS, is_informed, why_not
from plaqueweb.reads.sitting import case_name

MEANS = {
    RevisionKind.SLIP: gettext_lazy("I entered or marked something other than I meant."),
    RevisionKind.OPINION: gettext_lazy("I look at the same pictures and judge them differently now."),
    RevisionKind.TECHNICAL: gettext_lazy("A picture, its scale or the page was at fault."),
}


@login_required
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask for the kind and the reason of a correction, say what follows, and open its draft."""
    user = current_user(request)
    assignment = selectors.own_assignment(user=user, public_id=public_id)
    newest = newest_read(assignment)
    if newest is None or assignment.state != AssignmentState.SIGNED:
        raise NotFound(_("There is nothing here that you may see."))
    error: DomainError | None = why_not(assignment, newest)
    if request.method == "POST":
        kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "")
        try:
            services.begin_correction(assignment=assignment, by=user, kind=kind, reason=reason)
        except DomainError as refused:
            error = refused
        else:
            return redirect("read", public_id=public_id)
    bundle = selectors.bundles_of([assignment])[assignment.pk]
    context = {
        "project": assignment.round.project, "assignment": assignment, "signed": bundle.read, "given": request.POST,
        "name": case_name(assignment.order_no, assignment.stage_no, assignment.arm),
        "ground": selectors.ground_words(bundle), "informed": is_informed(assignment, user),
        "possible": why_not(assignment, newest) is None, "begun": newest.pk != bundle.read.pk,
        "kinds": [(kind.value, kind.label, MEANS[kind]) for kind in RevisionKind], "most": REASON_CHARACTERS,
        "error": error, "worklist_url": selectors.worklist_url(assignment),
    }  # fmt: skip
    refused_input = error is not None and request.method == "POST"
    return render(request, "reads/correct.html", context, status=error.status if refused_input and error else 200)
