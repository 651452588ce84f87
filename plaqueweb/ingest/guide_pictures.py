"""Pictures of a reading guide: made anew in a locked-down process, stored once, named by the hash of their bytes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.ingest.client import clean_environment
from plaqueweb.studies.models import GuidePicture, Project

_ROOT = Path(__file__).resolve().parents[2]
_BOOT = """
import sys, types
sys.path.insert(0, sys.argv[1])
site = types.ModuleType("plaqueweb")  # as for intake: the package itself would load the site's job queue
site.__path__ = [sys.argv[1] + "/plaqueweb"]
sys.modules["plaqueweb"] = site
from plaqueweb.ingest.picture_child import main
raise SystemExit(main())
"""
SECONDS = 30.0
BROKEN = "guide-picture-broken"
RULES = {
    "guide-picture-format": gettext_lazy("This is no PNG, JPEG or WebP picture."),
    "guide-picture-large": gettext_lazy("The picture has more than %(pixels)d million pixels."),
    "guide-picture-animated": gettext_lazy("The picture moves: only still pictures are shown in a guide."),
    BROKEN: gettext_lazy("The picture is broken and cannot be read."),
}


def add_picture(*, project: Project, by: User, data: bytes) -> GuidePicture:
    """Store a picture for the reading guides of a project; the same picture again is the same row.

    Args:
        data: a PNG, JPEG or WebP file of at most ``limits.GUIDE_PICTURE_BYTES``. What is stored is made anew from its
            pixels, without EXIF or other metadata.

    Raises:
        NotAllowed: ``by`` makes no rounds in this project.
        Invalid: rules ``guide-picture-empty``, ``guide-picture-bytes``, and those of ``RULES``.
    """
    if not by.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotAllowed(_("You may not change the protocol of this project."))
    if not data:
        raise Invalid(_("The file is empty."), rule="guide-picture-empty")
    if len(data) > limits.GUIDE_PICTURE_BYTES:
        raise too_many_bytes()
    told, picture = _made_anew(data)
    with transaction.atomic():
        stored = put_file(source=io.BytesIO(picture), project_id=project.pk, kind=ObjectKind.GUIDE)
        size = {"width": told["width"], "height": told["height"]}
        row, new = GuidePicture.objects.get_or_create(
            stored=stored, defaults={"project": project, "media_type": told["type"], **size}
        )
        if new:
            record_event(actor=by, verb="guide.picture_added", target=row, project_id=project.pk,
                         diff={"sha256": stored.sha256, **size})  # fmt: skip
    return row


def too_many_bytes() -> Invalid:
    """Return the refusal of a file that is too large."""
    most = limits.GUIDE_PICTURE_BYTES // 1024**2
    return Invalid(_("A picture of a guide may have at most %(most)d MB.") % {"most": most}, rule="guide-picture-bytes")


def _made_anew(data: bytes) -> tuple[dict[str, int | str], bytes]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _BOOT, str(_ROOT)], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=clean_environment(), cwd=_ROOT, timeout=SECONDS, check=True,
        )  # fmt: skip
        line, _newline, picture = done.stdout.partition(b"\n")
        told = json.loads(line)
    except (subprocess.SubprocessError, ValueError):  # it used too much of something, or died of the file
        told, picture = {"ok": False, "rule": BROKEN}, b""
    if not told["ok"]:
        rule = str(told["rule"])
        words = str(RULES.get(rule, RULES[BROKEN]))
        raise Invalid(words % {"pixels": limits.GUIDE_PICTURE_PIXELS // 1_000_000}, rule=rule)
    return told, picture
