"""An embedding of words and their characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn

from seqkit.contracts import Embedding, EmbeddingFactory, EncoderFactory, Fraction, PositiveInt, Requires, Tokenizer
from seqkit.messages import listed, message


class WordCharacterEmbedding(nn.Module, Embedding):
    """A learned vector for each word, concatenated with a vector computed from its characters.

    The characters (capitals, endings, digits) carry information about words that are not in the training data. They
    are read by any encoder, whose `final` vector represents the word: `char_cnn` (Ma and Hovy, 2016) or `bilstm`
    (Lample et al., 2016), for example. Each distinct word of a batch is encoded once.

    Args:
        characters: the encoder of a word's characters; none by default, which suits words that are single characters,
            as in Chinese.
        words: the embedding of the words, in place of learned vectors: `{type: pretrained, path: glove.txt.gz}`, or a
            `concat` of several.
        word_dim: the width of learned word vectors.
        char_dim: the width of the character vectors.
        word_dropout: in training, replace a word with n occurrences by the unknown word with probability a / (a + n),
            where a is this value (Kiperwasser and Goldberg, 2016); 0 to disable.
        feature_dim: the width of the vector of each of the tokenizer's `features` and `gazetteers`.
        dropout: the dropout probability of the concatenated vectors.
    """

    unseen: Tensor
    """The probability of replacing each word by the unknown word in training, float (vocab_size,)."""
    word_vectors: Any

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        characters: EncoderFactory | None = None,
        words: EmbeddingFactory | None = None,
        word_dim: PositiveInt = 100,
        char_dim: Annotated[PositiveInt, Requires("characters")] = 32,
        word_dropout: Annotated[float, Ge(0)] = 0.25,
        feature_dim: PositiveInt = 16,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        character_vocab_size = getattr(tokenizer, "character_vocab_size", None)
        if character_vocab_size is None:
            raise ValueError(
                message("the embedding requires the tokenizer `words_and_characters`: set `tokenizer` to it")
            )
        sizes = getattr(tokenizer, "feature_vocab_sizes", [])
        self.word_dropout = word_dropout
        self.word_vectors = words(tokenizer) if words else nn.Embedding(tokenizer.vocab_size, word_dim)
        self.character_vectors: Any = (
            nn.Embedding(character_vocab_size, char_dim, padding_idx=0) if characters else None
        )
        if not words:
            _initialize(self.word_vectors)
        self.characters: Any = None
        character_size = 0
        if characters:
            _initialize(self.character_vectors)
            encoder = characters(char_dim)
            self.characters, character_size = encoder, encoder.final_size
        self.feature_vectors = nn.ModuleList(nn.Embedding(size, feature_dim) for size in sizes)
        for vectors in self.feature_vectors:
            _initialize(vectors)
        self._gazetteers = [gazetteer.name for gazetteer in getattr(tokenizer, "gazetteers", [])]
        self.dropout = nn.Dropout(dropout)
        if words:
            self.causal, self.reads_previous = self.word_vectors.causal, self.word_vectors.reads_previous
        word_size: int = self.word_vectors.output_size if words else word_dim
        self.output_size = word_size + character_size + feature_dim * len(sizes)
        self.register_buffer("unseen", torch.zeros(tokenizer.vocab_size))

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        """Count the words of inputs, each int64 (words, integers), for `word_dropout`."""
        words = [ids[:, 0] for ids in inputs]
        if isinstance(self.word_vectors, Embedding):
            self.word_vectors.fit(words)
        counts = np.bincount(np.concatenate(words), minlength=len(self.unseen))
        if self.word_dropout:
            self.unseen.copy_(torch.from_numpy(self.word_dropout / (self.word_dropout + counts)))

    def notes(self, splits: Mapping[str, Iterable[np.ndarray]]) -> list[str]:
        """Return the shares of words in an entry of each gazetteer, and the notes of the embedding of the words."""
        columns = [0, *range(-len(self._gazetteers), 0)]
        encoded = {split: [ids[:, columns] for ids in inputs] for split, inputs in splits.items()}
        notes = []
        for split, rows in encoded.items() if self._gazetteers else ():
            shares = (np.concatenate(rows)[:, 1:] > 0).mean(axis=0)
            found = [
                message("{share:.1%} in {name}", share=share, name=name)
                for share, name in zip(shares, self._gazetteers, strict=True)
            ]
            notes.append(message("gazetteers: of the words of {split}, {shares}", split=split, shares=listed(found)))
        if isinstance(self.word_vectors, Embedding):
            notes += self.word_vectors.notes({split: [ids[:, 0] for ids in rows] for split, rows in encoded.items()})
        return notes

    def forward(self, ids: Tensor, *, lengths: Tensor | None = None, previous: Tensor | None = None) -> Tensor:
        """Embed ids, int64 (batch, time, 1 + word_length + features). Returns float (batch, time, output_size)."""
        first_feature = ids.shape[-1] - len(self.feature_vectors)
        words, characters, features = ids[..., 0], ids[..., 1:first_feature], ids[..., first_feature:]
        if self.training and self.word_dropout:
            words = words.masked_fill(torch.rand(words.shape, device=words.device) < self.unseen[words], 0)
        neighbors = {"lengths": lengths, "previous": previous} if self.reads_neighbors else {}
        vectors = [self.word_vectors(words, **neighbors)]
        vectors += [] if self.characters is None else [self._encode_characters(characters)]
        vectors += [embed(features[..., number]) for number, embed in enumerate(self.feature_vectors)]
        return self.dropout(torch.cat(vectors, dim=-1))

    def _encode_characters(self, characters: Tensor) -> Tensor:
        """Encode the characters of words, int64 (batch, time, word_length). Returns float (batch, time, final_size)."""
        # distinct: (distinct words, word_length)
        distinct, indices = torch.unique(characters.flatten(0, 1), dim=0, return_inverse=True)
        lengths = (distinct != 0).sum(dim=1).clamp(min=1)  # padded time steps have no characters
        distinct = distinct[:, : max(lengths.tolist(), default=1)]
        final = self.characters(self.character_vectors(distinct), lengths.cpu()).final  # (distinct words, final_size)
        return nn.functional.embedding(indices.view(characters.shape[:2]), final)


def _initialize(vectors: Any) -> None:
    """Draw vectors of the expected length 1 for any width: those of rare words are updated a few times only."""
    bound = math.sqrt(3 / vectors.embedding_dim)
    nn.init.uniform_(vectors.weight, -bound, bound)
