"""Phantom studies as real multi-frame DICOM files, with their truth kept apart."""

from __future__ import annotations

import json
import math
import multiprocessing
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from inference.dicom.write import write_us_multiframe
from inference.phantom.beat import R_AT, beat_at, r_waves_ms, trace
from inference.phantom.simulate import PhantomClip, simulate_clip
from inference.phantom.spec import KINDS, Kind, PhantomSpec, random_spec

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_SPREAD: tuple[Kind, ...] = (
    "thick",
    "thin",
    "mobile",
    "none",
    "ulcerated",
    "thin",
    "thick",
    "thin",
    "mobile",
    "none",
    "ulcerated",
    "thin",
)
_NAMESPACE = uuid.UUID("6f1de0c2-52f6-4e0a-9a26-61a3a2d3b9a7")


_ECG_HZ, _MICROVOLT_A_WAVE = 250, 1000.0


@dataclass(frozen=True)
class PhantomSubject:
    """One subject that was written: its DICOM files, its truth file, and the class of its study."""

    name: str
    kind: Kind
    study_uid: str
    study_class: int
    files: tuple[Path, ...]
    truth: Path


@dataclass(frozen=True)
class _Job:
    out: Path
    seed: int
    number: int
    kind: Kind
    frames: int
    transfer_syntax: str


def uid_for(*parts: object) -> str:
    """A UID (2.25.<128 bits>) that depends on nothing but ``parts``."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}"


def _beat_elements(spec: PhantomSpec, end_ms: float) -> Dataset:
    """R Wave Time Vector (0018,6060) and an ECG in Waveform Sequence (5400,0100) of a loop of ``end_ms``.

    Empty where an ECG is drawn into the picture: that one runs by itself, and two that differ would mislead.
    """
    told = Dataset()
    if spec.overlay is not None and spec.overlay.shows_ecg:
        return told
    told.RWaveTimeVector = r_waves_ms(spec, end_ms)
    seconds = np.arange(math.ceil(end_ms / 1000.0 * _ECG_HZ)) / _ECG_HZ
    if len(seconds) < 2:
        return told
    samples = np.rint(_MICROVOLT_A_WAVE * trace(np.asarray(beat_at(spec, seconds)) + R_AT)).astype("<i2")
    told.WaveformSequence = DicomSequence([_ecg(samples)])
    return told


def _ecg(samples: NDArray[np.int16]) -> Dataset:
    lead, unit = Dataset(), Dataset()
    lead.CodeValue, lead.CodingSchemeDesignator, lead.CodeMeaning = "5.6.3-9-2", "SCPECG", "Lead II"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    channel = Dataset()
    channel.ChannelSourceSequence = DicomSequence([lead])
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = 1, 1, 0
    channel.ChannelSensitivityUnitsSequence = DicomSequence([unit])
    channel.ChannelSampleSkew, channel.WaveformBitsStored = 0, 16
    group = Dataset()
    group.MultiplexGroupTimeOffset, group.WaveformOriginality = 0, "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 1, len(samples)
    group.SamplingFrequency = _ECG_HZ
    group.ChannelDefinitionSequence = DicomSequence([channel])
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = samples.tobytes()
    group["WaveformData"].VR = "OW"
    return group


def write_study(
    folder: Path,
    clips: Sequence[PhantomClip],
    *,
    patient_id: str,
    patient_name: str,
    study_uid: str,
    study_date: str,
    transfer_syntax: str = EXPLICIT_LITTLE_ENDIAN,
) -> list[Path]:
    """Write the clips of one study as ``clip-1.dcm``, ... into ``folder``; gives the paths.

    Ultrasound Multi-frame images with the calibrated region (0018,6011), Frame Time (0018,1063) and the beat, marked as
    synthetic in the header, never in the picture. Raises DicomError when a clip cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, clip in enumerate(clips, start=1):
        path = folder / f"clip-{number}.dcm"
        write_us_multiframe(
            path,
            clip.frames,
            regions=[clip.region],
            frame_time_ms=clip.frame_time_ms,
            patient_id=patient_id,
            patient_name=patient_name,
            study_uid=study_uid,
            series_uid=uid_for(study_uid, "series"),
            sop_uid=uid_for(study_uid, "clip", number),
            study_date=study_date,
            synthetic=True,
            transfer_syntax=transfer_syntax,
            extra=_beat_elements(clip.spec, clip.frame_time_ms * len(clip.frames)),
        )
        paths.append(path)
    return paths


