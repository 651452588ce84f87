"""The learning curve of a stage as a picture, beside its CSV."""

from __future__ import annotations

import csv
from pathlib import Path


def draw_curve(path: Path) -> Path | None:
    """Draw ``STAGE.curve.csv`` as ``STAGE.curve.png``: the loss above, the validation figures below, over the epochs.

    Gives None, and draws nothing, where matplotlib (extra "evaluate") is not installed or there is nothing to draw.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        return None
    epochs = [int(row["epoch"]) for row in rows]
    names = [name for name in rows[0] if name not in ("epoch", "seconds", "loss")]
    figure = Figure(figsize=(7, 6), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(epochs, [float(row["loss"]) for row in rows], marker=".", color="black")
    above.set_ylabel("training loss")
    for name in names:
        below.plot(epochs, [float(row[name]) for row in rows], marker=".", label=name.replace("_", " "))
    below.set_ylabel("validation")
    below.set_xlabel("epoch")
    below.legend(fontsize="small")
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.suptitle(path.name.removesuffix(".curve.csv"))
    out = path.with_suffix(".png")
    part = out.with_suffix(".part")
    figure.savefig(part, format="png", dpi=110)
    part.replace(out)
    return out
