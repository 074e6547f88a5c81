"""Tests that checks detect mistakes of plugin authors, each inserted into a component that the checks accept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from test_correct_components import Attention
from test_encoder_faults import Recurrent
from test_head_faults import Tags
from test_training_faults import assert_detected
from torch import Tensor, nn

from seqkit.contracts import Embedding, Encoded, Encoder, Example, Head, Lookup, Loss, Reader, Row, Tokenizer
from seqkit.errors import DataError
from seqkit.heads.classify import Classify
from seqkit.testing import (
    check_encoder,
    check_head,
    check_tokenizer,
    checks_for_embedding,
    checks_for_encoder,
    checks_for_head,
    checks_for_reader,
    checks_for_tokenizer,
)
from seqkit.testing.default_cases import EXAMPLES


class UnpackedCache(Attention):
    """Causal attention whose cache keeps padding between the time steps of a row."""

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = super().forward(inputs, lengths, state)
        if state is None:
            return encoded
        _, keys, values = self.projection(inputs).chunk(3, dim=2)
        keys, values = torch.cat([state[0], keys], dim=1), torch.cat([state[1], values], dim=1)
        return encoded._replace(state=(keys, values, encoded.state[2]))


class ScaledInEvaluation(Recurrent):
    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = super().forward(inputs, lengths, state)
        return encoded if self.training else encoded._replace(outputs=0.9 * encoded.outputs)


class PlainWeight(Recurrent):
    """An encoder with a weight that the optimizer does not see."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.scale = torch.ones(self.output_size, requires_grad=True)

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = super().forward(inputs, lengths, state)
        return encoded._replace(outputs=encoded.outputs * self.scale.to(encoded.outputs.dtype))


class Normalizing(Recurrent):
    """An encoder that divides vectors by their norm, which can be 0."""

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        return super().forward(inputs / inputs.norm(dim=2, keepdim=True), lengths, state)


class Transformer(nn.Module, Encoder):
    causal = False

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = 4
        self.input = nn.Linear(input_size, 4)
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        padding = torch.arange(inputs.shape[1]) >= lengths[:, None]
        outputs = self.layers(self.input(inputs), src_key_padding_mask=padding)
        return Encoded(outputs, outputs[torch.arange(len(inputs)), lengths - 1])


ENCODERS: dict[str, tuple[type, str, str]] = {
    "a cache is not packed": (UnpackedCache, "state_ignores_padding", "is continued after a padded batch"),
    "outputs are scaled in evaluation": (ScaledInEvaluation, "modes_agree", "compute the same in both"),
    "a weight is no parameter": (PlainWeight, "gradient_flow", "scale takes gradients but is no parameter"),
    "a norm of 0 divides": (Normalizing, "zero_inputs", "add an epsilon inside the square root"),
}


@pytest.mark.parametrize(("faulty", "name", "message"), ENCODERS.values(), ids=ENCODERS)
def test_encoder_faults_are_detected(faulty: type, name: str, message: str) -> None:
    assert_detected(checks_for_encoder(faulty), name, message)


def test_transformer_of_torch_is_correct() -> None:
    check_encoder(Transformer)


class DetachedLookup(nn.Module, Embedding):
    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.output_size = 4
        self.vectors = nn.Parameter(torch.randn(tokenizer.vocab_size, 4))

    def forward(self, ids: Tensor) -> Tensor:
        return self.vectors[ids]

    def as_lookup(self, ids: Tensor) -> Lookup:
        return Lookup(ids, self.vectors.data)


def test_lookup_without_gradient_is_detected() -> None:
    assert_detected(checks_for_embedding(DetachedLookup), "lookup_matches_forward", "the gradient of vectors")


class UnknownTagCounts(Tags):
    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        known = [tag if tag in self.tags else self.tags[0] for tag in example.target or ()]
        return super().rows(Example(example.input, known), encoded_input)


class RaisesForUnknownTag(Tags):
    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        yield Row(encoded_input, np.array([self.tags.index(tag) for tag in example.target]))


class SortsTargets(Tags):
    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        super().fit(examples, tokenizer)
        for example in examples:
            example.target.sort()


class CountsTestLabels(Classify):
    def baseline(self, train: Any, test: Any, tokenizer: Any) -> dict[str, Any]:
        most = max(sorted({each.target for each in test}), key=[each.target for each in test].count)
        return {"name": "the most frequent", "accuracy": sum(each.target == most for each in test) / len(test)}


HEADS: dict[str, tuple[type, str, str]] = {
    "an unknown tag counts as the first": (UnknownTagCounts, "unknown_label", "leave it out of the total"),
    "an unknown tag raises ValueError": (RaisesForUnknownTag, "unknown_label", "raises ValueError"),
    "too few tags are accepted": (RaisesForUnknownTag, "target_length", "rows accepts 3 targets for 4 time steps"),
    "fit sorts the tags of an example": (SortsTargets, "examples_unchanged", "fit modifies the target"),
    "the baseline counts test labels": (CountsTestLabels, "baseline_ignores_test_targets", "training examples only"),
}


@pytest.mark.parametrize(("faulty", "name", "message"), HEADS.values(), ids=HEADS)
def test_head_faults_are_detected(faulty: type, name: str, message: str) -> None:
    examples: list[Example] = EXAMPLES["labels" if issubclass(faulty, Classify) else "tags"]
    assert_detected(checks_for_head(faulty, examples), name, message)


