"""The process around the child: limits, death, restart, and nothing of the site inside it."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from inference.dicom import syntax
from plaqueweb.ingest import client as client_module
from plaqueweb.ingest.client import IntakeClient
from plaqueweb.ingest.report import RULES, ChildLimits, IntakeReport
from tests.inference.dicom.makers import moving_frames, write_clip
from tests.plaqueweb.ingest.child_tools import KEY, stored_frames, take

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="these limits exist on Linux only")


@pytest.fixture(scope="module")
def client() -> Iterator[IntakeClient]:
    with IntakeClient() as running:
        yield running


def read(client: IntakeClient, path: Path, limits: ChildLimits | None = None) -> IntakeReport:
    out_dir = path.with_name(path.name + ".out")
    out_dir.mkdir(exist_ok=True)
    return client.process(path, out_dir, KEY, limits)


def still_works(client: IntakeClient, tmp_path: Path) -> bool:
    return read(client, write_clip(tmp_path / "next.dcm")).ok


def test_the_process_gives_the_same_answer_as_the_function(client: IntakeClient, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm")

    report = read(client, path)
    frames = stored_frames(report)
    here = take(path)

    assert report.ok
    assert len(frames) == 3
    assert report.bundle_sha256 == here.bundle_sha256
    assert report.subject_pseudonym == here.subject_pseudonym


@linux_only
def test_the_report_says_which_limits_were_active(client: IntakeClient, tmp_path: Path) -> None:
    report = read(client, write_clip(tmp_path / "clip.dcm"), ChildLimits(memory_mb=777, cpu_s=11, wall_s=22))

    assert {"memory 777 MB", "cpu 11 s", "wall 22 s", "no new rights"} <= set(report.limits_active)


@linux_only
def test_the_zygote_has_one_thread_and_neither_site_nor_secrets(client: IntakeClient) -> None:
    process = Path(f"/proc/{client.pid}")
    os.environ.setdefault("PLAQUEWEB_TEST_SECRET", "hidden")

    assert len(list((process / "task").iterdir())) == 1
    assert b"SECRET" not in (process / "environ").read_bytes()
    assert b"DATABASE_URL" not in (process / "environ").read_bytes()
    maps = (process / "maps").read_text()
    assert "torch" not in maps


def loaded(code: str, *modules: str) -> str:
    """Which of the modules a fresh interpreter has loaded after the code."""
    asked = f"{code}\nimport sys; print(sorted(set({modules!r}) & set(sys.modules)))"
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run([sys.executable, "-c", asked, root], capture_output=True, text=True, check=True, cwd=root)
    return done.stdout.strip()


def test_the_zygote_loads_nothing_of_the_site() -> None:
    boot = client_module._BOOT.replace("raise SystemExit(main())", "")

    assert "main" in boot
    assert loaded(boot, "django", "celery", "torch", "scipy", "sqlite3", "pydicom") == "['pydicom']"


def test_the_side_that_the_site_uses_loads_no_decoder() -> None:
    code = "import plaqueweb.ingest.client, plaqueweb.ingest.report, plaqueweb.ingest.archive"

    assert loaded(code, "pydicom", "PIL", "imagecodecs", "torch") == "[]"


@linux_only
def test_a_file_over_the_wall_time_is_stopped_and_the_next_one_goes(client: IntakeClient, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "long.dcm", np.tile(moving_frames(4, 300, 400), (12, 1, 1)))

    report = read(client, path, ChildLimits(wall_s=0.02))

    assert (report.ok, report.rule) == (False, "intake-17")
    assert list((tmp_path / "long.dcm.out").iterdir()) == []
    assert still_works(client, tmp_path)


@linux_only
def test_a_file_over_the_computing_time_is_stopped(client: IntakeClient, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 700, 900), dtype=np.uint8)
    path = write_clip(tmp_path / "heavy.dcm", noise)

    report = read(client, path, ChildLimits(cpu_s=0))

    assert report.rule == "intake-17"
    assert still_works(client, tmp_path)


@linux_only
def test_a_file_over_the_memory_limit_is_refused_and_the_next_one_goes(client: IntakeClient, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "wide.dcm", np.zeros((1, 4000, 4000), np.uint8))

    report = read(client, path, ChildLimits(memory_mb=8))

    assert not report.ok
    assert report.rule in ("intake-18", "intake-12")
    assert still_works(client, tmp_path)


@linux_only
def test_a_jpeg_2000_that_needs_gigabytes_ends_at_the_memory_limit(client: IntakeClient, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "bomb.dcm", moving_frames(1), transfer_syntax=syntax.JPEG_2000_LOSSLESS)
    stream = bytearray(imagecodecs.jpeg2k_encode(np.zeros((60, 80), np.uint8), codecformat="j2k", reversible=True))
    for at in (8, 24):
        struct.pack_into(">II", stream, at, 8000, 8000)
    ds = pydicom.dcmread(path)
    ds.Rows = ds.Columns = 8000
    ds.PixelData = encapsulate([bytes(stream)])
    ds.save_as(path)
    assert path.stat().st_size < 5000

    report = read(client, path, ChildLimits(memory_mb=100))

    assert not report.ok
    assert report.rule in RULES
    assert still_works(client, tmp_path)


@linux_only
def test_more_output_than_the_limit_is_refused(client: IntakeClient, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (4, 700, 900), dtype=np.uint8)
    path = write_clip(tmp_path / "big.dcm", noise, regions=[])

    report = read(client, path, ChildLimits(out_mb=1))

    assert (report.ok, report.rule) == (False, "intake-19")
    assert list((tmp_path / "big.dcm.out").iterdir()) == []


def test_a_killed_zygote_is_started_anew(tmp_path: Path) -> None:
    with IntakeClient() as client:
        first = client.pid
        assert first is not None
        os.kill(first, signal.SIGTERM)
        time.sleep(0.2)

        report = read(client, write_clip(tmp_path / "clip.dcm"))
        if not report.ok:
            assert report.rule == "intake-20"
            report = read(client, tmp_path / "clip.dcm")

        assert report.ok
        assert client.pid != first


@linux_only
def test_the_zygote_ends_with_its_client(tmp_path: Path) -> None:
    client = IntakeClient()
    client.start()
    pid = client.pid
    client.close()

    assert not Path(f"/proc/{pid}").exists()
    assert client.pid is None


def test_a_closed_client_starts_again_when_asked(tmp_path: Path) -> None:
    client = IntakeClient()
    try:
        assert read(client, write_clip(tmp_path / "clip.dcm")).ok
        client.close()
        assert read(client, tmp_path / "clip.dcm").ok
    finally:
        client.close()


def test_a_short_key_never_reaches_the_child(client: IntakeClient, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        client.process(write_clip(tmp_path / "clip.dcm"), tmp_path, b"short")


def test_a_missing_file_is_a_refusal(client: IntakeClient, tmp_path: Path) -> None:
    report = client.process(tmp_path / "absent.dcm", tmp_path, KEY)

    assert (report.ok, report.rule) == (False, "intake-27")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "intake-02"),
        (b"hello", "intake-01"),
        (b"%PDF-1.7" + b"x" * 300, "intake-01"),
        (b"\0" * 128 + b"DICM", "intake-03"),
        (b"\xff\xd8\xff" + b"\0" * 300, "intake-12"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 300, "intake-12"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_rule(
    client: IntakeClient, tmp_path: Path, content: bytes, rule: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    report = read(client, path)

    assert (report.ok, report.rule) == (False, rule)
    assert RULES[rule] in report.message


def test_mutants_of_good_files_are_read_or_refused_by_a_known_rule(client: IntakeClient, tmp_path: Path) -> None:
    """Bytes changed, cut and doubled at seeded places: never an unknown error, never a dead process."""
    rng = np.random.default_rng(20240315)
    zygote = client.pid
    rules = set()
    for number, transfer_syntax in enumerate(syntax.TRANSFER_SYNTAXES * 6):
        colour = bool(number % 2)
        path = write_clip(tmp_path / "m.dcm", moving_frames(2, 30, 40, colour=colour), transfer_syntax=transfer_syntax)
        data = bytearray(path.read_bytes())
        start = int(rng.integers(132, len(data) - 8))
        if number % 3 == 0:
            data[start : start + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
        elif number % 3 == 1:
            del data[start:]
        else:
            data[start:start] = data[start : start + 40]
        path.write_bytes(bytes(data))
        report = read(client, path)
        rules.add(report.rule)

    assert rules <= set(RULES) | {""}
    assert not rules & {"intake-99", "intake-20"}
    assert len(rules) > 3
    assert client.pid == zygote


@pytest.mark.parametrize("folder", ["dicom_bad", "dicom_us"])
def test_the_real_corpus_neither_crashes_nor_hangs(
    client: IntakeClient, shared_data: Path, tmp_path: Path, folder: str
) -> None:
    zygote = client.pid
    held = {}
    for number, source in enumerate(sorted((shared_data / folder).rglob("*"))):
        if not source.is_file() or source.suffix == ".csv":
            continue
        out_dir = tmp_path / str(number)
        out_dir.mkdir()
        report = client.process(source, out_dir, KEY)
        assert report.ok or report.rule in RULES
        assert report.rule not in ("intake-99", "intake-20")
        assert report.ok is (folder == "dicom_us")
        held[source.name] = report.findings

    assert client.pid == zygote
    if folder == "dicom_us":
        assert held["OBXXXX1A.dcm"] == []
        assert "no-valid-region" in held["examples_palette.dcm"]
