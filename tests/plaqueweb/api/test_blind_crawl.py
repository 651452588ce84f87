"""A blinded reader crawls every address of the site and learns nothing of others' answers or of the model."""

from __future__ import annotations

import itertools
import json
import re
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import set_roles
from plaqueweb.agreement import freezing
from plaqueweb.agreement.models import AgreementRun, Alarm, FrozenReport
from plaqueweb.ingest.models import Upload
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import ClipPrediction, Pipeline, Prediction
from plaqueweb.reads.models import Assignment, FrameAnnotation, Lesion, Propagation, Read, Round
from plaqueweb.review.models import (
    Adjudication,
    BlindAnswer,
    Case,
    Comment,
    Consensus,
    DifferenceNote,
    ErrorReview,
    LesionLink,
    MaskOverlap,
    QueueEntry,
)
from plaqueweb.studies.models import CaseList, Clip, GuidePicture, Project, Study, Subject
from plaqueweb.studies.services import create_protocol
from tests.factories import (
    AssignmentFactory,
    ClipFactory,
    InferenceJobFactory,
    PredictionFactory,
    RoundFactory,
    StudyFactory,
    guide_picture,
    maps_of,
    member,
)

pytestmark = pytest.mark.django_db

CANARY = "CANARY"
NUMBERS = ("0.918273", "7.654321", "6.543217", "543.2198", "987.6543")  # odd numbers nobody else would write
FILTERS = (
    "",
    "?page_size=200",
    "?round={round}",
    "?project={slug}",
    "?study={study}",
    "?fragment=rows",
    "?ordering=probability",
)
# Whose ids the nameless hole ("pk") of an address takes, by the part before it; of any other part, every id there is.
COLLECTIONS: dict[str, tuple[type[Model], ...]] = {
    "adjudication": (Adjudication, Case),
    "adjudications": (Adjudication, Case),
    "alarms": (Alarm,),
    "case-lists": (CaseList,),
    "cases": (Case,),
    "clips": (Clip,),
    "consensus": (Consensus,),
    "error-reviews": (ErrorReview, Case),
    "errors": (Case, ErrorReview),
    "jobs": (InferenceJob,),
    "pipelines": (Pipeline,),
    "predictions": (Prediction,),
    "prepare": (Study,),
    "projects": (Project,),
    "reads": (Read,),
    "release": (Upload, Study),
    "reports": (FrozenReport, AgreementRun),
    "rounds": (Round,),
    "studies": (Study,),
    "subjects": (Subject,),
    "uploads": (Upload,),
}
ERRORS = ("?state=all", "?state=reviewed&trigger=class", "?state=all&project={slug}")
DASHBOARD = (
    "",
    "?round={round}",
    "?against=majority&unit=study&kind=as_read&scale=no",
    "?board=overview&chart=bland-altman",
    "?board=overview&show=compared",
    "?board=segmentation&masks=staple",
    "?board=segmentation&masks=readers&against=majority",
)


