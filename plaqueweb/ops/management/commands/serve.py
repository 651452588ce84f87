"""``manage.py serve``: web server, workers and sweeper under one supervisor."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from plaqueweb.ops.prepare import prepare
from plaqueweb.ops.supervisor import PortTaken, Supervisor, bind

PARTS = ("web", "light", "gpu", "sweep")
DEFAULT_PORT = 8000


def add_address(parser: CommandParser) -> None:
    """The options every serving command has."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=None, help=f"port (default {DEFAULT_PORT}, or the next free one)")


def make_supervisor(options: dict[str, Any], parts: set[str], say: Any) -> Supervisor:
    """Bind the address and build the supervisor.

    Raises:
        CommandError: the port asked for is taken.
    """
    listener = None
    if "web" in parts:
        wished = options["port"]
        try:
            listener = bind(options["host"], DEFAULT_PORT if wished is None else wished, search=wished is None)
        except PortTaken as error:
            raise CommandError(str(error)) from None
        got = listener.getsockname()[1]
        if wished is None and got != DEFAULT_PORT:
            say(f"port {DEFAULT_PORT} is taken; using {got}")
    return Supervisor(listener=listener, parts=parts, say=say)


class Command(BaseCommand):
    help = "Runs web server, workers and sweeper on this host (or some of them: --only)."

    def add_arguments(self, parser: CommandParser) -> None:
        add_address(parser)
        parser.add_argument(
            "--only", default=",".join(PARTS), help=f"parts to run here, comma-separated: {', '.join(PARTS)}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        parts = {part.strip() for part in options["only"].split(",") if part.strip()}
        if unknown := parts - set(PARTS):
            raise CommandError(f"--only: unknown part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
        prepare(self.say)
        supervisor = make_supervisor(options, parts, self.say)
        announced = False

        def announce() -> None:
            nonlocal announced
            if not announced and supervisor.healthy():
                announced = True
                self.say(f"serving on {supervisor.address or '(no pages on this host)'}   Ctrl+C stops everything")

        supervisor.on_tick = announce
        supervisor.run()
        self.say("stopped")

    def say(self, text: str) -> None:
        self.stdout.write(f"[plaqueweb] {text}")
        self.stdout.flush()
