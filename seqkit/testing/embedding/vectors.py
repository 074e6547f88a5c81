"""Checks of an embedding's vectors: shapes, and independence of each time step and row."""

from __future__ import annotations

import numpy as np
import torch

from seqkit.contracts import Embedding, Lookup, Row
from seqkit.data.batching import collate
from seqkit.messages import message
from seqkit.modeling.device import seed_everything
from seqkit.testing.assertions import assert_component, assert_size, gradients
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import describe_shape, max_difference
from seqkit.testing.embedding.case import EmbeddingCase
from seqkit.testing.precision import tolerance

check = CheckSuite[EmbeddingCase]("embedding")


@check
def contract(case: EmbeddingCase) -> None:
    """The embedding inherits from torch.nn.Module and seqkit.contracts.Embedding, and sets output_size and `takes`."""
    embedding = case.build()
    assert_component(embedding, Embedding, is_module=True)
    assert_size(embedding, "output_size")
    inputs = "ids" if case.width is None else "features"
    if embedding.takes != inputs:
        raise ContractViolation(
            message(
                "takes is {takes!r}, but it is checked with {inputs}: set takes = {inputs!r}, and pass `width` to the "
                "checks only for features",
                takes=embedding.takes,
                inputs=inputs,
            )
        )


@check
def shapes(case: EmbeddingCase) -> None:
    """Vectors are finite floating-point numbers (batch, time, output_size)."""
    embedding, inputs = case.build(), case.inputs()
    vectors, expected = embedding(inputs), (*inputs.shape[:2], embedding.output_size)
    if (shape := describe_shape(vectors)) != expected:
        raise ContractViolation(
            message(
                "vectors are {shape}, not {expected}: set output_size to their width", shape=shape, expected=expected
            )
        )
    if not vectors.is_floating_point() or not vectors.isfinite().all():
        raise ContractViolation(message("vectors are not finite floating-point numbers"))


@check
def position_independence(case: EmbeddingCase) -> None:
    """The vector of a time step depends neither on its position in the row nor on other time steps."""
    embedding, inputs = case.build(), case.inputs()
    if embedding.reads_neighbors:
        raise DoesNotApply(message("it reads the neighbors of a token"))
    whole = embedding(inputs)
    for size in (1, 2):
        joined = torch.cat([embedding(window) for window in inputs.split(size, dim=1)], dim=1)
        if (gap := max_difference(whole, joined)) > tolerance():
            raise ContractViolation(
                message(
                    "vectors differ by {gap:.2g} when rows are embedded in windows of length {size}: move what "
                    "depends on the position or on other time steps into an encoder",
                    gap=gap,
                    size=size,
                )
            )


@check
def neighbors(case: EmbeddingCase) -> None:
    """The vector of a token depends on later tokens only if `causal` is False, on earlier ones if it reads them."""
    embedding = case.build()
    if not embedding.reads_neighbors:
        raise DoesNotApply(message("it does not read the neighbors of a token"))
    row = max(case.rows, key=len)
    inputs = collate([Row(row)]).inputs
    length = torch.tensor([len(row)])
    whole, depends_on_later = case.embed(embedding, inputs, length), False
    for time_step in range(1, len(row)):
        for part, changed in (
            (slice(None, time_step), slice(time_step, None)),
            (slice(time_step, None), slice(0, time_step)),
        ):
            other = inputs.clone()
            other[:, changed] = inputs[:, changed].flip(1)
            gap = max_difference(case.embed(embedding, other, length)[:, part], whole[:, part])
            depends_on_later |= gap > tolerance() and part.start is None
            if gap > tolerance() and part.start is None and embedding.causal:
                raise ContractViolation(
                    message("vectors depend on later tokens: set causal = False, or do not read them")
                )
            if gap > tolerance() and part.start is not None and not embedding.reads_previous:
                raise ContractViolation(
                    message("vectors depend on earlier tokens: set reads_previous = True, or do not read them")
                )
    if not embedding.causal and not depends_on_later:
        raise ContractViolation(message("causal is False, but vectors depend on no later token: set causal = True"))
    if not embedding.causal:
        return
    vectors, previous = [], None
    for time_step in range(len(row)):
        token = inputs[:, time_step : time_step + 1]
        vectors.append(case.embed(embedding, token, torch.ones(1, dtype=torch.int64), previous))
        previous = token[:, 0]
    if (gap := max_difference(whole, torch.cat(vectors, dim=1))) > tolerance():
        raise ContractViolation(
            message(
                "vectors differ by {gap:.2g} when tokens are embedded one at a time: read no token but the one before, "
                "and take it from `previous` at the first time step",
                gap=gap,
            )
        )


