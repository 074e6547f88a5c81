"""The head against the same arithmetic written a symbol at a time, and what a row owes to itself alone."""

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

from seqkit.batches import collate
from seqkit.contracts import Batch, Encoded, Example
from seqkit.errors import DataError
from seqkit.tokenizers.char import Char

WIDTH, FINAL = 5, 3
TARGETS = ["ba", "abba", "", "a"]
LENGTHS = [4, 2, 1, 4]

DECODERS = {
    "general": {},
    "additive, two layers": {"attention": "additive", "num_layers": 2},
    "general, fed, two layers": {"input_feeding": True, "num_layers": 2},
    "additive, fed": {"attention": "additive", "input_feeding": True},
}
every_decoder = pytest.mark.parametrize("parameters", DECODERS.values(), ids=DECODERS)


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def built(**parameters: Any) -> Translate:
    """Returns a head that writes `a` and `b`, with weights large enough for its outputs to differ."""
    head = Translate(**{"tokenizer": Char, "hidden_size": 4, "embedding_size": 3} | parameters)
    head.fit([Example("x", "abba")], None)
    head.build(WIDTH, FINAL)
    with torch.no_grad():
        for weight in head.parameters():
            weight.copy_(torch.randn_like(weight))
    return head


def encoded_sources() -> Encoded:
    """Padded steps hold what would show if they were read."""
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
    alone = Batch(batch.inputs[row : row + 1, :length], batch.lengths[row : row + 1])
    if batch.targets is not None and batch.target_lengths is not None:
        target_length = int(batch.target_lengths[row])
        alone = Batch(*alone[:2], batch.targets[row : row + 1, :target_length], batch.target_lengths[row : row + 1])
    return Encoded(encoded.outputs[row : row + 1, :length], encoded.final[row : row + 1]), alone


class StepByStep:
    """The decoder's equations for one row, from its weights."""

    def __init__(self, head: Translate, outputs: Tensor, final: Tensor) -> None:
        self.weights = dict(head.decoder.named_parameters())
        self.layers, self.size = head.num_layers, head.hidden_size
        self.head, self.outputs = head, outputs
        bridged = self.linear("bridge", final)
        states = bridged.split(self.layers * self.size)
        self.hidden = [torch.tanh(state) for state in states[0].split(self.size)]
        self.cell = list(states[1].split(self.size))
        self.attended = torch.zeros(self.size)

    def linear(self, name: str, vector: Tensor) -> Tensor:
        return self.weights[f"{name}.weight"] @ vector + self.weights.get(f"{name}.bias", torch.zeros(()))

    def step(self, symbol: int) -> Tensor:
        """Returns the log probabilities of what comes after a symbol."""
        given = self.weights["vectors.weight"][symbol]
        if self.head.input_feeding:
            given = torch.cat([given, self.attended])
        for layer in range(self.layers):
            gates = sum(
                self.weights[f"lstm.weight_{kind}_l{layer}"] @ vector + self.weights[f"lstm.bias_{kind}_l{layer}"]
                for kind, vector in (("ih", given), ("hh", self.hidden[layer]))
            )
            entering, keeping, new, showing = gates.split(self.size)
            self.cell[layer] = keeping.sigmoid() * self.cell[layer] + entering.sigmoid() * new.tanh()
            given = self.hidden[layer] = showing.sigmoid() * self.cell[layer].tanh()
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
        self.attended = torch.tanh(self.linear("combined", torch.cat([context, given])))
        return torch.log_softmax(self.linear("output", self.attended), dim=0)

    def log_probability(self, symbols: list[int]) -> Tensor:
        total = torch.zeros(())
        for before, symbol in itertools.pairwise([self.head.decoder.begin, *symbols]):
            total = total + self.step(before)[symbol]
        return total


def by_steps(head: Translate, encoded: Encoded, row: int) -> StepByStep:
    return StepByStep(head, encoded.outputs[row, : LENGTHS[row]], encoded.final[row])


