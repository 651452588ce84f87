"""Which batch, streams, type and engine suit this machine: a short measurement at start, and the proof that a lower
precision or another engine gives the same masks.

Settings can be fixed one by one (arguments, or ``PLAQUEWEB_ENGINE``, ``PLAQUEWEB_DTYPE``, ``PLAQUEWEB_BATCH``,
``PLAQUEWEB_STREAMS``); what is left open is measured.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from inference import metrics
from inference.engines import ENGINES, KINDS, Engine, Kind, Name, Setting, default_setting
from inference.predictor import Predictor
from inference.preprocess import CANVAS, CANVAS_MM, Canvas
from inference.warm import warm_up

if TYPE_CHECKING:
    from inference.phantom.spec import Kind as PlaqueKind

LEAST_DICE = 0.999
_KINDS: tuple[PlaqueKind, ...] = ("none", "thin", "thick", "ulcerated", "mobile")
_SEED = 71
_FRAMES = 2
_CPU_BATCHES, _GPU_BATCHES = (2, 4, 8), (32, 64, 128)


@dataclass(frozen=True)
class Wish:
    """What is fixed; None and "auto" leave a value to the measurement. Raises ValueError for what cannot be."""

    engine: str = "torch"
    dtype: str = "auto"
    batch: int | None = None
    streams: int | None = None

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ValueError(f"The engine is one of {', '.join(ENGINES)}; got {self.engine!r}.")
        if self.dtype not in ("auto", *KINDS):
            raise ValueError(f"The type is auto or one of {', '.join(KINDS)}; got {self.dtype!r}.")
        if min(self.batch or 1, self.streams or 1) < 1:
            raise ValueError("Batch and streams are at least 1.")


def wish_from(environment: Mapping[str, str] = os.environ) -> Wish:
    """The wish that the environment holds. Raises ValueError naming the variable."""

    def number(name: str) -> int | None:
        text = environment.get(name, "").strip()
        if not text:
            return None
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"{name} is a whole number from 1; got {text!r}.")
        return int(text)

    return Wish(
        environment.get("PLAQUEWEB_ENGINE") or "torch",
        environment.get("PLAQUEWEB_DTYPE") or "auto",
        number("PLAQUEWEB_BATCH"),
        number("PLAQUEWEB_STREAMS"),
    )


def has_fast_bf16(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether bf16 is computed as such: on GPUs that say so, and on processors with AVX512-BF16 or AMX (Linux)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return "avx512_bf16" in flags or "amx_bf16" in flags


def candidates(device: torch.device, cores: int, wish: Wish, *, fast_bf16: bool) -> list[Setting]:
    """The settings worth a measurement, the safest first."""
    base = default_setting(device, wish.streams or cores)
    gpu = device.type == "cuda"
    engine = cast(Name, wish.engine)
    if wish.dtype != "auto":
        kinds: tuple[Kind, ...] = (cast(Kind, wish.dtype),)
    else:
        kinds = KINDS if fast_bf16 and engine == "torch" else ("fp32",)
    batches = (wish.batch,) if wish.batch else (_GPU_BATCHES if gpu else _CPU_BATCHES)
    graphs = (False, True) if gpu else (False,)
    streams = wish.streams or (base.streams if gpu else cores)
    shapes = [(streams, 1)]
    if not gpu and not wish.streams and cores > 1:
        shapes.append((1, cores))  # all cores on one batch: what suits a machine of one user and many cores
    return [
        replace(base, engine=engine, dtype=kind, batch=batch, streams=many, threads=inner, graphs=graph)
        for kind, graph, (many, inner), batch in itertools.product(kinds, graphs, shapes, batches)
    ]


def choose(
    predictor: Predictor, wish: Wish | None = None, *, seconds: float = 3.0, cache: Path | None = None
) -> dict[str, float]:
    """Put ``predictor`` on its quickest setting and give frames a second by setting (``Setting.text``).

    What computes other numbers than torch in fp32 must agree with it (``agrees_with_fp32``), else it is left out; when
    nothing is left, it stays in fp32 on torch. ``cache``: a JSON file that remembers the agreement. Raises EngineError
    where the engine asked for is not there, and ValueError where the type asked for does not agree. Without
    ``seconds`` nothing is measured: fp32 unless the wish says otherwise, and the usual batch. The compiled loops are
    warmed up in any case.
    """
    wish = wish or wish_from()
    warm_up()
    options = candidates(predictor.device, predictor.cores, wish, fast_bf16=has_fast_bf16(predictor.device))
    if seconds <= 0:
        usual = wish.batch or default_setting(predictor.device, 1).batch
        options = [setting for setting in options if setting.batch == usual and not setting.graphs][:1]
    agreed: dict[str, bool] = {}
    engines: list[Engine] = []
    for setting in options:
        if setting.numerics not in agreed:
            plain = setting.engine == "torch" and setting.dtype == "fp32"
            agreed[setting.numerics] = plain or agrees(predictor, setting, cache)
        if agreed[setting.numerics]:
            engines.append(predictor.make_engine(setting))
    if not engines:
        if wish.dtype not in ("auto", "fp32"):
            raise ValueError(
                f"{wish.dtype} does not give the same masks here: Dice below {LEAST_DICE} or other classes."
            )
        predictor.use(default_setting(predictor.device, predictor.cores))
        return {}
    if len(engines) == 1:
        predictor.use(engines[0].setting)
        return {}
    speeds = measured(engines, seconds * 2 / 3)
    best = max(engines, key=lambda engine: speeds[engine.setting.text()])
    if best.setting.engine == "torch" and predictor.device.type == "cpu":
        pair = [best, predictor.make_engine(replace(best.setting, layout="contiguous"))]
        layouts = measured(pair, seconds / 3)
        best = max(pair, key=lambda engine: layouts[engine.setting.text()])
        speeds |= layouts
    predictor.use(best.setting)
    return speeds


def measured(engines: Sequence[Engine], seconds: float) -> dict[str, float]:
    """Frames a second of each, in turns, within about ``seconds``; the best turn counts, as others may be disturbed."""
    noise = np.random.default_rng(0).integers(0, 256, (CANVAS, CANVAS), dtype=np.uint8)
    best = {engine.setting.text(): 0.0 for engine in engines}
    end = time.monotonic() + seconds
    warm = False
    while True:
        for engine in engines:
            setting = engine.setting
            try:
                speed = _speed(engine, np.broadcast_to(noise, (setting.batch, CANVAS, CANVAS)).copy())
            except RuntimeError as error:  # what torch raises where memory is short or a graph cannot be captured
                if not (setting.graphs or isinstance(error, torch.OutOfMemoryError)):
                    raise
                speed = 0.0
            if warm:
                best[setting.text()] = max(best[setting.text()], speed)
        if warm and time.monotonic() > end:
            return best
        warm = True


def _speed(engine: Engine, images: NDArray[np.uint8]) -> float:
    setting = engine.setting
    with ThreadPoolExecutor(setting.streams, initializer=lambda: torch.set_num_threads(setting.threads)) as pool:
        list(pool.map(lambda _: None, range(setting.streams)))
        started = time.perf_counter()
        list(pool.map(lambda _: engine.run(images), range(setting.streams)))
        return len(images) * setting.streams / (time.perf_counter() - started)


def check_pictures() -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The set on which engines are compared, from the phantom's seeds: pictures (n, size, size) and their clips (n)."""
    from inference.phantom import random_spec, simulate_clip

    pictures, clips = [], []
    for number, kind in enumerate(_KINDS):
        clip = simulate_clip(random_spec(np.random.default_rng((_SEED, number)), kind), _FRAMES)
        canvas = Canvas(clip.region)
        pictures += [canvas.frame(frame) for frame in clip.frames]
        clips += [number] * len(clip.frames)
    return np.stack(pictures), np.asarray(clips, dtype=np.intp)


