"""Forecasts of series of numbers."""

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "series", "seqkit_forecast.series:Series", "numbers by date, from a csv", checks="seqkit_forecast.checks:series"
    )


@seqkit.hookimpl
def seqkit_encoders() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "segments", "seqkit_forecast.segments:Segments", "each variable on its own, a segment at a time"
    )


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "forecast",
        "seqkit_forecast.forecast:Forecast",
        "the next steps of a series, and quantiles",
        checks="seqkit_forecast.checks:forecast",
    )
