"""What a head owes in its rows and its loss."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.batches import collate
from seqkit.contracts import Batch, Encoded, Example, Head, Row
from seqkit.errors import DataError
from seqkit.testing.checks import Broken, Checks, DoesNotApply
from seqkit.testing.head_case import HeadCase, apart, differing, loss_of, sums
from seqkit.testing.modules import (
    is_component,
    unchanged,
)

check = Checks("head")
NEEDS = {"outputs", "final", "causal", "targets"}
_PADDING = "sum over real steps alone (`batch.mask`), and count those"


@check
def contract(case: HeadCase) -> None:
    """It is a torch.nn.Module and a seqkit.contracts.Head, and says what it needs and how it is scored."""
    head = case.build()
    is_component(head, Head, module=True)
    if odd := sorted(set(head.needs) - NEEDS):
        raise Broken(f"needs holds {odd[0]!r}: it may hold {', '.join(sorted(NEEDS))}")
    if not {"outputs", "final"} & set(head.needs):
        raise Broken("needs names no part of Encoded: say which of 'outputs' and 'final' it reads")
    for name in ("per_step", "generates"):
        if not isinstance(getattr(head, name), bool):
            raise Broken(f"{name} is {getattr(head, name)!r}: set it to True or False")


@check
def rows(case: HeadCase) -> None:
    """Rows hold an input that is not empty and a target of the same kind in each."""
    head = case.build()
    found = case.rows(head)
    if not found:
        raise Broken("it makes no rows of the examples: yield at least one of each that can be learned")
    for row in found:
        if not isinstance(row, Row):
            raise Broken(f"rows yields a {type(row).__name__}: yield seqkit.contracts.Row(input, target)")
        if not isinstance(row.input, np.ndarray) or not len(row.input):
            raise Broken(f"a row's input is {row.input!r:.40}: give an array of at least one step")
        if row.target is not None and np.ndim(row.target) and not isinstance(row.target, np.ndarray):
            raise Broken(f"a row's target is a {type(row.target).__name__}: give an array, or one number")
        if head.per_step and (np.ndim(row.target) == 0 or len(row.target) != len(row.input)):
            raise Broken(
                "per_step is True, and a row's target is not as long as its input: a target a step, or say False"
            )
    if len({np.ndim(row.target) for row in found}) > 1:
        raise Broken("some rows have one target and some a target a step: give all of them the same kind")


@check
def rows_unchanged(case: HeadCase) -> None:
    """Making rows changes neither the example nor its encoded input."""
    head = case.build()
    for example, ids in zip(case.examples, case.encoded_inputs, strict=True):
        before, kept = ids.copy(), copy.deepcopy(example.target)
        list(head.rows(example, ids))
        unchanged({"encoded input": before}, {"encoded input": ids})
        if kept is not None and not np.array_equal(np.asarray(kept), np.asarray(example.target)):
            raise Broken("making rows changes the example's target: work on a copy")


@check
def unlabelled(case: HeadCase) -> None:
    """Where it needs targets, an example without one is a DataError."""
    head = case.build()
    if "targets" not in head.needs:
        raise DoesNotApply("it needs no targets")
    try:
        list(head.rows(Example(case.examples[0].input), case.encoded_inputs[0]))
    except DataError:
        return
    except Exception as error:
        raise Broken(
            f"an example without a target raises {type(error).__name__}: raise a DataError that says so"
        ) from None
    raise Broken("an example without a target is made into a row: raise a DataError that says so")


@check
def short_examples(case: HeadCase) -> None:
    """An example of one step is made into rows, or is a DataError."""
    head = case.build()
    for example, ids in zip(case.examples, case.encoded_inputs, strict=True):
        per_step = not isinstance(example.target, str) and np.ndim(example.target) == 1
        target = example.target[:1] if per_step and len(example.target) == len(ids) else example.target
        try:
            made = list(head.rows(Example(example.input[:1], target), ids[:1]))
        except DataError:
            continue
        except Exception as error:
            raise Broken(
                f"an example of one step raises {type(error).__name__}: raise a DataError that says why"
            ) from None
        if any(not len(row.input) for row in made):
            raise Broken("an example of one step is made into a row of none: raise a DataError that says why")


@check
def loss(case: HeadCase) -> None:
    """loss returns a scalar total that is finite, and a count above 0."""
    head = case.build()
    encoded, batch = case.given(head)
    given = loss_of(head, encoded, batch)
    if not isinstance(given.total, Tensor) or given.total.ndim:
        shape = tuple(given.total.shape) if isinstance(given.total, Tensor) else type(given.total).__name__
        raise Broken(f"the loss's total is {shape}: sum it up to a scalar tensor")
    if not given.total.isfinite():
        raise Broken(f"the loss's total is {given.total.item()}: keep it finite")
    if not float(given.count) > 0:
        raise Broken(f"the loss's count is {float(given.count)}: count what was summed")


@check
def loss_adds_up(case: HeadCase) -> None:
    """Totals and counts of the rows, each by itself, add up to those of their batch."""
    head = case.build()
    together = sums(head, *case.given(head))
    alone = [sums(head, *case.given(head, [place])) for place in range(len(case.rows(head)))]
    for what, one, other in zip(("total", "count"), together, map(sum, zip(*alone, strict=True)), strict=True):
        if apart(one, other):
            raise Broken(
                f"the loss's {what} is {one:.6g} for a batch, and {other:.6g} over its rows one by one: return the "
                f"sum, not the mean; {_PADDING}"
            )


@check
def loss_order(case: HeadCase) -> None:
    """The order of rows changes nothing in the loss."""
    head = case.build()
    places = list(range(len(case.rows(head))))
    one, other = sums(head, *case.given(head)), sums(head, *case.given(head, places[::-1]))
    if apart(one[0], other[0]) or apart(one[1], other[1]):
        raise Broken(
            f"the loss turns from {one[0]:.6g} into {other[0]:.6g} when rows change places: score each by itself"
        )


@check
def padding(case: HeadCase) -> None:
    """Padding adds nothing to the loss, whatever the encoder gives there, and gets no gradient."""
    head = case.build()
    one, (encoded, batch) = sums(head, *case.given(head)), case.given(head, noise=True)
    if batch.mask.all():
        raise DoesNotApply("all rows that it makes are of one length")
    encoded.outputs.requires_grad_()
    given = loss_of(head, encoded, batch)
    for what, mine, theirs in zip(("total", "count"), one, (given.total.item(), float(given.count)), strict=True):
        if apart(mine, theirs):
            raise Broken(f"the loss's {what} turns from {mine:.6g} into {theirs:.6g} with its padding: {_PADDING}")
    if given.total.requires_grad and "outputs" in head.needs:
        (gradient,) = torch.autograd.grad(given.total, encoded.outputs, allow_unused=True)
        if gradient is not None and gradient[~batch.mask].any():
            raise Broken(f"the loss has a gradient by outputs at padded steps: {_PADDING}")


@check
def needs(case: HeadCase) -> None:
    """needs names the parts of Encoded that it reads, and only those: loss and answers don't depend on the others."""
    head = case.build()
    encoded, batch = case.given(head)
    hidden = Encoded(
        encoded.outputs if "outputs" in head.needs else torch.full_like(encoded.outputs, torch.nan),
        encoded.final if "final" in head.needs else torch.full_like(encoded.final, torch.nan),
    )
    if apart(sums(head, hidden, batch)[0], sums(head, encoded, batch)[0]) or differing(
        case.answers(head, hidden, batch), case.answers(head, encoded, batch)
    ):
        read = "outputs" if "outputs" not in head.needs else "final"
        raise Broken(f"it reads `{read}`, which needs does not name: name it")
    for name in ("outputs", "final"):
        if name in head.needs:
            value = getattr(encoded, name).clone().requires_grad_()
            total = loss_of(head, encoded._replace(**{name: value}), batch).total
            gradient = torch.autograd.grad(total, value, allow_unused=True)[0] if total.requires_grad else None
            if gradient is None or not gradient.any():
                raise Broken(
                    f"needs names `{name}`, and no gradient reaches it: detach nothing, or take it out of needs"
                )


