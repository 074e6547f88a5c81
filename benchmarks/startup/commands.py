"""Whole commands, start-up included, compared with the scripts that a PyTorch user would run instead.

    python -m benchmarks.startup.commands

A process is timed from start to end: imports, loading, the work, output, and the shutdown of Python. The scripts are
`predict_reference.py` and `tutorial_reference.py`.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import seqkit
from benchmarks.harness.comparison import Comparison, Options, run_benchmark
from benchmarks.harness.processes import run_process
from benchmarks.harness.record import ROOT

ROUNDS = 7
SENTENCES = 10_000
PREDICT_SCRIPT, TUTORIAL_SCRIPT = (
    str(Path(__file__).with_name(f"{name}_reference.py")) for name in ("predict", "tutorial")
)
SEQKIT = [sys.executable, "-m", "seqkit"]

Command = Sequence[str]


def measure(options: Options) -> list[Comparison]:
    """Measure the selected cases."""
    comparisons = []
    for name, measure_case in CASES.items():
        if options.selects(name):
            with tempfile.TemporaryDirectory() as folder:
                comparisons.append(measure_case(name, Path(folder), options.rounds))
    return comparisons


def measure_predict(case: str, folder: Path, rounds: int) -> Comparison:
    """Compare `seqkit predict` with the fastest of several settings of the script."""
    run = seqkit.run(ROOT / "recipes/sentiment_zh.yaml", runs=folder, quiet=True, baseline="off").path
    texts = folder / "sentences.txt"
    texts.write_text("".join(text + "\n" for text in sentences(SENTENCES)), encoding="utf-8")
    ours = [*SEQKIT, "predict", str(run), "--file", str(texts)]
    references = {
        f"{threads or 'its default'} threads and batches of {size}": [
            sys.executable, PREDICT_SCRIPT, str(run), str(texts), str(threads), str(size)
        ]
        for threads in (0, 1) for size in (64, 256)
    }  # fmt: skip
    verified = verify_predictions(*(run_process(command).output for command in (ours, next(iter(references.values())))))
    best = fastest(references)
    return time_commands(
        case, ours, references[best], rounds, goal=4, is_speedup=True, verified=verified,
        reference_name=f"nn.LSTM on one-hot packed sequences, sorted by length, with {best}, the fastest of "
        f"{len(references)} settings",
    )  # fmt: skip


def sentences(count: int) -> list[str]:
    """Return sentences of the corpus of recipes/sentiment_zh.yaml, repeated from its beginning as needed."""
    texts = []
    for split in ("test", "valid", "train"):
        with (ROOT / f"recipes/data/sentiment_zh/{split}.csv").open(encoding="utf-8", newline="") as file:
            texts += [row["text"] for row in csv.DictReader(file)]
    return [texts[number % len(texts)] for number in range(count)]


def verify_predictions(ours: str, reference: str) -> str:
    """Compare two outputs in JSON Lines, and describe what was compared.

    Raises:
        SystemExit: Texts or labels differ, or a probability by more than 1e-5.
    """
    pairs = [tuple(map(json.loads, lines)) for lines in zip(ours.splitlines(), reference.splitlines(), strict=True)]
    largest = 0.0
    for mine, other in pairs:
        if mine["text"] != other["text"]:
            raise SystemExit(f"the texts are not in the same order: {mine['text']}, {other['text']}")
        difference = max(
            abs(mine["probabilities"][label] - other["probabilities"][label]) for label in mine["probabilities"]
        )
        largest = max(largest, difference)
        if difference > 1e-5 or (mine["label"] != other["label"] and difference > 1e-6):
            raise SystemExit(f"the predictions differ: {mine}, {other}")
    return f"{len(pairs):,} predictions in the same order, labels equal, probabilities equal within {largest:.1g}"


def measure_generate(case: str, folder: Path, rounds: int) -> Comparison:
    """Compare `seqkit generate` with the import of torch."""
    run = seqkit.run(ROOT / "recipes/char_gen.yaml", runs=folder, quiet=True)
    ours = [*SEQKIT, "generate", str(run.path), "--length", "20"]
    expected = "In Beijing Sarah bought a basket of" + run.result["generated"][0]["text"]
    if (printed := run_process(ours).output.strip()) != expected:
        raise SystemExit(f"seqkit generate printed {printed!r}, but the run generated {expected!r} after training")
    return time_commands(
        case, ours, [sys.executable, "-c", "import torch"], rounds, goal=0.4, is_speedup=False,
        verified="the command prints the text that the run generated after training",
        reference_name='`python -c "import torch"`, start-up alone',
    )  # fmt: skip


def measure_help(case: str, folder: Path, rounds: int) -> Comparison:
    """Compare `seqkit --help` with the import of click."""
    ours = [*SEQKIT, "--help"]
    if "predict" not in run_process(ours).output:
        raise SystemExit("seqkit --help does not list the command predict")
    return time_commands(
        case, ours, [sys.executable, "-c", "import click"], rounds, goal=3, is_speedup=False,
        verified="the command lists the commands", reference_name='`python -c "import click"`, start-up alone',
    )  # fmt: skip


def measure_tutorial(case: str, folder: Path, rounds: int) -> Comparison:
    """Compare the tutorial as a recipe with the tutorial as a script."""

    def ours(number: int) -> Command:
        return [*SEQKIT, "run", str(ROOT / "recipes/char_gen_tutorial.yaml"), "--runs", str(folder / str(number))]

    references = {threads: [sys.executable, TUTORIAL_SCRIPT, threads, "1000"] for threads in ("0", "1")}
    run = Path(run_process(ours(-1)).output.strip().splitlines()[-1])
    verified = verify_training(run, run_process(references["1"]).output)
    best = fastest(references)
    numbers = iter(range(rounds))
    return time_commands(
        case, lambda: ours(next(numbers)), references[best], rounds, goal=0.8, is_speedup=False, verified=verified,
        reference_name="nn.LSTM on the one-hot sentence, Adam, "
        + ("one thread, which is faster than its default" if best == "1" else "its default threads"),
        limit="Most of the time of both processes is the import of torch and the kernels of nn.LSTM.",
    )  # fmt: skip


def verify_training(run: Path, printed: str) -> str:
    """Compare the losses and the text of a run with the output of the script, and describe what was compared.

    Args:
        run: The directory of the run.
        printed: The output of `tutorial_reference.py`.

    Raises:
        SystemExit: The texts differ, or a loss by more than 1%.
    """
    *lines, text = printed.strip("\n").splitlines()
    reference_losses = {int(step): float(loss) for step, loss in map(str.split, lines)}
    loaded = seqkit.load(run)
    our_losses = {row["step"]: row["loss"] for row in loaded.metrics if row["split"] == "train"}
    difference = max(abs(our_losses[step] / loss - 1) for step, loss in reference_losses.items())
    generated = loaded.result["generated"][0]
    our_text = generated["prompt"] + generated["text"]
    if difference > 0.01 or text != our_text:
        raise SystemExit(f"the losses differ by a relative {difference:.2g}; the texts are {our_text!r} and {text!r}")
    steps = ", ".join(map(str, reference_losses))
    return f"losses at steps {steps}, equal within a relative {difference:.1g}, and the texts, equal"


def fastest(commands: dict[str, list[str]]) -> str:
    """Return the key of the command whose process takes the least time in two attempts."""
    return min(commands, key=lambda key: min(run_process(commands[key]).seconds for _ in range(2)))


def time_commands(
    case: str,
    ours: Command | Callable[[], Command],
    reference: Command,
    rounds: int,
    *,
    goal: float,
    is_speedup: bool,
    verified: str,
    reference_name: str,
    limit: str = "",
) -> Comparison:
    """Measure two commands alternately, in seconds.

    Args:
        ours: seqkit's command, or a function that returns the command of the next round.
        reference: The command of the reference.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        times[0].append(run_process(ours() if callable(ours) else ours).seconds)
        times[1].append(run_process(reference).seconds)
    return Comparison(
        case,
        "s",
        *times,
        goal=goal,
        verified=verified,
        reference_name=reference_name,
        is_speedup=is_speedup,
        limit=limit,
    )


CASES: dict[str, Callable[[str, Path, int], Comparison]] = {
    f"`seqkit predict` for {SENTENCES:,} short sentences, start-up included": measure_predict,
    "`seqkit generate RUN --length 20`, start-up included": measure_generate,
    "`seqkit --help`": measure_help,
    "the tutorial's 1,000 steps and 20 characters, start-up included": measure_tutorial,
}

if __name__ == "__main__":
    sys.exit(run_benchmark(__file__, __doc__, measure, ROUNDS))
