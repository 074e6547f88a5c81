"""Entities in a sequence of tags, and how well they were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

Scheme = Literal["none", "bio", "bmes"]

PREFIXES = {"bio": "BIO", "bmes": "BMESO"}
"""What a tag begins with; in `bmes` an I, as IOBES writes the middle, is an M."""


class Span(NamedTuple):
    """Some words in a row that are one entity.

    Attributes:
        label: its type; `_` where tags have none, as when Chinese characters are put together to words.
        start: the place of its first word, from 0.
        end: the place after its last.
    """

    label: str
    start: int
    end: int


def split_tag(tag: str) -> tuple[str, str]:
    """Returns the prefix and the type of a tag: `B-person` is B and person, `O` is O and `_`."""
    prefix, _, label = tag.partition("-")
    return prefix, label or "_"


def spans(tags: Sequence[str]) -> list[Span]:
    """Returns the entities of a sequence of tags, by the rules of conlleval, which never refuse one.

    An entity begins at B and S; and at I, M and E where nothing is open or what is open has another type. It ends after
    E and S, and before whatever does not go on with it. So an I after an O begins an entity.

    References: Sang and Buchholz, 2000 (conlleval); in its default mode seqeval does the same.
    """
    found = []
    start = None
    before = "_"
    for place, tag in enumerate([*tags, "O"]):
        prefix, label = split_tag(tag)
        goes_on = prefix in ("I", "M", "E") and label == before
        if start is not None and not goes_on:
            found.append(Span(before, start, place))
            start = None
        if start is None and prefix != "O":
            start, before = place, label
        if start is not None and prefix in ("E", "S"):
            found.append(Span(before, start, place + 1))
            start = None
    return found


def entity_scores(truth: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Returns precision, recall and F1 of the entities of all sentences together, and of each type.

    An entity is found where its type, its first and its last word are. What has no denominator is 0.

    Args:
        truth: the tags of each sentence.
        predicted: the same, as they were predicted.
    """
    there: Counter[str] = Counter()
    named: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for true_tags, predicted_tags in zip(truth, predicted, strict=True):
        true, guessed = spans(true_tags), spans(predicted_tags)
        there.update(span.label for span in true)
        named.update(span.label for span in guessed)
        right.update(span.label for span in set(true) & set(guessed))
    return _scores(right.total(), named.total(), there.total()) | {
        "per_type": {
            label: _scores(right[label], named[label], there[label]) | {"support": there[label]}
            for label in sorted(there | named)
        }
    }


def _scores(right: int, named: int, there: int) -> dict[str, float]:
    return {
        "precision": right / named if named else 0.0,
        "recall": right / there if there else 0.0,
        "f1": 2 * right / (named + there) if right else 0.0,
    }


def forbidden(before: str | None, after: str | None, scheme: Scheme) -> bool:
    """Says whether a scheme forbids one tag after another; None stands before the first and after the last."""
    if scheme == "none":
        return False
    prefix, label = ("O", "_") if before is None else split_tag(before)
    next_prefix, next_label = ("O", "_") if after is None else split_tag(after)
    goes_on = next_prefix in ("I", "M", "E")
    if scheme == "bio":
        return goes_on and (prefix == "O" or label != next_label)
    is_open = prefix in ("B", "M", "I")
    return is_open != goes_on or (is_open and label != next_label)