def agrees_with_fp32(
    engine: Engine,
    reference: Engine,
    images: NDArray[np.uint8],
    clips: NDArray[np.intp],
    *,
    threshold: float,
    temperature: float,
) -> bool:
    """Whether ``engine`` gives what ``reference`` gives: Dice >= 0.999 of each label over all ``images`` (n, size,
    size), and for each of ``clips`` (n) the same class by the mean of its margins."""
    cut = float(np.log(threshold / (1 - threshold))) * temperature
    margins, logits = reference.run(images)
    other_margins, other_logits = engine.run(images)
    ours, theirs = other_logits.argmax(axis=1), logits.argmax(axis=1)
    for label in range(1, logits.shape[1]):
        dice = metrics.dice(ours == label, theirs == label)
        if dice is not None and dice < LEAST_DICE:
            return False
    return all(
        bool(margins[clips == clip].mean() >= cut) == bool(other_margins[clips == clip].mean() >= cut)
        for clip in np.unique(clips)
    )


def agrees(predictor: Predictor, setting: Setting, cache: Path | None) -> bool:
    """``agrees_with_fp32`` for a predictor's networks, remembered by weights, setting, device and versions."""
    key = _key(predictor, setting)
    known = _read(cache)
    if key not in known:
        images, clips = check_pictures()
        plain = replace(default_setting(predictor.device, 1), streams=1)
        known[key] = agrees_with_fp32(
            predictor.make_engine(setting),
            predictor.make_engine(plain),
            images,
            clips,
            threshold=predictor.threshold,
            temperature=predictor.temperature,
        )
        _write(cache, known)
    return known[key]


def _key(predictor: Predictor, setting: Setting) -> str:
    device = torch.cuda.get_device_name(predictor.device) if predictor.device.type == "cuda" else "cpu"
    parts: list[Any] = [card.sha256 for card in predictor.cards]
    parts += [predictor.threshold, predictor.temperature, setting.numerics, device, torch.__version__]
    if setting.engine == "onnxruntime":
        import onnxruntime

        parts.append(onnxruntime.__version__)
    text = json.dumps([*parts, CANVAS, CANVAS_MM, _SEED, _KINDS, _FRAMES])
    return hashlib.sha256(text.encode()).hexdigest()


def _read(cache: Path | None) -> dict[str, bool]:
    """What a cache holds; a file that cannot be read or holds anything else is as good as none."""
    try:
        found = json.loads(cache.read_text(encoding="utf-8")) if cache is not None else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, bool)}


def _write(cache: Path | None, known: dict[str, bool]) -> None:
    if cache is None:
        return
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    part.write_text(json.dumps(known, sort_keys=True), encoding="utf-8")
    part.replace(cache)


__all__ = [
    "Wish",
    "agrees",
    "agrees_with_fp32",
    "candidates",
    "check_pictures",
    "choose",
    "has_fast_bf16",
    "measured",
    "wish_from",
]
