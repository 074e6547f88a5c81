"""The reference of `generation.py`: text generated with nn.LSTM, one time step at a time.

    python -m benchmarks.inference.generation_reference WEIGHTS ALPHABET NUM_LAYERS HIDDEN_SIZE THREADS

Reads lines of JSON, `{"prompts": …, "length": …}`, and prints a line of JSON for each: a list with the text generated
from each prompt. WEIGHTS is a safetensors file; THREADS is the number of torch's threads, or 0 for torch's default.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import torch
from safetensors.torch import load_file
from torch import nn


class Reference:
    """A character model whose state is carried: the prompt in one call of nn.LSTM, then one call per character."""

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
    def generate(self, prompts: Sequence[str], length: int) -> list[str]:
        """Return the text generated greedily from each prompt.

        Args:
            prompts: Prompts of equal length.
            length: The number of characters to generate.
        """
        prompt_ids = torch.tensor([[self.ids[symbol] for symbol in prompt] for prompt in prompts])
        outputs, state = self.lstm(self.eye[prompt_ids])
        generated = []
        for _ in range(length):
            ids = self.output(outputs[:, -1]).argmax(dim=1)
            generated.append(ids)
            outputs, state = self.lstm(self.eye[ids][:, None], state)
        return ["".join(self.symbols[number] for number in row) for row in torch.stack(generated, dim=1).tolist()]


def main(weights: str, alphabet: str, num_layers: str, hidden_size: str, threads: str) -> None:
    """Generate texts for each line of the standard input."""
    if int(threads):
        torch.set_num_threads(int(threads))
    reference = Reference(load_file(weights), alphabet, int(num_layers), int(hidden_size))
    for line in sys.stdin:
        print(json.dumps(reference.generate(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
