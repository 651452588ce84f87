"""One training by one or several processes (``torchrun``), and the number format they compute in."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed

from inference.training.config import ConfigError


@dataclass(frozen=True)
class Ranks:
    """This process among those of one training. ``rank`` 0 writes files and speaks; ``world`` is their number."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of a batch; all parts are equally long."""
        part = len(batch) // self.world
        return batch[self.rank * part : (self.rank + 1) * part]

    def agreed(self, values: list[float]) -> list[float]:
        """The first process's values, the same in all: clocks differ, decisions must not."""
        if self.world == 1:
            return values
        told = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.broadcast(told, 0)
        return [float(value) for value in told.cpu()]

    def told(self, values: dict[str, float]) -> dict[str, float]:
        """The first process's named numbers, in all: only it validates."""
        if self.world == 1:
            return values
        text = json.dumps(values).encode()
        (length,) = self.agreed([float(len(text))])
        body = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
        if self.first:
            body.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
        distributed.broadcast(body, 0)
        out: dict[str, float] = json.loads(bytes(body.cpu().tolist()))
        return out

    def mean(self, value: float) -> float:
        """Mean over the processes."""
        if self.world == 1:
            return value
        total = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return float(total.cpu()) / self.world

    def same(self, tensors: dict[str, Tensor]) -> None:
        """Make tensors those of the first process, in place."""
        if self.world > 1:
            for key in sorted(tensors):
                distributed.broadcast(tensors[key], 0)

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.world > 1:
            distributed.barrier()


@contextlib.contextmanager
def ranks(device: str = "auto") -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started, or be the only one.

    Each takes a GPU of its own (NCCL) where there are enough, else the processor (Gloo). ``device``: "auto", "cpu" or
    "cuda". Raises ConfigError where "cuda" is asked for and there is no GPU for this process.
    """
    world, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
    found = torch.cuda.device_count() if device != "cpu" and torch.cuda.is_available() else 0
    if device == "cuda" and found <= local:
        raise ConfigError(f"There is no GPU for process {local}: {found} can be used.")
    # All processes must come to the same answer: GPUs for all of them, or for none.
    own = torch.device("cuda", local) if found >= beside else torch.device("cpu")
    if own.type == "cuda":
        torch.cuda.set_device(own)
    if world == 1:
        yield Ranks(device=own)
        return
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size(), own)
    finally:
        distributed.destroy_process_group()


def precision_of(setting: str, device: torch.device) -> str:
    """ "bf16" or "fp32" for a setting: "auto" takes bf16 where the device computes in it (GPU, or a processor with
    AVX512-BF16 or AMX); elsewhere it would be slower than fp32."""
    if setting != "auto":
        return setting
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    abilities = dict(torch.cpu.get_capabilities()) if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16") or abilities.get("bf16"))


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Mixed precision for the forward pass; weights, gradients and losses stay fp32. bf16 needs no loss scaling."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
