"""What the two networks run on: torch in fp32 or bf16, or ONNX Runtime (extra ``fast``).

Several streams, each a thread with its own batch and one processor thread within an operator, take the place of one
batch shared by all cores: threads that share a batch wait for each other at every layer, and wait spinning when a core
is taken by anything else. Batch normalisation is folded into the convolutions before it (equal up to rounding).

What a GPU does with it (a CUDA stream a thread, pinned memory, CUDA graphs) was measured once; see the page on speed.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import itertools
import threading
import warnings
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Outputs = tuple[Tensor, Tensor]
Name = Literal["torch", "onnxruntime"]
Kind = Literal["fp32", "bf16"]
ENGINES: tuple[Name, ...] = ("torch", "onnxruntime")
KINDS: tuple[Kind, ...] = ("fp32", "bf16")
_FEEDERS = 8
"""Threads that decode, resample and measure for one GPU, at most."""
LAYOUTS = ("channels_last", "contiguous")


class EngineError(ValueError):
    """An engine that cannot be had here; the text says what is missing."""


@dataclass(frozen=True)
class Setting:
    """How the networks are run. ``streams`` batches are under way at once, each with ``threads`` processor threads."""

    engine: Name = "torch"
    dtype: Kind = "fp32"
    layout: str = "channels_last"
    streams: int = 1
    threads: int = 1
    batch: int = 8
    graphs: bool = False

    def __post_init__(self) -> None:
        if self.engine not in ENGINES or self.dtype not in KINDS or self.layout not in LAYOUTS:
            raise ValueError(f"An engine is one of {ENGINES}, a type of {KINDS}, a layout of {LAYOUTS}; got {self}.")
        if min(self.streams, self.threads, self.batch) < 1:
            raise ValueError(f"Streams, threads and batch are at least 1; got {self}.")
        if self.engine != "torch" and (self.dtype != "fp32" or self.graphs):
            raise ValueError(f"{self.engine} runs in fp32, without CUDA graphs.")

    @property
    def numerics(self) -> str:
        """What decides the numbers that come out."""
        parts = [self.engine, self.dtype, self.layout if self.engine == "torch" else ""]
        return " ".join(part for part in parts if part)

    def text(self) -> str:
        """In words, as results carry it."""
        graphs = ", CUDA graphs" if self.graphs else ""
        return f"{self.numerics}, {self.streams} x {self.threads} threads, batch {self.batch}{graphs}"


class Pair(nn.Module):
    """Both networks as one: (n, 1, size, size) in 0..1 gives margins (n) and mask logits (n, 4, size, size)."""

    def __init__(self, classifier: nn.Module, segmenter: nn.Module) -> None:
        super().__init__()
        self.classifier, self.segmenter = classifier, segmenter

    def forward(self, x: Tensor) -> Outputs:
        """Margin: logit of complex less that of not complex."""
        logits = self.classifier(x)
        return logits[:, 1] - logits[:, 0], self.segmenter(x)


def folded(model: nn.Module) -> nn.Module:
    """A copy for prediction with every batch normalisation folded into the convolution right before it."""
    model = copy.deepcopy(model).eval()
    for chain in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        places = _leaves(chain)
        for (home, name, first), (second_home, second_name, second) in itertools.pairwise(places):
            if isinstance(first, (nn.Conv2d, nn.ConvTranspose2d)) and isinstance(second, nn.BatchNorm2d):
                turned = isinstance(first, nn.ConvTranspose2d)
                setattr(home, name, fuse_conv_bn_eval(first, second, transpose=turned))  # type: ignore[type-var]
                setattr(second_home, second_name, nn.Identity())
    return model


def _leaves(chain: nn.Sequential) -> list[tuple[nn.Module, str, nn.Module]]:
    """The modules of a chain, chains within it opened, in the order in which they run: (parent, name, module)."""
    found: list[tuple[nn.Module, str, nn.Module]] = []
    for name, child in chain.named_children():
        found += _leaves(child) if isinstance(child, nn.Sequential) else [(chain, name, child)]
    return found


class Engine(Protocol):
    """Runs both networks on pictures on the canvas, uint8 (n, size, size). Safe for several threads at once."""

    setting: Setting

    def forward(self, images: Bytes) -> Outputs:
        """Margins (n) and mask logits (n, 4, size, size), float32 on the device."""
        ...

    def run(self, images: Bytes) -> tuple[Floats, Floats]:
        """The same as arrays on the host, the logits plane by plane."""
        ...


class TorchEngine:
    """torch on the processor or on a GPU."""

    def __init__(self, pair: Pair, device: torch.device, setting: Setting) -> None:
        self.setting, self.device = setting, device
        self._format = torch.channels_last if setting.layout == "channels_last" else torch.contiguous_format
        self._pair = folded(pair).to(device, memory_format=self._format)  # type: ignore[call-overload]
        self._own = threading.local()

    def _input(self, images: Bytes) -> Tensor:
        x = torch.from_numpy(images)[:, None]
        if self.device.type == "cuda":
            x = x.pin_memory().to(self.device, non_blocking=True)
        return x.float().mul_(1.0 / 255.0).contiguous(memory_format=self._format)

    def _networks(self, x: Tensor) -> Outputs:
        if self.setting.dtype == "fp32":
            return cast(Outputs, self._pair(x))
        # A CUDA graph must not lean on weights that autocast keeps only until it ends.
        with torch.autocast(self.device.type, dtype=torch.bfloat16, cache_enabled=not self.setting.graphs):
            margins, logits = self._pair(x)
        return margins.float(), logits.float()

    @torch.inference_mode()
    def forward(self, images: Bytes) -> Outputs:
        """See ``Engine``."""
        return self._networks(self._input(images))

    @torch.inference_mode()
    def run(self, images: Bytes) -> tuple[Floats, Floats]:
        """See ``Engine``."""
        if self.device.type == "cuda":
            return self._run_on_gpu(images)
        margins, logits = self._networks(self._input(images))
        return margins.numpy(), logits.contiguous().numpy()

    def _run_on_gpu(self, images: Bytes) -> tuple[Floats, Floats]:
        """Copies and kernels in a CUDA stream of this thread; the wait at its end lets other threads go on."""
        if not hasattr(self._own, "stream"):
            self._own.stream, self._own.graph = torch.cuda.Stream(self.device), None
        with torch.cuda.stream(self._own.stream):
            x = self._input(images)
            margins, logits = self._graphed(x) if self._graphs_for(x) else self._networks(x)
            kept = [torch.empty(t.shape, dtype=torch.float32, pin_memory=True) for t in (margins, logits)]
            for there, here in zip((margins, logits), kept, strict=True):
                here.copy_(there.contiguous(), non_blocking=True)
            done = torch.cuda.Event()
            done.record(self._own.stream)
        done.synchronize()
        return kept[0].numpy(), kept[1].numpy()

    def _graphs_for(self, x: Tensor) -> bool:
        return self.setting.graphs and len(x) == self.setting.batch

    def _graphed(self, x: Tensor) -> Outputs:
        """A full batch through this thread's CUDA graph, captured at its first."""
        if self._own.graph is None:
            still = x.clone()
            for _ in range(3):
                self._networks(still)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self._own.stream, capture_error_mode="thread_local"):
                outputs = self._networks(still)
            self._own.graph = (graph, still, outputs)
        graph, still, outputs = self._own.graph
        still.copy_(x)
        graph.replay()
        return cast(Outputs, outputs)