@pytest.fixture
def world(project: Project) -> dict[str, Any]:
    """A round with a blinded reader, another reader who has signed, a prediction, a consensus and a note."""
    round_ = RoundFactory(project=project, name="Round")
    study = StudyFactory(subject__project=project)
    clip = ClipFactory(study=study)
    blinded = member(project, "reader", name="Blinded")
    own = AssignmentFactory(
        round=round_, study=study, reader=blinded, order_no=1, state="opened", opened_at=timezone.now()
    )
    Read.objects.create(assignment=own)
    other = member(project, "reader", name=f"{CANARY} reader")
    signed = AssignmentFactory(
        round=round_, study=study, reader=other, order_no=1, state="signed", opened_at=timezone.now()
    )
    read = _signed_read(signed, clip)
    prediction = PredictionFactory(
        study=study, probability=0.918273, thickness_mm=7.654321, flags=[CANARY], engine=CANARY,
        ood_score=543.2198, maps=maps_of(project, CANARY.encode()),
    )  # fmt: skip
    curves = np.full((4, clip.frames), 0.918273, dtype="<f4").tobytes()
    ClipPrediction.objects.create(
        prediction=prediction, clip=clip, probability=0.918273, max_area_mm2=543.2198, curves=curves, flags=[CANARY],
        lesions=[{"number": 1, "key_frame": 2, "thickness_mm": 7.654321, "thickness_method": CANARY}],
    )  # fmt: skip
    job = InferenceJobFactory(study=study, work_state="failed", error_code=CANARY, log=CANARY)
    case = Case.objects.create(round=round_, study=study, number=1, state="discordant")
    DifferenceNote.objects.create(
        case=case, read_id=read.pk, prediction_id=prediction.pk, by=other, reason="missed", comment=CANARY
    )
    create_protocol(project=project, by=None, label_rule={"thickness_mm": 9.0})  # under which everybody would flip
    said = {"read_id": read.pk, "lesion": "1", "prediction_id": prediction.pk, "other_lesion": f"{clip.pk}.1.1"}
    LesionLink.objects.create(
        case=case, act_id=uuid.uuid4(), act="link", by=other, reason=CANARY, rule_version="lesions-2", **said
    )
    spoken = Comment.objects.create(case=case, by=other, clip=clip, frame=1, x=543.2198, y=1, text=CANARY)
    Comment.objects.create(case=case, by=other, thread=spoken, text=CANARY)
    judge = member(project, "adjudicator", name="Judge")
    QueueEntry.objects.create(case=case, trigger="rules", rules=["class"])
    mine = Adjudication.objects.create(case=case, adjudicator=other)
    BlindAnswer.objects.create(
        adjudication=mine, reader_class=1, thickness_mm=987.6543, reasons={"mobile": CANARY}, order=[str(read.pk)],
        seed=7, model_shown=True,
    )  # fmt: skip
    Consensus.objects.create(
        study=study, case=case, kind="adjudicated", adjudication=mine, reader_class=1, thickness_mm=987.6543,
        reason_code=CANARY, by=other,
    )  # fmt: skip
    ErrorReview.objects.create(
        case=case, pipeline=prediction.pipeline, prediction_id=prediction.pk, reads=[str(read.pk)], triggers=["class"],
        reasons=["missed"], note=CANARY, by=other,
    )  # fmt: skip
    MaskOverlap.objects.create(project=project, read_id=read.pk, prediction_id=prediction.pk, dice=0.918273)
    Alarm.objects.create(
        project=project, pipeline=prediction.pipeline, chart="cusum", starts_on="2026-01-05", value=0.918273, limit=1,
        n=7, state="owned", owner=other, cause=CANARY,
    )  # fmt: skip
    Propagation.objects.create(
        read=read, clip=clip, frame=2, region=1, lesion=1, frames=[3], rle=b"", work_state="done",
        result=zlib.compress(json.dumps([{"frame": 3, "rle": CANARY, "likeness": 0.9}]).encode()),
    )  # fmt: skip
    Upload.objects.create(project=project, batch=uuid.uuid4(), sha256="d" * 64, bytes=1, clip=clip, study=study)
    # A report that somebody froze over all of it: page, list and manifest tell what its numbers are made of.
    chief = member(project, "coordinator", name="Chief")
    freezing.freeze(user=chief, project=project, asked={}, title=f"{CANARY} report")
    guide_picture(project)
    people = {"pipeline": prediction.pipeline_id, "blinded": blinded, "other": other, "judge": judge}
    return {"project": project, "round": round_, "study": study, "job": job, "case": case, **people}


