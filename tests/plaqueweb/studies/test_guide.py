"""The reading guide of a protocol: checked section by section, frozen with its version, its pictures made anew."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from PIL import Image

from plaqueweb.accounts.models import User
from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.core.models import StoredObject
from plaqueweb.core.storage import read_all
from plaqueweb.core.sweeping import sweep_objects
from plaqueweb.ingest.guide_pictures import add_picture
from plaqueweb.reads.trial import try_read
from plaqueweb.studies.guide import UNUSED, guide_sha256, guide_words, parse_guide, sweep_pictures
from plaqueweb.studies.models import GuidePicture, Project, Protocol
from plaqueweb.studies.protocols import form_values, save_version
from plaqueweb.studies.services import create_protocol, freeze_protocol
from tests.factories import AssignmentFactory, ProjectFactory, RoundFactory, member

pytestmark = pytest.mark.django_db
FORM = {"limit": "4.0", "segments": ["arch"], "required": ["findings"]}


@pytest.fixture
def home() -> Project:
    project: Project = ProjectFactory()
    if not Protocol.objects.filter(project=project).exists():
        create_protocol(project=project, by=None)
    return project


@pytest.fixture
def coordinator(home: Project) -> User:
    return member(home, "coordinator")


def picture_file(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, kind, **options)
    return out.getvalue()


def guide(*pictures: GuidePicture) -> list[dict[str, Any]]:
    shown = [{"sha256": row.stored.sha256, "caption": "A flap", "alt": "A flap that moves"} for row in pictures]
    return [
        {"title": "Mobile part", "about": "mobile", "text": "It moves on its own.", "pictures": shown},
        {"title": "Quality", "about": "quality", "text": "- good\n- limited", "pictures": []},
    ]


def version_with(project: Project, by: User, sections: Any) -> Protocol:
    newest = Protocol.objects.filter(project=project).latest("version").version
    return save_version(project=project, based_on=newest, by=by, guide=json.dumps(sections), **FORM)


def test_a_version_carries_its_guide_and_the_next_one_begins_with_it(home: Project, coordinator: User) -> None:
    row = add_picture(project=home, by=coordinator, data=picture_file())

    made = version_with(home, coordinator, guide(row))

    assert made.guide[0]["pictures"][0] == {
        "sha256": row.stored.sha256, "caption": "A flap", "alt": "A flap that moves", "width": 40, "height": 30,
    }  # fmt: skip
    assert guide_words(made) == "2 sections, 1 picture"
    given = form_values(made)["guide"]
    with pytest.raises(Invalid) as refused:
        save_version(project=home, based_on=made.version, by=coordinator, guide=given, **FORM)
    assert refused.value.rule == "protocol-unchanged"
    assert Protocol.objects.get(project=home, version=1).guide is None


def test_the_hash_covers_words_and_pictures(home: Project, coordinator: User) -> None:
    one, other = (add_picture(project=home, by=coordinator, data=picture_file(size=(30 + n, 30))) for n in (0, 1))
    worded = guide(one)
    worded[1]["text"] += "."

    versions = [version_with(home, coordinator, sections) for sections in (guide(one), guide(other), worded)]

    assert len({guide_sha256(row) for row in versions}) == 3
    assert guide_sha256(Protocol.objects.get(project=home, version=1)) == ""


def test_a_guide_that_was_signed_under_stays(home: Project, coordinator: User) -> None:
    made = version_with(home, coordinator, guide())
    freeze_protocol(protocol=made, by=coordinator)

    with pytest.raises(DatabaseError), transaction.atomic():
        Protocol.objects.filter(pk=made.pk).update(guide=[])


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"title": "  "}, "guide-title"),
        ({"title": "x" * 81}, "guide-title"),
        ({"title": 7}, "guide-title"),
        ({"about": "weather"}, "guide-about"),
        ({"text": "x" * 4001}, "guide-text"),
        ({"text": " \n"}, "guide-empty"),
        ({"pictures": {}}, "guide-shape"),
        ({"pictures": [{"sha256": "../etc", "alt": "x"}]}, "guide-pictures"),
        ({"pictures": [{"sha256": "a" * 64, "alt": " "}]}, "guide-alt"),
        ({"pictures": [{"sha256": "a" * 64, "alt": "x", "caption": "c" * 301}]}, "guide-caption"),
        ({"pictures": [{"sha256": "a" * 64, "alt": "x"}] * 5}, "guide-pictures"),
    ],
)
def test_a_section_is_refused_by_its_rule_and_number(changed: dict[str, Any], rule: str) -> None:
    sections = [guide()[1], guide()[1] | changed]

    with pytest.raises(Invalid) as refused:
        parse_guide(sections)

    assert refused.value.rule == rule
    assert "section 2" in refused.value.detail


def test_the_whole_is_limited_too() -> None:
    long = {"title": "T", "about": "", "text": "x" * 4000, "pictures": []}
    most = limits.GUIDE_CHARACTERS // 4001

    assert len(parse_guide([long] * most)) == most
    for given, rule in (([long] * (most + 1), "guide-length"), ([guide()[1]] * 31, "guide-many"), ({}, "guide-shape")):
        with pytest.raises(Invalid) as refused:
            parse_guide(given)
        assert refused.value.rule == rule


def test_text_stays_text() -> None:
    told = parse_guide([{"title": " A\tb ", "text": "<b>x</b>\r\n\x00\n- y", "about": "", "pictures": []}])

    assert told == [{"title": "A b", "text": "<b>x</b>\n\n- y", "about": "", "pictures": []}]


def test_a_picture_of_another_project_is_none_of_ours(home: Project, coordinator: User) -> None:
    elsewhere = ProjectFactory()
    row = add_picture(project=elsewhere, by=member(elsewhere, "coordinator"), data=picture_file())

    with pytest.raises(Invalid) as refused:
        version_with(home, coordinator, guide(row))

    assert refused.value.rule == "guide-pictures"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_made_anew_without_exif_upright_and_not_too_large(
    home: Project, coordinator: User, kind: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010E] = "Jane Doe"
    data = picture_file(kind, (2000, 1000), exif=exif)

    row = add_picture(project=home, by=coordinator, data=data)

    stored = read_all(row.stored)
    assert (row.width, row.height) == (800, 1600)
    assert b"Jane" in data
    assert b"Jane" not in stored
    with Image.open(io.BytesIO(stored)) as image:
        assert (image.size, image.get_format_mimetype()) == ((800, 1600), row.media_type)
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp"} & set(image.info)
    assert add_picture(project=home, by=coordinator, data=data).pk == row.pk
    assert StoredObject.objects.filter(kind="guide").count() == 1


def test_a_drawing_keeps_its_lines_and_a_transparent_one_gets_black_ground(home: Project, coordinator: User) -> None:
    drawing = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
    drawing.putpixel((3, 4), (255, 255, 255, 255))
    out = io.BytesIO()
    drawing.save(out, "PNG")

    row = add_picture(project=home, by=coordinator, data=out.getvalue())

    with Image.open(io.BytesIO(read_all(row.stored))) as image:
        assert row.media_type == "image/png"
        assert [image.convert("RGB").getpixel(at) for at in ((3, 4), (0, 0))] == [(255, 255, 255), (0, 0, 0)]


def _moving() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def _bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (8000, 6000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "guide-picture-empty"),
        (b"%PDF-1.7 no picture", "guide-picture-format"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "guide-picture-format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "guide-picture-format"),
        (picture_file("JPEG", (400, 400))[:2000], "guide-picture-broken"),
        (_moving(), "guide-picture-animated"),
        (_bomb(), "guide-picture-large"),
        (b"x" * (limits.GUIDE_PICTURE_BYTES + 1), "guide-picture-bytes"),
    ],
    ids=["empty", "pdf", "gif", "svg", "cut", "moving", "bomb", "bytes"],
)
def test_what_is_no_still_picture_is_refused_by_its_rule(
    home: Project, coordinator: User, data: bytes, rule: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add_picture(project=home, by=coordinator, data=data)

    assert refused.value.rule == rule
    assert not GuidePicture.objects.exists()


def sent(client: Client, slug: str, data: bytes) -> Any:
    file = SimpleUploadedFile("a patient's name.png", data, content_type="image/png")
    return client.post("/api/v1/guide-pictures/", {"project": slug, "file": file})


def test_the_api_takes_a_picture_from_who_makes_rounds_only(
    home: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    answer = sent(browser_of(coordinator), home.slug, picture_file())

    assert answer.status_code == 201
    told = answer.json()
    assert (told["width"], told["height"]) == (40, 30)
    assert told["url"] == f"/p/{home.slug}/guide/{told['sha256']}/"
    assert sent(browser_of(member(home, "reader")), home.slug, picture_file()).status_code == 404
    assert sent(browser_of(member(ProjectFactory(), "coordinator")), home.slug, picture_file()).status_code == 404
    with pytest.raises(NotAllowed):
        add_picture(project=home, by=member(home, "reader"), data=picture_file())
    refused = sent(browser_of(coordinator), home.slug, b"GIF89a")
    assert (refused.status_code, refused.json()["rule"]) == (422, "guide-picture-format")


def test_members_see_a_picture_for_good_and_nobody_else_does(
    home: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    row = add_picture(project=home, by=coordinator, data=picture_file())
    url = f"/p/{home.slug}/guide/{row.stored.sha256}/"
    reader = browser_of(member(home, "reader"))

    answer = reader.get(url)

    assert (answer.status_code, answer["Content-Type"]) == (200, row.media_type)
    assert answer.content == read_all(row.stored)
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert reader.get(url, headers={"if-none-match": answer["ETag"]}).status_code == 304
    assert reader.get(f"/p/{home.slug}/guide/{'0' * 64}/").status_code == 404
    other = ProjectFactory()
    stranger = browser_of(member(other, "coordinator"))
    assert stranger.get(url).status_code == stranger.get(url.replace(home.slug, other.slug)).status_code == 404
    assert Client().get(url).status_code == 302


def test_the_reader_gets_the_guide_with_the_case_and_on_the_worklist(
    home: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    row = add_picture(project=home, by=coordinator, data=picture_file())
    with_guide = version_with(home, coordinator, guide(row))
    reader = member(home, "reader")
    client = browser_of(reader)
    told = []
    for protocol in (Protocol.objects.get(project=home, version=1), with_guide):
        own = AssignmentFactory(round=RoundFactory(project=home, protocol=protocol), reader=reader, order_no=1)
        case = client.get(f"/api/v1/assignments/{own.public_id}/").json()
        page = client.get(f"/p/{home.slug}/worklist/?round={own.round_id}").content.decode()
        told.append((case["protocol"]["guide"], "data-guide-open" in page, "It moves on its own." in page))

    assert told[0] == (None, False, False)
    assert told[1][1:] == (True, True)
    first = told[1][0][0]
    assert (first["title"], first["about"]) == ("Mobile part", "mobile")
    assert client.get(first["pictures"][0]["url"]).status_code == 200


def test_a_test_read_shows_it_too(home: Project, coordinator: User) -> None:
    tried = try_read(project=home, by=coordinator, form={**FORM, "guide": json.dumps(guide())})

    assert [row["title"] for row in tried.protocol["guide"]] == ["Mobile part", "Quality"]


def test_what_was_written_survives_a_refusal(
    home: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    written = json.dumps([{"title": "", "about": "quality", "text": "Hours of work", "pictures": []}])

    answer = browser_of(coordinator).post(
        f"/p/{home.slug}/protocol/", {**FORM, "based_on": "1", "guide": written, "limit": "4"}
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Reading guide, section 1: it needs a title." in page
    assert "Hours of work" in page


def test_pictures_that_no_version_shows_go_after_a_week(home: Project, coordinator: User) -> None:
    shown, old, new = (
        add_picture(project=home, by=coordinator, data=picture_file(size=(20 + n, 20))) for n in range(3)
    )
    version_with(home, coordinator, guide(shown))
    GuidePicture.objects.exclude(pk=new.pk).update(created_at=timezone.now() - UNUSED - timedelta(hours=1))
    StoredObject.objects.update(created_at=timezone.now() - timedelta(days=8))

    assert sweep_pictures() == 1
    sweep_objects()

    assert set(GuidePicture.objects.all()) == {shown, new}
    assert not StoredObject.objects.filter(pk=old.stored_id).exists()
    assert StoredObject.objects.filter(pk=shown.stored_id).exists()
