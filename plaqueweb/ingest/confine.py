"""What the kernel can take away from the intake child. Every function says what it managed to switch on.

Linux gives all of it; macOS no memory limit and no network namespace; Windows nothing, there only time is limited.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable

from plaqueweb.ingest.report import ChildLimits

_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_MEGABYTE = 1_000_000


def _libc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    return ctypes.CDLL(None, use_errno=True)


def drop_network() -> list[str]:
    """Move this process into a network namespace of its own, where there is not even a way to itself."""
    libc = _libc()
    if libc is None or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return []
    return ["no network"]


def forbid_new_rights() -> list[str]:
    """No program started from here can gain rights."""
    libc = _libc()
    return ["no new rights"] if libc is not None and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 else []


def _memory_now() -> int:
    """Bytes of address space that this process holds already; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def set_limits(limits: ChildLimits) -> list[str]:
    """Set the resource limits of this very process; returns the words for those that took hold."""
    if sys.platform == "win32":
        return []
    import resource

    def limit(kind: int, value: int, words: str) -> Callable[[], list[str]]:
        def run() -> list[str]:
            try:
                resource.setrlimit(kind, (value, value))
            except (ValueError, OSError):
                return []
            return [words] if words else []

        return run

    now = _memory_now()
    steps = [
        limit(resource.RLIMIT_CPU, limits.cpu_s, f"cpu {limits.cpu_s} s"),
        limit(resource.RLIMIT_FSIZE, limits.out_mb * _MEGABYTE, f"output {limits.out_mb} MB"),
        limit(resource.RLIMIT_CORE, 0, ""),
        limit(resource.RLIMIT_NOFILE, 64, "64 open files"),
    ]
    if now:
        words = f"memory {limits.memory_mb} MB"
        steps.append(limit(resource.RLIMIT_AS, now + limits.memory_mb * _MEGABYTE, words))
    return [words for step in steps for words in step()]
