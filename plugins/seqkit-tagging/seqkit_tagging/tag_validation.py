"""What happens to sentences whose tags do not fit the words or the scheme."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from seqkit.contracts import DataNote, Example, Tokenizer
from seqkit.errors import DataError
from seqkit.messages import listed, message
from seqkit_tagging.sentences import count_words, is_tagged, is_words, tags_of
from seqkit_tagging.spans import PREFIXES, Scheme, forbidden_pair, invalid_tag, repair_tags, scheme_shown

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

    def check_scheme(self, examples: Iterable[Example]) -> None:
        """Check that most entities of the training data are marked in the scheme, whatever is done with single errors.

        Raises:
            ValueError: they are marked in the other scheme.
        """
        if self.scheme == "none":
            return
        shown = scheme_shown(tags_of(example) for example in examples if is_tagged(example))
        if {self.scheme, shown} == {"bio", "bmes"}:
            raise ValueError(
                message("scheme is bio, but E-… or S-… ends the entities of the training data: set `scheme: bmes`")
                if shown == "bmes"
                else message(
                    "scheme is bmes, but no E-… or S-… ends the entities of the training data: set `scheme: bio`"
                )
            )

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
                    message(
                        "the number of tags, {tags}, differs from that of words, {words}: give one tag per word, or "
                        "train with `head.invalid_tags: skip`, which skips such sentences",
                        tags=len(tags),
                        words=num_words,
                    )
                )
            if (tag := invalid_tag(tags, self.scheme)) is not None:
                raise SchemeError(
                    message(
                        "the tag '{tag}' does not belong to the scheme {scheme}, whose tags are {tags}: correct it, "
                        "or train with `head.invalid_tags: skip`, which skips such sentences",
                        tag=tag,
                        scheme=self.scheme,
                        tags=self._valid_prefixes(),
                    )
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
        location = example.location or message("an example")
        try:
            tags = self.valid_tags(example, count_words(example.input, tokenizer)) or []
        except SchemeError:
            raise ValueError(
                message(
                    "scheme is {scheme}, whose tags are {tags}, but {location} has '{tag}': set another scheme, "
                    "or `none`, or set `invalid_tags: skip` to skip such sentences",
                    scheme=self.scheme,
                    tags=self._valid_prefixes(),
                    location=location,
                    tag=invalid_tag(tags_of(example), self.scheme),
                )
            ) from None
        except DataError as error:
            raise DataError(message("{location}: {error}", location=location, error=error)) from None
        if self.follows_scheme and (pair := forbidden_pair(tags, self.scheme)):
            raise ValueError(
                message(
                    "constrained forbids {pair}, which occurs in {location}: set it to false, correct the tags, "
                    "or set `invalid_tags` to `repair` or `skip`",
                    pair=pair,
                    location=location,
                )
            )
        return tags

    def scored(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> list[tuple[Example, list[str]]]:
        """Return the examples that are not skipped, each with its tags."""
        pairs = [(example, self.valid_tags(example, count_words(example.input, tokenizer))) for example in examples]
        return [(example, tags) for example, tags in pairs if tags is not None]

    def _valid_prefixes(self) -> str:
        prefixes = listed(f"{prefix}-…" for prefix in PREFIXES[self.scheme] if prefix != "O")
        return message("{prefixes} and O", prefixes=prefixes)


def unknown_tag_note(
    example: Example, tags: Sequence[str], known: Collection[str], unit: Literal["word", "sentence"]
) -> DataNote | None:
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
    alternatives = tag.split(",")
    is_list = len(alternatives) > 1 and all(alternative in known for alternative in alternatives)
    note = _UNKNOWN_NOTES[unit, is_list]
    location = example.location or message("an example")
    if is_words(example.input):
        place = message(
            "{location}, word {number}, '{word}', tag '{tag}'",
            location=location,
            number=index + 1,
            word=example.input[index],
            tag=tag,
        )
    else:
        place = message("{location}, word {number}, tag '{tag}'", location=location, number=index + 1, tag=tag)
    return DataNote(note, place)


_UNKNOWN_NOTES = {
    ("word", False): message(
        "a tag that does not occur in the training data counts as an error, and the loss leaves out its word"
    ),
    ("sentence", False): message(
        "a tag that does not occur in the training data counts as an error, and the loss leaves out its sentence"
    ),
    ("word", True): message(
        "a list of tags counts as an error, and the loss leaves out its word: set `data.alternatives` to `first` to "
        "use the first tag, or to `skip` to skip such sentences"
    ),
    ("sentence", True): message(
        "a list of tags counts as an error, and the loss leaves out its sentence: set `data.alternatives` to `first` "
        "to use the first tag, or to `skip` to skip such sentences"
    ),
}
"""The note on a tag that does not occur in the training data, by what the loss leaves out and whether the tag is a
list of known ones."""
