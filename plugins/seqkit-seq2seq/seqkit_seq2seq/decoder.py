"""An LSTM decoder with attention."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqkit_seq2seq.attention import Attention, Memory, Score


class DecoderState(NamedTuple):
    """The state of the decoder, for each beam of each row.

    Attributes:
        hidden: h, (batch, beams, num_layers, hidden_size).
        cell: c, (batch, beams, num_layers, hidden_size).
        attentional: a, the last attentional vector, (batch, beams, hidden_size), which input feeding reads.
    """

    hidden: Tensor
    cell: Tensor
    attentional: Tensor


class Decoder(nn.Module):
    """The decoder of Luong et al., 2015, which applies attention to the output of the LSTM:

        h_0 = tanh(A final), c_0 = B final      the bridge, for each layer
        h_t = LSTM(y_{t-1}, h_{t-1})            with input feeding, LSTM((y_{t-1}, a_{t-1}), h_{t-1})
        a_t = tanh(C (context(h_t), h_t))
        P(y_t) = softmax(D a_t)

    Without input feeding the LSTM does not depend on the attention, so teacher forcing computes all time steps with one
    call of the LSTM and two batched products.

    Args:
        vocab_size: the number of target tokens, including the end token. The id `begin`, one more, precedes the first.
        output_size: the width of the encoder's outputs.
        final_size: the width of the encoder's final vector.
        embedding_size: the width of the embedding of a target token.
        hidden_size: the width of the LSTM and of the attentional vector.
        num_layers: the number of LSTM layers.
        dropout: the dropout probability of embeddings, between layers, and of attentional vectors.
        attention: the score, `general` or `additive`.
        input_feeding: whether the LSTM also reads the previous attentional vector.
    """

    def __init__(
        self,
        vocab_size: int,
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
        self.begin = vocab_size
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        self.input_feeding = input_feeding
        self.vectors = nn.Embedding(vocab_size + 1, embedding_size)
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
        self.output = nn.Linear(hidden_size, vocab_size)
        self.dropout = nn.Dropout(dropout)

    def start(self, final: Tensor) -> DecoderState:
        """Return the state before the first token, with one beam per row.

        Args:
            final: (batch, final_size).
        """
        bridged = self.bridge(final).view(len(final), 1, 2, self.num_layers, self.hidden_size)
        hidden, cell = bridged.unbind(dim=2)
        return DecoderState(torch.tanh(hidden), cell, final.new_zeros(len(final), 1, self.hidden_size))

    def teacher_forcing(self, targets: Tensor, start: DecoderState, memory: Memory) -> Tensor:
        """Decode with the targets as the previous tokens.

        Args:
            targets: int64 (batch, target_time).
            start: as `start` returns it.
            memory: the encoder outputs.

        Returns:
            The attentional vectors (batch, target_time, hidden_size), each computed from the targets before its time
            step.
        """
        begin = targets.new_full((len(targets), 1), self.begin)
        previous = torch.cat([begin, targets[:, :-1]], dim=1)
        if self.input_feeding:
            state, attentional = start, []
            for time in range(previous.shape[1]):
                state = self.decode_step(previous[:, time : time + 1], state, memory)
                attentional.append(state.attentional)
            return torch.cat(attentional, dim=1)
        hidden, cell = (part[:, 0].transpose(0, 1).contiguous() for part in (start.hidden, start.cell))
        outputs, _ = self.lstm(self.dropout(self.vectors(previous)), (hidden, cell))
        return self._attentional(outputs, memory)

    def decode_step(self, tokens: Tensor, state: DecoderState, memory: Memory) -> DecoderState:
        """Decode one time step for each beam. The beams of a row attend to the same encoder outputs.

        Args:
            tokens: the previous tokens, int64 (batch, beams).
            state: the previous state.
            memory: the encoder outputs.
        """
        batch, beams = tokens.shape
        vectors = self.dropout(self.vectors(tokens))  # (batch, beams, embedding_size)
        if self.input_feeding:
            vectors = torch.cat([vectors, state.attentional], dim=2)
        # (batch, beams, num_layers, hidden_size) -> (num_layers, batch * beams, hidden_size)
        before = tuple(part.flatten(0, 1).transpose(0, 1).contiguous() for part in (state.hidden, state.cell))
        outputs, after = self.lstm(vectors.flatten(0, 1)[:, None], before)
        hidden, cell = (part.transpose(0, 1).unflatten(0, (batch, beams)) for part in after)
        return DecoderState(hidden, cell, self._attentional(outputs.view(batch, beams, self.hidden_size), memory))

    def _attentional(self, outputs: Tensor, memory: Memory) -> Tensor:
        """Return the attentional vectors of LSTM outputs, both (batch, queries, hidden_size)."""
        context, _ = self.attention(outputs, memory)
        return self.dropout(torch.tanh(self.combined(torch.cat([context, outputs], dim=2))))
