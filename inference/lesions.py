"""Plaques followed over the frames of a clip.

A plaque of a frame is a connected piece of at least 2 mm2. Pieces of two frames are compared in the aorta's own frame
of reference (thickness over the angle around its centre, so that sway drops out): the overlap is the intersection over
union of the two thickness profiles, which is that of the masks after their centres were laid on each other. Pieces go
to tracks one to one at the least cost (Kuhn 1955, ``scipy.optimize.linear_sum_assignment``); a track may miss frames.
Tracks that never share a frame and lie at the same place are one plaque; what is seen in hardly any frame is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from inference.morphology import texture_of, ulcer_of
from inference.motion import LEAST_FREE_SHARE, Motion, free_part_of, motion_of
from inference.postprocess import choose_key_frame, displayed_mm
from inference.profiles import FrameProfile, Piece
from inference.types import Answer, LesionResult, Spacing

Floats = NDArray[np.float64]
Rays = NDArray[np.bool_]
LEAST_OVERLAP = 0.1
LEAST_SEEN_SHARE = 0.2
LEAST_FREE_FRAMES = 3
WALL_NORMAL = "wall-normal"


@dataclass
class Track:
    """One plaque over the frames: which piece it is in which profile, and its mean thickness over the angle."""

    at: list[int] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    total: Floats = field(default_factory=lambda: np.zeros(0))

    def add(self, index: int, number: int, profile: Floats) -> None:
        self.at.append(index)
        self.pieces.append(number)
        self.total = profile.copy() if self.total.size == 0 else self.total + profile

    @property
    def mean(self) -> Floats:
        return np.asarray(self.total / max(len(self.at), 1))


def overlaps(first: Floats, second: Floats) -> Floats:
    """Intersection over union of thickness profiles (n, rays) with others (m, rays): (n, m), 0 where both are empty."""
    union = np.maximum(first[:, None], second).sum(axis=2)
    return np.minimum(first[:, None], second).sum(axis=2) / np.where(union > 0, union, 1.0)


def own_profile(frame: FrameProfile, number: int) -> Floats:
    """The thickness profile of one piece alone."""
    return np.where(frame.piece == number, frame.length, 0.0).astype(np.float64)


def follow(frames: Sequence[FrameProfile]) -> list[Track]:
    """Tracks of plaques over the frames, in the order of their first frame."""
    tracks: list[Track] = []
    for index, frame in enumerate(frames):
        profiles = [own_profile(frame, piece.number) for piece in frame.pieces]
        taken: set[int] = set()
        if tracks and profiles:
            cost = 1.0 - overlaps(np.stack([track.mean for track in tracks]), np.stack(profiles))
            for t, p in zip(*linear_sum_assignment(cost), strict=True):
                if cost[t, p] <= 1.0 - LEAST_OVERLAP:
                    tracks[t].add(index, frame.pieces[p].number, profiles[p])
                    taken.add(int(p))
        for p, profile in enumerate(profiles):
            if p not in taken:
                tracks.append(Track())
                tracks[-1].add(index, frame.pieces[p].number, profile)
    return _lasting(_joined(tracks), len(frames))


def _joined(tracks: list[Track]) -> list[Track]:
    """Tracks without those that lie where a longer one lies in frames in which that one was not found."""
    kept: list[Track] = []
    for track in sorted(tracks, key=lambda t: -len(t.at)):
        place = track.mean > 0
        for longer in kept:
            there = longer.mean > 0
            apart = not set(longer.at) & set(track.at)
            if apart and (place & there).sum() >= 0.5 * min(place.sum(), there.sum()):
                longer.total = longer.total + track.total
                order = sorted(zip([*longer.at, *track.at], [*longer.pieces, *track.pieces], strict=True))
                longer.at, longer.pieces = [list(part) for part in zip(*order, strict=True)]
                break
        else:
            kept.append(track)
    return kept


def _lasting(tracks: list[Track], frames: int) -> list[Track]:
    least = min(max(1, round(LEAST_SEEN_SHARE * frames)), max(1, frames))
    return [track for track in tracks if len(track.at) >= least]


def lesions_of(
    frames: Sequence[FrameProfile], tracks: Sequence[Track], spacing: Spacing | None, round_view: bool
) -> tuple[LesionResult, ...]:
    """Every plaque of a clip from its tracks (see :func:`follow`), the largest first.

    ``round_view`` says that shares of the circumference make sense.
    """
    found = [_describe(track, frames, spacing, round_view) for track in tracks]
    found.sort(key=lambda lesion: -lesion.area_px)
    return tuple(replace(lesion, number=n) for n, lesion in enumerate(found, start=1))


def stands_free(frames: Sequence[FrameProfile], rays: Sequence[Rays]) -> list[bool] | None:
    """For a plaque with a mobile part, whether each frame shows that part apart from the wall; None for others.

    Where the part lies on the wall, its thickness would be counted as the wall's: such a frame is not measured.
    """
    shown = [free_part_of(frame, mine) is not None for frame, mine in zip(frames, rays, strict=True)]
    enough = max(LEAST_FREE_FRAMES, LEAST_FREE_SHARE * len(frames))
    return shown if sum(shown) >= enough else None


def piece_rays(frames: Sequence[FrameProfile], track: Track) -> list[Rays]:
    """The rays on which a track's plaque lies in each of the frames that show it."""
    return [frame.piece == number for frame, number in zip(frames, track.pieces, strict=True)]


