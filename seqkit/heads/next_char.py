"""Next-token prediction."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from seqkit.contracts import (
    Batch,
    DataNote,
    Embedding,
    Encoded,
    Example,
    Fraction,
    Head,
    LongText,
    Loss,
    PositiveInt,
    Row,
    Scores,
    SpecialToken,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.layers.cross_entropy import IGNORED, cross_entropy
from seqkit.layers.renewal import mask_tokens, replace_tokens
from seqkit.layers.tied import TiedLinear
from seqkit.messages import message

_BLOCK = 1_000_000
_CONTEXT = 16
"""The number of ids that are decoded together, and of the ids before them that decide how they are decoded."""


class NextChar(nn.Module, Head):
    """Next-token prediction with a softmax over the vocabulary, and text generation.

    A token is a character with the tokenizer `char`, a word with `word`. With the objective `step`, the output at each
    time step predicts the next token, which requires a causal encoder: any other encoder has already read that token.
    With `prefix`, each prefix of a text is a row, encoded separately, and its final vector predicts the next token. Any
    encoder can be used, but training takes longer.

    The objective `bidirectional` pretrains both directions of an encoder, such as a `bilstm` of one layer, as two
    language models: the forward half of an output predicts the next token, and the backward half the previous one, with
    the same output layer (Peters et al., Deep Contextualized Word Representations, 2018; Akbik et al., Contextual
    String Embeddings for Sequence Labeling, 2018). The encoder must keep its directions separate, so that no half reads
    the token that it predicts. The loss is the mean of both directions, and no text can be generated. Another recipe
    takes what was learned with `init_from`.

    With `whole_texts`, each text is learned from its beginning to its end, as suits names or poems (one per line, with
    the reader's `unit: line`): its first token and its end are predicted too. A generated text then needs no prompt,
    and ends by itself.

    The metrics are `perplexity`, exp of the mean loss per token, which can be compared only between runs with the same
    tokenizer, and `bits_per_char`, which can be compared between tokenizers: the loss of all predicted tokens in bits,
    divided by the number of characters that these tokens add to the decoded text. The first token of each text is not
    predicted (it is with `whole_texts`), so its characters are not counted; neither are those that the tokenizer omits.
    A token without text, as for an unknown word, counts as one character, and the end of a text as none.

    Args:
        objective: `step`, `prefix` or `bidirectional`.
        whole_texts: whether to predict the first token of each text, and its end.
        context: the longest prefix in tokens, for `prefix`. Also the number of tokens that are encoded again for each
            generated token if the encoder is not causal.
        allow_leak: whether an encoder that is not causal may be trained with `step`, to demonstrate that its low loss
            is meaningless.
        dropout: the dropout probability of the encoder's outputs.
        noise: the probability that an input token is replaced in training by another one of the same row or window,
            drawn anew in each epoch; the targets stay (Xie et al., Data Noising as Smoothing in Neural Network Language
            Models, 2017).
        mask: the probability that an input token is replaced in training by the mask token, anew in each epoch; the
            targets stay: blanking noise (Xie et al., 2017).
        tied: whether the output layer shares its weight with the embedding, `learned` for instance (Press and Wolf,
            Using the Output Embedding to Improve Language Models, 2017). The encoder's outputs, or their halves if the
            objective is `bidirectional`, must be as wide as the embedding's vectors.
        label_smoothing: the fraction of the target that is spread evenly over the vocabulary in training (Szegedy et
            al., Rethinking the Inception Architecture for Computer Vision, 2016).
    """

    output: nn.Linear | TiedLinear

    metric_names = ("bits_per_char", "perplexity")
    token_metrics = frozenset({"loss", "perplexity"})
    causal_alternatives = (
        message("set `head.objective: prefix`"),
        message("set `head.allow_leak: true` to train nevertheless"),
    )

    def __init__(
        self,
        *,
        objective: Literal["step", "prefix", "bidirectional"] = "step",
        whole_texts: bool = False,
        context: PositiveInt = 128,
        allow_leak: bool = False,
        dropout: Fraction = 0.0,
        noise: Fraction = 0.0,
        mask: Fraction = 0.0,
        tied: bool = False,
        label_smoothing: Fraction = 0.0,
    ) -> None:
        super().__init__()
        if allow_leak and objective == "bidirectional":
            raise ValueError(message("allow_leak has no effect with the objective bidirectional: remove it"))
        if whole_texts and objective == "bidirectional":
            raise ValueError(message("whole_texts has no effect with the objective bidirectional: remove it"))
        self.objective = objective
        self.whole_texts = whole_texts
        if whole_texts:
            self.special_tokens = frozenset({"begin", "end"})
        self.context = context
        self.allow_leak = allow_leak
        self.dropout = nn.Dropout(dropout)
        self.noise = noise
        self.mask = mask
        self.renews_rows = noise > 0 or mask > 0
        if mask:
            self.special_tokens |= {"mask"}
        self.tied = tied
        self.label_smoothing = label_smoothing
        self.per_time_step = objective != "prefix"
        self.needs = frozenset({"outputs" if self.per_time_step else "final"})
        if objective == "bidirectional":
            self.needs |= {"separate_directions"}
        elif self.per_time_step and not allow_leak:
            self.needs |= {"causal"}
        self._last_sizes: tuple[Sequence[Example], int, int] = ((), 0, 0)

    @property
    def explains(self) -> Literal["row"] | None:  # type: ignore[override]
        return "row" if self.generates else None

    @property
    def generates(self) -> bool:  # type: ignore[override]
        return self.objective != "bidirectional"

    @property
    def takes_long_texts(self) -> bool:  # type: ignore[override]
        return self.objective == "step" and not self.whole_texts

    def check_tokenizer(self, tokenizer: Tokenizer | None) -> None:
        if tokenizer is None:
            raise ValueError(message("there are no tokens to predict: the reader yields features, not text"))

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        assert tokenizer is not None
        self.vocab_size = tokenizer.vocab_size
        if self.whole_texts:
            self._ends = tokenizer.special_ids["begin"], tokenizer.special_ids["end"]

    def state(self) -> dict[str, Any]:
        return {"vocab_size": self.vocab_size} | ({"ends": list(self._ends)} if self.whole_texts else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        self.vocab_size = int(state["vocab_size"])
        if self.whole_texts:
            begin, end = state["ends"]
            self._ends = int(begin), int(end)

    def build(self, output_size: int, final_size: int, embedding: Embedding | None = None) -> None:
        width = output_size if self.per_time_step else final_size
        width = width // 2 if self.objective == "bidirectional" else width
        self.output = self._tied_layer(width, embedding) if self.tied else nn.Linear(width, self.vocab_size)

    def _tied_layer(self, width: int, embedding: Embedding | None) -> TiedLinear:
        """Return an output layer with the weight of the embedding.

        Args:
            width: the width of its input.
            embedding: the embedding.

        Raises:
            ValueError: the embedding has no table, or one of another size.
        """
        table = None if embedding is None else embedding.all_vectors()
        if embedding is None or table is None:
            raise ValueError(message("tied requires an embedding with a table of vectors, such as `learned`"))
        if len(table) != self.vocab_size:
            raise ValueError(
                message(
                    "tied requires a vector for each of the {size:,} tokens, but the embedding has {rows:,}",
                    size=self.vocab_size,
                    rows=len(table),
                )
            )
        if table.shape[1] != width:
            raise ValueError(
                message(
                    "tied requires vectors as wide as the encoder's outputs ({width}), but those of the embedding have "
                    "a width of {dim}: change one of the sizes (`dim` of the embedding, `proj_size` of an LSTM)",
                    width=width,
                    dim=table.shape[1],
                )
            )
        return TiedLinear(embedding)

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        ids = self._with_ends(encoded_input)
        if len(ids) < 2 and self.objective == "bidirectional":
            text = message("skipped for pretraining: a text of one token has no neighboring token to predict")
            warnings.warn(DataNote(text, example.location), stacklevel=2)
            return
        if len(ids) < 2:
            raise DataError(message("the text is too short: next-token prediction requires at least two tokens"))
        if self.objective == "bidirectional":
            yield Row(ids, np.stack([np.append(ids[1:], IGNORED), np.insert(ids[:-1], 0, IGNORED)], axis=1))
            return
        if self.per_time_step:
            yield Row(ids[:-1], ids[1:])
            return
        for end in range(1, len(ids)):
            yield Row(ids[max(0, end - self.context) : end], ids[end])

    def _with_ends(self, ids: np.ndarray) -> np.ndarray:
        """Return the ids of a text with those of its beginning and its end, if there are any."""
        return np.array([self._ends[0], *ids, self._ends[1]]) if self.whole_texts else ids

    def _ids(self, example: Example, tokenizer: Tokenizer) -> np.ndarray:
        is_long = isinstance(example.input, LongText)
        return self._with_ends(example.input.ids if is_long else tokenizer.encode_input(example.input))

    def renew(self, row: Row, generator: np.random.Generator, *, special_ids: Mapping[SpecialToken, int] = {}) -> Row:
        ids = replace_tokens(row.input, self.noise, special_ids, generator) if self.noise else row.input
        return Row(mask_tokens(ids, self.mask, special_ids, generator) if self.mask else ids, row.target)

    def logits(self, encoded: Encoded) -> Tensor:
        features = encoded.outputs if self.per_time_step else encoded.final[:, None]
        return self.output(self.dropout(features))  # (batch, time, vocab_size); time is 1 for `prefix`

    def score_names(self, *, tokenizer: Tokenizer | None = None) -> list[str]:
        """Return the text of each token that can follow a text."""
        assert tokenizer is not None
        return [tokenizer.decode([number]) for number in range(self.vocab_size)]

    def scores(self, encoded: Encoded, batch: Batch) -> Scores:
        """Return the logits of the token after each row."""
        return Scores(self.logits(encoded.last_time_step(batch.lengths))[:, -1])

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        if self.objective == "bidirectional":
            return self._cross_entropy(*self._both_directions(encoded, batch))
        logits = self.logits(encoded)
        targets = batch.targets if self.per_time_step else batch.targets[:, None]
        if batch.target_lengths is not None and int(batch.target_lengths.min()) < targets.shape[1]:
            targets = targets.masked_fill(~batch.mask, IGNORED)
        return self._cross_entropy(logits, targets)

    def _both_directions(self, encoded: Encoded, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits (count, vocab_size) of the objective `bidirectional`, and their targets (count,)."""
        assert batch.targets is not None
        is_token = (batch.targets != IGNORED) & batch.mask[:, :, None]  # (batch, time, 2)
        halves = self.dropout(encoded.outputs).unflatten(2, (2, -1))  # (batch, time, 2, output_size / 2)
        return self.output(halves[is_token]), batch.targets[is_token]

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Loss:
        return cross_entropy(logits, targets, training=self.training, label_smoothing=self.label_smoothing)

    def metrics(
        self,
        loss: float,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> dict[str, Any]:
        scores = {"perplexity": math.exp(min(loss, 700.0))}  # exp overflows just above 709
        if tokenizer is None:
            return scores
        tokens, characters = self._predicted_sizes(examples, tokenizer)
        return ({"bits_per_char": loss / math.log(2) * (tokens / characters)} if characters > 0 else {}) | scores

    def baseline(
        self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None
    ) -> dict[str, Any] | None:
        from seqkit.heads.baselines import MAX_BASELINE_IDS, NGram

        assert tokenizer is not None
        is_long = any(isinstance(example.input, LongText) for example in train)
        model = NGram(tokenizer.vocab_size, max_ids=MAX_BASELINE_IDS if is_long else None)
        model.fit([self._ids(example, tokenizer) for example in train])
        loss = model.loss([self._ids(example, tokenizer) for example in test])
        return {"name": model.name, "loss": loss} | self.metrics(loss, [], test, tokenizer=tokenizer)

    def _predicted_sizes(self, examples: Sequence[Example], tokenizer: Tokenizer) -> tuple[int, int]:
        """Return the number of tokens that are predicted in a split, and of the characters that they stand for."""
        if self._last_sizes[0] is not examples:  # a split is evaluated after each epoch
            texts = [self._ids(example, tokenizer) for example in examples]
            tokens = sum(len(ids) - 1 for ids in texts)
            self._last_sizes = examples, tokens, sum(_predicted_characters(ids, tokenizer) for ids in texts)
        return self._last_sizes[1:]


def _predicted_characters(ids: np.ndarray, tokenizer: Tokenizer) -> int:
    """Return the number of characters that all ids but the first add to the decoded text.

    A long text is decoded in blocks, each after a few ids before it: a block can begin inside a character.
    """
    total = 0
    for start in range(1, len(ids), _BLOCK):
        first = max(start - _CONTEXT, 0)
        decoded = tokenizer.decode(ids[first : start + _BLOCK].tolist())
        total += len(decoded) - len(tokenizer.decode(ids[first:start].tolist()))
    return total
