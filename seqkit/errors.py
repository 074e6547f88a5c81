"""The errors that seqkit raises, each with the exit code of the command line.

Each message is one line that says what is wrong, where, and what to do. The command line prints only the `lines` of an
error; `--debug` raises it, with its traceback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category

from seqkit.look_alikes import find_look_alike
from seqkit.messages import Message, listed, message, translate

_COLON, _NEW_LINE = Message(": ", {}), Message("\n", {})  # they join messages to a message

__all__ = [
    "DataError",
    "Fault",
    "Interrupted",
    "MissingFilesError",
    "NotFiniteError",
    "PluginError",
    "RecipeError",
    "SeqkitError",
    "StopTraining",
    "UnknownText",
    "UsageError",
    "describe_error",
    "describe_os_error",
    "explain_missing_column",
    "suggest",
]


class SeqkitError(Exception):
    """Base class of the errors that seqkit raises.

    Attributes:
        exit_code: the exit code of the command line.
    """

    exit_code = 1

    @property
    def lines(self) -> list[str]:
        """The message for the command line, in its language, one line per error."""
        return [one_line(translate(str(self)))]


@dataclass(frozen=True)
class Fault:
    """A mistake at a position in a recipe.

    Attributes:
        location: `file:line:column`; `command line` for an override, `recipe` for a dictionary.
        key: the dotted path of the key; empty if the whole file is wrong.
        message: what is wrong, and what to do.
    """

    location: str
    key: str
    message: str

    def __str__(self) -> str:
        return _COLON.join(part for part in (self.location, self.key, self.message) if part)


class _FaultsError(SeqkitError):
    """The base of errors that consist of faults, one line each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        super().__init__(_NEW_LINE.join(str(fault) for fault in self.faults))

    @property
    def lines(self) -> list[str]:
        """The message for the command line, in its language, one line per fault."""
        return [one_line(translate(str(fault))) for fault in self.faults]


class RecipeError(_FaultsError):
    """A recipe is wrong.

    Attributes:
        faults: everything that is wrong, in the order of the file.
    """

    exit_code = 2


class UsageError(SeqkitError):
    """The command line, or an argument of a function, is wrong."""

    exit_code = 2


class DataError(SeqkitError):
    """The data is wrong: a file is missing, empty or not in its encoding, or an example is invalid."""

    exit_code = 3


class MissingFilesError(_FaultsError, DataError):
    """Files that a recipe names are missing, or cannot be read.

    Attributes:
        faults: what is wrong with each file, in the order of the recipe.
    """


class UnknownText(DataError):
    """A text contains a token that is not in the vocabulary, and the tokenizer is configured to raise an error for it.

    Args:
        text: the message; or the unknown token, if its `position` is given.
        position: the index of the token in the text, from 0.
        problem: the rest of the message, after the token and its position.
    """

    def __init__(self, text: str, position: int | None = None, problem: str = "") -> None:
        super().__init__(
            text
            if position is None
            else message(
                "{token}, token {number} of the text, {problem}", token=text, number=position + 1, problem=problem
            )
        )
        self.text = text
        self.position = position
        self.problem = problem

    def shift(self, tokens: int) -> UnknownText:
        """Return the error with `position` increased by the number of tokens before this chunk of the text."""
        return UnknownText(self.text, None if self.position is None else self.position + tokens, self.problem)


class PluginError(SeqkitError):
    """A plugin is wrong or missing, or two plugins are in conflict."""

    exit_code = 4


class NotFiniteError(SeqkitError):
    """A loss or a gradient is infinite or not a number. The optimizer step is not applied."""

    exit_code = 5


class ConnectionLost(SeqkitError):
    """Another process of a distributed run has ended unexpectedly."""


class OtherProcessStopped(SeqkitError):
    """This process of a distributed run stops because another process stopped.

    Args:
        exit_code: the exit code of the other process.
        lines: the message of the other process, in process 0, which reports it; empty elsewhere.
    """

    def __init__(self, exit_code: int, lines: Sequence[str] = ()) -> None:
        super().__init__("\n".join(lines))
        self.exit_code = exit_code
        self._lines = list(lines)

    @property
    def lines(self) -> list[str]:
        """The message of the other process."""
        return self._lines


class StopTraining(Exception):
    """Raised by a plugin's `seqkit_epoch_end` to end training after this epoch, as if it were the last.

    Its message is the reason.
    """


class StopRequested(Exception):
    """A signal requested a stop, and the run is at a point where it can save a checkpoint.

    Args:
        signal_number: the number of the signal.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Interrupted(SeqkitError):
    """A signal ended a command. A run that had a checkpoint can be resumed, as the message says.

    Args:
        signal_number: the number of the signal. The exit code is 128 plus it: 130 for SIGINT, 143 for SIGTERM.
        text: the message.
    """

    def __init__(self, signal_number: int, text: str) -> None:
        super().__init__(text)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def describe_error(error: BaseException) -> str:
    """Return an exception in one line, with the name of its class unless it is a PluginError."""
    if isinstance(error, PluginError):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}".split())


def describe_os_error(error: BaseException) -> str:
    """Return the reason of an error of the operating system, without its number; the usual reasons are translated."""
    reason = getattr(error, "strerror", None) or str(error)
    return Message(reason.replace("{", "{{").replace("}", "}}"), {})


def suggest(word: str, known: Sequence[str]) -> str:
    """Return ` (did you mean 'x'?)` for the most similar known word in any case, or nothing if none is similar."""
    from difflib import get_close_matches

    lower = {name.lower(): name for name in known}
    similar = get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return message(" (did you mean '{word}'?)", word=lower[similar[0]]) if similar else ""


def explain_missing_column(name: str, columns: Sequence[str], *, are_keys: bool = False) -> str:
    """Return the end of a message that a table has no such column: what to write instead, or its columns.

    Args:
        name: the name.
        columns: the names of the columns.
        are_keys: whether they are the keys of an object of JSON.
    """
    found = suggest(name, columns)
    if not found:
        shown = listed(column if len(column) <= 40 else column[:39] + "…" for column in columns[:20])
        found = (
            message("; the keys are {keys}", keys=shown)
            if are_keys
            else message("; the columns are {columns}", columns=shown)
        )
    if (look_alike := find_look_alike(name)) and not any(map(find_look_alike, columns)):
        found += message("; '{name}' has {look_alike}", name=name, look_alike=look_alike)
    return found


def sort_faults(faults: list[Fault]) -> list[Fault]:
    """Sort faults by line within each file, and drop duplicates."""

    def position(fault: Fault) -> tuple[str, int, int]:
        file, *numbers = fault.location.rsplit(":", 2)
        if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
            return file, int(numbers[0]), int(numbers[1])
        return fault.location, 0, 0

    return sorted(dict.fromkeys(faults), key=position)


def one_line(text: str) -> str:
    """Return a text without line ends and control characters, which an untrusted recipe can contain.

    What is too long to read, such as a quoted value of a damaged file, is cut in its middle: the location is at the
    start of a message, and the remedy at its end. A path is kept, and so is a Chinese text, whose punctuation
    ends words.
    """
    visible = "".join(
        " " if letter == "\n" else repr(letter)[1:-1] if category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter
        for letter in text
    )
    line = re.sub(r"[^\s/、，；：。！？（）“”]{101,}", lambda word: _cut(word[0], 60, 20), visible)
    return _cut(line, 400, 180) if len(line) > 600 else line


def _cut(text: str, start: int, end: int) -> str:
    return f"{text[:start]}…{text[-end:]}"
