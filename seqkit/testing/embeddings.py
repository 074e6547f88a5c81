"""What an embedding owes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.batches import collate
from seqkit.claims import stands_by
from seqkit.contracts import Embedding, Lookup, Row
from seqkit.device import seed_everything
from seqkit.testing.checks import Broken, Check, Checks, DoesNotApply, run
from seqkit.testing.modules import (
    TOLERANCE,
    draws_nothing,
    gap,
    is_component,
    is_size,
    leaves_settings,
    slope_fault,
    stirred,
    through_safetensors,
    unchanged,
    unreached,
)
from seqkit.testing.surroundings import drawn_from
from seqkit.testing.tokenizers import TEXTS
from seqkit.tokenizers.char import Char

check = Checks("embedding")


def checks_for_embedding(
    factory: Callable[[Any], Any], *, width: int | None = None, tokenizer: Any = None, texts: Sequence[Any] = TEXTS
) -> list[Check]:
    """Returns the checks of an embedding, for `parametrize_with_checks`.

    Args:
        factory: builds it from a fitted tokenizer, or from the width of features: the class, or `lambda tokenizer:
            Learned(tokenizer, dim=8)`.
        width: of the features, for one that takes features.
        tokenizer: built, not yet fitted, for one that takes ids; `char` where none is given.
        texts: what the tokenizer is fitted to, and the embedding tried on.
    """
    return check.of(EmbeddingCase(factory, width, tokenizer, list(texts)))


def check_embedding(
    factory: Callable[[Any], Any], *, width: int | None = None, tokenizer: Any = None, texts: Sequence[Any] = TEXTS
) -> None:
    """Tries an embedding with every check. Arguments as for `checks_for_embedding`.

    Raises:
        CheckFailure: with what is wrong and how to mend it.
    """
    run(checks_for_embedding(factory, width=width, tokenizer=tokenizer, texts=texts), "this embedding")


class EmbeddingCase:
    """An embedding to be built, and the inputs that it is tried on."""

    def __init__(self, factory: Callable[[Any], Any], width: int | None, tokenizer: Any, texts: list[Any]) -> None:
        self.factory = factory
        self.width = width
        self.texts = texts
        self._tokenizer = tokenizer or Char(unknown="mark")
        self._is_fitted = False

    @property
    def given(self) -> Any:
        """What it is built from: the width, or the fitted tokenizer."""
        if self.width is not None:
            return self.width
        if not self._is_fitted:
            self._tokenizer.fit(self.texts)
            self._is_fitted = True
        return self._tokenizer

    @property
    def rows(self) -> list[np.ndarray]:
        if self.width is not None:
            generator = np.random.default_rng(0)
            return [generator.normal(3.0, 2.0, (length, self.width)) for length in (3, 6, 1, 6)]
        return [self.given.encode(text) for text in self.texts]

    def inputs(self) -> Tensor:
        return collate([Row(row) for row in self.rows]).inputs

    def build(self, seed: int = 0) -> Any:
        seed_everything(seed)
        return stirred(self.build_unseeded())

    def build_unseeded(self) -> Any:
        embedding = self.factory(self.given)
        if not (isinstance(embedding, nn.Module) and isinstance(embedding, Embedding)):
            return embedding
        embedding.fit(row for row in self.rows)
        return embedding


@check
def contract(case: EmbeddingCase) -> None:
    """It is a torch.nn.Module and a seqkit.contracts.Embedding, and says its size and what it takes."""
    embedding = case.build()
    is_component(embedding, Embedding, module=True)
    is_size(embedding, "output_size")
    wanted = "ids" if case.width is None else "features"
    if embedding.takes != wanted:
        hint = (
            "give the check `width=`"
            if embedding.takes == "features"
            else "set takes = 'features', or give no `width=`"
        )
        raise Broken(f"takes is {embedding.takes!r}, and it is tried on {wanted}: {hint}")


@check
def shapes(case: EmbeddingCase) -> None:
    """Vectors are float (batch, time, output_size)."""
    embedding, inputs = case.build(), case.inputs()
    vectors, wanted = embedding(inputs), (*inputs.shape[:2], embedding.output_size)
    if not isinstance(vectors, Tensor) or tuple(vectors.shape) != wanted:
        shape = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
        raise Broken(f"vectors are {shape}, not {wanted}: make output_size say what it gives")
    if not vectors.is_floating_point() or not vectors.isfinite().all():
        raise Broken("vectors hold what is no finite floating-point number: return finite floats")


@check
def windows(case: EmbeddingCase) -> None:
    """A step's vector does not depend on where in a row it stands, nor on the steps around it."""
    embedding, inputs = case.build(), case.inputs()
    whole = embedding(inputs)
    for size in (1, 2):
        cut = torch.cat([embedding(window) for window in inputs.split(size, dim=1)], dim=1)
        if (apart := gap(whole, cut)) > TOLERANCE:
            raise Broken(
                f"vectors move by {apart:.2g} when a row is given in windows of {size}: what depends on the place, or "
                "on the steps around, belongs in an encoder, which carries a state"
            )


