"""The lines in which `seqkit explain` prints an explanation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np

from seqkit.cli.columns import blocks, text_lines
from seqkit.explain.contents import ExplanationContents, LayerTrace, shade
from seqkit.explain.tokens import place_tokens, visible
from seqkit.messages import message, translate
from seqkit.terminal import align_left, align_right, colored, display_width, fit_width, shows_colors

_ADDS = ("48;5;153;38;5;16", "48;5;75;38;5;16", "48;5;25;38;5;231")
_TAKES = ("48;5;223;38;5;16", "48;5;214;38;5;16", "48;5;130;38;5;231")
"""The colors of values from small to large, each a background and a text color with enough contrast: blue for tokens
that add to the score, orange for those that take from it."""

_TOKEN_WIDTH = 14
_MIN_TOKEN_WIDTH = 8
_NUMBER_WIDTH = 6
"""The width of the number of a token, with the spaces after it."""


def explanation_lines(explanation: ExplanationContents, stream: IO[str], width: int | None = None) -> Iterator[str]:
    """Yield an explanation as lines in the language of the command line.

    They are the result, the text in color if the stream shows any, a table and its legend, and a table per trace.

    Args:
        explanation: the explanation.
        stream: where the lines are printed.
        width: the number of columns of the terminal, in which tables are divided into several below each other where
            they are wider. None to print each line and each table whole.
    """
    for line in _summary(explanation):
        yield from text_lines(line, width, 2)
    if shows_colors(stream) and explanation.text:
        yield ""
        yield from _colored_text(explanation, stream, width)
    yield ""
    yield from _table(explanation, stream, width)
    yield ""
    for line in _legend(explanation):
        yield from text_lines(line, width, 2)
    for trace in explanation.traces:
        yield ""
        yield from _trace(trace, width)


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


def _colored_text(explanation: ExplanationContents, stream: IO[str], width: int | None) -> Iterator[str]:
    values = explanation.attributions
    largest = max(map(abs, values), default=0.0)
    line, used = "", 0
    for (gap, token), value in zip(place_tokens(explanation.text, explanation.tokens), values, strict=True):
        space, shown = (visible(gap) if gap.strip() else gap.replace("\n", "⏎")), visible(token)
        if width is not None and line and used + display_width(space + shown) > width:
            yield line
            line, used, space = "", 0, space.lstrip()
        line += space + _shaded(shown, value, largest, stream)
        used += display_width(space + shown)
    yield line


def _shaded(text: str, value: float, largest: float, stream: IO[str]) -> str:
    """Return a text in the color of a value."""
    level = shade(value, largest)
    return colored(text, (_ADDS if value > 0 else _TAKES)[level - 1], stream) if level else text


def _table(explanation: ExplanationContents, stream: IO[str], width: int | None) -> Iterator[str]:
    columns = explanation.columns()
    last_rows = (translate(message("sum")), translate(message("remainder")))
    heads = [translate(_headings()[name]) for name in columns]
    sizes = [max(display_width(head), 7) + 2 for head in heads]
    tokens = list(map(visible, explanation.tokens))
    token_width = _token_width(tokens, last_rows, sizes, width)
    sums: dict[str, float | None] = {
        name: sum(value for value in columns[name] if value is not None)
        for name in ("gradients", "occlusion")
        if name in columns
    }
    remainders: dict[str, float | None] = {
        "gradients": explanation.gradients_remainder,
        "occlusion": explanation.occlusion_remainder,
    }
    cells = {name: _cells(name, values, stream) for name, values in columns.items()}
    for number, block in enumerate(_blocks(sizes, token_width, width)):
        names = [list(columns)[place] for place in block]
        if number:
            yield ""
        yield _head_line(token_width, [heads[place] for place in block], [sizes[place] for place in block])
        for row, token in enumerate(tokens):
            line = f"{row + 1:>4}  {fit_width(token, token_width)}"
            for name, place in zip(names, block, strict=True):
                text, shown = cells[name][row]
                line += " " * (sizes[place] - len(text)) + shown
            yield line
        for title, numbers in zip(last_rows, (sums, remainders), strict=True):
            values = [numbers.get(name) for name in names]
            if len(block) < len(sizes) and all(value is None for value in values):
                continue
            line = f"{'':>4}  {align_left(title, token_width)}"
            for value, place in zip(values, block, strict=True):
                line += ("" if value is None else f"{value:+.3f}").rjust(sizes[place])
            yield line.rstrip()


def _cells(name: str, values: Sequence[float | None], stream: IO[str]) -> list[tuple[str, str]]:
    """Return the cells of a column, each without and with its color."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    found = []
    for value in values:
        if value is None:
            found.append(("-", "-"))
        elif name in ("gradients", "occlusion"):
            text = f"{value:+.3f}"
            found.append((text, _shaded(text, value, largest, stream)))
        else:
            found.append((f"{value:.3f}", f"{value:.3f}"))
    return found


def _token_width(tokens: Sequence[str], others: Sequence[str], sizes: Sequence[int], width: int | None) -> int:
    """Return the width of the column of tokens, which is smaller in a narrow terminal.

    Args:
        tokens: the tokens.
        others: other texts in the column, which are not cut.
        sizes: the widths of the other columns.
        width: the number of columns of the terminal.
    """
    least = max(map(display_width, others))
    wanted = min(_TOKEN_WIDTH, max(map(display_width, tokens), default=0))
    if width is not None:
        wanted = min(wanted, max(width - _NUMBER_WIDTH - sum(sizes), _MIN_TOKEN_WIDTH))
    return max(wanted, least)


def _blocks(sizes: Sequence[int], token_width: int, width: int | None) -> list[list[int]]:
    """Divide the columns into those that fit in the terminal beside the tokens. Returns their indices."""
    return [list(range(len(sizes)))] if width is None else blocks(sizes, width - _NUMBER_WIDTH - token_width)


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


def _trace(trace: LayerTrace, width: int | None) -> Iterator[str]:
    """Yield the mean magnitude of the values of a layer by time step."""
    heads = [translate(name) for name in trace.values]
    means = {name: np.abs(values).mean(axis=1) for name, values in trace.values.items()}
    units = {values.shape[1] for values in trace.values.values()}
    title = message(
        "{name}: mean magnitude over {units} units",
        name=trace.name,
        units=" / ".join(map(str, sorted(units))),
    )
    yield from text_lines(title, width, 2)
    sizes = [max(display_width(head), 5) + 2 for head in heads]
    tokens = list(map(visible, trace.time_steps))
    token_width = _token_width(tokens, [translate(message("token"))], sizes, width)
    for number, block in enumerate(_blocks(sizes, token_width, width)):
        if number:
            yield ""
        yield _head_line(token_width, [heads[place] for place in block], [sizes[place] for place in block])
        for row, token in enumerate(tokens):
            values = "".join(f"{means[list(means)[place]][row]:.3f}".rjust(sizes[place]) for place in block)
            yield f"{row + 1:>4}  {fit_width(token, token_width)}{values}"
