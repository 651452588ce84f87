"""The U-Net that marks background, lumen, wall and plaque; the network is MONAI's."""

from __future__ import annotations

from monai.networks.nets.unet import UNet
from torch import nn

CLASSES = 4
CHANNELS = (24, 48, 64, 96, 128)


def build_unet(channels: tuple[int, ...] = CHANNELS, units: int = 1, whole: bool = False) -> nn.Module:
    """A U-Net for (n, 1, 192, 192) in 0..1, giving logits (n, 4, 192, 192).

    ``channels`` are the features of each level and ``units`` its convolutions, with a shortcut around them. ``whole``
    keeps the first level at the picture's full grid; else every level halves it.
    """
    return UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=CLASSES,
        channels=channels,
        strides=(1 if whole else 2,) + (2,) * (len(channels) - 2),
        kernel_size=3,
        up_kernel_size=3,
        num_res_units=units,
        act=("LEAKYRELU", {"inplace": True, "negative_slope": 0.1}),
        norm="BATCH",
    )
