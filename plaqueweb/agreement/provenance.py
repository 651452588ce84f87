"""What a report was made of: rows with their hashes, weights, protocols, rounds, code. No user here: whoever froze the
rows was allowed to see them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet

import inference
from plaqueweb.accounts.models import User
from plaqueweb.agreement import stats
from plaqueweb.agreement.evidence_rows import batches, scanner_name
from plaqueweb.agreement.plans import trained_on
from plaqueweb.agreement.services import canonical
from plaqueweb.agreement.stats.bootstrap import DEFINED, REPLICATES, SEED
from plaqueweb.predictions.models import ModelVersion, Pipeline, Prediction
from plaqueweb.reads.models import Read, Round
from plaqueweb.reads.qualification import qualifications
from plaqueweb.review.models import AdjudicationPlan, Consensus
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.guide import guide_sha256
from plaqueweb.studies.models import Clip, Project, Region, Study

Row = dict[str, Any]
LOCK = "constraints.txt"
SOURCES = ("plaqueweb", "inference")
COUNTED_ON = ("numpy", "scipy", "Django")
"""Packages whose version could change a number."""


def statistics() -> Row:
    """The settings behind every interval."""
    return {
        "seed": SEED,
        "resamples": REPLICATES,
        "fewest_subjects": stats.MIN_SUBJECTS,
        "share_of_resamples_defined": DEFINED,
    }


@lru_cache(maxsize=1)
def code() -> Row:
    """Which code counts: ``sources`` is the hash of all its modules, ``lock`` that of the pinned dependencies.

    ``commit`` is "" where the code lies in no repository. Read once a process: what is loaded does not change under it.
    """
    root = Path(settings.BASE_DIR)
    digest = hashlib.sha256()
    for path in sorted(path for name in SOURCES for path in (root / name).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    lock = root / LOCK
    return {
        "version": inference.__version__,
        "commit": _commit(root),
        "sources": digest.hexdigest(),
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else "",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: importlib.metadata.version(name) for name in COUNTED_ON},
    }


def _commit(root: Path) -> str:
    try:
        asked = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def made_of(manifests: Iterable[Mapping[str, Any]]) -> Row:
    """Every row that the manifests of some runs name, with what tells whether it is still the same."""
    listed = list(manifests)
    reads = _reads(_ids(pk for one in listed for pk in _read_ids(one)))
    predictions = _predictions(_ids(pk for one in listed for pk in _prediction_ids(one)))
    named = {uuid.UUID(row["round"]) for row in reads} | _ids(one["round"] for one in listed)
    return {
        "reads": reads,
        "consensus": _consensus(_ids(unit[2] for one in listed for unit in one["units"])),
        "predictions": predictions,
        "pipelines": _pipelines({uuid.UUID(row["pipeline"]) for row in predictions}),
        "rounds": _rounds(named),
        "readers": _readers({uuid.UUID(row["reader"]) for row in reads}, uuid.UUID(listed[0]["project"])),
    }


def _ids(texts: Iterable[str]) -> set[uuid.UUID]:
    return {uuid.UUID(text) for text in texts if text}


def _read_ids(manifest: Mapping[str, Any]) -> list[str]:
    second = manifest.get("same_frames", {}).values()
    return [*manifest["reads"], *manifest.get("repeats", []), *second]


def _prediction_ids(manifest: Mapping[str, Any]) -> list[str]:
    every = [pk for of in manifest.get("pipelines", {}).values() for _study, pk in of]
    return [*(unit[3] for unit in manifest["units"]), *every]


def _rows(model: type[Model], ids: Iterable[uuid.UUID], *fields: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for part in batches(sorted(ids)):
        rows: QuerySet[Any] = model._default_manager.filter(pk__in=part)
        found += rows.order_by("pk").values_list("pk", *fields)
    return found


def _reads(ids: set[uuid.UUID]) -> list[Row]:
    fields = ("revision", "assignment__reader_id", "assignment__study_id", "assignment__round_id", "arm", "content_no")
    rows = _rows(Read, ids, *fields, "signed_at", "payload_sha256")
    return [
        {
            "id": str(pk), "revision": revision, "reader": str(reader), "study": str(study), "round": str(round_),
            "arm": arm, "content_no": content_no, "signed_at": _at(signed), "sha256": digest,
        }
        for pk, revision, reader, study, round_, arm, content_no, signed, digest in rows
    ]  # fmt: skip


def _consensus(ids: set[uuid.UUID]) -> list[Row]:
    fields = ("study_id", "kind", "revision", "reader_class", "thickness_mm", "reason_code", "source_reads")
    return [
        {
            "id": str(pk), "study": str(study), "kind": kind, "revision": revision, "class": klass,
            "thickness_mm": mm, "reason_code": reason, "reads": [str(one) for one in sources],
        }
        for pk, study, kind, revision, klass, mm, reason, sources in _rows(Consensus, ids, *fields)
    ]  # fmt: skip


def _predictions(ids: set[uuid.UUID]) -> list[Row]:
    fields = ("pipeline_id", "study_id", "content_no", "content_hash", "engine", "device", "created_at")
    return [
        {
            "id": str(pk), "pipeline": str(line), "study": str(study), "content_no": content_no, "content": content,
            "engine": engine, "device": device, "at": _at(made),
        }
        for pk, line, study, content_no, content, engine, device, made in _rows(Prediction, ids, *fields)
    ]  # fmt: skip


def _at(moment: Any) -> str:
    return moment.isoformat() if moment is not None else ""


def _pipelines(ids: set[uuid.UUID]) -> list[Row]:
    rows = Pipeline.objects.filter(pk__in=ids).select_related("classifier", "segmenter").order_by("pk")
    return [
        {
            "id": str(row.pk), "name": row.name, "hash": row.hash, "threshold": row.threshold,
            "temperature": row.temperature, "code_version": row.code_version, "state": row.state,
            "parameters": row.parameters, "classifier": _model(row.classifier), "segmenter": _model(row.segmenter),
        }
        for row in rows
    ]  # fmt: skip


def _model(row: ModelVersion) -> Row:
    card = row.card if isinstance(row.card, dict) else {}
    return {
        "name": row.name, "version": row.version, "sha256": row.sha256, "kind": row.kind,
        "architecture": card.get("architecture", ""), "parameters": card.get("parameters"),
        "intended_use": card.get("intended_use", ""), "training": card.get("training", {}),
    }  # fmt: skip


def _rounds(ids: set[uuid.UUID]) -> list[Row]:
    shares = {row.round_id: row for row in AdjudicationPlan.objects.filter(round_id__in=ids)}
    rows = Round.objects.filter(pk__in=ids).select_related("protocol", "case_list").order_by("pk")
    return [
        {
            "id": str(row.pk), "name": row.name, "policy": row.policy, "reveal": row.reveal, "frames": row.frames,
            "seed": row.seed, "repeats": row.repeats, "reads_per_case": row.reads_per_case,
            "repeat_of": str(row.repeat_of_id or ""), "washout_days": row.washout_days, "read_set": row.read_set_sha256,
            "opened_at": _at(row.opened_at), "closed_at": _at(row.closed_at),
            "adjudication": {"share": shares[row.pk].share, "seed": shares[row.pk].seed} if row.pk in shares else None,
            "case_list": {
                "id": str(row.case_list_id), "name": row.case_list.name, "purpose": row.case_list.purpose,
                "hash": row.case_list.hash, "frozen_at": _at(row.case_list.frozen_at),
            },
            "protocol": {
                "version": row.protocol.version, "label_rule": row.protocol.label_rule,
                "grading": row.protocol.grading, "segments": row.protocol.segments,
                "required": row.protocol.required, "guide_sha256": guide_sha256(row.protocol),
            },
        }
        for row in rows
    ]  # fmt: skip


def _readers(ids: set[uuid.UUID], project: uuid.UUID) -> list[Row]:
    people = list(User.objects.filter(pk__in=ids).order_by("name", "pk"))
    return [
        {
            "id": str(row.reader), "name": row.name, "simulated": row.simulated, "speciality": row.speciality,
            "years": row.years, "tee_count": row.tee_count,
            "practice": [
                {"name": one.name, "cases": one.of, "agree": one.agree, "needed": one.needed, "passed": one.passed}
                for one in row.practice
            ],
        }
        for row in qualifications(readers=people, project_id=project)
    ]  # fmt: skip


def dataset(manifest: Mapping[str, Any], round_: Round | None) -> Row:
    """The studies of a comparison: each with the hash of its content, one hash over all, and what they are like.

    ``sha256`` is over the canonical JSON of ``studies`` (id, number, subject, content number, content hash). ``of``
    counts the case list, or the whole project where no round bounds the comparison.
    """
    ids = [uuid.UUID(unit[0]) for unit in manifest["units"]]
    fields = ("number", "subject_id", "content_no", "content_hash", "ready_at", "subject__sex", "subject__age_band")
    rows = _rows(Study, ids, *fields)
    listed = [[str(pk), number, str(subject), no, content] for pk, number, subject, no, content, *_ in rows]
    arrived = sorted(row[5] for row in rows if row[5] is not None)
    people = {row[2]: (row[6], row[7]) for row in rows}
    project = Project.objects.get(pk=manifest["project"])
    of = round_.case_list.items.count() if round_ is not None else project.studies.count()
    return {
        "sha256": hashlib.sha256(canonical(listed).encode()).hexdigest(),
        "studies": listed,
        "of": of,
        "bounded_by": "case list" if round_ is not None else "project",
        "subjects": len(people),
        "sex": dict(sorted(Counter(sex for sex, _band in people.values()).items())),
        "age_band": dict(sorted(Counter(band for _sex, band in people.values()).items())),
        "arrived": [_at(arrived[0]), _at(arrived[-1])] if arrived else [],
        **_clips(ids),
    }


def _clips(studies: list[uuid.UUID]) -> Row:
    scanners: dict[str, set[uuid.UUID]] = {}
    total, frames, synthetic = 0, 0, 0
    sources: Counter[str] = Counter()
    sites: Counter[str] = Counter()
    for part in batches(studies):
        sites.update(Study.objects.filter(pk__in=part).order_by().values_list("site", flat=True))
        stored = Clip.objects.filter(study_id__in=part, state=ClipState.STORED).order_by("pk")
        for study, maker, model, count, made_up in stored.values_list(
            "study_id", "manufacturer", "scanner_model", "frames", "synthetic"
        ):
            total, frames, synthetic = total + 1, frames + count, synthetic + int(made_up)
            scanners.setdefault(scanner_name((maker, model)), set()).add(study)
        regions = Region.objects.filter(clip__study_id__in=part, clip__state=ClipState.STORED, valid=True)
        sources.update(regions.values_list("source", flat=True))
    return {
        "clips": total,
        "frames": frames,
        "synthetic_clips": synthetic,
        "sites": dict(sorted(sites.items())),
        "scanners": {name: len(found) for name, found in sorted(scanners.items())},
        "scale_from": dict(sorted(sources.items())),
    }


def seen_in_training(round_: Round | None, pipelines: Iterable[str]) -> Row:
    """Whether subjects of the case list were seen in training; unknown without a list."""
    if round_ is None:
        return {"checked": False, "subjects": 0, "lists": []}
    rows = Pipeline.objects.filter(pk__in=list(pipelines)).select_related("classifier", "segmenter")
    found = trained_on(round_.case_list, list(rows))
    return {"checked": True, "subjects": found.subjects if found else 0, "lists": list(found.lists) if found else []}
