"""A moving average of the weights over the steps of training, which is what is validated and kept.

The last steps of a run circle around a good place; their mean lies nearer to it than any of them (Polyak and Juditsky,
SIAM J Control Optim 30:838-855, 1992).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The average of a network's weights and running means: ``decay`` of it stays at every step, the rest is new.

    During the first steps less of it stays, so that it forgets where it began. Whole numbers (counters) are not
    averaged, they are the network's own. Raises ValueError for a decay that is not from 0 to below 1.
    """

    def __init__(
        self, model: nn.Module, decay: float, steps: int = 0, kept: Mapping[str, Tensor] | None = None
    ) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"The decay of averaged weights lies from 0 to below 1; got {decay}.")
        self.model, self.decay, self.steps = model, decay, steps
        state = model.state_dict()
        # In the layout of the network's own, so that all are averaged at once.
        self.kept = {key: torch.empty_like(value).copy_((kept or state)[key]) for key, value in state.items()}
        # The state's tensors are the network's own: what training changes is seen through them.
        real = [key for key, value in state.items() if value.is_floating_point()]
        self._pairs = [self.kept[key] for key in real], [state[key] for key in real]
        self._whole = [(self.kept[key], value) for key, value in state.items() if key not in set(real)]

    @torch.no_grad()
    def step(self) -> None:
        """Take in the weights as they are after one step."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10.0))
        torch._foreach_lerp_(*self._pairs, 1.0 - decay)
        for kept, value in self._whole:
            kept.copy_(value)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The network holds the averaged weights inside the block, and its own again after it."""
        own = {key: value.detach().clone() for key, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.kept)
        try:
            yield
        finally:
            self.model.load_state_dict(own)
