"""Load the parts of a run directory when they are first needed, and choose the engine."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from seqkit.inference.engine import Engine
from seqkit.runs.directory import RunDirectory

if TYPE_CHECKING:
    from seqkit.inference.torch_engine import TorchEngine
    from seqkit.recipe.plan import Plan, Spec


class RunParts:
    """The plan of a run and its engines.

    Args:
        directory: the run directory.

    Attributes:
        directory: the run directory.
        recipe: the resolved recipe.

    Raises:
        DataError: plan.json is missing or corrupt.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._document = directory.read_plan()
        self.recipe: dict[str, Any] = self._document["recipe"]

    @cached_property
    def engine(self) -> Engine:
        """The NumPy engine if all components are built in, else the torch engine.

        Raises:
            PluginError: a component is not installed.
            DataError: the recipe is corrupt.
        """
        from seqkit.inference.numpy_engine.engine import NumpyEngine, supports

        return NumpyEngine(self.directory, self.recipe) if supports(self.recipe) else self._build_torch_engine()

    @cached_property
    def torch_engine(self) -> TorchEngine:
        """The torch engine, which evaluation uses whatever the components are.

        Raises:
            PluginError: a component is not installed.
            DataError: the recipe or the weights are corrupt.
        """
        from seqkit.inference.torch_engine import TorchEngine

        if isinstance(self.engine, TorchEngine):
            return self.engine
        self.engine.load()  # compares the sizes in the recipe with the weights
        return self._build_torch_engine()

    @cached_property
    def plan(self) -> Plan:
        """The recipe, resolved with the components that are installed.

        Raises:
            PluginError: a component is not installed.
            DataError: the recipe is corrupt.
        """
        from seqkit.inference.rebuild import rebuild_plan

        return rebuild_plan(self.directory, self._document)

    @cached_property
    def reader(self) -> Spec:
        """The reader of the plan, resolved alone: without torch, whatever the other components are.

        Raises:
            PluginError: the reader is not installed.
            DataError: the recipe is corrupt.
        """
        from seqkit.inference.rebuild import rebuild_reader_spec

        return rebuild_reader_spec(self.directory, self._document)

    def _build_torch_engine(self) -> TorchEngine:
        plan = self.plan  # before torch is imported
        from seqkit.inference.torch_engine import TorchEngine

        return TorchEngine(self.directory, plan)
