"""The layout of a run directory. Only this module knows the names of its files.

    recipe.yaml          the complete recipe, as it was trained: overrides and `extends` applied, defaults filled in
    recipe.given.yaml    the recipe as it was given
    overrides.txt        the overrides, one per line
    plan.json            the complete recipe as JSON, and where the run comes from: versions of seqkit, torch and every
                         plugin, the command line, the git commit, sha256 of the data
    tokenizer.json       what tokenizer and head learned from the data
    model.safetensors    the best weights
    metrics.jsonl        one row per evaluation and epoch
    timing.jsonl         the time that each epoch took
    checkpoints/         what an interrupted run resumes from
    result.json          examples, metrics, baseline, timing, generated texts and predictions
    calibration.json     of a calibrated run or ensemble: the temperature of its probabilities
    report.json          what the report shows besides: exhibits of the head, sizes and lengths of the data
    report.html          the report, a page that needs no other file; `seqkit report` writes it again
    members/             of an ensemble: a run directory without checkpoints for each member, 1 to N; besides it, an
                         ensemble has a plan.json with its first member's recipe
    .launched_by         during training under torchrun: an identifier of the launcher, to find the run after a restart

Weights are safetensors and everything else is JSON or text: nothing is pickled or unpickled. A file is either complete
or absent. The keys of the JSON files, of which some are only in runs that need them:

plan.json:

    format               the number of the format of the run directory
    recipe               the complete recipe
    components           the kind, name, package and version of each component
    data_sha256          for each split, the sha256 of its examples as the model reads them
    files_sha256         for each file that training reads, by key of the recipe, its sha256
    memory_sha256        the sha256 of data that was given in memory
    processes            the number of training processes
    versions             the versions of Python, torch, NumPy, seqkit and the plugins
    notes                the notes about the data
    init_from            for each component that began with another run, which one
    command              the command line
    git_commit           the commit of the repository with the recipe
    members              of an ensemble: for each member, the run that it is a copy of, and the sha256 of its weights

tokenizer.json:

    tokenizer            the state of the tokenizer, such as its vocabulary; null for data that is not text
    head                 the state of the head, such as its labels
    features             the number of features of a time step; null for text
    special_tokens       the names of the special tokens that components requested
    pairs                whether inputs are pairs of texts
    components           the states of other components that learned from files, by key of the recipe

metrics.jsonl:

    epoch                the number of the epoch, from 1
    step                 the optimizer steps taken so far
    split                `train`, `valid`; `valid_average`, if the weights are averaged
    lr                   of `train`: the learning rate of the last step
    loss                 the loss; of `train`, the mean over the steps of the epoch
    …                    the other metrics of the split, by name

timing.jsonl:

    epoch                the number of the epoch, from 1
    step                 the optimizer steps taken so far
    train_seconds        the time spent in training so far
    tokens               the tokens trained on so far
    evaluation_seconds   the time that the evaluation after this epoch took
    time                 when the epoch ended, in UTC

result.json:

    examples             the number of examples of each split
    metrics              the metrics of each split that was evaluated
    baseline             the name of the baseline, its split, and its metrics there
    honest_loss          of a model that reads the tokens that it predicts: its loss from prefixes alone
    weights              with `train.average`: whether the weights are the `average` or the `last` ones
    timing               the time spent in training, tokens per second, threads, and processes if there are several
    generated            the prompt and the text that the recipe requests
    predictions          the predictions that the recipe requests

calibration.json:

    temperature          what logits are divided by
    split                the split that it was fitted to
    examples             the number of examples of that split
    loss_without         the loss of that split without the temperature
    loss_with            the loss of that split with it
    exhibit              the reliability diagram

report.json:

    format               the number of the format of this file
    metrics              the names of the metrics in their order, and those of which a higher value is better
    best_epoch           the epoch whose weights are used; null without validation
    generates            whether the head generates text
    data                 sizes, lengths and labels of the splits, and notes
    model                the number of weights, the widths, and the layers with their multiply-adds per token
    exhibits             for each evaluated split, what the head shows
"""

from __future__ import annotations

import errno
import glob
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqkit.errors import DataError, UsageError, describe_os_error
from seqkit.messages import message
from seqkit.runs.contents import read_fitted, read_plan
from seqkit.runs.files import is_stale, read_json, sync_folder, write_synced


