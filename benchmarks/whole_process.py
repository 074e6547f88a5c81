"""Commands from their start to their end, beside the scripts that a PyTorch user would run instead.

    python benchmarks/whole_process.py

A process is timed from its start to its end: imports, reading the run, the work, printing, and what Python does when
it leaves. The scripts are `whole_process_predict.py` and `whole_process_tutorial.py` of this folder.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from record import ROOT
from side_by_side import Measured, Options, main, process

import seqkit

ROUNDS = 7
SENTENCES = 10_000
PREDICT, TUTORIAL = (str(Path(__file__).with_name(f"whole_process_{name}.py")) for name in ("predict", "tutorial"))
SEQKIT = [sys.executable, "-m", "seqkit"]

Command = Sequence[str]


def measure(options: Options) -> list[Measured]:
    found = []
    for name, job in JOBS.items():
        if options.wants(name):
            with tempfile.TemporaryDirectory() as folder:
                found.append(job(name, Path(folder), options.rounds))
    return found


def predict(name: str, folder: Path, rounds: int) -> Measured:
    run = seqkit.run(ROOT / "recipes/sentiment_zh.yaml", runs=folder, quiet=True, baseline="off").path
    texts = folder / "sentences.txt"
    texts.write_text("".join(text + "\n" for text in sentences(SENTENCES)), encoding="utf-8")
    ours = [*SEQKIT, "predict", str(run), "--file", str(texts)]
    peers = {
        f"{threads or 'its default'} threads and batches of {size}": [
            sys.executable, PREDICT, str(run), str(texts), str(threads), str(size)
        ]
        for threads in (0, 1) for size in (64, 256)
    }  # fmt: skip
    same = compared_answers(*(process(command).output for command in (ours, next(iter(peers.values())))))
    best = min(peers, key=lambda each: min(process(peers[each]).seconds for _ in range(2)))
    return timed(
        name, ours, peers[best], rounds, goal=4, faster=True, same=same,
        peer_is=f"nn.LSTM on one-hot packed sequences, sorted by length, with {best}, the best of {len(peers)} ways",
    )  # fmt: skip


def sentences(count: int) -> list[str]:
    """Returns sentences of the project's own corpus, all of it and then from the beginning again."""
    texts = []
    for split in ("test", "valid", "train"):
        with (ROOT / f"recipes/data/sentiment_zh/{split}.csv").open(encoding="utf-8", newline="") as file:
            texts += [row["text"] for row in csv.DictReader(file)]
    return [texts[number % len(texts)] for number in range(count)]


def compared_answers(ours: str, peers: str) -> str:
    """Holds two outputs of JSON lines against each other; returns what was compared.

    Raises:
        SystemExit: texts or labels differ, or a probability by more than 1e-5.
    """
    pairs = [tuple(map(json.loads, lines)) for lines in zip(ours.splitlines(), peers.splitlines(), strict=True)]
    worst = 0.0
    for mine, other in pairs:
        if mine["text"] != other["text"]:
            raise SystemExit(f"the texts are not in one order: {mine['text']}, {other['text']}")
        apart = max(
            abs(mine["probabilities"][label] - other["probabilities"][label]) for label in mine["probabilities"]
        )
        worst = max(worst, apart)
        if apart > 1e-5 or (mine["label"] != other["label"] and apart > 1e-6):
            raise SystemExit(f"the answers differ: {mine}, {other}")
    return f"{len(pairs):,} answers in one order, labels equal, probabilities within {worst:.1g}"


def generate(name: str, folder: Path, rounds: int) -> Measured:
    run = seqkit.run(ROOT / "recipes/char_gen.yaml", runs=folder, quiet=True)
    ours = [*SEQKIT, "generate", str(run.path), "--length", "20"]
    wanted = "In Beijing Sarah bought a basket of" + run.result["generated"][0]["text"]
    if (printed := process(ours).output.strip()) != wanted:
        raise SystemExit(f"{printed!r} is not what the run wrote, {wanted!r}")
    return timed(
        name, ours, [sys.executable, "-c", "import torch"], rounds, goal=0.4, faster=False,
        same="what it prints is what the run wrote when it was trained",
        peer_is='`python -c "import torch"`, which does nothing',
    )  # fmt: skip


def help_text(name: str, folder: Path, rounds: int) -> Measured:
    ours = [*SEQKIT, "--help"]
    if "predict" not in process(ours).output:
        raise SystemExit("--help names no commands")
    return timed(
        name, ours, [sys.executable, "-c", "import click"], rounds, goal=3, faster=False,
        same="it names the commands", peer_is='`python -c "import click"`, which does nothing',
    )  # fmt: skip


def tutorial(name: str, folder: Path, rounds: int) -> Measured:
    def ours(number: int) -> Command:
        return [*SEQKIT, "run", str(ROOT / "recipes/char_gen_tutorial.yaml"), "--runs", str(folder / str(number))]

    peers = {threads: [sys.executable, TUTORIAL, threads, "1000"] for threads in ("0", "1")}
    done = process(ours(-1))
    same = compared_training(Path(done.output.strip().splitlines()[-1]), process(peers["1"]).output)
    best = min(peers, key=lambda each: min(process(peers[each]).seconds for _ in range(2)))
    numbers = iter(range(rounds))
    return timed(
        name, lambda: ours(next(numbers)), peers[best], rounds, goal=0.8, faster=False, same=same,
        peer_is="nn.LSTM on the one-hot sentence, Adam, "
        + ("one thread, which is faster than its default" if best == "1" else "its default threads"),
        limit="Most of both processes is the import of torch and the kernels of nn.LSTM, which they share.",
    )  # fmt: skip


def compared_training(run: Path, printed: str) -> str:
    """Holds the losses and the text of a run against what the tutorial's script printed; returns what was compared.

    Raises:
        SystemExit: a loss differs by more than a hundredth of itself, or the text.
    """
    *lines, text = printed.strip("\n").splitlines()
    theirs = {int(step): float(loss) for step, loss in map(str.split, lines)}
    loaded = seqkit.load(run)
    mine = {row["step"]: row["loss"] for row in loaded.metrics if row["split"] == "train"}
    worst = max(abs(mine[step] / loss - 1) for step, loss in theirs.items())
    written = loaded.result["generated"][0]
    if worst > 0.01 or text != written["prompt"] + written["text"]:
        raise SystemExit(f"the losses are {worst:.2g} apart; the texts {text!r} and {written!r}")
    return f"losses at steps {', '.join(map(str, theirs))}, equal to {worst:.1g} of themselves, and the texts, equal"


def timed(
    name: str,
    ours: Command | Callable[[], Command],
    peer: Command,
    rounds: int,
    *,
    goal: float,
    faster: bool,
    same: str,
    peer_is: str,
    limit: str = "",
) -> Measured:
    """Measures two commands in turn, in seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        times[0].append(process(ours() if callable(ours) else ours).seconds)
        times[1].append(process(peer).seconds)
    return Measured(name, "s", *times, goal=goal, same=same, peer_is=peer_is, faster=faster, limit=limit)


JOBS: dict[str, Callable[[str, Path, int], Measured]] = {
    f"`seqkit predict` of {SENTENCES:,} short sentences, start-up included": predict,
    "`seqkit generate RUN --length 20`, start-up included": generate,
    "`seqkit --help`": help_text,
    "the tutorial's 1,000 steps and 20 characters, start-up included": tutorial,
}

if __name__ == "__main__":
    sys.exit(main(__file__, __doc__, measure, ROUNDS))
