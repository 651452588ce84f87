"""The tabs of the dashboard, in the order in which they stand. A new tab is a module and one entry here."""

from __future__ import annotations

from plaqueweb.agreement.boards import (
    classification,
    measurement,
    overview,
    pipelines,
    readers,
    segmentation,
    subgroups,
    time,
)
from plaqueweb.agreement.boards.base import Board

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    classification.BOARD,
    segmentation.BOARD,
    measurement.BOARD,
    readers.BOARD,
    pipelines.BOARD,
    time.BOARD,
    subgroups.BOARD,
)
_BY_SLUG = {board.slug: board for board in BOARDS}


def board_of(kind: str) -> Board:
    """The board of a run's kind. Raises KeyError on one that no longer exists."""
    return _BY_SLUG[kind]
