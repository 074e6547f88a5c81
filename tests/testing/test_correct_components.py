"""Tests that checks accept unusual but correct components."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, Encoded, Encoder, Tokenizer
from seqkit.heads.classify import Classify
from seqkit.testing import (
    check_embedding,
    check_encoder,
    check_head,
)
from seqkit.testing.default_cases import EXAMPLES


class Attention(nn.Module, Encoder):
    """Causal attention whose state contains keys, values and, as integers, the number of time steps."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(input_size, 3 * 4)
        self.scale = nn.Parameter(torch.ones(4))
        self.output_size = self.final_size = 4

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        query, keys, values = self.projection(inputs).chunk(3, dim=2)
        old = torch.zeros(len(inputs), dtype=torch.int64)
        if state is not None:
            old = state[2]
            keys, values = torch.cat([state[0], keys], dim=1), torch.cat([state[1], values], dim=1)
        past = keys.shape[1] - inputs.shape[1]
        places = torch.arange(keys.shape[1])
        queries = torch.arange(inputs.shape[1])[:, None] + past
        visible = ((places < old[:, None, None]) | (places >= past)) & (places <= queries)
        outputs = (query @ keys.mT).masked_fill(~visible, -torch.inf).softmax(dim=2) @ values
        single = outputs.float()  # a normalization in float32
        outputs = (single * torch.rsqrt(single.square().mean(dim=2, keepdim=True) + 1e-6)).to(inputs.dtype) * self.scale
        final = outputs[torch.arange(len(inputs)), lengths - 1]
        # Move the real time steps of each row to the front.
        real = visible[:, -1] & ((places < past) | (places - past < lengths[:, None]))
        order = (~real).to(torch.int64).argsort(dim=1, stable=True)[:, :, None].expand(-1, -1, 4)
        return Encoded(outputs, final, (keys.gather(1, order), values.gather(1, order), real.sum(dim=1)))


class Prior(Classify):
    """A classifier whose bias is the logarithm of the frequency of each label."""

    def fit(self, examples: Any, tokenizer: Tokenizer | None) -> None:
        super().fit(examples, tokenizer)
        self.bias = [sum(each.target == label for each in examples) / len(examples) for label in self.labels]

    def state(self) -> dict[str, Any]:
        return super().state() | {"bias": self.bias}

    def restore(self, state: Any) -> None:
        super().restore(state)
        self.bias = list(state["bias"])

    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        with torch.no_grad():
            self.output.bias.copy_(torch.tensor(self.bias).log())


class FittedWeight(nn.Module, Embedding):
    """An embedding of features whose fit sets a weight that is then trained."""

    takes = "features"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.output_size = width
        self.mean = nn.Parameter(torch.zeros(width))

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        with torch.no_grad():
            self.mean.copy_(torch.from_numpy(np.concatenate(list(inputs)).mean(axis=0)))

    def forward(self, features: Tensor) -> Tensor:
        return features - self.mean


def test_correct_components_pass() -> None:
    check_encoder(Attention)
    check_head(Prior, EXAMPLES["labels"])
    check_embedding(FittedWeight, width=3)
