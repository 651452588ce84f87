"""Running a pipeline on clips: batched forward passes, masks on the source grid, measurements.

The forward passes are the work; decoding, resampling and measuring run beside them in one helper thread each way, so a
clip takes hardly longer than the bare networks.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.checkpoints import PIPELINE_FILE, Card, PipelineSpec, device_of, load_model, read_pipeline
from inference.measure import ClipMeasurer
from inference.preprocess import Canvas, choose_region, colour_share
from inference.types import ClipResult, FrameResult, RegionBox

Frames = Iterable[NDArray[Any]] | Callable[[], Iterable[NDArray[Any]]]
Progress = Callable[[int, int], None]
COLOUR_LIMIT = 0.02
_CPU_BATCH, _GPU_BATCH = 8, 64


@dataclass(frozen=True)
class _Batch:
    """Pictures on the canvas, uint8 (n, size, size), and which of them carry a colour overlay."""

    images: NDArray[np.uint8]
    coloured: NDArray[np.bool_]


class Predictor:
    """A pipeline in memory: both networks, threshold and temperature. Not safe for use by several threads at once."""

    def __init__(
        self,
        classifier: nn.Module,
        segmenter: nn.Module,
        cards: tuple[Card, Card],
        *,
        threshold: float,
        temperature: float,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        if not 0.0 < threshold < 1.0:
            raise ValueError(f"A threshold lies between 0 and 1; got {threshold}.")
        if not temperature > 0.0:
            raise ValueError(f"A temperature is above zero; got {temperature}.")
        if threads is not None:
            torch.set_num_threads(threads)
        self.device = device_of(device)
        self.threshold, self.temperature, self.cards = threshold, temperature, cards
        self.classifier = self._ready(classifier)
        self.segmenter = self._ready(segmenter)
        self.batch = _GPU_BATCH if self.device.type == "cuda" else _CPU_BATCH

    def _ready(self, model: nn.Module) -> nn.Module:
        return model.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def load(
        cls,
        classifier_path: Path,
        segmenter_path: Path,
        *,
        threshold: float,
        temperature: float = 1.0,
        device: str = "auto",
        threads: int | None = None,
    ) -> Predictor:
        """Load two weights files with their cards. Raises CheckpointError when one must not be used."""
        classifier, first = load_model(Path(classifier_path))
        segmenter, second = load_model(Path(segmenter_path))
        if first.architecture == "unet-v1" or second.architecture != "unet-v1":
            raise ValueError("The first weights must be a classifier's and the second a segmenter's.")
        return cls(
            classifier,
            segmenter,
            (first, second),
            threshold=threshold,
            temperature=temperature,
            device=device,
            threads=threads,
        )

    @classmethod
    def from_pipeline(
        cls, path: Path = PIPELINE_FILE, *, device: str = "auto", threads: int | None = None
    ) -> tuple[Predictor, PipelineSpec]:
        """Load the pipeline that a ``pipeline.json`` describes; its weights lie beside it."""
        spec = read_pipeline(path)
        predictor = cls.load(
            path.parent / spec.classifier,
            path.parent / spec.segmenter,
            threshold=spec.threshold,
            temperature=spec.temperature,
            device=device,
            threads=threads,
        )
        if (predictor.cards[0].sha256, predictor.cards[1].sha256) != (spec.classifier_sha256, spec.segmenter_sha256):
            raise ValueError(f"{path.name}: the weights beside it are not the ones it names.")
        return predictor, spec

    @torch.inference_mode()
    def forward(self, images: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Margins (n) and mask logits (n, 4, size, size) of pictures on the canvas, both on the device."""
        x = torch.from_numpy(images)[:, None].to(self.device, non_blocking=True).float().mul_(1.0 / 255.0)
        x = x.contiguous(memory_format=torch.channels_last)
        logits = self.classifier(x)
        return logits[:, 1] - logits[:, 0], self.segmenter(x)

    def predict_clip(
        self, frames: Frames, regions: Sequence[RegionBox], *, progress: Progress | None = None
    ) -> ClipResult:
        """Read one clip.

        ``frames``: uint8 pictures (rows, columns[, 3]), all of one size, in order; or a callable that gives them. They
        are taken once, a batch at a time. ``regions``: what the file says; the best calibrated one is read, without any
        the whole picture, in pixels. ``progress`` is called after every batch with (done, total; 0 when unknown) and
        may raise to abort. Raises ValueError for no frame, odd shapes or values.
        """
        started = time.perf_counter()
        source = frames() if callable(frames) else frames
        total = len(source) if isinstance(source, Sized) else 0
        stream = iter(source)
        first = next(stream, None)
        if first is None:
            raise ValueError("A clip needs at least one frame.")
        first = np.asarray(first)
        if first.ndim not in (2, 3):
            raise ValueError(f"A frame is (rows, columns) or (rows, columns, 3); got the shape {first.shape}.")
        size = (int(first.shape[0]), int(first.shape[1]))
        region = choose_region(regions, *size)
        canvas = Canvas(region)
        measurer = ClipMeasurer(canvas, size)
        results: list[FrameResult] = []
        coloured: list[bool] = []
        with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as measuring:
            batches = self._read(itertools.chain([first], stream), canvas, size, reading)
            pending: deque[Future[list[FrameResult]]] = deque()
            done = 0
            for batch in batches:
                margins, logits = self.forward(batch.images)
                probabilities = torch.sigmoid(margins / self.temperature).cpu().numpy()
                coloured.extend(batch.coloured.tolist())
                pending.append(
                    measuring.submit(
                        measurer.measure, done, probabilities, logits.float().cpu().contiguous().numpy(), batch.coloured
                    )
                )
                done += len(batch.images)
                while pending and (pending[0].done() or len(pending) > 2):
                    results.extend(pending.popleft().result())
                if progress is not None:
                    progress(done, total)
            for future in pending:
                results.extend(future.result())
        return measurer.clip(
            results,
            threshold=self.threshold,
            coloured=float(np.mean(coloured)),
            device=self.device.type,
            seconds=time.perf_counter() - started,
        )

    def _read(
        self, stream: Iterator[NDArray[Any]], canvas: Canvas, size: tuple[int, int], pool: ThreadPoolExecutor
    ) -> Iterator[_Batch]:
        """Batches of pictures on the canvas, the next one prepared while the networks work on this one."""

        def prepare() -> _Batch | None:
            images, coloured = [], []
            for frame in itertools.islice(stream, self.batch):
                array = np.asarray(frame)
                if array.shape[:2] != size:
                    raise ValueError(f"All frames of a clip have one size; got {array.shape[:2]} after {size}.")
                images.append(canvas.frame(array))
                coloured.append(colour_share(array, canvas.region) > COLOUR_LIMIT)
            return _Batch(np.stack(images), np.asarray(coloured)) if images else None

        future = pool.submit(prepare)
        while (batch := future.result()) is not None:
            future = pool.submit(prepare)
            yield batch
