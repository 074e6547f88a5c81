"""One time step per word, for a head with a prediction per word, where the tokenizer cuts words into several tokens."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from seqkit.contracts import Batch, Encoded


def split_words(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Split what `seqkit.data.words.encode_words` put together.

    Args:
        inputs: int64 (batch, time, n): n - 1 integers of each token, and the index of its word.

    Returns:
        The ids, int64 (batch, time), or (batch, time, n - 1) if a token has several integers; and the index of each
        token's word, int64 (batch, time).
    """
    ids = inputs[..., 0] if inputs.shape[-1] == 2 else inputs[..., :-1]
    return ids, inputs[..., -1]


def reduce_to_words(encoded: Encoded, batch: Batch, method: Literal["first", "last", "mean"]) -> tuple[Encoded, Batch]:
    """Return the result of the encoder and the batch with one time step per word.

    Args:
        encoded: the result for the tokens.
        batch: the tokens, with the index of the word of each. Its targets are those of the words.
        method: what becomes the output of a word: that of its first or its last token, or the mean over its tokens.
    """
    ids, words = split_words(batch.inputs)
    size = words.shape[1]
    words = words.masked_fill(~batch.mask | (words < 0), size)  # of no word: removed below
    lengths = words.masked_fill(words == size, -1).amax(dim=1) + 1
    steps = torch.arange(size, device=words.device).expand_as(words)
    count = int(lengths.max())

    def reduce_steps(how: str) -> Tensor:
        reduced = steps.new_zeros(len(words), size + 1).scatter_reduce(1, words, steps, how, include_self=False)
        return reduced[:, :count]  # (batch, words)

    first = reduce_steps("amin")
    if method == "mean":
        at = words[..., None].expand_as(encoded.outputs)
        sums = encoded.outputs.new_zeros(len(words), size + 1, encoded.outputs.shape[2])
        sums = sums.scatter_add(1, at, encoded.outputs)[:, :count]
        tokens = steps.new_zeros(len(words), size + 1).scatter_add(1, words, torch.ones_like(words))[:, :count]
        outputs = sums / tokens.clamp(min=1)[..., None]
    else:
        places = first if method == "first" else reduce_steps("amax")
        outputs = encoded.outputs.gather(1, places[..., None].expand(-1, -1, encoded.outputs.shape[2]))
    inputs = ids[torch.arange(len(ids), device=ids.device)[:, None], first]
    return encoded._replace(outputs=outputs), batch._replace(inputs=inputs, lengths=lengths.cpu())
