"""The autoencoder classifier: not complex (0) or complex (1).

Two steps, as published (KIMM and Daejeon St. Mary's, 2021): seven convolution layers learn to reconstruct the picture;
then the fourth layer, the bottleneck, feeds a fully connected layer and a softmax over {0, 1}.
"""

from __future__ import annotations

from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn

WIDTHS = (32, 64, 96, 160)


def _layer(before: int, after: int, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.1, inplace=True))


class AutoencoderClassifier(nn.Module):
    """Input (n, 1, 192, 192), grey values scaled to 0..1.

    ``encoder`` holds layers 1 to 4 of step 1, each halving the picture; layer 4 is the bottleneck
    (n, widths[3], 12, 12), smaller than the picture. ``decoder`` holds layers 5 to 7; the last one gives sixteen values
    a place, which are laid out as 4 x 4 pixels (Shi et al., CVPR 2016). ``tuned`` is layers 1 to 4 as step 2 left them,
    and ``head`` the fully connected layer of step 2 on the pooled bottleneck (mean, maximum and spread of each feature,
    which keeps the layer small and the answer independent of where in the picture a plaque lies).
    """

    def __init__(self, widths: tuple[int, int, int, int] = WIDTHS, dropout: float = 0.2) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.encoder = nn.Sequential(
            _layer(1, first, 5, 2),
            _layer(first, second, 5, 2),
            _layer(second, third, 5, 2),
            _layer(third, fourth, 5, 2),
        )
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            _layer(fourth, second, 3, 1),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _layer(second, first, 3, 1),
            nn.Conv2d(first, 16, 3, padding=1),
            nn.PixelShuffle(4),
        )
        # Step 2 tunes a copy of layers 1 to 4, so that the reconstruction of step 1 stays what it was.
        self.tuned = deepcopy(self.encoder)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(3 * fourth, 2)

    def start_step_two(self) -> None:
        """Take the weights of step 1 over into the layers that step 2 tunes."""
        self.tuned.load_state_dict(self.encoder.state_dict())

    def encode(self, x: Tensor) -> Tensor:
        """The bottleneck as step 2 tuned it, (n, widths[3], 12, 12)."""
        return cast(Tensor, self.tuned(x))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Step 1: the picture again, (n, 1, 192, 192)."""
        return cast(Tensor, self.decoder(self.encoder(x)))

    def forward(self, x: Tensor) -> Tensor:
        """Step 2: logits (n, 2) of not complex and complex."""
        return cast(Tensor, self.head(self.dropout(self.pool(self.encode(x)))))

    @staticmethod
    def pool(features: Tensor) -> Tensor:
        """Mean, maximum and spread of every bottleneck feature, (n, 3 x features)."""
        flat = features.flatten(2)
        return torch.cat((flat.mean(2), flat.amax(2), flat.std(2)), dim=1)
