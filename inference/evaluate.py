"""How good a pipeline is on phantom subjects that neither training nor calibration has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from inference import metrics
from inference.checkpoints import Card, PipelineSpec, card_path, read_card, write_json
from inference.phantom import KINDS, simulate_clip
from inference.phantom.cohort import SPLITS, subject_spec_seed
from inference.phantom.spec import Kind, PhantomSpec, random_spec
from inference.predictor import Predictor
from inference.types import PLAQUE, ClipResult, rle_decode


@dataclass(frozen=True)
class Evaluation:
    """Figures over unseen phantom subjects (one clip each). Thickness in mm, on clips with plaque."""

    subjects: int
    accuracy: float
    sensitivity: float | None
    specificity: float | None
    auc: float | None
    plaque_dice: float | None
    lumen_dice: float | None
    frames_with_plaque: int
    thickness_mae_mm: float | None
    thickness_bias_mm: float | None
    thickness_mae_wall_mm: float | None
    thickness_clips: int
    rule_accuracy: float
    brier: float
    accuracy_by_kind: dict[str, float]


def _clip(seed: int, number: int, kinds: tuple[Kind, ...]) -> PhantomSpec:
    """The spec of unseen subject ``number``: the seed holds the test split's index, so none was trained on."""
    rng = np.random.default_rng((*subject_spec_seed(seed, SPLITS[2], number), 9))
    return random_spec(rng, kinds[number % len(kinds)])


def evaluate(
    predictor: Predictor,
    *,
    subjects: int = 60,
    frames: int = 6,
    seed: int = 11,
    kinds: tuple[Kind, ...] = ("thin", "thick", "none", "ulcerated", "thin", "mobile"),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Evaluation, list[dict[str, Any]]]:
    """Run whole clips through the predictor against exact truth; gives the figures and one row per subject.

    Raises ValueError for fewer than two subjects.
    """
    if subjects < 2:
        raise ValueError("An evaluation needs at least two subjects.")
    rows: list[dict[str, Any]] = []
    for number in range(subjects):
        clip = simulate_clip(_clip(seed, number, kinds), frames, every=4)
        result = predictor.predict_clip(clip.frames, [clip.region])
        rows.append({"subject": number, **_compare(result, clip.labels, clip.truth)})
        if progress is not None:
            progress(number + 1, subjects)
    return summarise(rows, predictor.threshold), rows


def _compare(result: ClipResult, labels: np.ndarray[Any, np.dtype[np.uint8]], truth: dict[str, Any]) -> dict[str, Any]:
    size = (result.rows, result.columns)
    plaque = [
        metrics.dice(rle_decode(f.plaque_rle, size), t == PLAQUE)
        for f, t in zip(result.per_frame, labels, strict=True)
        if (t == PLAQUE).any()
    ]
    lumen = [metrics.dice(rle_decode(f.lumen_rle, size), t == 1) for f, t in zip(result.per_frame, labels, strict=True)]
    return {
        "kind": truth["kind"],
        "class": truth["class"],
        "probability": result.probability_complex,
        "predicted": result.predicted_class,
        "rule": result.rule_verdict,
        "true_mm": truth["thickness_mm"],
        "predicted_mm": result.max_thickness_mm,
        "plaque_dice": [v or 0.0 for v in plaque],
        "lumen_dice": [v or 0.0 for v in lumen],
    }


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def summarise(rows: list[dict[str, Any]], threshold: float) -> Evaluation:
    """Figures from rows of single subjects."""
    truth = [int(row["class"]) for row in rows]
    # A clip without a result is neither: it scores one half and counts as wrong.
    scores = [0.5 if row["probability"] is None else float(row["probability"]) for row in rows]
    right = [row["predicted"] == label for row, label in zip(rows, truth, strict=True)]
    measured = [row for row in rows if row["true_mm"] > 0 and row["predicted_mm"] is not None]
    errors = [float(row["predicted_mm"] - row["true_mm"]) for row in measured]
    still = [abs(e) for e, row in zip(errors, measured, strict=True) if row["kind"] != "mobile"]
    plaque = [value for row in rows for value in row["plaque_dice"]]
    return Evaluation(
        subjects=len(rows),
        accuracy=float(np.mean(right)),
        sensitivity=_mean([float(r) for r, label in zip(right, truth, strict=True) if label]),
        specificity=_mean([float(r) for r, label in zip(right, truth, strict=True) if not label]),
        auc=metrics.auc(truth, scores),
        plaque_dice=_mean(plaque),
        lumen_dice=_mean([value for row in rows for value in row["lumen_dice"]]),
        frames_with_plaque=len(plaque),
        thickness_mae_mm=_mean([abs(error) for error in errors]),
        thickness_bias_mm=_mean(errors),
        thickness_mae_wall_mm=_mean(still),
        thickness_clips=len(errors),
        rule_accuracy=float(np.mean([int(row["rule"] or 0) == int(row["true_mm"] >= 3.95) for row in rows])),
        brier=float(np.mean((np.asarray(scores) - np.asarray(truth)) ** 2)),
        accuracy_by_kind={
            kind: float(np.mean([r for r, row in zip(right, rows, strict=True) if row["kind"] == kind]))
            for kind in KINDS
            if any(row["kind"] == kind for row in rows)
        },
    )


