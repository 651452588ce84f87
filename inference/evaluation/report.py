"""The report: JSON with everything, one HTML page that needs no other file, and a table for the terminal."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.table import Table

from inference.evaluation.bootstrap import RESAMPLES, Figure
from inference.evaluation.figures import Evaluation, measured, studies_of
from inference.evaluation.gallery import COLOURS, Picture
from inference.evaluation.plots import (
    bland_altman_plot,
    histogram_plot,
    interval_plot,
    reliability_plot,
    roc_plot,
    scatter_plot,
)
from inference.evaluation.run import Outcome

USE = "Research use only. Not for diagnosis."
WORDS: dict[str, str] = {
    "coverage": "studies with a class",
    "accuracy": "accuracy, answered studies",
    "accuracy_all": "accuracy, all studies (no result is wrong)",
    "sensitivity": "sensitivity, answered",
    "sensitivity_all": "sensitivity, all",
    "specificity": "specificity, answered",
    "specificity_all": "specificity, all",
    "auc": "AUC, answered",
    "auc_all": "AUC, all (no result ranks last)",
    "rule_accuracy": "rule's verdict equals the class, where there is a verdict",
    "rule_accuracy_all": "rule's verdict equals the class, all",
    "brier": "Brier score",
    "ece": "expected calibration error (10 bins of equal mass)",
    "ece_by_chance": "the same for a perfectly calibrated model, by chance alone",
    "thickness_measured": "clips with plaque measured in mm",
    "thickness_mae_mm": "thickness, mean absolute error (mm)",
    "thickness_mae_wall_mm": "the same without mobile kinds (mm)",
    "thickness_bias_mm": "thickness, bias (mm)",
    "thickness_lower_limit_mm": "lower limit of agreement (mm)",
    "thickness_upper_limit_mm": "upper limit of agreement (mm)",
    "thickness_within_0.5mm": "thickness within 0.5 mm",
    "thickness_within_1mm": "thickness within 1.0 mm",
    "at_4mm_accuracy": "displayed thickness on the right side of 4.0 mm",
}
_PARTS = {
    "dice": "Dice, answered clips",
    "dice_all": "Dice, all clips (no result is 0)",
    "iou": "IoU",
    "hd95_mm": "HD95 (mm), where both masks hold something",
    "nsd_1mm": "surface Dice at 1 mm",
    "assd_mm": "average border distance (mm)",
    "missed": "frames on which it was missed",
    "invented": "frames without it on which it was drawn",
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1a202c;max-width:1000px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.6rem 0 1.4rem}th,td{padding:.2rem .7rem;border-bottom:1px solid #e2e8f0;
text-align:right;font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left}
small{white-space:nowrap;color:#4a5568}
figure{margin:0 0 1.2rem}img{max-width:100%;height:auto}.plots{display:flex;flex-wrap:wrap;gap:1rem}
.use{border-left:4px solid #c05621;padding:.3rem .8rem;background:#fffaf0}.key{font-weight:600}
"""


def words_of(name: str) -> str:
    """A figure's name in plain words."""
    if name in WORDS:
        return WORDS[name]
    structure, _, key = name.partition("_")
    return f"{structure}: {_PARTS.get(key, key)}"


def shown(figure: Figure) -> str:
    """A figure with its interval, as text."""
    if figure.value is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def as_json(outcome: Outcome, pipeline: dict[str, Any]) -> dict[str, Any]:
    """Everything that was counted, with the rows it was counted from."""
    evaluation = outcome.evaluation
    return {
        "use": USE,
        "pipeline": pipeline,
        "engine": outcome.engine,
        "data": outcome.data,
        "threshold": evaluation.threshold,
        "intervals": f"95 %, percentiles of {RESAMPLES} resamples of subjects",
        "figures": {name: asdict(value) for name, value in evaluation.figures.items()},
        "coverage": {name: asdict(value) for name, value in evaluation.coverage.items()},
        "reasons": {r: {n: asdict(v) for n, v in part.items()} for r, part in evaluation.reasons.items()},
        "groups": {
            stratum: {level: {n: asdict(v) for n, v in part.items()} for level, part in levels.items()}
            for stratum, levels in evaluation.groups.items()
        },
        "roc": evaluation.roc,
        "reliability": evaluation.reliability,
        "unreadable": outcome.unreadable,
        "worst": [{"case": p.name, "fault": p.fault, "caption": p.caption} for p in outcome.pictures],
        "rows": outcome.rows,
    }


def print_table(evaluation: Evaluation, console: Console) -> None:
    """Print the figures, and accuracy by kind, as a table."""
    table = Table("figure", "value (95 % interval)", "subjects", "of", title="Unseen cases")
    for name, figure in evaluation.figures.items():
        if figure.units == 0:
            continue
        table.add_row(words_of(name), shown(figure), str(figure.subjects), f"{figure.units} {figure.unit}")
    for level, part in evaluation.groups.get("kind of plaque", {}).items():
        one = part["accuracy"]
        table.add_row(f"accuracy, {level}", shown(one), str(one.subjects), f"{one.units} {one.unit}")
    console.print(table)


def write_report(outcome: Outcome, folder: Path, pipeline: dict[str, Any]) -> None:
    """Write ``report.json``, ``report.html`` and ``gallery/*.png`` into ``folder``."""
    from inference.checkpoints import write_json

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "report.json", as_json(outcome, pipeline))
    (folder / "gallery").mkdir(exist_ok=True)
    for old in (folder / "gallery").glob("worst-*.png"):
        old.unlink()
    pictures = [(picture, _png(picture)) for picture in outcome.pictures]
    for number, (picture, data) in enumerate(pictures, start=1):
        fault = picture.fault.replace(" ", "-")
        (folder / "gallery" / f"worst-{number:02d}-{fault}.png").write_bytes(data)
    (folder / "report.html").write_text(_page(outcome, pipeline, pictures), encoding="utf-8")


