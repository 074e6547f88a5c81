"""What can go wrong, each with the exit code that the command line ends with.

Every message is complete in one line: the place, what is wrong there, and what to do. The command line prints
`lines` and nothing else; a traceback needs `--debug`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category


class SeqkitError(Exception):
    """The base of every error that seqkit raises on purpose."""

    exit_code = 1

    @property
    def lines(self) -> list[str]:
        """One line a fault, ready to print."""
        return [_one_line(str(self))]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a recipe.

    Attributes:
        where: `file:line:col`, or `command line` for an override, or `recipe` for a dictionary.
        key: the dotted path of the key, empty when the fault is the file's as a whole.
        message: what is wrong and what to do.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class RecipeError(SeqkitError):
    """A recipe is wrong. Carries every fault that was found, in the order of the file."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @property
    def lines(self) -> list[str]:
        return [_one_line(str(fault)) for fault in self.faults]


class UsageError(SeqkitError):
    """The command line, or the arguments of a function, are wrong."""

    exit_code = 2


class DataError(SeqkitError):
    """The data is wrong: a file is missing, empty, not in its stated encoding, or an example is unusable."""

    exit_code = 3


class UnknownText(DataError):
    """A text holds something that the tokenizer's vocabulary does not, and `unknown: error` says to refuse it.

    Args:
        message: what is wrong; or what is unknown, where its `place` is given too.
        place: which symbol of the text it is, from 0.
        remedy: what to do about it, after the place.
    """

    def __init__(self, message: str, place: int | None = None, remedy: str = "") -> None:
        super().__init__(message if place is None else f"{message}, symbol {place + 1} of the text, {remedy}")
        self.message = message
        self.place = place
        self.remedy = remedy

    def after(self, characters: int) -> UnknownText:
        """Returns the error of a text that has so many characters before this one."""
        return UnknownText(self.message, None if self.place is None else self.place + characters, self.remedy)


class PluginError(SeqkitError):
    """A plugin is wrong, missing, or in conflict with another."""

    exit_code = 4


class NotFiniteError(SeqkitError):
    """Training met a number that is not finite; the step that met it was not taken."""

    exit_code = 5


class ProcessLost(SeqkitError):
    """Another of the processes that train together has gone."""


class PeerStopped(SeqkitError):
    """This process stops because another does, which says why; or process 0 says for another what stopped that.

    Attributes:
        exit_code: the other's.
    """

    def __init__(self, exit_code: int, lines: Sequence[str] = ()) -> None:
        super().__init__("\n".join(lines))
        self.exit_code = exit_code
        self._lines = list(lines)

    @property
    def lines(self) -> list[str]:
        return self._lines


class StopTraining(Exception):
    """Raised by a plugin's `seqkit_epoch_end` to end training there, as if the run had been that long.

    Its message says why.
    """


class StopAsked(Exception):
    """A signal asks to stop where there is something to save first.

    Attributes:
        signal_number: which.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Interrupted(SeqkitError):
    """A run was asked to stop by a signal, and stopped after saving what there was.

    Attributes:
        exit_code: 128 + the signal's number: 130 for SIGINT, 143 for SIGTERM.
    """

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def _one_line(text: str) -> str:
    """Returns a text with nothing in it that ends a line or that a terminal obeys: a recipe may be a stranger's."""
    return "".join(
        " " if letter == "\n" else repr(letter)[1:-1] if category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter
        for letter in text
    )


def suggest(word: str, known: Sequence[str]) -> str:
    """Returns ` (did you mean 'x'?)` for the closest known word, or nothing when none is close."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


def in_order(faults: list[Fault]) -> list[Fault]:
    """Sorts by line within each file, and drops repetitions."""

    def place(fault: Fault) -> tuple[str, int, int]:
        file, *numbers = fault.where.rsplit(":", 2)
        if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
            return file, int(numbers[0]), int(numbers[1])
        return fault.where, 0, 0

    return sorted(dict.fromkeys(faults), key=place)
