"""The beat as a file tells it: R waves from their element, an ECG from its waveform, and nothing made up."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from inference.dicom.heart import MAX_WAVES, TRACE_POINTS, heart_of

TIMES = [n * 40.0 for n in range(25)]  # one second


def header(**elements: Any) -> Dataset:
    ds = Dataset()
    for name, value in elements.items():
        setattr(ds, name, value)
    return ds


def beats(rate: float = 500.0, seconds: float = 2.0, spikes: tuple[float, ...] = (0.1, 0.9)) -> np.ndarray[Any, Any]:
    """Samples that are flat but for one-sample spikes, at these seconds."""
    samples = np.zeros(int(rate * seconds), dtype="<i2")
    for at in spikes:
        samples[int(at * rate)] = 1000
    return samples


def waveform(samples: Any, *others: Any, rate: float = 500.0, **changes: Any) -> Dataset:
    """One multiplex group: the samples of an ECG lead, then other channels."""
    channels = [samples, *others]
    lead = header(CodingSchemeDesignator="SCPECG", CodeValue="5.6.3-9-2", CodeMeaning="Lead II")
    other = header(CodingSchemeDesignator="SCPECG", CodeValue="99", CodeMeaning="Respiration")
    sources = [header(ChannelSourceSequence=Sequence([lead if at == 0 else other])) for at in range(len(channels))]
    group = header(
        NumberOfWaveformChannels=len(channels), NumberOfWaveformSamples=len(samples), SamplingFrequency=rate,
        WaveformBitsAllocated=16, WaveformSampleInterpretation="SS", ChannelDefinitionSequence=Sequence(sources),
        WaveformData=np.stack(channels, axis=1).astype("<i2").tobytes(),
    )  # fmt: skip
    for name, value in changes.items():
        setattr(group, name, value)
    return header(WaveformSequence=Sequence([group]))


def told(
    ds: Dataset, times: list[float] = TIMES, times_from: str = "FrameTime", **options: Any
) -> dict[str, Any] | None:
    found = heart_of(ds, times, times_from, **options)
    return found and found.as_dict()


def test_r_waves_come_in_ms_from_the_first_frame() -> None:
    assert told(header(RWaveTimeVector=[-310.5, 120.25, 940.0])) == {
        "r_ms": [-310.5, 120.25, 940.0], "r_from": "RWaveTimeVector", "ecg": None,
    }  # fmt: skip


def test_one_r_wave_is_a_vector_too() -> None:
    assert told(header(RWaveTimeVector=120.0)) == {"r_ms": [120.0], "r_from": "RWaveTimeVector", "ecg": None}


def test_waves_beyond_the_loop_are_left_out() -> None:
    found = told(header(RWaveTimeVector=[-20_000.0, -10.0, 1000.0, 1800.0]))

    assert found is not None
    assert found["r_ms"] == [-10.0, 1000.0]  # the last frame lasts until 1000 ms


def test_a_pointer_names_frames_and_waits_for_the_vector() -> None:
    uneven = [0.0, 30.0, 90.0]
    ds = header(RWavePointer=[2, 3])

    assert told(ds, uneven) == {"r_ms": [30.0, 90.0], "r_from": "RWavePointer", "ecg": None}
    ds.RWaveTimeVector = [5.0]
    assert told(ds, uneven) == {"r_ms": [5.0], "r_from": "RWaveTimeVector", "ecg": None}


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"HeartRate": 72},
        {"RWaveTimeVector": [120.0, 120.0]},
        {"RWaveTimeVector": [400.0, 120.0]},
        {"RWaveTimeVector": [float("nan"), 120.0]},
        {"RWaveTimeVector": [5000.0]},
        {"RWaveTimeVector": [float(n) / 8 for n in range(MAX_WAVES + 1)]},
        {"RWavePointer": [0, 3]},
        {"RWavePointer": [3, 26]},
    ],
)
def test_what_is_not_told_or_not_plausible_is_nothing(elements: dict[str, Any]) -> None:
    assert told(header(**elements)) is None


def test_neither_a_still_nor_assumed_times_have_a_beat() -> None:
    ds = header(RWaveTimeVector=[120.0])

    assert told(ds, [0.0], "still") is None
    assert told(ds, TIMES, "assumed") is None


def test_the_trace_covers_the_loop_and_keeps_its_spikes() -> None:
    found = told(waveform(beats(rate=1000), np.full(2000, 7), rate=1000))

    assert found is not None
    trace = found["ecg"]
    assert found["r_ms"] == []  # nothing is read off the trace
    assert len(trace["values"]) == TRACE_POINTS
    assert trace["start_ms"] == 0
    assert trace["step_ms"] == pytest.approx(1000 / TRACE_POINTS, rel=1e-3)
    peaks = [round(n * trace["step_ms"]) for n, value in enumerate(trace["values"]) if value == 255]
    assert len(peaks) == 2
    assert peaks == pytest.approx([100, 900], abs=4)
    assert min(trace["values"]) == 0


def test_the_trace_begins_where_its_group_began() -> None:
    early = told(waveform(beats(), MultiplexGroupTimeOffset=-500.0))
    late = told(waveform(beats(), MultiplexGroupTimeOffset=600.0))

    assert early is not None
    assert late is not None
    assert early["ecg"]["start_ms"] == 0
    assert [round(n * 2.0) for n, value in enumerate(early["ecg"]["values"]) if value == 255] == [400]
    assert late["ecg"]["start_ms"] == 600
    assert len(late["ecg"]["values"]) == 200  # until the loop's end, at 1000 ms


def test_big_endian_samples_are_numbers_too() -> None:
    group = waveform(beats(), WaveformData=beats().astype(">i2").tobytes())

    found = told(group, big_endian=True)

    assert found is not None
    assert sorted(set(found["ecg"]["values"])) == [0, 255]


@pytest.mark.parametrize(
    "changes",
    [
        {"WaveformSampleInterpretation": "MB"},
        {"WaveformBitsAllocated": 12},
        {"WaveformData": b"\0" * 100},
        {"NumberOfWaveformSamples": 4_000_000_000},
        {"NumberOfWaveformChannels": 0},
        {"SamplingFrequency": 0},
        {"SamplingFrequency": None},
        {"MultiplexGroupTimeOffset": 9e9},
        {"ChannelDefinitionSequence": Sequence([header(ChannelLabel="Pressure")])},
        {"ChannelDefinitionSequence": None},
    ],
)
def test_a_waveform_that_cannot_be_read_or_is_no_ecg_is_left_out(changes: dict[str, Any]) -> None:
    assert told(waveform(beats(), **changes)) is None


def test_a_flat_line_is_no_trace() -> None:
    assert told(waveform(np.zeros(1000))) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the reader
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=12),
    st.lists(st.integers(0, 65535), max_size=6),
)
def test_whatever_is_told_waves_rise_within_the_loop(vector: list[float], pointer: list[int]) -> None:
    found = told(header(RWaveTimeVector=vector, RWavePointer=pointer))

    if found is not None:
        waves = found["r_ms"]
        assert waves
        assert all(before <= after for before, after in itertools.pairwise(waves))
        assert all(-10_000 <= wave <= 1000 for wave in waves)
