"""Kills runs of four recipes some two hundred times, resumes them, and writes what came of it to KILLS.md.

    python benchmarks/kills.py

Run by hand: it takes some ten minutes. What it does is `seqkit verify-resume`, of which the tests run a sample.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import date
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUTCOME = Path(__file__).with_name("KILLS.md")

COMMANDS = [
    # Enough kills at boundaries for each kind of boundary of the save path.
    ["recipes/char_gen.yaml", "train.epochs=12", "--kills", "130"],
    # A validation split, early stopping, dropout, the best weights.
    ["recipes/sentiment_zh.yaml", "train.epochs=null", "train.steps=12", "baseline=off", "--kills", "24"],
    # Truncated back-propagation with a carried state, on a text that everybody has.
    ["recipes/shakespeare.yaml", "data.path=README.md", "train.epochs=null", "train.steps=12", "--kills", "24"],
    # A plugin's component.
    ["plugins/seqkit-gru/recipes/char_gen_gru.yaml", "train.epochs=12", "--kills", "24"],
]


def main() -> int:
    sections, failed = [], 0
    for command in COMMANDS:
        shown = "seqkit verify-resume " + " ".join(command)
        print(shown, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "seqkit", "verify-resume", *command], cwd=ROOT, capture_output=True, text=True
        )
        failed += done.returncode != 0
        lines = (done.stdout + done.stderr).splitlines()
        kills = [line for line in lines if line.startswith("kill ")]
        at_boundaries = [line.split(": ")[1].rpartition(" (")[0] for line in kills if ": before " in line]
        print(lines[-1], flush=True)
        sections.append(
            f"## `{shown}`\n\n{lines[0]}. {lines[-1]}.\n\nKilled {len(at_boundaries)} times at boundaries, of "
            f"{len(set(at_boundaries))} kinds, and {len(kills) - len(at_boundaries)} times at a random moment.\n"
        )
    head = (
        "# Runs that were killed\n\n"
        "Written by `python benchmarks/kills.py`. Each run is killed with SIGKILL twice, once while it goes on, then "
        "left to end; weights, metrics, answers and the last checkpoint are compared with those of a run that was not "
        "killed. A boundary is where a run is about to make, open, sync, rename or remove something in its folder; of "
        "one kind are those of the same file, whatever its number.\n\n"
        f"{date.today()}, {platform.machine()}, Python {platform.python_version()}, "
        f"torch {metadata.version('torch')}, seqkit {metadata.version('seqkit')}\n\n"
    )
    OUTCOME.write_text(head + "\n".join(sections), encoding="utf-8")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
