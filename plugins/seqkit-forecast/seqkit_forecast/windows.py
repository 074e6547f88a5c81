"""Windows of a series: so many steps to read, and those after them to tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


@dataclass(frozen=True)
class Cut:
    """How a series is cut.

    Attributes:
        input_length: the steps that are read.
        horizon: the steps after them, that are told.
        stride: from the start of one window to the next.
    """

    input_length: int
    horizon: int
    stride: int

    @property
    def length(self) -> int:
        """The steps that a window takes in all."""
        return self.input_length + self.horizon

    def __call__(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """values (time, columns) -> views of it, (windows, input_length, columns) and (windows, horizon, columns).

        There are no windows where the series is too short for one.
        """
        if len(values) < self.length:
            none = np.empty((0, self.length, values.shape[1]), values.dtype)
            return none[:, : self.input_length], none[:, self.input_length :]
        windows = sliding_window_view(values, self.length, axis=0)[:: self.stride].transpose(0, 2, 1)
        return windows[:, : self.input_length], windows[:, self.input_length :]
