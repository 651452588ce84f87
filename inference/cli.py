"""The command line of the library: phantom, train, evaluate, predict, bench."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from inference.checkpoints import PipelineSpec
    from inference.predictor import Predictor


def _add_pipeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pipeline", type=Path, default=None, help="a pipeline.json (default: the one shipped)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=None, help="processor threads")
    parser.add_argument("--engine", default=None, help="torch or onnxruntime (extra “fast”)")
    parser.add_argument("--dtype", default=None, help="auto, fp32 or bf16")
    parser.add_argument("--batch", type=int, default=None, help="frames at once")
    parser.add_argument("--streams", type=int, default=None, help="batches under way at once")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference", description="Read aortic plaque in TEE clips. Research use only. Not for diagnosis."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    phantom = commands.add_parser("phantom", help="write phantom studies as DICOM, with truth kept apart")
    phantom.add_argument("--out", type=Path, required=True)
    phantom.add_argument("--subjects", type=int, default=12)
    phantom.add_argument("--seed", type=int, default=1)
    phantom.add_argument("--frames", type=int, default=24)
    phantom.add_argument("--workers", type=int, default=1)
    phantom.add_argument("--kinds", nargs="+", default=None, help="none thin thick ulcerated mobile")
    phantom.add_argument("--transfer-syntax", default=None, help="a UID (default JPEG baseline)")
    train = commands.add_parser("train", help="train both networks from a configuration")
    train.add_argument("config", type=Path, help="a TOML file, or the name of one in inference/configs")
    train.add_argument("--cache", type=Path, default=Path("var/phantom"), help="where rendered phantom is kept")
    train.add_argument("--work", type=Path, default=None, help="checkpoints and curves (default var/training/NAME)")
    train.add_argument("--out", type=Path, default=None, help="weights, cards, pipeline (default: see docs, train)")
    train.add_argument("--data", type=Path, default=None, help="the folder or export, instead of the configuration's")
    train.add_argument("--fold", default=None, help="which fold is the test split, or “all”, one after the other")
    train.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    train.add_argument("--only", choices=("segmenter", "classifier"), default=None, help="train one network alone")
    train.add_argument("--threads", type=int, default=None, help="processor threads, instead of the configuration's")
    evaluate = commands.add_parser("evaluate", help="figures on unseen cases, as a report")
    evaluate.add_argument("--out", type=Path, default=None, help="write report.html, report.json and gallery/ here")
    evaluate.add_argument("--source", type=Path, default=None, help="a folder: dicom/ + truth/, or images/ + masks/")
    evaluate.add_argument("--masks-mean", default=None, help="what two-valued masks mark: lumen, plaque or aorta")
    evaluate.add_argument("--subjects", type=int, default=120, help="phantom subjects")
    evaluate.add_argument("--frames", type=int, default=None, help="frames a clip (phantom: 6; folder: all)")
    evaluate.add_argument("--every", type=int, default=4, help="phantom: every n-th moment; 1 shows motion best")
    evaluate.add_argument("--seed", type=int, default=11)
    evaluate.add_argument("--family", default="trained", help="trained, held-out, all, or a family's name")
    evaluate.add_argument("--beyond", action="store_true", help="one value of each clip beyond its trained range")
    evaluate.add_argument("--jobs", type=int, default=1, help="processes that render or decode")
    evaluate.add_argument("--write-cards", action="store_true", help="write the figures into the model cards")
    _add_pipeline(evaluate)
    calibrate = commands.add_parser("calibrate", help="fix threshold and uncertainty on validation clips")
    calibrate.add_argument("--subjects", type=int, default=300, help="validation subjects of the phantom")
    calibrate.add_argument("--frames", type=int, default=6, help="frames a clip")
    calibrate.add_argument("--every", type=int, default=4, help="every n-th moment")
    calibrate.add_argument("--seed", type=int, default=11)
    calibrate.add_argument("--beyond", action="store_true", help="one value of each clip beyond its trained range")
    calibrate.add_argument("--jobs", type=int, default=1, help="processes that render")
    calibrate.add_argument("--write", action="store_true", help="write them into pipeline and card")
    _add_pipeline(calibrate)
    predict = commands.add_parser("predict", help="predict DICOM, PNG and JPEG files or folders of them")
    predict.add_argument("paths", type=Path, nargs="+")
    predict.add_argument("--out", type=Path, required=True)
    predict.add_argument("--maps", action="store_true", help="write reconstruction, error and activation of key frames")
    predict.add_argument(
        "--tta", type=int, default=0, metavar="K", help="uncertainty from K readings (2 to 64; 0: off)"
    )
    _add_pipeline(predict)
    bench = commands.add_parser("bench", help="the pipeline against the bare forward passes")
    bench.add_argument("--frames", type=int, default=96)
    bench.add_argument("--rounds", type=int, default=5)
    bench.add_argument("--json", action="store_true", help="print JSON")
    bench.add_argument("--tune", type=float, default=3.0, metavar="SECONDS", help="measure settings first; 0: do not")
    _add_pipeline(bench)
    return parser


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _predictor(args: argparse.Namespace) -> tuple[Predictor, PipelineSpec]:
    from inference.checkpoints import PIPELINE_FILE
    from inference.predictor import Predictor
    from inference.tuning import Wish, choose, wish_from

    found = wish_from()
    wish = Wish(
        args.engine or found.engine,
        args.dtype or found.dtype,
        args.batch or found.batch,
        args.streams or found.streams,
    )
    predictor, spec = Predictor.from_pipeline(args.pipeline or PIPELINE_FILE, device=args.device, threads=args.threads)
    choose(predictor, wish, seconds=getattr(args, "tune", 0.0))
    return predictor, spec


def _phantom(args: argparse.Namespace, console: Console) -> int:
    from inference.phantom.dicom import JPEG_BASELINE, demo_cohort

    cohort = demo_cohort(
        args.out,
        args.seed,
        args.subjects,
        args.frames,
        kinds=args.kinds,
        workers=args.workers,
        transfer_syntax=args.transfer_syntax or JPEG_BASELINE,
    )
    for number, subject in enumerate(cohort, start=1):
        console.print(
            f"{number}/{args.subjects} {subject.name}: {subject.kind}, class {subject.study_class}, "
            f"{len(subject.files)} clips"
        )
    return 0


def _train(args: argparse.Namespace, console: Console) -> int:
    from inference.training.config import CONFIG_DIR, load_config
    from inference.training.run import train_folds

    path = args.config if args.config.exists() else CONFIG_DIR / f"{args.config.name.removesuffix('.toml')}.toml"
    config = load_config(path)
    if args.threads is not None:
        config = replace(config, threads=args.threads)
    if args.data is not None:
        config = replace(config, data=replace(config.data, folder=str(args.data)))
    train_folds(
        config,
        fold=args.fold,
        cache=args.cache,
        work=args.work or Path("var/training") / config.name,
        out=args.out,
        console=console,
        only=args.only,
        device=args.device,
    )
    return 0


def _evaluate(args: argparse.Namespace, console: Console) -> int:
    from inference.checkpoints import WEIGHTS_DIR
    from inference.evaluation.cards import write_into_cards
    from inference.evaluation.cases import Source
    from inference.evaluation.folders import open_source
    from inference.evaluation.report import print_table, write_report
    from inference.evaluation.run import evaluate
    from inference.evaluation.sources import PhantomSource

    source: Source
    if args.source is not None:
        source = open_source(args.source, frames=args.frames, means=args.masks_mean)
    else:
        source = PhantomSource(args.subjects, args.frames or 6, args.seed, args.family, args.beyond, args.every)
    predictor, spec = _predictor(args)
    with _bar(console) as bar:
        task = bar.add_task("unseen cases", total=len(source.jobs()))
        outcome = evaluate(
            predictor, source, processes=args.jobs, progress=lambda done, total: bar.update(task, completed=done)
        )
    print_table(outcome.evaluation, Console())
    for line in outcome.unreadable:
        console.print(f"not read: {line}", markup=False)
    if args.out is not None:
        write_report(outcome, args.out, {"pipeline": spec.name, "hash": spec.hash})
        console.print(f"written to {args.out / 'report.html'}", markup=False)
    if args.write_cards:
        write_into_cards(outcome, args.pipeline.parent if args.pipeline else WEIGHTS_DIR, spec)
    return 1 if outcome.unreadable else 0


def _calibrate(args: argparse.Namespace, console: Console) -> int:
    from inference.checkpoints import PIPELINE_FILE
    from inference.evaluation.calibration import calibrate, look, write
    from inference.evaluation.sources import PhantomSource
    from inference.phantom.cohort import SPLITS

    source = PhantomSource(
        args.subjects, args.frames, args.seed, out_of_range=args.beyond, every=args.every, split=SPLITS[1]
    )
    predictor, spec = _predictor(args)
    with _bar(console) as bar:
        task = bar.add_task("validation clips", total=args.subjects)
        clips = look(
            predictor, source, processes=args.jobs, progress=lambda done, total: bar.update(task, completed=done)
        )
    found = calibrate(clips, source.describe())
    print(f"temperature {found.temperature}, threshold {found.threshold:.2f} ({found.clips} clips)")
    print(f"thickness error {found.error} ({found.measured} clips), left-out folds {found.within}")
    if args.write:
        done = write(found, spec, args.pipeline or PIPELINE_FILE)
        console.print(f"pipeline {done.name} {done.hash[:12]} written", markup=False)
    return 0


def _predict(args: argparse.Namespace, console: Console) -> int:
    from inference.files import predict_files
    from inference.uncertainty import draws_of

    missing = [path for path in args.paths if not path.exists()]
    if len(missing) == len(args.paths):
        raise FileNotFoundError(f"There is nothing at {', '.join(map(str, missing))}.")
    predictor, _ = _predictor(args)
    if args.tta:
        draws_of(args.tta)  # refuses a number of readings that gives no spread, before any file is read
    predictor.draws = args.tta
    failed = 0
    with _bar(console) as bar:
        task = bar.add_task("files", total=None)
        for line in predict_files(
            predictor,
            args.paths,
            args.out,
            maps=args.maps,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        ):
            if "error" in line:
                failed += 1
                console.print(f"{line['file']}: {line['error']}", markup=False)
    console.print(f"written to {args.out / 'predictions.jsonl'}; {failed} file(s) could not be read", markup=False)
    return 1 if failed else 0


def _bench(args: argparse.Namespace, console: Console) -> int:
    from inference.bench import as_json, lines_of, run_bench

    predictor, _ = _predictor(args)
    result = run_bench(predictor, frames=args.frames, rounds=args.rounds)
    if args.json:
        print(as_json(result))
    else:
        for name, figure in lines_of(result):
            print(f"{name:<38} {figure}")
    return 0


_COMMANDS = {
    "phantom": _phantom,
    "train": _train,
    "calibrate": _calibrate,
    "evaluate": _evaluate,
    "predict": _predict,
    "bench": _bench,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status: 0, 1 where some files failed, 2 for bad input."""
    args = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        return _COMMANDS[args.command](args, console)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
