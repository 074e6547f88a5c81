"""What a run directory holds, opened: each part when it is first asked for, and without torch where that will do."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.errors import DataError, PluginError, UsageError
from seqkit.infer.rebuilt import reason
from seqkit.rundir import RunDirectory

if TYPE_CHECKING:
    from seqkit.contracts import Tokenizer
    from seqkit.model import Model
    from seqkit.plan import Plan


class Loaded:
    """A run directory, and what is made of it.

    Attributes:
        path: the run directory.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.path = directory.path
        self._plan = directory.read_plan()

    def __repr__(self) -> str:
        return f"<seqkit run {self.path}>"

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe as it was run, every default filled in."""
        return self._plan["recipe"]

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer.

        Raises:
            UsageError: this run reads features, and has none.
        """
        if self._reads_features:
            raise UsageError(f"{self.path}: reads features, not text")
        if self._is_own:
            from seqkit.infer.own_tokenizer import own_tokenizer

            try:
                tokenizer = own_tokenizer(self.recipe["tokenizer"])
            except ValueError as error:
                raise DataError(f"{self.directory.plan}: damaged: tokenizer: {error}") from None
        else:
            tokenizer = self._resolved.tokenizer.build()  # type: ignore[union-attr]
        try:
            tokenizer.restore(self._fitted["tokenizer"])
        except PluginError:
            raise
        except Exception as error:  # a plugin may trip over a damaged state in any way
            message = f"{self.directory.tokenizer}: damaged: the tokenizer cannot read its state: {reason(error)}"
            raise DataError(message) from error
        return tokenizer

    @property
    def _reads_features(self) -> bool:
        return not self._is_own and self._resolved.tokenizer is None

    @cached_property
    def _fitted(self) -> dict[str, Any]:
        return self.directory.read_fitted()

    @property
    def _generates(self) -> bool:
        return self._head_name == "next_char" if self._is_own else self._torch_model[1].head.generates

    @property
    def _head_name(self) -> str:
        return self.recipe["head"]["type"] if self._is_own else self._resolved.head.name

    @cached_property
    def _is_own(self) -> bool:
        from seqkit.infer.numpy_engine import supports

        try:
            return supports(self.recipe)
        except TypeError:  # the recipe is damaged, and resolving it tells where
            return False

    @cached_property
    def _engine(self) -> Any:
        if not self._is_own:
            from seqkit.infer.torch_engine import TorchEngine

            return TorchEngine(self._torch_model[1])
        from seqkit.infer.numpy_engine import NumpyEngine

        return NumpyEngine(self.recipe, self._own_weights, self._fitted["head"])

    @cached_property
    def _own_weights(self) -> dict[str, np.ndarray]:
        """The weights, of the names and shapes that the recipe and the vocabulary ask for."""
        from seqkit.infer.numpy_engine import read_weights
        from seqkit.infer.shapes import check_weights

        weights = read_weights(self.directory.model)
        check_weights(self.directory, self.recipe, weights, self.tokenizer.vocab_size, self._fitted["head"])
        return weights

    @cached_property
    def _resolved(self) -> Plan:
        """The plan, looked up among what is installed here."""
        from seqkit.infer.rebuilt import rebuilt_plan

        return rebuilt_plan(self.directory, self._plan)

    @cached_property
    def _torch_model(self) -> tuple[Plan, Model]:
        """The plan, and the model as torch modules."""
        plan = self._resolved
        if self._is_own:
            _ = self._own_weights  # before anything of the recipe's sizes is built
        from seqkit.infer.rebuilt import rebuilt_model

        tokenizer = None if self._reads_features else self.tokenizer
        return plan, rebuilt_model(self.directory, plan, tokenizer, self._fitted)
