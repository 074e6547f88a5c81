"""The hooks: the first page a plugin author reads. The second is `contracts.py`, which says what a component must do.

A plugin is a Python package that names a module in the entry-point group `seqkit`:

    # pyproject.toml
    [project.entry-points.seqkit]
    gru = "seqkit_gru"

and implements any of the hooks below in that module, each yielding `Component` records:

    # seqkit_gru/__init__.py
    import seqkit

    @seqkit.hookimpl
    def seqkit_encoders():
        yield seqkit.Component("gru", "seqkit_gru.encoder:GRU", "a one-directional GRU")

A record names its class by `module:Class` and the class is imported when a recipe uses it, so keep torch out of the
module that the entry point names: `seqkit list` imports that module every time. seqkit's own components are registered
in the same way, in `builtin.py`. `seqkit plugins` shows what was found, and why a plugin was set aside;
`seqkit check-plugin seqkit-gru` tries its components with the checks of `seqkit.testing`.

A recipe names a reader under `data:`, and each other component under its kind: `encoder: {type: gru, hidden_size: 32}`.

The hooks from `seqkit_run_start` on say how a run goes: what a tracker needs. Each takes whichever of its arguments it
names. One that raises is told and left alone for the rest of the run, which goes on; `seqkit.StopTraining` ends the
training well. In a script, `seqkit.run(recipe, callbacks=[…])` takes objects with such methods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

PROJECT = "seqkit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Component:
    """What a plugin says of one component.

    Attributes:
        name: the word that a recipe's `type:` uses: lower-case letters, digits, `_` and `-`.
        target: `"package.module:Class"`, imported on use; or the class itself.
        summary: what it is, in half a line, for `seqkit list`.
        checks: `"package.module:function"`, a function that returns checks of it (`seqkit.testing.checks_for_reader`
            and its like), for `seqkit check-plugin`. Readers need one, which gives a sample of a file; other kinds need
            one where what they are tried on can't be guessed: a head its examples, a constructor its values.
    """

    name: str
    target: str | type
    summary: str
    checks: str = ""


@dataclass(frozen=True)
class Command:
    """What a plugin says of a command that it adds to `seqkit`.

    Attributes:
        name: the word after `seqkit`.
        target: `"package.module:command"`, a `click.Command`, imported when it is run.
        summary: half a line for `seqkit --help`.
    """

    name: str
    target: str
    summary: str


@hookspec
def seqkit_readers() -> Iterable[Component]:
    """Readers: a source into examples.

    yield Component("conll", "seqkit_tagging.conll:Conll", "a word and its tag a line")
    """
    raise NotImplementedError


@hookspec
def seqkit_tokenizers() -> Iterable[Component]:
    """Tokenizers: text into ids.

    yield Component("pinyin", "seqkit_pinyin:Pinyin", "Chinese by its syllables")
    """
    raise NotImplementedError


@hookspec
def seqkit_embeddings() -> Iterable[Component]:
    """Embeddings: ids into vectors.

    yield Component("fasttext", "seqkit_fasttext:FastText", "word vectors from a .vec file")
    """
    raise NotImplementedError


@hookspec
def seqkit_encoders() -> Iterable[Component]:
    """Encoders: vectors into states.

    yield Component("gru", "seqkit_gru.encoder:GRU", "a one-directional GRU")
    """
    raise NotImplementedError


@hookspec
def seqkit_heads() -> Iterable[Component]:
    """Heads: states into a loss and into answers.

    yield Component("crf", "seqkit_tagging.crf:CRF", "a tag for each word, by a linear-chain CRF")
    """
    raise NotImplementedError


@hookspec
def seqkit_commands() -> Iterable[Command]:
    """Commands, as in `seqkit board RUN`.

    yield Command("board", "seqkit_board.command:board", "show runs in a browser")
    """
    raise NotImplementedError


@hookspec
def seqkit_run_start(run: Path, recipe: Mapping[str, Any], step: int) -> None:
    """Training is about to begin, or to go on, in the run directory `run`.

    `recipe` is resolved, every default filled in; `step` is 0, or where a resumed run stands.
    """


@hookspec
def seqkit_epoch_end(run: Path, epoch: int, step: int, metrics: Mapping[str, Mapping[str, float]]) -> None:
    """An epoch is done. `metrics` by split: `train`, and `valid` where it was evaluated.

    A resumed run may tell of an epoch that was told before it was stopped.
    """


@hookspec
def seqkit_evaluation(run: Path, split: str, epoch: int, step: int, metrics: Mapping[str, Any]) -> None:
    """A split was evaluated: `valid` in the course of training, and what was held out once more at the end."""


@hookspec
def seqkit_checkpoint(run: Path, checkpoint: Path, step: int) -> None:
    """A checkpoint is whole and durable. It stays until a newer one is."""


@hookspec
def seqkit_run_end(run: Path, result: Mapping[str, Any] | None, error: BaseException | None) -> None:
    """The run is over: with its `result`, as in result.json; or with the `error` that ended it."""


LIFECYCLE = ("seqkit_run_start", "seqkit_epoch_end", "seqkit_evaluation", "seqkit_checkpoint", "seqkit_run_end")

KINDS = {
    "reader": "seqkit_readers",
    "tokenizer": "seqkit_tokenizers",
    "embedding": "seqkit_embeddings",
    "encoder": "seqkit_encoders",
    "head": "seqkit_heads",
}
"""Each kind of component, in the order in which a recipe is built, and the hook that fills its registry."""
