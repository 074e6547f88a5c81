"""The variables to forecast: their columns, and their scales in the training split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from seqkit.errors import DataError, NotFiniteError, explain_missing_column
from seqkit.messages import listed, message
from seqkit_forecast.calendar_features import CALENDAR_COLUMNS
from seqkit_forecast.metrics import seasonal_naive_errors
from seqkit_forecast.scales import LARGEST, SMALLEST_DEVIATION, check_size, mean_and_deviation

STATISTICS = ("shift", "scale", "deviation", "seasonal_error")

LARGEST_STANDARDIZED = 1e15
"""The largest standardized value: float32 represents its square, and the sum of many."""


class TargetVariables:
    """The variables to forecast, and the conversion between the data's units and standardized units.

    Attributes:
        column_count: the number of columns of the data.
        column_names: the names of all columns; empty if they have none.
        columns: the indices of the columns to forecast.
        calendar: the indices of the columns that the reader computed from dates.
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
        self.calendar = [index for index, name in enumerate(column_names) if name in CALENDAR_COLUMNS]
        self.log = log
        self.shift, self.scale, self.deviation, self.seasonal_error = np.empty((len(STATISTICS), len(columns)))

    @classmethod
    def fit(
        cls,
        series: Sequence[np.ndarray],
        locations: Sequence[str],
        column_names: Sequence[str],
        targets: Sequence[str | int] | None,
        log: bool,
        season: int,
    ) -> TargetVariables:
        """Compute the statistics of the training split.

        Args:
            series: arrays (time, columns).
            locations: where each series is, for messages.
            column_names: the names of the columns; empty if they have none.
            targets: the columns to forecast, by name or index; None for all but calendar columns.
            log: whether to standardize logarithms.
            season: the length of a season, in time steps.

        Raises:
            ValueError: a target is not a column.
            DataError: a value has no logarithm, or the numbers are too large or too close together.
        """
        count = series[0].shape[1]
        columns = (
            _value_columns(count, column_names) if targets is None else _column_indices(targets, count, column_names)
        )
        variables = cls(count, column_names, columns, log)
        for values, location in zip(series, locations, strict=True):
            try:
                check_size(values, variables.column_labels)
                variables.check_logarithms(values)
            except DataError as error:
                raise DataError(message("{location}: {error}", location=location, error=error)) from None
        selected = [variables.select(values) for values in series]
        transformed = np.concatenate([variables.transform(values) for values in selected])
        variables.shift, scale = mean_and_deviation(transformed)
        _, deviation = mean_and_deviation(np.concatenate(selected))
        for name, smallest in zip(variables.names, np.minimum(scale, deviation), strict=True):
            if 0 < smallest < SMALLEST_DEVIATION:
                raise DataError(
                    message(
                        "{location}: '{name}' has a standard deviation of {deviation:g}, but it must be 0 or at least "
                        "{smallest:g}: rescale the column",
                        location=locations[0] if len(locations) == 1 else message("all series"),
                        name=name,
                        deviation=smallest,
                        smallest=SMALLEST_DEVIATION,
                    )
                )
        # A constant variable is only shifted, and MASE leaves it out.
        is_constant = deviation == 0
        variables.scale = np.where(scale == 0, 1.0, scale)
        variables.deviation = np.where(is_constant, 1.0, deviation)
        variables.seasonal_error = np.where(is_constant, 0.0, seasonal_naive_errors(selected, season))
        return variables

    @classmethod
    def from_state(cls, state: Mapping[str, Any], targets: Sequence[str | int] | None, log: bool) -> TargetVariables:
        """Return the variables that `state` describes.

        Args:
            state: what `state` returned, or JSON that was edited.
            targets: the columns to forecast, as for `fit`.
            log: whether to standardize logarithms.

        Raises:
            DataError: the state is invalid.
        """
        count, names, columns = (state.get(key) for key in ("columns", "names", "targets"))
        if type(count) is not int or count < 1:
            raise DataError(message("columns must be a positive integer"))
        if not isinstance(names, list) or not all(type(name) is str for name in names):
            raise DataError(message("names must be a list of strings"))
        if names and len(set(names)) != count:
            raise DataError(message("names must contain {count:,} different names, or none", count=count))
        if not isinstance(columns, list) or not columns or not all(type(column) is int for column in columns):
            raise DataError(message("targets must be a list of integers"))
        try:
            if targets is not None:
                expected = _column_indices(targets, count, names)
            else:
                # An edited count can be too large for memory.
                expected = _value_columns(count, names) if names or len(columns) == count else []
        except ValueError as error:
            raise DataError(str(error)) from None
        if columns != expected:
            raise DataError(message("targets are not the columns that the recipe forecasts"))
        variables = cls(count, names, columns, log)
        for name in STATISTICS:
            values = state.get(name)
            if not isinstance(values, list) or len(values) != len(columns) or not all(map(_is_number, values)):
                raise DataError(
                    message(
                        "{name} must be a list of {count:,} numbers of at most {largest:g}",
                        name=name,
                        count=len(columns),
                        largest=LARGEST,
                    )
                )
            setattr(variables, name, np.array(values, dtype=np.float64))
        if min(*variables.scale, *variables.deviation) < SMALLEST_DEVIATION or min(variables.seasonal_error) < 0:
            raise DataError(message("scale and deviation must be positive, and seasonal_error must not be negative"))
        return variables

    def state(self) -> dict[str, Any]:
        """Return everything but `log` as JSON types."""
        statistics = {name: getattr(self, name).tolist() for name in STATISTICS}
        return {"columns": self.column_count, "names": self.column_names, "targets": self.columns} | statistics

    @property
    def names(self) -> list[str]:
        """The names of the variables; their column indices if the columns have no names."""
        return [self.column_labels[column] for column in self.columns]

    @property
    def column_labels(self) -> list[str]:
        """The names of all columns; their indices if they have no names."""
        return self.column_names or [str(column) for column in range(self.column_count)]

    def check(self, values: np.ndarray, column_names: Sequence[str] = (), start: int = 0) -> None:
        """Check that a series has the columns of the training split, and values that the model can compute with.

        Args:
            values: (time, columns).
            column_names: the names of the columns, if they have any.
            start: the index of the first of these time steps in the series.

        Raises:
            DataError: the columns differ, a value has no logarithm, or a value is too large.
        """
        if column_names and self.column_names and list(column_names) != self.column_names:
            if missing := [name for name in self.column_names if name not in column_names]:
                raise DataError(
                    message(
                        "no column {missing}, which the model was trained on; the columns are {columns}: add it, or "
                        "rename one of them",
                        missing=listed(repr(name) for name in missing),
                        columns=listed(column_names),
                    )
                )
            raise DataError(
                message(
                    "the columns are {columns}, but the model was trained on {trained}: list them in this order "
                    "with `columns:`",
                    columns=listed(column_names),
                    trained=listed(self.column_names),
                )
            )
        if values.shape[1] != self.column_count:
            raise DataError(
                message(
                    "{count} columns, but the model was trained on {expected}",
                    count=values.shape[1],
                    expected=self.column_count,
                )
            )
        check_size(values, self.column_labels, start)
        self.check_logarithms(values, start)
        selected = self.select(values)
        standardized = self.standardize(selected)
        if (excess := np.abs(standardized) > LARGEST_STANDARDIZED).any():
            step, variable = np.argwhere(excess)[0]
            raise DataError(
                message(
                    "'{name}' is {value:g} at time step {step:,}, too far from the values of the training split: "
                    "correct it",
                    name=self.names[variable],
                    value=selected[step, variable],
                    step=start + step + 1,
                )
            )

    def check_logarithms(self, values: np.ndarray, start: int = 0) -> None:
        """Check that the values to forecast have logarithms, if `log`.

        Args:
            values: (time, columns).
            start: the index of the first of these time steps in the series.

        Raises:
            DataError: a value has no logarithm. The message names its column and time step.
        """
        selected = self.select(values)
        if self.log and not (selected > 0).all():
            step, variable = np.argwhere(~(selected > 0))[0]
            raise DataError(
                message(
                    "'{name}' is {value:g} at time step {step:,}, which has no logarithm: train with `log: false`, or "
                    "add a constant to make all values positive",
                    name=self.names[variable],
                    value=selected[step, variable],
                    step=start + step + 1,
                )
            )

    def select(self, values: np.ndarray) -> np.ndarray:
        """Return the columns to forecast: (…, columns) to (…, variables). A view if those are all columns."""
        return values if self.columns == list(range(self.column_count)) else values[..., self.columns]

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithms of values (…, variables) if `log`; else the values."""
        return np.log(values) if self.log else values

    def standardize(self, values: np.ndarray) -> np.ndarray:
        """Convert values (…, variables) from the data's units to standardized units."""
        return (self.transform(values) - self.shift) / self.scale

    def standardize_tensor(self, values: Tensor) -> Tensor:
        """Convert a tensor (…, variables) from the data's units to standardized units, without a check for `log`."""
        transformed = values.log() if self.log else values
        return (transformed - values.new_tensor(self.shift)) / values.new_tensor(self.scale)

    def to_data_units(self, standardized: Tensor) -> np.ndarray:
        """Convert a tensor (…, variables) from standardized units to the data's units, as float64.

        Raises:
            NotFiniteError: a result is not finite.
        """
        transformed = standardized.detach().cpu().double().numpy() * self.scale + self.shift
        with np.errstate(over="ignore"):
            values = np.exp(transformed) if self.log else transformed
        if not np.isfinite(values).all():
            *_, step, variable = np.argwhere(~np.isfinite(values))[0]
            raise NotFiniteError(
                message(
                    "the forecast of '{name}' at time step {step:,} after the window is not finite: train with a "
                    "smaller train.optimizer.lr, with train.clip_norm, or with `log: false`",
                    name=self.names[variable],
                    step=step + 1,
                )
            )
        return values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _value_columns(count: int, names: Sequence[str]) -> list[int]:
    """Return the indices of all columns but those that the reader computed from dates."""
    return [index for index in range(count) if not names or names[index] not in CALENDAR_COLUMNS]


def _column_indices(targets: Sequence[str | int], count: int, names: Sequence[str]) -> list[int]:
    """Return the indices of columns that are given by name or index."""
    indices = []
    for target in targets:
        if isinstance(target, str) and target not in names:
            hint = (
                explain_missing_column(target, names)
                if names
                else message(": the columns have no names, use indices from 0")
            )
            raise ValueError(
                message(
                    "targets contains '{target}', which is not a column{hint}",
                    target=target,
                    hint=hint,
                )
            )
        if isinstance(target, int) and not 0 <= target < count:
            raise ValueError(
                message(
                    "targets must contain column names, or indices from 0 to {last}, not {target}",
                    last=count - 1,
                    target=target,
                )
            )
        indices.append(names.index(target) if isinstance(target, str) else target)
    if len(set(indices)) < len(indices):
        raise ValueError(message("targets contains a column twice, by its name and by its index"))
    return indices
