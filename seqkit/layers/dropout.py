"""Dropout of whole features, and of whole words."""

from __future__ import annotations

from torch import Tensor, nn

from seqkit.messages import message


class VariationalDropout(nn.Module):
    """Dropout with one mask per row, which is the same at every time step.

    Gal and Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, 2016. As in
    `torch.nn.Dropout`, what remains is divided by 1 - p in training, and nothing is changed in evaluation.

    Args:
        p: the probability of a feature to be dropped, at least 0 and less than 1.

    Raises:
        ValueError: p is not such a probability.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = _checked(p)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs, float (batch, time, features), with the same features of a row dropped at all times."""
        if not self.training or self.p == 0:
            return inputs
        mask = inputs.new_ones(inputs.shape[0], 1, inputs.shape[2])  # (batch, 1, features)
        return inputs * nn.functional.dropout(mask, self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class WordDropout(nn.Module):
    """Dropout of whole vectors of words: the vector of a dropped word is 0 wherever the word occurs in a batch.

    Embedding dropout of word types (Gal and Ghahramani, 2016), with one mask for the batch as in Merity, Keskar and
    Socher, Regularizing and Optimizing LSTM Language Models, 2018. No other occurrence of a dropped word gives it away,
    and a vector remains a row of one table, so that an encoder can still look products up.

    The vector becomes 0, as in Iyyer et al., Deep Unordered Composition Rivals Syntactic Methods for Text
    Classification, 2015, and not that of the unknown word: a tokenizer need not have one. As in `torch.nn.Dropout`,
    what remains is divided by 1 - p in training, and nothing is changed in evaluation.

    Args:
        p: the probability of a word to be dropped, at least 0 and less than 1.
        vocab_size: the number of words.

    Raises:
        ValueError: p is not such a probability.
    """

    def __init__(self, p: float, vocab_size: int) -> None:
        super().__init__()
        self.p = _checked(p)
        self.vocab_size = vocab_size

    @property
    def is_active(self) -> bool:
        """Whether words are dropped in the present mode."""
        return self.training and self.p > 0

    def forward(self, vectors: Tensor, ids: Tensor) -> Tensor:
        """Return vectors, float (..., width), after dropout.

        Args:
            vectors: the vectors.
            ids: int64 (...), the id of the word of each.
        """
        return vectors * self._mask(vectors)[ids][..., None] if self.is_active else vectors

    def of_table(self, table: Tensor) -> Tensor:
        """Return the vectors of all words, float (vocab_size, width), after dropout."""
        return table * self._mask(table)[:, None] if self.is_active else table

    def _mask(self, like: Tensor) -> Tensor:
        return nn.functional.dropout(like.new_ones(self.vocab_size), self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def word_ids(ids: Tensor) -> Tensor:
    """Return the ids of words, (batch, time), of ids that may have trailing integers (`Tokenizer.encode`)."""
    return ids if ids.ndim == 2 else ids[..., 0]


def _checked(p: float) -> float:
    if not 0 <= p < 1:
        raise ValueError(message("p must be at least 0 and less than 1, not {p}", p=p))
    return p
