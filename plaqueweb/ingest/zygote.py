"""The process from which intake children are forked: everything imported, one thread, no secrets in its environment.

Started by ``IntakeClient``; speaks the messages of ``plaqueweb.ingest.wire`` over standard input and output, one file
at a time. Each file gets a fork of its own with limits; the fork dies with its file, so that whatever a hostile file
does to memory is gone afterwards. Where the system cannot fork, the zygote reads one file itself and ends; the client
starts the next.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import PIL.Image
import PIL.JpegImagePlugin
import PIL.PngImagePlugin
import pydicom

from plaqueweb.ingest import confine, wire
from plaqueweb.ingest.child import Request, take_file
from plaqueweb.ingest.report import ChildLimits, IntakeReport

CAN_FORK = hasattr(os, "fork")
_READ = 1 << 16


def _request(message: dict[str, Any]) -> Request:
    limits = ChildLimits.from_dict(message["limits"])
    return Request(Path(message["path"]), Path(message["out_dir"]), bytes.fromhex(message["key"]), limits)


def warm_up() -> None:
    """Load what the first file would load, so that every fork has it already."""
    PIL.Image.preinit()
    pixels = imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(_grey_square()))
    for encode, decode in (
        (imagecodecs.png_encode, imagecodecs.png_decode),
        (imagecodecs.jpegls_encode, imagecodecs.jpegls_decode),
        (imagecodecs.jpeg2k_encode, imagecodecs.jpeg2k_decode),
    ):
        decode(encode(pixels))
    imagecodecs.jpegsof3_decode(imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=8))
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


def _grey_square() -> Any:
    import numpy as np

    return np.full((16, 16), 128, dtype=np.uint8)


def _write_line(pipe: int, text: str) -> None:
    data = text.encode() + b"\n"
    while data:
        data = data[os.write(pipe, data) :]


def _run_child(request: Request, pipe: int, active: list[str]) -> None:
    """Runs in the fork and never returns."""
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file over the limit becomes an OSError
        active = [*active, *confine.set_limits(request.limits), f"wall {request.limits.wall_s:g} s"]
        _write_line(pipe, json.dumps(active))  # told first, so that it is known even of a child that is stopped
        _write_line(pipe, take_file(request).to_json())
        status = 0
    finally:
        os._exit(status)


def _collect(pipe: int, deadline: float, client: int) -> tuple[bytes, str]:
    """What the child wrote until it closed the pipe; the second value is "late" or "alone" where it did not."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return b"".join(parts), "late"
        ready, _, _ = select.select([pipe, client], [], [], left)
        if pipe in ready:
            part = os.read(pipe, _READ)
            if not part:
                return b"".join(parts), ""
            parts.append(part)
        elif client in ready:  # the client says nothing while it waits: only its end can be read here
            return b"", "alone"


def _verdict(data: bytes, fault: str, status: int, cpu_seconds: float, limits: ChildLimits) -> IntakeReport:
    """The child's own report, or a refusal that says how it ended."""
    first, _, rest = data.partition(b"\n")
    try:
        active = [str(words) for words in json.loads(first)]
    except (ValueError, TypeError):
        active = []
    if fault == "late":
        report = IntakeReport.refused("intake-17", f"More than {limits.wall_s:g} s.")
    elif os.WIFSIGNALED(status) and cpu_seconds >= limits.cpu_s - 0.5:
        report = IntakeReport.refused("intake-17", f"More than {limits.cpu_s} s of computing.")
    elif os.WIFSIGNALED(status):
        report = IntakeReport.refused("intake-20", f"Signal {os.WTERMSIG(status)}.")
    else:
        try:
            report = IntakeReport.from_dict(json.loads(rest))
        except (ValueError, TypeError):
            report = IntakeReport.refused("intake-20", "It gave no answer.")
    report.limits_active = active
    return report


def _fork_for(request: Request, active: list[str]) -> IntakeReport | None:
    """One fork for one file; None where the client went away meanwhile."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_child(request, writer, active)
    os.close(writer)
    try:
        data, fault = _collect(reader, time.monotonic() + request.limits.wall_s, sys.stdin.fileno())
    finally:
        os.close(reader)
    if fault:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if fault == "alone":
        return None
    return _verdict(data, fault, status, usage.ru_utime + usage.ru_stime, request.limits)


def _clean(out_dir: Path, report: IntakeReport | None) -> None:
    """Nothing half-written stays, and of a refused file nothing at all."""
    leftovers = ["cine.part"] if report is not None and report.ok else ["cine.part", "cine"]
    for name in leftovers:
        with contextlib.suppress(OSError):
            (out_dir / name).unlink(missing_ok=True)


def serve(source: BinaryIO, sink: BinaryIO) -> int:
    """Answer requests until the client closes its end."""
    active = [*confine.forbid_new_rights(), *confine.drop_network()]
    warm_up()
    wire.send(sink, {"ready": True, "forks": CAN_FORK, "active": active})
    while True:
        try:
            message = wire.receive(source)
        except wire.WireError:
            return 0
        request = _request(message)
        report = _fork_for(request, active) if CAN_FORK else take_file(request)
        _clean(request.out_dir, report)
        if report is None:
            return 0
        wire.send(sink, {"report": report.to_dict()})
        if not CAN_FORK:
            return 0


def main() -> int:
    """Speak on the real standard output and give that name to nobody else; warnings and logs may quote a patient."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C goes to the whole group: the client decides
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    source = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    return serve(source, sink)


if __name__ == "__main__":
    raise SystemExit(main())
