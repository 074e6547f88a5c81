"""A recipe resolved: every name looked up, every value checked, every default filled in. Only data is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.registry import Registered
from seqkit.yaml_marks import Path as KeyPath

if TYPE_CHECKING:
    from seqkit.settings import Generate, HashSplit, OrderSplit, RandomSplit, Train

SECTIONS = {"data": "reader", "tokenizer": "tokenizer", "embedding": "embedding", "encoder": "encoder", "head": "head"}
"""The sections of a recipe that name a component, and its kind."""

DEFAULTS = {"tokenizer": "char", "embedding": "one_hot"}
SIDES = ("valid", "test")


class BuildError(ValueError):
    """A component's constructor refused a value: where that value stands in the recipe, and why."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Spec:
    """A component and its checked parameters, not yet built.

    Attributes:
        path: where it stands in the recipe.
        values: every parameter; a nested component is a Spec, or a list of them.
    """

    registered: Registered
    cls: type
    path: KeyPath
    values: dict[str, Any]

    @property
    def name(self) -> str:
        return self.registered.name

    def as_data(self) -> dict[str, Any]:
        """Returns the section as a recipe would write it in full."""
        return {"type": self.name} | {name: _as_data(value) for name, value in self.values.items()}

    def walk(self) -> Iterator[Spec]:
        """Yields this component and every one nested in it."""
        yield self
        for value in self.values.values():
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, Spec):
                    yield from inner.walk()

    def build(self, *supplied: Any) -> Any:
        """Builds the component.

        Args:
            supplied: what comes before the `*` of its constructor.

        Raises:
            BuildError: the constructor refused a value with a ValueError.
        """
        arguments = {name: _with_factories(value) for name, value in self.values.items()}
        try:
            return self.cls(*supplied, **arguments)
        except BuildError:
            raise
        except ValueError as error:
            message = str(error)
            first = message.partition(" ")[0].rstrip(":")
            path = (*self.path, first) if first in self.values else self.path
            message = message.removeprefix(first).lstrip(": ") if first in self.values else message
            raise BuildError(path, message) from error


@dataclass(frozen=True)
class Plan:
    """What a run does, complete."""

    name: str
    seed: int
    reader: Spec
    side_readers: dict[str, Spec]
    split: HashSplit | RandomSplit | OrderSplit | None
    tokenizer: Spec | None
    embedding: Spec | None
    encoder: Spec
    head: Spec
    train: Train
    generate: Generate | None
    predict: list[str]
    baseline: bool
    plugins: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def components(self) -> list[Spec]:
        specs = [self.reader, *self.side_readers.values(), self.tokenizer, self.embedding, self.encoder, self.head]
        return [inner for spec in specs if spec is not None for inner in spec.walk()]

    def as_data(self) -> dict[str, Any]:
        """Returns a complete recipe: resolving it gives this plan again."""
        data = self.reader.as_data()
        for side, spec in self.side_readers.items():
            data[side] = {name: value for name, value in spec.as_data().items() if data.get(name) != value}
        if self.split:
            data["split"] = self.split.model_dump(mode="json")
        sections: dict[str, Any] = {"name": self.name, "seed": self.seed, "data": data}
        for key in ("tokenizer", "embedding", "encoder", "head"):
            spec = getattr(self, key)
            if spec is not None:
                sections[key] = spec.as_data()
        sections["train"] = self.train.model_dump(mode="json")
        if self.generate:
            sections["generate"] = self.generate.model_dump(mode="json")
        sections |= {"predict": self.predict, "baseline": "on" if self.baseline else "off"}
        return sections | ({"plugins": self.plugins} if self.plugins else {})

    def providers(self) -> dict[str, str]:
        """Returns the version of every distribution that a component comes from."""
        return {spec.registered.distribution: spec.registered.version for spec in self.components}


def _with_factories(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.build
    if isinstance(value, list) and value and isinstance(value[0], Spec):
        return [spec.build for spec in value]
    return value


def _as_data(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.as_data()
    if isinstance(value, list | tuple):
        return [_as_data(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_data(item) for key, item in value.items()}
    return str(value) if isinstance(value, Path) else value
