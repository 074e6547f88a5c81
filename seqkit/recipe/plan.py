"""A resolved recipe: all components found, all values checked, all defaults filled in. Only the data is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from seqkit.contracts import Embedding, Encoder, Reader
from seqkit.contracts.capabilities import check_declared
from seqkit.contracts.parameters import INIT_FROM
from seqkit.errors import DataError, SeqkitError
from seqkit.messages import message, without_name
from seqkit.recipe.generation import Generate
from seqkit.recipe.initialization import InitFrom
from seqkit.recipe.parameters import parameters
from seqkit.recipe.schema import Split, Train
from seqkit.recipe.section import as_data
from seqkit.recipe.yaml_parser import KeyPath
from seqkit.registry.records import Registered
from seqkit.registry.requirements import split_source
from seqkit.runs.directory import RunDirectory

SECTIONS = {"data": "reader", "tokenizer": "tokenizer", "embedding": "embedding", "encoder": "encoder", "head": "head"}
"""The sections of a recipe that name a component, and its kind."""

DEFAULTS = {"tokenizer": "char", "embedding": "one_hot"}
"""The components of sections that can be left out."""


class BuildError(ValueError):
    """The constructor of a component rejected a value.

    Attributes:
        path: of the value in the recipe.
    """

    def __init__(self, path: KeyPath, text: str) -> None:
        super().__init__(text)
        self.path = path


@dataclass(frozen=True)
class Spec:
    """A component and its checked parameters, not yet built.

    Attributes:
        registered: the component.
        cls: its class.
        path: of the component in the recipe.
        values: the value of each parameter; a nested component is a Spec, or a list of them.
        name_path: of its name in the recipe: its `type`, or itself if the name is written alone.
        restored_from: the run directory that the component is restored from, without its training files; None if it is
            built for a new run.
        state: what the component learned from its training files, in the run or when it was built.
        init_from: the run that the component begins with.
        built: the components that `build` has returned and that are to be initialized from that run.
    """

    registered: Registered
    cls: type
    path: KeyPath
    values: dict[str, Any]
    name_path: KeyPath = field(default=(), compare=False)
    restored_from: Path | None = field(default=None, compare=False)
    state: dict[str, Any] = field(default_factory=dict, compare=False)
    init_from: InitFrom | None = field(default=None, compare=False)
    built: list[Any] = field(default_factory=list, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name of the component in a recipe."""
        return self.registered.name

    def as_data(self, write_path: Callable[[Path], str] = str) -> dict[str, Any]:
        """Return the component as a recipe contains it, every parameter included.

        Args:
            write_path: converts a path to text.
        """
        data = {"type": self.name} | {name: as_data(value, write_path) for name, value in self.values.items()}
        return data | ({INIT_FROM: self.init_from.as_data(write_path)} if self.init_from else {})

    @property
    def path_parameters(self) -> list[str]:
        """The names of the parameters that are paths."""
        return [parameter.name for parameter in parameters(self.cls).values() if parameter.is_path]

    @property
    def training_files(self) -> dict[str, Path]:
        """The files that are read in training alone, by parameter."""
        names = [parameter.name for parameter in parameters(self.cls).values() if parameter.is_read_once]
        return {name: self.values[name] for name in names if self.values[name] is not None}

    @property
    def is_restored(self) -> bool:
        """Whether this component, or one that it contains, is restored from its run, without files of training."""
        return self.restored_from is not None and any(spec.training_files or spec.init_from for spec in self.walk())

    def nested(self) -> Iterator[Spec]:
        """Yield the components that are parameters of this one."""
        for value in self.values.values():
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, Spec):
                    yield inner

    def walk(self) -> Iterator[Spec]:
        """Yield this component and all that are nested in it, at any depth."""
        yield self
        for inner in self.nested():
            yield from inner.walk()

    def rejection(self, error: ValueError) -> BuildError:
        """Return the error that places what the component rejects: at the parameter that the message begins with."""
        text = str(error)
        name = text.partition(" ")[0].rstrip(":")
        if name in self.values:
            return BuildError((*self.path, name), without_name(text, name))
        return BuildError(self.path, text)

    def build(self, *supplied: Any) -> Any:
        """Build the component.

        Args:
            supplied: the arguments before the `*` of its constructor.

        Raises:
            BuildError: the constructor rejected a value with a ValueError.
            DataError: a training file is wrong, or the state that replaces it.
        """
        arguments = {name: _with_factories(value) for name, value in self.values.items()}
        if self.restored_from:
            arguments |= dict.fromkeys(self.training_files)
        try:
            component = self.cls(*supplied, **arguments)
        except BuildError:
            raise
        except ValueError as error:
            raise self.rejection(error) from error
        check_declared(component)
        if self.registered.kind in ("embedding", "encoder") and self.training_files:
            self._exchange_state(component)
        if self.init_from and self.restored_from is None:
            self.built.append(component)
        return component

    def _exchange_state(self, component: Embedding | Encoder) -> None:
        """Record what a component learned from its training files, or restore it."""
        if self.restored_from is None:
            self.state.clear()
            self.state.update(component.state())
            return
        try:
            component.restore(self.state)
        except Exception as error:  # a plugin can fail on a corrupt state in any way
            raise DataError(
                message(
                    "{file}: corrupt: {key} cannot read its state: {reason}",
                    file=RunDirectory(self.restored_from).tokenizer,
                    key=".".join(self.path),
                    reason=error if isinstance(error, SeqkitError) else f"{type(error).__name__}: {error}",
                )
            ) from error


