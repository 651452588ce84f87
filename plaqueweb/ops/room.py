"""A reading room of its own, for the bench and for browser tests: one project, one reader, cases whose pictures move.

``python -m plaqueweb.ops.room CASES`` fills the database of ``PLAQUEWEB_VAR`` and prints who reads there as JSON.
``Room`` does that in a folder of its own and serves it, as the supervisor would, with the web process alone.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plaqueweb.studies.moving import Bundle, moving
from plaqueweb.studies.moving import bundle as _bundle

if TYPE_CHECKING:
    from plaqueweb.studies.models import Clip, Project, Study

ROOT = Path(__file__).resolve().parents[2]
EMAIL = "reader@room.plaqueweb.example"
SLUG = "room"
START_SECONDS = 60.0
ROWS, COLUMNS, FRAMES = 240, 320, 24
SCALED = {"row_mm": 0.2, "col_mm": 0.2, "source": "us_region"}
PLAIN = [{"number": 1, "x0": 0, "y0": 0, "x1": COLUMNS - 1, "y1": ROWS - 1}]
KINDS: dict[str, list[dict[str, Any]]] = {
    "plain": [PLAIN[0] | SCALED],
    "anisotropic": [PLAIN[0] | SCALED | {"col_mm": 0.3}],
    "unscaled": [PLAIN[0] | {"source": "none", "valid": False, "reason": "The file names no calibrated region."}],
    "biplane": [
        PLAIN[0] | SCALED | {"x1": COLUMNS // 2 - 1},
        PLAIN[0] | SCALED | {"number": 2, "x0": COLUMNS // 2, "row_mm": 0.4, "col_mm": 0.4},
    ],
}
KINDS["ecg"] = [
    PLAIN[0] | SCALED | {"y1": ROWS - 41},
    PLAIN[0] | {"number": 2, "y0": ROWS - 40, "source": "none", "valid": False, "kind": "ecg"},
]
KINDS["beats"], KINDS["traced"] = KINDS["plain"], KINDS["ecg"]
KINDS["large"] = [{"number": 1, "x0": 0, "y0": 0, "x1": 799, "y1": 599} | SCALED]
SIZES = {"large": (600, 800, 100)}
"""Rows, columns and frames where they differ from a small clip."""


BEATS_MS = (120.0, 800.0)


def _spike(at: float) -> int:
    """A line with a spike at each R wave and a small hill 250 ms later."""
    near = [at - beat for beat in BEATS_MS]
    spike = max(max(0.0, 1 - abs(ms) / 24) for ms in near)
    hill = max(max(0.0, 0.3 - abs(ms - 250) / 300) for ms in near)
    return round(40 + 215 * max(spike, hill))


HEARTS: dict[str, dict[str, Any]] = {
    "beats": {"r_ms": [*BEATS_MS], "r_from": "RWaveTimeVector", "ecg": None},
    "traced": {
        "r_ms": [*BEATS_MS], "r_from": "RWaveTimeVector",
        "ecg": {"start_ms": 0.0, "step_ms": 4.0, "values": [_spike(4.0 * n) for n in range(FRAMES * 10)]},
    },
}  # fmt: skip
"""What the files of these kinds tell of the beat."""


def _clip(study: Study, number: int, kind: str, bundle: Bundle) -> Clip:
    from plaqueweb.core.models import ObjectKind
    from plaqueweb.core.storage import put_file
    from plaqueweb.studies.models import Clip, Region

    rows, columns, frames = SIZES.get(kind, (ROWS, COLUMNS, FRAMES))
    data, offsets = bundle
    clip: Clip = Clip.objects.create(
        study=study, number=number, kind="cine", sop_uid=f"2.25.{uuid.uuid4().int}", frames=frames, rows=rows,
        columns=columns, frame_times_ms=[n * (1000 / 60 if kind == "large" else 40.0) for n in range(frames)],
        source_sha256=uuid.uuid4().hex * 2, stored_as="as_in_file_jpeg", synthetic=True, state="stored",
        cine=put_file(source=io.BytesIO(data), project_id=study.project_id, kind=ObjectKind.CINE),
        frame_offsets=offsets, segment="descending", view="SAX", heart=HEARTS.get(kind),
    )  # fmt: skip
    Region.objects.bulk_create([Region(clip=clip, **region) for region in KINDS[kind]])
    return clip


def fill(cases: list[list[str]], password: str) -> dict[str, Any]:
    """Make the project, its reader and a blinded round; each case is a list of kinds of clips. Return its ids."""
    from plaqueweb.accounts.roles import Role
    from plaqueweb.accounts.services import create_user, set_roles
    from plaqueweb.reads.choices import Policy, Reveal
    from plaqueweb.reads.models import Assignment
    from plaqueweb.reads.rounds import create_round
    from plaqueweb.studies.models import Protocol
    from plaqueweb.studies.services import create_case_list, create_project

    project = create_project(slug=SLUG, name="Reading room", by=None, is_demo=True)
    reader = create_user(email=EMAIL, name="Dr Room", password=password, by=None)
    set_roles(project=project, user=reader, roles=[Role.READER], by=None)
    bundles = bundles_of(cases)
    studies = [store_study(project, number, case, bundles) for number, case in enumerate(cases, start=1)]
    listed = create_case_list(project=project, name="Room", purpose="test", studies=studies, by=None)
    round_ = create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=listed, name="Room",
        readers=[reader], policy=Policy.BLINDED, reveal=Reveal.ALL_SIGNED, seed=1, by=None,
    )  # fmt: skip
    opaque = dict(Assignment.objects.filter(round=round_).values_list("study_id", "public_id"))
    return {"email": EMAIL, "slug": SLUG, "cases": [opaque[study.pk] for study in studies]}


def bundles_of(cases: list[list[str]]) -> dict[str, Bundle]:
    """Return the frames of each kind of clip that the cases name."""
    kinds = {kind for case in cases for kind in case}
    return {kind: _bundle(moving(*SIZES.get(kind, (ROWS, COLUMNS, FRAMES)))) for kind in sorted(kinds)}


def store_study(project: Project, number: int, kinds: list[str], bundles: dict[str, Bundle]) -> Study:
    """Store a study with one clip of each kind."""
    from django.utils import timezone

    from plaqueweb.studies.models import Study, Subject

    subject = Subject.objects.create(project=project, pseudonym=f"P-{number:05d}")
    study: Study = Study.objects.create(
        project=project, subject=subject, number=number, uid=f"2.25.{uuid.uuid4().int}", content_no=1,
        content_hash=uuid.uuid4().hex, ready_at=timezone.now(),
    )  # fmt: skip
    for place, kind in enumerate(kinds, start=1):
        _clip(study, place, kind, bundles[kind])
    return study


class Room:
    """A folder with a filled database, and the web process that serves it; ``stop`` and ``start`` keep the address.

    Args:
        cases: for each case the kinds of its clips, see ``KINDS``.
        environment: further settings of the site.
    """

    def __init__(self, cases: list[list[str]], environment: dict[str, str] | None = None) -> None:
        self.var = Path(tempfile.mkdtemp(prefix="plaqueweb-room-"))
        self.password = "a password for the room"
        self.environment = os.environ | {
            "PLAQUEWEB_VAR": str(self.var), "DJANGO_SETTINGS_MODULE": "plaqueweb.settings.dev",
            "PLAQUEWEB_ROOM_PASSWORD": self.password, **(environment or {}),
        }  # fmt: skip
        (self.var / "static").mkdir()
        self.manage("migrate", "--verbosity", "0")
        self.manage("createcachetable")
        filled = json.loads(self._run("-m", "plaqueweb.ops.room", json.dumps(cases)))
        self.email, self.slug, self.cases = filled["email"], filled["slug"], filled["cases"]
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self.listener.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def manage(self, *arguments: str) -> str:
        """Run a management command on this room and return what it prints."""
        return self._run("manage.py", *arguments)

    def compared(self) -> str:
        """Add a comparison of 100 frames that the room's reader may see; return its address."""
        path: str = json.loads(self._run("-m", "plaqueweb.ops.room_compare"))
        return self.address + path

    def python(self, code: str) -> str:
        """Run code in a process of the room's site, as a worker would, and return what it prints."""
        return self._run("-c", f"import django; django.setup()\n{code}")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout

    def start(self) -> None:
        """Start the web process and wait until it answers."""
        if self.listener.fileno() < 0:
            self.listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        number = self.listener.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plaqueweb.ops.child", "web", f"fd://{number}"], cwd=ROOT, env=self.environment,
            stdin=subprocess.PIPE, pass_fds=(number,), start_new_session=True,
        )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/login/", timeout=5).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("the web process did not answer")

    def kill(self) -> None:
        """End the web process at once, as a crash would: nobody listens any more."""
        self.listener.close()
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        if self.process is not None and self.process.stdin:
            self.process.stdin.close()

    def close(self) -> None:
        """End it and take the folder away."""
        self.kill()
        shutil.rmtree(self.var, ignore_errors=True)


def main() -> None:
    """Fill the room named by the environment."""
    import django

    django.setup()
    print(json.dumps(fill(json.loads(sys.argv[1]), os.environ["PLAQUEWEB_ROOM_PASSWORD"])))


if __name__ == "__main__":
    main()
