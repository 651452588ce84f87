"""What the processor does beside the networks: counted by stage, kept within bounds."""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import threadpoolctl
from numpy.typing import NDArray


@functools.cache
def one_blas_thread() -> None:
    """Keep numpy's matrix products on the thread that asks for them, in this process, from now on.

    They are small here, and their helper threads wait spinning between two of them: measured at ten times the work.
    """
    threadpoolctl.threadpool_limits(limits=1, user_api="blas")


class Stages:
    """Processor seconds by stage, summed over threads."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count what this thread does within."""
        before = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - before
            with self._lock:
                self._seconds[name] += spent

    def take(self) -> dict[str, float]:
        """Processor seconds by stage since the last call."""
        with self._lock:
            seconds, self._seconds = dict(self._seconds), defaultdict(float)
        return seconds


class Kept:
    """Pictures of a clip on the canvas by frame number (from 1): all of a short clip, every so many of a long one.

    At most ``most`` are held; when they are full, every second one goes.
    """

    def __init__(self, most: int = 256) -> None:
        if most < 2:
            raise ValueError(f"At least two pictures are kept; got {most}.")
        self.images: dict[int, NDArray[np.uint8]] = {}
        self.most, self.each, self._seen = most, 1, 0

    def add(self, images: NDArray[np.uint8]) -> None:
        """The next pictures of the clip, (n, size, size)."""
        for image in images:
            self._seen += 1
            if (self._seen - 1) % self.each:
                continue
            self.images[self._seen] = image.copy()
            if len(self.images) > self.most:
                self.each *= 2
                self.images = {n: kept for n, kept in self.images.items() if (n - 1) % self.each == 0}

    def nearest(self, number: int) -> int:
        """The frame that is kept nearest to ``number``. Raises ValueError when none is."""
        return min(self.images, key=lambda kept: abs(kept - number))
