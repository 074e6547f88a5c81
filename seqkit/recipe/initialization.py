"""`init_from`: a component that begins with what another run has learned.

    embedding: {type: learned, dim: 128, init_from: runs/lm-1}
    encoder: {type: bilstm, hidden_size: 128, num_layers: 2, init_from: {run: runs/lm-1, layers: [0]}}
    tokenizer: {type: char, init_from: runs/lm-1}

It is a key of every tokenizer, embedding and encoder, also of a plugin and of one that is nested in another component.
The run is read once, while the component is built for training: `resume`, `load` and `predict` work without it.

This module checks what can be seen without torch: that the run is there and complete, and has a component of the same
type. `modeling.initialization` compares the weights and copies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import NonEmptyText, NonNegativeInt
from seqkit.errors import DataError, SeqkitError
from seqkit.messages import message
from seqkit.recipe.section import Section
from seqkit.runs.directory import RunDirectory
from seqkit.runs.tensors import read_shapes

if TYPE_CHECKING:
    from seqkit.contracts import Tokenizer
    from seqkit.recipe.yaml_parser import KeyPath

KINDS = ("tokenizer", "embedding", "encoder")
"""The kinds of component that can be initialized from a run."""


@dataclass(frozen=True, kw_only=True)
class InitFrom(Section):
    """The run that a component is initialized from.

    Attributes:
        run: the run directory of a finished run.
        layers: the layers of an encoder to take, from 0 at the bottom up; all by default.
        part: where the component is in the other run, if it is nested there: `encoder.layers.0`. By default, it is
            found by its weights.
    """

    run: Path
    layers: tuple[NonNegativeInt, ...] | None = None
    part: NonEmptyText | None = None

    @cached_property
    def source(self) -> Source:
        """The run."""
        return Source(self.run)


class Source:
    """A run that components are initialized from. Its files are read when they are first needed.

    Args:
        path: the run directory.

    Raises:
        UsageError, DataError: from each attribute: the run is not complete, or a file is corrupt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def directory(self) -> RunDirectory:
        """The run directory."""
        return RunDirectory.open(self.path)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The content of plan.json."""
        return self.directory.read_plan()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each weight."""
        return read_shapes(self.directory.model)

    @cached_property
    def tokenizer_state(self) -> dict[str, Any] | None:
        """What the tokenizer learned; None if the run has none, since it reads features."""
        return self.directory.read_fitted()["tokenizer"]

    def problem(self) -> str:
        """Return why nothing can be initialized from this run, or an empty string."""
        try:
            if self.document.get("members"):
                first = self.directory.members / "1"
                return message("{run}: is an ensemble: name one of its members, {first}", run=self.path, first=first)
            if not self.directory.result.is_file():
                command = self.directory.resume_command
                return message("{run}: is not finished: resume it with: {command}", run=self.path, command=command)
            _ = self.shapes, self.tokenizer_state
        except SeqkitError as error:
            return str(error)
        return ""


def restore_tokenizer(tokenizer: Tokenizer, source: Source) -> None:
    """Give a tokenizer the vocabulary of a run.

    Raises:
        DataError: the tokenizer cannot read it.
    """
    try:
        tokenizer.restore(source.tokenizer_state or {})
    except Exception as error:  # a plugin can fail on a corrupt state in any way
        reason = error if isinstance(error, SeqkitError) else f"{type(error).__name__}: {error}"
        file = source.directory.tokenizer
        text = message("{file}: the tokenizer cannot read its vocabulary: {reason}", file=file, reason=reason)
        raise DataError(text) from error


def find_problem(init: InitFrom, kind: str, name: str, path: KeyPath) -> str:
    """Return why a component cannot be initialized from a run, as far as plan.json shows it; or an empty string.

    Args:
        init: what the recipe says.
        kind: of the component.
        name: of the component.
        path: of the component in the recipe.
    """
    if kind == "tokenizer" and path != ("tokenizer",):
        return message("only the section `tokenizer` can be initialized from a run: remove this key")
    if kind != "encoder" and init.layers is not None:
        return message("only an encoder has layers, not {kind}: remove `layers`", kind=f"the {kind}")
    if kind == "tokenizer" and init.part is not None:
        return message("the tokenizer is taken as a whole: remove `part`")
    if problem := init.source.problem():
        return problem
    section = init.source.document["recipe"].get(kind)
    if not section:
        return message("{run} has no {kind}: name another run", run=init.run, kind=kind)
    types = list(_types(section))
    if name in (types[:1] if kind == "tokenizer" else types) or init.part is not None:
        return ""
    return message(
        "the {kind} of {run} is '{found}', not '{name}': use that type here, or another run",
        kind=kind,
        run=init.run,
        found=types[0] if types else "",
        name=name,
    )


def _types(section: Any) -> Iterator[str]:
    """Yield the type of a component in plan.json, and of those nested in it."""
    if isinstance(section, dict):
        if isinstance(section.get("type"), str):
            yield section["type"]
        for value in section.values():
            yield from _types(value)
    elif isinstance(section, list):
        for item in section:
            yield from _types(item)
