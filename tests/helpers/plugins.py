"""A plugin with one encoder, and small classes that implement a contract."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

MOVING_AVERAGE = """
    import torch
    from seqkit.contracts import Encoded, Encoder, Fraction

    class MovingAverage(torch.nn.Module, Encoder):
        '''Exponential moving average: s_t = decay * s_{t-1} + (1 - decay) * x_t.

        Args:
            decay: weight of the previous average.
        '''

        causal = True

        def __init__(self, input_size: int, *, decay: Fraction = 0.5):
            super().__init__()
            self.decay = decay
            self.output_size = self.final_size = input_size

        def forward(self, inputs, lengths, state=None):
            at = inputs.new_zeros(inputs.shape[0], inputs.shape[2]) if state is None else state
            outputs = []
            for step in inputs.unbind(1):
                at = self.decay * at + (1 - self.decay) * step
                outputs.append(at)
            outputs = torch.stack(outputs, 1)
            final = outputs[torch.arange(len(outputs)), lengths - 1]
            return Encoded(outputs, final, final)
    """
"""The module of the encoder `average` of the plugin `seqkit-average`."""

AVERAGE_RECIPE = """
    data:      {type: text, text: "a basket of apples, a basket of bananas"}
    encoder:   {type: average, decay: 0.3}
    head:      {type: next_char}
    train:     {epochs: 2, threads: 1}
    generate:  {prompt: "a bas", length: 5}
    """


def write_dedented(path: Path, text: str) -> Path:
    """Write an indented text without its common indentation, and return its path."""
    path.write_text(dedent(text), encoding="utf-8")
    return path


def variant(cls: type, **attributes: object) -> type:
    """Return a subclass of the same name with other class attributes."""
    return type(cls.__name__, (cls,), attributes | {"__module__": cls.__module__, "__qualname__": cls.__qualname__})
