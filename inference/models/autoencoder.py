"""The autoencoder classifier: not complex (0) or complex (1).

Two stages, as published (KIMM and Daejeon St. Mary's, 2021): seven convolution layers learn to reconstruct the picture;
then the fourth layer, the bottleneck, feeds a fully connected layer and a softmax over {0, 1}.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 96)


def _layer(before: int, after: int, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.1, inplace=True))


class AutoencoderClassifier(nn.Module):
    """Input (n, 1, 192, 192), grey values scaled to 0..1.

    ``encoder`` holds layers 1 to 4 (layer 4 is the bottleneck), ``decoder`` layers 5 to 7; ``head`` is the fully
    connected layer of stage 2 on the pooled bottleneck (mean, maximum and spread of each feature, which keeps the layer
    small and the answer independent of where in the picture a plaque lies).
    """

    def __init__(self, widths: tuple[int, int, int, int] = WIDTHS, dropout: float = 0.2) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.encoder = nn.Sequential(
            _layer(1, first, 5, 2),
            _layer(first, second, 5, 2),
            _layer(second, third, 5, 2),
            _layer(third, fourth, 5, 1),
        )
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            _layer(fourth, second, 3, 1),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _layer(second, first, 3, 1),
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(first, 1, 3, padding=1),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(3 * fourth, 2)

    def encode(self, x: Tensor) -> Tensor:
        """The bottleneck, (n, widths[3], h, w)."""
        return cast(Tensor, self.encoder(x))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Stage 1: the picture again, (n, 1, 192, 192)."""
        return cast(Tensor, self.decoder(self.encoder(x)))

    def forward(self, x: Tensor) -> Tensor:
        """Stage 2: logits (n, 2) of not complex and complex."""
        return cast(Tensor, self.head(self.dropout(self.pool(self.encoder(x)))))

    @staticmethod
    def pool(features: Tensor) -> Tensor:
        """Mean, maximum and spread of every bottleneck feature, (n, 3 x features)."""
        flat = features.flatten(2)
        return torch.cat((flat.mean(2), flat.amax(2), flat.std(2)), dim=1)
