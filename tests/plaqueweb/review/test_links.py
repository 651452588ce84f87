"""People say which lesions are the same plaque: over the API, on the page, and never without the right or the sight."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.predictions.models import Prediction, Showing
from plaqueweb.reads.models import Lesion, Read
from plaqueweb.review import services
from plaqueweb.review.link_models import LesionLink, LesionOverlap
from plaqueweb.review.matching import RULE_VERSION
from plaqueweb.review.matching_store import candidates_between, packed, unpacked
from plaqueweb.review.models import Consensus
from plaqueweb.review.verdict import verdict
from tests.factories import PipelineFactory, UserFactory, member
from tests.plaqueweb.review.world import ALL, INDEX, World, box

Api = Callable[[User | None], APIClient]
Browser = Callable[[User], Client]
LEFT, RIGHT = box(20, 4, 8, 8), box(20, 50, 8, 8)


def listed(number: int, *, key: int = 2, angle: float | None = None, mm: float = 5.0) -> dict[str, Any]:
    return {"number": number, "key_frame": key, "frames": [[1, 4]], "thickness_mm": mm, "area_px": 64, "angle": angle}


@pytest.fixture
def two(world: World) -> World:
    """A reader's lesion on the left, the model's on both sides: number 1 on the left, number 2 on the right."""
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, LEFT)})
    own = [listed(1, angle=3.14, mm=5.6), listed(2, angle=0.0, mm=3.0)]
    world.predict(1, 5.6, masks={2: LEFT | RIGHT}, aorta=box(0, 0, 48, 64), lesions=own)
    services.refresh_open_cases()
    return world


def url(world: World) -> str:
    return f"/api/v1/cases/{world.case.pk}/matches/"


def ref(world: World, number: int) -> str:
    return f"{world.clip.pk}.1.{number}"


def act(world: World, word: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "act_id": str(uuid.uuid4()), "act": word, "read": str(Read.objects.get().pk), "lesion": "1",
        "prediction": str(Prediction.objects.get().pk), "other_lesion": ref(world, number),
    } | more  # fmt: skip


def states(document: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [
        (row["state"], row["left"] and row["left"]["name"], row["right"] and row["right"]["name"])
        for row in document["rows"]
    ]


def test_every_lesion_says_its_partner_or_that_it_has_none(two: World, api: Api) -> None:
    document = api(two.coordinator).get(url(two)).json()

    assert states(document) == [("same", "Lesion 1", "Lesion 1"), ("extra", None, "Lesion 2")]
    assert document["rows"][0]["how"] == "overlap (IoU) 1.00 on frame 2"
    assert (document["rows"][0]["rule"], document["rule_version"]) == ("frame", RULE_VERSION)
    assert document["may_link"] is True


def test_linking_another_lesion_moves_the_pair_and_names_who_said_so(two: World, api: Api) -> None:
    client = api(two.coordinator)

    answer = client.post(url(two), act(two, "link", 2, reason="other view"), format="json")

    assert answer.status_code == 201
    assert states(answer.json()) == [("same", "Lesion 1", "Lesion 2"), ("extra", None, "Lesion 1")]
    assert answer.json()["rows"][0]["how"] == "said by C. Coordinator: other view"
    assert client.get(url(two)).json() == answer.json()
    row = LesionLink.objects.get()
    assert (row.by, row.rule_version, row.case) == (two.coordinator, RULE_VERSION, two.case)
    event = AuditEvent.objects.get(verb="lesions.judged")
    assert (event.actor_id, event.diff["act"], event.diff["other_lesion"]) == (two.coordinator.pk, "link", ref(two, 2))


def test_unlinking_leaves_both_alone_and_can_be_taken_back(two: World, api: Api) -> None:
    client = api(two.coordinator)

    unlinked = client.post(url(two), act(two, "unlink", 1), format="json").json()
    back = client.post(url(two), act(two, "rule", 1), format="json").json()

    assert [row["state"] for row in unlinked["rows"]] == ["missed", "extra", "extra"]
    assert unlinked["rows"][0]["how"] == "not Lesion 1, said by C. Coordinator"
    assert states(back) == [("same", "Lesion 1", "Lesion 1"), ("extra", None, "Lesion 2")]
    assert LesionLink.objects.count() == 2


def test_the_same_act_again_stores_nothing_twice(two: World, api: Api) -> None:
    client, body = api(two.coordinator), act(two, "link", 2)

    answers = [client.post(url(two), body, format="json") for _ in range(2)]
    other = client.post(url(two), body | {"act": "unlink"}, format="json")

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert LesionLink.objects.count() == 1
    assert (other.status_code, other.json()["rule"]) == (409, "act-id")


def test_only_coordinators_and_adjudicators_judge_and_the_blinded_find_nothing(two: World, api: Api) -> None:
    two.disclose(two.reader_a)
    engineer, auditor = (member(two.project, role) for role in ("engineer", "auditor"))
    body = act(two, "link", 2)

    for user in (two.reader_a, engineer, auditor):
        assert api(user).get(url(two)).json()["may_link"] is False
        assert api(user).post(url(two), body, format="json").status_code == 403
    two.assign(two.coordinator, state="opened")
    for user in (two.coordinator, two.reader_b, UserFactory()):
        assert api(user).get(url(two)).status_code == 404
        assert api(user).post(url(two), body, format="json").status_code == 404
    assert not LesionLink.objects.exists()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"act": "maybe"}, 422),
        ({"reason": "x" * 301}, 422),
        ({"lesion": "7"}, 404),
        ({"other_lesion": "7"}, 404),
        ({"read": str(uuid.uuid4())}, 404),
        ({"prediction": str(uuid.uuid4())}, 404),
        ({"who": "me"}, 422),
        ({"other_read": str(uuid.uuid4())}, 422),
        ({"act_id": "1"}, 422),
    ],
)
def test_what_is_not_there_or_not_asked_for_is_refused(
    two: World, api: Api, change: dict[str, Any], status: int
) -> None:
    answer = api(two.coordinator).post(url(two), act(two, "link", 2) | change, format="json")

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert not LesionLink.objects.exists()


def test_no_act_changes_an_answer_or_a_reference_and_no_act_is_ever_edited(two: World, api: Api) -> None:
    services.record_known_truth(study=two.study, reader_class=1, thickness_mm=5.0, reasons={})
    before = [list(model.objects.values()) for model in (Read, Lesion, Prediction, Consensus)]

    api(two.coordinator).post(url(two), act(two, "unlink", 1), format="json")

    assert [list(model.objects.values()) for model in (Read, Lesion, Prediction, Consensus)] == before
    for change in (lambda rows: rows.update(act="link"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(LesionLink.objects.all())


def sides(left: Read, right: Read) -> dict[str, str]:
    return {"left": f"read.{left.pk}", "right": f"read.{right.pk}"}


def test_two_readers_are_matched_alike_from_both_sides(world: World, api: Api) -> None:
    first = world.read(world.reader_a, 1, 6.0, marks={2: (INDEX, LEFT)})
    more = {"number": 2, "segment": "descending", "key_frame": 3}
    second = world.read(world.reader_b, 1, 5.0, marks={2: (INDEX, LEFT)}, more=[more])
    client = api(world.coordinator)

    one, two = (client.get(url(world), sides(*pair)).json() for pair in ((first, second), (second, first)))

    assert [(row["state"], row["words"]) for row in one["rows"]] == [
        ("same", "same plaque"),
        ("alone", "only Reader B"),
    ]
    assert [(row["state"], row["words"]) for row in two["rows"]] == [
        ("same", "same plaque"),
        ("alone", "only Reader B"),
    ]
    body = {"act_id": str(uuid.uuid4()), "act": "link", "read": str(second.pk), "lesion": "2"}
    client.post(url(world), body | {"other_read": str(first.pk), "other_lesion": "1"}, format="json")
    for pair in ((first, second), (second, first)):
        rows = client.get(url(world), sides(*pair)).json()["rows"]
        assert [row["rule"] for row in rows] == ["person", ""]
    assert not Showing.objects.exists()  # no model was in sight


def test_that_a_models_lesions_were_sent_is_on_record(two: World, api: Api) -> None:
    api(two.coordinator).get(url(two))

    assert list(Showing.objects.values_list("user_id", "study_id")) == [(two.coordinator.pk, two.study.pk)]


def test_left_and_right_exchanged_tell_the_same_pairs(two: World, api: Api) -> None:
    client = api(two.coordinator)
    read, pipeline = f"read.{Read.objects.get().pk}", f"pipeline.{two.pipeline.pk}"

    turned = client.get(url(two), {"left": pipeline, "right": read}).json()
    client.post(url(two), act(two, "link", 2), format="json")
    linked = client.get(url(two), {"left": pipeline, "right": read}).json()

    assert states(turned) == [("same", "Lesion 1", "Lesion 1"), ("extra", "Lesion 2", None)]
    assert states(linked) == [("same", "Lesion 2", "Lesion 1"), ("extra", "Lesion 1", None)]


def models(two: World) -> dict[str, str]:
    """The address of the model beside a second one, which draws the left plaque alone, on another key frame."""
    first = f"pipeline.{two.pipeline.pk}"
    two.pipeline = PipelineFactory(project=two.project, name="PlaqueNet 0.2", state="retired")
    own = [listed(1, key=3, angle=3.14, mm=5.0)]
    two.predict(1, 5.0, masks={2: LEFT, 3: LEFT}, aorta=box(0, 0, 48, 64), lesions=own)
    return {"left": first, "right": f"pipeline.{two.pipeline.pk}"}


def test_two_models_are_paired_by_the_rule_alone_and_alike_from_both_sides(two: World, api: Api) -> None:
    client = api(two.coordinator)
    client.post(url(two), act(two, "unlink", 1), format="json")  # of the reader's lesion: it says nothing of the models
    chosen = models(two)

    one = client.get(url(two), chosen).json()
    turned = client.get(url(two), {"left": chosen["right"], "right": chosen["left"]}).json()

    assert states(one) == [("same", "Lesion 1", "Lesion 1"), ("alone", "Lesion 2", None)]
    assert states(turned) == [("same", "Lesion 1", "Lesion 1"), ("alone", None, "Lesion 2")]
    for document in (one, turned):
        pair, alone = document["rows"]
        assert (pair["rule"], pair["how"]) == ("frame", "overlap (IoU) 1.00 on frame 2")
        assert (alone["words"], alone["choices"]) == ("only PlaqueNet 0.1", [])
        assert document["may_link"] is False
        assert document["why"].startswith("Two models are paired by the rule alone")
    assert not LesionOverlap.objects.exists()


def test_models_that_share_no_frame_are_paired_by_segment_and_quadrant(two: World, api: Api) -> None:
    first = f"pipeline.{two.pipeline.pk}"
    two.pipeline = PipelineFactory(project=two.project, name="PlaqueNet 0.2", state="retired")
    type(two.clip).objects.filter(pk=two.clip.pk).update(segment="descending")
    two.predict(1, 3.0, masks={3: RIGHT}, aorta=box(0, 0, 48, 64), lesions=[listed(1, key=3, angle=0.2)])

    document = api(two.coordinator).get(url(two), {"left": first, "right": f"pipeline.{two.pipeline.pk}"}).json()

    assert states(document) == [("same", "Lesion 2", "Lesion 1"), ("alone", "Lesion 1", None)]
    assert document["rows"][0]["rule"] == "quadrant"


def test_a_model_that_lists_no_lesions_is_named_where_two_have_no_pairs(two: World, api: Api) -> None:
    first = f"pipeline.{two.pipeline.pk}"
    two.pipeline = PipelineFactory(project=two.project, name="PlaqueNet 0.2", state="retired")
    two.predict(1, 5.0, masks={2: LEFT})

    document = api(two.coordinator).get(url(two), {"left": first, "right": f"pipeline.{two.pipeline.pk}"}).json()

    assert document["rows"] == []
    assert document["why"] == "No pairs of lesions: there is no list of PlaqueNet 0.2 on this study."


def test_the_page_of_two_models_shows_their_pairs_and_asks_nobody(two: World, browser_of: Browser) -> None:
    address = f"/p/{two.project.slug}/cases/{two.case.pk}/lesions/"

    text = browser_of(two.coordinator).get(address, models(two)).content.decode()

    assert "only PlaqueNet 0.1" in text
    assert "Two models are paired by the rule alone" in text
    assert "data-pair-act" not in text


@pytest.mark.parametrize("right", ["read.00000000-0000-0000-0000-000000000000", "none"])
def test_without_two_answers_there_are_no_pairs(two: World, api: Api, right: str) -> None:
    answer = api(two.coordinator).get(url(two), {"right": right})

    assert answer.status_code == 404 if right != "none" else answer.json()["rows"] == []


def test_the_sentence_on_top_follows_the_pairs(two: World, api: Api) -> None:
    assert verdict(two.compare()).text == "Same plaque, same class; model 0.4 mm thinner."

    api(two.coordinator).post(url(two), act(two, "unlink", 1), format="json")

    assert verdict(two.compare()).text == "Different plaque, same class; model 0.4 mm thinner."


def test_the_page_shows_both_sides_with_what_can_be_said(two: World, browser_of: Browser) -> None:
    address = f"/p/{two.project.slug}/cases/{two.case.pk}/"
    two.disclose(two.reader_a)

    page = browser_of(two.coordinator).get(address).content.decode()
    part = browser_of(two.coordinator).get(f"{address}lesions/").content.decode()
    reader = browser_of(two.reader_a).get(f"{address}lesions/").content.decode()

    for words in ("Lesions: same plaque?", "same plaque", "extra: not in the read", "overlap (IoU) 1.00 on frame 2"):
        assert words in page
        assert words in part
        assert words in reader
    assert "Not the same" in part
    assert "data-pair-act" not in reader
    assert browser_of(two.reader_b).get(f"{address}lesions/").status_code == 404


def test_a_prediction_that_lists_no_lesions_has_no_pairs(world: World, api: Api) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, LEFT)})
    world.predict(1, 5.6, masks={2: LEFT})

    document = api(world.coordinator).get(url(world)).json()

    assert (document["left"], document["rows"]) == (None, [])
    assert verdict(world.compare()).text == "Same plaque, same class; model 0.4 mm thinner."


def test_candidates_are_worked_out_once_for_answers_that_never_change(
    two: World, django_assert_num_queries: Any
) -> None:
    pair = (Read.objects.get().pk, Prediction.objects.get().pk)

    found = candidates_between([pair], [])
    with django_assert_num_queries(1):
        again = candidates_between([pair], [])

    assert again == found
    assert [(one.a, one.b, one.rule) for one in found[pair]] == [("1", ref(two, 1), "frame")]
    assert [unpacked(packed(one)) for one in found[pair]] == found[pair]
    assert LesionOverlap.objects.get().rule_version == RULE_VERSION
