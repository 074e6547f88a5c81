"""An LSTM that reads both ways."""

from __future__ import annotations

from seqkit.encoders.lstm import LSTM


class BiLSTM(LSTM):
    """An LSTM that reads both ways, each step's output the two side by side: torch.nn.LSTM with `bidirectional=True`.

    Its backward half has seen the rest of the row, so it may label a row or its steps and not predict what comes next.
    Reference: Schuster and Paliwal, 1997; Graves and Schmidhuber, 2005.

    Args:
        hidden_size: the width of a cell; the outputs are twice as wide.
        num_layers: how many layers.
        bias: whether gates have biases.
        dropout: the share of outputs dropped in training between one layer and the next.
        proj_size: project each direction to this width, below hidden_size; 0 for none.
    """

    directions = 2
    causal = False
