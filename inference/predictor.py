"""Running a pipeline on clips: batched forward passes, masks on the source grid, measurements.

A clip is cut into batches. Several are under way at once, each in a thread of its own that decodes, resamples and runs
both networks; the calling thread takes what comes out in order and measures it. Only those few batches are in memory.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.checkpoints import (
    PIPELINE_FILE,
    Card,
    PipelineSpec,
    device_of,
    load_model,
    load_reference,
    read_pipeline,
)
from inference.engines import Engine, Setting, default_setting, make_engine
from inference.hosts import Kept, Stages, one_blas_thread
from inference.measure import ClipMeasurer
from inference.ood import OodReference
from inference.pictures import Planes, StoredPicture, planes_of
from inference.preprocess import CANVAS, Canvas, choose_region, colour_share
from inference.second_look import SecondLook
from inference.types import ClipResult, FrameResult, RegionBox
from inference.uncertainty import ThicknessError

Frame = NDArray[Any] | StoredPicture
Frames = Iterable[Frame] | Callable[[], Iterable[Frame]]
Progress = Callable[[int, int], None]
COLOUR_LIMIT = 0.02
OUTPUTS = ("masks", "measurements")


@dataclass(frozen=True)
class Passed:
    """One batch, read: its pictures on the canvas, uint8 (n, size, size), which of them carry a colour overlay (n), and
    the results of its frames."""

    images: NDArray[np.uint8]
    coloured: NDArray[np.bool_]
    results: list[FrameResult]


class Predictor:
    """A pipeline in memory: both networks, threshold and temperature. Not safe for use by several threads at once.

    ``stages`` sums up the processor time of each stage, for the bench. ``reference``: what the training pictures look
    like, None for weights that cannot tell. ``draws``: readings of the key frame for its uncertainty, 0 for none.
    """

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
        setting: Setting | None = None,
        reference: OodReference | None = None,
        draws: int = 0,
    ) -> None:
        if not 0.0 < threshold < 1.0:
            raise ValueError(f"A threshold lies between 0 and 1; got {threshold}.")
        if not temperature > 0.0:
            raise ValueError(f"A temperature is above zero; got {temperature}.")
        if threads is not None:
            torch.set_num_threads(threads)
        one_blas_thread()
        self.device = device_of(device)
        self.threshold, self.temperature, self.cards = threshold, temperature, cards
        self.classifier = self._ready(classifier)
        self.segmenter = self._ready(segmenter)
        self.cores = threads or max(torch.get_num_threads(), 1)
        self.reference, self.draws = reference, draws
        self.stages = Stages()
        self._pool: ThreadPoolExecutor | None = None
        self._canvas: Canvas | None = None
        self.use(setting or default_setting(self.device, self.cores))

    def _ready(self, model: nn.Module) -> nn.Module:
        return model.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def make_engine(self, setting: Setting) -> Engine:
        """These networks under another setting. Raises EngineError where it cannot be had here."""
        return make_engine(self.classifier, self.segmenter, self.device, setting, CANVAS)

    def use(self, setting: Setting) -> None:
        """Run the networks under ``setting`` from now on. Raises EngineError where it cannot be had here."""
        self.engine = self.make_engine(setting)
        self.setting, self.batch = setting, setting.batch
        self.close()

    def close(self) -> None:
        """End the helper threads; the next clip starts new ones."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

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
        setting: Setting | None = None,
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
            setting=setting,
            reference=OodReference.from_tensors(load_reference(Path(classifier_path))),
        )

    @classmethod
    def from_pipeline(
        cls,
        path: Path = PIPELINE_FILE,
        *,
        device: str = "auto",
        threads: int | None = None,
        setting: Setting | None = None,
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
            setting=setting,
        )
        if (predictor.cards[0].sha256, predictor.cards[1].sha256) != (spec.classifier_sha256, spec.segmenter_sha256):
            raise ValueError(f"{path.name}: the weights beside it are not the ones it names.")
        return predictor, spec

    def forward(self, images: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Margins (n) and mask logits (n, 4, size, size) of pictures on the canvas, uint8 (n, size, size), float32 on
        the device."""
        return self.engine.forward(images)

    def predict_clip(
        self, frames: Frames, regions: Sequence[RegionBox], *, progress: Progress | None = None
    ) -> ClipResult:
        """Read one clip.

        ``frames``: uint8 pictures (rows, columns[, 3]) or stored pictures, all of one size, in order; or a callable
        that gives them. They are taken once, a batch at a time. ``regions``: what the file says; the best calibrated
        one is read, without any the whole picture, in pixels. ``progress`` is called after every batch with (done,
        total; 0 when unknown) and may raise to abort. Raises ValueError for no frame, odd shapes or values.
        """
        started = time.perf_counter()
        source = frames() if callable(frames) else frames
        total = len(source) if isinstance(source, Sized) else 0
        stream = iter(source)
        first = next(stream, None)
        if first is None:
            raise ValueError("A clip needs at least one frame.")
        opened = self._decoded(first)
        canvas = self._canvas_for(choose_region(regions, *opened.size))
        measurer = ClipMeasurer(canvas, opened.size)
        results: list[FrameResult] = []
        coloured: list[bool] = []
        kept = Kept()
        for passed in self._passes(itertools.chain([opened], stream), measurer, total):
            results.extend(passed.results)
            coloured.extend(passed.coloured.tolist())
            kept.add(passed.images)
            if progress is not None:
                progress(len(results), total)
        with self.stages("clip"):
            result = measurer.clip(
                results,
                threshold=self.threshold,
                coloured=float(np.mean(coloured)),
                device=self.device.type,
                seconds=time.perf_counter() - started,
            )
        return self._whole(result, measurer, kept)

    def predict_frame(self, frame: Frame, regions: Sequence[RegionBox]) -> FrameResult:
        """Read one frame at once, as for a person who waits; arguments and errors as for :meth:`predict_clip`."""
        opened = self._decoded(frame)
        canvas = self._canvas_for(choose_region(regions, *opened.size))
        return self._pass([opened], ClipMeasurer(canvas, opened.size), 0).results[0]

    def _whole(self, result: ClipResult, measurer: ClipMeasurer, kept: Kept) -> ClipResult:
        """What looks at a clip as a whole is added here; ``kept`` holds pictures on the canvas by frame number."""
        result = replace(result, engine=self.setting.text(), outputs=OUTPUTS)
        look = SecondLook(
            self.classifier,
            self.forward,
            self.reference,
            self.temperature,
            ThicknessError.from_metrics(self.cards[1].metrics),
            self.draws,
        )

        def again(frames: list[FrameResult]) -> ClipResult:
            return measurer.clip(
                frames, threshold=self.threshold, coloured=0.0, device=result.device, seconds=result.seconds
            )

        with self.stages("second look"):
            return look.at(result, measurer, kept, again)

    def _decoded(self, frame: Any) -> Planes:
        with self.stages("decode"):
            return planes_of(frame)

    def _canvas_for(self, region: RegionBox) -> Canvas:
        """The canvas of a region; the last one is kept, since the frames that a person asks for share one."""
        if self._canvas is None or self._canvas.region != region:
            self._canvas = Canvas(region)
        return self._canvas

    def _passes(self, stream: Iterator[Any], measurer: ClipMeasurer, total: int) -> Iterator[Passed]:
        """Batches in order, with one more under way than there are threads. A clip of one batch is shared out."""
        streams = self.setting.streams
        batch = min(self.batch, -(-total // streams)) if total else self.batch
        if total == 1:  # a still: all processor threads on one picture, in this thread
            yield self._pass(list(stream), measurer, 0)
            return
        pool = self._threads()
        pending: deque[Future[Passed]] = deque()
        done = 0
        try:
            while True:
                while len(pending) <= streams and (part := list(itertools.islice(stream, batch))):
                    pending.append(pool.submit(self._pass, part, measurer, done))
                    done += len(part)
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
            wait(pending)

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            inner = self.setting.threads
            self._pool = ThreadPoolExecutor(
                self.setting.streams, "inference", initializer=lambda: torch.set_num_threads(inner)
            )
        return self._pool

    def _pass(self, frames: list[Any], measurer: ClipMeasurer, done: int) -> Passed:
        """Decode and resample a batch, run the networks on it and measure; ``done`` frames of the clip came before.

        A frame that was decoded before comes as planes. All of it happens in one thread: its loops let others run, so
        that as many threads as there are cores keep one GPU busy.
        """
        canvas, size = measurer.canvas, measurer.size
        images = np.empty((len(frames), canvas.size, canvas.size), dtype=np.uint8)
        coloured = np.zeros(len(frames), dtype=np.bool_)
        for n, frame in enumerate(frames):
            planes = frame if isinstance(frame, Planes) else self._decoded(frame)
            if planes.size != size:
                raise ValueError(f"All frames of a clip have one size; got {planes.size} after {size}.")
            with self.stages("resample"):
                images[n] = canvas.frame(planes.shown)
                coloured[n] = colour_share(planes, canvas.region) > COLOUR_LIMIT
        with self.stages("forward"):
            margins, logits = self.engine.run(images)
        probabilities = 1.0 / (1.0 + np.exp(-margins.astype(np.float64) / self.temperature))
        with self.stages("measure"):
            results = measurer.measure(done, probabilities.astype(np.float32), logits, coloured, images)
        return Passed(images, coloured, results)
