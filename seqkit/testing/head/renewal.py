"""Checks of the rows that a head makes anew in each epoch."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from seqkit.contracts import Row
from seqkit.contracts.capabilities import accepted_by
from seqkit.messages import message
from seqkit.testing.assertions import rngs_used
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.head.case import HeadCase

check = CheckSuite[HeadCase]("head")

EPOCHS = 8


@check
def renewed_rows(case: HeadCase) -> None:
    """`renew` returns rows of the same form, from the given random numbers alone, and does not modify its row."""
    head = case.build()
    if not head.renews_rows:
        raise DoesNotApply(message("renews_rows is False"))
    rows = [Row(_read_only(row.input), _read_only(row.target)) for row in case.rows(head)]
    if head.per_time_step:  # windows of them too
        rows += [Row(row.input[:half], row.target[:half]) for row in rows if (half := len(row.input) // 2)]
    special_ids = case.tokenizer.special_ids if case.tokenizer else {}
    renew = partial(head.renew, **accepted_by(head.renew, special_ids=special_ids))
    is_changed = False
    for number, row in enumerate(rows):
        for epoch in range(EPOCHS):
            made = renew(row, _generator(epoch, number))
            _check_form(row, made, keeps_length=head.per_time_step)
            repeated = renew(row, _generator(epoch, number))
            if not _equal(made, repeated):
                raise ContractViolation(
                    message(
                        "renew returns two rows for the same random numbers: use the given generator alone, and store "
                        "nothing on the head, so that a resumed run trains on the same rows"
                    )
                )
            is_changed = is_changed or not _equal(made, row)
    if not is_changed:
        raise ContractViolation(
            message("renew returns every row as it was in {epochs} epochs: set renews_rows to False", epochs=EPOCHS)
        )
    if libraries := rngs_used(lambda: renew(rows[0], _generator(0, 0))):
        raise ContractViolation(
            message("renew uses the global random generator of {library}: use the given one", library=libraries[0])
        )


def _generator(*place: int) -> np.random.Generator:
    return np.random.default_rng([1, *place])


def _read_only(part: Any) -> Any:
    """Return an array that cannot be modified; anything else as it is."""
    if isinstance(part, np.ndarray):
        part = part.copy()
        part.flags.writeable = False
    return part


def _check_form(row: Row, made: Row, *, keeps_length: bool) -> None:
    """Check that a row has the form of the one that it was made of."""
    if not isinstance(made, Row) or not isinstance(made.input, np.ndarray):
        raise ContractViolation(
            message("renew returns a {type}: return seqkit.contracts.Row(input, target)", type=type(made).__name__)
        )
    if made.input.dtype != row.input.dtype or made.input.shape[1:] != row.input.shape[1:] or not len(made.input):
        raise ContractViolation(
            message(
                "renew returns an input of {dtype} {shape} for one of {expected_dtype} {expected_shape}: change values "
                "and the number of time steps alone, and return at least one",
                dtype=made.input.dtype,
                shape=made.input.shape,
                expected_dtype=row.input.dtype,
                expected_shape=row.input.shape,
            )
        )
    if keeps_length and len(made.input) != len(row.input):
        raise ContractViolation(
            message(
                "renew changes the length of a row, which can be a window (per_time_step): return as many time steps"
            )
        )
    if np.ndim(made.target) != np.ndim(row.target) or (keeps_length and np.shape(made.target) != np.shape(row.target)):
        raise ContractViolation(message("renew returns another kind of target: return one of the same form"))


def _equal(one: Row, other: Row) -> bool:
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(one, other, strict=True))
