"""``manage.py simulate_programme``: a synthetic project full of simulated readers and pipelines with known errors."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import DomainError
from plaqueweb.ops.demo import programme_people
from plaqueweb.ops.programme.draw import draw
from plaqueweb.ops.programme.parameters import SLUG, Parameters
from plaqueweb.ops.programme.store import store_programme


class Command(BaseCommand):
    help = "Fills a synthetic project with a simulated reading programme. An interrupted call goes on at the next."

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = Parameters()
        parser.add_argument("--project", default=SLUG, help=f"short name of the project; made if missing ({SLUG})")
        parser.add_argument("--name", default="", help="name of a new project")
        parser.add_argument("--studies", type=int, default=default.studies)
        parser.add_argument("--weeks", type=int, default=default.weeks)
        parser.add_argument("--seed", type=int, default=default.seed)
        parser.add_argument("--repeats", type=float, default=default.repeats, help="share of the studies read twice")
        parser.add_argument(
            "--for", dest="people", action="append", default=[], metavar="EMAIL",
            help="account that becomes coordinator and adjudicator, an account of the demo what it is there; "
            "may be repeated (all accounts of the demo)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            parameters = Parameters(
                studies=options["studies"], weeks=options["weeks"], seed=options["seed"], repeats=options["repeats"]
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        people = self._people(options["people"])
        try:
            stored = store_programme(
                draw(parameters), slug=options["project"], name=options["name"], people=people, say=self._say
            )
        except DomainError as error:
            raise CommandError(f"{error.detail} [{error.rule}]") from None
        self.stdout.write("")
        self.stdout.write(
            f"Project {stored.project.slug}: {stored.studies} synthetic studies, {stored.reads} simulated reads, "
            f"{stored.predictions} simulated predictions, in {time.monotonic() - began:.0f} s."
        )
        for membership in stored.project.memberships.filter(user__in=[user for user, _roles in people]):
            self.stdout.write(f"  {membership.user.email}: {', '.join(membership.roles)}")

    def _people(self, emails: list[str]) -> list[tuple[User, list[str]]]:
        found = programme_people(emails)
        missing = set(emails) - {user.email for user, _roles in found}
        if missing:
            raise CommandError(f"There is no account {', '.join(sorted(missing))}: manage.py add_user makes one.")
        return found

    def _say(self, what: str, done: int, total: int) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r{what}: {done} of {total}   ", ending="")
        elif done == total:
            self.stdout.write(f"{what}: {total}")