def write_truth(
    folder: Path, name: str, clips: Sequence[PhantomClip], files: Sequence[Path], study_uid: str, kind: Kind
) -> tuple[Path, int]:
    """Write ``<name>.json`` and one ``.npz`` of labels per clip; gives the JSON's path and the study's class."""
    folder.mkdir(parents=True, exist_ok=True)
    study_class = max(int(str(clip.truth["class"])) for clip in clips)
    rows = []
    for number, (clip, file) in enumerate(zip(clips, files, strict=True), start=1):
        masks = f"{name}-clip-{number}.npz"
        np.savez_compressed(folder / masks, labels=clip.labels)
        rows.append(
            {
                "file": f"{name}/{file.name}",
                "sop_uid": uid_for(study_uid, "clip", number),
                "masks": masks,
                "frames": len(clip.frames),
                "spacing_mm": list(clip.spacing),
                **clip.truth,
            }
        )
    thickest = max(float(str(clip.truth["thickness_mm"])) for clip in clips)
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps(
            {
                "subject": name,
                "study_uid": study_uid,
                "kind": kind,
                "class": study_class,
                "thickness_mm": thickest,
                "plaque_present": any(bool(clip.truth["plaque_present"]) for clip in clips),
                "synthetic": True,
                "clips": rows,
            },
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
    return path, study_class


def _clip_kinds(kind: Kind, rng: np.random.Generator) -> list[Kind]:
    """Two or three clips of one subject: the subject's own kind in one of them, nothing worse in the others."""
    milder: tuple[Kind, ...] = ("none", "none") if kind == "none" else ("none", "thin")
    kinds: list[Kind] = [milder[int(rng.integers(len(milder)))] for _ in range(int(rng.integers(1, 3)))]
    kinds.insert(int(rng.integers(len(kinds) + 1)), kind)
    return kinds


def _write_subject(job: _Job) -> PhantomSubject:
    rng = np.random.default_rng((job.seed, 77, job.number))
    name = f"PHANTOM-{job.number:03d}"
    study_uid = uid_for("study", job.seed, job.number)
    clips = [simulate_clip(random_spec(rng, kind), job.frames) for kind in _clip_kinds(job.kind, rng)]
    files = write_study(
        job.out / "dicom" / name,
        clips,
        patient_id=name,
        patient_name=f"Phantom^{job.number:03d}",
        study_uid=study_uid,
        study_date=f"2026{1 + job.number % 12:02d}{1 + job.number % 28:02d}",
        transfer_syntax=job.transfer_syntax,
    )
    truth, study_class = write_truth(job.out / "truth", name, clips, files, study_uid, job.kind)
    return PhantomSubject(name, job.kind, study_uid, study_class, tuple(files), truth)


def demo_cohort(
    out: Path,
    seed: int,
    subjects: int = 12,
    frames: int = 24,
    *,
    kinds: Sequence[Kind] | None = None,
    transfer_syntax: str = JPEG_BASELINE,
    workers: int = 1,
    first: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[PhantomSubject]:
    """Write subjects one after the other and yield each as soon as its files lie on disk.

    ``out/dicom/<subject>/*.dcm`` is what a site may see; ``out/truth/`` is kept apart. One study and two or three clips
    a subject; half of the subjects are complex unless ``kinds`` says which to take in turn. Subjects are numbered from
    ``first``; a number and a seed always give the same subject. Raises ValueError on an unknown kind or a count below
    one.
    """
    chosen = tuple(kinds) if kinds else _SPREAD
    unknown = [kind for kind in chosen if kind not in KINDS]
    if unknown:
        raise ValueError(f"A phantom kind is one of {', '.join(KINDS)}; got {unknown[0]!r}.")
    if subjects < 1 or frames < 1 or first < 1:
        raise ValueError("A phantom cohort needs at least one subject and one frame.")
    numbers = range(first, first + subjects)
    jobs = [_Job(out, seed, n, chosen[(n - 1) % len(chosen)], frames, transfer_syntax) for n in numbers]
    for done, subject in enumerate(_run(jobs, workers), start=1):
        if progress is not None:
            progress(done, subjects)
        yield subject


def _run(jobs: list[_Job], workers: int) -> Iterator[PhantomSubject]:
    if workers <= 1:
        yield from map(_write_subject, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_write_subject, jobs)
