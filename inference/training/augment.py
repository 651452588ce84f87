"""Changes that a scanner, or another simulator, could have made: place, size, grey curve, light, grain and shadow."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.phantom.canvas_marks import draw_on_canvas


def _draw(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand((n, 1, 1, 1), generator=generator)


def _field(n: int, cells: int, size: int, generator: torch.Generator) -> Tensor:
    """A smooth random field (n, 1, size, size) of about unit spread."""
    small = torch.randn((n, 1, cells, cells), generator=generator)
    return functional.interpolate(small, size=(size, size), mode="bicubic", align_corners=False)


def _curve(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random rising grey curve per picture, made of six straight pieces (what a grey map of a scanner does)."""
    n, knots = images.shape[0], 7
    steps = torch.rand((n, knots - 1), generator=generator) ** 1.3 + 0.12
    heights = torch.cat((torch.zeros(n, 1), torch.cumsum(steps, 1) / steps.sum(1, keepdim=True)), 1)
    at = images.clamp(0, 1) * (knots - 1)
    low = at.floor().clamp(max=knots - 2)
    index = low.long().flatten(1)
    left, right = heights.gather(1, index), heights.gather(1, index + 1)
    return (left + (right - left) * (at - low).flatten(1)).view_as(images)


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Blur by up to 2 pixels, of different width down and across, for the whole batch; at times sharpening instead."""
    kernels = []
    for _ in range(2):
        sigma = 0.3 + 1.4 * float(torch.rand((), generator=generator)) ** 1.5
        line = torch.exp(-(torch.arange(-3, 4).float() ** 2) / (2 * sigma * sigma))
        kernels.append(line / line.sum())
    soft = functional.conv2d(images, kernels[0].view(1, 1, 7, 1), padding=(3, 0))
    soft = functional.conv2d(soft, kernels[1].view(1, 1, 1, 7), padding=(0, 3))
    if float(torch.rand((), generator=generator)) < 0.3:
        return images + float(torch.rand((), generator=generator)) * (images - soft)
    return soft


def change_grey(images: Tensor, generator: torch.Generator) -> Tensor:
    """Grey curve, gain, light, grain and blur for (n, 1, h, w) in 0..1; black outside the sector stays black."""
    n, size = images.shape[0], images.shape[-1]

    def chance(share: float) -> bool:
        return float(torch.rand((), generator=generator)) < share

    background = images < 0.004
    changed = images
    if chance(0.5):
        changed = _curve(changed, generator)
    changed = changed.clamp(1e-4, 1) ** torch.exp(_draw(n, -0.5, 0.5, generator))
    if chance(0.5):
        changed = _blur(changed, generator)
    if chance(0.4):
        changed = changed * torch.exp(0.22 * _field(n, 4, size, generator))
    if chance(0.4):
        grain = torch.randn(images.shape, generator=generator)
        if chance(0.5):
            grain = functional.avg_pool2d(grain, 3, 1, 1) * 2.2
        changed = changed * (1 + _draw(n, 0.0, 0.25, generator) * grain) + _draw(n, 0.0, 0.03, generator) * grain
    if chance(0.3):
        # Haze over the blood, as clutter and side lobes leave it.
        changed = changed + _draw(n, 0.0, 0.15, generator) * (0.5 + 0.5 * _field(n, 5, size, generator)).clamp(0, 1)
    if chance(0.3):
        changed = changed * (1 - _draw(n, 0.0, 0.85, generator) * _shadow(n, size, generator))
    changed = changed * _draw(n, 0.65, 1.35, generator) + _draw(n, -0.08, 0.08, generator)
    return changed.masked_fill(background, 0.0).clamp(0, 1)


def with_marks(images: Tensor, generator: torch.Generator, share: float = 0.25) -> Tensor:
    """uint8 pictures (n, 1, h, w), a ``share`` of them with thin lines, glyphs and text burnt in, as on real files."""
    marked = images.clone()
    for number in torch.nonzero(torch.rand(len(images), generator=generator) < share).flatten().tolist():
        seed = int(torch.randint(2**31, (1,), generator=generator))
        draw_on_canvas(marked[number, 0].numpy(), np.random.default_rng(seed))
    return marked


def _shadow(n: int, size: int, generator: torch.Generator) -> Tensor:
    """A soft dark band from above, at a random place and slant, (n, 1, size, size) in 0..1."""
    line = torch.linspace(-1, 1, size)
    middle = _draw(n, -1.0, 1.0, generator) + _draw(n, -0.6, 0.6, generator) * (line.view(1, 1, size, 1) + 1)
    away = (line.view(1, 1, 1, size) - middle) / _draw(n, 0.03, 0.16, generator)
    return torch.exp(-(away**4))


def move(
    images: Tensor,
    planes: Tensor | None,
    generator: torch.Generator,
    *,
    scale: float = 0.0,
    turn: float = 0.12,
    window: int | None = None,
    middles: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Flip, shift, turn (radians) and, where ``scale`` > 0, resize (n, 1, h, w) pictures and (n, k, h, w) planes.

    Planes (labels) are carried by the nearest pixel. With ``window``, only a square of so many pixels is cut out,
    around ``middles`` (n, 2; x and y in -1..1) with a random shift: windows cost less than whole pictures.
    """
    n, whole = images.shape[0], images.shape[-1]
    size = window or whole
    share = size / whole

    def draw(span: float) -> Tensor:
        return (2 * torch.rand(n, generator=generator) - 1) * span

    angle, zoom = draw(turn), torch.exp(draw(scale))
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    stretch = torch.exp(draw(min(scale, 0.1)))
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = flip * zoom * stretch * torch.cos(angle) * share, -zoom * torch.sin(angle) * share
    theta[:, 1, 0], theta[:, 1, 1] = flip * zoom * stretch * torch.sin(angle) * share, zoom * torch.cos(angle) * share
    if middles is None:
        theta[:, 0, 2], theta[:, 1, 2] = draw(0.12), draw(0.08) + (zoom - 1) * 0.6
    else:
        theta[:, 0, 2], theta[:, 1, 2] = middles[:, 0] + draw(0.2), middles[:, 1] + draw(0.2)
    grid = functional.affine_grid(theta, [n, 1, size, size], align_corners=False)
    moved = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    if planes is None:
        return moved, None
    picked = functional.grid_sample(planes.float(), grid, mode="nearest", align_corners=False)
    return moved, picked.round().long()


def middles_of(labels: Tensor) -> Tensor:
    """Middle of the aorta of every label picture (n, h, w) as x and y in -1..1; (0, 0) where there is none."""
    _, rows, columns = labels.shape
    found = (labels > 0).float()
    count = found.sum((1, 2)).clamp(min=1)
    x = (found.sum(1) * torch.linspace(-1, 1, columns)).sum(1) / count
    y = (found.sum(2) * torch.linspace(-1, 1, rows)).sum(1) / count
    return torch.stack((x, y), 1)
