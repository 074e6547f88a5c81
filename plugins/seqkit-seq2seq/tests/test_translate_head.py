"""Tests of the head `translate` against loops over tokens: loss, search, independence of rows, error messages."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from seqkit_seq2seq.attention import Attention
from seqkit_seq2seq.translate import Translate
from torch import Tensor

from seqkit.contracts import Batch, DataNote, Encoded, Example
from seqkit.data.batching import collate
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

WIDTH, FINAL = 5, 3
TARGETS = ["ba", "abba", "", "a"]
LENGTHS = [4, 2, 1, 4]

DECODERS = {
    "general": {},
    "additive, two layers": {"attention": "additive", "num_layers": 2},
    "general, input feeding, two layers": {"input_feeding": True, "num_layers": 2},
    "additive, input feeding": {"attention": "additive", "input_feeding": True},
}
all_decoders = pytest.mark.parametrize("parameters", DECODERS.values(), ids=DECODERS)


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def random_head(**parameters: Any) -> Translate:
    """Return a head with the target tokens `a` and `b`, and weights large enough for its outputs to differ."""
    head = Translate(**{"tokenizer": Char, "hidden_size": 4, "embedding_size": 3} | parameters)
    head.fit([Example("x", "abba")], None)
    head.build(WIDTH, FINAL)
    with torch.no_grad():
        for weight in head.parameters():
            weight.copy_(torch.randn_like(weight))
    return head


def encoded_sources() -> Encoded:
    """Return random encoder outputs, with NaN at padding."""
    outputs = torch.randn(len(LENGTHS), max(LENGTHS), WIDTH)
    for row, length in enumerate(LENGTHS):
        outputs[row, length:] = torch.nan
    return Encoded(outputs, torch.randn(len(LENGTHS), FINAL))


def batch_of(head: Translate, targets: list[str]) -> Batch:
    rows = [
        row
        for target, length in zip(targets, LENGTHS, strict=True)
        for row in head.rows(Example("x", target or " "), np.zeros(length, dtype=np.int64))
    ]
    return collate(rows)


def one_row(encoded: Encoded, batch: Batch, row: int) -> tuple[Encoded, Batch]:
    length = int(batch.lengths[row])
    single = Batch(batch.inputs[row : row + 1, :length], batch.lengths[row : row + 1])
    if batch.targets is not None and batch.target_lengths is not None:
        target_length = int(batch.target_lengths[row])
        single = Batch(*single[:2], batch.targets[row : row + 1, :target_length], batch.target_lengths[row : row + 1])
    return Encoded(encoded.outputs[row : row + 1, :length], encoded.final[row : row + 1]), single


class LoopDecoder:
    """The equations of the decoder for one row, computed from its weights."""

    def __init__(self, head: Translate, outputs: Tensor, final: Tensor) -> None:
        self.weights = dict(head.decoder.named_parameters())
        self.layers, self.size = head.num_layers, head.hidden_size
        self.head, self.outputs = head, outputs
        bridged = self.linear("bridge", final)
        states = bridged.split(self.layers * self.size)
        self.hidden = [torch.tanh(state) for state in states[0].split(self.size)]
        self.cell = list(states[1].split(self.size))
        self.attentional = torch.zeros(self.size)

    def linear(self, name: str, vector: Tensor) -> Tensor:
        return self.weights[f"{name}.weight"] @ vector + self.weights.get(f"{name}.bias", torch.zeros(()))

    def step(self, token: int) -> Tensor:
        """Return the log probabilities of the token after the given one."""
        given = self.weights["vectors.weight"][token]
        if self.head.input_feeding:
            given = torch.cat([given, self.attentional])
        for layer in range(self.layers):
            gates = sum(
                self.weights[f"lstm.weight_{kind}_l{layer}"] @ vector + self.weights[f"lstm.bias_{kind}_l{layer}"]
                for kind, vector in (("ih", given), ("hh", self.hidden[layer]))
            )
            input_gate, forget_gate, cell_input, output_gate = gates.split(self.size)
            self.cell[layer] = forget_gate.sigmoid() * self.cell[layer] + input_gate.sigmoid() * cell_input.tanh()
            given = self.hidden[layer] = output_gate.sigmoid() * self.cell[layer].tanh()
        energies = []
        for output in self.outputs:
            key = self.linear("attention.keys", output)
            if self.head.attention == "general":
                energies.append(given @ key)
            else:
                energies.append(
                    self.linear("attention.energy", torch.tanh(key + self.linear("attention.queries", given)))[0]
                )
        weights = torch.stack(energies).exp()
        context = sum(weight * output for weight, output in zip(weights / weights.sum(), self.outputs, strict=True))
        self.attentional = torch.tanh(self.linear("combined", torch.cat([context, given])))
        return torch.log_softmax(self.linear("output", self.attentional), dim=0)

    def log_probability(self, tokens: list[int]) -> Tensor:
        total = torch.zeros(())
        for previous, token in itertools.pairwise([self.head.decoder.begin, *tokens]):
            total = total + self.step(previous)[token]
        return total


def loop_decoder(head: Translate, encoded: Encoded, row: int) -> LoopDecoder:
    return LoopDecoder(head, encoded.outputs[row, : LENGTHS[row]], encoded.final[row])


@all_decoders
def test_loss_and_gradients_equal_loop(parameters: dict[str, Any]) -> None:
    head, encoded = random_head(**parameters), encoded_sources()
    outputs, final = encoded.outputs.requires_grad_(), encoded.final.requires_grad_()
    batch = batch_of(head, TARGETS)
    learned = [*head.parameters(), outputs, final]

    loss = head.loss(encoded, batch)
    expected = -sum(
        loop_decoder(head, encoded, row).log_probability([*map("ab".index, target), head.end])
        for row, target in enumerate(TARGETS)
    )
    assert loss.count == sum(len(target) + 1 for target in TARGETS)
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-12)
    gradients, expected_gradients = torch.autograd.grad(loss.total, learned), torch.autograd.grad(expected, learned)
    assert all(gradient.any() for gradient in gradients)
    for gradient, reference in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-9, atol=1e-12)


@all_decoders
def test_greedy_search_takes_the_most_likely_token(parameters: dict[str, Any]) -> None:
    head, encoded = random_head(**parameters, max_length=6).eval(), encoded_sources()
    batch = batch_of(head, TARGETS)._replace(targets=None)
    for row, prediction in enumerate(head.predict(encoded, batch)):
        decoder, token, text, total = loop_decoder(head, encoded, row), head.decoder.begin, "", 0.0
        while len(text) < 6 and token != head.end:
            log_probabilities = decoder.step(token)
            token = int(log_probabilities.argmax())
            total += log_probabilities[token].item()
            text += "" if token == head.end else "ab"[token]
        assert prediction == {
            "translation": text,
            "log_probability": pytest.approx(total, rel=1e-9),
            "complete": token == head.end,
        }


@all_decoders
def test_wide_beam_finds_the_best_text(parameters: dict[str, Any]) -> None:
    head, encoded = random_head(**parameters, beam_size=100, max_length=3, length_penalty=0.8).eval(), encoded_sources()
    texts = ["".join(text) for length in range(3) for text in itertools.product("ab", repeat=length)]
    predictions = head.predict(encoded, batch_of(head, TARGETS)._replace(targets=None))
    for row, prediction in enumerate(predictions):
        values = {}
        for text in texts:
            tokens = [*map("ab".index, text), head.end]
            log_probability = loop_decoder(head, encoded, row).log_probability(tokens).item()
            values[log_probability / ((5 + len(tokens)) / 6) ** 0.8] = (text, log_probability)
        text, log_probability = values[max(values)]
        assert prediction["translation"] == text
        assert prediction["log_probability"] == pytest.approx(log_probability, rel=1e-9)


@pytest.mark.parametrize("beam_size", [1, 3])
@all_decoders
def test_rows_are_independent(parameters: dict[str, Any], beam_size: int) -> None:
    head, encoded = random_head(**parameters, beam_size=beam_size).eval(), encoded_sources()
    batch = batch_of(head, TARGETS)
    predictions = head.predict(encoded, batch)
    total = 0.0
    for row, prediction in enumerate(predictions):
        single = one_row(encoded, batch, row)
        assert head.predict(*single) == [prediction | {"log_probability": pytest.approx(prediction["log_probability"])}]
        total += head.loss(*single).total.item()
    assert head.loss(encoded, batch).total.item() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("score", ["general", "additive"])
def test_attention_weights_are_zero_at_padding_and_sum_to_one(score: Any) -> None:
    attention = Attention(4, WIDTH, score)
    outputs = encoded_sources().outputs
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    queries = torch.randn(len(LENGTHS), 3, 4)
    means, weights = attention(queries, attention.memory(outputs, mask))
    assert not weights.masked_select(~mask[:, None]).any()
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(len(LENGTHS), 3))
    assert (weights.masked_select(mask[:, None]) > 0).all()
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(means[row], weights[row, :, :length] @ outputs[row, :length])


def test_label_smoothing_equals_torch_and_applies_only_in_training() -> None:
    head, encoded = random_head(label_smoothing=0.3), encoded_sources()
    batch = batch_of(head, TARGETS)
    reference = torch.nn.CrossEntropyLoss(label_smoothing=0.3, reduction="sum")
    expected = torch.zeros(())
    for row, target in enumerate(TARGETS):
        decoder, tokens = loop_decoder(head, encoded, row), [*map("ab".index, target), head.end]
        read = [head.decoder.begin, *tokens[:-1]]
        expected += reference(torch.stack([decoder.step(token) for token in read]), torch.tensor(tokens))
    assert head.loss(encoded, batch).total.item() == pytest.approx(expected.item(), rel=1e-12)
    plain = random_head(label_smoothing=0.0)
    plain.load_state_dict(head.state_dict())
    assert head.eval().loss(encoded, batch).total.item() == plain.loss(encoded, batch).total.item()


@pytest.mark.parametrize("parameters", [{}, {"num_layers": 2, "input_feeding": True}])
def test_dropout_applies_only_in_training(parameters: dict[str, Any]) -> None:
    head, encoded = random_head(**parameters, dropout=0.5), encoded_sources()
    batch = batch_of(head, TARGETS)
    assert head.loss(encoded, batch).total.item() != head.loss(encoded, batch).total.item()
    plain = random_head(**parameters)
    plain.load_state_dict(head.state_dict())
    assert head.eval().loss(encoded, batch).total.item() == plain.loss(encoded, batch).total.item()


def test_targets_end_with_the_end_token() -> None:
    head = random_head()
    (row,) = head.rows(Example("x", " abb "), np.array([4, 5]))
    assert row.input.tolist() == [4, 5]
    assert row.target.tolist() == [0, 1, 1, 2]
    assert (head.end, head.decoder.begin, head.decoder.output.out_features) == (2, 3, 3)


def test_suppressed_ids_are_learned_and_not_generated() -> None:
    head = random_head(tokenizer=lambda: Char(unknown="mark"), max_length=30).eval()
    with pytest.warns(DataNote, match="head.tokenizer cannot restore the target exactly"):
        (row,) = head.rows(Example("x", "a?"), np.array([0]))
    assert row.target.tolist() == [0, 2, 3]
    encoded = Encoded(torch.randn(50, 2, WIDTH), torch.randn(50, FINAL))
    predictions = head.predict(encoded, Batch(torch.zeros(50, 2).long(), torch.full((50,), 2)))
    assert not any("\N{REPLACEMENT CHARACTER}" in prediction["translation"] for prediction in predictions)
    assert any(prediction["translation"] for prediction in predictions)


@pytest.mark.parametrize(
    ("max_length", "expected_length"),
    [(None, 7), (3, 3)],  # one and a half times the length of `abba`, and the end token
)
def test_outputs_are_truncated_at_max_length(max_length: int | None, expected_length: int) -> None:
    head = random_head(max_length=max_length).eval()
    with torch.no_grad():
        head.decoder.output.bias[head.end] = -1e9
    predictions = head.predict(encoded_sources(), batch_of(head, TARGETS))
    assert [len(prediction["translation"]) for prediction in predictions] == [expected_length] * 4
    assert not any(prediction["complete"] for prediction in predictions)


def test_target_that_cannot_be_encoded_is_left_out_of_the_loss_and_counts_as_an_error() -> None:
    head, encoded = random_head(), encoded_sources()
    expected = head.loss(encoded, batch_of(head, TARGETS))
    left_out = one_row(encoded, batch_of(head, TARGETS), 1)
    with pytest.warns(DataNote, match="a token that does not occur in the training targets") as notes:
        batch = batch_of(head, ["ba", "abcba", "", "a"])
    (note,) = notes
    assert isinstance(note.message, DataNote) and note.message.location == "an example, 'c' (U+0063)"
    loss = head.loss(encoded, batch)
    assert loss.count == expected.count - len("abba.")
    assert loss.total.item() == pytest.approx((expected.total - head.loss(*left_out).total).item(), rel=1e-12)
    with pytest.warns(DataNote):
        nothing = head.loss(encoded, batch_of(head, ["c"] * 4))
    assert (nothing.total.item(), nothing.count) == (0, 0)
    examples = [Example("x", "abc"), Example("x", "ba")]
    scores = head.metrics(0.5, [{"translation": "ab"}, {"translation": "ba"}], examples)
    assert (scores["exact_match"], scores["character_error_rate"]) == (1 / 2, 1 / 5)
    assert "perplexity" not in head.metrics(math.nan, [{"translation": "ab"}], examples[:1])


def test_state_is_json() -> None:
    head, encoded = random_head(beam_size=2), encoded_sources()
    batch = batch_of(head, TARGETS)
    restored = Translate(tokenizer=Char, hidden_size=4, embedding_size=3, beam_size=2)
    restored.restore(json.loads(json.dumps(head.state())))
    restored.build(WIDTH, FINAL)
    restored.load_state_dict(head.state_dict())
    assert restored.eval().predict(encoded, batch) == head.eval().predict(encoded, batch)


def test_judgments_compare_with_the_target_as_the_tokenizer_restores_it() -> None:
    head = random_head(tokenizer=lambda: Word(lower=True))
    head.fit([Example("x", "the apples")], None)
    examples = [Example("x", "The apples"), Example("x", "the apples")]
    predictions = [
        {"translation": "the apples", "log_probability": 1e-9, "complete": True},
        {"translation": "the", "log_probability": math.log(0.25), "complete": False},
    ]
    right, wrong = head.judge(predictions, examples, tokenizer=None)
    assert (right.is_error, right.truth, right.probability) == (False, "the apples", 1)
    assert (wrong.is_error, wrong.order, wrong.probability) == (True, 7, pytest.approx(0.25))
    assert wrong.facts == {"distance": 7, "complete": False}


def test_alternatives_are_the_outputs_of_the_search() -> None:
    head, encoded = random_head(beam_size=4, n_best=3).eval(), encoded_sources()
    single = random_head(beam_size=4).eval()
    single.load_state_dict(head.state_dict())
    batch = batch_of(head, TARGETS)._replace(targets=None)
    predictions = head.predict(encoded, batch)
    expected = single.predict(encoded, batch)
    assert [{**prediction, "alternatives": None} for prediction in predictions] == [
        {**prediction, "alternatives": None} for prediction in expected
    ]
    for prediction in predictions:
        alternatives = prediction["alternatives"]
        assert 1 <= len(alternatives) <= 3
        assert alternatives[0] == {key: prediction[key] for key in ("translation", "log_probability", "complete")}
    with pytest.raises(ValueError, match="n_best must be at most beam_size, 2, not 3"):
        random_head(beam_size=2, n_best=3)
