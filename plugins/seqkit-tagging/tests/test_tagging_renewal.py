"""Tests of sentences that a tagger makes anew in each epoch: parts of them, and masked words."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.crf import CRF
from seqkit_tagging.renewal import crop_sentence
from seqkit_tagging.spans import spans
from seqkit_tagging.tag import Tag
from seqkit_tagging.tokenizer import WordCharacterTokenizer

import seqkit
from seqkit.contracts import Example, Row
from seqkit.tokenizers.bpe import BPE

TAGS = ["B-x", "I-x", "O"]
VISITS = Path(__file__).parents[1] / "recipes" / "visits.yaml"


@given(tags=st.lists(st.sampled_from(TAGS), min_size=1, max_size=12), length=st.integers(1, 13), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=100, derandomize=True, database=None)
def test_crop_is_a_part_that_cuts_no_entity(tags: list[str], length: int, seed: int) -> None:
    row = Row(np.arange(len(tags)), np.arange(len(tags)))
    found = crop_sentence(row, length, spans(tags), np.random.default_rng(seed))
    part = found.input.tolist()
    assert part == found.target.tolist() == list(range(part[0], part[-1] + 1))
    assert len(part) >= min(length, len(tags))
    shifted = [
        span._replace(start=span.start + part[0], end=span.end + part[0]) for span in spans([tags[n] for n in part])
    ]
    assert shifted == [span for span in spans(tags) if part[0] <= span.start < part[-1] + 1]
    if all(tag == "O" for tag in tags):
        assert len(part) == min(length, len(tags))


def test_crops_begin_at_every_word() -> None:
    row = Row(np.arange(8), np.arange(8))
    assert {crop_sentence(row, 5, [], np.random.default_rng(seed)).input[0] for seed in range(60)} == {0, 1, 2, 3}


def test_masked_words_have_no_characters_and_keep_their_tags() -> None:
    head = CRF(scheme="bio", mask=0.5)
    tokenizer = seqkit.contracts.WithSpecialTokens(WordCharacterTokenizer(), head.special_tokens)
    examples = [Example(["Ann", "saw", "Rome", "and", "Bonn"], ["B-x", "O", "B-x", "O", "B-x"])]
    tokenizer.fit([example.input for example in examples])
    head.fit(examples, tokenizer)
    (row,) = head.rows(examples[0], tokenizer.encode(examples[0].input))
    made = head.renew(row, np.random.default_rng(0), special_ids=tokenizer.special_ids)
    masked = (made.input != row.input).any(axis=1)
    assert 0 < masked.sum() < 5
    assert (made.input[masked, 0] == tokenizer.special_ids["mask"]).all()
    assert not made.input[masked, 1:].any()
    assert made.target is row.target


def test_resumed_run_equals_one_that_was_not_interrupted(tmp_path: Path) -> None:
    overrides = {"head": {"crop": 4, "mask": 0.2}, "train__schedule": "constant"}
    data = {"path": str(VISITS.parent / "data" / "visits" / "valid.conll")}
    train = partial(seqkit.run, VISITS, runs=tmp_path, quiet=True, data=data, **overrides)
    expected = train(train__epochs=2)
    run = train(train__epochs=1)
    resumed = seqkit.resume(run.path, quiet=True, train__epochs=2)
    assert (resumed.path / "model.safetensors").read_bytes() == (expected.path / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"crop": 3}, "^crop must be null with a tokenizer that cuts words"), ({"mask": 0.1}, "^mask must be 0 with a")],
)
def test_tokenizer_that_cuts_words_is_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tag(**parameters).check_tokenizer(BPE())


def test_mask_requires_tokens() -> None:
    with pytest.raises(ValueError, match="^mask must be 0 for a reader of features"):
        Tag(mask=0.1).check_tokenizer(None)
