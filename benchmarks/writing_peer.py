"""The peer of `writing.py`: nn.LSTM a step at a time, in a process of its own.

    python benchmarks/writing_peer.py WEIGHTS ALPHABET NUM_LAYERS HIDDEN_SIZE THREADS

reads lines of JSON, {"prompts": …, "length": …}, and answers each with a line, the list of what follows each prompt.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import torch
from safetensors.torch import load_file
from torch import nn


class Peer:
    """What a PyTorch user would write: the prompt read at once, then a step a character with the state carried on."""

    def __init__(self, weights: Mapping[str, torch.Tensor], alphabet: str, num_layers: int, hidden_size: int) -> None:
        self.symbols = sorted(alphabet)
        self.ids = {symbol: number for number, symbol in enumerate(self.symbols)}
        self.eye = torch.eye(len(self.symbols))
        self.lstm = nn.LSTM(len(self.symbols), hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, len(self.symbols))
        with torch.no_grad():
            for name, weight in self.lstm.named_parameters():
                kind, _, layer = name.rpartition("_l")
                weight.copy_(weights[f"encoder.layers.cells.{layer}.{kind}_l0"])
            self.output.weight.copy_(weights["head.output.weight"])
            self.output.bias.copy_(weights["head.output.bias"])

    @torch.inference_mode()
    def write(self, prompts: Sequence[str], length: int) -> list[str]:
        """Prompts of one length -> what follows each."""
        read = torch.tensor([[self.ids[symbol] for symbol in prompt] for prompt in prompts])
        outputs, state = self.lstm(self.eye[read])
        written = []
        for _ in range(length):
            ids = self.output(outputs[:, -1]).argmax(dim=1)
            written.append(ids)
            outputs, state = self.lstm(self.eye[ids][:, None], state)
        return ["".join(self.symbols[number] for number in row) for row in torch.stack(written, dim=1).tolist()]


def main(weights: str, alphabet: str, num_layers: str, hidden_size: str, threads: str) -> None:
    if int(threads):
        torch.set_num_threads(int(threads))
    peer = Peer(load_file(weights), alphabet, int(num_layers), int(hidden_size))
    for line in sys.stdin:
        print(json.dumps(peer.write(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
