"""A linear projection of another encoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, EncoderFactory, Lookup, PositiveInt, State, Trace


class Projected(nn.Module, Encoder):
    """A linear projection of the outputs and the final vector of another encoder.

    One projection serves both if they have the same width; otherwise each has its own. The recurrence of the encoder is
    not changed: for a projection within the recurrence, use `proj_size` of `lstm` and `bilstm`.

    Args:
        encoder: the encoder to project.
        proj_size: the width of the projection.
        bias: whether the projection has a bias.
    """

    width_parameters = ("proj_size",)

    encoder: Encoder

    def __init__(self, input_size: int, *, encoder: EncoderFactory, proj_size: PositiveInt, bias: bool = True) -> None:
        super().__init__()
        self.encoder = encoder(input_size)
        self.projection = nn.Linear(self.encoder.output_size, proj_size, bias=bias)
        is_shared = self.encoder.final_size == self.encoder.output_size
        self.final_projection = None if is_shared else nn.Linear(self.encoder.final_size, proj_size, bias=bias)
        self.output_size = self.final_size = proj_size
        self.causal = self.encoder.causal
        self.input_limit = self.encoder.input_limit

    @property
    def accepts_ids(self) -> bool:  # type: ignore[override]
        return self.encoder.accepts_ids

    @property
    def accepts_lookup(self) -> bool:  # type: ignore[override]
        return self.encoder.accepts_lookup

    def layer_parameters(self) -> list[Iterable[nn.Parameter]]:
        inner = list(self.encoder.layer_parameters())
        known = set(self.encoder.parameters())  # type: ignore[attr-defined]
        return [*inner, [weight for weight in self.parameters() if weight not in known]]

    def trace(self, inputs: Tensor, lengths: Tensor) -> Sequence[Trace]:
        return self.encoder.trace(inputs, lengths)

    def forward(self, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded:
        encoded = self.encoder(inputs, lengths, state)
        final_projection = self.final_projection or self.projection
        outputs, final = self.projection(encoded.outputs), final_projection(encoded.final)
        return encoded._replace(outputs=outputs, final=final)
