"""Fills the demo project while it is looked at: phantom studies and a real cine through the real intake, then reads.

Every step looks first whether it was done, so an interrupted seeding goes on at the next start.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import close_old_connections
from pydicom.data import get_testdata_file

from inference.phantom.dicom import demo_cohort
from plaqueweb.accounts.models import User
from plaqueweb.core.workers import stop_asked
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ingest.services import close_batch, receive_upload, release_upload
from plaqueweb.ops.demo import SLUG, coordinator, demo_readers
from plaqueweb.ops.simulated import simulate_read, simulate_unscored_read
from plaqueweb.reads.choices import AssignmentState, Policy, Reveal
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.rounds import add_cases, create_round
from plaqueweb.review.services import record_known_truth
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, Project, Protocol, Study
from plaqueweb.studies.services import create_case_list

log = logging.getLogger(__name__)
SUBJECTS = 12
FRAMES = 18
SEED = 20261
ROUND = "Demo round"
CINE_AFTER = 2  # the real cine comes third, so that the release queue shows something early
WAIT = 180.0  # seconds for one study to pass intake
_SPACE = uuid.UUID("a3c52a4e-3f3e-4f0b-8a43-0c1c7d3d5b11")


@dataclass(frozen=True)
class Item:
    """One study to load: a phantom subject by number, or the real cine (0)."""

    number: int

    @property
    def name(self) -> str:
        return f"PHANTOM-{self.number:03d}" if self.number else "real cine"


class Seeder:
    """Loads the studies one after the other and has the simulated readers read each."""

    def __init__(self) -> None:
        self.project = Project.objects.get(slug=SLUG)
        self.by = coordinator()
        self.folder = Path(settings.VAR_DIR) / "demo"

    def run(self) -> None:
        """Load what is missing."""
        items = [Item(n) for n in range(1, SUBJECTS + 1)]
        items.insert(CINE_AFTER, Item(0))
        for item in items:
            if stop_asked():
                return
            close_old_connections()
            if not self._finished(item):
                self._load(item)

    def batch(self, item: Item) -> uuid.UUID:
        """Return the drop an item is sent in; always the same, so that a second sending is recognised."""
        return uuid.uuid5(_SPACE, f"{self.project.pk}/{item.name}")

    def _finished(self, item: Item) -> bool:
        study = self._study(item)
        if study is None:
            return False
        simulated = Assignment.objects.filter(study=study, reader__is_simulated=True)
        return simulated.filter(state=AssignmentState.SIGNED).count() >= 2

    def _load(self, item: Item) -> None:
        files, truth = self._make(item)
        self._send(item, files)
        study = self._ready(item)
        if truth is not None:
            reasons = {
                key: any(clip["reasons"][key] for clip in truth["clips"]) for key in truth["clips"][0]["reasons"]
            }
            record_known_truth(
                study=study,
                reader_class=int(truth["class"]),
                thickness_mm=float(truth["thickness_mm"]),
                reasons=reasons,
            )
        self._assign(study)
        waiting = Assignment.objects.filter(study=study, reader__is_simulated=True, round__name=ROUND)
        for assignment in waiting.exclude(state=AssignmentState.SIGNED).select_related("reader", "study", "round"):
            rng = np.random.default_rng((SEED, item.number, ord(assignment.reader.name[-1])))
            if truth is None:
                simulate_unscored_read(assignment)
            else:
                simulate_read(assignment, truth, self.folder / "truth", files, rng)

    def _make(self, item: Item) -> tuple[list[Path], dict[str, Any] | None]:
        """Return the files of an item, rendering a phantom unless it lies there whole, and its truth."""
        if not item.number:
            return [Path(str(get_testdata_file("examples_ybr_color.dcm")))], None
        truth = self.folder / "truth" / f"{item.name}.json"
        if not truth.exists():
            next(iter(demo_cohort(self.folder, SEED, 1, FRAMES, first=item.number)))
        files = sorted((self.folder / "dicom" / item.name).glob("*.dcm"))
        return files, json.loads(truth.read_text(encoding="utf-8"))

    def _send(self, item: Item, files: list[Path]) -> None:
        batch = self.batch(item)
        sent = Upload.objects.filter(project=self.project, batch=batch)
        if not sent.filter(batch_closed=True).exists():
            for path in files[sent.count() :]:
                with path.open("rb") as handle:
                    size = path.stat().st_size
                    receive_upload(project=self.project, by=self.by, file=handle, size=size, batch=batch)
            close_batch(project=self.project, batch=batch, by=self.by)

    def _ready(self, item: Item) -> Study:
        """Wait until the study is complete; a held clip of ours is released with a reason.

        Raises:
            RuntimeError: a file was refused, or intake did not come to an end.
        """
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline and not stop_asked():
            uploads = Upload.objects.filter(project=self.project, batch=self.batch(item))
            for upload in uploads.filter(state=UploadState.QUARANTINED):
                reason = "Demo data from a public test collection: looked at, no text that names a person"
                release_upload(upload=upload, by=self.by, reason=reason)
            if refused := uploads.filter(state=UploadState.REFUSED).first():
                raise RuntimeError(f"{item.name}: refused, {refused.rule}: {refused.detail}")
            study = self._study(item)
            if study is not None and study.ready_at is not None:
                return study
            time.sleep(0.2)
        raise RuntimeError(f"{item.name}: not ready after {WAIT:.0f} s")

    def _study(self, item: Item) -> Study | None:
        row = Upload.objects.filter(project=self.project, batch=self.batch(item), study__isnull=False)
        found = row.select_related("study").first()
        return found.study if found else None

    def _assign(self, study: Study) -> None:
        round_ = Round.objects.filter(project=self.project, name=ROUND).first()
        if round_ is not None:
            if not Assignment.objects.filter(round=round_, study=study).exists():
                add_cases(round_=round_, studies=[study], by=self.by)
            return
        readers: list[User] = demo_readers()
        cases = CaseList.objects.filter(project=self.project, name=ROUND).first() or create_case_list(
            project=self.project, name=ROUND, purpose=ListPurpose.TEST, studies=[study], by=self.by
        )
        create_round(
            project=self.project, protocol=Protocol.objects.filter(project=self.project).latest("version"),
            case_list=cases, name=ROUND, readers=readers, policy=Policy.BLINDED, reveal=Reveal.AFTER_EACH,
            seed=SEED, by=self.by, freeze=False,
        )  # fmt: skip
