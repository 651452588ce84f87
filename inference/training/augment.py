"""Changes that a scanner could have made: flips, shifts, gain, contrast, blur, noise and (for masks) size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def change_grey(images: Tensor, generator: torch.Generator) -> Tensor:
    """Gain, contrast, gamma, noise and blur for (n, 1, h, w) in 0..1; black outside the sector stays black."""
    n = images.shape[0]

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand((n, 1, 1, 1), generator=generator)

    background = images < 0.004
    changed = images.clamp(1e-4, 1) ** torch.exp(draw(-0.45, 0.45))
    changed = changed * draw(0.7, 1.3) + draw(-0.1, 0.1)
    if float(torch.rand((), generator=generator)) < 0.35:
        changed = functional.avg_pool2d(changed, 3, 1, 1)
    if float(torch.rand((), generator=generator)) < 0.5:
        changed = changed + draw(0.0, 0.06) * torch.randn(images.shape, generator=generator)
    return changed.masked_fill(background, 0.0).clamp(0, 1)


def move(
    images: Tensor, labels: Tensor | None, generator: torch.Generator, *, scale: float = 0.0, turn: float = 0.12
) -> tuple[Tensor, Tensor | None]:
    """Flip, shift, turn (radians) and, where ``scale`` > 0, resize (n, 1, h, w) pictures and (n, h, w) labels."""
    n = images.shape[0]

    def draw(span: float) -> Tensor:
        return (2 * torch.rand(n, generator=generator) - 1) * span

    angle, size = draw(turn), torch.exp(draw(scale))
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = flip * size * torch.cos(angle), -size * torch.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = flip * size * torch.sin(angle), size * torch.cos(angle)
    theta[:, 0, 2], theta[:, 1, 2] = draw(0.12), draw(0.08) + (size - 1) * 0.6
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    if labels is None:
        return moved, None
    picked = functional.grid_sample(labels[:, None].float(), grid, mode="nearest", align_corners=False)
    return moved, picked[:, 0].round().long()
