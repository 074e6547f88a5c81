"""Checks of what components compute: a plugin's mistake is reported before it causes an error deep inside torch.

All of them raise a PluginError that names the class of the component.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from seqkit.contracts import Embedding, Encoded, Encoder, Head, Lookup, Loss
from seqkit.contracts.capabilities import class_name
from seqkit.errors import PluginError
from seqkit.messages import message
from seqkit.modeling.state import leaves


def check_vectors(embedding: Embedding, inputs: Tensor, vectors: Tensor | Lookup) -> None:
    """Check the output of an embedding: float (batch, time, output_size), for inputs (batch, time, ...)."""
    expected = (*inputs.shape[:2], embedding.output_size)
    if isinstance(vectors, Lookup):
        vectors = vectors.table[vectors.ids]
    if _shape(vectors) != expected:
        raise PluginError(
            message(
                "{embedding} returns {actual}, not {expected}: check its output_size",
                embedding=class_name(type(embedding)),
                actual=_describe(vectors),
                expected=expected,
            )
        )


def check_encoded(encoder: Encoder, inputs: Tensor, encoded: object) -> None:
    """Check the output of an encoder for inputs (batch, time, ...): an `Encoded` of the sizes that it declares."""
    batch, time = inputs.shape[:2]
    if not isinstance(encoded, Encoded):
        raise PluginError(
            message(
                "{encoder} returns a {type}, not seqkit.contracts.Encoded",
                encoder=class_name(type(encoder)),
                type=type(encoded).__name__,
            )
        )
    for name, actual, expected, size in (
        ("outputs", encoded.outputs, (batch, time, encoder.output_size), "output_size"),
        ("final", encoded.final, (batch, encoder.final_size), "final_size"),
    ):
        if _shape(actual) != expected:
            raise PluginError(
                message(
                    "{encoder}: {name} is {actual}, not {expected}: check its {size}",
                    encoder=class_name(type(encoder)),
                    name=name,
                    actual=_describe(actual),
                    expected=expected,
                    size=size,
                )
            )
    for penalty in encoded.penalties:
        if not isinstance(penalty, Loss):
            raise PluginError(
                message(
                    "{encoder}: penalties contain a {type}, not seqkit.contracts.Loss",
                    encoder=class_name(type(encoder)),
                    type=type(penalty).__name__,
                )
            )
    for part in leaves(encoded.state):
        if (_shape(part) or (0,))[0] != batch:
            raise PluginError(
                message(
                    "{encoder}: the state contains {actual}, not a tensor of the shape ({batch}, ...), the batch first",
                    encoder=class_name(type(encoder)),
                    actual=_describe(part),
                    batch=batch,
                )
            )


def check_loss(head: Head, loss: object) -> Loss:
    """Return what a head returned as a loss."""
    if not isinstance(loss, Loss):
        raise PluginError(
            message(
                "{head}: loss returns a {type}, not seqkit.contracts.Loss",
                head=class_name(type(head)),
                type=type(loss).__name__,
            )
        )
    return loss


def check_predictions(head: Head, found: object, rows: int) -> list[dict[str, Any]]:
    """Return what a head returned as the predictions for some rows: one for each, or none at all."""
    if not isinstance(found, list) or len(found) not in (0, rows):
        raise PluginError(
            message(
                "{head}: predict returns {count} predictions for {rows} rows: return a list with one per row, or "
                "an empty one",
                head=class_name(type(head)),
                count=len(found) if isinstance(found, list) else type(found).__name__,
                rows=rows,
            )
        )
    return found


def _shape(value: object) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _describe(value: object) -> str:
    return f"{_shape(value)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
