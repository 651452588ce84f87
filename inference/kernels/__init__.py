"""Compiled loops over the pixels and rays of one frame: what a call of numpy costs a frame more than its arithmetic.

``paint`` makes labels, ``grid`` holds what runs over connected pieces, ``rays`` what runs along the wall, ``oval`` what
``inference.outer`` does on the canvas. Each loop does what a few lines of numpy say as well; the tests hold them
against those lines. Only the pipeline imports this package: a web process that measures a reader's mask does so with
numpy and never loads the compiler.

A loop is compiled at its first call and kept on disk: in ``NUMBA_CACHE_DIR`` where it is set, else beside the module,
else in the user's own cache. Where none of them can be written, as in a container without a home, every process
compiles it anew. ``inference.tuning`` warms all of them up, so that no result waits. What is kept is code: the folder
must belong to the user who runs the site. The modules never call into each other, because a kept loop does not notice
that another file it took code from has changed. The loops are written out, without slices and sums: these compile far
longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function compiled at its first call, without the interpreter's lock, kept on disk where a place is found."""
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:  # what numba raises where nothing can be written
        return numba.njit(function, nogil=True, error_model="numpy")
