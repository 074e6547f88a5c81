"""Forecasting of numeric series."""

from collections.abc import Iterator

import seqkit
from seqkit.messages import message


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "series",
        "seqkit_forecast.series:Series",
        message("numeric series from a CSV file, one row per time step"),
        checks="seqkit_forecast.checks:series",
    )


@seqkit.hookimpl
def seqkit_encoders() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "segments",
        "seqkit_forecast.segments:Segments",
        message("segments of each variable, with shared weights (SegRNN)"),
    )
    yield seqkit.Component(
        "normalized",
        "seqkit_forecast.normalization:Normalized",
        message("rows relative to their own level and scale (RevIN), for another encoder"),
    )


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "forecast",
        "seqkit_forecast.forecast:Forecast",
        message("the next time steps of a series, with optional quantiles"),
        checks="seqkit_forecast.checks:forecast",
    )


@seqkit.hookimpl
def seqkit_tasks() -> Iterator[seqkit.Task]:
    yield seqkit.Task("forecast", "seqkit_forecast.tasks:forecast", message("the next time steps of a series"))
