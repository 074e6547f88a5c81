"""The hooks of a plugin: the first page to read. The second is `seqkit.contracts`, what a component must implement.

A plugin is a Python package that names a module in the entry-point group `seqkit`:

    # pyproject.toml
    [project.entry-points.seqkit]
    gru = "seqkit_gru"

and implements any of the hooks below in that module. A hook for components yields `Component` records:

    # seqkit_gru/__init__.py
    import seqkit

    @seqkit.hookimpl
    def seqkit_encoders():
        yield seqkit.Component("gru", "seqkit_gru.encoder:GRU", "a forward GRU")

A record names its class as `module:Class`, and seqkit imports the class when a recipe uses it. The module of the entry
point itself is imported by every command, so do not import torch there. seqkit registers its own components in the
same way, in `registry/builtin.py`.

`seqkit plugins` lists the plugins found and why one is disabled. `seqkit check-plugin seqkit-gru` tests a plugin's
components with the checks of `seqkit.testing`. A recipe names a reader under `data:`, an optimizer and a schedule under
their kind in `train:`, metrics and trackers in the lists `train.metrics` and `train.trackers`, and every other
component under its kind: `encoder: {type: gru, hidden_size: 32}`.

The lifecycle hooks, from `seqkit_run_start` on, report the progress of a run. A tracker implements them as methods, and
receives the runs whose recipe names it; a plugin that implements them in its module receives all runs. An
implementation takes only the arguments that it names. If a hook raises an error, the error is reported, the lifecycle
hooks of its plugin or tracker are disabled for the rest of the run, and the run continues. In a script,
`seqkit.run(recipe, callbacks=[...])` takes objects with methods of the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import torch

PROJECT = "seqkit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Mark a function, or a method of a tracker or a callback, as an implementation of the hook of its name."""


@dataclass(frozen=True)
class Component:
    """The registration of a component.

    Attributes:
        name: the name for `type:` in a recipe: lower-case letters, digits, `_` and `-`, beginning with a letter.
        target: `"package.module:Class"`, imported on use; or the class itself.
        summary: a short noun phrase for `seqkit list`.
        checks: `"package.module:function"`, a function that returns the component's checks for `seqkit check-plugin`
            (built by `seqkit.testing.checks_for_reader` and similar functions). A reader needs one, for a sample of its
            file format. Other components need one if seqkit cannot choose test cases for them: the examples of a head,
            the values of a constructor.
    """

    name: str
    target: str | type
    summary: str
    checks: str = ""


@dataclass(frozen=True)
class Command:
    """The registration of a command of `seqkit`.

    Attributes:
        name: the name of the command, as in `seqkit NAME`.
        target: `"package.module:command"`, a `click.Command`, imported when the command is run.
        summary: a short description for `seqkit --help`.
    """

    name: str
    target: str
    summary: str


@dataclass(frozen=True)
class Task:
    """The registration of a task, for which `seqkit init` writes a recipe if it recognizes a data file.

    Attributes:
        name: the name for `seqkit init --task`.
        target: `"package.module:function"`, imported by `seqkit init`. The function takes a `contracts.DataFile` and
            returns a `contracts.Draft`; or a text that says why the file does not fit the task.
        summary: what is predicted, as a short noun phrase.
    """

    name: str
    target: str
    summary: str


@hookspec
def seqkit_readers() -> Iterable[Component]:
    """Register readers, which read examples from a source.

    `yield Component("conll", "seqkit_tagging.conll:Conll", "CoNLL files: one word and its tag per line")`
    """
    raise NotImplementedError


@hookspec
def seqkit_tokenizers() -> Iterable[Component]:
    """Register tokenizers, which convert text to token ids.

    `yield Component("pinyin", "seqkit_pinyin:Pinyin", "one token per Chinese syllable")`
    """
    raise NotImplementedError


@hookspec
def seqkit_embeddings() -> Iterable[Component]:
    """Register embeddings, which map token ids to vectors.

    `yield Component("fasttext", "seqkit_fasttext:FastText", "word vectors from a .vec file")`
    """
    raise NotImplementedError


@hookspec
def seqkit_encoders() -> Iterable[Component]:
    """Register encoders, which map a sequence of vectors to a sequence of outputs.

    `yield Component("gru", "seqkit_gru.encoder:GRU", "a forward GRU")`
    """
    raise NotImplementedError


@hookspec
def seqkit_heads() -> Iterable[Component]:
    """Register heads, which compute a loss and predictions from encoder outputs.

    `yield Component("crf", "seqkit_tagging.crf:CRF", "a tag for each word, with a linear-chain CRF")`
    """
    raise NotImplementedError


@hookspec
def seqkit_optimizers() -> Iterable[Component]:
    """Register optimizers, which update the weights by their gradients.

    `yield Component("lion", "seqkit_lion:Lion", "steps in the direction of the signs of the momentum")`
    """
    raise NotImplementedError