@check
def batch_independence(case: EmbeddingCase) -> None:
    """The vectors of a row do not depend on the other rows of the batch."""
    embedding, inputs = case.build(), case.inputs()
    together = case.embed(embedding, inputs, case.lengths())
    for number, row in enumerate(case.rows):
        alone = embedding(collate([Row(row)]).inputs)
        if (gap := max_difference(together[number, : len(row)], alone[0])) > tolerance():
            raise ContractViolation(
                message(
                    "vectors differ by {gap:.2g} when a row is embedded alone: do not average over the batch", gap=gap
                )
            )


@check
def padding_independence(case: EmbeddingCase) -> None:
    """The vectors of a row do not depend on its padding."""
    embedding, inputs = case.build(), case.inputs()
    longer = torch.cat([inputs, inputs.new_zeros(inputs.shape[0], 3, *inputs.shape[2:])], dim=1)
    vectors = case.embed(embedding, longer, case.lengths())[:, : inputs.shape[1]]
    if (gap := max_difference(case.embed(embedding, inputs, case.lengths()), vectors)) > tolerance():
        raise ContractViolation(
            message(
                "vectors differ by {gap:.2g} when the batch is padded by 3 more time steps: embed each time step "
                "independently",
                gap=gap,
            )
        )


@check
def row_order(case: EmbeddingCase) -> None:
    """Permuting the rows of a batch permutes the vectors."""
    embedding, inputs = case.build(), case.inputs()
    order = torch.arange(len(inputs)).roll(1)
    if (gap := max_difference(embedding(inputs)[order], embedding(inputs[order]))) > tolerance():
        raise ContractViolation(
            message("vectors differ by {gap:.2g} when rows are permuted: embed each row independently", gap=gap)
        )


@check
def injective(case: EmbeddingCase) -> None:
    """Different inputs have different vectors."""
    row = case.rows[0]
    vectors = case.build()(collate([Row(row)]).inputs)[0]
    others = [time_step for time_step in range(len(row)) if not np.array_equal(row[time_step], row[0])]
    if others and all(max_difference(vectors[0], vectors[time_step]) < 1e-12 for time_step in others):
        raise ContractViolation(message("all inputs have the same vector: compute vectors from the inputs"))


@check
def all_ids_embedded(case: EmbeddingCase) -> None:
    """Every id less than vocab_size has a finite vector, including 0, which is also the padding value."""
    if case.width is not None or case.inputs().ndim > 2:
        raise DoesNotApply(message("it does not embed single ids"))
    embedding, size = case.build(), case.tokenizer.vocab_size
    try:
        vectors = embedding(torch.arange(size)[None])
    except IndexError as error:
        raise ContractViolation(
            message(
                "some ids less than vocab_size, {size}, have no vector ({error}): create a table of vocab_size rows",
                size=size,
                error=error,
            )
        ) from None
    if not vectors.isfinite().all():
        raise ContractViolation(message("the vectors of some ids are not finite"))


@check
def lookup_matches_forward(case: EmbeddingCase) -> None:
    """If as_lookup returns a lookup, in training or evaluation mode, its vectors are those of forward."""
    embedding, inputs = case.build(), case.inputs()
    lookups = {}
    for training in (True, False):
        seed_everything(0)  # dropout can drop whole rows of the table, and then drops the same here and in forward
        lookups[training] = embedding.train(training).as_lookup(inputs)
    if not any(lookups.values()):
        raise DoesNotApply(message("as_lookup returns None"))
    for training, lookup in lookups.items():
        if lookup is None:
            continue
        if not isinstance(lookup, Lookup):
            raise ContractViolation(
                message(
                    "as_lookup returns a {type}: return seqkit.contracts.Lookup(ids, table) or None",
                    type=type(lookup).__name__,
                )
            )
        seed_everything(0)
        vectors = embedding.train(training)(inputs)
        looked_up = lookup.table[lookup.ids]
        gap = max_difference(looked_up, vectors)
        if gap > tolerance():
            raise ContractViolation(
                message(
                    "table[ids] of as_lookup differs by {gap:.2g} from forward in {mode} mode: return None if a vector "
                    "is not a row of the table",
                    gap=gap,
                    mode="training" if training else "evaluation",
                )
            )
        weights = {name: weight for name, weight in embedding.named_parameters() if weight.requires_grad}
        found, expected = (gradients(each.square().sum(), [*weights.values()]) for each in (looked_up, vectors))
        for name, one, other in zip(weights, found, expected, strict=True):
            if max_difference(one, other) > tolerance():
                raise ContractViolation(
                    message(
                        "the gradient of {name} through table[ids] of as_lookup differs from that through forward: "
                        "remove the detach(), .data or no_grad() in as_lookup",
                        name=name,
                    )
                )


@check
def single_time_step(case: EmbeddingCase) -> None:
    """One row of one time step has one vector, with all dimensions: generation embeds one token at a time."""
    embedding = case.build()
    vectors = embedding(case.inputs()[:1, :1])
    if (shape := describe_shape(vectors)) != (1, 1, embedding.output_size):
        raise ContractViolation(
            message(
                "vectors are {shape} for one row of one time step: pass a dimension to squeeze, or index it",
                shape=shape,
            )
        )
