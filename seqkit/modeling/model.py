"""The model: embedding, encoder and head, built from a plan and a fitted tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Batch, Embedding, Encoded, Encoder, Head, Lookup, Loss, Scores, State, Tokenizer
from seqkit.contracts.capabilities import call_with_accepted, class_name
from seqkit.errors import DataError, PluginError
from seqkit.layers.dropout import word_ids
from seqkit.messages import message
from seqkit.modeling.output_checks import (
    check_encoded,
    check_loss,
    check_predictions,
    check_vectors,
)
from seqkit.modeling.subwords import reduce_to_words, split_words
from seqkit.recipe.plan import BuildError

if TYPE_CHECKING:
    from seqkit.recipe.plan import Plan, Spec


class EmbeddingModule(nn.Module, Embedding):
    """Type of an embedding, for annotations: a torch.nn.Module that implements the contract."""


class EncoderModule(nn.Module, Encoder):
    """Type of an encoder, for annotations: a torch.nn.Module that implements the contract."""


class HeadModule(nn.Module, Head):
    """Type of a head, for annotations: a torch.nn.Module that implements the contract."""


class Model(nn.Module):
    """Embedding, encoder and head, applied one after another.

    The names of its weights begin with `embedding.`, `encoder.` and `head.`.

    Args:
        embedding: the embedding; None if the reader yields features and the recipe names no embedding.
        encoder: the encoder, built for the embedding's output size.
        head: the head, built for the encoder's sizes.
        reads_words: whether batches contain the index of each token's word (`seqkit.modeling.subwords`).

    Attributes:
        passes_ids: whether the encoder receives ids in place of their one-hot vectors.
    """

    embedding: EmbeddingModule | None
    encoder: EncoderModule
    head: HeadModule

    def __init__(
        self, embedding: EmbeddingModule | None, encoder: EncoderModule, head: HeadModule, reads_words: bool = False
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.head = head
        self.reads_words = reads_words
        self.passes_ids = embedding is not None and embedding.is_one_hot and encoder.accepts_ids
        self._passes_lookup = embedding is not None and encoder.accepts_lookup and not embedding.reads_neighbors
        self._carries_token = embedding is not None and embedding.reads_previous
        self._is_checked = False

    @property
    def causal(self) -> bool:
        """Whether the encoder's output at each time step depends on no later input."""
        return self.encoder.causal and (self.embedding is None or self.embedding.causal)

    @property
    def num_weights(self) -> int:
        """The number of weights, trained or not."""
        return sum(weight.numel() for weight in self.parameters())

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    def encode(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """Encode a batch.

        Args:
            inputs: ids, int64 (batch, time), or features, float (batch, time, features).
            lengths: int64 (batch,), on the CPU.
            state: the state after the previous window, or None: that of the encoder; beside it, the last token of each
                row if the embedding reads it.

        Raises:
            PluginError: the output of a component violates its contract. Only the first batch is checked.
            DataError: a feature is too large.
        """
        if self.reads_words:
            inputs, _ = split_words(inputs)
        previous = None
        if self._carries_token and state is not None:
            previous, state = state
        encoder_input = self._encoder_input(inputs, lengths, previous)
        if not self._is_checked and self.embedding is not None and not self.passes_ids:
            check_vectors(self.embedding, inputs, encoder_input)
        encoded = self.encoder(encoder_input, lengths, state)
        if not self._is_checked:
            check_encoded(self.encoder, inputs, encoded)
            self._is_checked = True
        if self._carries_token and encoded.state is not None:
            rows = torch.arange(len(lengths), device=inputs.device)
            encoded = encoded._replace(state=(inputs[rows, lengths.to(inputs.device) - 1], encoded.state))
        return encoded

    def vectors(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the vectors of a batch that the encoder reads, float (batch, time, width). Arguments as for `encode`.

        Raises:
            DataError: a feature is too large.
        """
        if self.reads_words:
            inputs, _ = split_words(inputs)
        return self._embed(inputs, lengths, previous=None)

    def _encoder_input(self, inputs: Tensor, lengths: Tensor, previous: Tensor | None) -> Tensor | Lookup:
        """Return the vectors of the inputs, or what the encoder accepts in place of them."""
        if not inputs.is_floating_point():
            if self.embedding is None:
                return inputs
            if self.passes_ids:
                return word_ids(inputs)
            if self._passes_lookup and (lookup := self.embedding.as_lookup(inputs)) is not None:
                return lookup
        return self._embed(inputs, lengths, previous)

    def _embed(self, inputs: Tensor, lengths: Tensor, previous: Tensor | None) -> Tensor:
        if self.embedding is None or inputs.is_floating_point():
            return self.feature_vectors(inputs)
        if self.embedding.reads_neighbors:
            return self.embedding(inputs, lengths=lengths, previous=previous)
        return self.embedding(inputs)

    def feature_vectors(self, features: Tensor) -> Tensor:
        """Return the vectors of features (batch, time, features) in torch's default floating type.

        Raises:
            DataError: a feature is too large.
        """
        dtype = torch.get_default_dtype()
        if self.embedding is None:
            vectors = features.to(dtype)
        else:
            vectors = self.embedding(features if self.embedding.accepts_float64 else features.to(dtype)).to(dtype)
        finite = vectors.isfinite().all(dim=2)
        if not finite.all():
            largest = float(features[~finite].abs().max())
            raise DataError(
                message("a value of {largest:g} is too large to compute with: correct or rescale it", largest=largest)
            )
        return vectors

    def forward(self, batch: Batch, state: State = None) -> tuple[Loss, State, tuple[Loss, ...]]:
        """Return the loss of a batch, the state after it, and the penalties that training adds to the loss."""
        encoded = self.encode(batch.inputs, batch.lengths, state)
        return self.loss(encoded, batch), encoded.state, encoded.penalties

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        """Return the head's loss of a batch."""
        return check_loss(self.head, self.head.loss(*self._for_head(encoded, batch)))

    def scores(self, encoded: Encoded, batch: Batch) -> Scores:
        """Return the head's scores of a batch, for an explanation."""
        return self.head.scores(*self._for_head(encoded, batch))

    def pooling_weights(self, encoded: Encoded, batch: Batch) -> Tensor | None:
        """Return the weights with which the head pools time steps, float (batch, time); None without."""
        return self.head.pooling_weights(*self._for_head(encoded, batch))

    def _for_head(self, encoded: Encoded, batch: Batch) -> tuple[Encoded, Batch]:
        """Return what the head reads: one time step per word, if batches contain the words of tokens."""
        if not self.reads_words or self.head.per_word is None:
            return encoded, batch
        return reduce_to_words(encoded, batch, self.head.per_word)

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Return the head's predictions for a batch, one per row; an empty list if the head makes none.

        Raises:
            PluginError: there are fewer or more predictions than rows.
        """
        found = self.head.predict(*self._for_head(encoded, batch))
        return check_predictions(self.head, found, len(batch.lengths))


def build_model(plan: Plan, tokenizer: Tokenizer | None, head: Head, features: int | None) -> Model:
    """Build the layers: embedding, encoder, head. Weights are initialized in this order.

    Args:
        plan: the resolved recipe.
        tokenizer: the fitted tokenizer; None if the reader yields features.
        head: the head, fitted or restored, without layers.
        features: the width of the features, if the reader yields them.

    Raises:
        BuildError: a component rejects a value.
        PluginError: a component violates its contract.
    """
    embedding = None
    input_size = features
    if plan.embedding is not None:
        embedding = _build_module(plan.embedding, features if tokenizer is None else tokenizer)
        input_size = _size(embedding, "output_size")
    encoder = _build_module(plan.encoder, input_size)
    output_size, final_size = _size(encoder, "output_size"), _size(encoder, "final_size")
    if not isinstance(getattr(encoder, "causal", None), bool):
        raise PluginError(
            message("{encoder} does not set causal: set it to True or False", encoder=class_name(type(encoder)))
        )
    try:
        call_with_accepted(head.build, output_size, final_size, embedding=embedding)
    except BuildError:
        raise
    except ValueError as error:
        raise plan.head.rejection(error) from error
    reads_words = tokenizer is not None and tokenizer.cuts_words and head.per_word is not None
    return Model(embedding, encoder, _as_module(head, "Head"), reads_words)


def _build_module(spec: Spec, argument: Tokenizer | int | None) -> Any:
    """Build an embedding (from the tokenizer or the width of the features) or an encoder (from its input size)."""
    return _as_module(spec.build(argument), spec.registered.kind.capitalize())


def _as_module(component: object, contract: str) -> Any:
    if not isinstance(component, nn.Module):
        raise PluginError(
            message(
                "{component} must inherit from torch.nn.Module as well as seqkit.contracts.{contract}",
                component=class_name(type(component)),
                contract=contract,
            )
        )
    return component


def _size(module: nn.Module, attribute: str) -> int:
    size = getattr(module, attribute, None)
    if not isinstance(size, int):
        raise PluginError(
            message(
                "{module} does not set {attribute}: set it to an integer in the constructor",
                module=class_name(type(module)),
                attribute=attribute,
            )
        )
    return size