class OnnxEngine:
    """ONNX Runtime on the processor, in fp32."""

    def __init__(self, pair: Pair, setting: Setting, size: int) -> None:
        if not onnx_installed():
            raise EngineError("ONNX Runtime is not installed. Install the extra: pip install 'plaqueweb[fast]'")
        import onnxruntime

        self.setting = setting
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = setting.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(exported(pair, size), options, providers=["CPUExecutionProvider"])

    def run(self, images: Bytes) -> tuple[Floats, Floats]:
        """See ``Engine``."""
        pictures = images[:, None].astype(np.float32) * np.float32(1.0 / 255.0)
        margins, logits = self._session.run(None, {"pictures": pictures})
        return margins, logits

    def forward(self, images: Bytes) -> Outputs:
        """See ``Engine``."""
        margins, logits = self.run(images)
        return torch.from_numpy(margins), torch.from_numpy(logits)


def onnx_installed() -> bool:
    """Whether the extra ``fast`` is there."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", "onnx"))


def exported(pair: Pair, size: int) -> bytes:
    """Both networks as an ONNX model, in memory: nothing that could be exchanged lies on disk."""
    stream = io.BytesIO()
    axes = {name: {0: "n"} for name in ("pictures", "margins", "logits")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            folded(pair).to("cpu"),
            (torch.zeros(2, 1, size, size),),
            stream,  # type: ignore[arg-type]
            input_names=["pictures"],
            output_names=["margins", "logits"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    return stream.getvalue()


def make_engine(
    classifier: nn.Module, segmenter: nn.Module, device: torch.device, setting: Setting, size: int
) -> Engine:
    """An engine for two networks. Raises EngineError where it cannot be had."""
    pair = Pair(classifier, segmenter)
    if setting.engine == "onnxruntime":
        if device.type != "cpu":
            raise EngineError("ONNX Runtime is used on the processor only; a GPU runs torch.")
        return OnnxEngine(pair, setting, size)
    return TorchEngine(pair, device, setting)


def default_setting(device: torch.device, cores: int) -> Setting:
    """Without a measurement: fp32, one stream a core; on a GPU large batches, and up to eight threads that feed it."""
    if device.type == "cuda":
        return Setting(streams=min(max(cores, 2), _FEEDERS), batch=32)
    return Setting(streams=cores, batch=8)
