"""Add a person to a project; a new one gets a random password, printed once."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.studies.models import Project


class Command(BaseCommand):
    help = "Adds a person to a project with exactly the given roles; a new person gets a random password, printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="as it stands under signatures; needed for a new person")
        parser.add_argument(
            "--project", help="short name of the project; left out, the person starts one in the browser"
        )
        parser.add_argument(
            "--role", action="append", default=[], choices=Role.values, help="may be given more than once"
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first() if options["project"] else None
        if bool(options["project"]) != bool(options["role"]):
            raise CommandError("--project and --role go together.")
        if options["project"] and project is None:
            raise CommandError(f"There is no project “{options['project']}”.")
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            if not options["name"].strip():
                raise CommandError("A new person needs --name: it stands under signatures.")
            password = secrets.token_urlsafe(12)
            user = create_user(email=options["email"], name=options["name"].strip(), password=password, by=None)
            self.stdout.write(f"Password of {user.email}: {password} (printed once)")
        if project is None:
            self.stdout.write(
                f"{user.email} is in no project by this; whoever logs in first, before there is one, starts it."
            )
            return
        set_roles(project=project, user=user, roles=options["role"], by=None)
        self.stdout.write(f"{user.email} is {', '.join(user.roles_in(project.pk))} in {project.slug}")
