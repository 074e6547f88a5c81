"""Integrated gradients and occlusion, against models whose answers are known and against integrals by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Encoder, Example
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.encoders.stacked import Stacked
from seqkit.explain.attribution import TOLERANCE, Subject, Unit
from seqkit.heads.classify import Classify
from seqkit.heads.multi_label import MultiLabel
from seqkit.heads.next_char import NextChar
from seqkit.heads.regress import Regress
from seqkit.layers.ngram_counts import BUCKETS, count_documents, hash_ngrams
from seqkit.layers.ngrams import NgramLinear
from seqkit.modeling.model import Model
from seqkit.tokenizers.char import Char

TEXTS = ["abcab", "bcabd", "cadbb", "dabca"]


class Linear(nn.Module, Encoder):
    """A linear map of each vector, without context."""

    causal = True

    def __init__(self, input_size: int, *, hidden_size: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(input_size, hidden_size, bias=False)
        self.output_size = self.final_size = hidden_size

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        outputs = self.layer(inputs)
        return Encoded(outputs, outputs[torch.arange(len(lengths)), lengths - 1])


class Detached(Linear):
    """An encoder that no gradient passes."""

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        return super().forward(inputs.detach(), lengths, state)


def subject(encoder: Any, head: Any, targets: list[Any], text: str = "abcadbca", seed: int = 0) -> Subject:
    """Return a text of a model with random weights, large enough that gates saturate a little."""
    torch.manual_seed(seed)
    tokenizer = Char()
    tokenizer.fit(TEXTS)
    embedding: Any = Learned(tokenizer, dim=4) if seed % 2 else OneHot(tokenizer)
    built = encoder(embedding.output_size)
    head.fit([Example(text, target) for text, target in zip(TEXTS, targets, strict=True)], tokenizer)
    head.build(built.output_size, built.final_size)
    model = Model(embedding, built, head).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_()
    ids = tokenizer.encode(text)
    found = Subject(model, ids, [Unit(each, place, place + 1) for place, each in enumerate(text)], None)
    found.column = 1
    return found


def difference(of: Subject) -> float:
    return float(of.explained(of.scores()[None])[0]) - of.baseline()


LABELS = ["x", "y", "x", "z"]
MODELS = {
    "lstm": (lambda size: LSTM(size, hidden_size=5), lambda: Classify(), LABELS),
    "bilstm, all poolings": (
        lambda size: BiLSTM(size, hidden_size=4, num_layers=2),
        lambda: Classify(pooling=["final", "mean", "max", "attention"]),
        LABELS,
    ),
    "n-grams": (lambda size: BiLSTM(size, hidden_size=3), lambda: Classify(ngrams=3), LABELS),
    "several labels": (lambda size: LSTM(size, hidden_size=5), lambda: MultiLabel(), [["x"], ["y"], [], ["x", "y"]]),
    "numbers": (
        lambda size: LSTM(size, hidden_size=5),
        lambda: Regress(ngrams=2),
        [[1, 2], [3, 4], [5, 7], [6, 1]],
    ),
    "next character": (lambda size: LSTM(size, hidden_size=5, proj_size=2), lambda: NextChar(), [None] * 4),
    "stack": (
        lambda size: Stacked(size, layers=[lambda inner: LSTM(inner, hidden_size=4)] * 2),
        lambda: NextChar(objective="prefix"),
        [None] * 4,
    ),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", MODELS)
def test_integrated_gradients_add_up_to_the_difference(name: str, seed: int) -> None:
    encoder, head, targets = MODELS[name]
    of = subject(encoder, head(), targets, seed=seed)
    found = of.integrated_gradients()
    assert found.is_exact
    assert sum(found.values) == pytest.approx(difference(of), rel=TOLERANCE, abs=1e-4)
    assert len(found.values) == len(of.occlusion()) == 8


@pytest.mark.parametrize("seed", [0, 1])
def test_both_methods_are_exact_for_a_linear_model(seed: int) -> None:
    of = subject(Linear, Classify(pooling="mean"), ["x", "y", "x", "y"], seed=seed)
    head, encoder = of.model.head, of.model.encoder
    direction = ((head.output.weight[1] - head.output.weight[0]) @ encoder.layer.weight).detach()
    expected = (of.vectors[0] @ direction / 8).tolist()
    assert of.baseline() == pytest.approx(float((head.output.bias[1] - head.output.bias[0]).detach()), abs=1e-5)
    assert of.integrated_gradients().values == pytest.approx(expected, abs=1e-5)
    assert of.occlusion() == pytest.approx(expected, abs=1e-5)
    assert difference(of) == pytest.approx(sum(expected), abs=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_integrated_gradients_equal_a_sum_over_many_small_steps(seed: int) -> None:
    of = subject(lambda size: BiLSTM(size, hidden_size=4), Classify(pooling=["final", "attention"]), LABELS, seed=seed)
    total, count = torch.zeros(8), 400
    lengths = torch.tensor([8])
    for number in range(count):
        vectors = ((number + 0.5) / count * of.vectors).requires_grad_()
        batch = Batch(of._ids, lengths)
        probabilities = of.model.head.outputs(of.model.encoder(vectors, lengths), batch).softmax(dim=1)[0, 1]
        (gradient,) = torch.autograd.grad(torch.logit(probabilities.double()), vectors)
        total += (gradient * of.vectors).sum(dim=2)[0] / count
    assert of.integrated_gradients().values == pytest.approx(total.tolist(), abs=2e-3 * float(total.abs().max()))


@torch.no_grad()
def test_occlusion_is_the_score_with_one_vector_at_zero() -> None:
    of = subject(lambda size: LSTM(size, hidden_size=4), Classify(), ["x", "y", "x", "y"], seed=1)
    lengths = torch.tensor([8])
    for place, value in enumerate(of.occlusion()):
        vectors = of.vectors.clone()
        vectors[0, place] = 0
        without = of.model.head.outputs(of.model.encoder(vectors, lengths), Batch(of._ids, lengths))[0]
        whole = of.model.head.outputs(of.model.encoder(of.vectors, lengths), Batch(of._ids, lengths))[0]
        expected = (whole[1] - whole[0]) - (without[1] - without[0])
        assert value == pytest.approx(float(expected), abs=1e-5)


def test_an_encoder_without_gradients_is_recognized() -> None:
    of = subject(Detached, Classify(), ["x", "y", "x", "y"])
    with pytest.raises(RuntimeError):
        of.integrated_gradients()
    assert any(of.occlusion())


def test_a_head_that_reads_tokens_without_declaring_it_is_recognized() -> None:
    class Peeking(Classify):
        """Adds the number of the first token to every score."""

        def _encoder_outputs(self, encoded: Encoded, batch: Batch) -> Tensor:
            return super()._encoder_outputs(encoded, batch) + batch.inputs[:, 1:2]

    assert subject(Linear, Peeking(), LABELS).reads_tokens()
    assert not subject(Linear, Classify(ngrams=2), LABELS).reads_tokens()


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=9), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(0, 40),
)
def test_parts_of_the_ngrams_by_token_add_up_to_the_whole(rows: list[list[int]], n: int, limit: int) -> None:
    known = count_documents(map(np.array, rows), n, limit).known
    layer = NgramLinear(2, len(known), n=n)
    with torch.no_grad():
        layer.weight.normal_(generator=torch.Generator().manual_seed(n))
    layer.set_ngrams(known, np.linspace(0.5, 2, len(known)))
    lengths = torch.tensor([len(row) for row in rows])
    ids = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    parts = layer.by_token(ids, lengths)
    torch.testing.assert_close(parts.sum(dim=1), layer(ids, lengths), rtol=1e-4, atol=1e-4)
    assert not parts[torch.arange(ids.shape[1]) >= lengths[:, None]].any()


def test_the_term_of_an_ngram_is_divided_equally_among_its_tokens() -> None:
    layer = NgramLinear(1, 1, n=2)
    with torch.no_grad():
        layer.set_ngrams(hash_ngrams(np.array([[3, 4]]), 2, BUCKETS)[1].ravel(), np.ones(1))  # the pair alone
        layer.weight.fill_(1)
        first, second, other = layer.by_token(torch.tensor([[3, 4, 3]]), torch.tensor([3]))[0, :, 0].tolist()
    assert first == pytest.approx(second)
    assert first > 0 == other
