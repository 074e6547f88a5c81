"""The variables that are told: which columns they are, and their scales in the training split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from seqkit.errors import DataError, suggest
from seqkit_forecast.scores import seasonal_errors

FITTED = ("shift", "scale", "deviation", "seasonal_error")


class Variables:
    """The variables that are told, in their own units and in those that are learned in.

    Attributes:
        columns: how many columns the data has.
        names: what they are called; empty where they have no names.
        chosen: the numbers of those that are told.
        log: whether it is their logarithms that are learned.
        shift, scale: (variables,), the mean and the standard deviation of what is learned, in the training split.
        deviation: (variables,), the standard deviation in the training split, in the data's units.
        seasonal_error: (variables,), what MASE divides by.
    """

    def __init__(self, columns: int, names: Sequence[str], chosen: Sequence[int], log: bool) -> None:
        self.columns = columns
        self.names = list(names)
        self.chosen = list(chosen)
        self.log = log
        self.shift, self.scale, self.deviation, self.seasonal_error = np.empty((len(FITTED), len(chosen)))

    @classmethod
    def fitted(
        cls,
        series: Sequence[np.ndarray],
        names: Sequence[str],
        wanted: Sequence[str | int] | None,
        log: bool,
        season: int,
    ) -> Variables:
        """Fits scales to the training split.

        Args:
            series: arrays (time, columns).
            wanted: what is to be told, by name or number; None for all.

        Raises:
            ValueError: something is wanted that is not there.
            DataError: a number has no logarithm.
        """
        columns = series[0].shape[1]
        made = cls(columns, names, range(columns) if wanted is None else _numbers(wanted, columns, names), log)
        told = [made.of(values) for values in series]
        learned = np.concatenate([made.learned(values) for values in told])
        made.shift, made.scale = learned.mean(axis=0), _spread(learned)
        made.deviation = _spread(np.concatenate(told))
        made.seasonal_error = seasonal_errors(told, season)
        return made

    @classmethod
    def restored(cls, state: Mapping[str, Any], log: bool) -> Variables:
        """Takes back what `state` returned."""
        made = cls(int(state["columns"]), list(map(str, state["names"])), list(map(int, state["targets"])), log)
        for name in FITTED:
            values = np.array(state[name], dtype=np.float64)
            if values.shape != (len(made.chosen),):
                raise ValueError(f"{name} is not a number a target")
            setattr(made, name, values)
        return made

    def state(self) -> dict[str, Any]:
        """Returns all of it as JSON types."""
        fitted = {name: getattr(self, name).tolist() for name in FITTED}
        return {"columns": self.columns, "names": self.names, "targets": self.chosen} | fitted

    @property
    def labels(self) -> list[str]:
        """What is told, by name; by number where columns have no names."""
        return [self.names[number] if self.names else str(number) for number in self.chosen]

    def check(self, values: np.ndarray, names: Sequence[str] = ()) -> None:
        """Raises DataError where a series (time, columns) is not of the form that training had."""
        if names and self.names and list(names) != self.names:
            remedy = "name them in this order with `columns:`"
            raise DataError(f"its columns are {', '.join(names)}, not {', '.join(self.names)}: {remedy}")
        if values.shape[1] != self.columns:
            raise DataError(f"it is {values.shape[1]} columns wide, where training had {self.columns}")
        self.learned(self.of(values))

    def of(self, values: np.ndarray) -> np.ndarray:
        """values (…, columns) -> (…, variables): of the columns, those that are told; a view where all are."""
        return values if self.chosen == list(range(self.columns)) else values[..., self.chosen]

    def learned(self, values: np.ndarray) -> np.ndarray:
        """values (…, variables) -> what is learned of them, before it is scaled."""
        if not self.log:
            return values
        if not (values > 0).all():
            raise DataError(f"{values.min():g} has no logarithm: leave the head's `log` out, or shift the data above 0")
        return np.log(values)

    def scaled_array(self, values: np.ndarray) -> np.ndarray:
        """values (…, variables), in the data's units -> in those that are learned in."""
        return (self.learned(values) - self.shift) / self.scale

    def scaled(self, values: Tensor) -> Tensor:
        """Does the same for a tensor."""
        learned = values.log() if self.log else values
        return (learned - values.new_tensor(self.shift)) / values.new_tensor(self.scale)

    def in_data_units(self, scaled: Tensor) -> np.ndarray:
        """scaled (…, variables) -> float64, in the data's units."""
        learned = scaled.detach().cpu().double().numpy() * self.scale + self.shift
        return np.exp(learned) if self.log else learned


def _numbers(wanted: Sequence[str | int], columns: int, names: Sequence[str]) -> list[int]:
    """Returns the numbers of columns that are given by name or number."""
    numbers = []
    for target in wanted:
        if isinstance(target, str) and target not in names:
            known = f"; there are {', '.join(names)}" if names else ": these columns have no names, only numbers from 0"
            raise ValueError(f"targets names '{target}', which is no column{suggest(target, names) or known}")
        if isinstance(target, int) and not 0 <= target < columns:
            raise ValueError(f"targets must be numbers of columns, from 0 to {columns - 1}, or names; not {target}")
        numbers.append(names.index(target) if isinstance(target, str) else target)
    return numbers


def _spread(values: np.ndarray) -> np.ndarray:
    """Returns the standard deviation (variables,); 1 for a variable that never changes."""
    spread = values.std(axis=0)
    return np.where(spread > 1e-9 * np.abs(values.mean(axis=0)), spread, 1.0)
