"""The progress of training in one line that fits into a given width."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seqkit.messages import message, translate
from seqkit.terminal import display_width, fit_width
from seqkit.training.result_lines import format_number

_MIN_BAR = 12
_MAX_BAR = 40


@dataclass(frozen=True)
class Status:
    """The state of training after a step.

    Attributes:
        epoch: the number of the current epoch, from 1.
        epochs: the number of all epochs.
        step: the number of steps so far.
        steps: the number of all steps. Early stopping can end training before.
        rate: steps per second, evaluation included; None at first.
        loss: the training loss of the step.
        metric: `train.metric` in the last evaluation of `valid`, and its name; None before.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    rate: float | None
    loss: float
    metric: tuple[str, float] | None = None


def progress_line(status: Status, width: int | None = None) -> str:
    """Return the longest form of the line that fits; the shortest one, cut, if none does.

    Args:
        status: the state of training.
        width: the number of columns; None for any. A bar fills the columns that are left.
    """
    forms = [_join(status, "  ", long=True), _join(status, "  ", long=False), _join(status, " ", long=False)]
    if width is None:
        return fit_width(forms[0], display_width(forms[0]))
    line = fit_width(next((form for form in forms if display_width(form) <= width), forms[-1]), width).rstrip()
    left = min(width - display_width(line) - 2, _MAX_BAR)
    return f"{_bar(status, left)}  {line}" if left >= _MIN_BAR else line


def _join(status: Status, separator: str, *, long: bool) -> str:
    """Return the line with all names and units, or with those alone that a reader cannot guess."""
    percent = f"{100 * status.step // status.steps}%"
    loss = message("loss {loss}", loss=format_number("loss", status.loss) if long else f"{status.loss:.3g}")
    parts = [percent]
    if long:
        parts = [
            message("epoch {epoch}/{epochs}", epoch=status.epoch, epochs=status.epochs),
            percent,
            message("step {step:,}/{steps:,}", step=status.step, steps=status.steps),
        ]
    if status.rate:
        left = _duration((status.steps - status.step) / status.rate)
        parts += [_speed(status.rate, long=long), message("{time} left", time=left) if long else left]
    parts.append(loss)
    if status.metric:
        name, value = status.metric
        if long:
            parts.append(message("valid {name} {value}", name=name, value=format_number(name, value)))
        else:
            parts.append(f"{'valid' if name == 'loss' else name} {value:.3g}")
    return separator.join(map(translate, parts))


def _speed(rate: float, *, long: bool) -> str:
    if rate >= 1:
        number = f"{rate:,.0f}" if rate >= 9.95 else f"{rate:.1f}"
        return message("{number} steps/s", number=number) if long else f"{number}/s"
    number = f"{1 / rate:,.1f}"
    return message("{number} s/step", number=number) if long else message("{number}s/step", number=number)


def _duration(seconds: float) -> str:
    """Return a duration as minutes and seconds, with hours and days if there are any."""
    minutes, seconds = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes}:{seconds:02}"
    days, hours = divmod(hours, 24)
    clock = f"{hours}:{minutes:02}:{seconds:02}"
    return message("{days}d {clock}", days=days, clock=clock) if days else clock


def _bar(status: Status, width: int) -> str:
    done = (width - 2) * status.step // status.steps
    return f"[{'=' * done}{' ' * (width - 2 - done)}]"
