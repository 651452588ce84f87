"""The command line of the library: phantom, train, evaluate, predict, bench."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference", description="Read aortic plaque in TEE clips. Research use only. Not for diagnosis."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train both networks from a configuration")
    train.add_argument("config", type=Path, help="a TOML file, or the name of one in inference/configs")
    train.add_argument("--cache", type=Path, default=Path("var/phantom"), help="where rendered phantom is kept")
    train.add_argument("--work", type=Path, default=None, help="checkpoints and curves (default var/training/NAME)")
    train.add_argument("--out", type=Path, default=None, help="weights, cards, pipeline (default inference/weights)")
    return parser


def _train(args: argparse.Namespace, console: Console) -> int:
    from inference.checkpoints import WEIGHTS_DIR
    from inference.training.config import CONFIG_DIR, load_config
    from inference.training.run import train

    path = args.config if args.config.exists() else CONFIG_DIR / f"{args.config.name.removesuffix('.toml')}.toml"
    config = load_config(path)
    spec = train(
        config, cache=args.cache, work=args.work or Path("var/training") / config.name,
        out=args.out or WEIGHTS_DIR, console=console,
    )
    console.print(f"pipeline {spec.name} {spec.hash[:12]} written")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    args = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        return {"train": _train}[args.command](args, console)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
