"""Records what a recipe reaches, in RECIPES.md beside this file. Run by hand:

    python benchmarks/measure.py -- recipes/char_gen.yaml
    python benchmarks/measure.py --data ~/data -- recipes/shakespeare.yaml data.path=DATA/tinyshakespeare/input.txt

What follows `--` goes to `seqkit run` as it stands, from the top of the repository; `DATA` stands for the folder that
`--data` names, so that the file shows a command that anybody can type and no path of this machine. The section of that
command is written anew, and the others are kept.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from record import ROOT, machine, merged, replace

RECORD = Path(__file__).resolve().parent / "RECIPES.md"

HEADER = """# What the recipes reach

Written by `benchmarks/measure.py`, a section a command; no figure here is typed by hand. `DATA` stands for the folder
that holds the data sets. Each result stands beside the floors from the same split.
"""

Table = dict[tuple[str, str], dict[str, float]]
"""From (split, what was scored) to its metrics."""


def main() -> None:
    """Measures one command and records it."""
    parser = argparse.ArgumentParser(description="Record what a recipe reaches, in benchmarks/RECIPES.md.")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder that DATA stands for")
    parser.add_argument(
        "--repeat-seeds", type=int, default=1, metavar="N", help="run with so many seeds, from the recipe's own on"
    )
    parser.add_argument("command", nargs="+", metavar="RECIPE [KEY=VALUE ...]")
    options = parser.parse_args()
    if options.repeat_seeds < 1:
        parser.error("--repeat-seeds must be at least 1")
    if odd := unfit(options.command, options.data):
        parser.error(odd)
    runs = [measured(options.command, options.data)]
    first = runs[0]["plan"]["recipe"]["seed"]
    for seed in range(first + 1, first + options.repeat_seeds):
        runs.append(measured([*options.command, f"seed={seed}"], options.data))
    before = RECORD.read_text(encoding="utf-8") if RECORD.exists() else ""
    replace(
        RECORD,
        merged(before, HEADER, heading(options.command), body(runs, machine(), datetime.now(UTC).date().isoformat())),
    )
    print(f"recorded in {RECORD.relative_to(ROOT)}")


def unfit(command: Sequence[str], data: Path | None) -> str:
    """Returns what keeps a command from being shown to others, or nothing."""
    for word in command:
        if re.search(r"(^|[=\s{\[:,'\"])(/|~|\.\./)", word):
            return f"'{word}' names a place on this machine: use a path from the top of the repository, or DATA/…"
    if data is None and any(map(needs_data, command)):
        return "the command names DATA: say with --data which folder that is"
    if data is not None and not data.is_dir():
        return f"--data {data}: no such folder"
    return ""


def needs_data(word: str) -> bool:
    return re.search(r"\bDATA/", word) is not None


def measured(command: Sequence[str], data: Path | None) -> dict[str, Any]:
    """Runs `seqkit run`, and returns its `result`, its `plan`, and the number of `weights`.

    Raises:
        SystemExit: it failed, and has said why.
    """
    words = [re.sub(r"\bDATA/", lambda _: f"{Path(str(data)).resolve()}/", word) for word in command]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "seqkit", "run", *words, "--runs", folder], cwd=ROOT)
        if done.returncode:
            raise SystemExit(done.returncode)
        (run,) = Path(folder).iterdir()
        return {
            "result": json.loads((run / "result.json").read_bytes()),
            "plan": json.loads((run / "plan.json").read_bytes()),
            "weights": weights(run / "model.safetensors"),
        }


def weights(file: Path) -> int:
    """Returns how many numbers a safetensors file holds, by its header: a length of 8 bytes, and JSON."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(length))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            size = 1
            for extent in tensor["shape"]:
                size *= extent
            total += size
    return total


def heading(command: Sequence[str]) -> str:
    """Returns the line that a command's section begins with, by which it is found again."""
    return f"## `seqkit run {shlex.join(command)}`"


def table_of(result: Mapping[str, Any]) -> Table:
    """Returns every score of a result, the floors right after what they are a floor of."""
    table: Table = {}
    baseline, honest = result.get("baseline"), result.get("honest_loss")
    for split, metrics in result["metrics"].items():
        table[split, "the model"] = numbers(metrics)
        if honest and split == list(result["metrics"])[-1]:
            table[split, "each position from its prefix alone"] = numbers(honest)
        if baseline and baseline["split"] == split:
            for floor in (baseline, *baseline.get("others", [])):
                table[split, floor["name"]] = numbers(floor)
    return table


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value for name, value in metrics.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }


def body(runs: Sequence[Mapping[str, Any]], cpu: str, date: str) -> str:
    """Returns a section without its heading: of one run, or the mean of several and how far they spread."""
    tables = [table_of(run["result"]) for run in runs]
    columns = list(dict.fromkeys(name for table in tables for scores in table.values() for name in scores))
    lines = ["| split | scored | " + " | ".join(columns) + " |", "|---|---|" + "---:|" * len(columns)]
    for key in dict.fromkeys(key for table in tables for key in table):
        rows = [table.get(key, {}) for table in tables]
        cells = [cell(name, [row[name] for row in rows if name in row]) for name in columns]
        lines.append(f"| {key[0]} | {key[1]} | " + " | ".join(cells) + " |")
    result, plan = runs[0]["result"], runs[0]["plan"]
    seeds = [run["plan"]["recipe"]["seed"] for run in runs]
    times = [run["result"]["timing"]["train_seconds"] for run in runs]
    speeds = [run["result"]["timing"]["tokens_per_second"] for run in runs]
    threads = result["timing"]["threads"]
    versions = {name: version for name, version in plan["versions"].items() if name not in ("python", "numpy")}
    facts = [
        f"seed {seeds[0]}" if len(seeds) == 1 else f"mean and range of {len(seeds)} seeds, {seeds[0]} to {seeds[-1]}",
        ", ".join(f"{count:,} {split}" for split, count in result["examples"].items()),
        f"{runs[0]['weights']:,} weights",
        f"trained in {fmean(times):,.1f} s ({fmean(speeds):,.0f} steps a second, {threads} thread{'s'[: threads > 1]})",
        ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        cpu,
        date,
    ]
    return "\n".join(lines) + "\n\n" + "; ".join(facts) + "\n"


def cell(name: str, values: Sequence[float]) -> str:
    if not values:
        return ""
    if len(set(values)) == 1:
        return shown(name, values[0])
    return f"{shown(name, fmean(values))} ({shown(name, min(values))} to {shown(name, max(values))})"


def shown(name: str, value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.5f}" if "loss" in name else f"{value:.4f}"


if __name__ == "__main__":
    main()
