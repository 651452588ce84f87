"""The benchmarks of the design: server CPU per request, the web process's memory, inference against its bare passes.

CPU time and ratios are measured, not the clock: other work on the machine changes them little.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.test import Client
from django.utils import timezone

from inference.types import rle_encode
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.reads.choices import Policy, Reveal
from plaqueweb.reads.models import Assignment
from plaqueweb.reads.rounds import create_round
from plaqueweb.studies.choices import CalibrationSource, ClipKind, ClipState, ListPurpose, StoredAs
from plaqueweb.studies.models import Clip, Protocol, Region, Study, Subject
from plaqueweb.studies.services import create_case_list, create_project

CASES = 50
ROWS, COLUMNS, FRAMES = 480, 640, 30
REPEATS, WARM_UP = 40, 5


@dataclass(frozen=True)
class Figure:
    """One measured number with its goal."""

    name: str
    value: float
    unit: str
    goal: float | None
    at_most: bool = True

    @property
    def reached(self) -> bool | None:
        """Tell whether the goal was reached; None where there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def cpu_ms(act: Callable[[int], None], *, repeats: int = REPEATS) -> float:
    """Return the median CPU time of this process for one call, in ms."""
    for number in range(WARM_UP):
        act(number)
    took = []
    for number in range(WARM_UP, WARM_UP + repeats):
        before = time.process_time_ns()
        act(number)
        took.append((time.process_time_ns() - before) / 1e6)
    return statistics.median(took)


class Site:
    """A project with one reader and a worklist, in the present database."""

    def __init__(self) -> None:
        self.project = create_project(slug=f"bench-{uuid.uuid4().hex[:8]}", name="Bench", by=None, is_demo=True)
        email = f"bench-{uuid.uuid4().hex[:8]}@plaqueweb.example"
        self.reader: User = create_user(email=email, name="Bench reader", password=None, by=None)
        set_roles(project=self.project, user=self.reader, roles=[Role.READER], by=None)
        studies = [self._study(number) for number in range(1, CASES + 1)]
        cases = create_case_list(project=self.project, name="Bench", purpose=ListPurpose.TEST, studies=studies, by=None)
        self.round = create_round(
            project=self.project, protocol=Protocol.objects.get(project=self.project), case_list=cases, name="Bench",
            readers=[self.reader], policy=Policy.BLINDED, reveal=Reveal.ALL_SIGNED, seed=1, by=None,
        )  # fmt: skip
        self.client = Client()
        self.client.force_login(self.reader)

    def _study(self, number: int) -> Study:
        subject = Subject.objects.create(project=self.project, pseudonym=f"P-{number:05d}")
        study = Study.objects.create(
            project=self.project, subject=subject, number=number, uid=f"2.25.{uuid.uuid4().int}", content_no=1,
            content_hash=uuid.uuid4().hex, ready_at=timezone.now(),
        )  # fmt: skip
        cine = put_file(
            source=io.BytesIO(b"CINE" + number.to_bytes(4, "little")), project_id=self.project.pk, kind=ObjectKind.CINE
        )
        for place in range(1, 4):
            clip = Clip.objects.create(
                study=study, number=place, kind=ClipKind.CINE, sop_uid=f"2.25.{uuid.uuid4().int}", frames=FRAMES,
                rows=ROWS, columns=COLUMNS, frame_times_ms=[33.3 * n for n in range(FRAMES)],
                source_sha256=uuid.uuid4().hex * 2, stored_as=StoredAs.LOSSLESS, cine=cine,
                frame_offsets=[[8 + 100 * n, 96] for n in range(FRAMES)], state=ClipState.STORED,
            )  # fmt: skip
            Region.objects.create(
                clip=clip, number=1, x0=40, y0=40, x1=600, y1=440, row_mm=0.12, col_mm=0.12,
                source=CalibrationSource.US_REGION,
            )  # fmt: skip
        return study

    def open_case(self) -> Callable[[int], None]:
        """Open cases one after the other, as the reading page does."""
        keys = list(Assignment.objects.filter(round=self.round).values_list("public_id", flat=True))

        def act(number: int) -> None:
            answer = self.client.post(f"/api/v1/assignments/{keys[number % len(keys)]}/open/")
            expect(answer.status_code, 200, answer.content)

        return act

    def save_draft(self) -> Callable[[int], None]:
        """Save one painted frame with a caliper."""
        import numpy as np

        key = Assignment.objects.filter(round=self.round).values_list("public_id", flat=True)[0]
        detail = self.client.post(f"/api/v1/assignments/{key}/open/").json()
        read, clip = detail["read"], detail["clips"][0]["id"]
        ends = [[300.5, 240.0], [340.5, 240.0]]
        yy, xx = np.mgrid[:ROWS, :COLUMNS]
        discs = [(yy - 240) ** 2 + (xx - 320) ** 2 < radius**2 for radius in (41, 43, 45, 47)]
        painted = [[int(n) for n in rle_encode(disc)] for disc in discs]  # another one each time, as when painting
        lesion = {
            "number": 1,
            "segment": "descending",
            "is_index": True,
            "key_clip": clip,
            "key_frame": 3,
            "key_region": 1,
        }
        state = {"draft_no": read["draft_no"]}

        def act(number: int) -> None:
            frame: dict[str, Any] = {
                "clip": clip, "frame": 3 + number % 5, "region": 1, "extent": "all_marked",
                "calipers": [{"id": str(uuid.uuid4()), "kind": "thickness", "lesion": 1, "points": ends}],
                "masks": {"1": {"size": [ROWS, COLUMNS], "rle": painted[number % len(painted)]}},
            }  # fmt: skip
            answer = self.client.patch(
                f"/api/v1/reads/{read['id']}/",
                {"save_id": str(uuid.uuid4()), "lesions": [lesion], "frames": [frame]},
                content_type="application/json",
                headers={"If-Match": f'"{state["draft_no"]}"'},
            )
            expect(answer.status_code, 200, answer.content)
            state["draft_no"] = answer.json()["draft_no"]

        return act

    def worklist(self) -> Callable[[int], None]:
        """Load the worklist page of 50 cases."""

        def act(_number: int) -> None:
            answer = self.client.get(f"/p/{self.project.slug}/worklist/")
            expect(answer.status_code, 200, answer.content)

        return act


