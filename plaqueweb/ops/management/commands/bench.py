"""``manage.py bench``: the design's benchmarks as a table and JSON, in a database of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.table import Table

from plaqueweb.ops import bench

INSIDE = "PLAQUEWEB_BENCH_INSIDE"


def _worker_figures() -> list[bench.Figure]:
    """Torch comes in here and no sooner, so that the site is measured as it is served."""
    from plaqueweb.ops.bench_worker import worker_figures

    return worker_figures()


def _statistics_figures() -> list[bench.Figure]:
    """Only this part needs scikit-learn, to compare with; without it it says so in a line."""
    from plaqueweb.ops.bench_statistics import statistics_figures

    try:
        return statistics_figures()
    except ModuleNotFoundError as missing:
        Console(stderr=True).print(f"statistics: skipped, {missing.name} is not installed")
        return []


def _viewer_figures() -> list[bench.Figure]:
    """Only this part needs a browser; without one it says so in a line."""
    from plaqueweb.ops.bench_viewer import Missing, viewer_figures

    try:
        return viewer_figures()
    except Missing as why:
        Console(stderr=True).print(f"viewer: skipped, {why}")
        return []


class Command(BaseCommand):
    help = (
        "Measures server CPU per request, the web process's memory, statistics over a million read pairs, the "
        "dashboard over a million frame results, the viewer in a browser, and inference beside its bare passes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", type=Path, help="write the figures to this file as well")
        parser.add_argument(
            "--only", choices=["site", "memory", "statistics", "viewer", "inference", "worker"], help="measure one part"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if INSIDE not in os.environ:
            self._apart(options)
            return
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        parts: dict[str, Callable[[], list[bench.Figure]]] = {
            "site": bench.site_figures,
            "memory": bench.memory_figure,
            "statistics": _statistics_figures,
            "viewer": _viewer_figures,
            "inference": bench.inference_figures,
            "worker": _worker_figures,
        }
        figures = [f for name, part in parts.items() if options["only"] in {None, name} for f in part()]
        self._show(figures)
        body = json.dumps(bench.as_rows(figures), indent=1)
        if options["json"]:
            options["json"].write_text(body + "\n")
        self.stdout.write(body)

    def _apart(self, options: dict[str, Any]) -> None:
        """Measure in a process with a throw-away folder, so that no project of this installation is touched."""
        with tempfile.TemporaryDirectory(prefix="plaqueweb-bench-") as folder:
            environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
            environment |= {INSIDE: "1", "PLAQUEWEB_VAR": folder, "DJANGO_SETTINGS_MODULE": "plaqueweb.settings.dev"}
            command = [sys.executable, "manage.py", "bench"]
            if options["only"]:
                command += ["--only", options["only"]]
            if options["json"]:
                command += ["--json", str(options["json"].resolve())]
            subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True)

    def _show(self, figures: list[bench.Figure]) -> None:
        table = Table("what", "measured", "goal", "reached")
        words = {True: "yes", False: "no", None: "–"}
        for figure in figures:
            sign = "≤" if figure.at_most else "≥"
            goal = "–" if figure.goal is None else f"{sign} {figure.goal:g}"
            table.add_row(figure.name, f"{figure.value:.2f} {figure.unit}", goal, words[figure.reached])
        Console().print(table)
