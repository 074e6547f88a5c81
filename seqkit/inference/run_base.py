"""The base of `Run`: the directory of a run, and what its methods share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqkit.errors import SeqkitError, UsageError
from seqkit.inference.loading import RunParts
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory

if TYPE_CHECKING:
    from seqkit.contracts import Tokenizer
    from seqkit.inference.engine import Engine


class RunBase:
    """A run directory and its parts, which are loaded when they are first needed. Arguments are those of `Run`."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.path = directory.path
        self._parts = RunParts(directory)

    def __repr__(self) -> str:
        return f"<seqkit run {self.path}>"

    def _repr_html_(self) -> str | None:
        from seqkit.reports.notebook import run_html

        try:
            return None if self._parts.is_ensemble else run_html(self.directory)
        except SeqkitError:  # a notebook then shows what `repr` returns
            return None

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe, with all defaults. Paths that were relative are relative to the run directory.

        That of an ensemble is its first member's.
        """
        return self._parts.recipe

    @property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer.

        Raises:
            UsageError: the run has no tokenizer, since it reads features; or it is an ensemble.
        """
        self._check_single(message("a tokenizer: load one of its members"))
        tokenizer = self._engine.tokenizer
        if tokenizer is None:
            raise UsageError(message("{run}: has no tokenizer, since it reads features", run=self.path))
        return tokenizer

    @property
    def reads_pairs(self) -> bool:
        """Whether each input is a pair of texts."""
        return self._engine.reads_pairs

    @property
    def reads_features(self) -> bool:
        """Whether each input is features, numbers of shape (time, features), rather than text."""
        return self._engine.tokenizer is None

    @property
    def time_step_fields(self) -> frozenset[str]:
        """The fields of a prediction that have a value per time step: a list, or a mapping of lists."""
        return self._engine.time_step_fields

    @property
    def _engine(self) -> Engine:
        return self._parts.engine

    def _check_single(self, missing: str) -> None:
        """Check that the run is not an ensemble.

        Args:
            missing: what an ensemble does not have, and what to do.

        Raises:
            UsageError: it is one.
        """
        if self._parts.is_ensemble:
            raise UsageError(message("{run}: an ensemble does not have {missing}", run=self.path, missing=missing))
