"""The contract of a reader, which reads examples from a source."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from seqkit.contracts.capabilities import Contract
from seqkit.contracts.data import Example


class Reader(Contract, ABC):
    """Read examples from a source. Built as `Reader(*, parameters)`.

    Attributes:
        yields: whether `Example.input` is text, or features, which need no tokenizer and no embedding.
        yields_pairs: whether `Example.input` is a `TextPair`.
        labelled: whether `Example.target` is set.
        path_specific: parameters that apply to the recipe's file only; another `path` resets them to their defaults.
        table_columns: the parameters that name the columns of the input and the target in a table in memory, which
            `seqkit.run(recipe, data=table)` reads in place of a file; without such a parameter, its name is the column.
        pair_column: the parameter that names the column of the second text, for a reader that can yield pairs.
    """

    capabilities = {"text_file": ("read",)}
    renamed = {"own_file": "path_specific"}

    yields: ClassVar[Literal["text", "features"]] = "text"
    yields_pairs: bool = False
    labelled: bool = True
    path_specific: ClassVar[frozenset[str]] = frozenset()
    table_columns: ClassVar[tuple[str, str]] = ("text", "label")
    pair_column: ClassVar[str | None] = None

    @abstractmethod
    def read(self) -> Iterable[Example]:
        """Yield the examples, in the order of the source. No input may be empty.

        Raises:
            DataError: the source is wrong. The message names the file and the line.

        Warns:
            DataNote: an example is skipped or repaired, because a parameter of the reader says so.
        """

    def read_input(self, text: str) -> Example | None:
        """Read one input that a user passes as text in place of features: the path of a recording, for example.

        For a reader that yields features. `seqkit predict RUN a.wav` and `run.predict(["a.wav"])` call it on a reader
        built as for prediction. By default, such inputs are rejected.

        Args:
            text: what the user passes. A relative path is relative to the current folder.

        Returns:
            The example, without a target; None if the reader reads no input of this form.

        Raises:
            DataError: the input cannot be read. The message names the text.
        """
        return None

    def text_file(self) -> tuple[Path, str] | None:
        """Return a file and its encoding if `read` yields exactly one example: the text of that file, without a target.

        A long file is then read in chunks instead of through `read`. Return None otherwise.
        """
        return None

    @classmethod
    def for_path(cls, path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters for reading another file of the same form, as in `seqkit evaluate --data FILE`.

        Args:
            path: the other file.
            parameters: those of the recipe.
        """
        defaults = inspect.signature(cls).parameters
        return {**parameters, **{name: defaults[name].default for name in cls.path_specific}, "path": path}

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters for reading inputs alone, as in `seqkit predict --data FILE`.

        A reader that requires targets in its file overrides this: predicting never needs them. It may then yield
        examples whose target is None.

        Args:
            parameters: those for reading inputs and targets.
        """
        return dict(parameters)
