"""``manage.py import_studies PATH… --project SLUG``: files, folders, zips through the same intake as the drop zone."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import DomainError, Invalid
from plaqueweb.core.models import WorkState
from plaqueweb.ingest import intake, services
from plaqueweb.ingest.models import Upload, UploadKind, UploadState
from plaqueweb.ingest.settle import settle_waiting
from plaqueweb.studies.models import Project
from plaqueweb.studies.sites import site_label

BUSY = (WorkState.QUEUED, WorkState.RUNNING)


def files_below(paths: list[Path]) -> Iterator[Path]:
    """Yield files, folders walked in order; hidden files and DICOMDIR are left out."""
    for path in paths:
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if p.is_file())
            yield from (p for p in inside if not p.name.startswith(".") and p.name != "DICOMDIR")
        else:
            yield path


class Command(BaseCommand):
    help = "Loads studies from files, folders or zips. Files without DICOM tags of one call form one study."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--project", required=True, help="the project's short name")
        parser.add_argument("--by", help="e-mail address of the user who loads them (default: the system)")
        parser.add_argument("--site", default="", help="label of the site for the studies that are new, say “Site A”")
        parser.add_argument(
            "--no-wait", action="store_true", help="only send; running workers take them through intake"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']!r}")
        by = User.objects.filter(email=options["by"].lower()).first() if options["by"] else None
        if options["by"] and by is None:
            raise CommandError(f"there is no user {options['by']!r}")
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"not there: {', '.join(missing)}")
        try:
            site = site_label(options["site"])
        except Invalid as error:
            raise CommandError(error.detail) from None
        batch = uuid.uuid4()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            self._send(progress, project, by, list(files_below(options["paths"])), batch, site)
            if not options["no_wait"]:
                self._take(progress, project, batch)
        self._report(project, batch)

    def _send(
        self, progress: Progress, project: Project, by: User | None, files: list[Path], batch: uuid.UUID, site: str
    ) -> None:
        task = progress.add_task("sending", total=len(files))
        for path in files:
            try:
                with path.open("rb") as handle:
                    services.receive_upload(
                        project=project, by=by, file=handle, size=path.stat().st_size, batch=batch, site=site
                    )
            except (DomainError, OSError) as error:
                self.stderr.write(f"{path}: {getattr(error, 'detail', error)}")
            progress.advance(task)
        services.close_batch(project=project, batch=batch, by=by)

    def _take(self, progress: Progress, project: Project, batch: uuid.UUID) -> None:
        """Work beside running workers, or alone, until nothing of the batch waits."""
        uploads = Upload.objects.filter(project=project, batch=batch)
        task = progress.add_task("reading", total=uploads.count())
        while uploads.filter(work_state__in=BUSY).exists():
            if not intake.process_next():
                time.sleep(0.3)
            left = uploads.filter(work_state__in=BUSY).count()
            progress.update(task, total=uploads.count(), completed=uploads.count() - left)
        settle_waiting(project_id=project.pk)
        intake.shared_client().close()

    def _report(self, project: Project, batch: uuid.UUID) -> None:
        uploads = Upload.objects.filter(project=project, batch=batch).exclude(kind=UploadKind.ARCHIVE)
        words = [f"{uploads.filter(state=state).count()} {state.label}" for state in UploadState]
        self.stdout.write(", ".join(word for word in words if not word.startswith("0 ")) or "nothing was sent")
        for upload in uploads.filter(state=UploadState.REFUSED):
            self.stdout.write(f"  refused, {upload.rule} {upload.tag}: {upload.detail}")
