"""Tests of the baselines against independent implementations."""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, f1_score

from seqkit.heads import baselines
from seqkit.heads.baselines import NGram, tfidf_baseline
from seqkit.heads.metrics import label_metrics


class WittenBell:
    """The n-gram model as Witten and Bell define it, with dictionaries of counts."""

    def __init__(self, texts: list[list[int]], vocab_size: int, order: int) -> None:
        self.vocab_size = vocab_size
        self.order = order
        self.followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for text in texts:
            for position, symbol in enumerate(text):
                for context_length in range(min(order, position + 1)):
                    self.followers[tuple(text[position - context_length : position])][symbol] += 1

    def probability(self, symbol: int, context: tuple[int, ...]) -> float:
        shorter = self.probability(symbol, context[1:]) if context else 1 / self.vocab_size
        counts = self.followers.get(context)
        if not counts:
            return shorter
        return (counts[symbol] + len(counts) * shorter) / (counts.total() + len(counts))

    def loss(self, texts: list[list[int]]) -> float:
        losses = [
            -math.log(self.probability(text[position], tuple(text[max(0, position - self.order + 1) : position])))
            for text in texts
            for position in range(1, len(text))
        ]
        return sum(losses) / len(losses)


def arrays(texts: list[list[int]]) -> list[np.ndarray]:
    return [np.array(text) for text in texts]


@st.composite
def corpora(draw):
    vocab_size = draw(st.integers(1, 5))
    texts = st.lists(st.lists(st.integers(0, vocab_size - 1), min_size=2, max_size=30), min_size=1, max_size=5)
    return vocab_size, draw(texts), draw(texts)