def site_figures() -> list[Figure]:
    """Measure the three requests a reader waits for."""
    if "testserver" not in settings.ALLOWED_HOSTS:
        settings.ALLOWED_HOSTS.append("testserver")
    site = Site()
    return [
        Figure("this machine: 100 000 additions", cpu_ms(_add), "ms CPU", None),
        Figure("save a draft", cpu_ms(site.save_draft()), "ms CPU", 6.0),
        Figure("open a case", cpu_ms(site.open_case()), "ms CPU", 8.0),
        Figure("worklist page of 50", cpu_ms(site.worklist()), "ms CPU", 12.0),
    ]


def _add(_number: int) -> None:
    """A fixed piece of work, so that figures of two machines, or of a busy one, can be compared."""
    total = 0
    for number in range(100_000):
        total += number


_MEMORY = """
from plaqueweb.wsgi import application
from django.conf import settings
from django.test import Client
settings.ALLOWED_HOSTS.append("testserver")
Client().get("/login/")
Client().get("/api/schema/")
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def memory_figure() -> list[Figure]:
    """Measure a web process's memory after its first pages; Linux only."""
    if sys.platform != "linux":
        return []
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    return [Figure("web process", int(done.stdout.split()[-1]) / 1024, "MB", 150.0)]


def inference_figures() -> list[Figure]:
    """Run the library's own benchmark: the pipeline against the bare forward passes, in one run."""
    import json

    command = [sys.executable, "-m", "inference", "bench", "--json"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
        ratio = float(found["ratio"])
    except (IndexError, KeyError, ValueError, TypeError):
        return []
    gpu = str(found.get("device", "cpu")).startswith("cuda")
    return [
        Figure("pipeline against bare passes", ratio, "×", 0.85 if gpu else 0.95, at_most=False),
        Figure("other CPU a frame", float(found["other_cpu_ms"]), "ms CPU", 1.5),
        Figure("sum of the stages but forward", float(found["beside_ms"]), "ms CPU", 1.5),
        *(Figure(f"  {name}", float(value), "ms CPU", None) for name, value in found["stages_ms"].items()),
        Figure("one frame beyond its forward pass", float(found["interactive_ms"]), "ms CPU", 12.0),
        Figure("MONAI sliding window, segmenter alone", float(found["sliding_window_fps"]), "frames/s", None),
        Figure("pipeline", float(found["pipeline_fps"]), "frames/s", None),
    ]


def as_rows(figures: list[Figure]) -> list[dict[str, Any]]:
    """Return figures as JSON values."""
    return [asdict(figure) | {"reached": figure.reached} for figure in figures]


def expect(status: int, wanted: int, body: bytes) -> None:
    """Stop the bench where the site answers something else: a refused request would be the fastest of all."""
    if status != wanted:
        raise RuntimeError(f"the site answered {status}: {body[:300]!r}")


__all__ = ["Figure", "as_rows", "cpu_ms", "expect", "inference_figures", "memory_figure", "site_figures"]
