"""``predict`` on files: DICOM, PNG, JPEG and folders in, JSON lines and masks out."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.checkpoints import Card
from inference.dicom.frames import FrameSource
from inference.dicom.read import read_clip
from inference.explain import explain, write_maps
from inference.pictures import StoredPicture
from inference.predictor import Predictor, Progress
from inference.types import ClipResult, RegionBox, rle_decode

PICTURES = (".png", ".jpg", ".jpeg")
DICOMS = (".dcm", ".dicom", ".ima", "")
_MAX_SIDE = 8192
_SKIPPED = {"DICOMDIR"}
_ROUND = 6


@dataclass(frozen=True)
class Source:
    """One file to read and the name it gets in the results."""

    path: Path
    name: str


@dataclass(frozen=True)
class OpenClip:
    """A clip that can be read: its frames, taken one at a time, and what the file says about regions."""

    frames: Sequence[NDArray[np.uint8]]
    regions: Sequence[RegionBox]
    synthetic: bool

    @property
    def pictures(self) -> Iterable[NDArray[np.uint8] | StoredPicture]:
        """The same frames, decoded by whoever takes them where they are stored as JPEG."""
        return self.frames.pictures() if isinstance(self.frames, FrameSource) else self.frames


def find_sources(arguments: Sequence[Path]) -> list[Source]:
    """The files behind the arguments; those in a folder are named relative to it.

    In folders, hidden files, DICOMDIR and files of other kinds (by their ending) are passed over; a file that is named
    itself is always tried. Where two would get the same name, the argument's own name is put in front.
    """
    found: list[tuple[Source, Path]] = []
    for argument in arguments:
        if argument.is_dir():
            for path in sorted(p for p in argument.rglob("*") if p.is_file()):
                inside = path.relative_to(argument)
                hidden = any(part.startswith(".") for part in inside.parts)
                if not hidden and path.name not in _SKIPPED and path.suffix.lower() in (*PICTURES, *DICOMS):
                    found.append((Source(path, inside.as_posix()), argument))
        else:
            found.append((Source(argument, argument.name), argument.parent))
    names: dict[str, int] = {}
    for source, _ in found:
        names[source.name] = names.get(source.name, 0) + 1
    sources: list[Source] = []
    taken: set[str] = set()
    for source, parent in found:
        name = source.name if names[source.name] == 1 else f"{parent.resolve().name}/{source.name}"
        stem, number = name, 2
        while name in taken:
            name, number = f"{number}-{stem}", number + 1
        taken.add(name)
        sources.append(Source(source.path, name))
    return sources


def open_clip(path: Path) -> OpenClip:
    """Open one file. Raises ValueError (DicomError among them) naming the rule, or OSError."""
    with path.open("rb") as stream:
        head = stream.read(16)
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return OpenClip([_picture(path)], [], False)
    if path.suffix.lower() in PICTURES:
        raise ValueError("The file is neither PNG nor JPEG, whatever its ending says.")
    clip = read_clip(path)
    return OpenClip(clip.frames, clip.regions, clip.synthetic)


def _picture(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if max(image.size) > _MAX_SIDE:
                raise ValueError(f"A picture may be {_MAX_SIDE} pixels wide and high at most.")
            grey = image.mode in ("L", "1", "LA")
            return np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"The picture cannot be decoded: {error}") from error


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), _ROUND)


def _model(card: Card) -> dict[str, str]:
    return {"name": card.name, "version": card.version, "sha256": card.sha256}


def line_of(name: str, result: ClipResult, cards: tuple[Card, Card], synthetic: bool) -> dict[str, Any]:
    """One line of ``predictions.jsonl``."""
    region = result.region
    return {
        "file": name,
        "frames": result.frames,
        "rows": result.rows,
        "columns": result.columns,
        "spacing_mm": None if result.spacing_mm is None else list(result.spacing_mm),
        "probability_complex": _rounded(result.probability_complex),
        "predicted_class": result.predicted_class,
        "rule_verdict": result.rule_verdict,
        "max_thickness_mm": _rounded(result.max_thickness_mm),
        "key_frame": result.key_frame,
        "key_chord": result.key_chord,
        "thickness_method": result.thickness_method,
        "max_plaque_area_mm2": _rounded(result.max_plaque_area_mm2),
        "max_plaque_area_px": result.max_plaque_area_px,
        "reason": result.reason,
        "no_result": result.no_result,
        "no_thickness": result.no_thickness,
        "flags": list(result.flags),
        "lesions": [asdict(lesion) for lesion in result.lesions],
        "thickness_sd_mm": _rounded(result.thickness_sd_mm),
        "area_sd_mm2": _rounded(result.area_sd_mm2),
        "probability_sd": _rounded(result.probability_sd),
        "area_ratio": _rounded(result.area_ratio),
        "arc_share": _rounded(result.arc_share),
        "protrusion_mm": _rounded(result.protrusion_mm),
        "ood_score": _rounded(result.ood_score),
        "quality": _rounded(result.quality),
        "gated_frames": result.gated_frames,
        "engine": result.engine,
        "outputs": list(result.outputs),
        "synthetic": synthetic,
        "region": None
        if region is None
        else {
            "number": region.number,
            "box": [region.x0, region.y0, region.x1, region.y1],
            "source": region.source,
            "view": region.view,
        },
        "per_frame": [
            {
                "frame": f.frame,
                "probability_complex": _rounded(f.probability_complex),
                "plaque_area_px": f.plaque_area_px,
                "plaque_area_mm2": _rounded(f.plaque_area_mm2),
                "max_thickness_mm": _rounded(f.max_thickness_mm),
                "max_thickness_px": _rounded(f.max_thickness_px),
                "reason": f.reason,
                "no_result": f.no_result,
                "quality": _rounded(f.quality),
            }
            for f in result.per_frame
        ],
        "models": {"classifier": _model(cards[0]), "segmenter": _model(cards[1])},
        "device": result.device,
        "seconds": round(result.seconds, 4),
        "use": "Research use only. Not for diagnosis.",
    }


def write_masks(path: Path, result: ClipResult) -> None:
    """Write ``plaque`` and ``lumen`` as uint8 (frames, rows, columns), a frame at a time, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("plaque", "lumen"):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                _write_array(stream, name, result)
    part.replace(path)


