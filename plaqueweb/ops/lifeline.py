"""Children die with their supervisor, also when it is killed: their standard input is a pipe that it holds open."""

from __future__ import annotations

import os
import signal
import threading
import time

GRACE = 3.0  # seconds between the request to end and the end


def hold(descriptor: int = 0) -> None:
    """End this process and its group as soon as the pipe on ``descriptor`` closes.

    ``os.read`` is used because a buffered read in a daemon thread aborts the interpreter at exit.
    """
    threading.Thread(target=_wait, args=(descriptor,), name="lifeline", daemon=True).start()


def _wait(descriptor: int) -> None:
    try:
        while os.read(descriptor, 1):
            pass
    except OSError:
        pass
    if os.name == "nt":
        os._exit(1)
    own_group = os.getpgrp() == os.getpid()
    _signal(signal.SIGTERM, own_group)
    time.sleep(GRACE)
    _signal(signal.SIGKILL, own_group)


def _signal(number: signal.Signals, group: bool) -> None:
    if group:
        os.killpg(os.getpgrp(), number)
    else:
        os.kill(os.getpid(), number)
