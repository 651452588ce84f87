"""The API's routes: one viewset per table, only the verbs the domain has."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from plaqueweb.accounts.api import KeysView, MeView, TokenView
from plaqueweb.agreement.api import AgreementView
from plaqueweb.api.audit import AuditViewSet
from plaqueweb.api.guides import GuidePicturesView
from plaqueweb.api.trials import TrialView
from plaqueweb.ingest.api import UploadViewSet
from plaqueweb.ingest.prepare_views import PrepareClipView, PrepareDoneView
from plaqueweb.jobs.api import JobViewSet
from plaqueweb.predictions.api import PipelineViewSet, PredictionViewSet
from plaqueweb.reads.api import AssignmentViewSet, ProfileView, ReaderClipViewSet, ReadViewSet
from plaqueweb.reads.propagation_api import PropagationsView, PropagationView
from plaqueweb.reads.rounds_api import CaseListViewSet, RoundViewSet
from plaqueweb.review.adjudication_api import AdjudicationViewSet
from plaqueweb.review.aided import ShownMasksView, ShownModelView
from plaqueweb.review.api import CaseViewSet, ConsensusViewSet
from plaqueweb.review.error_api import ErrorReviewViewSet
from plaqueweb.review.practice_views import PracticeView
from plaqueweb.studies.api import ProjectViewSet, StudyViewSet, SubjectViewSet

router = SimpleRouter()
router.register("projects", ProjectViewSet, basename="projects")
router.register("subjects", SubjectViewSet, basename="subjects")
router.register("studies", StudyViewSet, basename="studies")
router.register("clips", ReaderClipViewSet, basename="clips")
router.register("uploads", UploadViewSet, basename="uploads")
router.register("pipelines", PipelineViewSet, basename="pipelines")
router.register("predictions", PredictionViewSet, basename="predictions")
router.register("jobs", JobViewSet, basename="jobs")
router.register("case-lists", CaseListViewSet, basename="case-lists")
router.register("rounds", RoundViewSet, basename="rounds")
router.register("assignments", AssignmentViewSet, basename="assignments")
router.register("reads", ReadViewSet, basename="reads")
router.register("cases", CaseViewSet, basename="cases")
router.register("consensus", ConsensusViewSet, basename="consensus")
router.register("adjudications", AdjudicationViewSet, basename="adjudications")
router.register("error-reviews", ErrorReviewViewSet, basename="error-reviews")
router.register("audit", AuditViewSet, basename="audit")

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/", MeView.as_view(), name="me"),
    path("practice/", PracticeView.as_view(), name="practice"),
    path("me/profile/", ProfileView.as_view(), name="my-profile-api"),
    path("me/keys/", KeysView.as_view(), name="my-keys"),
    path("tokens/", TokenView.as_view(), name="tokens"),
    path("assignments/<str:public_id>/model/", ShownModelView.as_view(), name="shown-model"),
    path("assignments/<str:public_id>/model/masks/<uuid:clip>/", ShownMasksView.as_view(), name="shown-masks"),
    path("reads/<uuid:pk>/propagations/", PropagationsView.as_view(), name="propagations"),
    path("reads/<uuid:pk>/propagations/<uuid:row>/", PropagationView.as_view(), name="propagation"),
    path("agreement/", AgreementView.as_view(), name="api-agreement"),
    path("preparation/<uuid:study>/", PrepareDoneView.as_view(), name="api-prepare-done"),
    path("preparation/<uuid:study>/clips/<uuid:clip>/", PrepareClipView.as_view(), name="api-prepare-clip"),
    path("guide-pictures/", GuidePicturesView.as_view(), name="guide-pictures"),
    path("protocol-tests/", TrialView.as_view(), name="protocol-tests"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    *router.urls,
]