def _signed_read(assignment: Assignment, clip: Any) -> Read:
    read = Read.objects.create(assignment=assignment, reader_class=1, note=CANARY, thickness_mm=6.543217, content_no=1)
    Lesion.objects.create(read=read, number=1, is_index=True, thickness_mm=6.543217, key_clip=clip, key_frame=2)
    FrameAnnotation.objects.create(
        read=read, clip=clip, frame=2, extent="all_marked", calipers=[{"mm": 543.2198, "id": CANARY}]
    )
    Read.objects.filter(pk=read.pk).update(
        state="signed",
        signed_at=timezone.now(),
        payload_sha256="c" * 64,
        signed_name=CANARY,
        completed_at=timezone.now(),
    )
    return read


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Yield every address of the site as a template with ``<name>`` holes."""
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


def addresses(world: dict[str, Any]) -> list[str]:
    """Fill the holes of every address with every id that they could take."""
    public = list(Assignment.objects.values_list("public_id", flat=True))
    stranger = str(uuid.uuid4())

    def ids(*models: type[Model]) -> list[str]:
        return [*(str(pk) for model in models for pk in model._default_manager.values_list("pk", flat=True)), stranger]

    uuids = sorted({key for key in ids(*apps.get_models()) if re.fullmatch(r"[0-9a-f-]{36}", key)})
    fill = {
        "slug": [world["project"].slug],
        "n": ["1"],
        "number": ["1"],
        "frame": ["1"],
        "public_id": public,
        "study": ids(Study),
        "clip": ids(Clip),
        "batch": [stranger, *map(str, Upload.objects.values_list("batch", flat=True).distinct())],
        "row": ids(Propagation),
        "name": ["reconstruction", "error", "activation"],
        "digest": list(GuidePicture.objects.values_list("stored__sha256", flat=True)),
    }
    found = set()
    for route in patterns(get_resolver()):
        plain = re.sub(r"\(\?P<(\w+)>[^()]*(?:\([^()]*\)[^()]*)*\)", r"<\1>", route)
        plain = (
            re.sub(r"<\w+:(\w+)>", r"<\1>", plain)
            .replace("^", "")
            .replace("\\Z", "")
            .replace("$", "")
            .replace("\\.", ".")
            .replace("/?", "/")
        )
        holes = re.findall(r"<(\w+)>", plain)
        part = re.search(r"([\w-]+)/<pk>", plain)
        nameless = ids(*COLLECTIONS[part[1]]) if part and part[1] in COLLECTIONS else uuids
        for values in itertools.product(*(fill.get(hole, nameless) for hole in holes)):
            address = plain
            for hole, value in zip(holes, values, strict=True):
                address = address.replace(f"<{hole}>", value, 1)
            found.add("/" + address)
        if "public_id" in plain or "assignments" in plain:
            found.update(
                "/" + plain.replace("<public_id>", value).replace("<pk>", value) for value in public if len(holes) == 1
            )
    return sorted(found)


def crawl(user: User, world: dict[str, Any], *, known: str = "\0", part: str = "") -> tuple[set[str], list[str]]:
    """GET every address that contains ``part``; return what opened (status 200), and where a canary sang.

    ``known`` may be told.
    """
    client = Client(raise_request_exception=False)
    client.force_login(user)
    holes = {"round": world["round"].pk, "slug": world["project"].slug, "study": world["study"].pk}
    opened, leaks = set(), []
    for address in addresses(world):
        if address.startswith(("/logout", "/static")) or part not in address:
            continue
        one = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", address)  # the page of one thing has no list to filter
        plural = DASHBOARD if "/agreement" in address else (*FILTERS, *ERRORS) if "/error" in address else FILTERS
        for query in ("",) if one else plural:
            answer = client.get(address + query.format(**holes))
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            text = (body.decode(errors="replace") + str(dict(answer.items()))).replace(known, "")
            opened |= {address} if answer.status_code == 200 else set()
            assert answer.status_code < 500, f"{address}{query}: {answer.status_code}"
            if CANARY in text or any(number in text for number in NUMBERS):
                leaks.append(address + query)
    return opened, leaks


def test_a_blinded_reader_finds_no_canary_anywhere(world: dict[str, Any]) -> None:
    opened, leaks = crawl(world["blinded"], world)

    assert leaks == []
    assert len(opened) > 30


def test_every_role_at_once_does_not_unblind(world: dict[str, Any]) -> None:
    set_roles(project=world["project"], user=world["blinded"], roles=list(Role.values), by=None)

    _, leaks = crawl(world["blinded"], world)

    # Rounds and members are known to who manages them: the other reader's name may stand there, answers may not.
    assert [
        leak
        for leak in leaks
        if not leak.startswith(
            (
                f"/p/{world['project'].slug}/rounds",
                "/api/v1/rounds",
                f"/p/{world['project'].slug}/audit",
                f"/p/{world['project'].slug}/members",
            )
        )
    ] == []


@pytest.mark.parametrize("at_work", [False, True])
def test_an_adjudicator_finds_no_answer_before_the_own_one(world: dict[str, Any], at_work: bool) -> None:
    """Neither while a case waits, nor while it is begun, whatever address is tried."""
    Adjudication.objects.update(state="returned")
    if at_work:
        Adjudication.objects.create(case=world["case"], adjudicator=world["judge"])

    opened, leaks = crawl(world["judge"], world, known=world["other"].name)  # who reads is on the overview, no answer

    assert leaks == []
    assert len(opened) > 30


def test_the_crawl_can_find_a_canary(world: dict[str, Any]) -> None:
    coordinator = member(world["project"], "coordinator")
    Adjudication.objects.update(state="returned")
    Adjudication.objects.create(case=world["case"], adjudicator=world["judge"])

    opened, leaks = crawl(coordinator, world)
    opened |= crawl(world["judge"], world, part="adjudication")[0]

    closed = [part for part in COLLECTIONS if not any(re.search(rf"/{part}/[0-9a-f-]{{36}}/", one) for one in opened)]
    assert not closed, f"parts whose things nobody can open are not looked at: {closed}"
    assert any(re.search(r"/guide/[0-9a-f]{64}/", one) for one in opened)
    assert crawl(world["other"], world, part="/propagations/")[1] != []
    assert any("/agreement/alarms/" in leak for leak in leaks)
    assert any("/api/v1/reads/" in leak for leak in leaks)
    assert any("/api/v1/predictions/" in leak for leak in leaks)
    assert any(leak.endswith("/manifest.json") for leak in leaks)
    assert any(re.search(r"/agreement/reports/[0-9a-f-]{36}/$", leak) for leak in leaks)
    assert any(leak.endswith("/maps/error/") for leak in leaks)
    assert any(leak.endswith("/matches/") for leak in leaks)
    assert any(leak.endswith("/lesions/") for leak in leaks)
    assert any(leak.endswith("/comments/") for leak in leaks)
    assert any(leak.endswith("/protocol/rederive/") for leak in leaks)
    assert any(leak.endswith("/protocol/rederive.csv") for leak in leaks)
    case = world["case"].pk
    for where in ("/api/v1/error-reviews/", "/errors/reasons.csv", f"/errors/{case}/", "/errors/?state=all"):
        assert any(where in leak for leak in leaks), where


def test_a_hidden_object_answers_byte_for_byte_like_one_that_never_was(world: dict[str, Any]) -> None:
    client = Client()
    client.force_login(world["blinded"])
    prediction = Prediction.objects.get()

    hidden = client.get(f"/api/v1/predictions/{prediction.pk}/")
    absent = client.get(f"/api/v1/predictions/{uuid.uuid4()}/")

    def plain(answer: Any) -> str:
        return re.sub(r'"(instance|trace_id)": ?"[^"]*"', "", answer.content.decode())

    assert (hidden.status_code, plain(hidden)) == (absent.status_code, plain(absent)) == (404, plain(absent))