@check
def company(case: EmbeddingCase) -> None:
    """A row's vectors do not depend on what it is batched with."""
    embedding, inputs = case.build(), case.inputs()
    whole = embedding(inputs)
    for number, row in enumerate(case.rows):
        alone = embedding(collate([Row(row)]).inputs)
        if (apart := gap(whole[number, : len(row)], alone[0])) > TOLERANCE:
            raise Broken(f"vectors move by {apart:.2g} when a row stands alone: take no mean over the batch")


@check
def padding(case: EmbeddingCase) -> None:
    """A row's vectors do not depend on its padding."""
    embedding, inputs = case.build(), case.inputs()
    longer = torch.cat([inputs, inputs.new_zeros(inputs.shape[0], 3, *inputs.shape[2:])], dim=1)
    if (apart := gap(embedding(inputs), embedding(longer)[:, : inputs.shape[1]])) > TOLERANCE:
        raise Broken(f"vectors move by {apart:.2g} when rows are padded further: treat each step by itself")


@check
def order(case: EmbeddingCase) -> None:
    """The order of the rows orders the vectors and changes nothing else."""
    embedding, inputs = case.build(), case.inputs()
    shuffled = torch.arange(len(inputs)).roll(1)
    if (apart := gap(embedding(inputs)[shuffled], embedding(inputs[shuffled]))) > TOLERANCE:
        raise Broken(f"vectors move by {apart:.2g} when rows change places: treat each row by itself")


@check
def distinguishes(case: EmbeddingCase) -> None:
    """Different inputs have different vectors."""
    vectors = case.build()(collate([Row(case.rows[0])]).inputs)[0]
    steps = case.rows[0]
    different = [step for step in range(len(steps)) if not np.array_equal(steps[step], steps[0])]
    if different and all(gap(vectors[0], vectors[step]) < 1e-12 for step in different):
        raise Broken("all inputs have the same vector: look up what is given")


@check
def every_id(case: EmbeddingCase) -> None:
    """Every id below vocab_size has a vector, the unknown's and 0, which stands in padding, too."""
    if case.width is not None or case.inputs().ndim > 2:
        raise DoesNotApply("it takes no plain ids")
    embedding, size = case.build(), case.given.vocab_size
    try:
        vectors = embedding(torch.arange(size)[None])
    except IndexError as error:
        raise Broken(
            f"not every id below vocab_size, {size}, has a vector ({error}): make the table that high"
        ) from None
    if not vectors.isfinite().all():
        raise Broken("some id's vector is not finite: give every id below vocab_size a vector")


@check
def lookup(case: EmbeddingCase) -> None:
    """Where it hands over a lookup, in training or not, that stands for what forward gives."""
    embedding, inputs = case.build(), case.inputs()
    if not stands_by(embedding, "as_lookup", "forward"):
        raise DoesNotApply("its forward is overridden, and as_lookup is not")
    given = {training: embedding.train(training).as_lookup(inputs) for training in (True, False)}
    if not any(given.values()):
        raise DoesNotApply("it hands over none")
    for training, handed in given.items():
        if handed is None:
            continue
        if not isinstance(handed, Lookup):
            raise Broken(f"as_lookup returns a {type(handed).__name__}: return seqkit.contracts.Lookup or None")
        if (apart := gap(handed.table[handed.ids], embedding.train(training)(inputs))) > TOLERANCE:
            raise Broken(
                f"table[ids] is {apart:.2g} away from what forward gives {'in' if training else 'after'} training: "
                "return None where a vector is more than a row of the table"
            )


@check
def gradients(case: EmbeddingCase) -> None:
    """A gradient reaches every weight."""
    embedding = case.build()
    vectors = embedding(case.inputs())
    if vectors.requires_grad:
        (vectors * torch.randn_like(vectors)).sum().backward()
    if names := unreached(embedding.named_parameters()):
        raise Broken(f"no gradient reaches {names}: use it, freeze it with requires_grad_(False), or detach nothing")


