"""Checks of an embedding as a module: gradients, weights, fitting, determinism, and no side effects."""

from __future__ import annotations

from typing import Any

import torch

from seqkit.messages import message
from seqkit.testing.assertions import (
    assert_global_rng_unchanged,
    assert_global_settings_unchanged,
    assert_gradient_flow,
    assert_gradients_match,
    assert_unchanged,
    copy_weights_as_saved,
    perturb,
)
from seqkit.testing.checks import CheckSuite, ContractViolation
from seqkit.testing.comparison import max_difference
from seqkit.testing.embedding.case import EmbeddingCase
from seqkit.testing.isolation import rngs_used
from seqkit.testing.precision import tolerance

check = CheckSuite[EmbeddingCase]("embedding")


@check
def gradient_flow(case: EmbeddingCase) -> None:
    """A gradient reaches every trainable weight."""
    embedding = case.build()
    vectors = embedding(case.inputs())
    assert_gradient_flow(embedding, (vectors * torch.randn_like(vectors)).sum())


@check
def gradcheck(case: EmbeddingCase) -> None:
    """Gradients match finite differences."""
    embedding, inputs = case.build(), case.inputs()
    factors = torch.randn_like(embedding(inputs))
    leaves = [weight for weight in embedding.parameters() if weight.requires_grad]
    if inputs.is_floating_point():
        leaves.append(inputs.requires_grad_())
    assert_gradients_match(lambda: (embedding(inputs) * factors).sum(), leaves)


@check
def weights_round_trip(case: EmbeddingCase) -> None:
    """A new instance with the saved weights, which include what fit learned, gives the same vectors."""
    embedding = case.build()
    other: Any = perturb(case.factory(case.source))
    copy_weights_as_saved(embedding, other)
    if (gap := max_difference(embedding(case.inputs()), other(case.inputs()))) > tolerance():
        raise ContractViolation(
            message(
                "vectors differ by {gap:.2g} after loading the saved weights: store what fit learns in buffers "
                "(register_buffer) and what training learns in parameters",
                gap=gap,
            )
        )


@check
def refit(case: EmbeddingCase) -> None:
    """`fit` replaces what an earlier fit learned, and accepts inputs that can be iterated over only once."""
    embedding = case.build_unseeded().eval()  # without noise: fit may set a weight
    before = embedding(case.inputs())
    embedding.fit(list(case.rows))
    if (gap := max_difference(before, embedding(case.inputs()))) > tolerance():
        raise ContractViolation(
            message(
                "vectors differ by {gap:.2g} after fitting again to the same inputs: assign what fit learns instead of "
                "adding to it, and iterate over the inputs once",
                gap=gap,
            )
        )


@check
def fit_side_effects(case: EmbeddingCase) -> None:
    """`fit` does not modify its inputs and uses no random numbers."""
    embedding, rows = case.build(), case.rows
    before = {f"inputs[{number}]": row.copy() for number, row in enumerate(rows)}
    if libraries := rngs_used(lambda: embedding.fit(row for row in rows)):
        raise ContractViolation(
            message(
                "fit uses the global random generator of {library}: use no random numbers in fit", library=libraries[0]
            )
        )
    assert_unchanged(before, {f"inputs[{number}]": row for number, row in enumerate(rows)})


@check
def determinism(case: EmbeddingCase) -> None:
    """In evaluation mode vectors depend only on the inputs, and weights only on the seed."""
    embedding, inputs = case.build(), case.inputs()
    expected = embedding(inputs)
    embedding(inputs[:1, :1])
    if (gap := max_difference(expected, embedding(inputs))) > tolerance():
        raise ContractViolation(
            message(
                "vectors differ by {gap:.2g} between two calls: store nothing on self in forward, and apply dropout "
                "only if self.training",
                gap=gap,
            )
        )
    reused = inputs.flip(0, 1)
    embedding(reused)
    reused.copy_(inputs)
    if (gap := max_difference(expected, embedding(reused))) > tolerance():
        raise ContractViolation(
            message("vectors differ by {gap:.2g} for a tensor whose values were replaced: cache no results", gap=gap)
        )
    if (gap := max_difference(expected, case.build()(inputs))) > tolerance():
        raise ContractViolation(
            message(
                "vectors differ by {gap:.2g} between two instances built with the same seed: initialize weights from "
                "the global random generators",
                gap=gap,
            )
        )


@check
def global_rng_unchanged(case: EmbeddingCase) -> None:
    """Global random generators are not seeded, nor used in evaluation mode."""
    assert_global_rng_unchanged(case.build_unseeded, lambda embedding: embedding.eval()(case.inputs()))


@check
def global_settings_unchanged(case: EmbeddingCase) -> None:
    """Process-wide settings do not change: default dtype, threads, gradient mode, environment."""
    assert_global_settings_unchanged(case.build, lambda embedding: embedding.train()(case.inputs()))


@check
def inputs_unchanged(case: EmbeddingCase) -> None:
    """Inputs are not modified in place."""
    embedding, inputs = case.build(), case.inputs()
    before = inputs.clone()
    with torch.no_grad():
        embedding(inputs)
    assert_unchanged({"inputs": before}, {"inputs": inputs})


@check
def dtype(case: EmbeddingCase) -> None:
    """Vectors have the dtype of the weights."""
    embedding, inputs = case.build().to(torch.float32), case.inputs()
    vectors = embedding(inputs.float() if inputs.is_floating_point() else inputs)
    if vectors.dtype != torch.float32:
        raise ContractViolation(
            message(
                "vectors are {dtype} for float32 weights: create tensors with `new_zeros` of a weight or buffer",
                dtype=vectors.dtype,
            )
        )