@check
def needs_causal(case: HeadCase) -> None:
    """A head that predicts each step's successor needs a causal encoder, which has not seen the answer."""
    head = case.build()
    if not (head.generates and head.per_step):
        raise DoesNotApply("it does not predict each step's successor")
    if "causal" not in head.needs and not getattr(head, "allow_leak", False):
        raise Broken("it generates step by step and does not need a causal encoder: put 'causal' into needs")


@check
def windows(case: HeadCase) -> None:
    """Where per_step is True, the loss of a row is that of its windows together."""
    head = case.build()
    if not head.per_step:
        raise DoesNotApply("it is not per step")
    encoded, batch = case.given(head)
    assert batch.targets is not None
    for row, length in enumerate(batch.lengths.tolist()):
        if length < 2:
            continue
        cuts = []
        for start, end in ((0, length), (0, length // 2), (length // 2, length)):
            size, here = torch.tensor([end - start]), (slice(row, row + 1), slice(start, end))
            window = Batch(batch.inputs[here], size, batch.targets[here], size)
            cuts.append(sums(head, Encoded(encoded.outputs[here], encoded.final[row : row + 1]), window))
        whole, *two = cuts
        if apart(whole[0], two[0][0] + two[1][0]) or apart(whole[1], two[0][1] + two[1][1]):
            raise Broken(
                f"a row's loss is {whole[0]:.6g}, and {two[0][0] + two[1][0]:.6g} over its two halves: say per_step = "
                "False where steps are not scored one by one"
            )


@check
def likelihood(case: HeadCase) -> None:
    """The loss of a head that generates is the negative log-likelihood that its logits give the targets."""
    head = case.build()
    if not head.generates:
        raise DoesNotApply("it does not generate")
    encoded, batch = case.given(head)
    logits, targets = head.logits(encoded), batch.targets
    if targets is None or targets.is_floating_point():
        raise DoesNotApply("its targets are no ids")
    targets = targets if targets.ndim == 2 else targets[:, None]
    if logits.ndim != 3 or logits.shape[2] != case.tokenizer.vocab_size or logits.shape[:2] != targets.shape:
        raise Broken(
            f"logits are {tuple(logits.shape)}, not {(*targets.shape, case.tokenizer.vocab_size)}: give (batch, time, "
            "vocab_size)"
        )
    real = batch.mask if targets.shape[1] > 1 else torch.ones_like(targets, dtype=torch.bool)
    wanted = nn.functional.cross_entropy(logits[real], targets[real], reduction="sum").item()
    total, count = sums(head, encoded, batch)
    if apart(total, wanted) or apart(count, int(real.sum())):
        raise Broken(
            f"the loss is {total:.6g} over {count:.6g}, and its logits give the targets {wanted:.6g} over "
            f"{int(real.sum())}: score each step's logits by that step's target, shifted by nothing"
        )


@check
def length_one(case: HeadCase) -> None:
    """A batch of one row, and of rows of one step, has a loss."""
    head = case.build()
    made = case.rows(head)
    if head.per_step:
        made = [Row(made[0].input[:1], made[0].target[:1])]
    elif all(np.ndim(row.target) == 0 for row in made):
        made = [Row(made[0].input[:1], made[0].target)]
    else:
        made = made[:1]
    batch = collate(made)
    encoded = Encoded(torch.randn(1, batch.inputs.shape[1], case.output_size), torch.randn(1, case.final_size))
    total, count = sums(head, encoded, batch)
    if not np.isfinite(total) or not count > 0:
        raise Broken(
            f"a batch of one row has the loss {total} over {count}: name the dimension in squeeze, or index it"
        )
