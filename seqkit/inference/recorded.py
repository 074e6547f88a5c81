"""Read the data of a run again: a split as it was in training, which plan.json identifies by its digest."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.contracts import DataNote, Example, LongText, Tokenizer, WithSpecialTokens
from seqkit.data.dataset import Dataset, build_readers, make_rows, read_examples, read_splits
from seqkit.data.memory import memory_reader
from seqkit.data.prepare import rows_sha256
from seqkit.data.token_files.encode import read_long_texts
from seqkit.errors import DataError, UsageError
from seqkit.inference.loading import RunParts
from seqkit.messages import counted, listed, message
from seqkit.recipe.paths import why_unusable
from seqkit.recipe.plan import BuildError
from seqkit.recipe.saved import AbsentData
from seqkit.runs.files import read_json
from seqkit.training.documents import data_file_digests

if TYPE_CHECKING:
    from seqkit.inference.torch_engine import TorchEngine
    from seqkit.recipe.plan import Plan

PREFERRED = ("test", "valid", "train")
"""The split to evaluate is the first of these that a run has, as for its baseline."""


def choose_split(parts: RunParts, split: str | None) -> str:
    """Return the split to evaluate: the given one, else the first of `PREFERRED` that the run has.

    Raises:
        UsageError: the run, or a member of the ensemble, has no such split.
    """
    found = [name for name in PREFERRED if name in _digests(parts.members[0])]
    if split is None and found:
        split = found[0]
    for number, member in enumerate(parts.members[1:], start=2):
        if split in found and split not in _digests(member):
            raise UsageError(
                message(
                    "{run}: member {number} has no {split} split, which member 1 has: pass data that no member was "
                    "trained on with --data FILE",
                    run=parts.directory.path,
                    number=number,
                    split=split,
                )
            )
    if split is None or split not in found:
        raise UsageError(
            message(
                "{run}: has no {split} split: its splits are {splits}; pass other data with --data FILE",
                run=parts.directory.path,
                split=split or PREFERRED[0],
                splits=listed(found),
            )
        )
    return split


def has_split(parts: RunParts, split: str) -> bool:
    """Return whether a run, or each member of an ensemble, has a split."""
    return all(split in _digests(member) for member in parts.members)


def recorded_scores(parts: RunParts, split: str) -> dict[str, Any] | None:
    """Return what result.json says about a split: its examples, its metrics, `extras`; None if nothing.

    Raises:
        DataError: result.json is corrupt.
        UsageError: the run is not finished.
    """
    directory = parts.directory
    if not directory.result.is_file():
        raise UsageError(
            message(
                "{run}: is not finished: resume it with: {command}",
                run=directory.path,
                command=directory.resume_command,
            )
        )
    result = read_json(directory.result)
    examples, metrics = result.get("examples"), result.get("metrics")
    if not isinstance(examples, dict) or not isinstance(metrics, dict):
        raise DataError(message("{file}: corrupt: 'examples' or 'metrics' is not a mapping", file=directory.result))
    if not isinstance(metrics.get(split), dict):
        return None
    scores = {"split": split, "examples": examples.get(split)} | metrics[split]
    return scores | _extras(result, split == choose_split(parts, None))


def recorded_extras(parts: RunParts, split: str) -> dict[str, Any]:
    """Return what result.json says about a split besides its metrics: `baseline`, and `honest_loss` of a leaky model.

    Nothing if the run is not finished, or is an ensemble, or scored them on another split.
    """
    if not parts.directory.result.is_file():
        return {}
    return _extras(read_json(parts.directory.result), split == choose_split(parts, None))


def _extras(result: Mapping[str, Any], is_scored: bool) -> dict[str, Any]:
    names = ("baseline", "honest_loss") if is_scored else ()
    return {name: result[name] for name in names if isinstance(result.get(name), dict)}


class NotAsRecordedError(DataError):
    """The data of a run is missing, or is not the data that was recorded."""


def was_in_memory(parts: RunParts) -> bool:
    """Return whether a run was trained on data in memory, which is not saved."""
    return "memory_sha256" in parts.members[0].document


def read_recorded(parts: RunParts, split: str, source: Any = None) -> dict[str, list[Example]]:
    """Return the examples of the splits of a run that were read, among them the given one, which has not changed.

    Args:
        parts: a run, or an ensemble whose members have the same examples in this split.
        split: the split.
        source: the file that contains it, if it has moved; or the data in memory that the run was trained with.

    Raises:
        NotAsRecordedError: a file of the data is missing, or the data has changed.
        DataError: the data cannot be read, or was in memory.
        UsageError: the members of an ensemble have different examples in this split, or the reader reads no file.
    """
    first, *others = parts.members
    examples = _read(first, split, source)
    for other in others:
        if not _are_equal(examples[split], _read(other, split, source)[split]):
            raise UsageError(
                message(
                    "{run}: the {split} splits of members 1 and {number} differ: pass data that no member was trained "
                    "on with --data FILE",
                    run=parts.directory.path,
                    split=split,
                    number=parts.members.index(other) + 1,
                )
            )
    return examples


def _read(parts: RunParts, split: str, source: Any) -> dict[str, list[Example]]:
    plan, engine = _with_source(parts, split, source), parts.torch_engine
    side = plan.side_readers.get(split)
    _check_present(parts, split, plan)
    try:
        if side is not None and not plan.train.sequence_length:
            splits = {split: read_examples(side.build(), side.name)}
        else:
            readers = build_readers(plan)
            long_texts = read_long_texts(plan, readers, _new_tokenizer(plan, engine), engine.model.head)
            splits = (
                long_texts.splits
                if long_texts
                else read_splits(plan, readers, engine.model.head.lookback, columns=True)
            )
    except BuildError as error:
        raise DataError(
            message("{file}: {key}: {reason}", file=parts.directory.plan, key=".".join(error.path), reason=error)
        ) from None
    _check_unchanged(parts, plan, split, splits.get(split, []), is_moved=source is not None)
    return splits


def _new_tokenizer(plan: Plan, engine: TorchEngine) -> Tokenizer | None:
    """Return the tokenizer as it was before it was fitted, with the special tokens of the run."""
    tokenizer: Tokenizer | None = plan.tokenizer.build() if plan.tokenizer else None
    if tokenizer is not None and isinstance(engine.tokenizer, WithSpecialTokens):
        return WithSpecialTokens(tokenizer, engine.tokenizer.names)
    return tokenizer


def _with_source(parts: RunParts, split: str, source: Any) -> Plan:
    """Return the plan of a run, in which the reader of a split reads another file, or data in memory.

    Raises:
        UsageError: the reader reads no file.
    """
    plan = parts.plan
    if source is None:
        return plan
    if not isinstance(source, str | Path):
        return replace(plan, memory=memory_reader(source)(plan.reader))
    spec = plan.side_readers.get(split, plan.reader)
    if "path" not in spec.values:
        raise UsageError(message("the reader '{name}' reads no file: path cannot be set", name=spec.name))
    moved = replace(spec, values=spec.values | {"path": Path(source).expanduser()})
    if split in plan.side_readers:
        return replace(plan, side_readers=plan.side_readers | {split: moved})
    return replace(plan, reader=moved)


def _check_present(parts: RunParts, split: str, plan: Plan) -> None:
    """Check that the file of a split is where it was, or that data in memory is passed again."""
    side = plan.side_readers.get(split)
    if side is None and isinstance(plan.memory, AbsentData):
        raise DataError(
            message(
                "{run}: was trained on data in memory, which is not saved: pass it again in Python, with its split: "
                "run.evaluate(data, split='{split}'), run.errors(data, split='{split}') or run.calibrate(data=data)",
                run=parts.directory.path,
                split=split,
            )
        )
    path = None if side is None and plan.memory else (side or plan.reader).values.get("path")
    if isinstance(path, Path) and (reason := why_unusable(path, is_resumed=False)):
        raise NotAsRecordedError(
            message(
                "{run}: {reason}: restore the data of this run; if it has moved, pass --set path=FILE",
                run=parts.directory.path,
                reason=reason,
            )
        )


def _check_unchanged(parts: RunParts, plan: Plan, split: str, examples: Sequence[Example], *, is_moved: bool) -> None:
    """Check that the rows of a split are those of training.

    Args:
        parts: the run.
        plan: its plan, with the file that the user names.
        split: the split.
        examples: its examples.
        is_moved: whether the user names the file, which the error then does not suggest.

    Raises:
        NotAsRecordedError: they are not.
    """
    tokenizer, head = parts.torch_engine.tokenizer, parts.torch_engine.model.head
    reason = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataNote)  # evaluation issues them
            rows = make_rows(examples, tokenizer, head, parts.torch_engine.row_limit)
    except DataError as error:
        reason = str(error)
    else:
        if rows_sha256(Dataset(list(examples), rows, tokenizer)) == _digests(parts).get(split):
            return
    files, now = parts.document.get("files_sha256"), data_file_digests(plan)
    changed = [key for key in now if isinstance(files, dict) and files.get(key, now[key]) != now[key]]
    if changed:
        reason = message("the file of {key} has changed", key=changed[0])
    text = message(
        "{run}: the {split} split is not the one that was recorded ({reason}): restore it",
        run=parts.directory.path,
        split=split,
        reason=reason or counted(len(examples), "1 example, read differently", "{count} examples, read differently"),
    )
    raise NotAsRecordedError(text if is_moved else text + message("; if its file has moved, pass --set path=FILE"))


def _digests(parts: RunParts) -> dict[str, Any]:
    digests = parts.document.get("data_sha256")
    return digests if isinstance(digests, dict) else {}


def _are_equal(one: Sequence[Example], other: Sequence[Example]) -> bool:
    """Return whether two lists contain the same examples in the same order."""
    return len(one) == len(other) and all(
        _is_equal(first.input, second.input) and _is_equal(first.target, second.target)
        for first, second in zip(one, other, strict=True)
    )


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, LongText) and isinstance(other, LongText):
        return one.sha256 == other.sha256
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)
