"""What the supervisor starts: ``-m plaqueweb.ops.child ROLE``, a role of ``main``; ends when its input closes."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Any

from plaqueweb.ops import lifeline

THREADS = 8


def main(arguments: list[str]) -> None:
    """Run one role until it is told to end."""
    lifeline.hold()
    role = arguments[0]
    if role == "web":
        web(arguments[1])
    elif role in {"light", "gpu"}:
        worker(role)
    elif role == "seed":
        seed()
    elif role == "programme":
        programme()
    else:
        sys.exit(f"unknown role {role!r}: web, light, gpu, seed or programme")


def web(address: str) -> None:
    """Serve pages and API: gunicorn with threads on the socket the supervisor bound (``fd://N``), or waitress.

    Waitress is for systems without fork; there ``address`` is ``host:port``.
    """
    if not address.startswith("fd://"):
        from waitress import serve

        from plaqueweb.wsgi import application

        serve(application, listen=address, threads=THREADS)
        return
    from gunicorn.app.base import BaseApplication

    class Site(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options: dict[str, Any] = {
                "bind": [address],
                "workers": int(os.environ.get("PLAQUEWEB_WEB_PROCESSES", "1")),
                "threads": THREADS,
                "worker_class": "gthread",
                "timeout": 120,
                "graceful_timeout": 3,
                "keepalive": 30,
                "loglevel": "warning",
                "proc_name": "plaqueweb-web",
                "control_socket_disable": True,
            }
            for key, value in options.items():
                if key in self.cfg.settings:
                    self.cfg.set(key, value)

        def load(self) -> Any:
            from plaqueweb.wsgi import application

            return application

    Site().run()


def seed() -> None:
    """Fill the demo project; goes on where an interrupted start stopped."""
    import django

    django.setup()
    from plaqueweb.ops.seed import Seeder

    Seeder().run()


def programme() -> None:
    """Store the simulated programme for the demo's people, at the lowest priority; goes on where it stopped."""
    if hasattr(os, "nice"):
        os.nice(10)
    import django

    django.setup()
    from plaqueweb.ops.demo import programme_people
    from plaqueweb.ops.programme.draw import draw
    from plaqueweb.ops.programme.parameters import SLUG, Parameters
    from plaqueweb.ops.programme.store import store_programme

    store_programme(draw(Parameters()), slug=SLUG, people=programme_people())


def worker(queue: str) -> None:
    """Answer the doorbell of one queue, in this process itself: torch is never forked."""
    import django

    django.setup()
    from celery.signals import worker_ready, worker_shutting_down

    warnings.filterwarnings("ignore", message=".*superuser privileges.*")  # a container's only user is often root
    from plaqueweb.celery import app
    from plaqueweb.core.workers import ask_to_stop

    def stop(**_: object) -> None:
        ask_to_stop()

    def ring_once(**_: object) -> None:
        """Rows that waited while no worker was there."""
        light = (
            "ingest.wake", "agreement.compute_waiting", "agreement.watch", "reads.propagate", "review.compare_masks",
        )  # fmt: skip
        for task in ("jobs.wake",) if queue == "gpu" else light:
            if task in app.tasks:
                app.send_task(task, queue=queue)

    worker_shutting_down.connect(stop, weak=False)
    worker_ready.connect(ring_once, weak=False)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    app.worker_main(
        ["--quiet", "worker", "-Q", queue, "--pool", "solo", "-n", f"{queue}-{os.getpid()}@%h", "--loglevel", "WARNING",
         "--without-gossip", "--without-mingle", "--without-heartbeat"]
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
