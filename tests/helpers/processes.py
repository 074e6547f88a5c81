"""Train in several processes with the environment that torchrun sets, without the seconds that torchrun needs to start.

Run as a script, this module imports torch once. For each line of JSON on stdin it forks the processes of one training
run, waits for them, and prints a line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, Self

RECIPE = {
    "data": {"type": "text", "text": "some text"},
    "encoder": {"type": "lstm", "hidden_size": 2},
    "head": "next_char",
    "train": {"epochs": 1, "threads": 1},
}


class ProcessResults(NamedTuple):
    """The exit code of each process, by rank, and the lines that all of them printed on stderr."""

    codes: list[int]
    errors: list[str]


class ForkingTrainer:
    """Train recipes in forked processes."""

    def __enter__(self) -> Self:
        self._script = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._script.communicate()

    def __call__(self, number: int, folder: Path, recipe: dict[str, Any], **more: Any) -> ProcessResults:
        """Train a recipe, with run directories under `folder / "runs"`.

        Args:
            number: Number of processes.
            folder: Folder of the run directories.
            recipe: The recipe.
            more: `float64`: compute in double precision; `resume`: a run directory; `stop_after`: `{rank: step}`,
                the step at which the process reports SIGTERM; `recipes`: `{rank: recipe}`, for processes whose recipe
                differs.
        """
        folder.mkdir(exist_ok=True)
        job = {"number": number, "folder": str(folder), "recipe": recipe} | more
        assert self._script.stdin is not None and self._script.stdout is not None
        print(json.dumps(job, default=str), file=self._script.stdin, flush=True)
        return ProcessResults(**json.loads(self._script.stdout.readline()))


def _serve() -> None:
    import sklearn.metrics  # noqa: F401 - imported once, for every process
    import torch
    import torch._dynamo

    import seqkit

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:  # a training imports the rest
        seqkit.run(RECIPE, runs=folder, quiet=True)
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
    from seqkit.errors import OtherProcessStopped, SeqkitError
    from seqkit.experiment import run_recipe
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry
    from seqkit.stop import StopCheck

    class StopAfter(StopCheck):
        calls_left = job.get("stop_after", {}).get(str(rank), 0)

        def __call__(self) -> int:  # after each step and during the evaluation of an epoch
            self.calls_left -= 1
            return signal.SIGTERM if self.calls_left == 0 else 0

    recipe = read_recipe(job.get("recipes", {}).get(str(rank), job["recipe"]))
    runs = Path(job["folder"]) / "runs"
    try:
        run_recipe(recipe, load_registry(), runs, stop=StopAfter(), resume=job.get("resume"))
    except SeqkitError as error:
        if rank == 0 or isinstance(error, OtherProcessStopped):
            os.write(2, "".join(f"{line}\n" for line in error.lines).encode())
        return error.exit_code
    return 0


if __name__ == "__main__":
    _serve()
