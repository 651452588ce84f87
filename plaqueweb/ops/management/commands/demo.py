"""``manage.py demo``: a demo project with real predictions, served on this machine."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.ops.demo import Demo, predicted_studies, prepare_demo
from plaqueweb.ops.management.commands.serve import PARTS, add_address, make_supervisor
from plaqueweb.ops.prepare import prepare
from plaqueweb.ops.programme.parameters import SLUG
from plaqueweb.ops.supervisor import Child, Supervisor
from plaqueweb.studies.models import Project

FIRST = 2  # studies that are predicted before the address is printed
PATIENCE = 150.0  # seconds; then the address is printed anyway
TOLD_EACH = 10.0


class Command(BaseCommand):
    help = "Sets up a demo project and serves it. A second start keeps everything."

    def add_arguments(self, parser: CommandParser) -> None:
        add_address(parser)
        parser.add_argument("--new-password", action="store_true", help="set and print a new password for the accounts")

        parser.add_argument(
            "--programme", action="store_true",
            help="also fill a second project with a simulated reading programme, in the background",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        prepare(self.say)
        demo = prepare_demo(new_password=options["new_password"])
        if demo.model_note:
            self.say(demo.model_note)
        supervisor = make_supervisor(options, set(PARTS), self.say)
        supervisor.add(Child("seed", ["-m", "plaqueweb.ops.child", "seed"], once=True))
        supervisor.on_tick = Opening(supervisor, demo, self.say, programme=options["programme"])
        self.say(f"starting web, workers and the first {FIRST} studies")
        supervisor.run()
        self.say("stopped; everything is kept for the next start")

    def say(self, text: str) -> None:
        self.stdout.write(f"[plaqueweb] {text}")
        self.stdout.flush()


class Opening:
    """Prints the address once our own server answers and the first studies are predicted; progress before that."""

    def __init__(self, supervisor: Supervisor, demo: Demo, say: Any, *, programme: bool = False) -> None:
        self.supervisor, self.demo, self.say = supervisor, demo, say
        self.started = self.asked = self.told = time.monotonic()
        self.open, self.programme = False, programme

    def __call__(self) -> None:
        now = time.monotonic()
        if self.open or now - self.asked < 0.5:
            return
        self.asked = now
        close_old_connections()
        predicted = predicted_studies(self.demo.project)
        enough = predicted >= FIRST or bool(self.demo.model_note) or now - self.started > PATIENCE
        if enough and self.supervisor.healthy():
            self.open = True
            self._print()
            if self.programme:
                self.supervisor.add(Child("programme", ["-m", "plaqueweb.ops.child", "programme"], once=True))
        elif now - self.told > TOLD_EACH:
            self.told = now
            running = InferenceJob.objects.filter(work_state=WorkState.RUNNING).first()
            where = f", now frame {running.progress_done} of {running.progress_total}" if running else ""
            self.say(f"{predicted} of {FIRST} first studies predicted{where} ({now - self.started:.0f} s)")

    def _second_project(self) -> list[str]:
        """One line about the simulated programme."""
        where = f"  Programme {self.supervisor.address}p/{SLUG}/agreement/ (simulated"
        who = "            for the coordinator, adjudicator and engineer; readers are members without cases to read"
        if self.programme:
            return [f"{where}; fills within some minutes)", who]
        if Project.objects.filter(slug=SLUG).exists():
            return [f"{where})", who]
        return ["  Programme start with --programme for a second project: 200 studies, simulated readers, full pages"]

    def _print(self) -> None:
        password = self.demo.password or "as printed at the first start (--new-password sets another)"
        lines = [
            "",
            f"  Open      {self.supervisor.address}",
            f"  Accounts  {self.demo.accounts[0]}",
            *(f"            {email}" for email in self.demo.accounts[1:]),
            f"  Password  {password}",
            "",
            *self._second_project(),
            "  More studies arrive while you look. Research use only. Ctrl+C stops everything.",
            "",
        ]
        self.say("ready" + "\n".join(lines))
