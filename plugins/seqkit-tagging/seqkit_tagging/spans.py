"""Entities in a sequence of tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from seqkit.messages import message

Scheme = Literal["none", "bio", "bmes"]

PREFIXES = {"bio": "BIO", "bmes": "BMESO"}
"""The prefixes of each scheme. `bmes` accepts I in place of M, which is how IOBES marks the middle of an entity."""


class Span(NamedTuple):
    """An entity: consecutive words of a sentence.

    Attributes:
        label: its type; `_` if the tags have no types, as in Chinese word segmentation.
        start: the index of its first word, from 0.
        end: the index after its last word.
    """

    label: str
    start: int
    end: int


def split_tag(tag: str) -> tuple[str, str]:
    """Return the prefix and the type of a tag: ("B", "person") for `B-person`, ("O", "_") for `O`."""
    prefix, _, label = tag.partition("-")
    return prefix, label or "_"


def spans(tags: Sequence[str]) -> list[Span]:
    """Return the entities of a sequence of tags, which need not follow the scheme.

    An entity begins at B and S, and at an I, M or E that does not continue an entity of the same type. It ends after E
    and S, and before any tag that does not continue it. So an I after an O begins an entity.

    References: conlleval (Sang and Buchholz, 2000); seqeval in its default mode follows the same rules.
    """
    entities = []
    start = None
    open_label = "_"
    for index, tag in enumerate([*tags, "O"]):
        prefix, label = split_tag(tag)
        continues = prefix in ("I", "M", "E") and label == open_label
        if start is not None and not continues:
            entities.append(Span(open_label, start, index))
            start = None
        if start is None and prefix != "O":
            start, open_label = index, label
        if start is not None and prefix in ("E", "S"):
            entities.append(Span(open_label, start, index + 1))
            start = None
    return entities


def continues(previous: str, following: str) -> bool:
    """Return whether `spans` finds two neighboring tags in the same entity."""
    prefix, label = split_tag(previous)
    next_prefix, next_label = split_tag(following)
    return prefix in ("B", "M", "I") and next_prefix in ("I", "M", "E") and label == next_label


def is_forbidden(previous: str | None, following: str | None, scheme: Scheme) -> bool:
    """Return whether a scheme forbids a transition between two tags.

    Args:
        previous: a tag; None for the start of the sentence.
        following: the next tag; None for the end of the sentence.
        scheme: the scheme.
    """
    if scheme == "none":
        return False
    prefix, label = ("O", "_") if previous is None else split_tag(previous)
    next_prefix, next_label = ("O", "_") if following is None else split_tag(following)
    continues = next_prefix in ("I", "M", "E")
    if scheme == "bio":
        return continues and (prefix == "O" or label != next_label)
    is_open = prefix in ("B", "M", "I")
    return is_open != continues or (is_open and label != next_label)


def invalid_tag(tags: Iterable[str], scheme: Scheme) -> str | None:
    """Return the first tag that does not belong to a scheme; None if all do."""
    if scheme == "none":
        return None
    prefixes = {*PREFIXES[scheme], "I"}
    return next((tag for tag in tags if split_tag(tag)[0] not in prefixes), None)


def scheme_shown(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Return the scheme in which most entities of sentences are marked; `none` if there are no entities.

    Most entities of `bmes` end with E or S, and none of `bio`, which has no M. Sentences with other tags do not count.
    """
    valid = (tags for tags in sentences if invalid_tag(tags, "bmes") is None)
    counts = Counter(split_tag(tag)[0] for tags in valid for tag in tags)
    if not counts.keys() - {"O"}:
        return "none"
    ends = counts["E"] + counts["S"]
    return "bmes" if counts["M"] or (ends and 2 * ends >= counts["B"] + counts["S"]) else "bio"


def forbidden_pair(tags: Sequence[str], scheme: Scheme) -> str | None:
    """Return a description of the first transition that a scheme forbids, `I-x after O`; None if there is none."""
    for previous, following in zip([None, *tags], [*tags, None], strict=True):
        if is_forbidden(previous, following, scheme):
            return message(
                "{following} after {previous}",
                following=following or message("the end"),
                previous=previous or message("the beginning"),
            )
    return None


def repair_tags(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Return tags for the same entities that follow the scheme: an `I-x` that continues no entity becomes `B-x`.

    Args:
        tags: tags of the scheme, in any order.
        scheme: the scheme.
    """
    repaired = list(tags)
    for span in spans(tags) if scheme != "none" else ():
        last = span.end - 1
        for index in range(span.start, span.end):
            old = prefix = split_tag(tags[index])[0]
            if scheme == "bio":
                prefix = "B" if index == span.start else "I"
            elif span.start == last:
                prefix = "S"
            elif index in (span.start, last):
                prefix = "B" if index == span.start else "E"
            repaired[index] = prefix + tags[index].removeprefix(old)
    return repaired
