"""Store reads from elsewhere: ``manage.py import_reads reads.csv --project SLUG [--dry-run]``."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import DomainError
from plaqueweb.reads.import_file import NEEDED, OPTIONAL, ImportRefused
from plaqueweb.reads.services import import_reads
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import Project


class Command(BaseCommand):
    help = (
        f"Store reads from a CSV as signed reads “imported, blinding unknown”. Columns: {', '.join(NEEDED)}; "
        f"optional: {', '.join(OPTIONAL)}. A mask is a PNG beside the CSV, black and white or with an orange plaque."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the CSV file")
        parser.add_argument("--project", required=True, help="short name of the project")
        parser.add_argument("--by", help="e-mail address of who imports, for the audit trail")
        parser.add_argument("--round", default="", help="name of the round the reads hang in")
        parser.add_argument("--purpose", default=ListPurpose.TEST.value, choices=ListPurpose.values)
        parser.add_argument("--dry-run", action="store_true", help="check every line, store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project “{options['project']}”.")
        by = User.objects.filter(email=options["by"].lower()).first() if options["by"] else None
        if options["by"] and by is None:
            raise CommandError(f"There is no user “{options['by']}”.")
        try:
            result = import_reads(
                project=project, path=options["path"], by=by, round_name=options["round"],
                purpose=options["purpose"], dry_run=options["dry_run"],
            )  # fmt: skip
        except ImportRefused as refused:
            for bad in refused.lines:
                self.stderr.write(f"line {bad.line}: {bad.words} [{bad.rule}]")
            raise CommandError(f"{len(refused.lines)} bad lines; nothing was stored.") from None
        except DomainError as error:
            raise CommandError(f"{error.detail} [{error.rule}]; nothing was stored.") from None
        done = "would be stored" if options["dry_run"] else "stored"
        self.stdout.write(
            f"{result.reads} reads by {result.readers} readers on {result.studies} studies, "
            f"{result.masks} masks: {done}" + (f" in round “{result.round.name}”." if result.round else ".")
        )
