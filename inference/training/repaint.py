"""Pictures painted anew from their labels: other greys for blood, wall, plaque and surroundings, other grain.

A network that sees one simulator's contrasts learns them instead of the shape. Random contrasts on exact labels make
the shape the only thing that can be learnt (SynthSeg: Billot et al., Med Image Anal 2023;86:102789).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from inference.training.augment import TOGETHER, noise_like, one_per_picture
from inference.types import LUMEN, PLAQUE, WALL

_SECTOR, _GAP = 0.004, 15


def _smoothed(x: Tensor, down: float, across: float) -> Tensor:
    """Gaussian blur of (n, 1, h, w) with two widths in pixels."""
    for sigma, shape, pad in ((down, (1, 1, 9, 1), (4, 0)), (across, (1, 1, 1, 9), (0, 4))):
        line = torch.exp(-(torch.arange(-4, 5).float() ** 2) / (2 * max(sigma, 0.05) ** 2))
        x = functional.conv2d(x, (line / line.sum()).view(shape).to(x.device), padding=pad)
    return x


def repaint(images: Tensor, labels: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """(n, 1, h, w) pictures in 0..1, about a ``share`` of them painted from their ``labels`` (n, 1, h, w).

    Blood is the darkest; wall, plaque and surroundings have any greys above it, at times equal ones. The sector stays.
    """
    chosen = torch.nonzero(torch.rand(len(images), generator=generator) < share).flatten().to(images.device)
    out = images.clone()
    for at in chosen.split(TOGETHER) if len(chosen) else ():
        out[at] = _painted(images[at], labels[at], generator)
    return out


def _painted(images: Tensor, planes: Tensor, generator: torch.Generator) -> Tensor:
    """All of the pictures painted from their labels."""

    def chance() -> float:
        return float(torch.rand((), generator=generator))

    def draw(low: float, high: float) -> Tensor:
        return one_per_picture(images, low, high, generator)

    blood = draw(0.0, 0.22)
    around = blood + draw(0.10, 0.50)
    wall = blood + draw(0.15, 0.75)
    plaque = torch.where(draw(0, 1) < 0.3, wall, blood + draw(0.12, 0.75))
    field = torch.randn((len(images), 1, 9, 9), generator=generator).to(images.device)
    texture = functional.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=False)
    painted = around * (1 + draw(0.0, 0.25) * texture)
    for value, grey in ((LUMEN, blood), (WALL, wall), (PLAQUE, plaque)):
        painted = torch.where(planes == value, grey, painted)
    inside = (planes > 0).float()
    rim = functional.max_pool2d(inside, 3, 1, 1) - inside
    painted = torch.maximum(painted, rim * draw(0.0, 1.0) * wall)
    grain = _smoothed(noise_like(images, generator), 0.2 + 1.2 * chance(), 0.2 + 2.2 * chance())
    grain = grain / grain.std().clamp(min=1e-6)
    strength = draw(0.02, 0.45)
    bent = grain if chance() < 0.5 else torch.exp(0.7 * grain) - 1.28
    painted = painted * (1 + strength * bent).clamp(min=0.05)
    edge = 0.3 + 0.9 * chance()
    painted = _smoothed(painted, edge, edge)
    # Black blood and shadows lie in the sector too: it is closed before it is cut out.
    wide = functional.max_pool2d((images > _SECTOR).float(), _GAP, 1, _GAP // 2)
    sector = 1.0 - functional.max_pool2d(1.0 - wide, _GAP, 1, _GAP // 2)
    sector = torch.maximum(sector, inside)
    return (painted.clamp(0.006, 1) * sector).clamp(0, 1)
