"""What happens to sentences whose tags do not fit the words or the scheme."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from seqkit.contracts import DataNote, Example, Tokenizer
from seqkit.errors import DataError
from seqkit_tagging.sentences import count_words, is_words, tags_of
from seqkit_tagging.spans import PREFIXES, Scheme, forbidden_pair, invalid_tag, repair_tags

InvalidTags = Literal["error", "skip", "repair"]


class SchemeError(DataError):
    """A tag does not belong to the scheme."""


class TagValidation:
    """Check the tags of sentences, and repair or skip those that are invalid.

    Args:
        scheme: how tags mark entities.
        invalid_tags: what to do with a sentence whose tags are invalid.
        follows_scheme: whether training requires the tags to follow the scheme in order.
    """

    def __init__(self, scheme: Scheme, invalid_tags: InvalidTags, *, follows_scheme: bool) -> None:
        self.scheme: Scheme = scheme
        self.invalid_tags = invalid_tags
        self.follows_scheme = follows_scheme

    def valid_tags(self, example: Example, num_words: int) -> list[str] | None:
        """Return the tags of an example, repaired if they are to be; None if the example is skipped.

        Raises:
            DataError: the tags are missing, or their number is not that of the words.
            SchemeError: a tag does not belong to the scheme.
        """
        try:
            tags = tags_of(example)
            if len(tags) != num_words:
                raise DataError(
                    f"the number of tags, {len(tags)}, differs from that of words, {num_words}: give one tag per word, "
                    "or set `head.invalid_tags: skip` to skip such sentences"
                )
            if (tag := invalid_tag(tags, self.scheme)) is not None:
                raise SchemeError(
                    f"the tag '{tag}' does not belong to the scheme {self.scheme}, whose tags are "
                    f"{self._valid_prefixes()}: correct it, or set `head.invalid_tags: skip` to skip such sentences"
                )
        except DataError:
            if self.invalid_tags == "skip":
                return None
            raise
        if self.invalid_tags == "repair":
            return repair_tags(tags, self.scheme)
        is_skipped = self.invalid_tags == "skip" and self.follows_scheme and forbidden_pair(tags, self.scheme)
        return None if is_skipped else tags

    def training_tags(self, example: Example, tokenizer: Tokenizer | None) -> list[str]:
        """Return the tags of an example to train on; none if it is skipped.

        Raises:
            DataError: the tags are missing, or do not fit the words.
            ValueError: the tags do not follow the scheme. The message begins with a parameter.
        """
        location = example.location or "an example"
        try:
            tags = self.valid_tags(example, count_words(example.input, tokenizer)) or []
        except SchemeError:
            raise ValueError(
                f"scheme is {self.scheme}, whose tags are {self._valid_prefixes()}, but {location} has "
                f"'{invalid_tag(tags_of(example), self.scheme)}': set another scheme, or `none`, or set "
                "`invalid_tags: skip` to skip such sentences"
            ) from None
        except DataError as error:
            raise DataError(f"{location}: {error}") from None
        if self.follows_scheme and (pair := forbidden_pair(tags, self.scheme)):
            raise ValueError(
                f"constrained forbids {pair}, which occurs in {location}: set it to false, correct the tags, or set "
                "`invalid_tags` to `repair` or `skip`"
            )
        return tags

    def scored(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> list[tuple[Example, list[str]]]:
        """Return the examples that are not skipped, each with its tags."""
        pairs = [(example, self.valid_tags(example, count_words(example.input, tokenizer))) for example in examples]
        return [(example, tags) for example, tags in pairs if tags is not None]

    def _valid_prefixes(self) -> str:
        return ", ".join(f"{prefix}-…" for prefix in PREFIXES[self.scheme] if prefix != "O") + " and O"


def unknown_tag_note(example: Example, tags: Sequence[str], known: Collection[str], unit: str) -> DataNote | None:
    """Return a note about the first tag that does not occur in the training data; None if all occur.

    Args:
        example: the example.
        tags: its tags.
        known: the tags of the training data.
        unit: what the loss leaves out: the `word` or its `sentence`.
    """
    index = next((index for index, tag in enumerate(tags) if tag not in known), None)
    if index is None:
        return None
    tag = tags[index]
    word = f", '{example.input[index]}'" if is_words(example.input) else ""
    alternatives = tag.split(",")
    if len(alternatives) > 1 and all(alternative in known for alternative in alternatives):
        note = (
            f"a list of tags counts as an error, and the loss leaves out its {unit}: set `data.alternatives` to "
            "`first` to use the first tag, or to `skip` to skip such sentences"
        )
    else:
        note = f"a tag that does not occur in the training data counts as an error, and the loss leaves out its {unit}"
    return DataNote(note, f"{example.location or 'an example'}, word {index + 1}{word}, tag '{tag}'")