def _write_array(stream: IO[bytes], name: str, result: ClipResult) -> None:
    header = io.BytesIO()
    shape = (result.frames, result.rows, result.columns)
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    stream.write(header.getvalue())
    for frame in result.per_frame:
        runs = frame.plaque_rle if name == "plaque" else frame.lumen_rle
        stream.write(rle_decode(runs, shape[1:]).astype(np.uint8).tobytes())


def map_frames(result: ClipResult) -> list[int]:
    """The frames that are explained: the key frames of clip and lesions, else the middle one; none without region."""
    keys = {result.key_frame, *(lesion.key_frame for lesion in result.lesions)} - {None}
    return sorted(key for key in keys if key is not None) or [(result.frames + 1) // 2]


def write_explanations(folder: Path, predictor: Predictor, clip: OpenClip, result: ClipResult) -> list[str]:
    """Write the maps of a clip's key frames as PNG into ``folder``; gives their names."""
    if result.region is None:
        return []
    names: list[str] = []
    for number in map_frames(result):
        explanation = explain(predictor, np.asarray(clip.frames[number - 1]), result.region)
        names += [path.name for path in write_maps(folder, number, explanation)]
    return names


def predict_files(
    predictor: Predictor,
    arguments: Sequence[Path],
    out: Path,
    *,
    maps: bool = False,
    progress: Progress | None = None,
) -> Iterator[dict[str, Any]]:
    """Predict every file and write ``out/predictions.jsonl`` and ``out/<file>.masks.npz``; yields each line.

    With ``maps``, ``out/<file>.maps`` holds reconstruction, error and activation of the key frames, and the line names
    the files. A file that cannot be read yields {"file", "error"}; the others still run. ``progress`` counts files.
    """
    out.mkdir(parents=True, exist_ok=True)
    sources = find_sources(arguments)
    with (out / "predictions.jsonl").open("w", encoding="utf-8") as lines:
        for number, source in enumerate(sources, start=1):
            try:
                clip = open_clip(source.path)
                result = predictor.predict_clip(clip.pictures, clip.regions)
                write_masks(out / f"{source.name}.masks.npz", result)
                line = line_of(source.name, result, predictor.cards, clip.synthetic)
                if maps:
                    line["outputs"].append("maps")
                    line["maps"] = write_explanations(out / f"{source.name}.maps", predictor, clip, result)
            except (ValueError, OSError) as error:
                line = {"file": source.name, "error": str(error) or type(error).__name__}
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            if progress is not None:
                progress(number, len(sources))
            yield line
