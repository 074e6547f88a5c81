"""Tests of the head `ctc` against an enumeration of all alignments in float64, and of its error messages."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_ctc.baselines import LinearCTC
from seqkit_ctc.head import CTC
from seqkit_ctc.likelihood import negative_log_likelihood
from seqkit_ctc.tones import Tones
from torch import Tensor

from seqkit.contracts import Batch, DataNote, Encoded, Example
from seqkit.errors import DataError
from seqkit.tokenizers.char import Char

WIDTH = 5


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def ctc(labels: str = "ab", **parameters: Any) -> CTC:
    head = CTC(**parameters)
    head.restore({"labels": list(labels)})
    head.build(WIDTH, WIDTH)
    with torch.no_grad():
        head.output.weight.normal_(0, 1)
    return head.eval()


def batch_of(lengths: list[int], targets: list[list[int]], padding: int = 0) -> tuple[Encoded, Batch]:
    outputs = torch.randn(len(lengths), max(lengths) + padding, WIDTH)
    padded = torch.zeros(len(targets), max(map(len, targets)), dtype=torch.int64)
    for row, target in zip(padded, targets, strict=True):
        row[: len(target)] = torch.tensor(target)
    inputs = torch.zeros(outputs.shape[:2])
    return Encoded(outputs, outputs[:, 0]), Batch(
        inputs, torch.tensor(lengths), padded, torch.tensor([len(target) for target in targets])
    )


def labeling_probability(head: CTC, outputs: torch.Tensor, target: list[int]) -> float:
    """Return the probability of a labeling, summed over all alignments that represent it."""
    scores = outputs.numpy() @ head.output.weight.detach().numpy().T + head.output.bias.detach().numpy()
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return sum(
        math.prod(probabilities[step, label] for step, label in enumerate(alignment))
        for alignment in itertools.product(range(scores.shape[1]), repeat=len(scores))
        if [label for label, _ in itertools.groupby(alignment) if label] == target
    )


def can_align(target: list[int], steps: int) -> bool:
    return len(target) + sum(one == other for one, other in itertools.pairwise(target)) <= steps


rows_that_align = st.tuples(st.integers(1, 4), st.lists(st.integers(1, 2), max_size=4)).filter(
    lambda row: can_align(row[1], row[0])
)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(rows=st.lists(rows_that_align, min_size=1, max_size=4), padding=st.integers(0, 2))
def test_loss_is_summed_over_all_alignments(rows: list[tuple[int, list[int]]], padding: int) -> None:
    head = ctc()
    encoded, batch = batch_of([steps for steps, _ in rows], [target for _, target in rows], padding)
    loss = head.loss(encoded, batch)
    expected = -sum(
        math.log(labeling_probability(head, outputs[:steps], target))
        for outputs, (steps, target) in zip(encoded.outputs, rows, strict=True)
    )
    assert loss.total.item() == pytest.approx(expected, rel=1e-10)
    assert loss.count == len(rows)


def test_padding_has_no_gradient() -> None:
    head = ctc()
    encoded, batch = batch_of([4, 2], [[1, 2], [2]])
    outputs = encoded.outputs.requires_grad_()
    head.loss(encoded, batch).total.backward()
    assert outputs.grad is not None
    assert outputs.grad[0].all() and outputs.grad[1, :2].all()
    assert not outputs.grad[1, 2:].any()


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_rows_of_a_batch_are_independent(decoder: Any) -> None:
    head = ctc("abc", decoder=decoder)
    lengths = [7, 1, 4, 9, 2]
    encoded, batch = batch_of(lengths, [[1]] * 5, padding=3)
    batched = head.predict(encoded, batch)
    for number, steps in enumerate(lengths):
        outputs = encoded.outputs[number : number + 1, :steps]
        (single,) = head.predict(Encoded(outputs, outputs[:, 0]), Batch(outputs, torch.tensor([steps])))
        assert single["transcript"] == batched[number]["transcript"]
        assert single["probability"] == pytest.approx(batched[number]["probability"], rel=1e-12)
        total = head.loss(Encoded(outputs, outputs[:, 0]), batch_of([steps], [[1]])[1]).total
        assert total.item() == pytest.approx(-math.log(single_label_probability(head, outputs[0], 1)), rel=1e-10)


def single_label_probability(head: CTC, outputs: torch.Tensor, label: int) -> float:
    """Return the probability of a labeling with one label: any number of time steps, with blanks before and after."""
    probabilities = torch.softmax(head.output(outputs), dim=1).detach().numpy()
    steps = len(probabilities)
    return sum(
        probabilities[:start, 0].prod() * probabilities[start:end, label].prod() * probabilities[end:, 0].prod()
        for start in range(steps)
        for end in range(start + 1, steps + 1)
    )


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_probability_is_summed_over_the_alignments_of_the_transcript(decoder: Any) -> None:
    head = ctc(decoder=decoder)
    encoded, batch = batch_of([4] * 8, [[1]] * 8)
    predictions = head.predict(encoded, batch)
    assert len({prediction["transcript"] for prediction in predictions}) > 2
    for outputs, prediction in zip(encoded.outputs, predictions, strict=True):
        numbers = ["ab".index(label) + 1 for label in prediction["transcript"]]
        assert prediction["probability"] == pytest.approx(labeling_probability(head, outputs, numbers), rel=1e-10)
        json.dumps(prediction)


def test_predict_empty_transcripts() -> None:
    head = ctc()
    with torch.no_grad():
        head.output.bias[0] = 100
    encoded, batch = batch_of([3, 2], [[1], [1]])
    assert [prediction["transcript"] for prediction in head.predict(encoded, batch)] == ["", ""]


def test_predict_empty_batch() -> None:
    outputs = torch.zeros(0, 3, WIDTH)
    assert ctc().predict(Encoded(outputs, outputs[:, 0]), Batch(outputs, torch.zeros(0, dtype=torch.int64))) == []


def test_restored_head_equals_fitted_head() -> None:
    head = CTC(labels="words")
    head.fit([Example(None, "ni hao"), Example(None, ""), Example(None, " hao  ma ")], None)
    restored = CTC(labels="words")
    restored.restore(json.loads(json.dumps(head.state())))
    assert restored.labels == head.labels == ["hao", "ma", "ni"]
    (row,) = restored.rows(Example(None, "ma hao hao"), np.zeros((5, 2)))
    assert row.target.tolist() == [2, 1, 1]
    assert restored.join_labels([2, 1, 1]) == "ma hao hao"


def test_target_can_be_empty() -> None:
    head = ctc()
    (row,) = head.rows(Example(None, ""), np.zeros((1, 2)))
    assert row.target.dtype == np.int64 and len(row.target) == 0
    encoded, batch = batch_of([2, 3], [[], []])
    expected = -sum(math.log(labeling_probability(head, encoded.outputs[i, :n], [])) for i, n in enumerate([2, 3]))
    assert head.loss(encoded, batch).total.item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("target", "steps", "message"),
    [
        (None, 9, "^the target is missing$"),
        (3.5, 9, "^the target is not text: 3.5$"),
        ("aba", 2, "^its 3 labels require 3 time steps .with a blank between equal neighbors., but its input has 2"),
        ("aabb", 5, "^its 4 labels require 6 time steps .* has 5: remove the example, or .* `too_long: skip`"),
    ],
)
def test_invalid_targets_are_rejected(target: Any, steps: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(ctc().rows(Example(None, target), np.zeros((steps, 2))))


def test_unknown_label_counts_as_an_error_and_is_left_out_of_the_loss() -> None:
    head = ctc()
    examples = [Example(None, text, f"a.csv:{line}") for line, text in enumerate(("ab", "xxa", "b"), start=2)]
    note = "^a label that does not occur in the training data counts as an error, and the loss leaves out its text$"
    with pytest.warns(DataNote, match=note) as notes:
        rows = [row for example in examples for row in head.rows(example, np.zeros((4, 2)))]
    assert [note.message.location for note in notes] == ["a.csv:3, label 'x'"]
    encoded, batch = batch_of([4, 4, 4], [row.target.tolist() for row in rows])
    known = [Encoded(encoded.outputs[[0, 2]], encoded.final[[0, 2]]), batch_of([4, 4], [[1, 2], [2]])[1]]
    loss, expected = head.loss(encoded, batch), head.loss(*known)
    assert (loss.total.item(), loss.count) == (pytest.approx(expected.total.item(), rel=1e-12), 2)
    none = head.loss(Encoded(encoded.outputs[[1]], encoded.final[[1]]), batch_of([4], [rows[1].target.tolist()])[1])
    assert (none.total.item(), none.count) == (0, 0)
    transcripts = [{"transcript": text} for text in ("ab", "ba", "b")]
    assert head.metrics(1.0, transcripts, examples) == pytest.approx({"label_error_rate": 2 / 6, "exact_match": 2 / 3})


@pytest.mark.parametrize("tokenizer", [None, Char()], ids=["features", "text"])
def test_too_long_examples_are_skipped(tokenizer: Char | None) -> None:
    head = ctc(too_long="skip")
    texts = ["abab", "ab", "aabb"]
    examples = [
        Example(text if tokenizer else np.zeros((4, 2)), text, f"a.csv:{line}") for line, text in enumerate(texts, 2)
    ]
    if tokenizer:
        tokenizer.fit(texts)
    with pytest.warns(DataNote, match="^skipped: the input has fewer time steps than the labels require$") as notes:
        rows = [
            row
            for example in examples
            for row in head.rows(example, tokenizer.encode(example.input) if tokenizer else example.input)
        ]
    assert [note.message.location for note in notes] == ["a.csv:4"]
    assert [row.target.tolist() for row in rows] == [[1, 2, 1, 2], [1, 2]]
    transcripts = [{"transcript": "abab"}, {"transcript": "a"}]
    expected = {"label_error_rate": 1 / 6, "exact_match": 1 / 2}
    assert head.metrics(1.0, transcripts, examples, tokenizer=tokenizer) == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_baseline_leaves_out_examples_that_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqkit_ctc.baselines._TRAINING_STEPS", 2)
    torch.set_default_dtype(torch.float32)
    head = ctc(too_long="skip")
    good, bad = Example(np.ones((4, 2)), "ab"), Example(np.zeros((3, 2)), "aabb")
    assert head.baseline([good, bad], [good, bad], None) == head.baseline([good], [good], None)


@pytest.mark.parametrize(
    ("unit", "state"),
    [
        ("characters", {}),
        ("characters", {"labels": "ab"}),
        ("characters", {"labels": []}),
        ("characters", {"labels": ["a", 1]}),
        ("characters", {"labels": ["ab"]}),
        ("characters", {"labels": ["a", "a"]}),
        ("words", {"labels": ["a b"]}),
        ("words", {"labels": [""]}),
    ],
)
def test_corrupt_state_is_rejected(unit: Any, state: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="^'labels' (is not a list of labels|contains a label twice)$"):
        CTC(labels=unit).restore(state)


@pytest.mark.parametrize(("target", "steps"), [("aba", 3), ("aabb", 6), ("a", 1)])
def test_longest_alignable_targets_are_accepted(target: str, steps: int) -> None:
    (row,) = ctc().rows(Example(None, target), np.zeros((steps, 2)))
    assert row.target.tolist() == ["ab".index(label) + 1 for label in target]


def test_fit_with_only_empty_targets_is_an_error() -> None:
    with pytest.raises(DataError, match="^the targets of all 2 training examples are empty"):
        CTC().fit([Example(None, ""), Example(None, "")], None)


@pytest.mark.parametrize(("unit", "rate", "matches"), [("characters", 2 / 9, 1 / 3), ("words", 2 / 5, 1 / 3)])
def test_metrics_of_characters_and_words(unit: Any, rate: float, matches: float) -> None:
    head = CTC(labels=unit)
    examples = [Example(None, "a bc"), Example(None, "d"), Example(None, "e f")]  # 8 characters, 5 words
    if unit == "characters":
        examples[1] = Example(None, "de")
    transcripts = ["a bd", examples[1].target, "e"] if unit == "words" else ["a bd", "de", "ef"]
    metrics = head.metrics(1.0, [{"transcript": transcript} for transcript in transcripts], examples)
    assert metrics == pytest.approx({"label_error_rate": rate, "exact_match": matches})
    assert set(head.metric_names) == set(metrics) and head.higher_is_better < set(metrics)


def test_dropout_is_disabled_in_evaluation() -> None:
    head = ctc(dropout=0.5)
    encoded, batch = batch_of([4], [[1]])
    plain = head.loss(encoded, batch).total
    assert torch.equal(head.loss(encoded, batch).total, plain)
    assert not torch.equal(head.train().loss(encoded, batch).total, plain)


def test_baselines_are_deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqkit_ctc.baselines._TRAINING_STEPS", 200)
    torch.set_default_dtype(torch.float32)
    generator = np.random.default_rng(0)
    patterns = {"a": [3.0, 0, 0], "b": [0, 3.0, 0], "c": [0, 0, 3.0]}

    def example() -> Example:
        text = "".join(generator.choice(list("abc"), generator.integers(2, 5)))
        steps = [step for label in text for step in ([patterns[label]] * 2 + [[0, 0, 0]])]
        return Example(np.array(steps) + 0.1 * generator.standard_normal((len(steps), 3)), text)

    train, test = [example() for _ in range(160)], [example() for _ in range(20)]
    head = CTC()
    head.fit(train, None)
    state = torch.random.get_rng_state()
    baseline = head.baseline(train, test, None)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert baseline == head.baseline(train, test, None)
    assert baseline["name"] == "linear model of 7 time steps, trained with CTC"
    assert baseline["label_error_rate"] < 0.4
    (constant,) = baseline["others"]
    assert constant["name"].startswith("constant transcript '") and 0.5 < constant["label_error_rate"] <= 1
    json.dumps(baseline)


def test_linear_baseline_converges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqkit_ctc.baselines._TRAINING_STEPS", 200)
    torch.set_default_dtype(torch.float32)
    examples = list(Tones(count=300, digits=[2, 3], noise=[-5.0, 15.0], speed=[0.8, 1.25]).read())
    losses = []

    def loss(*arguments: Tensor) -> Tensor:
        values = negative_log_likelihood(*arguments)
        losses.append(float(values.detach().mean()))
        return values

    targets = [np.array([1 + int(digit) for digit in example.target]) for example in examples]
    LinearCTC([np.asarray(example.input) for example in examples], targets, 11, loss)
    assert np.mean(losses[-20:]) < 30  # 48 at a constant learning rate


def test_judgments_are_ordered_by_distance() -> None:
    head = CTC(too_long="skip")
    examples = [Example(np.zeros((3, 1)), "ab"), Example(np.zeros((1, 1)), "aab"), Example(np.zeros((3, 1)), "ba")]
    head.fit(examples, None)
    predictions = [{"transcript": "ab", "probability": 0.5}, {"transcript": "", "probability": 1 + 1e-9}]
    right, wrong = head.judge(predictions, examples, tokenizer=None)
    assert (right.example, right.is_error, right.order) == (0, False, 0)
    assert (wrong.example, wrong.is_error, wrong.order, wrong.probability) == (2, True, 2, 1)
    assert (wrong.truth, wrong.prediction, wrong.facts) == ("ba", "", {"distance": 2})


def test_the_size_of_a_beam_requires_a_beam() -> None:
    with pytest.raises(ValueError, match="^beam_size has no effect with the decoder greedy: set `decoder: beam`, or"):
        CTC(beam_size=4)
