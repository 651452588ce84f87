"""The figures into the model cards, with their intervals and what they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.checkpoints import Card, PipelineSpec, card_path, read_card, write_json
from inference.evaluation.report import words_of
from inference.evaluation.run import Outcome
from inference.evaluation.sources import OUT_OF_RANGE


def write_into_cards(outcome: Outcome, folder: Path, spec: PipelineSpec) -> None:
    """Write the figures into both cards, and the readable one of the pipeline, ``<weights' common name>.card.md``.

    They stand under a name that follows from the data (:func:`section_name`); other names stay. Under the name lie the
    plain numbers, ``intervals`` ([low, high]), ``n`` ([subjects, units, unit]), accuracy by kind and by family, and
    ``data``, from which ``inference evaluate`` makes the same figures again.
    """
    figures = _figures(outcome)
    for weights in (folder / spec.classifier, folder / spec.segmenter):
        card = read_card(weights)
        done = Card(**{**card.__dict__, "metrics": {**card.metrics, section_name(outcome.data): figures}})
        write_json(card_path(weights), done.__dict__)
    text = _markdown(folder, spec)
    (folder / f"{Path(spec.classifier).stem.removesuffix('-classifier')}.card.md").write_text(text, encoding="utf-8")


def _figures(outcome: Outcome) -> dict[str, Any]:
    evaluation = outcome.evaluation
    known = {key: figure for key, figure in evaluation.figures.items() if figure.value is not None}
    groups = {
        f"accuracy_by_{stratum.split()[0]}": {level: part["accuracy_all"].value for level, part in levels.items()}
        for stratum, levels in evaluation.groups.items()
        if stratum in ("kind of plaque", "family of appearance") and levels
    }
    return {
        **{key: figure.value for key, figure in known.items()},
        "intervals": {key: [figure.low, figure.high] for key, figure in known.items() if figure.low is not None},
        "n": {key: [figure.subjects, figure.units, figure.unit] for key, figure in known.items()},
        **groups,
        "data": outcome.data,
    }


TITLES: dict[str, str] = {
    "unseen_phantom": "Unseen phantom subjects, families of appearance that were trained on",
    "held_out_families": "Unseen phantom subjects, families of appearance that were never trained on",
    "unseen_phantom_out_of_range": "Unseen phantom subjects, one value beyond its trained range",
}
"""Headings of the sections of the readable card, by the name under which the figures stand in the cards."""


def section_name(data: dict[str, Any]) -> str:
    """The name under which figures on such data stand in a card."""
    if data.get("source") != "phantom":
        return "folder_" + "".join(c if c.isalnum() else "_" for c in str(data.get("name", "")).lower())
    family = str(data["family"])
    named = {"trained": "unseen_phantom", "held-out": "held_out_families", "all": "all_families"}
    name = named.get(family, f"family_{family}")
    return f"{name}_out_of_range" if data.get(OUT_OF_RANGE) else name


def _markdown(folder: Path, spec: PipelineSpec) -> str:
    cards = [read_card(folder / weights) for weights in (spec.classifier, spec.segmenter)]
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
    ]
    for name, figures in cards[0].metrics.items():
        if isinstance(figures, dict) and "data" in figures:
            lines += _section(TITLES.get(name, name.replace("_", " ").capitalize()), figures)
    lines += [
        "",
        "## Known limits",
        "",
        "- One view (short axis) of one vessel, five kinds of plaque, all from simulators of our own making.",
        "- Without a calibrated region the picture is fitted to the canvas; the classifier then lacks the scale it "
        "was trained with, and its probability should not be trusted.",
        "- An interval says how far chance in drawing subjects could have moved a figure. It does not say how the "
        "pipeline does on other simulators or on patients.",
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, figures: dict[str, Any]) -> list[str]:
    data = ", ".join(f"{key} {value}" for key, value in figures["data"].items())
    lines = [
        "",
        f"## {title}",
        "",
        f"Made by `python -m inference evaluate --write-cards`; the same options give the same figures. Data: {data}. "
        "Intervals are 95 %, from resampled subjects.",
        "",
        "| figure | value | 95 % interval | subjects | of |",
        "|---|---|---|---|---|",
    ]
    for key, value in figures.items():
        if not isinstance(value, int | float):
            continue
        low, high = figures["intervals"].get(key, (None, None))
        subjects, units, unit = figures["n"].get(key, ("", "", ""))
        between = "-" if low is None else f"{low:.3f} to {high:.3f}"
        lines.append(f"| {words_of(key)} | {value:.3f} | {between} | {subjects} | {units} {unit} |")
    for key, levels in figures.items():
        if key.startswith("accuracy_by_"):
            shares = ((level, share) for level, share in levels.items() if share is not None)
            lines += [f"| accuracy (all), {level} | {share:.3f} | | | |" for level, share in shares]
    return lines
