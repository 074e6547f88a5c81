"""Test cases of these components, for `seqkit check-plugin` and the tests."""

from __future__ import annotations

import numpy as np

from seqkit.contracts import Example
from seqkit.testing import Check, checks_for_head, checks_for_reader
from seqkit_forecast.forecast import Forecast
from seqkit_forecast.series import Series

CSV = "date,visits,sales\n2024-01-01,1,2.5\n2024-01-02,3,4.5\n2024-01-03,5,-6\n"


def random_walks() -> list[Example]:
    """Return random walks of two columns, long enough for several windows each."""
    generator = np.random.default_rng(0)
    return [
        Example(generator.normal(size=(steps, 2)).cumsum(axis=0) + 20, feature_names=("visits", "sales"))
        for steps in (9, 11)
    ]


def series() -> list[Check]:
    """Return the checks of the reader `series`."""
    return checks_for_reader(
        lambda path: Series(path=path),
        CSV,
        suffix=".csv",
        expected=[(np.array([[1, 2.5], [3, 4.5], [5, -6]]), None)],
        broken={CSV + "2024-01-04,7\n": 5, CSV + "2024-01-04,7,x\n": 5, CSV + "2024-01-02,7,8\n": 5},
    )


def forecast() -> list[Check]:
    """Return the checks of the head `forecast`, for several settings."""
    settings = {
        "mse": lambda: Forecast(input_length=4, horizon=2, season=2, dropout=0.3),
        "quantiles": lambda: Forecast(input_length=4, horizon=2, quantiles=[0.1, 0.5, 0.9]),
        "ridge": lambda: Forecast(input_length=3, horizon=2, targets=[1], linear="ridge", loss="mae"),
        "normalize": lambda: Forecast(
            input_length=4,
            horizon=2,
            normalize="standard",
            share_linear=True,
            trend=3,
            windows="published",
            loss="huber",
        ),
    }
    return [check.named(name) for name, head in settings.items() for check in checks_for_head(head, random_walks())]