class Standardized(nn.Module, Head):
    """Regression by least squares on standardized numbers."""

    needs = frozenset({"final", "targets"})
    stratifies = False

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        numbers = np.array([example.target for example in examples])
        self.mean, self.deviation = float(numbers.mean()), float(numbers.std())

    def state(self) -> dict[str, Any]:
        return {"mean": self.mean, "deviation": self.deviation}

    def restore(self, state: Any) -> None:
        self.mean, self.deviation = state["mean"], state["deviation"]

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(final_size, 1)

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        if example.target is None:
            raise DataError("the example has no number")
        yield Row(encoded_input, (example.target - self.mean) / self.deviation)

    def loss(self, encoded: Encoded, batch: Any) -> Loss:
        errors = self.output(encoded.final)[:, 0] - batch.targets
        return Loss(errors.square().sum(), len(errors))

    def predict(self, encoded: Encoded, batch: Any) -> list[dict[str, Any]]:
        return [{"number": self.restored(value)} for value in self.output(encoded.final)[:, 0].tolist()]

    def restored(self, value: float) -> float:
        return self.mean + self.deviation * value


class ForgetsDeviation(Standardized):
    def restored(self, value: float) -> float:
        return self.mean + value


WIDE = [Example(text, number, "a:1") for text, number in (("ab", 2.0), ("abbca", 10.0), ("c", 100.0), ("bca", 5.5))]
YEARS = [Example(text, number, "a:1") for text, number in (("ab", 1990.0), ("abbca", 2003.0), ("c", 2015.0))]


@pytest.mark.parametrize("examples", [WIDE, YEARS], ids=["wide", "years"])
def test_error_of_a_number_is_seen_against_the_spread(examples: list[Example]) -> None:
    check_head(Standardized, examples)
    assert_detected(checks_for_head(ForgetsDeviation, examples), "predicts_targets", "after memorizing it")


class Pieces(Tokenizer):
    """Words of the training texts; other words are cut into characters. The first id is a mark of all texts."""

    def fit(self, texts: Any) -> None:
        words = {word for text in texts for word in text.split()}
        characters = {character for word in words for character in word}
        inner = {f"##{character}" for character in characters}
        self.restore({"tokens": ["[CLS]", "[UNK]", *sorted(words | characters | inner)]})

    def restore(self, state: Any) -> None:
        self.tokens = list(state["tokens"])
        self.vocab_size = len(self.tokens)

    def state(self) -> dict[str, Any]:
        return {"tokens": self.tokens}

    def encode(self, text: str) -> np.ndarray:
        pieces = ["[CLS]"]
        for word in text.split():
            pieces += [word] if word in self.tokens else [word[0], *(f"##{character}" for character in word[1:])]
        return np.array([self.tokens.index(each) if each in self.tokens else 1 for each in pieces], dtype=np.int64)

    def decode(self, ids: Any) -> str:
        text = " ".join(self.tokens[number] for number in ids if number)
        return self.joined(text)

    def joined(self, text: str) -> str:
        return text.replace(" ##", "").removeprefix("##")

    @property
    def suppressed_ids(self) -> Sequence[int]:
        return (0, 1)


class SpacedPieces(Pieces):
    def joined(self, text: str) -> str:
        return text.replace("##", "")


class PaddedTexts(Pieces):
    def encode(self, text: str) -> np.ndarray:
        ids = super().encode(text)[:64]
        return np.pad(ids, (0, 64 - len(ids)))


class EndsTexts(Pieces):
    def encode(self, text: str) -> np.ndarray:
        return np.append(super().encode(text), 1)


class CachesBeginnings(Pieces):
    """A tokenizer that stores the ids of a text under its first ten characters."""

    def encode(self, text: str) -> np.ndarray:
        if not hasattr(self, "cache"):
            self.cache: dict[str, np.ndarray] = {}
        if text[:10] not in self.cache:
            self.cache[text[:10]] = super().encode(text)
        return self.cache[text[:10]].copy()


TOKENIZERS: dict[str, tuple[type, str, str]] = {
    "pieces are not joined": (SpacedPieces, "unseen_words", "for words that are cut into pieces"),
    "texts are padded": (PaddedTexts, "no_padding", "all texts have 64 ids"),
    "prompts end in an end mark": (EndsTexts, "empty_text", "the ids without an end mark"),
    "texts are cached by their beginning": (CachesBeginnings, "determinism", "the beginnings of a text"),
}


@pytest.mark.parametrize(("faulty", "name", "message"), TOKENIZERS.values(), ids=TOKENIZERS)
def test_tokenizer_faults_are_detected(faulty: type, name: str, message: str) -> None:
    assert_detected(checks_for_tokenizer(faulty), name, message)


def test_mark_at_the_beginning_of_a_text_is_correct() -> None:
    check_tokenizer(Pieces)


class NamesLabelToo(Reader):
    yields = "features"

    def read(self) -> Iterator[Example]:
        yield Example(np.ones((2, 2)), "wave", "a:1", ("label", "x", "y"))


def test_names_that_do_not_fit_the_features_are_detected() -> None:
    assert_detected(checks_for_reader(NamesLabelToo), "examples", "give each feature of its input one name")
