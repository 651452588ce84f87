"""Training data from signed reads: ``manage.py export_labels --project SLUG --out DIR --by EMAIL``."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import DomainError
from plaqueweb.ops.labels import export_labels
from plaqueweb.studies.models import CaseList, Project


class Command(BaseCommand):
    help = (
        "Writes the frames that readers marked whole as training data: pictures, label maps, subjects.csv and a "
        "manifest with the sha256 of the data set. Only studies in case lists with the purpose “train”."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="short name of the project")
        parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
        parser.add_argument("--by", required=True, help="e-mail address of who exports; blinding follows this person")
        parser.add_argument("--list", default="", help="name of one case list (default: all lists for training)")
        parser.add_argument("--simulated", action="store_true", help="also reads of simulated readers (demonstration)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project “{options['project']}”.")
        by = User.objects.filter(email=options["by"].lower(), is_active=True).first()
        if by is None:
            raise CommandError(f"There is no user “{options['by']}”.")
        chosen = None
        if options["list"]:
            chosen = CaseList.objects.filter(project=project, name=options["list"]).first()
            if chosen is None:
                raise CommandError(f"There is no case list “{options['list']}” in this project.")
        try:
            done = export_labels(
                project=project, folder=options["out"], by=by, case_list=chosen, simulated=options["simulated"]
            )
        except DomainError as error:
            raise CommandError(f"{error.detail} [{error.rule}]; nothing was written.") from None
        if done.held_back:
            self.stderr.write(f"{done.held_back} studies that {by.name} still has to read blind were left out.")
        self.stdout.write(
            f"{done.frames} frames of {done.subjects} subjects in {done.studies} studies written to {done.folder}; "
            f"data set {done.sha256}"
        )
