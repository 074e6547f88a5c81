"""Checks of an embedding in training mode, and on long rows."""

from __future__ import annotations

from typing import Any

import torch

from seqkit.messages import message
from seqkit.testing.assertions import assert_gradients_match, assert_no_gradient_is_missing
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import max_difference
from seqkit.testing.embedding.case import EmbeddingCase
from seqkit.testing.precision import tolerance
from seqkit.testing.training import (
    LONG,
    assert_instances_independent,
    assert_modes_agree,
    assert_training_steps,
    seeded,
)

check = CheckSuite[EmbeddingCase]("embedding")


@check
def training_independence(case: EmbeddingCase) -> None:
    """In training mode too, the vectors of a row do not depend on other rows."""
    embedding, inputs = case.build().train(), case.inputs()
    changed = inputs.clone()
    changed[1:] = inputs[0]

    embed = seeded(lambda rows, _: embedding(rows)[0])
    if (gap := max_difference(embed(inputs, 0), embed(changed, 0))) > tolerance():
        raise ContractViolation(
            message(
                "in training mode the vectors of a row differ by {gap:.2g} with the other rows of the batch: do not "
                "normalize or average over the batch (BatchNorm does)",
                gap=gap,
            )
        )


@check
def modes_agree(case: EmbeddingCase) -> None:
    """Without dropout, the vectors in training mode are those in evaluation mode."""
    assert_modes_agree(case.build, lambda embedding: {"vectors": embedding(case.inputs())})


@check
def training_steps(case: EmbeddingCase) -> None:
    """Training steps change only gradients and do not depend on earlier ones."""
    assert_training_steps(case.build, lambda embedding, batch: embedding(case.inputs().roll(batch, 0)).square().sum())


@check
def training_gradcheck(case: EmbeddingCase) -> None:
    """In training mode too, gradients match finite differences."""
    embedding, inputs = case.build().train(), case.inputs()
    total = seeded(lambda module, batch: module(inputs).sin().sum())
    weights = [weight for weight in embedding.parameters() if weight.requires_grad]
    assert_gradients_match(lambda: total(embedding, 0), weights)


@check
def gradient_of_each_id(case: EmbeddingCase) -> None:
    """Each id that occurs in a text has a gradient, including 0, which is also the padding value."""
    if case.width is not None or case.inputs().ndim > 2:
        raise DoesNotApply(message("it does not embed single ids"))
    embedding = case.build()
    weights = {name: weight for name, weight in embedding.named_parameters() if weight.requires_grad}
    if not weights:
        raise DoesNotApply(message("it has no weights"))
    ids = torch.arange(case.tokenizer.vocab_size)[None]
    factors = torch.randn_like(embedding(ids))
    assert_no_gradient_is_missing(lambda: (embedding(ids) * factors).sum(), weights)


@check
def independent_instances(case: EmbeddingCase) -> None:
    """Instances have equal weights if they are built with the same seed, and share none."""
    assert_instances_independent(case.build)


@check
def long_rows(case: EmbeddingCase) -> None:
    """Long rows are embedded like short ones."""
    embedding, inputs = case.build(), case.inputs()
    if embedding.reads_neighbors:
        raise DoesNotApply(message("it reads the neighbors of a token"))
    repeats = LONG // inputs.shape[1] + 1
    long = inputs.repeat(1, repeats, *[1] * (inputs.ndim - 2))
    with torch.no_grad():
        gap = max_difference(embedding(inputs).repeat(1, repeats, 1), embedding(long))
    if gap > tolerance():
        raise ContractViolation(
            message(
                "vectors differ by {gap:.2g} in rows of {length} time steps: limit the length nowhere, and embed each "
                "time step independently",
                gap=gap,
                length=long.shape[1],
            )
        )


@check
def constant_features(case: EmbeddingCase) -> None:
    """A feature that is constant in the training data has finite vectors."""
    if case.width is None:
        raise DoesNotApply(message("it takes ids"))
    rows = case.rows
    for row in rows:
        row[:, 0] = 2.0
    embedding: Any = case.factory(case.source)
    embedding.fit(iter(rows))
    if not embedding.eval()(torch.from_numpy(rows[0])[None]).isfinite().all():
        raise ContractViolation(
            message("the vectors are not finite if a feature is constant: do not divide by a deviation of 0")
        )


@check
def one_hot(case: EmbeddingCase) -> None:
    """If is_one_hot is True, the vector of an id is its one-hot vector."""
    embedding = case.build()
    if not embedding.is_one_hot:
        raise DoesNotApply(message("is_one_hot is False"))
    expected = torch.nn.functional.one_hot(case.inputs())
    expected = torch.nn.functional.pad(expected, (0, embedding.output_size - expected.shape[2]))
    if max_difference(embedding(case.inputs()), expected):
        raise ContractViolation(
            message("is_one_hot is True, but the vector of an id is not its one-hot vector: set is_one_hot = False")
        )
