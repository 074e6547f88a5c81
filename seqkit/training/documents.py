"""The content of plan.json and tokenizer.json, and the comparison of the plans of two runs."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from seqkit._version import __version__
from seqkit.contracts import WithSpecialTokens
from seqkit.contracts.parameters import INIT_FROM
from seqkit.data.memory import MemoryReader
from seqkit.data.prepare import PreparedData
from seqkit.data.splits import SPLITS
from seqkit.errors import DataError, UsageError
from seqkit.messages import format_value, listed, message
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.yaml_parser import KeyPath
from seqkit.runs.contents import FORMAT
from seqkit.runs.directory import RunDirectory
from seqkit.runs.git import git_commit
from seqkit.training.lineage import describe_sources, sources


def plan_document(plan: Plan, recipe: Recipe, data: PreparedData, folder: Path, processes: int) -> dict[str, Any]:
    """Return the content of plan.json: the complete recipe, and where the run comes from.

    Args:
        plan: the resolved recipe.
        recipe: the recipe as it was read.
        data: the data.
        folder: the run directory, without symbolic links.
        processes: the number of training processes.
    """
    document = {
        "format": FORMAT,
        "recipe": plan.as_data(folder),
        "components": [
            {"kind": each.kind, "name": each.name, "distribution": each.distribution, "version": each.version}
            for each in (spec.registered for spec in plan.components)
        ],
        "data_sha256": data.digests(),
        "files_sha256": file_digests(plan),
        "processes": processes,
        "versions": installed_versions(plan),
        "notes": notes_about_data(data, plan),
    }
    if isinstance(plan.memory, MemoryReader):
        document["memory_sha256"] = plan.memory.sha256()
    if came_from := describe_sources(plan):
        document[INIT_FROM] = came_from
    if recipe.command:
        document["command"] = recipe.command
    folders = [Path(recipe.origin.file).parent] if recipe.origin.line else []
    if commit := next(filter(None, map(git_commit, [*folders, Path()])), None):
        document["git_commit"] = commit
    return document


def notes_about_data(data: PreparedData, plan: Plan) -> list[str]:
    """Return the notes about the data of a new run, without the folders of files: a run is shared without such paths.

    plan.json contains them, since some are about files that a resumed run does not read.
    """
    paths = [spec.values.get("path") for spec in (plan.reader, *plan.side_readers.values())]
    paths += [path for spec in plan.components for path in spec.training_files.values()]
    notes = [note for note in data.notes if note not in data.machine_notes]
    for path in paths:
        if isinstance(path, Path):
            notes = [note.replace(str(path), path.name) for note in notes]
    return notes


def installed_versions(plan: Plan) -> dict[str, str]:
    """Return the versions of Python, torch, NumPy, seqkit and the plugins of a plan."""
    return {
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "numpy": np.__version__,
        "seqkit": __version__,
    } | plan.providers()


def file_digests(plan: Plan) -> dict[str, str]:
    """Return the sha256 of each file that training reads, by key of the recipe."""
    return data_file_digests(plan) | _training_file_digests(plan)


def data_file_digests(plan: Plan) -> dict[str, str]:
    """Return the sha256 of the file of each reader, by key of the recipe."""
    readers = (plan.reader, *plan.side_readers.values())
    return _sha256({(*spec.path, "path"): spec.values.get("path") for spec in readers})


def _training_file_digests(plan: Plan) -> dict[str, str]:
    """Return the sha256 of each file that is read in training alone, by key of the recipe."""
    files = {(*spec.path, name): path for spec in plan.components for name, path in spec.training_files.items()}
    for path, init in sources(plan).items():
        run = init.source.directory
        files[*path, INIT_FROM, "run"] = run.tokenizer if path == ("tokenizer",) else run.model
    return _sha256(files)


def _sha256(paths: Mapping[KeyPath, Any]) -> dict[str, str]:
    """Return the sha256 of those of the values that are the path of a file."""
    digests = {}
    for key, path in paths.items():
        if isinstance(path, Path) and path.is_file():
            with path.open("rb") as file:
                digests[".".join(key)] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def fitted_document(data: PreparedData, plan: Plan) -> dict[str, Any]:
    """Return the content of tokenizer.json: what the components learned from the data and from training files."""
    components = {".".join(spec.path): spec.state for spec in plan.components if spec.state}
    document: dict[str, Any] = {
        "tokenizer": data.tokenizer.state() if data.tokenizer else None,
        "head": data.head.state(),
        "features": data.features,
    }
    if isinstance(data.tokenizer, WithSpecialTokens):
        document["special_tokens"] = list(data.tokenizer.names)
    if data.pairs:
        document["pairs"] = True
    return document | ({"components": components} if components else {})


def check_same_recipe(run: RunDirectory, saved: Plan, plan: Plan) -> None:
    """Check that a recipe is that of the run that is to be resumed. The data may have moved.

    Args:
        run: the run to resume.
        saved: the plan of the run, resolved with the components that are installed.
        plan: the given plan.

    Raises:
        UsageError: the recipe differs.
    """
    paths = {".".join((*spec.path, name)) for spec in plan.components for name in spec.path_parameters}
    paths |= {".".join((*path, INIT_FROM, "run")) for path in sources(plan)}
    differences = _differences(saved.as_data(), plan.as_data())
    # Neither trackers nor where a plugin is installed from make a difference.
    ignored = paths | {"plugins", "train.trackers"}
    differences = {key: values for key, values in differences.items() if key not in ignored}
    if differences:
        raise UsageError(
            message(
                "{run}: the recipe differs from the saved run: {changes}: resume with the saved values, or with "
                "{command}, which needs no recipe",
                run=run.path,
                changes=listed(_describe_change(key, *differences[key]) for key in sorted(differences)),
                command=run.resume_command,
            )
        )


def check_same_data(run: RunDirectory, document: Mapping[str, Any], data: PreparedData, plan: Plan) -> None:
    """Check that the data is that of the run that is to be resumed.

    Args:
        run: the run to resume.
        document: the content of its plan.json.
        data: the data now.
        plan: the plan now.

    Raises:
        DataError: the data differs: a file has changed, or the reader reads it differently.
    """
    saved = document.get("data_sha256")
    splits = _differences(saved, data.digests())
    memory_sha256 = plan.memory.sha256() if isinstance(plan.memory, MemoryReader) else None
    if not splits and document.get("memory_sha256", memory_sha256) == memory_sha256:
        return
    changed = listed(split for split in SPLITS if split in splits) or message("all splits")
    files, now = document.get("files_sha256"), data_file_digests(plan)
    files = files if isinstance(files, dict) else {}
    if memory_sha256:
        reason = message("pass the data that the run was started with, in the same order")
    elif changed_files := [key for key in now if key in files and files[key] != now[key]]:
        reason = message("the file of {key} has changed: restore it", key=changed_files[0])
    else:
        made_with = listed(_describe_versions(document, plan)) or message("the versions that made the run")
        reason = message("a file has changed, or {made_with} read it differently: ", made_with=made_with)
        if now and now.keys() <= files.keys():
            reason = message(
                "the file of {key} is the same, but {made_with} read it differently, or a file that it names differs: ",
                key=min(now),
                made_with=made_with,
            )
        reason += message("resume with the same files and versions")
    raise DataError(
        message(
            "{run}: the data differs from that of the saved run ({splits}): {reason}, or start a new run",
            run=run.path,
            splits=changed,
            reason=reason,
        )
    )


def _describe_versions(document: Mapping[str, Any], plan: Plan) -> Iterator[str]:
    """Yield `seqkit==VERSION`, and the same of the reader's plugin, that a run was made with."""
    versions = document.get("versions")
    for name in dict.fromkeys(["seqkit", plan.reader.registered.distribution]):
        if isinstance(versions, dict) and isinstance(version := versions.get(name), str):
            yield f"{name}=={version[:40]}"


def _describe_change(key: str, saved: Any, now: Any) -> str:
    return message("{key} (was {saved}, now {now})", key=key, saved=format_value(saved), now=format_value(now))


def _differences(one: Any, other: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Return the values that differ between two documents, by their dotted keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: values
            for name in one.keys() | other.keys()
            for key, values in _differences(one.get(name), other.get(name), f"{path}.{name}" if path else name).items()
        }
    return {} if one == other else {path: (one, other)}
