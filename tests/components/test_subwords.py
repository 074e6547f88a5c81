"""Heads with a prediction per word see one time step per word, however many tokens the tokenizer makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.contracts import Encoded, Row
from seqkit.data.batching import collate
from seqkit.data.words import encode_words
from seqkit.errors import DataError, PluginError
from seqkit.modeling.subwords import reduce_to_words
from seqkit.tokenizers.bpe import BPE

SENTENCE = st.lists(st.integers(0, 3), min_size=1, max_size=5).filter(any)
"""The number of tokens of each word; 0 for a token that belongs to no word."""


def packed(lengths: Sequence[int], first_id: int) -> np.ndarray:
    indices = []
    for length in lengths:
        indices += [max(indices, default=-1) + 1] * length or [-1]
    return np.column_stack([np.arange(first_id, first_id + len(indices)), indices])


@settings(max_examples=60)
@given(st.lists(SENTENCE, min_size=1, max_size=4), st.sampled_from(["first", "last", "mean"]))
def test_outputs_of_words_are_those_of_their_tokens(
    sentences: list[list[int]], method: Literal["first", "last", "mean"]
) -> None:
    rows = [packed(lengths, 100 * number) for number, lengths in enumerate(sentences)]
    batch = collate([Row(row) for row in rows])
    outputs = torch.randn(*batch.inputs.shape[:2], 3)
    outputs[~batch.mask] = torch.nan
    encoded, words = reduce_to_words(Encoded(outputs, outputs[:, 0]), batch, method)
    assert words.lengths.tolist() == [int(row[:, 1].max()) + 1 for row in rows]
    for number, row in enumerate(rows):
        for word in range(int(words.lengths[number])):
            places = np.flatnonzero(row[:, 1] == word)
            assert words.inputs[number, word] == row[places[0], 0]
            expected = {"first": outputs[number, places[0]], "last": outputs[number, places[-1]]}
            expected["mean"] = outputs[number, places].mean(dim=0)
            torch.testing.assert_close(encoded.outputs[number, word], expected[method])


def test_a_word_without_a_token_is_an_error() -> None:
    tokenizer = BPE(max_length=3)
    tokenizer.fit(["ab"])
    with pytest.raises(DataError, match=r"word 3, 'c', has no token: .*`max_length` is too small"):
        encode_words(["a", "b", "c"], tokenizer)
    with pytest.raises(DataError, match="the text is empty"):
        encode_words(" ", tokenizer)


@pytest.mark.parametrize("indices", [[0], [1, 0], [0, 2]])
def test_wrong_indices_of_words_are_an_error_of_the_plugin(indices: list[int]) -> None:
    class Wrong(BPE):
        def encode_words(self, text: Any) -> tuple[np.ndarray, np.ndarray]:
            return np.array([1, 2]), np.array(indices)

    with pytest.raises(PluginError, match="ascending order"):
        encode_words(["a", "b"], Wrong())