@settings(deadline=None)
@given(corpus=corpora(), order=st.integers(1, 6))
def test_n_gram_model_equals_the_formula(corpus, order: int) -> None:
    vocab_size, train, test = corpus
    model = NGram(vocab_size, order)
    model.fit(arrays(train))
    reference = WittenBell(train, vocab_size, order)
    assert model.order == order
    assert model.loss(arrays(test)) == pytest.approx(reference.loss(test), rel=1e-9, abs=1e-12)
    assert model.loss(arrays(train)) == pytest.approx(reference.loss(train), rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(corpus=corpora(), order=st.integers(1, 6))
def test_probabilities_sum_to_one(corpus, order: int) -> None:
    vocab_size, train, (context, *_) = corpus
    model = NGram(vocab_size, order)
    model.fit(arrays(train))
    # The loss of a text is a mean; the difference of two sums is the loss of the last id.
    prefix_loss = model.loss([np.array(context)]) * (len(context) - 1)
    likelihoods = [
        math.exp(prefix_loss - model.loss([np.array([*context, symbol])]) * len(context))
        for symbol in range(vocab_size)
    ]
    assert sum(likelihoods) == pytest.approx(1, rel=1e-9)
    assert min(likelihoods) > 0


def test_n_gram_model_fitted_to_text_shorter_than_order() -> None:
    model = NGram(4, order=6)
    model.fit([np.array([0, 1, 2])])
    reference = WittenBell([[0, 1, 2]], 4, 6)
    assert model.loss([np.array([0, 1, 3, 0, 1, 2, 0])]) == pytest.approx(reference.loss([[0, 1, 3, 0, 1, 2, 0]]))


@settings(deadline=None)
@given(corpus=corpora(), order=st.integers(1, 6), max_ids=st.integers(1, 40))
def test_n_gram_model_of_a_long_text_is_fitted_to_its_last_ids(corpus, order: int, max_ids: int) -> None:
    vocab_size, train, test = corpus
    model = NGram(vocab_size, order, max_ids)
    model.fit([np.array(text, dtype=np.uint8) for text in train])
    total = sum(map(len, train))
    last, remaining = [], max_ids
    for text in reversed(train):
        if remaining:
            last = [text[max(len(text) - remaining, 0) :], *last]
        remaining = max(remaining - len(text), 0)
    reference = WittenBell(last, vocab_size, order)
    actual = model.loss([np.array(text, dtype=np.uint8) for text in test])
    assert actual == pytest.approx(reference.loss(test), rel=1e-9, abs=1e-12)
    part = f" of the last {max_ids:,} tokens of train" if max_ids < total else ""
    assert model.name == f"{order}-gram model (Witten-Bell){part}"


@pytest.mark.parametrize(
    ("vocab_size", "order"),
    [(1, 6), (2, 6), (1_000, 6), (1_291, 5), (5_000, 5), (70_000, 3), (3_000_000, 2), (2**40, 1)],
)
def test_order_is_limited_by_the_vocabulary(vocab_size: int, order: int) -> None:
    model = NGram(vocab_size)
    assert model.order == order
    assert model.name == f"{order}-gram model (Witten-Bell)"
    assert vocab_size**order < 2**63
    # The largest ids give the largest codes.
    symbols = [vocab_size - 1, vocab_size // 2, max(vocab_size - 2, 0)]
    generator = random.Random(0)
    train, test = ([generator.choices(symbols, k=200)] for _ in range(2))
    model.fit(arrays(train))
    expected = WittenBell(train, vocab_size, order).loss(test)
    assert model.loss(arrays(test)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


LABELS = ["bad", "fair", "good"]


@settings(deadline=None, max_examples=25)
@given(pairs=st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40))
def test_label_metrics_equal_scikit_learn(pairs) -> None:
    truth, predicted = [list(column) for column in zip(*pairs, strict=True)]
    scores = label_metrics(truth, predicted, LABELS)
    assert scores["accuracy"] == accuracy_score(truth, predicted)
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert scores["macro_f1"] == pytest.approx(expected, abs=1e-12)
    assert scores["confusion_matrix"] == {
        "labels": LABELS,
        "rows_are": "true labels",
        "matrix": confusion_matrix(truth, predicted, labels=LABELS).tolist(),
    }
    report = classification_report(truth, predicted, labels=LABELS, output_dict=True, zero_division=0)
    for label in LABELS:
        actual = scores["per_class"][label]
        assert actual.keys() == {"precision", "recall", "f1", "support"}
        assert actual["f1"] == pytest.approx(report[label]["f1-score"])
        for name in ("precision", "recall", "support"):
            assert actual[name] == pytest.approx(report[label][name])


def test_macro_f1_leaves_out_a_label_that_is_neither_true_nor_predicted() -> None:
    scores = label_metrics(list("aabb"), list("aabb"), ["a", "b", "c"])
    assert scores["macro_f1"] == 1
    assert scores["per_class"]["c"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    assert scores["confusion_matrix"]["matrix"] == [[2, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_a_label_outside_the_training_data_is_an_error_of_model_and_baseline() -> None:
    scores = label_metrics(list("abz"), list("abb"), ["a", "b"])
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert scores["per_class"]["z"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert scores["confusion_matrix"]["labels"] == ["a", "b", "z"]
    baseline = tfidf_baseline(["aa", "bb"] * 3, list("ab") * 3, ["aa", "bb", "bb"], list("abz"), ["a", "b"])
    assert {name: baseline[name] for name in ("accuracy", "macro_f1")} == {
        name: scores[name] for name in ("accuracy", "macro_f1")
    }


def test_label_metrics_of_a_small_table() -> None:
    scores = label_metrics(list("aaab"), list("aabb"), ["a", "b"])
    assert scores["accuracy"] == 0.75
    assert scores["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert scores["confusion_matrix"]["matrix"] == [[2, 1], [0, 1]]
    assert scores["per_class"]["b"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}


def reviews(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Return short random reviews whose words partly determine the label."""
    generator = random.Random(seed)
    words = {
        "good": ["fine", "great", "love", "so"],
        "bad": ["bad", "poor", "hate", "so"],
        "fair": ["usual", "okay", "行"],
    }
    labels = generator.choices(LABELS, weights=[3, 2, 4], k=count)
    texts = [
        " ".join(
            generator.choice(words[label if generator.random() < 0.6 else generator.choice(LABELS)]) for _ in range(4)
        )
        for label in labels
    ]
    return texts, labels


@pytest.mark.parametrize("of_words", [True, False])
@pytest.mark.parametrize(("count", "min_df"), [(20, 1), (49, 1), (50, 2), (120, 2)])
def test_tfidf_baseline_equals_scikit_learn(count: int, min_df: int, of_words: bool) -> None:
    train_texts, train_labels = reviews(count, seed=1)
    test_texts, test_labels = reviews(80, seed=2)
    if not of_words:
        train_texts, test_texts = ([text.replace(" ", "") for text in texts] for texts in (train_texts, test_texts))
    baseline = tfidf_baseline(train_texts, train_labels, test_texts, test_labels, LABELS)

    chosen = {"token_pattern": r"\w+"} if of_words else {"analyzer": "char"}
    vectorizer = TfidfVectorizer(ngram_range=(1, 2 if of_words else 3), min_df=min_df, sublinear_tf=True, **chosen)
    classifier = LogisticRegression(C=10, max_iter=1000).fit(vectorizer.fit_transform(train_texts), train_labels)
    predicted = classifier.predict(vectorizer.transform(test_texts))
    assert baseline["accuracy"] == accuracy_score(test_labels, predicted)
    assert baseline["macro_f1"] == pytest.approx(f1_score(test_labels, predicted, labels=LABELS, average="macro"))
    majority = Counter(train_labels).most_common(1)[0][0]
    assert baseline["majority_accuracy"] == test_labels.count(majority) / len(test_labels)
    assert baseline["name"].startswith(f"TF-IDF of {'words and word pairs' if of_words else '1 to 3 characters'},")


@pytest.mark.parametrize(
    ("texts", "of_words"),
    [
        (["Not bad at all!", "I like it a lot, really", "So so"], True),
        (["房间很干净 服务也很热情，前台帮我们订了车", "早餐一般，房间隔音不好。 下次不会再来住了"], False),
        (["Smith", "van Dyke", "John Smith", "Li"], False),
        (["Äiti ei ostanut leipää", "Она сегодня не пришла", "किताब बहुत अच्छी है"], True),
        (["ຂ້ອຍ ມັກ ຫ້ອງ ນີ້ ຫຼາຍ", "ຫ້ອງ ນີ້ ບໍ່ ດີ ເລີຍ"], False),
    ],
)
def test_the_baseline_reads_words_where_spaces_separate_them(texts: list[str], of_words: bool) -> None:
    labels = [str(number) for number in range(len(texts))]
    name = tfidf_baseline(texts, labels, texts, labels, labels)["name"]
    assert name.startswith("TF-IDF of words") == of_words


def test_a_word_of_the_baseline_has_its_combining_marks() -> None:
    text = "don't किताब अच्छी है। cafe\u0301, «да» (x_1)…"
    expected = [
        "don",
        "'",
        "t",
        "किताब",
        "अच्छी",
        "है",
        "।",
        "cafe\u0301",
        ",",
        "«",
        "да",
        "»",
        "(",
        "x",
        "_",
        "1",
        ")",
        "…",
    ]
    assert re.findall(baselines._WORD, text) == expected


def test_tfidf_baseline_of_texts_without_common_n_grams() -> None:
    texts = [chr(0x4E00 + number) for number in range(60)]
    baseline = tfidf_baseline(texts, ["good", "bad"] * 30, texts[:2], ["good", "bad"], ["bad", "good"])
    assert baseline["accuracy"] == 1


def test_majority_of_a_tie_is_the_first_label() -> None:
    texts = ["好的", "差的", "好了", "差了"]
    for labels, accuracy in ((["good", "bad"] * 2, 0.25), (["bad", "good"] * 2, 0.75)):
        baseline = tfidf_baseline(texts, labels, texts, ["bad", "good", "bad", "bad"], ["bad", "good"])
        assert baseline["majority_accuracy"] == accuracy
