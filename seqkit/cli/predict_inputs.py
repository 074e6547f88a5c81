"""The inputs of `seqkit predict`: texts on the command line, and the lines of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.cli.lines import check_is_text, read_lines
from seqkit.cli.stderr import print_note
from seqkit.contracts import Example, TextPair
from seqkit.errors import DataError, UsageError
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.inference.run import Run

_LINES = 4096
"""The number of lines of a file that are predicted together."""


def inputs_of_arguments(trained: Run, texts: Sequence[str], second_texts: Sequence[str]) -> list[Any]:
    """Return the texts of the command line, with their second texts if the run reads pairs.

    A note says which text is the name of a file, which is not read.

    Raises:
        UsageError: there are second texts and the run reads single ones, or not one for each text.
    """
    if second_texts and (not texts or not trained.reads_pairs):
        problem = message("it needs a TEXT") if not texts else message("this run reads single texts, not pairs")
        raise UsageError(message("--pair: {problem}", problem=problem))
    file = next(filter(os.path.isfile, (*texts, *second_texts)), None)
    if file is not None and not trained.reads_features:
        note = message(
            "'{file}' is read as a text, but is also a file: to predict its texts, pass it to `seqkit predict` with "
            "--file (one text per line) or --data (in the format that the recipe reads)",
            file=file,
        )
        print_note(note)
    if not texts or not trained.reads_pairs:
        return list(texts)
    if len(second_texts) != len(texts):
        raise UsageError(
            message(
                "this run reads pairs of texts: give the second text of each text with --pair (texts: {texts}, --pair: "
                "{count})",
                texts=len(texts),
                count=len(second_texts),
            )
        )
    return list(map(TextPair, texts, second_texts))


def predict_lines(trained: Run, file: Path, encoding: str) -> Iterator[tuple[Example, dict[str, Any]]]:
    """Yield each line of a file with its prediction; a blank line has nulls, so that the lines stay aligned."""
    check_is_text(file, message("pass it with --data"))
    source = message("standard input") if str(file) == "-" else file
    lines = (
        Example(line, location=f"{source}:{number}", row=number)
        for number, line in enumerate(read_lines(file, encoding), start=1)
    )
    nulls: dict[str, Any] = {}  # of a prediction, known from the first line that is not blank
    block: list[Example] = []
    while new := list(islice(lines, _LINES)):
        block += new
        filled = [line for line in block if line.input.strip()]
        if trained.reads_pairs:
            filled = [replace(line, input=_split_pair(line)) for line in filled]
        predictions = list(trained.predict_examples(filled))
        if predictions:
            nulls = _nulls(predictions[0][1])
        if nulls:
            following = iter(predictions)
            for line in block:
                yield next(following) if line.input.strip() else (line, nulls | _text_of(line, nulls))
            block = []


def _text_of(line: Example, nulls: Mapping[str, Any]) -> dict[str, Any]:
    """Return the text of a blank line, if predictions have their texts: those of features do not."""
    return {"text": line.input} if "text" in nulls else {}


def _split_pair(line: Example) -> TextPair:
    """Return the two texts of a line.

    Raises:
        DataError: they are not separated by one tab.
    """
    texts = line.input.split("\t")
    if len(texts) != 2:
        raise DataError(
            message(
                "{location}: this run reads pairs of texts: separate the two by one tab, or read a table with --data",
                location=line.location,
            )
        )
    return TextPair(*texts)


def _nulls(value: Any) -> Any:
    """Return a prediction with null in place of each value."""
    return {key: _nulls(item) for key, item in value.items()} if isinstance(value, dict) else None
