"""Signals and kills of real processes: they end within seconds, wherever they are, and what was saved is intact."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import CommandResult, exit_code, start_forked
from helpers.plugins import write_dedented
from helpers.recipes import RECIPES
from seqkit.runs.directory import RunDirectory
from seqkit.training.checkpoint_loading import newest_checkpoint

MULTIPLY = """
    import sys
    from pathlib import Path

    import torch

    import seqkit
    from seqkit.cli import execute


    class Multiply(torch.nn.Module, seqkit.contracts.Encoder):
        '''Multiplies large matrices, which keeps Python from handling signals for many seconds.'''

        causal = True

        def __init__(self, input_size: int) -> None:
            super().__init__()
            self.output_size = self.final_size = input_size
            self.scale = torch.nn.Parameter(torch.ones(()))
            self.calls = 0

        def forward(self, inputs, lengths, state=None):
            self.calls += 1
            if self.calls == 6:
                Path("multiplying").touch()
                torch.linalg.multi_dot([torch.ones(5000, 5000)] * 20)
                Path("multiplied").touch()
            outputs = inputs * self.scale
            return seqkit.contracts.Encoded(outputs, outputs[:, -1])


    seqkit.register("encoder", "multiply", Multiply)
    sys.exit(execute(["run", "recipe.yaml"]))
    """

MULTIPLY_RECIPE = """
    name: multiply
    data:      {type: text, text: "a basket of apples, a basket of bananas"}
    embedding: {type: learned, dim: 4}
    encoder:   {type: multiply}
    head:      {type: next_char}
    train:     {epochs: 20, threads: 1, checkpoint_seconds: 0}
    baseline:  off
    """


def signal_script(script: Path, *numbers: int, argument: str = "") -> CommandResult:
    """Run a script, and send it signals once it has created the file `multiplying`. It must end within two seconds."""
    process = subprocess.Popen(
        [sys.executable, script, argument],
        cwd=script.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 200
        while not (script.parent / "multiplying").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        for number in numbers:
            time.sleep(0.3)
            assert process.poll() is None
            process.send_signal(number)
        start = time.monotonic()
        output, errors = process.communicate(timeout=60)
        assert time.monotonic() - start < 2
    finally:
        process.kill()
    return CommandResult(process.returncode, output, errors)


def test_two_sigint_end_a_long_torch_operation(tmp_path: Path) -> None:
    """The process ends within two seconds, and the last checkpoint is intact."""
    write_dedented(tmp_path / "recipe.yaml", MULTIPLY_RECIPE)
    script = write_dedented(tmp_path / "script.py", MULTIPLY)
    result = signal_script(script, signal.SIGINT, signal.SIGINT)
    assert (result.code, result.err) == (130, "seqkit: interrupted\n")
    assert not (tmp_path / "multiplied").exists()
    run = RunDirectory.open(tmp_path / "runs" / "multiply-1")
    checkpoint, _, skipped = newest_checkpoint(run)
    assert checkpoint is not None
    assert skipped == []


BLOCKING = """
    import sys
    import time
    from pathlib import Path

    import numpy as np

    import seqkit
    from seqkit.cli import execute
    from seqkit.heads.next_char import NextChar
    from seqkit.tokenizers.char import Char

    place = sys.argv[1]


    class BlockingTokenizer(Char):
        '''Keeps Python from handling signals for many seconds while it is fitted.'''

        def fit(self, texts):
            super().fit(texts)
            if place == "tokenizer":
                Path("multiplying").touch()
                np.linalg.multi_dot([np.ones((5000, 5000))] * 20)


    class BlockingHead(NextChar):
        '''Its baseline ignores exceptions.'''

        def baseline(self, *arguments, **options):
            Path("multiplying").touch()
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass


    seqkit.register("tokenizer", "blocking", BlockingTokenizer)
    seqkit.register("head", "blocking", BlockingHead)
    sys.exit(execute(["run", "recipe.yaml"]))
    """

BLOCKING_RECIPE = """
    name: blocking
    data:      {type: text, text: "a basket of apples, a basket of bananas"}
    tokenizer: {type: blocking}
    encoder:   {type: lstm, hidden_size: 4}
    head:      {type: blocking}
    train:     {epochs: 1, threads: 1}
    """


@pytest.mark.parametrize(
    ("place", "number", "code", "line"),
    [
        ("tokenizer", signal.SIGTERM, 143, "interrupted before training: nothing was saved"),
        (
            "baseline",
            signal.SIGINT,
            130,
            "stopped after training, with everything saved; resume with: seqkit resume {run}",
        ),
    ],
)
def test_one_signal_ends_a_call_that_does_not_return(
    place: str, number: int, code: int, line: str, tmp_path: Path
) -> None:
    write_dedented(tmp_path / "recipe.yaml", BLOCKING_RECIPE)
    result = signal_script(write_dedented(tmp_path / "script.py", BLOCKING), number, argument=place)
    assert (result.code, result.err) == (code, f"seqkit: {line}\n".format(run=Path("runs/blocking-1")))
    if place == "tokenizer":
        assert not (tmp_path / "runs").exists()
    else:
        assert newest_checkpoint(RunDirectory.open(tmp_path / "runs" / "blocking-1"))[2] == []


INTERRUPTED_IMPORT = """
    import os, signal, sys

    class Interrupt:
        '''Sends SIGINT when a module is imported.'''

        def find_spec(self, name, *_):
            if name == sys.argv[1]:
                os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    sys.meta_path.insert(0, Interrupt())
    from seqkit.cli import main
    main()
    """


@pytest.mark.parametrize("module", ["seqkit.cli.execution", "seqkit.messages", "click", "seqkit.cli.commands", "numpy"])
def test_sigint_while_the_command_line_is_imported(module: str, tmp_path: Path) -> None:
    script = write_dedented(tmp_path / "script.py", INTERRUPTED_IMPORT)
    done = subprocess.run([sys.executable, script, module], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr in ("", "seqkit: interrupted\n")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the processes in /proc")
def test_processes_end_with_their_launcher(tmp_path: Path) -> None:
    """If the launcher is killed, its processes end, and the run can be resumed."""
    command = ("run", "--processes", "2", RECIPES / "char_gen.yaml", "train.epochs=100000")
    with (tmp_path / "stdout").open("w") as out, (tmp_path / "stderr").open("w") as err:
        launcher = start_forked(
            *command, "train.checkpoint_seconds=0.2", cwd=tmp_path, stdout=out.fileno(), stderr=err.fileno()
        )
    children: list[int] = []
    try:
        run = tmp_path / "runs" / "char-gen-1"
        wait_until(lambda: len(list(run.glob("checkpoints/step-*[1-9]-*"))) > 0, 100)
        children = [int(child) for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()]
        assert len(children) == 2
        os.kill(launcher, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, children)), 5)
    finally:
        os.kill(launcher, signal.SIGKILL)
        assert exit_code(launcher) == -signal.SIGKILL
        for child in children:
            if is_running(child):
                os.kill(child, signal.SIGKILL)
    # The process that notices the end first may also lose its connection to the other.
    errors = (tmp_path / "stderr").read_text()
    assert re.search(r"^seqkit: (the process that started this one was killed|process \d lost its connection)", errors)
    assert "resume" in errors
    opened = RunDirectory.open(run)
    with opened.lock():
        assert newest_checkpoint(opened)[0] is not None


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_process_that_ends_at_once_removes_unfinished_files(tmp_path: Path) -> None:
    script = """
        from pathlib import Path
        from seqkit.cli.signals import end_process, unfinished
        unfinished.add(Path("unfinished"))
        Path("unfinished").touch()
        Path("finished").touch()
        end_process(143, "interrupted")
        """
    write_dedented(tmp_path / "script.py", script)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "seqkit: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["finished", "script.py"]