@every_decoder
def test_the_loss_is_that_of_a_loop_over_symbols_and_so_are_its_gradients(parameters: dict[str, Any]) -> None:
    head, encoded = built(**parameters), encoded_sources()
    outputs, final = encoded.outputs.requires_grad_(), encoded.final.requires_grad_()
    batch = batch_of(head, TARGETS)
    learned = [*head.parameters(), outputs, final]

    loss = head.loss(encoded, batch)
    wanted = -sum(
        by_steps(head, encoded, row).log_probability([*map("ab".index, target), head.end])
        for row, target in enumerate(TARGETS)
    )
    assert loss.count == sum(len(target) + 1 for target in TARGETS)
    assert loss.total.item() == pytest.approx(wanted.item(), rel=1e-12)
    mine, theirs = torch.autograd.grad(loss.total, learned), torch.autograd.grad(wanted, learned)
    assert all(gradient.any() for gradient in mine)
    for got, reference in zip(mine, theirs, strict=True):
        torch.testing.assert_close(got, reference, rtol=1e-9, atol=1e-12)


@every_decoder
def test_greedy_search_takes_the_likeliest_symbol_at_each_step(parameters: dict[str, Any]) -> None:
    head, encoded = built(**parameters, max_length=6).eval(), encoded_sources()
    batch = batch_of(head, TARGETS)._replace(targets=None)
    for row, answer in enumerate(head.predict(encoded, batch)):
        decoder, symbol, text, total = by_steps(head, encoded, row), head.decoder.begin, "", 0.0
        while len(text) < 6 and symbol != head.end:
            log_probabilities = decoder.step(symbol)
            symbol = int(log_probabilities.argmax())
            total += log_probabilities[symbol].item()
            text += "" if symbol == head.end else "ab"[symbol]
        assert answer == {
            "translation": text,
            "log_probability": pytest.approx(total, rel=1e-9),
            "complete": symbol == head.end,
        }


@every_decoder
def test_a_wide_beam_finds_the_best_of_all_texts(parameters: dict[str, Any]) -> None:
    head, encoded = built(**parameters, beam_size=100, max_length=3, length_penalty=0.8).eval(), encoded_sources()
    texts = ["".join(text) for length in range(3) for text in itertools.product("ab", repeat=length)]
    answers = head.predict(encoded, batch_of(head, TARGETS)._replace(targets=None))
    for row, answer in enumerate(answers):
        values = {}
        for text in texts:
            symbols = [*map("ab".index, text), head.end]
            log_probability = by_steps(head, encoded, row).log_probability(symbols).item()
            values[log_probability / ((5 + len(symbols)) / 6) ** 0.8] = (text, log_probability)
        text, log_probability = values[max(values)]
        assert answer["translation"] == text
        assert answer["log_probability"] == pytest.approx(log_probability, rel=1e-9)


@pytest.mark.parametrize("beam_size", [1, 3])
@every_decoder
def test_a_row_is_answered_alone_as_it_is_in_company(parameters: dict[str, Any], beam_size: int) -> None:
    head, encoded = built(**parameters, beam_size=beam_size).eval(), encoded_sources()
    batch = batch_of(head, TARGETS)
    answers = head.predict(encoded, batch)
    total = 0.0
    for row, answer in enumerate(answers):
        alone = one_row(encoded, batch, row)
        assert head.predict(*alone) == [answer | {"log_probability": pytest.approx(answer["log_probability"])}]
        total += head.loss(*alone).total.item()
    assert head.loss(encoded, batch).total.item() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("score", ["general", "additive"])
def test_attention_is_exactly_zero_at_padding_and_sums_to_one(score: Any) -> None:
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


def test_smoothing_is_torchs_and_only_in_training() -> None:
    head, encoded = built(label_smoothing=0.3), encoded_sources()
    batch = batch_of(head, TARGETS)
    reference = torch.nn.CrossEntropyLoss(label_smoothing=0.3, reduction="sum")
    wanted = torch.zeros(())
    for row, target in enumerate(TARGETS):
        decoder, symbols = by_steps(head, encoded, row), [*map("ab".index, target), head.end]
        read = [head.decoder.begin, *symbols[:-1]]
        wanted += reference(torch.stack([decoder.step(symbol) for symbol in read]), torch.tensor(symbols))
    assert head.loss(encoded, batch).total.item() == pytest.approx(wanted.item(), rel=1e-12)
    plain = built(label_smoothing=0.0)
    plain.load_state_dict(head.state_dict())
    assert head.eval().loss(encoded, batch).total.item() == plain.loss(encoded, batch).total.item()


