"""Load the parts of a run directory when they are first needed, and choose the engine."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import DataError
from seqkit.inference.engine import Engine
from seqkit.messages import message
from seqkit.runs.calibration import read_temperature
from seqkit.runs.directory import RunDirectory

if TYPE_CHECKING:
    from seqkit.contracts import Reader
    from seqkit.inference.torch_engine import TorchEngine
    from seqkit.recipe.plan import Plan, Spec


class RunParts:
    """The plan of a run and its engines; those of an ensemble are the ones of its first member.

    Args:
        directory: the run directory.

    Attributes:
        directory: the run directory.
        document: the content of plan.json.
        recipe: the resolved recipe.
        warns_unfinished: whether to warn when the engine is built and training has not finished.
        members: the parts of the members of an ensemble; of an ordinary run, only these parts.

    Raises:
        DataError: plan.json is missing or corrupt.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.document = directory.read_plan()
        self.recipe: dict[str, Any] = self.document["recipe"]
        self.warns_unfinished = False
        self.is_ensemble = bool(self.document.get("members"))

    @property
    def weights(self) -> Path:
        """The file of the weights, or the folder of the members, for messages."""
        return self.directory.members if self.is_ensemble else self.directory.model

    @property
    def temperature(self) -> float | None:
        """The temperature of the probabilities of a calibrated run; None if it is not calibrated.

        Raises:
            DataError: calibration.json is corrupt.
        """
        return read_temperature(self.directory)

    @cached_property
    def members(self) -> list[RunParts]:
        if not self.is_ensemble:
            return [self]
        members = [RunParts(directory) for directory in self.directory.open_members(self.document)]
        for member in members:
            if member.is_ensemble:
                raise DataError(
                    message("{file}: corrupt: a member of an ensemble is an ensemble", file=member.directory.plan)
                )
        return members

    @cached_property
    def engine(self) -> Engine:
        """The NumPy engine if it computes all components, else the torch engine.

        Warns:
            UserWarning: the run is not finished (`warns_unfinished`).

        Raises:
            PluginError: a component is not installed.
            DataError: the recipe is corrupt.
        """
        from seqkit.inference.numpy_engine.engine import NumpyEngine, supports

        if self.is_ensemble:
            return self.members[0].engine
        if self.warns_unfinished:
            self._note_unfinished()
        return NumpyEngine(self.directory, self.recipe) if supports(self.recipe) else self._build_torch_engine()

    @cached_property
    def torch_engine(self) -> TorchEngine:
        """The torch engine, which evaluation uses whatever the components are.

        Raises:
            PluginError: a component is not installed.
            DataError: the recipe or the weights are corrupt.
        """
        from seqkit.inference.torch_engine import TorchEngine

        if self.is_ensemble:
            return self.members[0].torch_engine
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

        if self.is_ensemble:
            return self.members[0].plan
        return rebuild_plan(self.directory, self.document)

    @cached_property
    def reader(self) -> Spec:
        """The reader of the plan, resolved alone: without torch, whatever the other components are.

        Raises:
            PluginError: the reader is not installed.
            DataError: the recipe is corrupt.
        """
        from seqkit.inference.rebuild import rebuild_reader_spec

        if self.is_ensemble:
            return self.members[0].reader
        return rebuild_reader_spec(self.directory, self.document)

    @cached_property
    def built_reader(self) -> Reader:
        """The reader, built to read inputs without targets.

        Raises:
            PluginError, DataError: as `reader`.
        """
        reader: Any = self.reader.cls
        values = reader.without_targets(self.reader.values)
        if values.get("path", self.directory.path) is None:  # the run was trained on data in memory
            values = reader.for_path(self.directory.path, values)
        built: Reader = reader(**values)
        return built

    def _note_unfinished(self) -> None:
        """Warn if training has not finished, so that the weights are those of a checkpoint."""
        if (saved := self.directory.saved_step()) is None:
            return
        step, total = saved
        place = message("step {step:,}", step=step)
        if total:
            place = message("step {step:,} of {total:,}", step=step, total=total)
        elif not step:
            place = message("step 0, when nothing is learned yet")
        text = message(
            "{run}: is not finished: these are its weights so far, of {place}; resume it with: {command}",
            run=self.directory.path,
            place=place,
            command=self.directory.resume_command,
        )
        warnings.warn(text, stacklevel=2)

    def _build_torch_engine(self) -> TorchEngine:
        plan = self.plan  # before torch is imported
        from seqkit.inference.torch_engine import TorchEngine

        return TorchEngine(self.directory, plan)