def _describe(track: Track, frames: Sequence[FrameProfile], spacing: Spacing | None, round_view: bool) -> LesionResult:
    seen = [frames[n] for n in track.at]
    rays = piece_rays(seen, track)
    pieces = [_piece(frame, number) for frame, number in zip(seen, track.pieces, strict=True)]
    free = stands_free(seen, rays)
    at = choose_key_frame([p.thickness if free is None or free[n] else None for n, p in enumerate(pieces)]) or 0
    key, frame, mine = pieces[at], seen[at], rays[at]
    extent = float(frame.arc[mine].sum())
    texture = texture_of(seen, rays)
    lesion = LesionResult(
        number=0,
        key_frame=frame.frame,
        frames=tuple(f.frame for f in seen),
        thickness_mm=None,
        thickness_px=key.thickness_px,
        thickness_method=WALL_NORMAL,
        chord=key.chord,
        area_mm2=None,
        area_px=key.area_px,
        extent_share=extent / float(frame.arc.sum()) if round_view else None,
        angle=_middle_angle(frame, mine),
        echogenicity_db=texture.echogenicity_db,
        calcified_share=texture.calcified_share,
        shadow_share=texture.shadow_share,
    )
    return _with_lengths(lesion, seen, rays, key, extent, spacing)


def _with_lengths(
    lesion: LesionResult,
    seen: Sequence[FrameProfile],
    rays: Sequence[Rays],
    key: Piece,
    extent: float,
    spacing: Spacing | None,
) -> LesionResult:
    """The lesion with everything that needs millimetres (left out without calibration), and the reasons."""
    unit = 1.0 if spacing is not None else float(np.mean([f.radius.mean() for f in seen])) / 12.0
    motion = motion_of(seen, rays, spacing is not None)
    ulcer = ulcer_of(seen, _filled(np.mean(rays, axis=0) >= 0.3), spacing is not None, unit)
    reasons = reasons_of(None if spacing is None else key.thickness, ulcer.answer, motion)
    if spacing is None:
        return replace(lesion, mobility_frames=motion.frames, reasons=reasons)
    parts = [free_part_of(frame, mine) for frame, mine in zip(seen, rays, strict=True)]
    return replace(
        lesion,
        thickness_mm=key.thickness,
        area_mm2=key.area_px * spacing[0] * spacing[1],
        extent_mm=extent,
        protrusion_mm=max([key.thickness, *(part.protrusion for part in parts if part is not None)]),
        mobility_mm=motion.range,
        mobility_sd_mm=motion.error,
        mobility_frames=motion.frames,
        ulcer_depth_mm=ulcer.depth,
        ulcer_width_mm=ulcer.width,
        ulcer_sd_mm=ulcer.error,
        reasons=reasons,
    )


def reasons_of(thickness_mm: float | None, ulcer: Answer, motion: Motion) -> dict[str, Answer]:
    """The answers to thickness (at least 4.0 mm as displayed), ulceration and mobile."""
    thick: Answer = "cannot tell"
    if thickness_mm is not None:
        thick = "yes" if displayed_mm(thickness_mm) >= 4.0 - 1e-6 else "no"
    return {"thickness": thick, "ulceration": ulcer, "mobile": motion.answer}


def _piece(frame: FrameProfile, number: int) -> Piece:
    return next(piece for piece in frame.pieces if piece.number == number)


def _filled(rays: Rays) -> Rays:
    """The shortest arc that holds all of these rays: a crater in a plaque may show no plaque at its ground."""
    at = np.flatnonzero(rays)
    if at.size < 2:
        return rays
    gaps = np.diff(np.append(at, at[0] + rays.size))
    after = int(gaps.argmax())
    out = np.ones_like(rays)
    out[(at[after] + 1 + np.arange(gaps[after] - 1)) % rays.size] = False
    return out


def _middle_angle(frame: FrameProfile, rays: Rays) -> float:
    weight = np.where(rays, frame.length, 0.0)
    turn = 2 * np.pi * np.arange(rays.size) / rays.size
    return float(np.arctan2(weight @ np.sin(turn), weight @ np.cos(turn)) % (2 * np.pi))
