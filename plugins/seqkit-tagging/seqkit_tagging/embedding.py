"""A learned vector for each word beside what an encoder makes of its characters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn

from seqkit.contracts import Embedding, EncoderFactory, Fraction, PositiveInt, Tokenizer


class WordsAndCharacters(nn.Module, Embedding):
    """A learned vector for each word beside what an encoder makes of its characters.

    The characters tell of words that training did not show, by their capitals, endings and digits. Any encoder may
    read them, and its final vector stands for the word: `char_cnn` (Ma and Hovy, 2016), `bilstm` (Lample et al., 2016).
    Each distinct word of a batch is read once.

    Args:
        characters: the encoder that reads a word's characters.
        word_dim: the width of a word's vector.
        char_dim: the width of a character's vector.
        word_dropout: a in a / (a + n), the share of a word's occurrences that training takes for an unknown word, where
            the word is there n times (Kiperwasser and Goldberg, 2016); 0 for none.
        dropout: the share of the numbers in the word's whole vector dropped in training.
    """

    unseen: Tensor

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        characters: EncoderFactory,
        word_dim: PositiveInt = 100,
        char_dim: PositiveInt = 32,
        word_dropout: Annotated[float, Ge(0)] = 0.25,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        character_vocab_size = getattr(tokenizer, "character_vocab_size", None)
        if character_vocab_size is None:
            raise ValueError("characters come from the tokenizer `words_and_characters`: set `tokenizer` to it")
        self.word_dropout = word_dropout
        self.word_vectors = nn.Embedding(tokenizer.vocab_size, word_dim)
        self.character_vectors = nn.Embedding(character_vocab_size, char_dim, padding_idx=0)
        # Of length 1 or so, whatever the width: what training shows rarely stays near where it began.
        for vectors, width in ((self.word_vectors, word_dim), (self.character_vectors, char_dim)):
            nn.init.uniform_(vectors.weight, -math.sqrt(3 / width), math.sqrt(3 / width))
        self.characters: Any = characters(char_dim)
        self.dropout = nn.Dropout(dropout)
        self.output_size = word_dim + self.characters.final_size
        self.register_buffer("unseen", torch.zeros(tokenizer.vocab_size))

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        """Counts the words, for `word_dropout`."""
        counts = np.zeros(len(self.unseen))
        for ids in inputs:
            np.add.at(counts, ids[:, 0], 1)
        if self.word_dropout:
            self.unseen.copy_(torch.from_numpy(self.word_dropout / (self.word_dropout + counts)))

    def forward(self, ids: Tensor) -> Tensor:
        """ids: int64 (batch, time, 1 + word_length) -> float (batch, time, output_size)."""
        words, characters = ids[..., 0], ids[..., 1:]
        if self.training and self.word_dropout:
            words = words.masked_fill(torch.rand(words.shape, device=words.device) < self.unseen[words], 0)
        vectors = torch.cat([self.word_vectors(words), self._read(characters)], dim=-1)
        return self.dropout(vectors)

    def _read(self, characters: Tensor) -> Tensor:
        """characters: int64 (batch, time, word_length) -> float (batch, time, final_size)."""
        distinct, place = torch.unique(characters.flatten(0, 1), dim=0, return_inverse=True)  # (distinct, word_length)
        lengths = (distinct != 0).sum(dim=1).clamp(min=1)  # padded steps have no character at all
        distinct = distinct[:, : max(lengths.tolist(), default=1)]
        final = self.characters(self.character_vectors(distinct), lengths.cpu()).final  # (distinct, final_size)
        return nn.functional.embedding(place.view(characters.shape[:2]), final)
