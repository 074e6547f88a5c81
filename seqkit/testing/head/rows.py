"""Checks of a head's attributes and of the rows that it makes of examples."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import torch

from seqkit.contracts import SPECIAL_TOKENS, DataNote, Encoded, Example, Head, Row
from seqkit.data.batching import collate
from seqkit.errors import DataError, describe_error
from seqkit.messages import message
from seqkit.testing.assertions import assert_component, assert_unchanged
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import shorten
from seqkit.testing.head.case import HeadCase, loss_values

check = CheckSuite[HeadCase]("head")

NEEDS = ("causal", "final", "outputs", "targets")


@check
def contract(case: HeadCase) -> None:
    """The head inherits from torch.nn.Module and seqkit.contracts.Head, and sets its flags to valid values."""
    head = case.build()
    assert_component(head, Head, is_module=True)
    if unknown := sorted(set(head.needs) - set(NEEDS)):
        raise ContractViolation(
            message("needs contains {unknown!r}: choose from {known}", unknown=unknown[0], known=", ".join(NEEDS))
        )
    if not {"outputs", "final"} & set(head.needs):
        raise ContractViolation(message("needs contains neither 'outputs' nor 'final': add those that the head reads"))
    for name in ("per_time_step", "generates", "whole_texts"):
        if not isinstance(getattr(head, name), bool):
            raise ContractViolation(
                message("{name} is {value!r}: set it to True or False", name=name, value=getattr(head, name))
            )


@check
def per_word(case: HeadCase) -> None:
    """per_word is None, or states which output represents a word; special_tokens has known names."""
    head = case.build()
    if head.per_word not in (None, "first", "last", "mean"):
        raise ContractViolation(
            message("per_word is {value!r}: set it to first, last, mean or None", value=head.per_word)
        )
    if unknown := sorted(set(head.special_tokens) - set(SPECIAL_TOKENS)):
        raise ContractViolation(
            message(
                "special_tokens contains {name!r}: choose from {names}",
                name=unknown[0],
                names=", ".join(SPECIAL_TOKENS),
            )
        )


@check
def rows(case: HeadCase) -> None:
    """Rows have inputs that are not empty, and all of them the same kind of target."""
    head = case.build()
    found = case.rows(head)
    if not found:
        raise ContractViolation(message("rows yields nothing for the examples: yield at least one row of each"))
    for row in found:
        if not isinstance(row, Row):
            raise ContractViolation(
                message("rows yields a {type}: yield seqkit.contracts.Row(input, target)", type=type(row).__name__)
            )
        if not isinstance(row.input, np.ndarray) or not len(row.input):
            raise ContractViolation(
                message(
                    "the input of a row is {input}: yield an array of at least one time step",
                    input=shorten(row.input, 40),
                )
            )
        if row.target is not None and np.ndim(row.target) and not isinstance(row.target, np.ndarray):
            raise ContractViolation(
                message("the target of a row is a {type}: yield an array or a number", type=type(row.target).__name__)
            )
        if head.per_time_step and (np.ndim(row.target) == 0 or len(row.target) != len(row.input)):
            raise ContractViolation(
                message(
                    "per_time_step is True, but the target of a row does not have the length of its input: yield one "
                    "target per time step, or set per_time_step = False"
                )
            )
    if len({np.ndim(row.target) for row in found}) > 1:
        raise ContractViolation(
            message("some rows have a single target and some a target per time step: yield the same kind in all rows")
        )
    if head.accepts_cut and (head.per_time_step or len({np.shape(row.target) for row in found}) > 1):
        raise ContractViolation(
            message(
                "accepts_cut is True, but the number of targets depends on the row, so a cut input would lack time "
                "steps for some: set accepts_cut to False"
            )
        )


@check
def whole_texts(case: HeadCase) -> None:
    """If the head generates whole texts, its rows begin with the special token `begin` and end with `end`."""
    head = case.build()
    if not head.whole_texts:
        raise DoesNotApply(message("whole_texts is False"))
    if not head.generates:
        raise ContractViolation(message("whole_texts is True, but generates is False: set one of them differently"))
    if missing := sorted({"begin", "end"} - set(head.special_tokens)):
        raise ContractViolation(
            message("whole_texts is True, but special_tokens lacks {name!r}: add it", name=missing[0])
        )
    ids = case.tokenizer.special_ids if case.tokenizer is not None else {}
    for example, encoded_input in zip(case.examples, case.encoded_inputs, strict=True):
        found = list(head.rows(example, encoded_input))
        first, last = found[0].input[0], np.atleast_1d(found[-1].target)[-1]
        if (first, last) != (ids["begin"], ids["end"]):
            raise ContractViolation(
                message(
                    "whole_texts is True, but the rows of an example begin with the id {first} and end with {last}: "
                    "begin with that of the special token `begin`, {begin}, and end with that of `end`, {end}",
                    first=first,
                    last=last,
                    begin=ids["begin"],
                    end=ids["end"],
                )
            )


@check
def examples_unchanged(case: HeadCase) -> None:
    """`fit` modifies no example, and `rows` neither the example nor its encoded input."""
    head, examples = case.build(), case.examples
    case.factory().fit(examples, case.tokenizer)
    _assert_targets_unchanged("fit", case.examples, examples)
    for example, encoded_input in zip(examples, case.encoded_inputs, strict=True):
        before = encoded_input.copy()
        list(head.rows(example, encoded_input))
        assert_unchanged({"encoded_input": before}, {"encoded_input": encoded_input})
    _assert_targets_unchanged("rows", case.examples, examples)


def _assert_targets_unchanged(method: str, before: list[Example], after: list[Example]) -> None:
    for expected, example in zip(before, after, strict=True):
        if not np.array_equal(np.asarray(expected.target), np.asarray(example.target)):
            raise ContractViolation(
                message("{method} modifies the target of the example in place: work on a copy", method=method)
            )


@check
def missing_target(case: HeadCase) -> None:
    """If the head needs targets, an example without one raises a DataError, or is skipped with a DataNote."""
    head = case.build()
    if "targets" not in head.needs:
        raise DoesNotApply(message("needs does not contain 'targets'"))
    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            list(head.rows(Example(case.examples[0].input), case.encoded_inputs[0]))
    except DataError:
        return
    except Exception as error:
        raise ContractViolation(
            message("an example without a target raises {error}: raise a DataError", error=type(error).__name__)
        ) from None
    if not any(isinstance(note.message, DataNote) for note in notes):
        raise ContractViolation(message("rows accepts an example without a target: raise a DataError"))


@check
def unknown_label(case: HeadCase) -> None:
    """A label that the training data lacks is left out of the loss, or is an error of the data."""
    head, examples = case.build(), case.examples
    target, unknown = examples[0].target, "a label that is unknown"
    if isinstance(target, str) and head.stratifies:
        examples[0] = replace(examples[0], target=unknown)
    elif isinstance(target, list | tuple) and all(isinstance(label, str) for label in target):
        examples[0] = replace(examples[0], target=[unknown] * len(target))
    else:
        raise DoesNotApply(message("the targets are not labels"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataNote)
            found = list(head.rows(examples[0], case.encoded_inputs[0]))
    except DataError:
        return
    except Exception as error:
        raise ContractViolation(
            message(
                "a label that the training data lacks raises {error}: yield a row that loss leaves out, or raise a "
                "DataError",
                error=describe_error(error),
            )
        ) from None
    if not found:
        return
    batch = collate(found)
    outputs = torch.randn(*batch.inputs.shape[:2], case.output_size)
    total, count = loss_values(head, Encoded(outputs, torch.randn(len(found), case.final_size)), batch)
    if total or count:
        raise ContractViolation(
            message(
                "an example whose labels the training data lacks has a loss of {total:.4g} for {count:g} items: leave "
                "it out of the total and the count",
                total=total,
                count=count,
            )
        )


@check
def target_length(case: HeadCase) -> None:
    """If per_time_step is True, an example with too few targets raises a DataError, or is skipped with a DataNote."""
    head = case.build()
    targets = [example.target for example in case.examples]
    lengths = [len(each) if isinstance(each, list | tuple) else 0 for each in targets]
    if not head.per_time_step or lengths != [len(each) for each in case.encoded_inputs] or max(lengths) < 2:
        raise DoesNotApply(message("an example does not have a target for each time step"))
    number = lengths.index(max(lengths))
    example = replace(case.examples[number], target=targets[number][:-1])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataNote)
            found = list(head.rows(example, case.encoded_inputs[number]))
    except DataError:
        return
    except Exception as error:
        raise ContractViolation(
            message("an example with too few targets raises {error}: raise a DataError", error=describe_error(error))
        ) from None
    if found:
        raise ContractViolation(
            message(
                "rows accepts {targets} targets for {length} time steps: raise a DataError",
                targets=lengths[number] - 1,
                length=lengths[number],
            )
        )


@check
def short_examples(case: HeadCase) -> None:
    """An example of one time step has rows, or raises a DataError."""
    head = case.build()
    for example, encoded_input in zip(case.examples, case.encoded_inputs, strict=True):
        per_time_step = not isinstance(example.target, str) and np.ndim(example.target) == 1
        target = example.target[:1] if per_time_step and len(example.target) == len(encoded_input) else example.target
        try:
            found = list(head.rows(Example(example.input[:1], target), encoded_input[:1]))
        except DataError:
            continue
        except Exception as error:
            raise ContractViolation(
                message(
                    "an example of one time step raises {error}: raise a DataError with the reason",
                    error=type(error).__name__,
                )
            ) from None
        if any(not len(row.input) for row in found):
            raise ContractViolation(
                message("rows yields an empty row for an example of one time step: raise a DataError with the reason")
            )