@dataclass(frozen=True)
class Plan:
    """A complete description of a run.

    Attributes:
        name: of the run.
        seed: the random seed.
        reader: of all data, or of the training data.
        side_readers: of `data.valid` and `data.test`, if the recipe has them.
        split: how the reader's examples are split, if they are.
        tokenizer: None if the reader yields features.
        embedding: None if the reader yields features and the recipe has none.
        encoder: of the vectors.
        head: of the encoder's outputs.
        train: how to train.
        generate: what to generate after training.
        predict: the texts to predict labels for after training.
        baseline: whether to compute the head's baseline.
        plugins: the packages that the recipe requires. The source of one, if it is a path, is absolute.
        notes: warnings of the constructors.
        paths: the paths of the recipe: as it names them, by their absolute form.
        memory: the reader of data in memory, which is read in place of `reader`.
    """

    name: str
    seed: int
    reader: Spec
    side_readers: dict[str, Spec]
    split: Split | None
    tokenizer: Spec | None
    embedding: Spec | None
    encoder: Spec
    head: Spec
    train: Train
    generate: Generate | None
    predict: list[str | list[str]]
    baseline: bool
    plugins: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    paths: dict[Path, Path] = field(default_factory=dict, compare=False)
    memory: Reader | None = field(default=None, compare=False)

    def _repr_html_(self) -> str:
        """Return a table for notebooks: a row for each section of the recipe."""
        rows = []
        for section, value in self.as_data().items():
            parts = [f"{key}: {item}" for key, item in value.items()] if isinstance(value, dict) else [str(value)]
            rows.append(f"<tr><th>{escape(section)}</th><td>{escape(', '.join(parts))}</td></tr>")
        return f"<table>{''.join(rows)}</table>"

    @property
    def components(self) -> list[Spec]:
        """All components, nested ones included."""
        specs = [self.reader, *self.side_readers.values(), self.tokenizer, self.embedding, self.encoder, self.head]
        specs += [self.train.optimizer, self.train.schedule, *self.train.metrics, *self.train.trackers]
        return [inner for spec in specs if spec is not None for inner in spec.walk()]

    def as_data(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the plan as a complete recipe, which resolves to this plan again.

        Args:
            folder: the folder of the file that the recipe is written to, without symbolic links: paths that are
                relative in the recipe are relative to it. By default, all paths are absolute.
        """

        def write_path(path: Path) -> str:
            named = self.paths.get(path, path)
            if folder is None:
                return str(path)
            if named.is_absolute() or named.parts[:1] and named.parts[0].startswith("~"):
                return str(named)
            try:
                return Path(os.path.relpath(path.parent.resolve() / path.name, folder)).as_posix()
            except ValueError:  # Windows: on another drive
                return str(path)

        data = self.reader.as_data(write_path)
        for split, spec in self.side_readers.items():
            side = spec.as_data(write_path)
            data[split] = {name: value for name, value in side.items() if data.get(name) != value}
        if self.split:
            data["split"] = self.split.as_data()
        sections: dict[str, Any] = {"name": self.name, "seed": self.seed, "data": data}
        for key in ("tokenizer", "embedding", "encoder", "head"):
            spec = getattr(self, key)
            if spec is not None:
                sections[key] = spec.as_data(write_path)
        sections["train"] = self.train.as_data(write_path)
        if self.generate:
            sections["generate"] = self.generate.as_data()
        sections |= {"predict": self.predict, "baseline": "on" if self.baseline else "off"}
        plugins = []
        for text in self.plugins:
            requirement, source = split_source(text)
            is_path = source is not None and Path(source) in self.paths
            plugins.append(f"{requirement} @ {write_path(Path(str(source)))}" if is_path else text)
        return sections | ({"plugins": plugins} if plugins else {})

    def providers(self) -> dict[str, str]:
        """Return the version of each distribution that a component comes from."""
        return {spec.registered.distribution: spec.registered.version for spec in self.components}


def _with_factories(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.build
    if isinstance(value, list) and value and isinstance(value[0], Spec):
        return [spec.build for spec in value]
    return value
