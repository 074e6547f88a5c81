"""Trains in several processes as torchrun would start them, without the seconds that torchrun takes to start.

Run as a script, it imports torch once, and for each line of JSON on stdin forks the processes of one training, waits
for them, and answers with a line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, Self


class Ended(NamedTuple):
    """How a training ended: each process's exit code, by rank, and what they wrote on stderr in all."""

    codes: list[int]
    errors: list[str]


class Trainer:
    """Trains in as many processes as it is told."""

    def __enter__(self) -> Self:
        self._script = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._script.communicate()

    def __call__(self, number: int, folder: Path, recipe: dict[str, Any], **more: Any) -> Ended:
        """Trains a recipe, with run directories under `folder`.

        Args:
            number: of processes.
            more: `float64`: compute in it; `resume`: a run directory; `stop_after`: `{rank: step}`, as if
                SIGTERM came to that process then; `recipes`: `{rank: recipe}`, for a process that has another.
        """
        folder.mkdir(exist_ok=True)
        job = {"number": number, "folder": str(folder), "recipe": recipe} | more
        assert self._script.stdin is not None and self._script.stdout is not None
        print(json.dumps(job, default=str), file=self._script.stdin, flush=True)
        return Ended(**json.loads(self._script.stdout.readline()))


def _serve() -> None:
    import sklearn.metrics  # noqa: F401 - what every process would import, imported once
    import torch
    import torch._dynamo  # noqa: F401 - which DistributedDataParallel imports

    import seqkit.experiment  # noqa: F401

    torch.set_num_threads(1)
    for line in sys.stdin:
        job = json.loads(line)
        errors = Path(job["folder"]) / "stderr"
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        children = []
        for rank in range(job["number"]):
            process = os.fork()
            if process == 0:
                os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
                os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "RANK": str(rank)}
                os.environ |= {"LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(job["number"])}
                os.environ |= {"WORLD_SIZE": str(job["number"])}
                if job.get("float64"):
                    torch.set_default_dtype(torch.float64)
                os._exit(_train(rank, job))
            children.append(process)
        codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in children]
        print(json.dumps({"codes": codes, "errors": errors.read_text().splitlines()}), flush=True)
        errors.unlink()


def _train(rank: int, job: dict[str, Any]) -> int:
    from seqkit.errors import PeerStopped, SeqkitError
    from seqkit.experiment import run_recipe
    from seqkit.recipe import read_recipe
    from seqkit.registry import load_registry
    from seqkit.report import Report

    asked = job.get("stop_after", {}).get(str(rank), 0)

    def stop() -> int:  # asked once after each step, and in an evaluation
        nonlocal asked
        asked -= 1
        return signal.SIGTERM if asked == 0 else 0

    recipe = read_recipe(job.get("recipes", {}).get(str(rank), job["recipe"]))
    runs = Path(job["folder"]) / "runs"
    try:
        run_recipe(recipe, load_registry(), runs, Report(None), stop, job.get("resume"))
    except SeqkitError as error:
        if rank == 0 or isinstance(error, PeerStopped):
            os.write(2, "".join(f"{line}\n" for line in error.lines).encode())
        return error.exit_code
    return 0


if __name__ == "__main__":
    _serve()
