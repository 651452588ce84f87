"""What a file tells of the heart's beat: when the R waves were, and an ECG trace kept beside the frames.

R Wave Time Vector (0018,6060) holds ms from the first frame, R Wave Pointer (0028,6040) frame numbers from 1. An ECG in
Waveform Sequence (5400,0100) begins at its Multiplex Group Time Offset (0018,1068). Source: PS3.3 C.8.5.6, C.10.9.
Nothing is worked out from pixels or from the trace: a file that tells no R wave gives none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.dicom.elements import value_of

Source = Literal["", "RWaveTimeVector", "RWavePointer"]
MAX_WAVES = 2_000
MAX_SAMPLES = 20_000_000
MAX_CHANNELS = 64
BEFORE_MS = 10_000.0
"""An R wave this long before the first frame still says how long after it the first frames are."""
TRACE_POINTS = 512
_SAMPLES = {("SB", 8): "i1", ("UB", 8): "u1", ("SS", 16): "i2", ("US", 16): "u2", ("SL", 32): "i4", ("UL", 32): "u4"}
"""Waveform Sample Interpretation and Waveform Bits Allocated of plain numbers; companded samples are not read."""
_LEADS = ("5.6.3-9-", "2:")
"""How codes of ECG leads begin: SCP-ECG, and MDC."""


@dataclass(frozen=True)
class Trace:
    """An ECG over the loop: ``values`` 0 to 255, lowest to highest, one each ``step_ms`` from ``start_ms`` on, where 0
    is the first frame. A spike is kept: where samples are thinned out, the lowest and the highest of each part stay."""

    start_ms: float
    step_ms: float
    values: list[int]


@dataclass(frozen=True)
class Heart:
    """``r_ms``: when the R waves were, in ms from the first frame, rising; it may begin before it. Empty: not told."""

    r_ms: list[float]
    r_from: Source
    ecg: Trace | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def heart_of(ds: Dataset, times: Sequence[float], times_from: str, *, big_endian: bool = False) -> Heart | None:
    """What a header tells of the beat during frames that were taken at ``times`` (ms from the first).

    None where it tells nothing, of a still, and where the frame times are assumed: then no frame can be said to be some
    ms after an R wave.
    """
    if len(times) < 2 or times_from == "assumed":
        return None
    end = times[-1] + median(after - before for before, after in itertools.pairwise(times))
    waves, source = r_waves(ds, times, end)
    trace = _ecg(ds, end, big_endian=big_endian)
    return Heart(waves, source, trace) if waves or trace else None


def r_waves(ds: Dataset, times: Sequence[float], end: float) -> tuple[list[float], Source]:
    """R waves in ms from the first frame and the element that tells them; none where they are not plausible."""
    vector = _numbers(value_of(ds, "RWaveTimeVector"))
    if vector and _rising(vector):
        found = [round(wave, 2) for wave in vector if -BEFORE_MS <= wave <= end]
        if found:
            return found, "RWaveTimeVector"
    pointed = _numbers(value_of(ds, "RWavePointer"))
    if pointed and _rising(pointed) and all(frame.is_integer() and 1 <= frame <= len(times) for frame in pointed):
        return [times[int(frame) - 1] for frame in pointed], "RWavePointer"
    return [], ""


def _numbers(value: Any) -> list[float]:
    if value is None or isinstance(value, (str, bytes)):
        return []
    many = list(itertools.islice(value, MAX_WAVES + 1)) if isinstance(value, Iterable) else [value]
    try:
        found = [float(one) for one in many]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if len(found) <= MAX_WAVES and all(math.isfinite(one) for one in found) else []


def _rising(values: list[float]) -> bool:
    return all(before < after for before, after in itertools.pairwise(values))


def _ecg(ds: Dataset, end: float, *, big_endian: bool) -> Trace | None:
    for group in _items(value_of(ds, "WaveformSequence")):
        channels = _items(value_of(group, "ChannelDefinitionSequence"))
        lead = next((at for at, channel in enumerate(channels) if _is_ecg(channel)), None)
        trace = None if lead is None else _trace(group, lead, end, big_endian=big_endian)
        if trace is not None:
            return trace
    return None


def _items(sequence: Any) -> list[Any]:
    found = list(itertools.islice(sequence, MAX_CHANNELS)) if isinstance(sequence, Iterable) else []
    return [item for item in found if isinstance(item, Dataset)]


def _is_ecg(channel: Dataset) -> bool:
    if "ECG" in str(value_of(channel, "ChannelLabel") or "").upper():
        return True
    for code in _items(value_of(channel, "ChannelSourceSequence")):
        scheme, value = (str(value_of(code, name) or "") for name in ("CodingSchemeDesignator", "CodeValue"))
        if scheme.upper() in ("SCPECG", "MDC") and value.startswith(_LEADS):
            return True
        if "ECG" in str(value_of(code, "CodeMeaning") or "").upper():
            return True
    return False


def _trace(group: Dataset, channel: int, end: float, *, big_endian: bool) -> Trace | None:
    samples = _samples(group, channel, big_endian=big_endian)
    rate = _numbers(value_of(group, "SamplingFrequency"))
    if samples is None or not rate or not 1 <= rate[0] <= 100_000:
        return None
    step = 1000.0 / rate[0]
    offset = _numbers(value_of(group, "MultiplexGroupTimeOffset")) or [0.0]
    first = max(0, math.ceil(-offset[0] / step))
    last = min(len(samples), math.ceil((end - offset[0]) / step))
    shown = samples[first:last]
    if len(shown) < 2:
        return None
    thin, width = _thinned(shown)
    low, high = int(shown.min()), int(shown.max())
    if low == high:
        return None
    values = np.rint((thin - low) * (255.0 / (high - low))).astype(int)
    return Trace(round(offset[0] + first * step, 3), round(step * width, 4), values.tolist())


def _samples(group: Dataset, channel: int, *, big_endian: bool) -> NDArray[np.int64] | None:
    """The samples of one channel; they lie interleaved."""
    count, channels, bits = (
        int((_numbers(value_of(group, name)) or [0])[0])
        for name in ("NumberOfWaveformSamples", "NumberOfWaveformChannels", "WaveformBitsAllocated")
    )
    kind = _SAMPLES.get((str(value_of(group, "WaveformSampleInterpretation") or "").upper(), bits))
    data = value_of(group, "WaveformData")
    if kind is None or not isinstance(data, bytes) or not channel < channels <= MAX_CHANNELS:
        return None
    if not 2 <= count <= MAX_SAMPLES or len(data) < count * channels * bits // 8:
        return None
    plain = np.frombuffer(data, dtype=f"{'>' if big_endian else '<'}{kind}", count=count * channels)
    return plain[channel::channels].astype(np.int64)


def _thinned(samples: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
    """At most ``TRACE_POINTS`` values and how many samples each stands for; lowest and highest of a part stay, in the
    order in which they came."""
    if len(samples) <= TRACE_POINTS:
        return samples.astype(np.float64), 1.0
    parts = TRACE_POINTS // 2
    edges = np.linspace(0, len(samples), parts + 1).astype(int)
    kept = []
    for start, stop in itertools.pairwise(edges):
        part = samples[start:stop]
        ends = sorted((int(part.argmin()), int(part.argmax())))
        kept += [part[ends[0]], part[ends[1]]]
    return np.asarray(kept, dtype=np.float64), len(samples) / TRACE_POINTS
