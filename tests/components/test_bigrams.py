"""Tests of the embedding `bigrams`, and of embeddings that read neighbors in training and in generation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from torch import Tensor, nn

import seqkit
from helpers.commands import error_line
from helpers.recipes import GENERATION_RECIPE, write_recipe
from seqkit.contracts import Embedding
from seqkit.embeddings import bigrams
from seqkit.embeddings.bigrams import Bigrams
from seqkit.embeddings.concat import Concat
from seqkit.embeddings.learned import Learned
from seqkit.encoders.lstm import LSTM
from seqkit.inference.loading import RunParts
from seqkit.layers.bigrams import pair_buckets
from seqkit.layers.ngram_counts import hash_ngrams
from seqkit.modeling.model import Model
from seqkit.runs.directory import RunDirectory
from seqkit.testing import check_embedding
from seqkit.testing.checks import CheckFailure
from seqkit.tokenizers.char import Char

TEXT = "我今天很开心，因为我考试考了"
BUCKETS = 500


@pytest.fixture
def tokenizer() -> Char:
    fitted = Char(unknown="mark")
    fitted.fit([TEXT])
    return fitted


def bucket(first: int, second: int) -> int:
    return int(hash_ngrams(np.array([[first, second]]), 2, BUCKETS)[1][0, 0])


@given(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=4), st.booleans())
def test_pairs_equal_their_definition(rows: list[list[int]], continues: bool) -> None:
    ids, lengths = np.full((len(rows), max(map(len, rows))), 7), np.array([*map(len, rows)])
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    before = np.arange(len(rows)) if continues else None
    found = pair_buckets(ids, lengths, before, 9, BUCKETS)
    for number, row in enumerate(rows):
        tokens = [number if continues else 9, *row, 9]
        assert found[number, : len(row) + 1].tolist() == [
            bucket(*pair) for pair in zip(tokens, tokens[1:], strict=False)
        ]


@pytest.mark.parametrize("pairs", ["next", "previous", "both"])
def test_vectors_are_those_of_pairs(pairs: Any, tokenizer: Char) -> None:
    embedding = Bigrams(tokenizer, dim=3, pairs=pairs, buckets=BUCKETS, min_count=1)
    ids = tokenizer.encode(TEXT)
    embedding.fit([ids])
    tokens = [tokenizer.vocab_size, *ids.tolist(), tokenizer.vocab_size]
    table = embedding.vectors.weight[[bucket(*pair) for pair in zip(tokens, tokens[1:], strict=False)]]
    expected = {"previous": table[:-1], "next": table[1:], "both": torch.cat([table[:-1], table[1:]], dim=1)}[pairs]
    assert torch.equal(embedding(torch.from_numpy(ids)[None])[0], expected)


@pytest.mark.parametrize("block", [1, 2, 3, 4, 10**6])
@pytest.mark.parametrize("pairs", ["next", "previous", "both"])
def test_pairs_of_long_texts_are_counted_once(
    pairs: Any, block: int, tokenizer: Char, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bigrams, "_BLOCK", block)
    texts, edge = ["我考试", "考试考试", "我"], tokenizer.vocab_size
    for min_count in (1, 2, 3):
        embedding = Bigrams(tokenizer, dim=1, pairs=pairs, buckets=BUCKETS, min_count=min_count)
        embedding.fit([tokenizer.encode(text) for text in texts])
        counts: Counter[int] = Counter()
        for text in texts:
            tokens = tokenizer.encode(text).tolist()
            tokens = [edge] * (pairs != "next") + tokens + [edge] * (pairs != "previous")
            counts.update(bucket(*pair) for pair in zip(tokens, tokens[1:], strict=False))
        frequent = {number for number, count in counts.items() if count >= min_count}
        assert set(embedding.is_frequent.nonzero()[:, 0].tolist()) == frequent


def test_pairs_that_training_does_not_contain_add_nothing_at_first(tokenizer: Char) -> None:
    embedding = Bigrams(tokenizer, dim=3)
    embedding.fit([tokenizer.encode("考试考试")])
    vectors = embedding(torch.from_numpy(tokenizer.encode("考试我"))[None])[0]
    assert vectors.any(dim=1).tolist() == [True, False, False]


def test_windows_and_single_tokens_equal_the_whole_text(tokenizer: Char) -> None:
    """The state of the model contains the last token: of each row, not of its padding."""
    parts = [partial(Learned, dim=2), partial(Bigrams, dim=3, pairs="previous", min_count=1)]
    embedding = Concat(tokenizer, embeddings=parts).double()
    model: Any = Model(embedding, LSTM(5, hidden_size=4).double(), nn.Identity())  # type: ignore[arg-type]
    assert model.causal
    ids = torch.from_numpy(tokenizer.encode(TEXT))
    embedding.fit([ids.numpy()])
    rows, lengths = torch.stack([ids[:8], ids[4:12]]), torch.tensor([8, 8])
    whole = model.encode(rows, lengths)
    first = model.encode(rows[:, :5], torch.tensor([5, 3]))
    for row, start in enumerate((5, 3)):
        state = tuple(part[row : row + 1] for part in first.state[1])
        rest = model.encode(rows[row : row + 1, start:], torch.tensor([8 - start]), (first.state[0][[row]], state))
        torch.testing.assert_close(rest.outputs[0], whole.outputs[row, start:])


def recipe(pairs: str, **head: Any) -> dict[str, Any]:
    parts = [{"type": "learned", "dim": 4}, {"type": "bigrams", "dim": 3, "pairs": pairs, "buckets": 64}]
    return GENERATION_RECIPE | {
        "embedding": {"type": "concat", "embeddings": parts},
        "encoder": {"type": "lstm", "hidden_size": 5},
        "head": {"type": "next_char"} | head,
    }


def test_generation_is_alike_in_both_engines_and_resume_is_exact(tmp_path: Path) -> None:
    settings = recipe("previous")
    settings["train"] = settings["train"] | {"sequence_length": 3, "epochs": 2}
    run = seqkit.run(settings, runs=tmp_path / "runs", quiet=True)
    engine = RunParts(RunDirectory(run.path)).torch_engine
    assert engine.carries_state
    assert seqkit.load(run.path).generate(length=8) == run.result["generated"][0]["text"]
    longer = seqkit.run(settings, runs=tmp_path / "runs", quiet=True, train__epochs=4)
    resumed = seqkit.resume(run.path, quiet=True, train__epochs=4)
    expected, found = (load_file(each.path / "model.safetensors") for each in (longer, resumed))
    assert expected["embedding.embeddings.1.is_frequent"].any()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("pairs", ["next", "both"])
def test_a_head_that_predicts_the_next_token_must_not_see_it(
    pairs: str, tmp_path: Path, run_command: Callable[..., Any]
) -> None:
    path = write_recipe(tmp_path / "recipe.yaml", recipe(pairs))
    lines = path.read_text(encoding="utf-8").splitlines()
    line, column = next((number, line.index("bigrams")) for number, line in enumerate(lines, 1) if "bigrams" in line)
    result = run_command("run", path, "--runs", tmp_path / "runs")
    assert result.code == 2
    expected = (
        f"{path}:{line}:{column + 1}: embedding.embeddings.1.type: 'bigrams' is not causal: its vectors depend on the "
        "tokens that 'next_char' predicts, so the training loss would be misleadingly low and generation would fail: "
        "use a causal embedding, or set `head.objective: prefix`, or set `head.allow_leak: true` to train nevertheless"
    )
    assert error_line(result) == expected
    assert not (tmp_path / "runs").exists()


def test_a_leak_that_is_allowed_is_shown(tmp_path: Path) -> None:
    run = seqkit.run(recipe("next", allow_leak=True), runs=tmp_path, quiet=True)
    assert run.result["honest_loss"]["loss"] > 0
    assert not RunParts(RunDirectory(run.path)).torch_engine.carries_state


class Neighbors(nn.Module, Embedding):
    """The vector of each token, plus those of its neighbors."""

    def __init__(self, tokenizer: Any, before: float, after: float, *, causal: bool, reads_previous: bool) -> None:
        super().__init__()
        self.vectors = nn.Embedding(tokenizer.vocab_size, 4)
        self.before, self.after = before, after
        self.causal, self.reads_previous = causal, reads_previous
        self.output_size = 4

    def forward(self, ids: Tensor, *, lengths: Tensor | None = None, previous: Tensor | None = None) -> Tensor:
        vectors = self.vectors(ids)
        first = vectors.new_zeros(len(ids), 1, 4) if previous is None else self.vectors(previous)[:, None]
        if lengths is not None:
            vectors = vectors * (torch.arange(ids.shape[1]) < lengths[:, None])[:, :, None]
        before = torch.cat([first, vectors[:, :-1]], dim=1)
        after = torch.cat([vectors[:, 1:], vectors.new_zeros(len(ids), 1, 4)], dim=1)
        return vectors + self.before * before + self.after * after


@pytest.mark.parametrize(
    ("before", "after", "flags", "problem"),
    [
        (0.5, 0.0, (True, True), ""),
        (0.0, 0.5, (False, False), ""),
        (0.5, 0.5, (False, True), ""),
        (0.5, 0.5, (True, True), "vectors depend on later tokens: set causal = False"),
        (0.5, 0.5, (False, False), "vectors depend on earlier tokens: set reads_previous = True"),
        (0.5, 0.0, (False, True), "vectors depend on no later token: set causal = True"),
        (0.5, 0.0, (True, False), "move what depends on the position or on other time steps"),
    ],
)
def test_checks_find_what_an_embedding_reads(
    before: float, after: float, flags: tuple[bool, bool], problem: str
) -> None:
    build = partial(Neighbors, before=before, after=after, causal=flags[0], reads_previous=flags[1])
    if not problem:
        check_embedding(build)
        return
    with pytest.raises(CheckFailure, match=problem):
        check_embedding(build)
