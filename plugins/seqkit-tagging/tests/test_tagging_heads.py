"""Tests of the heads `tag` and `crf` against an enumeration of all sequences, and of their error messages."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from seqkit_tagging.baseline import MostFrequentTag
from seqkit_tagging.crf import CRF
from seqkit_tagging.spans import is_forbidden
from seqkit_tagging.tag import Tag
from seqkit_tagging.tagger import UNKNOWN, Tagger
from seqkit_tagging.tokenizer import WordCharacterTokenizer

from seqkit.contracts import Batch, Encoded, Example

SIZE = 4
LENGTHS = torch.tensor([4, 1, 3])
SENTENCES = [
    (["Ana", "Lee", "left", "Rome"], ["B-per", "I-per", "O", "B-loc"]),
    (["Rome"], ["B-loc"]),
    (["In", "New", "York"], ["O", "B-loc", "I-loc"]),
]
EXAMPLES = [Example(words, tags, f"x.conll:{line}") for line, (words, tags) in zip((1, 6, 8), SENTENCES, strict=True)]
TOKENIZER = WordCharacterTokenizer()
TOKENIZER.fit(words for words, _ in SENTENCES)


def fitted(cls: type[Tagger], **parameters: Any) -> Tagger:
    torch.manual_seed(7)
    head = cls(**parameters)
    head.fit(EXAMPLES, TOKENIZER)
    head.build(SIZE, SIZE)
    for weight in head.parameters():
        torch.nn.init.normal_(weight)
    return head.eval()


def encoded_batch(head: Tagger, padding: float = 0.0) -> tuple[Encoded, Batch]:
    torch.manual_seed(8)
    rows = [row for example in EXAMPLES for row in head.rows(example, TOKENIZER.encode(example.input))]
    targets = torch.zeros(3, 4, dtype=torch.long)
    for row_number, row in enumerate(rows):
        targets[row_number, : len(row.target)] = torch.from_numpy(row.target)
    inputs = torch.zeros(3, 4, rows[0].input.shape[1], dtype=torch.long)
    outputs = torch.randn(3, 4, SIZE)
    for row_number, length in enumerate(LENGTHS.tolist()):
        outputs[row_number, length:] = padding
    return Encoded(outputs, outputs[:, 0]), Batch(inputs, LENGTHS, targets, LENGTHS)


@torch.no_grad()
def test_loss_of_tag_is_summed_over_words() -> None:
    head = fitted(Tag)
    encoded, batch = encoded_batch(head)
    loss = head.loss(encoded, batch)
    expected = 0.0
    for row, length in enumerate(LENGTHS.tolist()):
        for step in range(length):
            logits = head.output(encoded.outputs[row, step])
            expected -= float(torch.log_softmax(logits, dim=0)[batch.targets[row, step]])
    assert loss.count == 8
    assert float(loss.total) == pytest.approx(expected, rel=1e-5)


def sequence_scores(head: CRF, outputs: torch.Tensor) -> dict[tuple[int, ...], float]:
    """Return the score of every sequence of tag ids for one row, given its outputs (time, output_size)."""
    scores = head.output(outputs.detach()).detach().double()
    start, transitions, end = head.crf.start_transitions, head.crf.transitions, head.crf.end_transitions
    score_of_path = {}
    for path in itertools.product(range(len(head.tags)), repeat=len(outputs)):
        score = start[path[0]] + end[path[-1]] + sum(scores[step, tag] for step, tag in enumerate(path))
        score_of_path[path] = float(
            score.detach() + sum(transitions[pair].detach() for pair in itertools.pairwise(path))
        )
    return score_of_path


@pytest.mark.parametrize("padding", [0.0, 1e6, float("nan")])
def test_crf_likelihood_is_normalized_over_all_sequences(padding: float) -> None:
    head = fitted(CRF)
    encoded, batch = encoded_batch(head, padding)
    encoded.outputs.requires_grad_()
    loss = head.loss(encoded, batch)
    expected = 0.0
    for row, length in enumerate(LENGTHS.tolist()):
        scores = sequence_scores(head, encoded.outputs[row, :length])
        true = tuple(batch.targets[row, :length].tolist())
        expected += float(torch.logsumexp(torch.tensor(list(scores.values())), 0)) - scores[true]
    assert loss.count == 8
    assert float(loss.total.detach()) == pytest.approx(expected, rel=1e-5)
    loss.total.backward()
    assert all(weight.grad.isfinite().all() for weight in head.parameters())
    assert not encoded.outputs.grad[1, 1:].any() or padding != padding


@pytest.mark.parametrize("padding", [0.0, 1e6, float("nan")])
@pytest.mark.parametrize("parameters", [{}, {"scheme": "bio"}, {"scheme": "bio", "constrained": False}])
def test_crf_predicts_the_sequence_with_the_best_score(parameters: dict[str, Any], padding: float) -> None:
    head = fitted(CRF, **parameters)
    encoded, batch = encoded_batch(head, padding)
    constrained = parameters == {"scheme": "bio"}
    predictions = head.predict(encoded, batch)
    for row, length in enumerate(LENGTHS.tolist()):
        scores = sequence_scores(head, encoded.outputs[row, :length])
        if constrained:
            scores = {path: score for path, score in scores.items() if not has_forbidden_transition(head, path)}
        best = max(scores, key=lambda path: scores[path])
        assert predictions[row]["tags"] == [head.tags[number] for number in best]
    predicted_paths = [tuple(head.tags.index(tag) for tag in item["tags"]) for item in predictions]
    assert constrained == (not any(has_forbidden_transition(head, path) for path in predicted_paths)), (
        "without constraints, these weights must predict a forbidden sequence"
    )


def has_forbidden_transition(head: CRF, path: tuple[int, ...]) -> bool:
    tags = [None, *(head.tags[number] for number in path), None]
    return any(
        is_forbidden(one, other, head.scheme if head.scheme != "none" else "bio")
        for one, other in itertools.pairwise(tags)
    )


@pytest.mark.parametrize("seed", range(6))
def test_constraints_of_bmes_include_the_first_and_the_last_word(seed: int) -> None:
    head = CRF(scheme="bmes")
    head.fit([Example(["w"] * 5, ["B-x", "M-x", "E-x", "S-x", "O"])], None)
    head.build(SIZE, SIZE)
    torch.manual_seed(seed)
    for weight in head.parameters():
        torch.nn.init.normal_(weight, std=2)
    outputs = torch.randn(1, 3, SIZE)
    scores = {
        tuple(head.tags[number] for number in path): score
        for path, score in sequence_scores(head, outputs[0]).items()
        if not has_forbidden_transition(head, path)
    }
    batch = Batch(torch.zeros(1, 3, dtype=torch.long), torch.tensor([3]))
    (prediction,) = head.predict(Encoded(outputs, outputs[:, 0]), batch)
    assert prediction["tags"] == list(max(scores, key=scores.__getitem__))


@pytest.mark.parametrize("cls", [Tag, CRF])
@torch.no_grad()
def test_unknown_tags_are_left_out_of_the_loss(cls: type[Tagger]) -> None:
    """`tag` leaves out the word; `crf` the sentence. The expected losses are enumerated."""
    head = fitted(cls)
    encoded, batch = encoded_batch(head, padding=float("nan"))
    targets = batch.targets.clone()
    targets[0, 1] = targets[2, 0] = UNKNOWN
    loss = head.loss(encoded, batch._replace(targets=targets))
    expected, count = 0.0, 0
    for row, length in enumerate(LENGTHS.tolist()):
        true = tuple(targets[row, :length].tolist())
        if isinstance(head, CRF):
            if UNKNOWN in true:
                continue
            scores = sequence_scores(head, encoded.outputs[row, :length])
            expected += float(torch.logsumexp(torch.tensor(list(scores.values())), 0)) - scores[true]
            count += length
            continue
        for step, tag_id in enumerate(true):
            if tag_id != UNKNOWN:
                expected -= float(torch.log_softmax(head.output(encoded.outputs[row, step]), dim=0)[tag_id])
                count += 1
    assert loss.count == count
    assert float(loss.total) == pytest.approx(expected, rel=1e-5)
    nothing = head.loss(encoded, batch._replace(targets=torch.full_like(targets, UNKNOWN)))
    assert (float(nothing.total), nothing.count) == (0, 0)


@torch.no_grad()
def test_label_smoothing_of_tag_equals_torch_and_applies_only_in_training() -> None:
    head = fitted(Tag, label_smoothing=0.3, class_weights={"O": 2.0})
    encoded, batch = encoded_batch(head)
    known, weights = batch.mask, torch.tensor([2.0 if tag == "O" else 1.0 for tag in head.tags])
    scores, targets = head.tag_scores(encoded, batch)[known], batch.targets[known]
    for training, parameters in ((True, {"label_smoothing": 0.3, "weight": weights}), (False, {})):
        loss = head.train(training).loss(encoded, batch)
        expected = torch.nn.CrossEntropyLoss(**parameters)(scores, targets)
        assert float(loss.total / loss.count) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("cls", [Tag, CRF])
@torch.no_grad()
def test_rows_of_a_batch_are_independent(cls: type[Tagger]) -> None:
    head = fitted(cls, scheme="bio")
    encoded, batch = encoded_batch(head, 1e6)
    batched = head.predict(encoded, batch)
    total = 0.0
    for row, length in enumerate(LENGTHS.tolist()):
        outputs = encoded.outputs[row : row + 1, :length]
        ones = torch.tensor([length])
        single = Batch(batch.inputs[row : row + 1, :length], ones, batch.targets[row : row + 1, :length], ones)
        (prediction,) = head.predict(Encoded(outputs, outputs[:, 0]), single)
        assert prediction["tags"] == batched[row]["tags"]
        total += float(head.loss(Encoded(outputs, outputs[:, 0]), single).total)
    assert float(head.loss(encoded, batch).total) == pytest.approx(total, rel=1e-5)


def test_constrained_decoding_changes_neither_weights_nor_random_state() -> None:
    head = fitted(CRF, scheme="bio")
    before = {name: weight.clone() for name, weight in head.named_parameters()}
    state = torch.random.get_rng_state()
    head.predict(*encoded_batch(head))
    torch.manual_seed(8)  # the random numbers used by encoded_batch
    torch.randn(3, 4, SIZE)
    expected_state = torch.random.get_rng_state()
    torch.random.set_rng_state(state)
    head.predict(*encoded_batch(head))
    assert (torch.random.get_rng_state() == expected_state).all()
    assert all((before[name] == weight).all() for name, weight in head.named_parameters())


@pytest.mark.parametrize("cls", [Tag, CRF])
def test_restored_head_equals_fitted_head(cls: type[Tagger]) -> None:
    head = fitted(cls, scheme="bio")
    restored = cls(scheme="bio")
    restored.restore(json.loads(json.dumps(head.state())))
    restored.build(SIZE, SIZE)
    restored.load_state_dict(head.state_dict())
    encoded, batch = encoded_batch(head)
    assert restored.eval().predict(encoded, batch) == head.predict(encoded, batch)


def test_format_prediction_adds_words_and_entities() -> None:
    words, tags = ["Ana", "Lee", "left", "New", "York"], ["B-per", "I-per", "O", "B-loc", "I-loc"]
    head = fitted(Tag, scheme="bio")
    assert head.format_prediction({"tags": tags}, words) == {
        "words": words,
        "tags": tags,
        "entities": [
            {"text": "Ana Lee", "label": "per", "start": 0, "end": 2},
            {"text": "New York", "label": "loc", "start": 3, "end": 5},
        ],
    }
    assert fitted(Tag).format_prediction({"tags": tags}, words) == {"words": words, "tags": tags}


def test_tags_of_features() -> None:
    head = Tag(scheme="bio")
    examples = [Example(np.zeros((2, 3)), ["B-x", "I-x"]), Example(np.zeros((1, 3)), ["O"])]
    head.fit(examples, None)
    (row,) = head.rows(examples[0], examples[0].input)
    assert row.target.tolist() == [0, 1]
    formatted = head.format_prediction({"tags": ["B-x", "I-x"]}, examples[0].input)
    assert formatted == {"tags": ["B-x", "I-x"], "entities": [{"label": "x", "start": 0, "end": 2}]}
    assert head.baseline(examples, examples, None) is None


def test_metrics_without_entities() -> None:
    head = fitted(Tag)
    predictions = [{"tags": ["B-per", "O", "O", "O"]}, {"tags": ["B-loc"]}, {"tags": ["O", "B-loc", "I-loc"]}]
    scores = head.metrics(1.0, predictions, EXAMPLES)
    assert scores["accuracy"] == 6 / 8
    assert scores["per_tag"]["O"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 2}
    assert scores["per_tag"]["I-per"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert head.metric_names == ("accuracy",)


def test_metrics_of_entities() -> None:
    head = fitted(Tag, scheme="bio")
    predictions = [{"tags": ["B-per", "O", "O", "O"]}, {"tags": ["B-loc"]}, {"tags": ["O", "B-loc", "I-loc"]}]
    scores = head.metrics(1.0, predictions, EXAMPLES)
    assert (scores["accuracy"], scores["precision"], scores["recall"]) == (6 / 8, 2 / 3, 2 / 4)
    assert scores["f1"] == pytest.approx(4 / 7)
    assert scores["per_type"]["loc"] == {"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "support": 3}
    assert head.metric_names == ("accuracy", "precision", "recall", "f1")
    assert head.higher_is_better == set(head.metric_names) <= scores.keys()


def test_baseline() -> None:
    train = [
        Example(["the", "Rome", "run", "Rome", "run", "run"], ["DET", "X", "VERB", "PROPN", "VERB", "NOUN"]),
        Example(["Oslo", "7th", "Rome", "!", "Lima"], ["PROPN", "NUM", "PROPN", "PUNCT", "PROPN"]),
    ]
    model = MostFrequentTag()
    model.fit([(example.input, example.target) for example in train])
    assert model.predict(["Rome", "run", "the"]) == ["PROPN", "VERB", "DET"]
    assert model.predict(["Perth", "b2b", "?", "a"]) == ["PROPN", "NUM", "PUNCT", "DET"]
    head = Tag()
    test = [Example(["Rome", "run", "Perth"], ["PROPN", "NOUN", "PROPN"])]
    assert head.baseline(train, test, TOKENIZER) == {"name": model.name, "accuracy": 2 / 3}
    entities = CRF(scheme="bio").baseline(
        EXAMPLES, [Example(["Rome", "In", "Lee"], ["B-loc", "O", "B-loc"])], TOKENIZER
    )
    assert entities == {"name": model.name, "accuracy": 2 / 3, "precision": 0.5, "recall": 0.5, "f1": 0.5}
