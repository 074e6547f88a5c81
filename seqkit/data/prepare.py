"""Prepare the data of a plan: read, split and encode it, and fit tokenizer and head on the training split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqkit.contracts import Example, Head, LongText, Reader, Row, SpecialToken, TextPair, Tokenizer, WithSpecialTokens
from seqkit.data.dataset import Dataset, build_readers, encode, fit_tokenizer, make_rows, read_splits
from seqkit.data.notes import collect_notes
from seqkit.data.splits import SPLITS
from seqkit.data.statistics import describe_cut_texts, describe_far_number, describe_similar_labels
from seqkit.data.token_files.encode import read_long_texts
from seqkit.data.token_files.format import BLOCK
from seqkit.errors import DataError, Fault, RecipeError
from seqkit.messages import message, without_name
from seqkit.recipe.plan import BuildError, Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.yaml_parser import KeyPath


@dataclass
class PreparedData:
    """The data of a plan, and the tokenizer and the head that were fitted on the training split.

    Attributes:
        tokenizer: the fitted tokenizer; None if the reader yields features.
        head: the fitted head, without layers.
        splits: `train`, and `valid` and `test` if the plan has them.
        notes: notes about the data for the user.
        far_number: the note on a target that is far from the others; empty without one.
        machine_notes: those of them that are about files of this machine, which another one does not have.
    """

    tokenizer: Tokenizer | None
    head: Head
    splits: dict[str, Dataset]
    notes: list[str] = field(default_factory=list)
    machine_notes: list[str] = field(default_factory=list)
    far_number: str = ""

    @property
    def features(self) -> int | None:
        """The width of the features, if the reader yields them."""
        return None if self.tokenizer else int(self.splits["train"].rows[0].input.shape[-1])

    @property
    def pairs(self) -> bool:
        """Whether the inputs are pairs of texts."""
        return isinstance(self.splits["train"].examples[0].input, TextPair)

    @property
    def evaluated(self) -> list[str]:
        """The splits that are evaluated after training: the held-out ones or, without any, the training split."""
        return [split for split in self.splits if split != "train"] or ["train"]

    @property
    def baseline_split(self) -> str:
        """The split that the baseline is scored on: test, else valid, else train."""
        return next(split for split in ("test", "valid", "train") if split in self.splits)

    def baseline(self, split: str) -> dict[str, Any] | None:
        """Return the scores of the head's baseline, fitted on the training split, on a split; None without one."""
        return self.head.baseline(self.splits["train"].examples, self.splits[split].examples, self.tokenizer)

    def digests(self) -> dict[str, str]:
        """Return the sha256 of all rows of each split."""
        return {split: rows_sha256(dataset) for split, dataset in self.splits.items()}


def prepare(plan: Plan) -> PreparedData:
    """Read the data, fit tokenizer and head on the training split, and make the rows of every split.

    Args:
        plan: the resolved recipe.

    Raises:
        DataError: the data is invalid.
        BuildError: a parameter is invalid for this data.
    """
    tokenizer: Tokenizer | None = plan.tokenizer.build() if plan.tokenizer else None
    head: Head = plan.head.build()
    notes: list[str] = []
    readers = build_readers(plan)
    check_pairs(readers)
    if tokenizer is not None and (names := special_tokens(plan, readers, head)):
        tokenizer = WithSpecialTokens(tokenizer, names)
    with collect_notes(notes):
        long_texts = read_long_texts(plan, readers, tokenizer, head)
        examples = long_texts.splits if long_texts else read_splits(plan, readers, head.lookback)
    splits = {split: Dataset(members, tokenizer=tokenizer) for split, members in examples.items()}
    if tokenizer is not None and not long_texts:
        fit_tokenizer(plan, tokenizer, _texts(splits["train"].examples))
    _fit_head(plan, head, splits["train"], tokenizer)
    for split in SPLITS:
        if split in splits:
            with collect_notes(notes):
                splits[split].rows = make_rows(splits[split].examples, tokenizer, head)
            if not splits[split].rows:
                raise DataError(
                    message(
                        "the {split} split has no example that the head '{head}' can use: increase its fraction, or "
                        "provide more data",
                        split=split,
                        head=plan.head.name,
                    )
                )
    far = describe_far_number(splits, head)
    notes += filter(None, [describe_similar_labels(splits, head), describe_cut_texts(splits, tokenizer), far])
    machine_notes = [long_texts.note] if long_texts else []
    return PreparedData(tokenizer, head, splits, machine_notes + notes, machine_notes, far)