def _png(picture: Picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture.image).quantize(128).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _table(title: str, rows: Sequence[tuple[str, Figure]]) -> str:
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{shown(f)}</td><td>{f.subjects}</td><td>{f.units} {escape(f.unit)}</td></tr>"
        for name, f in rows
        if f.units
    )
    head = "<tr><th>figure</th><th>value (95 % interval)</th><th>subjects</th><th>of</th></tr>"
    return f"<h2>{escape(title)}</h2><table>{head}{body}</table>"


def _groups(evaluation: Evaluation) -> str:
    text = "<h2>By part</h2><p>A part with fewer than five subjects has no interval.</p>"
    for stratum, levels in evaluation.groups.items():
        if not levels:
            continue
        names = list(next(iter(levels.values())))
        head = "".join(f"<th>{escape(words_of(name))}</th>" for name in names)
        body = "".join(
            f"<tr><td>{escape(level)}</td>" + "".join(f"<td>{_cell(part[name])}</td>" for name in names) + "</tr>"
            for level, part in levels.items()
        )
        text += f"<h3>{escape(stratum.capitalize())}</h3><table><tr><th></th>{head}</tr>{body}</table>"
    return text


def _cell(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    between = "" if figure.low is None else f"{figure.low:.2f} to {figure.high:.2f}, "
    return f"{figure.value:.3f}<br><small>{between}n&nbsp;{figure.subjects}</small>"


def _plots(outcome: Outcome) -> str:
    evaluation, figures = outcome.evaluation, outcome.evaluation.figures
    plots = []
    answered = [s for s in studies_of(outcome.rows) if s["probability"] is not None]
    if evaluation.roc:
        sensitivity, specificity = figures["sensitivity"].value, figures["specificity"].value
        at = None if sensitivity is None or specificity is None else (1 - specificity, sensitivity)
        plots.append(roc_plot(evaluation.roc, at, evaluation.threshold))
    if answered:
        plots.append(reliability_plot(evaluation.reliability, figures["ece"].value))
    pairs = [(row["true_mm"], row["predicted_mm"]) for row in measured(outcome.rows)]
    bias, low, high = (figures[f"thickness_{name}_mm"].value for name in ("bias", "lower_limit", "upper_limit"))
    if bias is not None and low is not None and high is not None:
        plots.append(bland_altman_plot(pairs, bias, (low, high)))
        plots.append(scatter_plot(pairs))
    overlaps = [v for row in outcome.rows for v in row["structures"].get("plaque", {}).get("dice", [])]
    if overlaps:
        plots.append(histogram_plot(overlaps, "Plaque overlap by frame", "Dice"))
    for stratum in ("kind of plaque", "family of appearance"):
        levels = evaluation.groups.get(stratum, {})
        rows = [(name, p["accuracy_all"]) for name, p in levels.items()]
        drawn = [(name, f.value, f.low, f.high) for name, f in rows if f.value is not None]
        if len(drawn) > 1:
            plots.append(interval_plot(f"Accuracy by {stratum}", "accuracy, all studies", drawn))
    return f'<h2>Plots</h2><div class="plots">{"".join(plots)}</div>'


def _pictures(pictures: Sequence[tuple[Picture, bytes]]) -> str:
    if not pictures:
        return "<h2>Worst cases</h2><p>No case was wrong.</p>"
    key = ", ".join(f'<span class="key" style="color:rgb{colour}">{name}</span>' for name, colour in COLOURS.items())
    text = (
        f"<h2>Worst cases</h2><p>Input, truth and prediction. Outlines: {key} "
        "(the aorta's is the outer wall). Six at most of every kind of fault.</p>"
    )
    for picture, data in pictures:
        source = base64.b64encode(data).decode()
        caption = f"{picture.fault}: {picture.caption}"
        text += (
            f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{source}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    return text


def _page(outcome: Outcome, pipeline: dict[str, Any], pictures: Sequence[tuple[Picture, bytes]]) -> str:
    evaluation = outcome.evaluation
    about = "".join(
        f"<tr><td>{escape(str(key))}</td><td>{escape(str(value))}</td></tr>"
        for key, value in {
            **pipeline,
            "threshold": evaluation.threshold,
            "engine": outcome.engine,
            **outcome.data,
        }.items()
    )
    reasons = [
        (f"{reason}: {name}", figure) for reason, part in evaluation.reasons.items() for name, figure in part.items()
    ]
    unreadable = "".join(f"<li>{escape(line)}</li>" for line in outcome.unreadable)
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Evaluation</title><style>{_STYLE}</style>"
        f"<h1>Evaluation on unseen cases</h1><p class='use'>{USE}</p><table>{about}</table>"
        "<p>Intervals: 95 %, from subjects drawn again with replacement, each with all its clips and frames. Masks are "
        "compared on frames that hold the structure: the mean over subjects of each subject's mean; background is "
        "never averaged in. The calibration error of a perfect model is not zero in a sample this small; the figure by "
        "chance says how large it would be.</p>"
        + _table("Figures", [(words_of(name), figure) for name, figure in evaluation.figures.items()])
        + _table("Coverage by clip", list(evaluation.coverage.items()))
        + _table("Reasons, by clip", reasons)
        + _plots(outcome)
        + _groups(evaluation)
        + _pictures(pictures)
        + (f"<h2>Could not be read</h2><ul>{unreadable}</ul>" if unreadable else "")
        + "</html>\n"
    )
