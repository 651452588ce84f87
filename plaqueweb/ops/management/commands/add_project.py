"""Start a project of one's own: ``manage.py add_project SLUG NAME``, with the shipped pipeline active."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plaqueweb.core.errors import DomainError
from plaqueweb.predictions.start import start_project


class Command(BaseCommand):
    help = "Creates a project and activates the shipped pipeline, which was trained on synthetic data only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name for addresses: a to z, 0 to 9, hyphens")
        parser.add_argument("name")
        parser.add_argument("--no-model", action="store_true", help="register no pipeline: studies are only read")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            started = start_project(
                slug=options["slug"], name=options["name"], by=None, with_model=not options["no_model"]
            )
        except DomainError as error:
            raise CommandError(f"{error.detail} [{error.rule}]; nothing was stored.") from None
        project = started.project
        people = f"manage.py add_user EMAIL --name NAME --project {project.slug} --role coordinator"
        self.stdout.write(f"Project {project.slug} is there. Add people: {people}")
