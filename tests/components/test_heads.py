"""Tests of the heads against brute force, torch and scikit-learn."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from sklearn.utils.class_weight import compute_class_weight

from seqkit.contracts import Batch, DataNote, Encoded, Example
from seqkit.data.batching import collate
from seqkit.encoders.lstm import BiLSTM
from seqkit.errors import DataError
from seqkit.heads.classify import Classify
from seqkit.heads.multi_label import MultiLabel
from seqkit.heads.next_char import NextChar
from seqkit.tokenizers.char import Char

WIDTH = 5


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


# next_char


def next_char(vocab_size: int = 4, **parameters: Any) -> NextChar:
    head = NextChar(**parameters)
    head.restore({"vocab_size": vocab_size})
    head.build(WIDTH, WIDTH)
    return head


def negative_log_likelihood(head: Any, vector: torch.Tensor, target: int) -> float:
    """Return the loss of one prediction by the definition of softmax."""
    scores = head.output.weight.detach().numpy() @ vector.numpy() + head.output.bias.detach().numpy()
    return -math.log(math.exp(scores[target]) / sum(math.exp(score) for score in scores))


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5), padding=st.integers(0, 2))
def test_next_char_loss_is_the_sum_over_real_time_steps(lengths: list[int], padding: int) -> None:
    head = next_char()
    time = max(lengths) + padding
    outputs = torch.randn(len(lengths), time, WIDTH)
    targets = torch.randint(0, 4, (len(lengths), time))
    sizes = torch.tensor(lengths)
    batch = Batch(torch.zeros(len(lengths), time, dtype=torch.int64), sizes, targets, sizes)
    loss = head.loss(Encoded(outputs, outputs[:, 0]), batch)
    brute_force = sum(
        negative_log_likelihood(head, outputs[row, step], int(targets[row, step]))
        for row, length in enumerate(lengths)
        for step in range(length)
    )
    assert loss.total.item() == pytest.approx(brute_force, rel=1e-12)
    assert loss.count == sum(lengths)


def test_next_char_loss_has_no_gradient_in_the_padding() -> None:
    head = next_char()
    outputs = torch.randn(2, 4, WIDTH, requires_grad=True)
    sizes = torch.tensor([4, 2])
    targets = torch.randint(0, 4, (2, 4))
    loss = head.loss(Encoded(outputs, outputs[:, 0]), Batch(torch.zeros(2, 4).long(), sizes, targets, sizes))
    loss.total.backward()
    assert outputs.grad is not None
    assert outputs.grad[0].all() and outputs.grad[1, :2].all()
    assert not outputs.grad[1, 2:].any()


def test_next_char_rows_of_objective_step() -> None:
    (row,) = NextChar().rows(Example("abcd"), np.array([0, 1, 2, 3]))
    assert row.input.tolist() == [0, 1, 2]
    assert row.target.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("context", "rows"),
    [
        (9, [([0], 1), ([0, 1], 2), ([0, 1, 2], 3), ([0, 1, 2, 3], 4)]),
        (4, [([0], 1), ([0, 1], 2), ([0, 1, 2], 3), ([0, 1, 2, 3], 4)]),
        (2, [([0], 1), ([0, 1], 2), ([1, 2], 3), ([2, 3], 4)]),
        (1, [([0], 1), ([1], 2), ([2], 3), ([3], 4)]),
    ],
)
def test_next_char_rows_of_objective_prefix(context: int, rows: list[tuple[list[int], int]]) -> None:
    actual = NextChar(objective="prefix", context=context).rows(Example("abcde"), np.arange(5))
    assert [(row.input.tolist(), int(row.target)) for row in actual] == rows


def test_next_char_loss_of_objective_prefix() -> None:
    head = next_char(vocab_size=5, objective="prefix", context=3)
    encoder = BiLSTM(5, hidden_size=WIDTH, proj_size=2)
    head.build(encoder.output_size, encoder.final_size)
    ids = np.array([0, 3, 1, 4, 2, 0])
    vectors = torch.eye(5)
    batch = collate(list(head.rows(Example("adbeca"), ids)))
    loss = head.loss(encoder(vectors[batch.inputs], batch.lengths), batch)
    brute_force = 0.0
    for end in range(1, 6):
        prefix = vectors[ids[max(0, end - 3) : end]][None]
        final = encoder(prefix, torch.tensor([prefix.shape[1]])).final[0].detach()
        brute_force += negative_log_likelihood(head, final, ids[end])
    assert loss.total.item() == pytest.approx(brute_force, rel=1e-12)
    assert loss.count == 5


@pytest.mark.parametrize("objective", ["step", "prefix"])
@pytest.mark.parametrize("ids", [[], [2]])
def test_next_char_rejects_a_text_that_is_too_short(objective: Any, ids: list[int]) -> None:
    with pytest.raises(DataError, match="the text is too short: next-token prediction requires at least two tokens"):
        list(NextChar(objective=objective).rows(Example(""), np.array(ids, dtype=np.int64)))


def test_next_char_rejects_features() -> None:
    with pytest.raises(ValueError, match="there are no tokens to predict: the reader yields features, not text"):
        NextChar().check_tokenizer(None)


@pytest.mark.parametrize(
    ("parameters", "needs"),
    [
        ({}, {"outputs", "causal"}),
        ({"allow_leak": True}, {"outputs"}),
        ({"objective": "prefix"}, {"final"}),
        ({"objective": "prefix", "allow_leak": True}, {"final"}),
    ],
)
def test_next_char_needs(parameters: dict[str, Any], needs: set[str]) -> None:
    head = NextChar(**parameters)
    assert head.needs == needs
    assert head.per_time_step is ("outputs" in needs)


def test_next_char_dropout_is_active_only_in_training() -> None:
    head = next_char(dropout=0.5)
    outputs = torch.randn(2, 3, WIDTH)
    encoded = Encoded(outputs, outputs[:, 0])
    plain = head.output(outputs)
    assert not torch.allclose(head.logits(encoded), plain)
    assert torch.equal(head.eval().logits(encoded), plain)


def test_next_char_state_is_json() -> None:
    tokenizer = Char()
    tokenizer.fit(["hello"])
    head = NextChar()
    head.fit([Example("hello")], tokenizer)
    restored = NextChar()
    restored.restore(json.loads(json.dumps(head.state())))
    assert restored.vocab_size == head.vocab_size == 4


# classify

LABELS = ["angry", "glad", "sad"]
TARGETS = ["glad"] * 6 + ["sad"] * 3 + ["angry"]


def classify(**parameters: Any) -> Classify:
    head = Classify(**parameters)
    head.fit([Example("", label) for label in TARGETS], None)
    head.build(WIDTH + 1, WIDTH)
    return head


def random_batch(head: Classify) -> tuple[Encoded, Batch]:
    final = torch.randn(7, WIDTH)
    return Encoded(final[:, None], final), Batch(
        torch.zeros(7, 1), torch.ones(7).long(), torch.tensor([0, 1, 2, 1, 1, 2, 0])
    )


WEIGHTS = {
    "no weights": (None, [1.0, 1.0, 1.0]),
    "some": ({"sad": 3.0, "angry": 0.5}, [0.5, 1.0, 3.0]),
    "all": ({"sad": 3, "angry": 0.5, "glad": 2.0}, [0.5, 2.0, 3.0]),
    "balanced": ("balanced", [10 / (3 * count) for count in (1, 6, 3)]),
    "square root": ("square_root", [math.sqrt(10 / (3 * count)) for count in (1, 6, 3)]),
}


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("name", WEIGHTS)
def test_classify_training_loss_equals_torch(name: str, smoothing: float) -> None:
    given_weights, weights = WEIGHTS[name]
    head = classify(class_weights=given_weights, label_smoothing=smoothing)
    encoded, batch = random_batch(head)
    logits = encoded.final @ head.output.weight.T + head.output.bias
    reference = torch.nn.CrossEntropyLoss(weight=torch.tensor(weights), label_smoothing=smoothing)

    loss = head.loss(encoded, batch)
    assert (loss.total / loss.count).item() == pytest.approx(reference(logits, batch.targets).item(), rel=1e-12)
    actual = torch.autograd.grad(loss.total / loss.count, list(head.parameters()))
    expected = torch.autograd.grad(reference(logits, batch.targets), list(head.parameters()))
    for actual_gradient, expected_gradient in zip(actual, expected, strict=True):
        torch.testing.assert_close(actual_gradient, expected_gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", WEIGHTS)
def test_classify_evaluation_loss_is_unweighted_likelihood(name: str) -> None:
    head = classify(class_weights=WEIGHTS[name][0], label_smoothing=0.2, dropout=0.5).eval()
    encoded, batch = random_batch(head)
    loss = head.loss(encoded, batch)
    assert batch.targets is not None
    brute_force = sum(
        negative_log_likelihood(head, vector, int(target))
        for vector, target in zip(encoded.final, batch.targets, strict=True)
    )
    assert loss.total.item() == pytest.approx(brute_force, rel=1e-12)
    assert loss.count == 7


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=30).filter(lambda labels: len(set(labels)) > 1))
def test_balanced_weights_equal_scikit_learn(labels: list[str]) -> None:
    head = Classify(class_weights="balanced")
    head.fit([Example("", label) for label in labels], None)
    expected = compute_class_weight("balanced", classes=np.array(head.labels), y=np.array(labels))
    assert head.labels == sorted(set(labels))
    assert head.weights == pytest.approx(expected.tolist(), rel=1e-12)


def test_classify_predicts_the_softmax() -> None:
    head = classify(dropout=0.5).eval()
    encoded, batch = random_batch(head)
    logits = (encoded.final @ head.output.weight.T + head.output.bias).detach().numpy()
    for row, prediction in zip(logits, head.predict(encoded, batch._replace(targets=None)), strict=True):
        expected = np.exp(row) / np.exp(row).sum()
        assert list(prediction["probabilities"]) == LABELS
        assert list(prediction["probabilities"].values()) == pytest.approx(expected.tolist(), rel=1e-12)
        assert prediction["label"] == LABELS[int(row.argmax())]
        json.dumps(prediction)


def test_classify_dropout_is_active_only_in_training() -> None:
    head = classify(dropout=0.5)
    encoded, batch = random_batch(head)
    torch.manual_seed(1)
    dropped = head.loss(encoded, batch).total.item()
    torch.manual_seed(1)
    logits = head.output(torch.nn.functional.dropout(encoded.final, 0.5))
    assert dropped == torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum").item()
    assert dropped != head.eval().loss(encoded, batch).total.item()


@pytest.mark.parametrize(
    ("pooling", "width", "needs"),
    [("final", WIDTH, "final"), ("mean", WIDTH + 1, "outputs"), ("max", WIDTH + 1, "outputs")]
    + [("attention", WIDTH + 1, "outputs"), (["final"], WIDTH, "final")],
)
def test_classify_pooling_determines_sizes_and_needs(pooling: Any, width: int, needs: str) -> None:
    head = classify(pooling=pooling)
    assert head.output.in_features == width
    assert head.needs == {needs, "targets"}


@pytest.mark.parametrize(
    ("pooling", "reduce"), [("mean", lambda steps: steps.mean(dim=0)), ("max", lambda steps: steps.amax(dim=0))]
)
def test_classify_pools_over_real_time_steps(pooling: Any, reduce: Any) -> None:
    head = classify(pooling=pooling).eval()
    lengths = [4, 1, 3]
    outputs = torch.randn(3, 4, WIDTH + 1) - 5  # all negative, so that zeros in the padding would be the maximum
    batch = Batch(torch.zeros(3, 4).long(), torch.tensor(lengths))
    predictions = head.predict(Encoded(outputs, outputs[:, 0, :WIDTH]), batch)
    for row, length, prediction in zip(outputs, lengths, predictions, strict=True):
        expected = torch.softmax(head.output(reduce(row[:length])).detach(), dim=0)
        assert list(prediction["probabilities"].values()) == pytest.approx(expected.tolist(), rel=1e-5)


def test_classify_adds_the_logits_of_ngrams_to_those_of_the_encoder() -> None:
    tokenizer = Char()
    texts = ["abab", "ba", "abc"]
    tokenizer.fit(texts)
    head = Classify(pooling=["max", "attention", "final"], ngrams=2)
    head.fit([Example(text, label) for text, label in zip(texts, LABELS, strict=True)], tokenizer)
    head.build(WIDTH + 1, WIDTH)
    assert head.needs == {"final", "outputs", "targets"}
    assert head.output.in_features == 2 * (WIDTH + 1) + WIDTH
    batch = collate([row for text in texts for row in head.rows(Example(text, "sad"), tokenizer.encode(text))])
    outputs = torch.randn(*batch.inputs.shape, WIDTH + 1)
    encoded = Encoded(outputs, torch.randn(3, WIDTH))
    deep = head.output(head.pool(encoded, batch.mask))
    assert head.wide is not None
    assert head.wide.weight.shape == (6, 3)  # a, b, c, ab, ba, bc
    assert head.loss(encoded, batch).total.item() == pytest.approx(
        torch.nn.functional.cross_entropy(deep, batch.targets, reduction="sum").item()
    )
    torch.nn.init.normal_(head.wide.weight)
    expected = torch.softmax(deep + head.wide(batch.inputs, batch.lengths), dim=1).tolist()
    actual = [list(prediction["probabilities"].values()) for prediction in head.predict(encoded, batch)]
    assert actual == [pytest.approx(row) for row in expected]

    restored = Classify(pooling=["max", "attention", "final"], ngrams=2)
    restored.restore(json.loads(json.dumps(head.state())))
    restored.build(WIDTH + 1, WIDTH)
    restored.load_state_dict(head.state_dict())
    assert restored.predict(encoded, batch) == head.predict(encoded, batch)


@pytest.mark.parametrize("ratios", [True, False])
def test_ngrams_that_all_labels_share_count_less(ratios: bool) -> None:
    """`x` occurs in every text, `a` and `b` in those of one label."""
    texts, labels = ["xa", "xa", "xb", "xb"], ["A", "A", "B", "B"]
    tokenizer = Char()
    tokenizer.fit(texts)
    heads: list[Any] = [Classify(ngrams=1, ngram_ratios=ratios), MultiLabel(ngrams=1, ngram_ratios=ratios)]
    for head in heads:
        head.fit([Example(text, label) for text, label in zip(texts, labels, strict=True)], tokenizer)
        head.build(WIDTH, WIDTH)
        idf = sorted(set(head.wide.idf.tolist()) - {0.0})
        shared, distinguishing = 1.0, 1 + math.log(5 / 3)
        share_of_a = (2 + 1) / (2 + 1 + 0 + 1 + 2 + 1)  # of the n-grams of label A: a, b, x; each count plus 1
        ratio = math.log(share_of_a / (1 / 7))
        assert idf == pytest.approx([distinguishing * math.sqrt(ratio)] if ratios else [shared, distinguishing])


def test_classify_without_the_new_parameters_has_the_weights_of_old_runs() -> None:
    assert list(classify(pooling="mean").state_dict()) == ["output.weight", "output.bias"]


def test_classify_rejects_ngrams_of_features() -> None:
    with pytest.raises(ValueError, match="^ngrams must be 0 for a reader of features, which have no tokens$"):
        Classify(ngrams=1).check_tokenizer(None)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.sampled_from([*LABELS, "happy"]), st.sampled_from(LABELS)), min_size=1, max_size=20))
def test_classify_metrics_equal_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    """The label `happy` does not occur in the training data."""
    truth, predicted = [list(labels) for labels in zip(*pairs, strict=True)]
    labels = [*LABELS, "happy"] if "happy" in truth else LABELS
    metrics = classify().metrics(1.0, [{"label": label} for label in predicted], [Example("", t) for t in truth])
    assert metrics["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    assert metrics["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))
    assert metrics["confusion_matrix"]["labels"] == labels
    assert metrics["confusion_matrix"]["matrix"] == confusion_matrix(truth, predicted, labels=labels).tolist()
    table = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    for number, label in enumerate(labels):
        row = [metrics["per_class"][label][name] for name in ("precision", "recall", "f1", "support")]
        assert row == pytest.approx([column[number] for column in table])
    assert json.loads(json.dumps(metrics)) == metrics
    assert set(Classify.metric_names) <= set(metrics)


def test_classify_target_is_the_index_of_the_label() -> None:
    (row,) = classify().rows(Example("", "sad"), np.array([4, 5]))
    assert row.input.tolist() == [4, 5]
    assert row.target == 2


def test_classify_rejects_a_missing_label() -> None:
    with pytest.raises(DataError, match="^the label is missing$"):
        list(classify().rows(Example("", None), np.array([0])))


def test_classify_leaves_an_unknown_label_out_of_the_loss() -> None:
    head = classify(class_weights="balanced", label_smoothing=0.1)
    with pytest.warns(DataNote, match="^the label 'happy' does not occur in the training data") as notes:
        (row,) = head.rows(Example("", "happy", "reviews.csv:7"), np.array([4]))
    assert [note.message.location for note in notes] == ["reviews.csv:7"]  # type: ignore[union-attr]
    encoded, batch = random_batch(head)
    targets = torch.where(torch.arange(7) % 2 == 0, row.target, batch.targets)
    known = Encoded(encoded.outputs[1::2], encoded.final[1::2])
    for _ in ("training", "evaluation"):
        loss = head.loss(encoded, batch._replace(targets=targets))
        expected = head.loss(known, Batch(*[part[1::2] for part in batch[:3]]))
        assert loss.total.item() == pytest.approx(expected.total.item(), rel=1e-12)
        assert float(loss.count) == pytest.approx(float(expected.count))
        head.eval()
    nothing = head.loss(encoded, batch._replace(targets=torch.full_like(targets, row.target)))
    assert (nothing.total.item(), float(nothing.count)) == (0, 0)


def test_one_example_of_a_label_is_enough_to_fit() -> None:
    head = Classify(class_weights="balanced")
    head.fit([Example("", label) for label in ("glad", "glad", "odd")], None)
    assert head.labels == ["glad", "odd"]


def test_classify_rejects_a_single_label() -> None:
    with pytest.raises(
        DataError, match="^all 3 training examples have the label 'glad': provide examples of at least two labels$"
    ):
        Classify().fit([Example("", "glad")] * 3, None)


@pytest.mark.parametrize(("name", "hint"), [("gladd", r" \(did you mean 'glad'\?\)"), ("zzz", "")])
def test_classify_rejects_a_weight_of_an_unknown_label(name: str, hint: str) -> None:
    with pytest.raises(
        ValueError, match=f"^class_weights contains '{name}', which is not a label of the training data{hint}$"
    ):
        classify(class_weights={"glad": 2.0, name: 1.0})


@pytest.mark.parametrize("name", WEIGHTS)
def test_classify_state_is_json(name: str) -> None:
    head = classify(class_weights=WEIGHTS[name][0])
    restored = Classify(class_weights=WEIGHTS[name][0])
    restored.restore(json.loads(json.dumps(head.state())))
    restored.build(WIDTH + 1, WIDTH)
    restored.load_state_dict(head.state_dict())
    encoded, batch = random_batch(head)
    assert restored.labels == head.labels == LABELS
    assert torch.equal(restored.loss(encoded, batch).total, head.loss(encoded, batch).total)
    assert [row.target for row in restored.rows(Example("", "sad"), np.array([0]))] == [2]
