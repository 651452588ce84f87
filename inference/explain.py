"""Why the classifier said what it said: reconstruction, reconstruction error and class activation of one frame.

The first two are the published figure (input beside its reconstruction) and the difference of both. The third is an
element-wise gradient times activation at the bottleneck (HiResCAM: Draelos and Carin, "Use HiResCAM instead of Grad-CAM
for faithful explanations of convolutional neural networks", arXiv:2011.08891, 2020; for a mean alone it is the class
activation map of Zhou et al., CVPR 2016). Mean, maximum and spread scale with the features they pool (homogeneous of
degree 1), so by Euler's theorem the cells of the map add up to the margin less the bias: nothing is left out.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from inference.preprocess import Canvas
from inference.types import RegionBox

if TYPE_CHECKING:
    from inference.predictor import Predictor

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
MAPS = ("reconstruction", "error", "activation")
ERROR_FULL = 0.35
"""Error (as a share of the grey range) that is painted in full; one scale for all pictures, so that they compare."""
_ACTIVATION_MOST = 0.75
_STEPS = 40
_RAMP = np.array([[255, 247, 188], [254, 196, 79], [236, 112, 20], [140, 45, 4]], dtype=np.float32)
"""One hue from light to dark, told apart by lightness alone and therefore by every reader, and on grey."""


@dataclass(frozen=True)
class Explanation:
    """Maps of one frame on the source grid.

    ``original``, ``reconstruction``: grey uint8 (rows, columns), the reconstruction black outside the region.
    ``error``, ``activation``: RGBA uint8 (rows, columns, 4) to lay over the picture, clear where there is nothing.
    ``margin``: logit of complex less that of not complex, before the temperature; ``bias`` the part of it that no place
    in the picture has. ``cells``: the activation map at the bottleneck, float32; its sum is ``margin - bias``, cells
    above zero speak for complex. ``unexplained``: share of the picture's local variance that the reconstruction misses.
    """

    original: Bytes
    reconstruction: Bytes
    error: Bytes
    activation: Bytes
    margin: float
    bias: float
    cells: Floats
    unexplained: float

    def images(self) -> dict[str, Bytes]:
        """The maps by name, in the order of ``MAPS``."""
        return {"reconstruction": self.reconstruction, "error": self.error, "activation": self.activation}


def activation_cells(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, float]:
    """Class activation (n, h, w) at the bottleneck for pictures (n, 1, H, W) in 0..1, margins (n) and the bias.

    A map's cells add up to its margin less the bias.
    """
    net.eval()
    head: nn.Linear = net.head  # type: ignore[assignment]
    with torch.inference_mode(False), torch.enable_grad():
        features = net.encode(x.clone()).detach().float().requires_grad_(True)  # type: ignore[operator]
        logits = head(net.pool(features))  # type: ignore[operator]
        margins = logits[:, 1] - logits[:, 0]
        (gradient,) = torch.autograd.grad(margins.sum(), features)
        cells = (gradient * features).sum(1).detach()
        bias = 0.0 if head.bias is None else float((head.bias[1] - head.bias[0]).detach())
        return cells, margins.detach(), bias


def ramp(values: Floats, most: float = 1.0) -> Bytes:
    """Values in 0..1 as RGBA uint8 of one hue: more is darker and less clear; 0 is fully clear.

    There are ``_STEPS`` steps: more cannot be told apart, and fewer make small files.
    """
    scale = np.linspace(0.0, 1.0, _STEPS, dtype=np.float32)
    stops = np.linspace(0.0, 1.0, len(_RAMP), dtype=np.float32)
    table = np.stack([np.interp(scale, stops, _RAMP[:, n]) for n in range(3)] + [scale**0.7 * 255.0 * most], axis=1)
    steps = (np.clip(values, 0.0, 1.0) * (_STEPS - 1) + 0.5).astype(np.intp)
    return np.asarray(table.round().astype(np.uint8)[steps])


def _on_source(canvas: Canvas, values: Floats, size: tuple[int, int]) -> Floats:
    """Canvas values (size, size) on the source grid (rows, columns); 0 outside the region and the canvas."""
    whole = (slice(0, canvas.size), slice(0, canvas.size))
    rows, columns = canvas.source_box(whole)
    out = np.zeros(size, dtype=np.float32)
    region = canvas.region
    out[rows.start + region.y0 : rows.stop + region.y0, columns.start + region.x0 : columns.stop + region.x0] = (
        canvas.back(np.ascontiguousarray(values, dtype=np.float32), whole)
    )
    return out


def explain(predictor: Predictor, frame: NDArray[Any], region: RegionBox) -> Explanation:
    """Explain one frame (uint8, (rows, columns[, 3])) by the classifier of ``predictor``, read in ``region``.

    The activation is painted where it speaks for complex, in full at the frame's own greatest value. Raises ValueError
    when the region lies outside the picture or the picture is none.
    """
    from inference.ood import sector, unexplained
    from inference.preprocess import to_grey

    canvas, net = Canvas(region), predictor.classifier
    picture = canvas.frame(np.asarray(frame))
    x = torch.from_numpy(picture)[None, None].to(predictor.device).float().mul_(1.0 / 255.0)
    with torch.no_grad():
        again = net.reconstruct(x).float()  # type: ignore[operator]
    inside = sector(x)
    cells, margins, bias = activation_cells(net, x)
    spread = functional.interpolate(cells[:, None], size=x.shape[-2:], mode="bilinear", align_corners=False)
    size = (int(frame.shape[0]), int(frame.shape[1]))

    def carried(values: Tensor) -> Floats:
        return _on_source(canvas, values[0, 0].cpu().numpy(), size)

    positive = carried(spread.clamp(min=0) * inside)
    highest = float(positive.max())
    error = carried((again.clamp(0, 1) - x).abs() * inside)
    return Explanation(
        original=to_grey(np.asarray(frame)),
        reconstruction=np.clip(carried(again * inside) * 255.0 + 0.5, 0, 255).astype(np.uint8),
        error=ramp(error / ERROR_FULL),
        activation=ramp(positive / highest if highest > 0 else positive, _ACTIVATION_MOST),
        margin=float(margins[0]),
        bias=bias,
        cells=cells[0].cpu().numpy(),
        unexplained=float(unexplained(x, again, inside)[0]),
    )


def png_bytes(image: Bytes) -> bytes:
    """An image, grey or RGBA, as PNG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG", compress_level=6)
    return stream.getvalue()


def write_maps(folder: Path, frame: int, explanation: Explanation) -> list[Path]:
    """Write ``frame-0007-reconstruction.png``, ``-error.png`` and ``-activation.png``; the pictures cover ``original``.

    Error and activation are laid over the original, so that each file can be looked at alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, image in explanation.images().items():
        path = folder / f"frame-{frame:04d}-{name}.png"
        shown = laid_over(explanation.original, image) if image.ndim == 3 else image
        path.write_bytes(png_bytes(shown))
        paths.append(path)
    return paths


def laid_over(grey: Bytes, overlay: Bytes) -> Bytes:
    """A grey picture (rows, columns) with an RGBA overlay on it, as RGB (rows, columns, 3)."""
    clear = overlay[..., 3:].astype(np.float32) / 255.0
    mixed = grey[..., None] * (1 - clear) + overlay[..., :3] * clear
    return np.asarray(mixed + 0.5, dtype=np.uint8)


def packed(explanation: Explanation) -> bytes:
    """The maps as one zip archive of PNGs named ``MAPS``, equal bytes for equal maps."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, image in explanation.images().items():
            archive.writestr(zipfile.ZipInfo(f"{name}.png"), png_bytes(image))
    return stream.getvalue()