@hookspec
def seqkit_schedules() -> Iterable[Component]:
    """Register schedules, which set the learning rate of each step.

    `yield Component("inverse_sqrt", "seqkit_inverse_sqrt:InverseSqrt", "falls with the square root of the step")`
    """
    raise NotImplementedError


@hookspec
def seqkit_metrics() -> Iterable[Component]:
    """Register metrics, which score the predictions of a split.

    `yield Component("f2", "seqkit_f2:F2", "F-score that weights recall higher than precision")`
    """
    raise NotImplementedError


@hookspec
def seqkit_trackers() -> Iterable[Component]:
    """Register trackers, which record training runs for another tool.

    `yield Component("tensorboard", "seqkit_track.tensorboard:TensorBoard", "event files for TensorBoard")`
    """
    raise NotImplementedError


@hookspec
def seqkit_commands() -> Iterable[Command]:
    """Register commands, called as `seqkit board RUN`.

    `yield Command("board", "seqkit_board.command:board", "show runs in a browser")`
    """
    raise NotImplementedError


@hookspec
def seqkit_tasks() -> Iterable[Task]:
    """Register tasks, for which `seqkit init DATA` writes a recipe if they recognize the file.

    `yield Task("tag", "seqkit_tagging.tasks:tag", "a tag for each word")`
    """
    raise NotImplementedError


@hookspec
def seqkit_run_start(run: Path, recipe: Mapping[str, Any], step: int) -> None:
    """Called before training starts or resumes.

    Args:
        run: the run directory.
        recipe: the complete recipe, with all defaults filled in.
        step: the optimizer steps taken so far: 0, or those of the checkpoint that is resumed.
    """


@hookspec
def seqkit_step(run: Path, step: int, loss: float, lr: float, gradient_norm: float, model: torch.nn.Module) -> None:
    """Called after each optimizer step. Return at once at steps that you do not need: `if step % 100: return`.

    Raise `seqkit.StopTraining("reason")` here to end the training after this epoch.

    Args:
        run: the run directory.
        step: the optimizer steps taken so far.
        loss: the mean training loss of the batch.
        lr: the learning rate of the step.
        gradient_norm: the Euclidean norm of the gradient of all weights, before it is clipped.
        model: the model itself, not a copy, in training mode, with the new weights and the gradients of the step. Read
            it, and change nothing: training would no longer resume exactly.
    """


@hookspec
def seqkit_epoch_end(run: Path, epoch: int, step: int, metrics: Mapping[str, Mapping[str, float]]) -> None:
    """Called after each epoch.

    Raise `seqkit.StopTraining("reason")` here to end the training after this epoch, as if it were the last.

    A resumed run may report an epoch again that was reported before it was interrupted.

    Args:
        run: the run directory.
        epoch: the number of the epoch, from 1.
        step: the optimizer steps taken so far.
        metrics: for each split, its metrics: `train` (the mean loss of its steps, and `lr`, the learning rate of the
            last one), and `valid` if it was evaluated; with `train.average`, `valid_average` is `valid` evaluated with
            the averaged weights.
    """


@hookspec
def seqkit_evaluation(run: Path, split: str, epoch: int, step: int, metrics: Mapping[str, Any]) -> None:
    """Called after a split is evaluated: `valid` after an epoch (and `valid_average`, if the weights are averaged); at
    the end of the run, each split in result.json.

    Args:
        run: the run directory.
        split: the name of the split.
        epoch: the number of epochs completed.
        step: the optimizer steps taken so far.
        metrics: the metrics of the split.
    """


@hookspec
def seqkit_checkpoint(run: Path, checkpoint: Path, step: int) -> None:
    """Called after a checkpoint is saved. It is deleted when a newer one is saved.

    Args:
        run: the run directory.
        checkpoint: the directory of the checkpoint.
        step: the optimizer steps taken so far.
    """


@hookspec
def seqkit_run_end(run: Path, result: Mapping[str, Any] | None, error: BaseException | None) -> None:
    """Called when the run ends, with a result or an error.

    Args:
        run: the run directory.
        result: the content of result.json; None if an error ended the run.
        error: the error, or None.
    """


LIFECYCLE = (
    "seqkit_run_start",
    "seqkit_step",
    "seqkit_epoch_end",
    "seqkit_evaluation",
    "seqkit_checkpoint",
    "seqkit_run_end",
)
"""The lifecycle hooks, which report the progress of a run."""

KINDS = {
    "reader": "seqkit_readers",
    "tokenizer": "seqkit_tokenizers",
    "embedding": "seqkit_embeddings",
    "encoder": "seqkit_encoders",
    "head": "seqkit_heads",
    "optimizer": "seqkit_optimizers",
    "schedule": "seqkit_schedules",
    "metric": "seqkit_metrics",
    "tracker": "seqkit_trackers",
}
"""Each kind of component, in the order in which a recipe is built, and the hook that registers it."""