def show(evaluation: Evaluation, console: Console) -> None:
    """Print the figures as a table."""
    table = Table("figure", "value", title="Unseen phantom subjects (synthetic data only)")
    for key, value in asdict(evaluation).items():
        if isinstance(value, dict):
            for name, share in value.items():
                table.add_row(f"accuracy, {name}", f"{share:.3f}")
        else:
            shown = "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
            table.add_row(key.replace("_", " "), shown)
    console.print(table)


def write_into_cards(evaluation: Evaluation, folder: Path, spec: PipelineSpec) -> None:
    """Write the figures into both cards, and a readable card for the pipeline, ``<name>.card.md``."""
    figures = {k: round(value, 4) if isinstance(value, float) else value for k, value in asdict(evaluation).items()}
    for name in (spec.classifier, spec.segmenter):
        weights = folder / name
        card = read_card(weights)
        kept = {key: value for key, value in card.metrics.items() if key.startswith("validation")}
        done = Card(**{**card.__dict__, "metrics": {**kept, "unseen_phantom": figures}})
        write_json(card_path(weights), done.__dict__)
    (folder / f"{spec.name}.card.md").write_text(_markdown(figures, folder, spec), encoding="utf-8")


def _markdown(figures: dict[str, Any], folder: Path, spec: PipelineSpec) -> str:
    cards = [read_card(folder / name) for name in (spec.classifier, spec.segmenter)]
    lines = [
        f"# Model card: {spec.name}",
        "",
        "**Synthetic data only. Research use only. Not for diagnosis.** Both networks were trained on a physics-based "
        "phantom of the descending aorta in short axis. No picture of a patient was used, and nothing here says how "
        "they would do on one.",
        "",
        f"Pipeline hash `{spec.hash}`; threshold {spec.threshold}, temperature {spec.temperature} (both from "
        f"validation subjects); preprocessing `{spec.preprocessing}`.",
        "",
        "| network | architecture | parameters | sha256 |",
        "|---|---|---|---|",
        *(f"| {c.name} {c.version} | {c.architecture} | {c.parameters:,} | `{c.sha256}` |" for c in cards),
        "",
        "## Figures on unseen phantom subjects",
        "",
        "As printed by `python -m inference evaluate`. The probability answers the class (thickness of 4.0 mm or more, "
        "ulceration or a mobile part); the rule's verdict sees thickness only.",
        "",
        "| figure | value |",
        "|---|---|",
    ]
    for key, value in figures.items():
        if isinstance(value, dict):
            lines += [f"| accuracy, {name} | {share:.3f} |" for name, share in value.items()]
        else:
            lines.append(f"| {key.replace('_', ' ')} | {'-' if value is None else value} |")
    lines += [
        "",
        "## Known limits",
        "",
        "- One view (short axis), one vessel, five kinds of plaque, all from one simulator.",
        "- Without a calibrated region the picture is fitted to the canvas; the classifier then lacks the scale it "
        "was trained with, and its probability should not be trusted.",
        "- Motion is not used: each frame is read alone, and a clip takes the mean logit of its frames.",
    ]
    return "\n".join(lines) + "\n"
