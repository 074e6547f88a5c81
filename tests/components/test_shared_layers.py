"""The building blocks of `seqkit.layers` that heads and encoders share."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from seqkit.contracts import Encoded
from seqkit.layers.dropout import VariationalDropout
from seqkit.layers.ngram_counts import (
    BUCKETS,
    count_documents,
    count_ngrams,
    hash_ngrams,
    inverse_document_frequencies,
    label_ratios,
    ngram_weights,
)
from seqkit.layers.ngrams import NgramLinear
from seqkit.layers.pooling import AdditiveAttention, Pooling

quickly = settings(max_examples=50, deadline=None, derandomize=True, database=None)


# Variational dropout


@quickly
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.sampled_from([0.1, 0.5, 0.9]))
def test_variational_dropout_drops_a_feature_at_all_time_steps_or_at_none(
    batch: int, time: int, width: int, p: float
) -> None:
    dropped = VariationalDropout(p)(torch.ones(batch, time, width))
    assert torch.equal(dropped, dropped[:, :1].expand(-1, time, -1))
    assert torch.all((dropped == 0) | torch.isclose(dropped, torch.tensor(1 / (1 - p))))


def test_variational_dropout_keeps_the_mean_and_drops_features_independently() -> None:
    torch.manual_seed(0)
    dropped = VariationalDropout(0.3)(torch.ones(200, 3, 100))[:, 0]
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert (dropped == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert len(torch.unique(dropped, dim=0)) == 200  # each row has its own mask
    assert len(torch.unique(dropped, dim=1).T) == 100


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_variational_dropout_changes_nothing_in_evaluation_or_without_a_probability(p: float) -> None:
    layer = VariationalDropout(p).train(p == 0)
    inputs = torch.randn(2, 3, 4)
    assert layer(inputs) is inputs


def test_variational_dropout_has_the_gradient_of_its_mask() -> None:
    inputs = torch.randn(2, 3, 4, requires_grad=True)
    outputs = VariationalDropout(0.5)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.allclose(outputs, inputs * inputs.grad)
    assert set(inputs.grad.unique().tolist()) <= {0.0, 2.0}


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_variational_dropout_rejects_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="^p must be at least 0 and less than 1, not "):
        VariationalDropout(p)


# Pooling


def padded(lengths: list[int], width: int, padding: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random outputs (batch, time, width), with a value at the padded time steps, and the mask."""
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    outputs = torch.randn(*mask.shape, width) - 5  # all negative: zeros in the padding would be the maximum
    return outputs.masked_fill(~mask[:, :, None], padding), mask


@quickly
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.permutations(["final", "mean", "max", "attention"]))
def test_pooling_concatenates_what_each_row_alone_gives(lengths: list[int], names: list[str]) -> None:
    pooling = Pooling(names[: len(lengths)], output_size=3, final_size=2)  # type: ignore[arg-type]
    outputs, mask = padded(lengths, 3, padding=float("nan"))
    final = torch.randn(len(lengths), 2)
    pooled = pooling(Encoded(outputs, final), mask)
    assert pooled.shape == (len(lengths), pooling.output_size)
    for row, length in enumerate(lengths):
        real, parts = outputs[row, :length], []
        for name in pooling.names:
            if name == "attention":
                assert pooling.attention is not None
                hidden = [torch.tanh(pooling.attention.projection(step)) for step in real]
                scores = torch.stack([pooling.attention.score(step)[0] for step in hidden]).exp()
                parts.append(sum(s * step for s, step in zip(scores / scores.sum(), real, strict=True)))
            else:
                parts.append({"final": final[row], "mean": real.mean(dim=0), "max": real.amax(dim=0)}[name])
        assert torch.allclose(pooled[row], torch.cat(parts), atol=1e-5)  # type: ignore[arg-type]


def test_attention_weights_are_readable_and_exactly_0_at_padding() -> None:
    lengths = [4, 1, 3]
    outputs, mask = padded(lengths, 6, padding=1e30)
    attention = AdditiveAttention(6, attention_size=2)
    vector, weights = attention(outputs, mask)
    assert torch.equal(weights[~mask], torch.zeros(4))
    assert torch.all(weights[mask] > 0)
    assert torch.allclose(weights.sum(dim=1), torch.ones(3))
    for row, length in enumerate(lengths):
        assert torch.allclose(vector[row], weights[row, :length] @ outputs[row, :length], atol=1e-5)
        assert torch.allclose(attention(outputs[row : row + 1, :length], mask[row : row + 1, :length]).weights[0],
                              weights[row, :length], atol=1e-6)  # fmt: skip


