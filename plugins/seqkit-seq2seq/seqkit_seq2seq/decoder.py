"""An LSTM that writes a target symbol by symbol, attending to an encoded source."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqkit_seq2seq.attention import Attention, Memory, Score


class DecoderState(NamedTuple):
    """Where decoding stands, for each beam of each row.

    Attributes:
        hidden: h, (batch, beams, num_layers, hidden_size).
        cell: c, of the same shape.
        attended: the last attentional vector, (batch, beams, hidden_size), which input feeding reads.
    """

    hidden: Tensor
    cell: Tensor
    attended: Tensor


class Decoder(nn.Module):
    """The decoder of Luong et al., 2015, after the state of whose LSTM attention comes:

        h_0 = tanh(A final), c_0 = B final      the bridge, for each layer
        h_t = LSTM(y_{t-1}, h_{t-1})            with input feeding, LSTM((y_{t-1}, a_{t-1}), h_{t-1})
        a_t = tanh(C (context(h_t), h_t))
        P(y_t) = softmax(D a_t)

    Without input feeding no step waits for attention, so all steps of a known target are one call of the LSTM and two
    batched products.

    Args:
        symbols: how many may be written, the end among them. One more id, `begin`, stands before the first.
        output_size: the width of the encoder's outputs.
        final_size: the width of the encoder's final vector.
        embedding_size: the width of a symbol's vector.
        hidden_size: the width of the cell and of the attentional vector.
        num_layers: how many layers.
        dropout: the share dropped in training of symbols' vectors, between layers, and of attentional vectors.
        attention: the score, `general` or `additive`.
        input_feeding: whether a step reads the attentional vector of the one before it.
    """

    def __init__(
        self,
        symbols: int,
        output_size: int,
        final_size: int,
        *,
        embedding_size: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        attention: Score,
        input_feeding: bool,
    ) -> None:
        super().__init__()
        self.begin = symbols
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        self.input_feeding = input_feeding
        self.vectors = nn.Embedding(symbols + 1, embedding_size)
        self.bridge = nn.Linear(final_size, 2 * num_layers * hidden_size)
        self.lstm = nn.LSTM(
            embedding_size + (hidden_size if input_feeding else 0),
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        self.attention = Attention(hidden_size, output_size, attention)
        self.combined = nn.Linear(output_size + hidden_size, hidden_size, bias=False)
        self.output = nn.Linear(hidden_size, symbols)
        self.dropout = nn.Dropout(dropout)

    def start(self, final: Tensor) -> DecoderState:
        """final: (batch, final_size) -> the state before the first symbol, of one beam a row."""
        bridged = self.bridge(final).view(len(final), 1, 2, self.num_layers, self.hidden_size)
        hidden, cell = bridged.unbind(dim=2)
        return DecoderState(torch.tanh(hidden), cell, final.new_zeros(len(final), 1, self.hidden_size))

    def teacher_forced(self, targets: Tensor, start: DecoderState, memory: Memory) -> Tensor:
        """Reads known targets.

        Args:
            targets: int64 (batch, target_time).

        Returns:
            Attentional vectors (batch, target_time, hidden_size): at each step from the targets before it.
        """
        begin = targets.new_full((len(targets), 1), self.begin)
        read = torch.cat([begin, targets[:, :-1]], dim=1)
        if self.input_feeding:
            state, attended = start, []
            for step in range(read.shape[1]):
                state = self.advance(read[:, step : step + 1], state, memory)
                attended.append(state.attended)
            return torch.cat(attended, dim=1)
        hidden, cell = (part[:, 0].transpose(0, 1).contiguous() for part in (start.hidden, start.cell))
        outputs, _ = self.lstm(self.dropout(self.vectors(read)), (hidden, cell))
        return self._attended(outputs, memory)

    def advance(self, symbols: Tensor, state: DecoderState, memory: Memory) -> DecoderState:
        """Reads one symbol more in each beam: symbols int64 (batch, beams).

        The beams of a row attend to one memory: they are its queries.
        """
        batch, beams = symbols.shape
        vectors = self.dropout(self.vectors(symbols))  # (batch, beams, embedding_size)
        if self.input_feeding:
            vectors = torch.cat([vectors, state.attended], dim=2)
        # (batch, beams, num_layers, hidden_size) -> (num_layers, batch * beams, hidden_size)
        before = tuple(part.flatten(0, 1).transpose(0, 1).contiguous() for part in (state.hidden, state.cell))
        outputs, after = self.lstm(vectors.flatten(0, 1)[:, None], before)
        hidden, cell = (part.transpose(0, 1).unflatten(0, (batch, beams)) for part in after)
        return DecoderState(hidden, cell, self._attended(outputs.view(batch, beams, self.hidden_size), memory))

    def _attended(self, outputs: Tensor, memory: Memory) -> Tensor:
        """outputs: (batch, queries, hidden_size) -> attentional vectors of the same shape."""
        context, _ = self.attention(outputs, memory)
        return self.dropout(torch.tanh(self.combined(torch.cat([context, outputs], dim=2))))
