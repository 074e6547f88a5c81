"""The variables to forecast: their columns, and their scales in the training split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from seqkit.errors import DataError, suggest
from seqkit_forecast.metrics import seasonal_naive_errors

STATISTICS = ("shift", "scale", "deviation", "seasonal_error")


class TargetVariables:
    """The variables to forecast, and the conversion between the data's units and standardized units.

    Attributes:
        column_count: the number of columns of the data.
        column_names: the names of all columns; empty if they have none.
        columns: the indices of the columns to forecast.
        log: whether the logarithms of the values are standardized, instead of the values.
        shift: (variables,), the mean, after the logarithm if `log`, in the training split.
        scale: (variables,), the standard deviation, after the logarithm if `log`, in the training split.
        deviation: (variables,), the standard deviation in the training split, in the data's units.
        seasonal_error: (variables,), the denominator of MASE.
    """

    def __init__(self, column_count: int, column_names: Sequence[str], columns: Sequence[int], log: bool) -> None:
        self.column_count = column_count
        self.column_names = list(column_names)
        self.columns = list(columns)
        self.log = log
        self.shift, self.scale, self.deviation, self.seasonal_error = np.empty((len(STATISTICS), len(columns)))

    @classmethod
    def fit(
        cls,
        series: Sequence[np.ndarray],
        column_names: Sequence[str],
        targets: Sequence[str | int] | None,
        log: bool,
        season: int,
    ) -> TargetVariables:
        """Compute the statistics of the training split.

        Args:
            series: arrays (time, columns).
            column_names: the names of the columns; empty if they have none.
            targets: the columns to forecast, by name or index; None for all.
            log: whether to standardize logarithms.
            season: the length of a season, in time steps.

        Raises:
            ValueError: a target is not a column.
            DataError: a value has no logarithm.
        """
        count = series[0].shape[1]
        columns = range(count) if targets is None else _column_indices(targets, count, column_names)
        variables = cls(count, column_names, columns, log)
        selected = [variables.select(values) for values in series]
        transformed = np.concatenate([variables.transform(values) for values in selected])
        variables.shift, variables.scale = transformed.mean(axis=0), _standard_deviation(transformed)
        variables.deviation = _standard_deviation(np.concatenate(selected))
        variables.seasonal_error = seasonal_naive_errors(selected, season)
        return variables

    @classmethod
    def from_state(cls, state: Mapping[str, Any], log: bool) -> TargetVariables:
        """Return the variables that `state` describes."""
        names, columns = list(map(str, state["names"])), list(map(int, state["targets"]))
        variables = cls(int(state["columns"]), names, columns, log)
        for name in STATISTICS:
            values = np.array(state[name], dtype=np.float64)
            if values.shape != (len(columns),):
                raise ValueError(f"{name} must contain one number per target")
            setattr(variables, name, values)
        return variables

    def state(self) -> dict[str, Any]:
        """Return everything but `log` as JSON types."""
        statistics = {name: getattr(self, name).tolist() for name in STATISTICS}
        return {"columns": self.column_count, "names": self.column_names, "targets": self.columns} | statistics

    @property
    def names(self) -> list[str]:
        """The names of the variables; their column indices if the columns have no names."""
        return [self.column_names[column] if self.column_names else str(column) for column in self.columns]

    def check(self, values: np.ndarray, column_names: Sequence[str] = ()) -> None:
        """Check that a series has the columns of the training split.

        Args:
            values: (time, columns).
            column_names: the names of the columns, if they have any.

        Raises:
            DataError: the columns differ, or a value has no logarithm.
        """
        if column_names and self.column_names and list(column_names) != self.column_names:
            raise DataError(
                f"the columns are {', '.join(column_names)}, but the model was trained on "
                f"{', '.join(self.column_names)}: list them in this order with `columns:`"
            )
        if values.shape[1] != self.column_count:
            raise DataError(f"{values.shape[1]} columns, but the model was trained on {self.column_count}")
        self.transform(self.select(values))

    def select(self, values: np.ndarray) -> np.ndarray:
        """Return the columns to forecast: (…, columns) to (…, variables). A view if those are all columns."""
        return values if self.columns == list(range(self.column_count)) else values[..., self.columns]

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithms of values (…, variables) if `log`; else the values.

        Raises:
            DataError: a value has no logarithm.
        """
        if not self.log:
            return values
        if not (values > 0).all():
            raise DataError(
                f"cannot take the logarithm of {values.min():g}: set the head's `log` to false, or add a constant to "
                "make all values positive"
            )
        return np.log(values)

    def standardize(self, values: np.ndarray) -> np.ndarray:
        """Convert values (…, variables) from the data's units to standardized units."""
        return (self.transform(values) - self.shift) / self.scale

    def standardize_tensor(self, values: Tensor) -> Tensor:
        """Convert a tensor (…, variables) from the data's units to standardized units, without a check for `log`."""
        transformed = values.log() if self.log else values
        return (transformed - values.new_tensor(self.shift)) / values.new_tensor(self.scale)

    def to_data_units(self, standardized: Tensor) -> np.ndarray:
        """Convert a tensor (…, variables) from standardized units to the data's units, as float64."""
        transformed = standardized.detach().cpu().double().numpy() * self.scale + self.shift
        return np.exp(transformed) if self.log else transformed


def _column_indices(targets: Sequence[str | int], count: int, names: Sequence[str]) -> list[int]:
    """Return the indices of columns that are given by name or index."""
    indices = []
    for target in targets:
        if isinstance(target, str) and target not in names:
            known = (
                f"; the columns are {', '.join(names)}" if names else ": the columns have no names, use indices from 0"
            )
            raise ValueError(f"targets contains '{target}', which is not a column{suggest(target, names) or known}")
        if isinstance(target, int) and not 0 <= target < count:
            raise ValueError(f"targets must contain column names, or indices from 0 to {count - 1}, not {target}")
        indices.append(names.index(target) if isinstance(target, str) else target)
    return indices


def _standard_deviation(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation (variables,); 1 for a constant variable."""
    deviation = values.std(axis=0)
    return np.where(deviation > 1e-9 * np.abs(values.mean(axis=0)), deviation, 1.0)
