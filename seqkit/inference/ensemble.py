"""Combine trained runs into an ensemble: a run directory that contains its members, and predicts like a run.

The members have the same head and the same labels, and read the same kind of input. Tokenizers, encoders, sizes and
seeds may differ. The head combines their predictions (`Head.combine`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import Head
from seqkit.errors import UsageError
from seqkit.inference.loading import RunParts
from seqkit.messages import format_value, message
from seqkit.recipe.rules import why_rejected
from seqkit.recipe.schema import RunName
from seqkit.recipe.yaml_parser import dump
from seqkit.runs.contents import MAX_MEMBERS
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import read_bytes, to_json

if TYPE_CHECKING:
    from seqkit.inference.torch_engine import TorchEngine


def create_ensemble(members: Sequence[Path], name: str, runs: Path) -> RunDirectory:
    """Write the run directory of an ensemble, with copies of its members. It appears with all of its files at once.

    Args:
        members: the run directories of the members.
        name: the name of the ensemble.
        runs: the folder in which the next free `name-N` is created.

    Raises:
        UsageError: the runs cannot be combined, or the directory cannot be created.
        DataError, PluginError: a run cannot be loaded.
    """
    if reason := why_rejected(name, RunName):
        raise UsageError(message("name {reason}", reason=reason))
    if not 2 <= len(members) <= MAX_MEMBERS:
        raise UsageError(
            message("an ensemble has 2 to {most:,} members, not {count:,}", most=MAX_MEMBERS, count=len(members))
        )
    parts = [_open_member(path) for path in members]
    resolved = [part.directory.path.resolve() for part in parts]
    for number, path in enumerate(resolved):
        if path in resolved[:number]:
            raise UsageError(message("{run}: is passed twice: pass each run once", run=members[number]))
    tasks = [_task(part) for part in parts]
    for path, task in zip(members[1:], tasks[1:], strict=True):
        _check_same_task(members[0], tasks[0], path, task)
    return RunDirectory.create(runs, name, _files(parts, name, runs))


def _open_member(path: Path) -> RunParts:
    """Open a run, and check that all of its files can be read, and that its head can be combined."""
    parts = RunParts(RunDirectory.open(path))
    if parts.is_ensemble:
        raise UsageError(message("{run}: is an ensemble: pass its members instead", run=path))
    if not parts.directory.result.is_file():
        raise UsageError(
            message(
                "{run}: is not finished: resume it with: {command}", run=path, command=parts.directory.resume_command
            )
        )
    head = parts.torch_engine.model.head
    if type(head).combine is Head.combine:
        raise UsageError(
            message(
                "{run}: the predictions of the head '{head}' cannot be combined", run=path, head=parts.engine.head_name
            )
        )
    return parts


def _task(parts: RunParts) -> dict[str, Any]:
    """Return what the members of an ensemble must share, by the names that messages use."""
    engine = parts.torch_engine
    task = {
        message("head"): engine.head_name,
        message("reader"): parts.reader.name,
        message("input"): _kind_of_input(engine),
        message("number of features"): engine.feature_width,
    }
    if engine.tokenizer is None:  # which columns the features are, and in which order
        cls: Any = parts.reader.cls
        skipped = {"type", *parts.reader.path_parameters, *cls.path_specific}
        task |= {f"data.{key}": value for key, value in parts.reader.as_data().items() if key not in skipped}
    return task | dict(engine.model.head.task())


def _kind_of_input(engine: TorchEngine) -> str:
    if engine.reads_pairs:
        return message("pairs of texts")
    return message("text") if engine.tokenizer else message("features")


def _check_same_task(first: Path, one: Mapping[str, Any], second: Path, other: Mapping[str, Any]) -> None:
    """Check that two members have the same task.

    Args:
        first: the first member.
        one: its task.
        second: the other member.
        other: its task.

    Raises:
        UsageError: the tasks differ.
    """
    for key in {**one, **other}:
        values: dict[Path, Any] = {first: one.get(key), second: other.get(key)}
        if values[first] == values[second]:
            continue
        difference = message("{key} differs", key=key)
        if all(isinstance(value, list) for value in values.values()):
            for run, rest in ((first, second), (second, first)):
                if alone := [value for value in values[run] if value not in values[rest]]:
                    difference = message(
                        "only {run} has {value} among its {key}", run=run, value=format_value(alone[0]), key=key
                    )
        elif key in one and key in other:
            shown = [format_value(value) for value in values.values()]
            difference = message("their {key} differs ({one}, {two})", key=key, one=shown[0], two=shown[1])
        raise UsageError(
            message(
                "{first} and {second} cannot be combined: {difference}",
                first=first,
                second=second,
                difference=difference,
            )
        )


def _files(parts: Sequence[RunParts], name: str, runs: Path) -> dict[str, bytes]:
    """Return the files of an ensemble, by their paths in it."""
    try:
        folder = runs.resolve() / name
    except (OSError, ValueError, RuntimeError):  # `RunDirectory.create` reports it
        folder = runs.absolute() / name
    names = RunDirectory(Path())
    components: dict[str, Mapping[str, Any]] = {}
    members: list[dict[str, str]] = []
    files: dict[str, bytes] = {}
    for number, part in enumerate(parts, start=1):
        place = names.members / str(number)
        document = part.directory.read_plan()
        document["recipe"] = _recipe(part, folder / place)
        components |= {f"{each.get('kind')} {each.get('name')}": each for each in document["components"]}
        files |= {str(place / file): content for file, content in _copies(part.directory, names)}
        files[str(place / names.plan)] = to_json(document).encode()
        files[str(place / names.recipe)] = dump(document["recipe"]).encode()
        weights = files[str(place / names.model)]
        members.append({"run": str(part.directory.path), "model_sha256": hashlib.sha256(weights).hexdigest()})
    document = parts[0].directory.read_plan()
    document = {
        "format": document["format"],
        "members": members,
        "recipe": _recipe(parts[0], folder) | {"name": name},
        "components": list(components.values()),
    }
    return files | {str(names.plan): to_json(document).encode()}


def _recipe(part: RunParts, folder: Path) -> dict[str, Any]:
    """Return the recipe of a run, with paths relative to a folder.

    `RunParts.plan` has the defaults of what only training uses.
    """
    return part.plan.as_data(folder) | {"train": part.recipe["train"]}


def _copies(run: RunDirectory, names: RunDirectory) -> Iterator[tuple[Path, bytes]]:
    """Yield the name and the content of each file of a run that a member of an ensemble keeps as it is."""
    kept = (names.given, names.overrides, names.tokenizer, names.model, names.metrics, names.result, names.report_data)
    for name in kept:
        if (run.path / name).is_file():
            yield name, read_bytes(run.path / name)
