"""Tests of the linear model of the n-grams around each word, against sums over tuples of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging import window_ngrams
from seqkit_tagging.crf import CRF
from seqkit_tagging.predictions import format_tags
from seqkit_tagging.tag import Tag
from seqkit_tagging.tokenizer import WordCharacterTokenizer
from seqkit_tagging.window_ngrams import WINDOW, WindowNgrams, fit_ngrams

from helpers.commands import run_here
from seqkit.contracts import Batch, Encoded, Example
from seqkit.errors import DataError, RecipeError
from seqkit.layers.ngram_counts import BUCKETS, hash_ngrams
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.tokenizers.bpe import BPE
from seqkit.training.threads import _size

OUTPUTS = 3
sentences = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=7), min_size=1, max_size=4)


LETTERS = WordCharacterTokenizer()
LETTERS.fit([list("abcde")])
"""A tokenizer whose ids of the words a to e are 1 to 5."""


def ngrams_of(rows: list[list[str]], n: int) -> np.ndarray:
    return fit_ngrams([Example(row) for row in rows], LETTERS, n, OUTPUTS)


def bucket(ngram: tuple[int, ...]) -> int:
    return int(hash_ngrams(np.array([ngram]), len(ngram), BUCKETS)[-1][0, 0])


def model_of(known: np.ndarray, n: int) -> WindowNgrams:
    torch.manual_seed(1)
    model = WindowNgrams(OUTPUTS, len(known), n=n, scale=2.0)
    model.known.copy_(torch.from_numpy(known))
    torch.nn.init.normal_(model.weight)
    return model


def expected_scores(model: WindowNgrams, words: list[str], n: int) -> torch.Tensor:
    """Return the sums of weights of one sentence, float (words, outputs): each n-gram of each window in turn."""
    places = {int(code): place for place, code in enumerate(model.known)}
    extended = [0, *(LETTERS.encode(words)[:, 0] + 1), 0]
    scores = torch.zeros(len(words), OUTPUTS)
    for word in range(len(words)):
        for slot in range(2 * WINDOW + 1):
            first = 1 + word - WINDOW + slot
            for length in range(1, n + 1):
                ngram = tuple(extended[first : first + length]) if first >= 0 else ()
                if len(ngram) == length and slot + length <= 2 * WINDOW + 1 and bucket(ngram) in places:
                    scores[word] += 2.0 * model.weight[places[bucket(ngram)], slot].detach()
    return scores


@settings(deadline=None)
@given(train=sentences, rows=sentences, n=st.integers(1, 5), extra=st.integers(0, 3))
def test_scores_are_sums_over_the_windows(train: list[list[str]], rows: list[list[str]], n: int, extra: int) -> None:
    model = model_of(ngrams_of(train, n), n)
    time = max(map(len, rows)) + extra
    ids = torch.full((len(rows), time, 1 + LETTERS.word_length), 3)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.from_numpy(LETTERS.encode(row))
    scores = model(ids, torch.tensor([len(row) for row in rows]))
    assert scores.shape == (len(rows), time, OUTPUTS)
    for number, row in enumerate(rows):
        torch.testing.assert_close(scores[number, : len(row)], expected_scores(model, row, n), rtol=1e-5, atol=1e-5)
        assert not scores[number, len(row) :].any()


def test_every_ngram_of_the_training_data_has_weights_and_the_edges_count() -> None:
    known = ngrams_of([["a", "c"], ["a"]], 2)
    ngrams = [(0,), (2,), (4,), (0, 2), (2, 4), (4, 0), (2, 0)]  # 0 is an edge, and each id is 1 more
    assert known.tolist() == sorted(map(bucket, ngrams))


def test_the_most_frequent_ngrams_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_ngrams, "MAX_WEIGHTS", 2 * (2 * WINDOW + 1) * OUTPUTS)
    known = ngrams_of([["a", "b", "b"], ["b", "c"]], 1)
    assert known.tolist() == sorted([bucket((0,)), bucket((3,))])  # the edges, four times, and b, three times


@pytest.mark.parametrize("cls", [Tag, CRF])
def test_the_scores_of_a_head_are_those_of_the_encoder_and_the_ngrams(cls: type[Tag | CRF]) -> None:
    words = [["Ana", "left"], ["Ana"]]
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit(words)
    head = cls(ngrams=2)
    head.fit([Example(each, ["A"] * len(each)) for each in words], tokenizer)
    head.build(4, 4)
    assert head.wide is not None and head.state() == {"tags": ["A"], "ngrams": len(head.wide.known)}
    torch.nn.init.normal_(head.wide.weight)
    ids = torch.from_numpy(tokenizer.encode(words[0]))[None]
    batch = Batch(ids, torch.tensor([2]))
    outputs = torch.randn(1, 2, 4)
    scores = head.tag_scores(Encoded(outputs, outputs[:, 0]), batch)
    torch.testing.assert_close(scores, head.output(outputs) + head.wide(ids, torch.tensor([2])))


@pytest.mark.parametrize("count", [None, -1, 10**30, "5", 1.5, True])
def test_a_state_without_a_number_of_ngrams_is_refused(count: Any) -> None:
    with pytest.raises(DataError, match="^the state has no number of n-grams$"):
        Tag(ngrams=1).restore({"tags": ["A"], "ngrams": count})


def test_skipped_sentences_have_no_ngrams() -> None:
    examples = [Example(["a", "b"], ["B-x", "O"]), Example(["c", "d"], ["O", "I-x"])]
    head = CRF(scheme="bio", ngrams=1, invalid_tags="skip")
    head.fit(examples, LETTERS)
    assert head.ngram_count == 3  # a, b and the edges


def test_the_weights_of_ngrams_do_not_decide_the_number_of_threads() -> None:
    assert _size(WindowNgrams(3, 10_000, n=2, scale=1.0)) == 3


def test_ngrams_require_words_that_are_not_cut() -> None:
    with pytest.raises(ValueError, match="^ngrams must be 0 with a tokenizer that cuts words into tokens$"):
        Tag(ngrams=1).check_tokenizer(BPE())
    with pytest.raises(ValueError, match="^ngrams must be 0 for a reader of features, which have no words$"):
        Tag(ngrams=1).check_tokenizer(None)


@pytest.mark.parametrize(
    ("tokenizer", "fault"),
    [
        ("bpe", "head.ngrams: must be 0 with a tokenizer that cuts words into tokens"),
        ("char", "head: the head predicts a tag for each word, but the tokenizer does not take words: set"),
    ],
)
def test_check_rejects_a_tokenizer_that_the_head_cannot_use(tokenizer: str, fault: str) -> None:
    recipe = {
        "data": {"type": "conll", "path": "train.conll"},
        "tokenizer": tokenizer,
        "encoder": {"type": "lstm", "hidden_size": 1},
        "head": {"type": "tag", "ngrams": 2},
    }
    with pytest.raises(RecipeError) as caught:
        resolve(read_recipe(recipe), load_registry())
    assert [line for line in caught.value.lines if line.startswith(f"recipe: {fault}")]


def test_a_model_of_ngrams_alone_learns_names_and_a_run_restores_it(tmp_path: Path) -> None:
    recipe: dict[str, Any] = {
        "name": "ngrams",
        "data": {"type": "conll", "path": "train.conll", "valid": {"path": "train.conll"}},
        "tokenizer": "words_and_characters",
        "embedding": {"type": "words_and_characters", "word_dim": 1},
        "encoder": {"type": "lstm", "hidden_size": 1},
        "head": {"type": "crf", "scheme": "bio", "ngrams": 2, "ngram_scale": 10.0},
        "train": {"epochs": 20, "optimizer": {"type": "adam", "lr": 0.01}, "metric": "f1"},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    rows = [
        ("张 B-PER", "三 I-PER", "来 O"),
        ("我 O", "在 O", "北 B-LOC", "京 I-LOC"),
        ("三 O", "天 O"),
        ("北 O", "风 O"),
    ]
    (tmp_path / "train.conll").write_text("\n\n".join("\n".join(row) for row in rows) + "\n", encoding="utf-8")
    assert run_here("run", "recipe.yaml", cwd=tmp_path).code == 0
    assert json.loads((tmp_path / "runs/ngrams-1/result.json").read_bytes())["metrics"]["valid"]["f1"] == 1
    (line,) = run_here("predict", "runs/ngrams-1", "三 天 在 北 京", cwd=tmp_path).out.splitlines()
    assert json.loads(line)["tags"] == ["O", "O", "O", "B-LOC", "I-LOC"]


def test_a_text_is_split_as_the_training_data_is() -> None:
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit([list("高勇1996年任IBM公司CEO")])
    assert tokenizer.words("任 IBM公司\t1996年") == list("任IBM公司1996年")
    restored = WordCharacterTokenizer()
    restored.restore(tokenizer.state())
    assert restored.words("IBM公司") == list("IBM公司")
    tokenizer.fit([["IBM", "公", "司"]])
    assert tokenizer.words("IBM公司") == ["IBM", "公", "司"]


def test_entities_of_characters_are_written_without_spaces() -> None:
    tags = {"tags": ["O", "B-org", "I-org", "I-org", "I-org", "I-org"]}
    sentences = [["任", *"IBM公司"], ["the", *"IBM&", "Co"]]
    found = [format_tags(tags, words, has_entities=True)["entities"][0]["text"] for words in sentences]
    assert found == ["IBM公司", "I B M & Co"]