class RunDirectory:
    """The files of a run.

    Args:
        path: the path of the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.yaml"
        self.given = path / "recipe.given.yaml"
        self.overrides = path / "overrides.txt"
        self.plan = path / "plan.json"
        self.tokenizer = path / "tokenizer.json"
        self.model = path / "model.safetensors"
        self.metrics = path / "metrics.jsonl"
        self.timing = path / "timing.jsonl"
        self.checkpoints = path / "checkpoints"
        self.result = path / "result.json"
        self.calibration = path / "calibration.json"
        self.report_data = path / "report.json"
        self.report = path / "report.html"
        self.launched_by = path / ".launched_by"
        self.members = path / "members"

    @classmethod
    def create(
        cls, runs: Path, name: str, files: Mapping[str, bytes], before: Callable[[], object] = lambda: None
    ) -> RunDirectory:
        """Create the next free `name-N`. It appears with all of its files at once.

        Args:
            runs: the folder that contains all runs.
            name: the name of the run.
            files: the contents of its first files, by path in the run directory.
            before: called just before it appears.

        Raises:
            UsageError: it cannot be created there.
        """
        staged = runs / f".{name}.{os.getpid()}"
        try:
            runs.mkdir(parents=True, exist_ok=True)
            for other in runs.glob(f".{glob.escape(name)}.*"):
                if other == staged or is_stale(other):
                    shutil.rmtree(other, ignore_errors=True)
            _write_files(staged, files)
            before()
            path = _rename_to_next(staged, runs, name)
            sync_folder(runs)
            return cls(path)
        except (OSError, ValueError) as error:  # a ValueError is a name that no folder can have
            reason = describe_os_error(error)
            raise UsageError(
                message(
                    "{folder}: cannot create a run directory: {reason}; choose another folder with --runs",
                    folder=runs,
                    reason=reason,
                )
            ) from None
        finally:
            shutil.rmtree(staged, ignore_errors=True)  # it exists after an error, or if a signal ended the process

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """Open an existing run directory.

        Raises:
            UsageError: it is not a run directory.
            DataError: one of its files is a symbolic link, which can point outside the directory.
        """
        run = cls(Path(path))
        try:
            exists, has_plan = run.path.exists(), run.plan.is_file()
        except OSError as error:
            raise UsageError(
                message("{run}: cannot be opened: {reason}", run=path, reason=describe_os_error(error))
            ) from None
        if not exists:
            raise UsageError(message("{run}: the run directory does not exist", run=path))
        if not has_plan:
            raise UsageError(
                message(
                    "{run}: not a run directory, since it contains no {file}: pass the last line that `seqkit run` "
                    "printed",
                    run=path,
                    file=run.plan.name,
                )
            )
        for file in (*vars(run).values(), *(run.checkpoints.iterdir() if run.checkpoints.is_dir() else ())):
            if file != run.path and file.is_symlink():
                raise DataError(
                    message("{file}: is a symbolic link, which is not allowed in a run directory", file=file)
                )
        return run

    @property
    def resume_command(self) -> str:
        """The command that resumes the run in the current folder, quoted for a shell."""
        path = str(self.path)
        return f"seqkit resume {shlex.quote(f'./{path}' if path.startswith('-') else path)}"

    def saved_step(self) -> tuple[int, int | None] | None:
        """Return the step of the newest checkpoint of a run that is not finished, and the number of steps, if known.

        None for a finished run, and for a copy of a run without its checkpoints.
        """
        if self.result.is_file():
            return None
        try:
            newest = max(self.checkpoints.glob("step-*/state.json"), key=lambda file: file.parent.name)
            progress, train = read_json(newest)["progress"], self.read_plan()["recipe"]["train"]
            total = train.get("steps")
            if total is None and progress["epoch"]:
                total = train["epochs"] * (progress["step"] - progress["step_in_epoch"]) // progress["epoch"]
            return int(progress["step"]), total
        except (ValueError, KeyError, TypeError, OSError, DataError):  # none, or corrupt: `resume` reports it
            return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Prevent other processes from training in this directory. The lock ends with the process.

        Raises:
            UsageError: another process is training in it.
        """
        try:
            import fcntl
        except ImportError:  # Windows has no such lock
            yield
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise UsageError(
                message(
                    "{run}: another process is training in this run directory: wait until it ends, or start a new run",
                    run=self.path,
                )
            ) from None
        finally:
            os.close(descriptor)

    def open_members(self, document: Mapping[str, Any]) -> list[RunDirectory]:
        """Open the run directories of the members of an ensemble; none for an ordinary run.

        Args:
            document: the content of plan.json.

        Raises:
            DataError: a member is missing or corrupt.
        """
        paths = [self.members / str(number + 1) for number in range(len(document.get("members", [])))]
        for path in paths:
            if path.is_symlink() or not path.is_dir():
                raise DataError(message("{run}: corrupt: the member {member} is missing", run=self.path, member=path))
        try:
            return [self.open(path) for path in paths]
        except UsageError as error:
            raise DataError(message("{run}: corrupt: {reason}", run=self.path, reason=error)) from None

    def remove_temporary_files(self) -> None:
        """Remove incomplete files, which a killed process leaves behind."""
        for folder in (self.path, self.checkpoints):
            for entry in folder.glob(".*.*") if folder.is_dir() else ():
                if not entry.name.rpartition(".")[2].isdecimal():  # it does not end with a process id
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)

    def read_plan(self) -> dict[str, Any]:
        """Return plan.json. Raises DataError if it is corrupt, or has a format that this version does not read."""
        return read_plan(self.plan)

    def read_fitted(self) -> dict[str, Any]:
        """Return what the components learned (`read_fitted`). Raises DataError if the file is corrupt."""
        return read_fitted(self.tokenizer)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Create a folder with files, and wait until they are on the disk."""
    folder.mkdir()
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_synced(folder / file, content)
    for parent in {(folder / file).parent for file in files} | {folder}:
        sync_folder(parent)


def _rename_to_next(staged: Path, runs: Path, name: str) -> Path:
    """Rename a folder to the next free `name-N`, and return its new path."""
    suffixes = [entry.name.removeprefix(f"{name}-") for entry in runs.iterdir() if entry.name.startswith(f"{name}-")]
    number = max((int(suffix) for suffix in suffixes if suffix.isdecimal()), default=0) + 1
    while True:
        try:
            return staged.rename(runs / f"{name}-{number}")
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            number += 1  # another process took it