@pytest.mark.parametrize("parameters", [{}, {"num_layers": 2, "input_feeding": True}])
def test_dropout_acts_in_training_alone(parameters: dict[str, Any]) -> None:
    head, encoded = built(**parameters, dropout=0.5), encoded_sources()
    batch = batch_of(head, TARGETS)
    assert head.loss(encoded, batch).total.item() != head.loss(encoded, batch).total.item()
    plain = built(**parameters)
    plain.load_state_dict(head.state_dict())
    assert head.eval().loss(encoded, batch).total.item() == plain.loss(encoded, batch).total.item()


def test_a_row_ends_with_the_end() -> None:
    head = built()
    (row,) = head.rows(Example("x", " abb "), np.array([4, 5]))
    assert row.input.tolist() == [4, 5]
    assert row.target.tolist() == [0, 1, 1, 2]
    assert (head.end, head.decoder.begin, head.decoder.output.out_features) == (2, 3, 3)


def test_a_symbol_that_stands_for_no_text_is_learned_and_not_written() -> None:
    head = built(tokenizer=lambda: Char(unknown="mark"), max_length=30).eval()
    (row,) = head.rows(Example("x", "a?"), np.array([0]))
    assert row.target.tolist() == [0, 2, 3]
    encoded = Encoded(torch.randn(50, 2, WIDTH), torch.randn(50, FINAL))
    answers = head.predict(encoded, Batch(torch.zeros(50, 2).long(), torch.full((50,), 2)))
    assert not any("\N{REPLACEMENT CHARACTER}" in answer["translation"] for answer in answers)
    assert any(answer["translation"] for answer in answers)


@pytest.mark.parametrize(
    ("given", "longest"),
    [(None, 7), (3, 3)],  # half as many again as `abba` has, and the end
)
def test_max_length_cuts_what_does_not_end(given: int | None, longest: int) -> None:
    head = built(max_length=given).eval()
    with torch.no_grad():
        head.decoder.output.bias[head.end] = -1e9
    answers = head.predict(encoded_sources(), batch_of(head, TARGETS))
    assert [len(answer["translation"]) for answer in answers] == [longest] * 4
    assert not any(answer["complete"] for answer in answers)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "^there is no target$"),
        (3, "^the target is 3, not text$"),
        (
            "abc",
            r"^the target, for head.tokenizer: 'c' \(U\+0063\), symbol 3 of the text, is not in the vocabulary of 2",
        ),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(target: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(built().rows(Example("x", target), np.array([0])))


def test_state_goes_through_json() -> None:
    head, encoded = built(beam_size=2), encoded_sources()
    batch = batch_of(head, TARGETS)
    restored = Translate(tokenizer=Char, hidden_size=4, embedding_size=3, beam_size=2)
    restored.restore(json.loads(json.dumps(head.state())))
    restored.build(WIDTH, FINAL)
    restored.load_state_dict(head.state_dict())
    assert restored.eval().predict(encoded, batch) == head.eval().predict(encoded, batch)


def test_metrics_are_scores_of_the_translations_and_the_perplexity() -> None:
    examples = [Example("x", "abba"), Example("x", "ba ")]
    metrics = built(bleu_tokenizer="char").metrics(0.5, [{"translation": "abba"}, {"translation": "bb"}], examples)
    assert metrics["exact_match"] == 0.5
    assert metrics["character_error_rate"] == pytest.approx(1 / 6)
    assert metrics["perplexity"] == pytest.approx(math.exp(0.5))
    assert "tok:char" in metrics["bleu_signature"]
    assert set(Translate.metric_names) <= set(metrics)
    assert math.isfinite(built().metrics(1e4, [{"translation": "a"}], examples[:1])["perplexity"])


def test_the_floor_is_scored_as_the_model_is() -> None:
    train = [Example("one fish", "1"), Example("two fish", "2"), Example("red fish", "r")]
    test = [Example("one fish!", "1"), Example("two  fishes", "2"), Example("blue fish", "b")]
    floor = built().baseline(train, test, None)
    assert floor is not None
    assert floor["exact_match"] == pytest.approx(2 / 3)
    assert floor["name"].startswith("the target of the training text most like it")
    assert built().baseline([Example(np.zeros((2, 1)), "1")], test, None) is None
