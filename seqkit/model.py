"""A plan and a fitted tokenizer into a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Head, Loss, State, Tokenizer
from seqkit.errors import PluginError

if TYPE_CHECKING:
    from seqkit.plan import Plan, Spec


class Model(nn.Module):
    """Embedding, encoder and head, called one after another.

    Its weights' names begin with `embedding.`, `encoder.` and `head.`.
    """

    # Modules that keep a contract besides, which torch's own annotations cannot say.
    embedding: Any
    encoder: Any
    head: Any

    def __init__(self, embedding: nn.Module | None, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.head = head
        self._shapes_checked = False

    def encode(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """inputs: ids int64 (batch, time) or features float (batch, time, features); lengths int64 (batch,)."""
        vectors = inputs if self.embedding is None else self.embedding(inputs)
        encoded = self.encoder(vectors, lengths, state)
        if not self._shapes_checked:
            self._check_shapes(vectors, encoded)
            self._shapes_checked = True
        return encoded

    def forward(self, batch: Batch, state: State = None) -> tuple[Loss, State]:
        """Returns the loss of a batch, and the state after it."""
        encoded = self.encode(batch.inputs, batch.lengths, state)
        return self.head.loss(encoded, batch), encoded.state

    def _check_shapes(self, vectors: Tensor, encoded: Encoded) -> None:
        """Holds the components to the sizes that they named, before a plugin's mistake is told deep inside torch."""
        batch, time = vectors.shape[:2]
        if self.embedding is not None and vectors.shape[-1] != self.embedding.output_size:
            size = self.embedding.output_size
            raise PluginError(f"{_named(self.embedding)} says output_size {size} and gives {tuple(vectors.shape)}")
        if not isinstance(encoded, Encoded):
            given = type(encoded).__name__
            raise PluginError(f"{_named(self.encoder)} returns a {given}, not seqkit.contracts.Encoded")
        for name, got, wanted in (
            ("outputs", encoded.outputs, (batch, time, self.encoder.output_size)),
            ("final", encoded.final, (batch, self.encoder.final_size)),
        ):
            if tuple(got.shape) != wanted:
                raise PluginError(f"{_named(self.encoder)}: {name} has the shape {tuple(got.shape)}, not {wanted}")


def build_model(plan: Plan, tokenizer: Tokenizer | None, head: Head, features: int | None) -> Model:
    """Builds the layers, in the order embedding, encoder, head: the order in which random weights are drawn.

    Args:
        tokenizer: fitted; None where the reader yields features.
        head: fitted or restored.
        features: the width of the features, where the reader yields them.

    Raises:
        BuildError: a component refused its values.
        PluginError: a component is not what its contract says.
    """
    embedding = None
    input_size = features
    if plan.embedding is not None:
        embedding = _module(plan.embedding, tokenizer)
        input_size = embedding.output_size
    encoder = _module(plan.encoder, input_size)
    for attribute in ("output_size", "final_size"):
        if not isinstance(getattr(encoder, attribute, None), int):
            raise PluginError(f"{_named(encoder)} does not set {attribute}")
    if not isinstance(getattr(encoder, "causal", None), bool):
        raise PluginError(f"{_named(encoder)} does not say whether it is causal")
    head.build(encoder.output_size, encoder.final_size)
    if not isinstance(head, nn.Module):
        raise PluginError(f"{_named(head)} must inherit torch.nn.Module as well as seqkit.contracts.Head")
    return Model(embedding, encoder, head)


def _module(spec: Spec, supplied: object) -> Any:
    module = spec.build(supplied)
    if not isinstance(module, nn.Module):
        contract = spec.registered.kind.capitalize()
        raise PluginError(f"{_named(module)} must inherit torch.nn.Module as well as seqkit.contracts.{contract}")
    return module


def _named(component: object) -> str:
    return f"{type(component).__module__}.{type(component).__qualname__}"
