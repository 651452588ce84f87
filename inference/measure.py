"""From the networks' outputs to frame and clip results, all measured on the source grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference import border, gates
from inference.lesions import Track, follow, lesions_of, piece_rays, stands_free
from inference.postprocess import area_mm2, choose_key_frame, clip_probability, rule_verdict
from inference.preprocess import Canvas
from inference.profiles import FrameProfile, Measured, measure_vessel
from inference.thickness import INSCRIBED, WALL_NORMAL, depth_of, inscribed_thickness
from inference.types import Answer, ClipResult, FrameResult, LesionResult, NoResult, Point, rle_decode
from inference.vessel import Vessel, look_for_vessel

Floats = NDArray[np.float32]
COLOUR, NO_AORTA, NO_SCALE = (gates.TEXTS[r] for r in (NoResult.COLOUR, NoResult.NO_AORTA, NoResult.NO_SCALE))
_ARC_MM = 1.0
"""Plaque at least this thick counts for the share of the circumference."""
_ROUND = 0.75
_DIFFER_MM, _DIFFER_SHARE = 1.0, 0.25


class ClipMeasurer:
    """Measures the frames of one clip whose pictures have ``size`` = (rows, columns), in order; keeps profiles only."""

    def __init__(self, canvas: Canvas, size: tuple[int, int]) -> None:
        self.canvas, self.size = canvas, size
        self.spacing = canvas.region.spacing
        self.profiles: dict[int, FrameProfile] = {}

    def measure(
        self,
        done: int,
        probabilities: Floats,
        logits: Floats,
        coloured: NDArray[np.bool_],
        images: NDArray[np.uint8] | None = None,
    ) -> list[FrameResult]:
        """Results of one batch; ``done`` frames came before.

        ``logits`` is (n, 4, size, size). ``images``, the pictures on the canvas, uint8 (n, size, size), are needed for
        quality and echogenicity.
        """
        given, sure = probabilities.tolist(), np.isfinite(probabilities).tolist()
        results = []
        for n, probability in enumerate(given):
            image = None if images is None else images[n]
            finite, vessel = sure[n], None
            if finite and not coloured[n]:
                finite, vessel = look_for_vessel(logits[n], self.canvas, image)
            results.append(self.frame(done + n + 1, probability, vessel, bool(coloured[n]), finite, image))
        return results

    def frame(
        self,
        number: int,
        probability: float,
        vessel: Vessel | None,
        coloured: bool = False,
        finite: bool = True,
        image: NDArray[np.uint8] | None = None,
    ) -> FrameResult:
        """The result of one frame from the vessel found in it; ``finite`` False says that the networks failed."""
        measured = None if vessel is None else measure_vessel(vessel, number, self.canvas, image)
        quality = shape = None
        if measured is not None:
            profile = measured.profile
            quality = border.quality_of(profile.grey) if profile.grey else None
            shape = gates.shape_of(profile.radius, profile.lumen_px, profile.aorta_px, self.spacing is not None)
        view = self.canvas.region.view
        reason = gates.frame_gate(coloured=coloured, finite=finite, shape=shape, view=view, quality=quality)
        if reason is not None or vessel is None or measured is None:
            return self._empty(number, probability, reason or NoResult.NO_AORTA, quality)
        self.profiles[number] = measured.profile
        return self._full(number, probability, vessel, measured, quality)

    def _empty(self, number: int, probability: float, reason: NoResult, quality: float | None) -> FrameResult:
        empty = [self.size[0] * self.size[1]]
        return FrameResult(
            number,
            probability,
            plaque_area_px=0,
            plaque_area_mm2=None,
            max_thickness_mm=None,
            max_thickness_px=None,
            lumen_area_px=0,
            plaque_rle=list(empty),
            lumen_rle=list(empty),
            wall_rle=list(empty),
            reason=gates.TEXTS[reason],
            no_result=reason,
            no_thickness=reason,
            quality=quality,
        )

    def _full(
        self, number: int, probability: float, vessel: Vessel, measured: Measured, quality: float | None
    ) -> FrameResult:
        pixels = measured.plaque_px
        mm, px, chord, method = self._thickness(vessel, measured)
        plaque, lumen, rest = measured.run_lengths((vessel.row, vessel.column), self.size)
        return FrameResult(
            frame=number,
            probability_complex=probability,
            plaque_area_px=pixels,
            plaque_area_mm2=area_mm2(pixels, self.spacing),
            max_thickness_mm=mm,
            max_thickness_px=px,
            lumen_area_px=measured.profile.lumen_px,
            plaque_rle=plaque,
            lumen_rle=lumen,
            wall_rle=rest,
            chord=chord,
            no_thickness=NoResult.NO_SCALE if self.spacing is None else None,
            quality=quality,
            thickness_method=method,
        )

    def _thickness(
        self, vessel: Vessel, measured: Measured
    ) -> tuple[float | None, float | None, tuple[Point, Point] | None, str]:
        """The frame's greatest thickness in mm and px, its chord, and how it was measured."""
        thickest = max(measured.profile.pieces, key=lambda piece: piece.thickness, default=None)
        if thickest is not None:
            mm = thickest.thickness if self.spacing is not None else None
            return mm, thickest.thickness_px, thickest.chord, WALL_NORMAL
        if not measured.plaque_px:
            return (0.0 if self.spacing is not None else None), 0.0, None, "none"
        lower = inscribed_thickness(measured.pieces > 0, self.spacing)
        chord = None
        if lower.chord is not None:
            (ax, ay), (bx, by) = lower.chord
            x, y = vessel.column, vessel.row
            chord = ((ax + x, ay + y), (bx + x, by + y))
        return lower.mm, lower.px, chord, INSCRIBED

    def clip(
        self,
        frames: list[FrameResult],
        *,
        threshold: float,
        coloured: float,
        device: str,
        seconds: float,
        engine: str = "",
        outputs: Sequence[str] = ("masks", "measurements"),
    ) -> ClipResult:
        """The clip's result: mean logit over the gated frames, thickness by the median over two thirds of them.

        ``coloured`` is the share of frames under a colour overlay.
        """
        no_result = gates.clip_gate([f.no_result for f in frames])
        gated = [] if no_result is not None else [f for f in frames if f.no_result is None]
        probability = clip_probability(f.probability_complex for f in gated) if gated else None
        profiles = [self.profiles[f.frame] for f in gated]
        tracks, is_round = follow(profiles), self._is_round(profiles)
        lesions = lesions_of(profiles, tracks, self.spacing, is_round)
        key = self._key_frame(gated, profiles, tracks)
        official = key.max_thickness_mm if key is not None else (0.0 if self.spacing is not None and gated else None)
        areas = [f.plaque_area_mm2 for f in gated if f.plaque_area_mm2 is not None]
        verdict = _verdict(official, lesions)
        return ClipResult(
            frames=len(frames),
            rows=self.size[0],
            columns=self.size[1],
            region=self.canvas.region,
            spacing_mm=self.spacing,
            probability_complex=probability,
            predicted_class=None if probability is None else int(probability >= threshold),
            rule_verdict=None if verdict is None else int(verdict),
            max_thickness_mm=official,
            key_frame=None if key is None else key.frame,
            key_chord=None if key is None else key.chord,
            thickness_method="none" if key is None else key.thickness_method,
            max_plaque_area_mm2=max(areas, default=None),
            max_plaque_area_px=max((f.plaque_area_px for f in gated), default=0),
            reason="; ".join(self._reasons(no_result)),
            per_frame=frames,
            device=device,
            seconds=seconds,
            no_result=no_result,
            no_thickness=no_result or (None if self.spacing is not None else NoResult.NO_SCALE),
            flags=tuple(self._flags(key, coloured)) if gated else (),
            lesions=lesions,
            area_ratio=self._ratio(profiles) if is_round else None,
            arc_share=self._arc(profiles) if is_round else None,
            protrusion_mm=_greatest([lesion.protrusion_mm for lesion in lesions], official),
            quality=_middle([f.quality for f in frames]),
            gated_frames=len(gated),
            small_pieces=max((p.small_pieces for p in profiles), default=0),
            engine=engine,
            outputs=tuple(outputs),
        )

    def _reasons(self, no_result: NoResult | None) -> list[str]:
        texts = [] if no_result is None else [gates.TEXTS[no_result]]
        return texts if self.spacing is not None else [*texts, self.canvas.region.reason or NO_SCALE]

    def _is_round(self, profiles: Sequence[FrameProfile]) -> bool:
        """Whether shares of the circumference make sense: a short-axis view, or an unnamed one with a round aorta."""
        view = self.canvas.region.view
        if view != "unknown" or not profiles:
            return view == "SAX" and bool(profiles)
        shapes = [gates.shape_of(p.radius, p.lumen_px, p.aorta_px, self.spacing is not None) for p in profiles]
        return float(np.median([s.least_width / s.greatest_width for s in shapes])) >= _ROUND

    def _key_frame(
        self, gated: Sequence[FrameResult], profiles: Sequence[FrameProfile], tracks: Sequence[Track]
    ) -> FrameResult | None:
        """The frame that gives the clip's thickness; frames in which a mobile part lies on the wall do not count."""
        blurred: set[int] = set()
        for track in tracks:
            seen = [profiles[n] for n in track.at]
            free = stands_free(seen, piece_rays(seen, track))
            if free is not None:
                blurred |= {frame.frame for frame, apart in zip(seen, free, strict=True) if not apart}
        series = [None if f.frame in blurred else f.max_thickness_px for f in gated]
        if self.spacing is not None:
            series = [None if f.frame in blurred else f.max_thickness_mm for f in gated]
        at = choose_key_frame(series)
        return None if at is None else gated[at]

    def _ratio(self, profiles: Sequence[FrameProfile]) -> float | None:
        """Plaque over aorta (area), a robust maximum like the thickness; short axis only."""
        return _robust([sum(piece.area_px for piece in p.pieces) / max(p.aorta_px, 1) for p in profiles])

    def _arc(self, profiles: Sequence[FrameProfile]) -> float | None:
        """Share of the circumference with plaque of at least 1 mm, a robust maximum; short axis only."""
        units = [1.0 if self.spacing is not None else float(p.radius.mean()) / 12.0 for p in profiles]
        rows = zip(profiles, units, strict=True)
        return _robust([float(p.arc[p.length > _ARC_MM * unit].sum() / p.arc.sum()) for p, unit in rows])

    def _flags(self, key: FrameResult | None, coloured: float) -> list[str]:
        flags = []
        if coloured > 0:
            flags.append(f"Colour covers {coloured:.0%} of the frames; they were left out.")
        if key is not None and key.chord is not None and key.max_thickness_mm and self.spacing is not None:
            depth = self._depth(key)
            if abs(depth - key.max_thickness_mm) > max(_DIFFER_MM, _DIFFER_SHARE * key.max_thickness_mm):
                flags.append(f"Wall-normal chord {key.max_thickness_mm:.1f} mm, depth method {depth:.1f} mm.")
        return flags

    def _depth(self, key: FrameResult) -> float:
        """What the depth method gives at the inner end of the key frame's chord, in mm."""
        plaque, lumen, rest = (rle_decode(r, self.size) for r in (key.plaque_rle, key.lumen_rle, key.wall_rle))
        assert key.chord is not None
        assert self.spacing is not None
        return depth_of(plaque | lumen | rest, key.chord[0], self.spacing)


def _verdict(thickness_mm: float | None, lesions: Sequence[LesionResult]) -> bool | None:
    """The label rule on thickness, ulceration and mobile part of all plaques."""

    def seen(name: str) -> Answer:
        answers = {lesion.reasons[name] for lesion in lesions}
        return "yes" if "yes" in answers else "cannot tell" if "cannot tell" in answers else "no"

    return rule_verdict(thickness_mm, ulceration=seen("ulceration"), mobile=seen("mobile"))


def _robust(values: Sequence[float]) -> float | None:
    if not values:
        return None
    at = choose_key_frame(values)
    return 0.0 if at is None else float(values[at])


def _greatest(values: Sequence[float | None], least: float | None) -> float | None:
    return None if least is None else max([least, *(value for value in values if value is not None)])


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
