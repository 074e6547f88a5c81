"""The first training step on a long text, compared with reading it into memory and encoding it: memory and time.

    python -m benchmarks.data.corpus

Texts of four sizes are generated from a small alphabet and some Chinese characters. For each size a whole process is
measured, start-up included: `seqkit run` with one step (twice: the second run reads the encoded text from the cache),
and the plain script `corpus_reference.py`. Both must produce the same ids. The goal is that peak memory does not grow
with the text.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import corpus_reference
from benchmarks.data.corpus_reference import HIDDEN_SIZE, STREAMS, VALID, WINDOW
from benchmarks.harness.comparison import Comparison, Options, run_benchmark
from benchmarks.harness.processes import FinishedProcess, module_command, run_process

MEGABYTES = (25, 50, 100, 200)
ROUNDS = 3

LETTERS = "etaoinshrdlucmfwypvbgkjqxzETAOIN,.;:!?'\n      " + "的一是不了人我在有他这中大来上国"


def measure(options: Options) -> list[Comparison]:
    """Measure every size, whichever cases are selected: sizes are compared with each other."""
    encoded: dict[int, list[FinishedProcess]] = {size: [] for size in MEGABYTES}
    cached: dict[int, list[FinishedProcess]] = {size: [] for size in MEGABYTES}
    references: dict[int, list[FinishedProcess]] = {size: [] for size in MEGABYTES}
    for _ in range(options.rounds):
        for size in MEGABYTES:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                text = folder / "text.txt"
                write_text(text, size * 1_000_000)
                command = [sys.executable, "-m", "seqkit", "run", str(write_recipe(folder)), f"data.path={text}"]
                environment = {"SEQKIT_CACHE": str(folder / "cache"), "SEQKIT_PLUGINS": "off"}
                for side in (encoded, cached):
                    side[size].append(run_process([*command, "--runs", str(folder / "runs")], environment))
                references[size].append(run_process(module_command(corpus_reference.__file__, str(text))))
                for run in (folder / "runs").iterdir():
                    verify_ids(run, references[size][-1].result)
    verified = "the SHA-256 of all training ids, of both runs of seqkit and of the reference"
    name = "open().read(), sorted(set(text)), an int64 tensor of ids from a dictionary, nn.LSTM"
    smallest, largest = MEGABYTES[0], MEGABYTES[-1]
    comparisons = []
    for size in MEGABYTES:
        case = f"a text of {size} MB, one step: peak memory"
        comparisons.append(
            Comparison(case, "MB", peaks(encoded[size]), peaks(references[size]), 1, verified, name, is_speedup=False)
        )
    for kind, side in (("encoded in this run", encoded), ("read from the cache", cached)):
        case, same = f"peak memory at {largest} MB, {kind}", f"seqkit at {smallest} MB"
        comparisons.append(
            Comparison(case, "MB", peaks(side[largest]), peaks(side[smallest]), 1.1, verified, same, is_speedup=False)
        )
        case = f"a text of {largest} MB, one step, {kind}: the whole process"
        comparisons.append(
            Comparison(case, "s", seconds(side[largest]), seconds(references[largest]), 1, verified, name)
        )
    return [each for each in comparisons if options.selects(each.case)]


def peaks(processes: list[FinishedProcess]) -> list[float]:
    """Return the peak memory of each process, in megabytes."""
    return [process.peak_memory / 1e6 for process in processes]


def seconds(processes: list[FinishedProcess]) -> list[float]:
    """Return the time of each process."""
    return [process.seconds for process in processes]


def write_text(path: Path, size: int) -> None:
    """Write a text, the same in every call.

    Args:
        path: The file to write.
        size: Its size in bytes; the file is at most two bytes smaller, so that no character is cut.
    """
    with path.open("wb") as file:
        for chunk in chunks(size):
            file.write(chunk)


def chunks(size: int) -> Iterator[bytes]:
    """Yield the parts of a random text, encoded in UTF-8."""
    generator = np.random.default_rng(0)
    letters = np.array(list(LETTERS))
    weights = 1 / np.arange(1, len(letters) + 1)
    while size > 0:
        chunk = "".join(generator.choice(letters, 200_000, p=weights / weights.sum())).encode()
        yield chunk if len(chunk) <= size else chunk[:size].decode(errors="ignore").encode()
        size -= len(chunk)


def write_recipe(folder: Path) -> Path:
    """Write the recipe of seqkit's side, and return its path."""
    path = folder / "corpus.yaml"
    sections: dict[str, Any] = {
        "name": "corpus",
        "data": {"type": "text", "split": {"by": "order", "valid": VALID}},
        "tokenizer": {"type": "char"},
        "encoder": {"type": "lstm", "hidden_size": HIDDEN_SIZE},
        "head": {"type": "next_char"},
        "train": {"steps": 1, "batch_size": STREAMS, "sequence_length": WINDOW, "threads": 1},
        "baseline": "off",
    }
    path.write_text(json.dumps(sections))
    return path


def verify_ids(run: Path, result: dict[str, Any]) -> None:
    """Compare the training ids of a run with those of the reference.

    Args:
        run: The directory of the run.
        result: What `corpus_reference.py` printed.

    Raises:
        SystemExit: The ids differ.
    """
    ours = json.loads((run / "plan.json").read_bytes())["data_sha256"]["train"]
    if ours != result["sha256"]:
        raise SystemExit(f"{run}: the ids differ from the reference's: SHA-256 {ours} and {result['sha256']}")


if __name__ == "__main__":
    sys.exit(run_benchmark(__file__, __doc__, measure, ROUNDS))
