"""Tests of probabilities and constrained decoding against an enumeration of all sequences of tags."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.chain import Posterior, Transitions, best_paths, penalties
from seqkit_tagging.crf import CRF
from seqkit_tagging.spans import Scheme, Span, continues, forbidden_pair, spans
from seqkit_tagging.tag import Tag
from seqkit_tagging.tagger import Tagger

from seqkit.contracts import Batch, Encoded, Example

TAGS: dict[Scheme, list[str]] = {
    "none": ["ADJ", "NOUN", "VERB"],
    "bio": ["B-x", "B-y", "I-x", "I-y", "O"],
    "bmes": ["B-x", "E-x", "I-x", "M-x", "O", "S-x", "S-y"],
}
MAX_LENGTH = 4
SIZE = 3

chains = st.tuples(
    st.sampled_from(["bio", "bmes"]),
    st.lists(st.integers(1, MAX_LENGTH), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 10**6),
)


def random_chain(
    scheme: Scheme, lengths: list[int], constrained: bool, seed: int
) -> tuple[torch.Tensor, torch.Tensor, Transitions]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)

    count = len(TAGS[scheme])
    transitions = Transitions(normal(count), normal(count, count), normal(count))
    if constrained:
        transitions = transitions.plus(penalties(TAGS[scheme], scheme))
    return normal(len(lengths), max(lengths), count), torch.tensor(lengths), transitions


def enumerate_sequences(scores: torch.Tensor, transitions: Transitions) -> dict[tuple[int, ...], float]:
    """Return the score of each sequence of tag ids of a row, given its scores (time, tags)."""
    start, between, end = (each.tolist() for each in transitions)
    rows = scores.tolist()
    return {
        path: start[path[0]]
        + end[path[-1]]
        + sum(row[tag_id] for row, tag_id in zip(rows, path, strict=True))
        + sum(between[one][other] for one, other in itertools.pairwise(path))
        for path in itertools.product(range(scores.shape[1]), repeat=len(scores))
    }


@given(chain=chains)
@settings(max_examples=10, deadline=None, derandomize=True, database=None)
def test_probabilities_are_sums_over_all_sequences(chain: tuple[Scheme, list[int], bool, int]) -> None:
    tags = TAGS[chain[0]]
    scores, lengths, transitions = random_chain(*chain)
    posterior = Posterior(scores, lengths, transitions, tags)
    for row, length in enumerate(chain[1]):
        score_of_path = enumerate_sequences(scores[row, :length], transitions)
        probabilities = torch.tensor(list(score_of_path.values()), dtype=torch.float64).softmax(dim=0).tolist()
        of_tags = torch.zeros(length, len(tags), dtype=torch.float64)
        of_spans = {
            Span(label, start, end): 0.0
            for label in "xy"
            for start in range(length)
            for end in range(start + 1, length + 1)
        }
        for path, probability in zip(score_of_path, probabilities, strict=True):
            of_tags[range(length), path] += probability
            for span in spans([tags[tag_id] for tag_id in path]):
                of_spans[span] += probability
        torch.testing.assert_close(posterior.tags(row), of_tags, rtol=1e-9, atol=1e-12)
        for span, expected in of_spans.items():
            assert posterior.span(row, span) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(chain=chains)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
def test_best_path_is_the_best_of_all_sequences_that_the_scheme_allows(
    chain: tuple[Scheme, list[int], bool, int],
) -> None:
    scheme, row_lengths, constrained, _ = chain
    tags = TAGS[scheme]
    scores, lengths, transitions = random_chain(*chain)
    for row, path in enumerate(best_paths(scores, lengths, transitions)):
        score_of_path = enumerate_sequences(scores[row, : row_lengths[row]], transitions)
        if constrained:
            score_of_path = {
                other: score
                for other, score in score_of_path.items()
                if forbidden_pair([tags[tag_id] for tag_id in other], scheme) is None
            }
        assert tuple(path) == max(score_of_path, key=score_of_path.__getitem__)


@given(tags=st.lists(st.sampled_from(TAGS["bmes"] + TAGS["bio"]), max_size=8))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_tags_continue_an_entity_exactly_where_spans_do(tags: list[str]) -> None:
    inside = {index for span in spans(tags) for index in range(span.start + 1, span.end)}
    assert {index + 1 for index, pair in enumerate(itertools.pairwise(tags)) if continues(*pair)} == inside


def test_probability_of_a_long_sentence_is_exact() -> None:
    """Sums of exponentials of large scores neither overflow nor lose small probabilities."""
    transitions = Transitions(torch.zeros(5), torch.zeros(5, 5), torch.zeros(5))
    scores = torch.zeros(1, 400, 5)
    scores[..., 4] = 80.0
    scores[0, 7, 4] = 0.0
    posterior = Posterior(scores, torch.tensor([400]), transitions, TAGS["bio"])
    assert posterior.span(0, Span("x", 7, 8)) == pytest.approx(2 / 5, rel=1e-9)  # B-x or I-x: no x precedes
    assert posterior.span(0, Span("x", 8, 9)) == pytest.approx(torch.exp(torch.tensor(-80.0)).item() * 1.8, rel=1e-5)


# Heads


def built(cls: type[Tagger], scheme: Scheme, **parameters: Any) -> tuple[Tagger, Encoded, Batch]:
    torch.manual_seed(3)
    head = cls(scheme=scheme, **parameters)
    head.fit([Example(["w"] * len(tags), tags) for tags in [TAGS[scheme]]], None)
    head.build(SIZE, SIZE)
    for weight in head.parameters():
        torch.nn.init.normal_(weight)
    lengths = torch.tensor([4, 1, 3])
    outputs = torch.randn(3, 4, SIZE)
    outputs[1, 1:] = torch.nan
    return head.eval(), Encoded(outputs, outputs[:, 0]), Batch(torch.zeros(3, 4, dtype=torch.long), lengths)


def enumerate_row(head: Tagger, encoded: Encoded, row: int, length: int) -> dict[tuple[str, ...], float]:
    """Return the score of each sequence of tags of a row, without constraints."""
    with torch.no_grad():
        scores = head.output(encoded.outputs[row, :length]).double()
        transitions = Transitions(*(each.double() for each in head.transitions()))
    return {
        tuple(head.tags[tag_id] for tag_id in path): score
        for path, score in enumerate_sequences(scores, transitions).items()
    }


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("scheme", ["none", "bio", "bmes"])
@pytest.mark.parametrize("cls", [Tag, CRF])
@torch.no_grad()
def test_predictions_contain_probabilities(cls: type[Tagger], scheme: Scheme, constrained: bool) -> None:
    parameters: dict[str, Any] = {"constrained": constrained and scheme != "none", "probabilities": True}
    if cls is CRF and scheme != "none":
        parameters["invalid_tags"] = "repair"
    head, encoded, batch = built(cls, scheme, **parameters)
    for row, (prediction, length) in enumerate(zip(head.predict(encoded, batch), batch.lengths.tolist(), strict=True)):
        scores = enumerate_row(head, encoded, row, length)
        if constrained:
            scores = {tags: score for tags, score in scores.items() if forbidden_pair(tags, scheme) is None}
        assert tuple(prediction["tags"]) == max(scores, key=scores.__getitem__)
        values = torch.tensor(list(scores.values()), dtype=torch.float64).softmax(dim=0).tolist()
        probability_of = dict(zip(scores, values, strict=True))
        expected = [
            sum(value for tags, value in probability_of.items() if tags[step] == tag)
            for step, tag in enumerate(prediction["tags"])
        ]
        assert prediction["probabilities"] == pytest.approx(expected, rel=1e-5)
        shown = head.format_prediction(prediction, ["w"] * length)
        assert shown["probabilities"] == prediction["probabilities"]
        if scheme == "none":
            assert "entities" not in shown
            continue
        assert len(shown["entities"]) == len(spans(prediction["tags"]))
        for entity in shown["entities"]:
            span = Span(entity["label"], entity["start"], entity["end"])
            expected_value = sum(value for tags, value in probability_of.items() if span in spans(tags))
            assert entity["probability"] == pytest.approx(expected_value, rel=1e-5)


@torch.no_grad()
def test_softmax_is_constrained_only_on_request() -> None:
    free, encoded, batch = built(Tag, "bio")
    constrained, _, _ = built(Tag, "bio", constrained=True)
    constrained.load_state_dict(free.state_dict())
    for head in (free, constrained):
        head.output.bias[TAGS["bio"].index("I-x")] += 4
    assert any(forbidden_pair(item["tags"], "bio") is not None for item in free.predict(encoded, batch))
    assert all(forbidden_pair(item["tags"], "bio") is None for item in constrained.predict(encoded, batch))
    best = free.output(encoded.outputs[0]).argmax(dim=1).tolist()
    assert free.predict(encoded, batch)[0]["tags"] == [free.tags[tag_id] for tag_id in best]


@pytest.mark.parametrize("cls", [Tag, CRF])
@torch.no_grad()
def test_entity_bias_changes_predictions_but_not_probabilities(cls: type[Tagger]) -> None:
    entities = {}
    for bias in (-50.0, 0.0, 50.0):
        head, encoded, batch = built(
            cls,
            "bio",
            constrained=True,
            probabilities=True,
            entity_bias=bias,
            **({"invalid_tags": "repair"} if cls is CRF else {}),
        )
        entities[bias] = head.predict(encoded, batch)
    assert {tag for item in entities[-50.0] for tag in item["tags"]} == {"O"}
    assert "O" not in {tag for item in entities[50.0] for tag in item["tags"]}
    unchanged = [
        (low, none)
        for low, none in zip(
            [value for item in entities[0.0] for value in zip(item["tags"], item["probabilities"], strict=True)],
            [value for item in entities[50.0] for value in zip(item["tags"], item["probabilities"], strict=True)],
            strict=True,
        )
        if low[0] == none[0]
    ]
    assert unchanged and all(one == other for one, other in unchanged)
    with pytest.raises(ValueError, match="^entity_bias requires tags that mark entities"):
        cls(entity_bias=1.0)


# Class weights


def test_class_weights_weight_the_training_loss_alone() -> None:
    head, encoded, batch = built(Tag, "none", class_weights={"NOUN": 3.0, "VERB": 0.5})
    targets = torch.tensor([[0, 1, 2, 1], [2, 0, 0, 0], [1, -100, 0, 0]])
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    plain = weighted = total = 0.0
    with torch.no_grad():
        for row, length in enumerate(batch.lengths.tolist()):
            for step in range(length):
                if (target := int(targets[row, step])) >= 0:
                    nats = -float(head.output(encoded.outputs[row, step]).log_softmax(dim=0)[target])
                    plain, weighted, total = plain + nats, weighted + weights[target] * nats, total + weights[target]
        batch = batch._replace(targets=targets, target_lengths=batch.lengths)
        evaluated = head.eval().loss(encoded, batch)
        trained = head.train().loss(encoded, batch)
    assert (float(evaluated.total), evaluated.count) == (pytest.approx(plain, rel=1e-5), 7)
    assert (float(trained.total), float(trained.count)) == (pytest.approx(weighted, rel=1e-5), pytest.approx(total))


def test_balanced_class_weights_are_those_of_scikit_learn() -> None:
    tags = ["NOUN"] * 5 + ["VERB"] * 2 + ["ADJ"]
    head = Tag(class_weights="balanced")
    head.fit([Example(["w"] * len(tags), tags)], None)
    assert head.weights == pytest.approx([8 / (3 * 1), 8 / (3 * 5), 8 / (3 * 2)])  # n_samples / (n_classes * count)
    restored = Tag(class_weights="balanced")
    restored.restore(head.state())
    assert restored.weights == head.weights
    assert "weights" not in Tag().state()


@pytest.mark.parametrize("weights", [None, [1.0], [1.0, 2.0, 0.0], [1.0, True, 2.0], [1.0, float("inf"), 1.0], "abc"])
def test_invalid_weights_of_a_state_are_rejected(weights: Any) -> None:
    from seqkit.errors import DataError

    with pytest.raises(DataError, match="^the state has no list of weights"):
        Tag(class_weights="balanced").restore({"tags": TAGS["none"], "weights": weights})


def test_class_weight_of_an_unknown_tag_is_rejected() -> None:
    head = Tag(class_weights={"NUON": 2.0})
    with pytest.raises(ValueError, match=r"^class_weights contains 'NUON', which is not a label .*NOUN"):
        head.fit([Example(["w"] * 3, TAGS["none"])], None)


@pytest.mark.parametrize(("cls", "scheme"), [(CRF, "bio"), (CRF, "bmes"), (Tag, "bio"), (Tag, "none")])
@torch.no_grad()
def test_an_ensemble_is_the_normalized_geometric_mean_of_its_members(cls: type[Tagger], scheme: Scheme) -> None:
    parameters: dict[str, Any] = {"probabilities": True}
    if scheme != "none":
        parameters |= {"constrained": True, "invalid_tags": "repair"}
    first, encoded, batch = built(cls, scheme, **parameters)
    second, _, _ = built(cls, scheme, **parameters)
    for weight in second.parameters():
        weight.add_(3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    members = [head.predict(encoded, batch) for head in (first, second)]
    combined = first.combine(members)
    for row, length in enumerate(batch.lengths.tolist()):
        scores = [enumerate_row(head, encoded, row, length) for head in (first, second)]
        products = {
            path: math.exp((scores[0][path] + scores[1][path]) / 2)
            for path in scores[0]
            if forbidden_pair(path, scheme) is None
        }
        best = max(products, key=products.__getitem__)
        assert combined[row]["tags"] == list(best)
        for step, (tag, probability) in enumerate(zip(best, combined[row]["probabilities"], strict=True)):
            expected = sum(value for path, value in products.items() if path[step] == tag) / sum(products.values())
            assert probability == pytest.approx(expected, rel=1e-4)
    assert any(one["tags"] != both["tags"] for member in members for one, both in zip(member, combined, strict=True))


@pytest.mark.parametrize("cls", [Tag, CRF])
@torch.no_grad()
def test_loss_of_predictions_is_the_loss(cls: type[Tagger]) -> None:
    head, encoded, batch = built(cls, "bio", constrained=False, invalid_tags="skip")
    tags = head.tags
    examples = [Example(["w"] * length, ["O"] * (length - 1) + [tags[0]]) for length in batch.lengths.tolist()]
    examples.insert(1, Example(["w"], ["no tag of the scheme"]))
    examples[-1] = Example(examples[-1].input, ["B-unknown"] * len(examples[-1].input))
    targets = torch.zeros(batch.inputs.shape[:2], dtype=torch.int64)
    kept = [example for example in examples if head.validation.valid_tags(example, len(example.input)) is not None]
    for row, example in zip(targets, kept, strict=True):
        row[: len(example.target)] = head._encode_tags(example.target)
    expected = head.loss(encoded, batch._replace(targets=targets))
    actual = head.loss_of_predictions(head.predict(encoded, batch), examples)
    assert actual is not None
    assert float(actual.total) == pytest.approx(float(expected.total), rel=1e-5)
    assert actual.count == expected.count
