"""The lines in which `seqkit explain` prints an explanation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np

from seqkit.explain.contents import ExplanationContents, LayerTrace, shade
from seqkit.explain.tokens import place_tokens, visible
from seqkit.messages import message, translate
from seqkit.terminal import align_left, align_right, colored, display_width, fit_width, shows_colors

_ADDS = ("48;5;153;38;5;16", "48;5;75;38;5;16", "48;5;25;38;5;231")
_TAKES = ("48;5;223;38;5;16", "48;5;214;38;5;16", "48;5;130;38;5;231")
"""The colors of values from small to large, each a background and a text color with enough contrast: blue for tokens
that add to the score, orange for those that take from it."""

_TOKEN_WIDTH = 14


def explanation_lines(explanation: ExplanationContents, stream: IO[str]) -> Iterator[str]:
    """Yield an explanation as lines in the language of the command line.

    They are the result, the text in color if the stream shows any, a table and its legend, and a table per trace.
    """
    return map(translate, _lines(explanation, stream))


def _lines(explanation: ExplanationContents, stream: IO[str]) -> Iterator[str]:
    yield from _summary(explanation)
    if shows_colors(stream) and explanation.text:
        yield ""
        yield _colored_text(explanation, stream)
    yield ""
    yield from _table(explanation, stream)
    yield ""
    yield from _legend(explanation)
    for trace in explanation.traces:
        yield ""
        yield from _trace(trace)


def _summary(explanation: ExplanationContents) -> Iterator[str]:
    name = visible(explanation.label)
    if explanation.token is not None:
        yield message("word {number}, {word}", number=explanation.token, word=visible(explanation.word))
    if explanation.probability is None:
        first = message("{name}: {score:.4f}", name=name, score=explanation.score)
    else:
        first = message("{name}, probability {p:.4f}", name=name, p=explanation.probability)
        if explanation.label != explanation.predicted:
            first += message(" (most probable: {label})", label=visible(explanation.predicted))
    yield first
    yield message(
        "{unit} {score:+.3f}: {baseline:+.3f} without the tokens, {difference:+.3f} added by them",
        unit=_units()[explanation.unit],
        score=explanation.score,
        baseline=explanation.baseline,
        difference=explanation.difference,
    )


def _units() -> dict[str, str]:
    return {"log-odds": message("log-odds"), "value": message("value")}


def _colored_text(explanation: ExplanationContents, stream: IO[str]) -> str:
    values = explanation.attributions
    largest = max(map(abs, values), default=0.0)
    parts = []
    for (gap, token), value in zip(place_tokens(explanation.text, explanation.tokens), values, strict=True):
        parts += [
            visible(gap) if gap.strip() else gap.replace("\n", "⏎"),
            _shaded(visible(token), value, largest, stream),
        ]
    return "".join(parts)


def _shaded(text: str, value: float, largest: float, stream: IO[str]) -> str:
    """Return a text in the color of a value."""
    level = shade(value, largest)
    return colored(text, (_ADDS if value > 0 else _TAKES)[level - 1], stream) if level else text


def _table(explanation: ExplanationContents, stream: IO[str]) -> Iterator[str]:
    columns = explanation.columns()
    width = min(_TOKEN_WIDTH, max(map(display_width, map(visible, explanation.tokens)), default=0))
    last_rows = (translate(message("sum")), translate(message("remainder")))
    width = max(width, *map(display_width, last_rows))
    heads = [translate(_headings()[name]) for name in columns]
    widths = [max(display_width(head), 7) + 2 for head in heads]
    yield _head_line(width, heads, widths)
    largest = {
        name: max((abs(value) for value in values if value is not None), default=0.0)
        for name, values in columns.items()
    }
    for number, token in enumerate(explanation.tokens):
        line = f"{number + 1:>4}  {fit_width(visible(token), width)}"
        for (name, values), size in zip(columns.items(), widths, strict=True):
            value = values[number]
            if value is None:
                line += "-".rjust(size)
            elif name in ("gradients", "occlusion"):
                cell = f"{value:+.3f}"
                line += " " * (size - len(cell)) + _shaded(cell, value, largest[name], stream)
            else:
                line += f"{value:.3f}".rjust(size)
        yield line
    remainders = {"gradients": explanation.gradients_remainder, "occlusion": explanation.occlusion_remainder}
    for row, numbers in (
        (
            last_rows[0],
            {
                name: sum(value for value in columns[name] if value is not None)
                for name in remainders
                if name in columns
            },
        ),
        (last_rows[1], remainders),
    ):
        cells = [numbers.get(name) for name in columns]
        yield (
            f"{'':>4}  {align_left(row, width)}"
            + "".join(
                ("" if value is None else f"{value:+.3f}").rjust(size)
                for value, size in zip(cells, widths, strict=True)
            ).rstrip()
        )


def _headings() -> dict[str, str]:
    """Return the headings of the columns, by their names in JSON."""
    return {
        "gradients": message("gradients"),
        "occlusion": message("occlusion"),
        "pooling_weights": message("weight"),
        "ended": message("ended"),
        "began": message("began"),
        "forward": message("forward"),
        "backward": message("backward"),
    }


def _head_line(width: int, heads: Sequence[str], widths: Sequence[int]) -> str:
    cells = map(align_right, heads, widths)
    return f"{'':>4}  {align_left(translate(message('token')), width)}{''.join(cells)}"


def _legend(explanation: ExplanationContents) -> Iterator[str]:
    what = message("the number") if explanation.probability is None else message("the probability")
    if explanation.gradients is not None:
        yield message(
            "gradients: integrated gradients, which add up to what all tokens add ({steps} points)",
            steps=explanation.gradient_steps,
        )
    yield message("occlusion: how much lower the score is without the token; tokens also work together")
    if explanation.pooling_weights is not None:
        yield message("weight: of the token in the attention pooling of the head")
    yield message("ended, began: {what} if the text ended after the token, or began with it", what=what)
    if explanation.forward is not None:
        yield message("forward, backward: the same, from this half of the encoder alone")


def _trace(trace: LayerTrace) -> Iterator[str]:
    """Yield the mean magnitude of the values of a layer by time step."""
    heads = [translate(name) for name in trace.values]
    means = {name: np.abs(values).mean(axis=1) for name, values in trace.values.items()}
    units = {values.shape[1] for values in trace.values.values()}
    yield message(
        "{name}: mean magnitude over {units} units",
        name=trace.name,
        units=" / ".join(map(str, sorted(units))),
    )
    width = min(_TOKEN_WIDTH, max(map(display_width, map(visible, trace.time_steps))))
    width = max(width, display_width(translate(message("token"))))
    widths = [max(display_width(head), 5) + 2 for head in heads]
    yield _head_line(width, heads, widths)
    for number, token in enumerate(trace.time_steps):
        cells = "".join(f"{means[name][number]:.3f}".rjust(size) for name, size in zip(means, widths, strict=True))
        yield f"{number + 1:>4}  {fit_width(visible(token), width)}{cells}"
