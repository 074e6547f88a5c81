"""A plan and a fitted tokenizer into a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seqkit.claims import stands_by
from seqkit.contracts import Batch, Encoded, Head, Lookup, Loss, State, Tokenizer
from seqkit.embeddings.one_hot import OneHot
from seqkit.errors import PluginError
from seqkit.plan import BuildError

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

    def __init__(self, embedding: nn.Module | None, encoder: Any, head: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.head = head
        self._takes_ids = isinstance(embedding, OneHot) and stands_by(encoder, "accepts_ids", "forward")
        self._takes_lookup = stands_by(embedding, "as_lookup", "forward") and stands_by(
            encoder, "accepts_lookup", "forward"
        )
        self._shapes_checked = False

    @property
    def gpu(self) -> torch.device | None:
        """The CUDA device that the weights are on, if they are on one."""
        return next((weight.device for weight in self.parameters() if weight.is_cuda), None)

    def encode(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """inputs: ids int64 (batch, time) or features float (batch, time, features); lengths int64 (batch,)."""
        if self._shapes_checked:
            return self.encoder(self._given(inputs), lengths, state)
        given = self._given(inputs)
        self._check_vectors(inputs, given)
        encoded = self.encoder(given, lengths, state)
        self._check_encoded(inputs, encoded)
        self._shapes_checked = True
        return encoded

    def _given(self, inputs: Tensor) -> Tensor | Lookup:
        """Returns what the encoder is given: vectors, or what may stand for them."""
        if self.embedding is None or self._takes_ids:
            return inputs
        lookup = self.embedding.as_lookup(inputs) if self._takes_lookup else None
        return self.embedding(inputs) if lookup is None else lookup

    def forward(self, batch: Batch, state: State = None) -> tuple[Loss, State]:
        """Returns the loss of a batch, and the state after it."""
        encoded = self.encode(batch.inputs, batch.lengths, state)
        loss = self.head.loss(encoded, batch)
        if not isinstance(loss, Loss):
            raise PluginError(f"{_named(self.head)}: loss returns a {type(loss).__name__}, not seqkit.contracts.Loss")
        return loss, encoded.state

    # The first batch holds the components to what they say, before a plugin's mistake is told deep inside torch.

    def _check_vectors(self, inputs: Tensor, vectors: Any) -> None:
        if self.embedding is None or self._takes_ids:
            return
        wanted = (*inputs.shape[:2], self.embedding.output_size)
        if isinstance(vectors, Lookup):
            vectors = vectors.table[vectors.ids]
        if _shape(vectors) != wanted:
            raise PluginError(f"{_named(self.embedding)} gives {_shown(vectors)}, not {wanted}: see its output_size")

    def _check_encoded(self, inputs: Tensor, encoded: Any) -> None:
        batch, time = inputs.shape[:2]
        if not isinstance(encoded, Encoded):
            given = type(encoded).__name__
            raise PluginError(f"{_named(self.encoder)} returns a {given}, not seqkit.contracts.Encoded")
        for name, got, wanted, size in (
            ("outputs", encoded.outputs, (batch, time, self.encoder.output_size), "output_size"),
            ("final", encoded.final, (batch, self.encoder.final_size), "final_size"),
        ):
            if _shape(got) != wanted:
                raise PluginError(f"{_named(self.encoder)}: {name} is {_shown(got)}, not {wanted}: see its {size}")
        for part in _parts(encoded.state):
            if (_shape(part) or (0,))[0] != batch:
                raise PluginError(
                    f"{_named(self.encoder)}: the state holds {_shown(part)}, not a tensor with the batch first, "
                    f"({batch}, …)"
                )


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
        embedding = _module(plan.embedding, features if tokenizer is None else tokenizer)
        input_size = _size(embedding, "output_size")
    encoder = _module(plan.encoder, input_size)
    output_size, final_size = _size(encoder, "output_size"), _size(encoder, "final_size")
    if not isinstance(getattr(encoder, "causal", None), bool):
        raise PluginError(f"{_named(encoder)} does not say whether it is causal")
    try:
        head.build(output_size, final_size)
    except ValueError as error:
        raise BuildError(("head",), str(error)) from error
    if not isinstance(head, nn.Module):
        raise PluginError(f"{_named(head)} must inherit torch.nn.Module as well as seqkit.contracts.Head")
    return Model(embedding, encoder, head)


def _module(spec: Spec, supplied: object) -> Any:
    module = spec.build(supplied)
    if not isinstance(module, nn.Module):
        contract = spec.registered.kind.capitalize()
        raise PluginError(f"{_named(module)} must inherit torch.nn.Module as well as seqkit.contracts.{contract}")
    return module


def _size(module: nn.Module, attribute: str) -> int:
    size = getattr(module, attribute, None)
    if not isinstance(size, int):
        raise PluginError(f"{_named(module)} does not set {attribute}, a whole number")
    return size


def _parts(state: State) -> Iterator[Any]:
    """Yields what a state carries, however its tuples are nested."""
    if isinstance(state, tuple | list):
        for part in state:
            yield from _parts(part)
    elif state is not None:
        yield state


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _shown(value: Any) -> str:
    return f"{_shape(value)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _named(component: object) -> str:
    return f"{type(component).__module__}.{type(component).__qualname__}"