@pytest.mark.parametrize("name", ["mean", "max", "attention"])
def test_pooling_has_gradients_at_real_time_steps_alone(name: str) -> None:
    outputs, mask = padded([4, 2], 3, padding=0)
    outputs.requires_grad_()
    pooling = Pooling([name], 3, 3)  # type: ignore[list-item]
    pooling(Encoded(outputs, outputs[:, 0]), mask).square().sum().backward()
    assert outputs.grad is not None
    assert torch.all(outputs.grad[~mask] == 0)
    assert torch.all(outputs.grad.abs().sum(dim=1) > 0)
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in pooling.parameters())


@pytest.mark.parametrize(
    ("names", "reason"),
    [([], "pooling is empty: name at least one of"), (["max", "mean", "max"], "pooling contains 'max' twice: remove")],
)
def test_pooling_rejects_no_name_and_a_repeated_one(names: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}"):
        Pooling(names, 3, 3)  # type: ignore[arg-type]


# Hashed n-grams

rows_of_ids = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=1, max_size=4)


def pad(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of rows, padded with a valid id, and their lengths."""
    lengths = np.array([len(row) for row in rows])
    return np.array([row + [1] * (lengths.max() - len(row)) for row in rows], np.int64), lengths


def bucket_of(gram: tuple[int, ...]) -> int:
    """Return the bucket of an n-gram of tokens of one integer, in the integers of Python."""
    code = 0
    for token in gram:
        one = (token + 1) * 0x2545F4914F6CDD1D % 2**64
        code = (code + (one ^ one >> 32) + 1) * 0x2545F4914F6CDD1D % 2**64
        code ^= code >> 32
    return code % BUCKETS


@quickly
@given(rows_of_ids, st.integers(1, 4))
def test_counts_equal_those_of_enumerated_ngrams(rows: list[list[int]], n: int) -> None:
    counts = count_ngrams(*pad(rows), n)
    expected = Counter(
        (number, bucket_of(tuple(row[start : start + length])))
        for number, row in enumerate(rows)
        for length in range(1, n + 1)
        for start in range(len(row) - length + 1)
    )
    keys = list(zip(counts.rows.tolist(), counts.buckets.tolist(), strict=True))
    assert keys == sorted(expected)
    assert counts.counts.tolist() == [expected[key] for key in keys]


def test_ngrams_of_another_order_or_length_have_other_buckets() -> None:
    """All n-grams of 1 to 3 of 12 ids: as many collisions as random buckets would have, within a factor of 2."""
    grams = np.stack(np.meshgrid(*[np.arange(12)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    buckets = np.concatenate([codes[:, 0] for codes in hash_ngrams(grams, 3, 2**18)])
    distinct = 12 + 12**2 + 12**3
    collisions = distinct - len(np.unique(buckets))
    assert collisions <= 2 * distinct**2 / 2**19
    load = np.bincount(np.unique(hash_ngrams(grams, 3, 2**40)[2]) % 16, minlength=16) / 12**3
    assert np.all(np.abs(load - 1 / 16) < 0.03)


def test_the_hash_is_the_same_in_every_process() -> None:
    """A changed hash would make the weights of every saved run meaningless."""
    code = (
        "import numpy as np; from seqkit.layers.ngram_counts import hash_ngrams; import sys; "
        "print([c.tolist() for c in hash_ngrams(np.array([[3, 1, 2**40]]), 3, 1000)], 'torch' in sys.modules)"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
                       capture_output=True, text=True, check=True).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert found == {"[[[169, 584, 971]], [[758, 268]], [[359]]] False"}


def test_tokens_of_several_integers_are_told_apart_by_each_of_them() -> None:
    ids = np.array([[[1, 2], [1, 3], [2, 1], [1, 2]]])
    (unigrams,) = hash_ngrams(ids, 1, 2**40)
    assert unigrams[0, 0] == unigrams[0, 3]
    assert len(np.unique(unigrams)) == 3


LETTERS = "abcdefgh"


def letters(text: str) -> np.ndarray:
    """Return the ids of letters: 0 for one that is unknown."""
    return np.array([LETTERS.find(letter) + 1 for letter in text])


def buckets_of(grams: Iterable[str]) -> list[int]:
    """Return the bucket of each n-gram of letters, all of them different."""
    buckets = [bucket_of(tuple(letters(gram).tolist())) for gram in grams]
    assert len(set(buckets)) == len(buckets)
    return buckets


@pytest.mark.parametrize("number", [30, 80])
def test_weights_equal_those_of_scikit_learn(number: int) -> None:
    """From 50 texts on, an n-gram must occur in two of them."""
    generator = np.random.default_rng(number)
    texts = ["".join(generator.choice(list(LETTERS), generator.integers(1, 30))) for _ in range(number)]
    others = ["".join(generator.choice(list(LETTERS), 12)) for _ in range(5)] + ["z"]
    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=(1, 3), min_df=2 if number >= 50 else 1, sublinear_tf=True
    )
    vectorizer.fit(texts)
    counts = count_documents(map(letters, texts), 3, 10**6)
    buckets = buckets_of(vectorizer.get_feature_names_out())
    assert counts.known.tolist() == sorted(buckets)
    columns = np.searchsorted(counts.known, buckets)
    idf = inverse_document_frequencies(counts)
    assert idf[columns] == pytest.approx(vectorizer.idf_)
    rows = [letters(text).tolist() for text in others]
    found = ngram_weights(count_ngrams(*pad(rows), 3), counts.known, idf, len(others))
    dense = np.zeros((len(others), len(idf)))
    dense[found.rows, found.places] = found.values
    assert dense[:, columns] == pytest.approx(vectorizer.transform(others).toarray(), abs=1e-6)
    assert not dense[-1].any()  # no n-gram of the last text is known


@quickly
@given(st.lists(st.text(LETTERS, min_size=1, max_size=6), min_size=1, max_size=60), st.integers(0, 20))
def test_beyond_the_limit_the_ngrams_of_the_most_texts_are_counted(texts: list[str], limit: int) -> None:
    everything = count_documents(map(letters, texts), 2, 10**6)
    counts = count_documents(map(letters, texts), 2, limit)
    assert len(counts.known) == min(limit, len(everything.known))
    assert sorted(counts.total, reverse=True) == sorted(everything.total, reverse=True)[: len(counts.known)]
    places = np.searchsorted(everything.known, counts.known)
    assert everything.known[places].tolist() == counts.known.tolist()
    assert everything.total[places].tolist() == counts.total.tolist()


@quickly
@given(
    st.lists(st.tuples(st.text(LETTERS, min_size=1, max_size=6), st.sets(st.integers(0, 2))), min_size=1, max_size=49)
)
def test_label_ratios_equal_those_of_the_paper(examples: list[tuple[str, set[int]]]) -> None:
    """Texts with any number of labels. Wang and Manning: r = log((p / |p|) / (q / |q|)), with p = 1 + the counts."""
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(1, 2), binary=True)
    occurs = vectorizer.fit_transform(text for text, _ in examples).toarray()
    squares = []
    for label in range(3):
        has = np.array([label in labels for _, labels in examples])
        p, q = 1 + occurs[has].sum(axis=0), 1 + occurs[~has].sum(axis=0)
        squares.append(np.log((p / p.sum()) / (q / q.sum())) ** 2)
    texts, labels = (letters(text) for text, _ in examples), [sorted(labels) for _, labels in examples]
    counts = count_documents(texts, 2, 10**6, labels, 3)
    columns = np.searchsorted(counts.known, buckets_of(vectorizer.get_feature_names_out()))
    assert label_ratios(counts)[columns] == pytest.approx(np.sqrt(np.mean(squares, axis=0)))


@quickly
@given(rows_of_ids, st.integers(1, 3))
def test_ngram_linear_is_a_product_of_features_and_weights(rows: list[list[int]], n: int) -> None:
    known = count_documents(map(np.array, rows), n, 11).known
    layer = NgramLinear(2, len(known), n=n, scale=3.0).double()
    ids, lengths = pad(rows)
    assert not layer(torch.from_numpy(ids), torch.from_numpy(lengths)).any()
    idf = np.random.default_rng(0).random(len(known))
    layer.set_ngrams(known, idf)
    torch.nn.init.normal_(layer.weight)
    features = torch.zeros(len(rows), len(known), dtype=torch.float64)
    found = ngram_weights(count_ngrams(ids, lengths, n), known, idf, len(rows))
    features[found.rows, found.places] = torch.from_numpy(found.values)
    outputs = layer(torch.from_numpy(ids), torch.from_numpy(lengths))
    assert torch.allclose(outputs, 3 * features @ layer.weight)
    outputs[:, 0].sum().backward()
    assert layer.weight.grad is not None
    assert torch.allclose(layer.weight.grad[:, 0], 3 * features.sum(dim=0))
    assert not layer.weight.grad[:, 1].any()
    for row, length in enumerate(lengths):  # neither padding nor other rows change a result
        alone = layer(torch.from_numpy(ids[row : row + 1, :length]), torch.tensor([length]))
        assert torch.allclose(alone[0], outputs[row], atol=1e-12)
