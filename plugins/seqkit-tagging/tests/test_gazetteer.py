"""Tests of gazetteers: the tokenizer `gazetteer`, and its ids as features of `words_and_characters`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.char_cnn import CharCNN
from seqkit_tagging.embedding import WordCharacterEmbedding
from seqkit_tagging.gazetteer import BEGIN, END, INSIDE, OUTSIDE, SINGLE, Gazetteer
from seqkit_tagging.tokenizer import WordCharacterTokenizer

import seqkit
from seqkit.errors import DataError, RecipeError
from seqkit.tokenizers.char import Char

RECIPES = Path(__file__).parents[1] / "recipes"


def gazetteer(folder: Path, content: str, **parameters: Any) -> Gazetteer:
    path = folder / "places.txt"
    path.write_text(content, encoding="utf-8")
    fitted = Gazetteer(path=path, **parameters)
    fitted.fit([])
    return fitted


def of_entries(entries: list[list[str]], lower: bool) -> Gazetteer:
    restored = Gazetteer(path=None, lower=lower)
    restored.restore({"entries": [" ".join(word.lower() if lower else word for word in entry) for entry in entries]})
    return restored


def matches_by_brute_force(words: list[str], entries: list[list[str]]) -> list[int]:
    """Return the ids of words, by looking again and again for the longest entry among words that are in none."""
    ids = [OUTSIDE] * len(words)
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            end = start + length
            if words[start:end] in entries and ids[start:end] == [OUTSIDE] * length:
                ids[start:end] = [SINGLE] if length == 1 else [BEGIN, *[INSIDE] * (length - 2), END]
    return ids


WORDS = st.sampled_from("aAbB")


@given(
    entries=st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=5),
    words=st.lists(WORDS, max_size=9),
    lower=st.booleans(),
)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_matches_equal_those_of_a_search_by_brute_force(
    entries: list[list[str]], words: list[str], lower: bool
) -> None:
    expected = matches_by_brute_force(
        [word.lower() if lower else word for word in words],
        [[word.lower() if lower else word for word in entry] for entry in entries],
    )
    assert of_entries(entries, lower).encode(words).tolist() == expected


def test_longest_entry_is_matched_first_and_then_the_first_one(tmp_path: Path) -> None:
    fitted = gazetteer(tmp_path, "New York\n\nYork City Hall\nSt. John's\nHall\n")
    assert fitted.encode("New York City Hall").tolist() == [OUTSIDE, BEGIN, INSIDE, END]
    assert fitted.encode("near NEW YORK, st. john's hall").tolist() == [0, BEGIN, END, 0, BEGIN, INSIDE, END, SINGLE]
    assert gazetteer(tmp_path, "a b\nb c\n").encode(["a", "b", "c"]).tolist() == [BEGIN, END, OUTSIDE]
    assert fitted.encode([]).shape == (0,)


def test_case_matters_by_choice(tmp_path: Path) -> None:
    fitted = gazetteer(tmp_path, "Will\n", lower=False)
    assert fitted.encode(["Will", "will", "WILL"]).tolist() == [SINGLE, OUTSIDE, OUTSIDE]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Rome\nParis\tcity\n", r"places\.txt:2: contains a tab: write one entry per line, without other columns"),
        (b" \n\n", r"places\.txt: the file contains only white space"),
        (b"", r"places\.txt: the file is empty"),
        (b"Rome\nZ\xfcrich\n", r"places\.txt:2: .*not utf-8.*encoding: "),
    ],
)
def test_invalid_file_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "places.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        Gazetteer(path=path).fit([])


@pytest.mark.parametrize("state", [{}, {"entries": []}, {"entries": ["a", ""]}, {"entries": "a"}, []])
def test_invalid_state_is_rejected(state: Any) -> None:
    with pytest.raises(DataError, match="^the state of a gazetteer has no list of entries$"):
        Gazetteer(path=None).restore(state)


# Features of words_and_characters


def tokenizer_with_gazetteers(folder: Path) -> WordCharacterTokenizer:
    places, people = folder / "places.txt", folder / "people.txt"
    places.write_text("New York\n")
    people.write_text("York\nAnn\n")
    lists: Any = [lambda: Gazetteer(path=places), lambda: Gazetteer(path=people)]
    tokenizer = WordCharacterTokenizer(word_length=4, features=["shape"], gazetteers=lists)
    tokenizer.fit([["Ann", "saw", "York"]])
    return tokenizer


def test_ids_of_gazetteers_follow_those_of_features(tmp_path: Path) -> None:
    tokenizer = tokenizer_with_gazetteers(tmp_path)
    rows = tokenizer.encode(["In", "New", "York", "Ann"])
    assert rows.shape == (4, 1 + 4 + 1 + 2)
    assert rows[:, -2:].tolist() == [[OUTSIDE, OUTSIDE], [BEGIN, OUTSIDE], [END, SINGLE], [OUTSIDE, SINGLE]]
    assert tokenizer.feature_vocab_sizes[1:] == [5, 5]
    restored = WordCharacterTokenizer(
        word_length=4, features=["shape"], gazetteers=[lambda: Gazetteer(path=None), lambda: Gazetteer(path=None)]
    )
    restored.restore(json.loads(json.dumps(tokenizer.state())))
    assert (restored.encode(["In", "New", "York", "Ann"]) == rows).all()
    with pytest.raises(DataError, match="state does not have 1 gazetteers"):
        WordCharacterTokenizer(gazetteers=[lambda: Gazetteer(path=None)]).restore({"words": ["a"], "characters": ["a"]})


def test_matches_are_embedded_and_counted_in_notes(tmp_path: Path) -> None:
    tokenizer = tokenizer_with_gazetteers(tmp_path)
    embedding = WordCharacterEmbedding(tokenizer, characters=lambda size: CharCNN(size, filters=3), feature_dim=2)
    embedding.eval()
    ids = torch.from_numpy(np.stack([tokenizer.encode(words) for words in (["New", "York"], ["Old", "Yorks"])]))
    vectors = embedding(ids)[..., -4:]
    places, people = (embed.weight for embed in list(embedding.feature_vectors)[1:])
    torch.testing.assert_close(vectors[0], torch.cat([places[[BEGIN, END]], people[[OUTSIDE, SINGLE]]], dim=1))
    torch.testing.assert_close(vectors[1], torch.cat([places[[0, 0]], people[[0, 0]]], dim=1))
    rows = iter([tokenizer.encode(["New", "York"]), tokenizer.encode(["Old", "Yorks"])])
    (note,) = embedding.notes({"train": rows})
    assert note == "gazetteers: of the words of train, 50.0% in places.txt, 25.0% in people.txt"


def test_another_tokenizer_is_no_gazetteer() -> None:
    with pytest.raises(ValueError, match="^gazetteers contains another tokenizer: set its `type` to `gazetteer`$"):
        WordCharacterTokenizer(gazetteers=[Char])


def test_run_stores_its_gazetteers(tmp_path: Path) -> None:
    places = tmp_path / "places.txt"
    places.write_text("Rome\nNew York\n")
    train = partial(
        seqkit.run,
        RECIPES / "visits.yaml",
        runs=tmp_path,
        quiet=True,
        tokenizer={"gazetteers": [{"type": "gazetteer", "path": str(places)}]},
        data={"path": str(RECIPES / "data" / "visits" / "valid.conll")},
        train__schedule="constant",
    )
    run = train(train__epochs=1)
    expected = train(train__epochs=2)
    assert "tokenizer.gazetteers.0.path" in json.loads((run.path / "plan.json").read_text())["files_sha256"]
    sentences = ["Ann flew to New York ."]
    predicted = seqkit.load(run.path).predict(sentences)
    places.unlink()
    assert seqkit.load(run.path).predict(sentences) == predicted
    resumed = seqkit.resume(run.path, quiet=True, train__epochs=2)
    assert (resumed.path / "model.safetensors").read_bytes() == (expected.path / "model.safetensors").read_bytes()
    with pytest.raises(RecipeError, match=r"tokenizer\.gazetteers\.0\.path: the file .*places\.txt does not exist"):
        train()
