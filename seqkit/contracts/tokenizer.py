"""The contract of a tokenizer, which converts text to token ids and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from seqkit.contracts.capabilities import Contract
from seqkit.contracts.data import TextPair
from seqkit.errors import DataError
from seqkit.messages import message

SpecialToken = Literal["padding", "unknown", "mask", "begin", "end", "separator"]
SPECIAL_TOKENS: tuple[SpecialToken, ...] = get_args(SpecialToken)
"""The names of special tokens, in the order of their ids where seqkit adds them (`WithSpecialTokens`)."""


class Tokenizer(Contract, ABC):
    """Convert text to token ids and back. Built as `Tokenizer(*, parameters)`; its state is JSON.

    Attributes:
        vocab_size: the number of ids, known after `fit` or `restore`.
        takes_words: whether the input may also be a list of words. A tokenizer that sets it implements `words`.
        cuts_words: whether a word can become several tokens. A tokenizer that sets it takes words, and implements
            `encode_words`.
        chunkable: whether a text can be split anywhere: the ids of its chunks, concatenated, are the ids of the text,
            (time,), and `fit` learns the same from the chunks as from the text.
        max_length: the number of tokens that `encode` cuts a text to; None for no limit. Users are told how many of
            their texts it cuts: a copy with None encodes them whole.
    """

    capabilities = {"chunkable": ("fit", "encode")}
    renamed = {"piecewise": "chunkable", "unwritable": "suppressed_ids"}

    vocab_size: int
    takes_words: ClassVar[bool] = False
    cuts_words: ClassVar[bool] = False
    chunkable: bool = False
    max_length: int | None = None

    @abstractmethod
    def fit(self, texts: Iterable[Any]) -> None:
        """Learn the vocabulary from the texts of the training split."""

    @abstractmethod
    def encode(self, text: Any) -> np.ndarray:
        """Return the ids of a text, int64 (time,), each at least 0 and below `vocab_size`.

        A token may be represented by several integers, (time, ...), for an embedding that expects them: the id of a
        word with the ids of its characters, for instance. The trailing shape is the same for all texts.

        Raises:
            UnknownText: the text contains a token outside the vocabulary, and the tokenizer is configured to raise an
                error for it. A `chunkable` tokenizer also sets the error's `position`.
        """

    def encode_pair(self, first: str, second: str) -> np.ndarray:
        """Return the ids of two texts: by default those of the first, the separator, and those of the second.

        The separator is a special token. Of a token with several integers, the others are 0. The shape is that of
        `encode`, int64 (time, ...).

        Raises:
            DataError: nothing in one of the texts is in the vocabulary.
        """
        texts = [self.encode(text) for text in (first, second)]
        if empty := [number for number, ids in enumerate(texts, start=1) if not len(ids)]:
            raise DataError(message("no token of text {number} of the pair is in the vocabulary", number=empty[0]))
        separator = np.zeros_like(texts[0][:1])
        separator.flat[0] = self.special_ids["separator"]
        return np.concatenate([texts[0], separator, texts[1]])

    def encode_input(self, value: Any) -> np.ndarray:
        """Return the ids of `Example.input`, a text, a list of words or a `TextPair`, int64 (time, ...).

        Raises:
            DataError: as `encode`, or as `encode_pair`.
        """
        return self.encode_pair(value.first, value.second) if isinstance(value, TextPair) else self.encode(value)

    def encode_prompt(self, text: str) -> np.ndarray:
        """Return the ids of a text that generation continues, int64 (time,): by default those of `encode`.

        A tokenizer overrides this if the end of a text has tokens that have no continuation in the training texts.
        """
        return self.encode(text)

    def words(self, text: str) -> list[str]:
        """Return the words of a text. Required if `takes_words`."""
        raise NotImplementedError

    def encode_words(self, text: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of the words of a text, and the index of the word that each token belongs to.

        Required if the tokenizer `cuts_words` (WordPiece, `bpe`), for heads that predict a label for each word
        (`Head.per_word`). By default each word is a token.

        Args:
            text: a text, whose words are those that `words` returns; or a list of words.

        Returns:
            The ids, int64 (time,) or (time, ...); and the index of each token's word, int64 (time,), not decreasing.
            A token that belongs to no word (the beginning of the text, for instance) has the index -1.
        """
        ids = self.encode(text)
        return ids, np.arange(len(ids))

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of a sequence of ids."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what `fit` learned, as JSON types."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""

    @property
    def special_ids(self) -> Mapping[SpecialToken, int]:
        """The ids of the special tokens that the tokenizer has, below `vocab_size`.

        No text is encoded as one of them, however it is spelled, except that `encode` returns `unknown` for unknown
        tokens, and can mark the beginning and the end of each text. A head or an embedding requests tokens by their
        names (`special_tokens`), before the tokenizer is fitted; seqkit adds those that the tokenizer does not have.
        """
        return {}

    @property
    def suppressed_ids(self) -> Sequence[int]:
        """The ids that have no text (of unknown tokens, for instance). Generation never samples them."""
        return ()