def _texts(examples: Sequence[Example]) -> Iterator[Any]:
    """Yield the inputs of examples; of a pair, both of its texts."""
    for example in examples:
        value = example.input
        yield from (value.first, value.second) if isinstance(value, TextPair) else (value,)


def check_pairs(readers: Mapping[str, Reader]) -> None:
    """Check that the files of all splits contain pairs of texts, or none does.

    Raises:
        DataError: only some of them do.
    """
    for split, reader in readers.items():
        if reader.yields_pairs != readers["train"].yields_pairs:
            raise DataError(
                message("data.{split}: pairs of texts and single texts cannot be combined in one recipe", split=split)
            )


def special_tokens(plan: Plan, readers: Mapping[str, Reader], head: Head) -> set[SpecialToken]:
    """Return the special tokens that components need: pairs of texts the separator, others what they declare."""
    names: set[SpecialToken] = {"separator"} if readers["train"].yields_pairs else set()
    for spec in plan.embedding.walk() if plan.embedding else ():
        names |= getattr(spec.cls, "special_tokens", frozenset())
    return names | head.special_tokens


def _fit_head(plan: Plan, head: Head, train: Dataset, tokenizer: Tokenizer | None) -> None:
    if plan.head.is_restored:
        head.restore(plan.head.state)
        return
    try:
        head.fit(train.examples, tokenizer)
    except ValueError as error:
        first = str(error).partition(" ")[0]
        if first in plan.head.values:
            raise BuildError(("head", first), without_name(str(error), first)) from error
        raise DataError(
            message("the head '{head}' cannot learn from these targets: {reason}", head=plan.head.name, reason=error)
        ) from error


def check_requested_texts(plan: Plan, recipe: Recipe, data: PreparedData) -> None:
    """Check before training that the recipe's prompt and the texts to predict can be encoded.

    Raises:
        RecipeError: a text cannot be encoded.
    """
    prompts = [plan.generate.prompt] if plan.generate and plan.generate.prompt else []
    texts: list[tuple[KeyPath, Any]] = [(("generate", "prompt"), text) for text in prompts]
    texts += [(("predict", str(number)), text) for number, text in enumerate(plan.predict)]
    faults: list[Fault] = []
    for path, text in texts:
        try:
            if isinstance(text, str) == data.pairs and path[0] == "predict":
                wanted = message("pairs of texts, [first, second]") if data.pairs else message("single texts")
                raise DataError(message("must be one of the inputs that the recipe reads: {wanted}", wanted=wanted))
            encode(text if isinstance(text, str) else TextPair(*text), data.tokenizer)
        except DataError as error:
            faults.append(recipe.fault(path, str(error)))
    if faults:
        raise RecipeError(faults)


def rows_sha256(dataset: Dataset) -> str:
    """Return the sha256 of all rows of a split, ids as int64."""
    long_text = next((example.input for example in dataset.examples if isinstance(example.input, LongText)), None)
    if long_text is not None and _predicts_next(dataset.rows, long_text.ids):
        return long_text.next_sha256
    digest = hashlib.sha256()
    for row in dataset.rows:
        for part in row:
            for block in [np.ascontiguousarray(part)] if long_text is None else _int64_blocks(part):
                digest.update(block.tobytes())
    return digest.hexdigest()


def _predicts_next(rows: Sequence[Row], ids: np.ndarray) -> bool:
    """Return whether there is one row whose input and target are views of all ids but the last, and but the first."""
    parts = [part for row in rows for part in row]
    return len(parts) == 2 and all(
        isinstance(part, np.ndarray)
        and (part.dtype, part.shape, part.strides) == (view.dtype, view.shape, view.strides)
        and part.ctypes.data == view.ctypes.data
        for part, view in zip(parts, (ids[:-1], ids[1:]), strict=True)
    )


def _int64_blocks(part: Any) -> Iterator[np.ndarray]:
    """Yield an array in blocks; ids of any unsigned type become int64."""
    part = np.atleast_1d(part)
    for start in range(0, len(part), BLOCK):
        block = np.ascontiguousarray(part[start : start + BLOCK])
        yield block.astype(np.int64) if block.dtype.kind == "u" else block