@check
def exact_gradients(case: EmbeddingCase) -> None:
    """Gradients are those of what is computed, by finite differences."""
    embedding, inputs = case.build(), case.inputs()
    by = torch.randn_like(embedding(inputs))
    values = [weight for weight in embedding.parameters() if weight.requires_grad]
    if inputs.is_floating_point():
        values.append(inputs.requires_grad_())
    if fault := slope_fault(lambda: (embedding(inputs) * by).sum(), values):
        raise Broken(f"{fault}: mend its backward, or take the detach or no_grad away that cuts a path off")


@check
def weights(case: EmbeddingCase) -> None:
    """What it learned, in fit too, goes through safetensors into another one built alike, which then gives the same."""
    embedding = case.build()
    other = stirred(case.factory(case.given))
    through_safetensors(embedding, other)
    if (apart := gap(embedding(case.inputs()), other(case.inputs()))) > TOLERANCE:
        raise Broken(
            f"vectors move by {apart:.2g} once its weights are loaded: keep what fit learns in buffers "
            "(register_buffer), and what is trained in Parameters"
        )


@check
def fit_again(case: EmbeddingCase) -> None:
    """fit begins anew, and goes through its inputs only once."""
    embedding = case.build()
    before = embedding(case.inputs())
    embedding.fit(list(case.rows))
    if (apart := gap(before, embedding(case.inputs()))) > TOLERANCE:
        raise Broken(f"vectors move by {apart:.2g} when it is fitted again to the same inputs: set what was learned")


@check
def fit_draws_nothing(case: EmbeddingCase) -> None:
    """fit leaves its inputs as they were and draws no random numbers."""
    embedding, rows = case.build(), case.rows
    before = {f"input {number}": row.copy() for number, row in enumerate(rows, start=1)}
    if whose := drawn_from(lambda: embedding.fit(row for row in rows)):
        raise Broken(f"fit draws from {whose[0]} global random generator: it must draw nothing")
    unchanged(before, {f"input {number}": row for number, row in enumerate(rows, start=1)})


@check
def determinism(case: EmbeddingCase) -> None:
    """In evaluation the same inputs have the same vectors, also when it is built again from the same seed."""
    embedding, inputs = case.build(), case.inputs()
    first = embedding(inputs)
    embedding(inputs[:1, :1])
    if gap(first, embedding(inputs)) > TOLERANCE:
        raise Broken("vectors change from call to call: keep nothing in self, and drop only while self.training")
    if gap(first, case.build()(inputs)) > TOLERANCE:
        raise Broken(
            "built again from the same seed it gives other vectors: draw from the global generators, which are seeded"
        )


@check
def random_state(case: EmbeddingCase) -> None:
    """Global random generators are neither seeded nor, in evaluation, drawn from."""
    draws_nothing(case.build_unseeded, lambda embedding: embedding.eval()(case.inputs()))


@check
def settings(case: EmbeddingCase) -> None:
    """What the whole process shares is left alone: default dtype, threads, gradient mode, environment."""
    leaves_settings(case.build, lambda embedding: embedding.train()(case.inputs()))


@check
def inputs_unchanged(case: EmbeddingCase) -> None:
    """What it is given is not written into."""
    embedding, inputs = case.build(), case.inputs()
    before = inputs.clone()
    with torch.no_grad():
        embedding(inputs)
    unchanged({"inputs": before}, {"inputs": inputs})


@check
def dtype(case: EmbeddingCase) -> None:
    """It computes in the type of its weights, on their device."""
    embedding, inputs = case.build().to(torch.float32), case.inputs()
    vectors = embedding(inputs.float() if inputs.is_floating_point() else inputs)
    if vectors.dtype != torch.float32:
        raise Broken(
            f"vectors are {vectors.dtype} once it is float32: make new tensors from a weight or a buffer of it"
        )


@check
def empty_batch(case: EmbeddingCase) -> None:
    """No rows give no vectors."""
    embedding = case.build()
    vectors = embedding(case.inputs()[:0, :4])
    if tuple(vectors.shape) != (0, min(4, case.inputs().shape[1]), embedding.output_size):
        raise Broken(f"a batch of no rows gives {tuple(vectors.shape)}: keep the batch dimension through every step")


@check
def length_one(case: EmbeddingCase) -> None:
    """A row of one step is a row, as a text that is written one id at a time needs."""
    embedding = case.build()
    vectors = embedding(case.inputs()[:1, :1])
    if tuple(vectors.shape) != (1, 1, embedding.output_size):
        raise Broken(f"one row of one step gives {tuple(vectors.shape)}: name the dimension in squeeze, or index it")
