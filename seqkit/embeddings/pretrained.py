"""Word vectors from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, Fraction, NonNegativeFloat, ParameterGroup, Requires, Tokenizer, TrainingFile
from seqkit.embeddings.vectors_file import read_vectors
from seqkit.errors import DataError
from seqkit.layers.dropout import WordDropout, word_ids
from seqkit.messages import listed, message
from seqkit.readers.files import check_encoding

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_SHOWN = 10
"""The number of words without a vector that a note names."""


class Pretrained(nn.Module, Embedding):
    """Vectors from a file of word2vec, GloVe or fastText in text format, for the words of the vocabulary.

    The file is needed once, to train: the run contains the vectors of its vocabulary. A word that is not in the file is
    looked up in lower case. A word that the file does not contain at all, like the unknown word, has a trained vector,
    initialized from the normal distribution with mean and standard deviation of the others in each dimension: vectors
    of the same variance as the pretrained ones did better in Kim (2014, "Convolutional Neural Networks for Sentence
    Classification"). A note names the share of the words that have a vector, and the most frequent that have none.

    Works with any tokenizer that decodes the id of a token to its text. Of a token with several integers, the first is
    the id of the word. A word that the training split does not contain has no id: for vectors of words that are met
    later, set `extra_words` of the tokenizer to the file too.

    Args:
        path: the file, possibly compressed with gzip: a word and its numbers per line, separated by spaces.
        encoding: the encoding of the file.
        trainable: whether to train the vectors of the file too.
        lr_scale: the share of the learning rate with which the vectors of the file are trained.
        dropout: the dropout probability of each element of a vector.
        word_dropout: the dropout probability of each word of the vocabulary: in a batch, the vector of a dropped word
            is 0 wherever it occurs (Gal and Ghahramani, 2016; Merity, Keskar and Socher, 2018).
    """

    rows: Tensor
    """The row of each id in `known` and `own`, one after the other, int64 (vocab_size,)."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        path: TrainingFile,
        encoding: str = "utf-8",
        trainable: bool = False,
        lr_scale: Annotated[NonNegativeFloat, Requires("trainable")] = 1.0,
        dropout: Fraction = 0.0,
        word_dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.vocab_size = tokenizer.vocab_size
        self.trainable = trainable
        self.lr_scale = lr_scale
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = WordDropout(word_dropout, tokenizer.vocab_size)
        self._file_name = ""
        self._words: list[str] = []
        check_encoding(encoding)
        if path is not None:
            self._read(path, encoding, tokenizer)

    def _read(self, path: Path, encoding: str, tokenizer: Tokenizer) -> None:
        """Create the vectors.

        Raises:
            DataError: the file is wrong.
            ValueError: it contains no word of the vocabulary.
        """
        self._file_name = path.name
        self._words = [tokenizer.decode([number]) for number in range(self.vocab_size)]
        found, width = read_vectors(path, encoding, {form for word in self._words for form in (word, word.lower())})
        forms = [word if word in found else word.lower() for word in self._words]
        known = [number for number, form in enumerate(forms) if form in found]
        if not known:
            raise ValueError(
                message("path: the file contains none of the {count:,} words of the vocabulary", count=self.vocab_size)
            )
        self._create(width, len(known))
        unknown = sorted(set(range(self.vocab_size)) - set(known))
        self.rows[known + unknown] = torch.arange(self.vocab_size, device=self.rows.device)
        with torch.no_grad():
            self.known.copy_(torch.from_numpy(np.stack([found[forms[number]] for number in known])))
            deviation, mean = torch.std_mean(self.known, dim=0, correction=0)
            self.own.normal_().mul_(deviation).add_(mean)

    def _create(self, width: int, known: int) -> None:
        self.output_size = width
        self.known = nn.Parameter(torch.empty(known, width), requires_grad=self.trainable)
        # An empty table cannot be looked up, so it has one row at least.
        self.own = nn.Parameter(torch.empty(max(1, self.vocab_size - known), width))
        self.register_buffer("rows", torch.zeros(self.vocab_size, dtype=torch.int64))
        self.register_load_state_dict_post_hook(_check_restored)

    def state(self) -> dict[str, Any]:
        return {"width": self.output_size, "known": len(self.known)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Create the vectors, whose values are loaded with the weights.

        Raises:
            DataError: the state is something else.
        """
        width, known = state.get("width"), state.get("known")
        if type(width) is not int or type(known) is not int or width < 1 or not 1 <= known <= self.vocab_size:
            raise DataError(message("`width` and `known` must be the sizes of the vectors"))
        self._create(width, known)

    def forward(self, ids: Tensor) -> Tensor:
        """Embed ids, int64 (batch, time) or (batch, time, k). Returns float (batch, time, output_size)."""
        words = word_ids(ids)
        rows = self.rows[words]
        is_own = rows >= len(self.known)
        known = nn.functional.embedding(rows.masked_fill(is_own, 0), self.known)
        own = nn.functional.embedding((rows - len(self.known)).clamp(min=0), self.own)
        return self.dropout(self.word_dropout(torch.where(is_own[..., None], own, known), words))

    def all_vectors(self) -> Tensor:
        return torch.cat([self.known, self.own])[self.rows]

    def parameter_groups(self) -> Iterable[ParameterGroup]:
        return [ParameterGroup([self.known], lr_scale=self.lr_scale)] if self.trainable else []

    def notes(self, splits: Mapping[str, Iterable[np.ndarray]]) -> list[str]:
        """Return how many of the words of each split have a vector in the file."""
        return [self._coverage(split, inputs) for split, inputs in splits.items()] if self._words else []

    def _coverage(self, split: str, inputs: Iterable[np.ndarray]) -> str:
        counts: Counter[int] = Counter()
        for ids in inputs:
            counts.update((ids if ids.ndim == 1 else ids[:, 0]).tolist())
        # White space can be a token, but is no word.
        counts = Counter({number: count for number, count in counts.items() if self._words[number].strip()})
        named = [number for number in counts if self._words[number] != _UNKNOWN]
        rows = self.rows.tolist()
        covered = [number for number in named if rows[number] < len(self.known)]
        missing = sorted(set(named) - set(covered), key=lambda number: (-counts[number], self._words[number]))
        text = message(
            "{file}: in {split}, {types:.1%} of the {distinct:,} distinct words of the vocabulary have a vector, and "
            "{tokens:.1%} of all words",
            file=self._file_name,
            split=split,
            types=len(covered) / max(1, len(named)),
            distinct=len(named),
            tokens=sum(counts[number] for number in covered) / max(1, counts.total()),
        )
        if not missing:
            return text
        words = listed(self._words[number] for number in missing[:_SHOWN])
        return text + message("; without one: {words}", words=words + (" …" if len(missing) > _SHOWN else ""))


def _check_restored(module: nn.Module, incompatible_keys: object) -> None:
    """Check the rows of a run, which a hook of torch calls after loading them.

    Raises:
        ValueError: they are no permutation.
    """
    assert isinstance(module, Pretrained)
    if not torch.equal(module.rows.sort().values, torch.arange(module.vocab_size, device=module.rows.device)):
        raise ValueError(message("the rows of the embedding 'pretrained' are not a permutation"))
