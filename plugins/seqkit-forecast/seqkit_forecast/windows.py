"""Sliding windows over a series: time steps to read, followed by time steps to forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


@dataclass(frozen=True)
class SlidingWindows:
    """The shape of the windows, and the function that cuts a series into them.

    Attributes:
        input_length: the number of time steps to read.
        horizon: the number of time steps after them to forecast.
        stride: the number of time steps from the start of one window to the start of the next.
    """

    input_length: int
    horizon: int
    stride: int

    @property
    def length(self) -> int:
        """The length of a whole window, in time steps."""
        return self.input_length + self.horizon

    def cut(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cut a series into windows.

        Args:
            values: (time, columns).

        Returns:
            Views of the series, (windows, input_length, columns) and (windows, horizon, columns); empty if the series
            is shorter than one window.
        """
        if len(values) < self.length:
            none = np.empty((0, self.length, values.shape[1]), values.dtype)
            return none[:, : self.input_length], none[:, self.input_length :]
        windows = sliding_window_view(values, self.length, axis=0)[:: self.stride].transpose(0, 2, 1)
        return windows[:, : self.input_length], windows[:, self.input_length :]
