"""Changes that a scanner, or another simulator, could have made: place, size, grey curve, light, grain and shadow."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.phantom.canvas_marks import draw_on_canvas

TOGETHER = 128
"""Pictures of a batch that are changed in the same ways, each by values of its own."""


def one_per_picture(images: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """A random value for each picture, (n, 1, 1, 1), drawn on the processor and laid where the pictures are."""
    values = low + (high - low) * torch.rand((len(images), 1, 1, 1), generator=generator)
    return values.to(images.device)


def noise_like(images: Tensor, generator: torch.Generator) -> Tensor:
    """Normal noise of the pictures' shape, drawn where they are: a GPU draws it by itself from a seed of its own."""
    if images.device.type == "cpu":
        return torch.randn(images.shape, generator=generator)
    there = torch.Generator(images.device).manual_seed(int(torch.randint(2**62, (), generator=generator)))
    return torch.randn(images.shape, generator=there, device=images.device)


def _field(images: Tensor, cells: int, generator: torch.Generator) -> Tensor:
    """A smooth random field of the pictures' shape and about unit spread."""
    small = torch.randn((len(images), 1, cells, cells), generator=generator).to(images.device)
    return functional.interpolate(small, size=images.shape[-2:], mode="bicubic", align_corners=False)


def _curve(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random rising grey curve per picture, made of six straight pieces (what a grey map of a scanner does)."""
    n, knots = images.shape[0], 7
    steps = torch.rand((n, knots - 1), generator=generator) ** 1.3 + 0.12
    heights = torch.cat((torch.zeros(n, 1), torch.cumsum(steps, 1) / steps.sum(1, keepdim=True)), 1).to(images.device)
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
        kernels.append((line / line.sum()).to(images.device))
    soft = functional.conv2d(images, kernels[0].view(1, 1, 7, 1), padding=(3, 0))
    soft = functional.conv2d(soft, kernels[1].view(1, 1, 1, 7), padding=(0, 3))
    if float(torch.rand((), generator=generator)) < 0.3:
        return images + float(torch.rand((), generator=generator)) * (images - soft)
    return soft


def change_grey(images: Tensor, generator: torch.Generator) -> Tensor:
    """Grey curve, gain, light, grain and blur for (n, 1, h, w) in 0..1; black outside the sector stays black.

    Which of them happen is drawn for ``TOGETHER`` pictures at once.
    """
    return torch.cat([_changed(part, generator) for part in images.split(TOGETHER)])


def _changed(images: Tensor, generator: torch.Generator) -> Tensor:

    def chance(share: float) -> bool:
        return float(torch.rand((), generator=generator)) < share

    def draw(low: float, high: float) -> Tensor:
        return one_per_picture(images, low, high, generator)

    background = images < 0.004
    changed = images
    if chance(0.5):
        changed = _curve(changed, generator)
    changed = changed.clamp(1e-4, 1) ** torch.exp(draw(-0.5, 0.5))
    if chance(0.5):
        changed = _blur(changed, generator)
    if chance(0.4):
        changed = changed * torch.exp(0.22 * _field(images, 4, generator))
    if chance(0.4):
        grain = noise_like(images, generator)
        if chance(0.5):
            grain = functional.avg_pool2d(grain, 3, 1, 1) * 2.2
        changed = changed * (1 + draw(0.0, 0.25) * grain) + draw(0.0, 0.03) * grain
    if chance(0.3):
        # Haze over the blood, as clutter and side lobes leave it.
        changed = changed + draw(0.0, 0.15) * (0.5 + 0.5 * _field(images, 5, generator)).clamp(0, 1)
    if chance(0.3):
        changed = changed * (1 - draw(0.0, 0.85) * _shadow(images, generator))
    changed = changed * draw(0.65, 1.35) + draw(-0.08, 0.08)
    return changed.masked_fill(background, 0.0).clamp(0, 1)


class Marks:
    """Thin lines, glyphs and text as they are burnt into real files, drawn once and laid over pictures at random.

    ``count`` drawings of ``size`` x ``size`` pixels, each as grey level and opacity; flipped and shifted where they are
    laid, so that few of them make many. They are drawn at the first use.
    """

    def __init__(self, seed: int, count: int, size: int) -> None:
        self.seed, self.count, self.size = seed, count, size
        self._planes: Tensor | None = None

    def _drawn(self, device: torch.device) -> Tensor:
        """Level and opacity in 0..255, uint8 (count, 2, size, size)."""
        if self._planes is None:
            planes = np.empty((self.count, 2, self.size, self.size), dtype=np.uint8)
            for number, (level, opacity) in enumerate(planes):
                on_black, on_white = (np.full((self.size, self.size), grey, dtype=np.uint8) for grey in (0, 255))
                for ground in (on_black, on_white):
                    draw_on_canvas(ground, np.random.default_rng((self.seed, number)))
                # What a ground still shows of itself is what the mark lets through.
                opacity[...] = 255 - np.maximum(on_white, on_black) + on_black
                level[...] = np.where(opacity > 0, np.minimum(on_black * (255.0 / np.maximum(opacity, 1)), 255), 0)
            self._planes = torch.from_numpy(planes)
        self._planes = self._planes.to(device)
        return self._planes

    def over(self, images: Tensor, generator: torch.Generator, share: float = 0.25) -> Tensor:
        """Pictures (n, 1, size, size) in 0..1, about a ``share`` of them with marks."""
        chosen = torch.nonzero(torch.rand(len(images), generator=generator) < share).flatten()
        if not len(chosen):
            return images
        which = torch.randint(self.count, (len(chosen),), generator=generator).to(images.device)
        planes = self._drawn(images.device)[which]
        turns = torch.randint(self.size, (2,), generator=generator).tolist()
        planes = torch.roll(planes, turns, dims=(2, 3))
        if float(torch.rand((), generator=generator)) < 0.5:
            planes = planes.flip(3)
        level, opacity = planes.float().mul_(1.0 / 255.0).split(1, dim=1)
        at = chosen.to(images.device)
        out = images.clone()
        out[at] = out[at] * (1 - opacity) + level * opacity
        return out


def _shadow(images: Tensor, generator: torch.Generator) -> Tensor:
    """A soft dark band from above, at a random place and slant, of the pictures' shape, in 0..1."""
    line = torch.linspace(-1, 1, images.shape[-1], device=images.device)
    slant = one_per_picture(images, -0.6, 0.6, generator) * (line.view(1, 1, -1, 1) + 1)
    middle = one_per_picture(images, -1.0, 1.0, generator) + slant
    away = (line.view(1, 1, 1, -1) - middle) / one_per_picture(images, 0.03, 0.16, generator)
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
    grid = functional.affine_grid(theta.to(images.device), [n, 1, size, size], align_corners=False)
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
