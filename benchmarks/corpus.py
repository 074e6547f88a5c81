"""The first training step on a long text, beside reading it into memory and encoding it: peak memory, and seconds.

    python benchmarks/corpus.py

Texts of four sizes are made, from a small alphabet and some Chinese. For each a process of its own is timed, start-up
included: `seqkit run` with one step (twice: the second finds the text encoded), and a plain script. Both are held to
the same ids. What is asked for is that peak memory stays where it is as the text grows.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import Measured, Options, Process, main, process

MEGABYTES = (25, 50, 100, 200)
ROUNDS = 3
HIDDEN_SIZE, STREAMS, WINDOW = 128, 64, 128
VALID = 0.0001
"""The share of a text that is held out, so that a run does not end by scoring the whole of it."""

LETTERS = "etaoinshrdlucmfwypvbgkjqxzETAOIN,.;:!?'\n      " + "的一是不了人我在有他这中大来上国"


def measure(options: Options) -> list[Measured]:
    """Measures every size, whatever jobs are asked for: they are held against each other."""
    ours: dict[int, list[Process]] = {size: [] for size in MEGABYTES}
    again: dict[int, list[Process]] = {size: [] for size in MEGABYTES}
    peers: dict[int, list[Process]] = {size: [] for size in MEGABYTES}
    for _ in range(options.rounds):
        for size in MEGABYTES:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                text = folder / "text.txt"
                make_text(text, size * 1_000_000)
                command = [sys.executable, "-m", "seqkit", "run", str(recipe(folder)), f"data.path={text}"]
                environment = {"SEQKIT_CACHE": str(folder / "cache"), "SEQKIT_PLUGINS": "off"}
                for side in (ours, again):
                    side[size].append(process([*command, "--runs", str(folder / "runs")], environment))
                peers[size].append(process(peer_command(text)))
                for run in (folder / "runs").iterdir():
                    refuse_if_different(run, peers[size][-1].answer)
    same = "the sha256 of all training ids, of seqkit's two runs and of the peer's"
    peer_is = "open().read(), sorted(set(text)), a dictionary's id for each character in an int64 tensor, nn.LSTM"
    least, most = MEGABYTES[0], MEGABYTES[-1]
    found = []
    for size in MEGABYTES:
        job = f"a text of {size} MB, one step: peak memory"
        found.append(Measured(job, "MB", peaks(ours[size]), peaks(peers[size]), 1, same, peer_is, faster=False))
    for kind, side in (("encoded in this run", ours), ("found encoded", again)):
        job, other = f"peak memory at {most} MB, {kind}", f"seqkit too, at {least} MB"
        found.append(Measured(job, "MB", peaks(side[most]), peaks(side[least]), 1.1, same, other, faster=False))
        job = f"a text of {most} MB, one step, {kind}: the whole process"
        found.append(Measured(job, "s", seconds(side[most]), seconds(peers[most]), 1, same, peer_is))
    return [each for each in found if options.wants(each.job)]


def peaks(processes: list[Process]) -> list[float]:
    return [each.peak / 1e6 for each in processes]


def seconds(processes: list[Process]) -> list[float]:
    return [each.seconds for each in processes]


def make_text(path: Path, size: int) -> None:
    """Writes a text of so many bytes, or of two fewer where a character would be cut; the same each time."""
    with path.open("wb") as file:
        for chunk in chunks(size):
            file.write(chunk)


def chunks(size: int) -> Iterator[bytes]:
    draw = np.random.default_rng(0)
    letters = np.array(list(LETTERS))
    weights = 1 / np.arange(1, len(letters) + 1)
    while size > 0:
        chunk = "".join(draw.choice(letters, 200_000, p=weights / weights.sum())).encode()
        yield chunk if len(chunk) <= size else chunk[:size].decode(errors="ignore").encode()
        size -= len(chunk)


def recipe(folder: Path) -> Path:
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


def peer_command(text: Path) -> list[str]:
    folder = str(Path(__file__).resolve().parent)
    return [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {folder!r}); import corpus; corpus.peer({str(text)!r})",
    ]


def peer(path: str) -> None:
    """Does what a PyTorch user would write, and prints the number of symbols, the loss, and the digest of the ids."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read()
    text = text[: len(text) - round(len(text) * VALID)]
    symbols = sorted(set(text))
    ids_of = {symbol: number for number, symbol in enumerate(symbols)}
    ids = torch.tensor([ids_of[symbol] for symbol in text])

    lstm, output = nn.LSTM(len(symbols), HIDDEN_SIZE, batch_first=True), nn.Linear(HIDDEN_SIZE, len(symbols))
    optimizer = torch.optim.Adam([*lstm.parameters(), *output.parameters()])
    length = (len(ids) - 1) // STREAMS
    inputs = ids[: STREAMS * length].view(STREAMS, length)
    targets = ids[1 : STREAMS * length + 1].view(STREAMS, length)
    states, _ = lstm(nn.functional.one_hot(inputs[:, :WINDOW], len(symbols)).float())
    loss = nn.functional.cross_entropy(output(states).flatten(0, 1), targets[:, :WINDOW].flatten())
    loss.backward()
    optimizer.step()
    print(json.dumps({"symbols": len(symbols), "loss": loss.item(), "sha256": digest(ids.numpy())}))


def digest(ids: np.ndarray) -> str:
    """Returns the sha256 of the inputs and then the targets of a model that predicts each id from those before it."""
    found = hashlib.sha256()
    for part in (ids[:-1], ids[1:]):
        for start in range(0, len(part), 1_000_000):
            found.update(part[start : start + 1_000_000].tobytes())
    return found.hexdigest()


def refuse_if_different(run: Path, answer: dict[str, Any]) -> None:
    """Raises SystemExit where a run's ids are not the peer's."""
    ours = json.loads((run / "plan.json").read_bytes())["data_sha256"]["train"]
    if ours != answer["sha256"]:
        raise SystemExit(f"{run}: its ids are not the peer's: {ours}, {answer['sha256']}")


if __name__ == "__main__":
    sys.exit(main(__file__, __doc__ or "", measure, ROUNDS))
