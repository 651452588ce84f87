"""Exports of the site (``manage.py export_labels``): checked whole before a picture is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from inference.checkpoints import sha256_of
from inference.training.labels import parse_label_map

MANIFEST = "manifest.json"
FORMAT = "plaqueweb-labels-1"


class ExportError(ValueError):
    """An export that must not be used; the text names the rule."""


@dataclass(frozen=True)
class Manifest:
    """What an export says of itself. ``labels``: pixel value -> label code; ``sha256`` names the data set."""

    table: str
    labels: dict[int, int]
    sha256: str
    about: dict[str, Any]


def dataset_sha256(files: Mapping[str, str]) -> str:
    """The sha256 of a data set from file name -> sha256: that of the lines ``<sha256>  <name>``, sorted by name."""
    text = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """sha256 of files of a folder by name."""
    return {name: sha256_of(folder / name) for name in sorted(set(names))}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an export, every file of which was compared with its sha256.

    Raises ExportError where it is no export, where it was made for another purpose than training, or where a file is
    missing or was changed.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        files = {str(name): str(digest) for name, digest in data["files"].items()}
        stated, purpose, labels, table = data["sha256"], data["purpose"], data["labels"], str(data["table"])
        kind = data["format"]
    except FileNotFoundError as error:
        raise ExportError(f"{folder.name}: there is no {MANIFEST}; this is no export of the site.") from error
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{MANIFEST}: this is no manifest of an export ({error}).") from error
    if kind != FORMAT:
        raise ExportError(f"{MANIFEST}: the format {kind!r} is not known here; {FORMAT} is.")
    if purpose != "train":
        raise ExportError(f"{MANIFEST}: this export serves “{purpose}”; only case lists for training may train.")
    if dataset_sha256(files) != stated or table not in files:
        raise ExportError(f"{MANIFEST}: its sha256 does not fit the list of files; an export is never edited.")
    for name, digest in files.items():
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or not (folder / name).is_file():
            raise ExportError(f"{name}: a file of the export is missing.")
        if sha256_of(folder / name) != digest:
            raise ExportError(f"{name}: the sha256 differs from the manifest's; the file was changed.")
    about = {key: data[key] for key in ("project", "lists", "counts") if key in data}
    return Manifest(table, parse_label_map(labels, f"{MANIFEST}: labels"), str(stated), about)
