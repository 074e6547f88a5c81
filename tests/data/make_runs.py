"""Makes the run directories of a format that later versions of seqkit have to read, and notes what they answered.

    python tests/data/make_runs.py

It writes `run-format-N-writes` (finished), `run-format-N-labels` (finished) and `run-format-N-stopped` beside itself,
and `run-format-N.json` with their answers. Run it once for each new format, and leave the older ones as they are.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import seqkit
from seqkit.errors import Interrupted
from seqkit.experiment import run_recipe
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.report import Report
from seqkit.rundir import FORMAT

HERE = Path(__file__).parent
WRITES: dict[str, Any] = {
    "name": "writes",
    "seed": 1,
    "data": {"type": "text", "text": "In Beijing Sarah bought a basket of apples"},
    "encoder": {"type": "lstm", "hidden_size": 6},
    "head": {"type": "next_char"},
    "train": {"epochs": 40, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}},
    "generate": {"prompt": "In Be", "length": 12},
}
LABELS: dict[str, Any] = {
    "name": "labels",
    "seed": 2,
    "data": {"type": "table", "path": "labels.csv", "split": {"by": "order", "valid": 0.25}},
    "embedding": {"type": "learned", "dim": 3},
    "encoder": {"type": "bilstm", "hidden_size": 4},
    "head": {"type": "classify"},
    "train": {"epochs": 6, "batch_size": 4, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}},
    "predict": ["abba", "cc"],
}
STOPPED_AFTER = 12
"""So often it is asked, after each step and while it evaluates: this is inside the third epoch."""
PROMPTS = ["In", "basket", "Sarah b"]
TEXTS = ["a", "abba", "cab", "bcbc", "cc"]


class StopAfter:
    """Asks to stop, as SIGTERM does, once it has been asked so many times."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def __call__(self) -> int:
        self.calls -= 1
        return signal.SIGTERM if self.calls == 0 else 0


def answers(writes: seqkit.Run, labels: seqkit.Run) -> dict[str, Any]:
    """Returns what the finished runs answer."""
    return {
        "generated": [writes.generate(prompt, length=12) for prompt in PROMPTS],
        "drawn": writes.generate("In", length=12, temperature=1.0, seed=3),
        "predictions": labels.predict(TEXTS),
    }


def labelled(recipe: dict[str, Any]) -> dict[str, Any]:
    """Returns a recipe whose data stands beside this file."""
    return recipe | {"data": recipe["data"] | {"path": str(HERE / recipe["data"]["path"])}}


def stopped(recipe: dict[str, Any], runs: Path) -> None:
    try:
        run_recipe(read_recipe(recipe), load_registry(), runs, Report(None), StopAfter(STOPPED_AFTER))
    except Interrupted:
        return
    raise RuntimeError("the run came to its end")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        writes = seqkit.run(WRITES, runs=runs / "writes", quiet=True)
        labels = seqkit.run(labelled(LABELS), runs=runs / "labels", quiet=True)
        stopped(labelled(LABELS), runs / "stopped")
        noted = answers(writes, labels) | {"metrics": labels.metrics, "result": labels.result["metrics"]}
        for kind in ("writes", "labels", "stopped"):
            (made,) = (runs / kind).iterdir()
            kept = HERE / f"run-format-{FORMAT}-{kind}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(made, kept)
            if kind != "stopped":  # what nobody goes on from is only large
                shutil.rmtree(kept / "checkpoints")
            for file in ("plan.json", "recipe.yaml"):  # whose folder is nobody's business
                text = (kept / file).read_text(encoding="utf-8")
                (kept / file).write_text(text.replace(str(HERE), "/data"), encoding="utf-8")
    (HERE / f"run-format-{FORMAT}.json").write_text(
        json.dumps(noted, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
