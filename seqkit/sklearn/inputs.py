"""Check the inputs of an estimator, and put them into the form that seqkit reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from seqkit.contracts import TextPair
from seqkit.data.values import as_pair
from seqkit.messages import format_object, message

FORMS = message("texts, pairs of texts, or sequences of numbers of shape (time,) or (time, features)")


def check_sequences(X: Any) -> list[Any]:
    """Return the sequences of `X` as a list of texts, of pairs of texts, or of float64 arrays (time, features).

    Args:
        X: a list, an array or a pandas Series of texts, or of pairs of texts; a table with one column of texts, or with
            two, of pairs; a list of arrays (time,) or (time, features); or an array (sequences, time) or (sequences,
            time, features).

    Raises:
        ValueError: it is empty, or contains anything else.
        TypeError: it is a sparse matrix, or contains dictionaries.
    """
    if issparse(X):
        check_array(X)  # raises an error
    if not (_has_order(X) or hasattr(X, "__array__")):
        raise ValueError(message("X must be a list of {forms}, not {value}", forms=FORMS, value=format_object(X)))
    array = X if isinstance(X, list | tuple) else np.asarray(X if hasattr(X, "__array__") else list(X))
    if isinstance(array, np.ndarray) and array.ndim == 2 and _has_text(array):
        if array.shape[1] == 1:
            array = array[:, 0]
        elif array.shape[1] == 2 and all(map(_has_text, array.T)):
            array = list(array)
        else:
            raise ValueError(
                message(
                    "X is a table of {count} columns: pass the column of the texts, such as X['text'], or, for pairs, "
                    "two columns of texts",
                    count=array.shape[1],
                )
            )
    if isinstance(array, np.ndarray) and (array.ndim != 1 or array.dtype.kind not in "OUT"):
        numbers = check_array(array, dtype=np.float64, allow_nd=True, input_name="X")
        return [_sequence(row, number) for number, row in enumerate(numbers)]
    values = [_text_or_pair(value) for value in array]
    if not values:
        raise ValueError(message("Found array with 0 sample(s) while a minimum of 1 is required: X is empty"))
    kind = next((type(value) for value in values if isinstance(value, str | TextPair)), None)
    if kind is None:
        return [_sequence(value, number) for number, value in enumerate(values)]
    for number, value in enumerate(values):
        if not isinstance(value, kind):
            raise ValueError(
                message(
                    "X[{number}] must be a text, as others of X are, not {value}",
                    number=number,
                    value=format_object(array[number]),
                )
                if kind is str
                else message(
                    "X[{number}] must be a pair of texts, as others of X are, not {value}",
                    number=number,
                    value=format_object(array[number]),
                )
            )
        if not all(text.strip() for text in ((value,) if isinstance(value, str) else (value.first, value.second))):
            raise ValueError(
                message("X[{number}] is an empty text", number=number)
                if kind is str
                else message("a text of X[{number}] is empty", number=number)
            )
    return values


def _text_or_pair(value: Any) -> Any:
    """Return a text of NumPy as Python's, two texts as a `TextPair`, and any other value as it is."""
    if isinstance(value, str):
        return str(value)
    pair = as_pair(value)
    is_pair = isinstance(pair, TextPair) and isinstance(pair.first, str) and isinstance(pair.second, str)
    return pair if is_pair else value


def _has_order(values: Any) -> bool:
    """Return whether a value has items in an order: not those of a set, the keys of a mapping, or the characters."""
    return isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping | AbstractSet)


def _has_text(array: np.ndarray) -> bool:
    """Return whether an array contains a text."""
    return array.dtype.kind in "OUT" and any(isinstance(value, str) for value in array.flat)


def check_labels(y: Any) -> None:
    """Check that no label is missing, which NumPy would turn into the text `None` or `nan`.

    Raises:
        ValueError: one is.
    """
    labels = np.asarray(y, dtype=object).ravel()
    has_text = any(isinstance(label, str) for label in labels)
    for number, label in enumerate(labels):
        if _is_missing(label) and (has_text or not isinstance(label, float)):  # of numbers, scikit-learn reports it
            raise ValueError(message("y[{number}] is missing: {value!r}", number=number, value=label))


def check_word_lists(X: Any) -> list[Any]:
    """Return sentences, each a text or a list of words, as a list.

    Raises:
        ValueError: a sentence is anything else, or empty.
    """
    sentences = [value if isinstance(value, str) else _words(value, "X", at) for at, value in enumerate(_rows(X, "X"))]
    for number, sentence in enumerate(sentences):
        if not sentence:
            raise ValueError(message("X[{number}] is an empty sentence", number=number))
    return sentences


def check_tag_lists(y: Any) -> list[list[str]]:
    """Return the tags of sentences as lists of texts.

    Raises:
        ValueError: the tags of a sentence are no list, or a tag is missing.
    """
    return [_words(value, "y", number) for number, value in enumerate(_rows(y, "y"))]


def _rows(values: Any, name: str) -> Sequence[Any]:
    """Return a list of lists of words or tags."""
    if not _has_order(values):
        raise ValueError(
            message(
                "{name} must be a list with a list for each sentence, not {value}",
                name=name,
                value=format_object(values),
            )
        )
    return list(values)


def _words(values: Any, name: str, number: int) -> list[str]:
    """Return the words or tags of a sentence as texts."""
    if not _has_order(values):
        raise ValueError(
            message(
                "{name}[{number}] must be a list, not {value}", name=name, number=number, value=format_object(values)
            )
        )
    words = list(values)
    for position, word in enumerate(words):
        if _is_missing(word) or not str(word).strip():
            raise ValueError(
                message(
                    "{name}[{number}][{position}] is missing: {value!r}",
                    name=name,
                    number=number,
                    position=position,
                    value=word,
                )
            )
    return [str(word) for word in words]


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or the NA or NaT of pandas."""
    is_nan = isinstance(value, float) and value != value
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _sequence(value: Any, number: int) -> np.ndarray:
    """Return a sequence of numbers as float64 (time, features)."""
    try:
        sequence = check_array(np.asarray(value, dtype=np.float64), dtype=None, ensure_2d=False, allow_nd=True)
    except (TypeError, ValueError) as error:
        raise ValueError(
            message(
                "X[{number}] must be {forms}: {reason}", number=number, forms=FORMS, reason=str(error).split("\n")[0]
            )
        ) from None
    if sequence.ndim not in (1, 2) or not sequence.size:
        raise ValueError(
            message(
                "X[{number}] has the shape {shape}, but X must contain {forms}",
                number=number,
                shape=sequence.shape,
                forms=FORMS,
            )
        )
    return sequence[:, None] if sequence.ndim == 1 else sequence
