"""Where the weights of a run come from (`init_from`), and whether they were trained on texts that this run holds out.

A run that is fine-tuned must hold out the same texts as the run that it begins with: else the test split may contain
texts that the weights were trained on. The splits are the same by construction if the reader, the split and, for a
random split, the seed are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqkit.contracts.parameters import INIT_FROM
from seqkit.data.memory import MemoryReader
from seqkit.data.splits import SPLITS
from seqkit.errors import RecipeError
from seqkit.messages import format_value, message
from seqkit.recipe.initialization import InitFrom
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.yaml_parser import KeyPath
from seqkit.registry import load_registry


def sources(plan: Plan) -> dict[KeyPath, InitFrom]:
    """Return what is initialized from a run, by the key of the component."""
    return {spec.path: spec.init_from for spec in plan.components if spec.init_from}


def describe_sources(plan: Plan) -> list[dict[str, Any]]:
    """Return for each run that a plan is initialized from its name, data and split, for plan.json."""
    found: dict[Path, dict[str, Any]] = {}
    for path, init in sources(plan).items():
        entry = found.setdefault(init.run, {"run": str(plan.paths.get(init.run, init.run)), "components": []})
        entry["components"].append(".".join(path))
        entry |= _origin(init.source.document)
    return list(found.values())


def _origin(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what plan.json of a run says about its data, its split and the runs that it began with."""
    recipe = document["recipe"]
    origin = {"seed": recipe.get("seed"), "data": recipe.get("data"), "head": _type(recipe.get("head"))}
    origin |= {
        key: document[key] for key in ("files_sha256", "memory_sha256", "data_sha256", INIT_FROM) if key in document
    }
    return origin


def check_lineage(plan: Plan, files: Mapping[str, str], recipe: Recipe) -> list[str]:
    """Check that no run that a plan is initialized from was trained on its held-out texts.

    Args:
        plan: the plan.
        files: the sha256 of each file of data, by key of the recipe.
        recipe: the recipe, for messages.

    Returns:
        Notes about runs whose data cannot be compared.

    Raises:
        RecipeError: one may have been.
    """
    if not plan.split and not plan.side_readers:
        return []
    notes: dict[Path, str] = {}
    for path, init in sources(plan).items():
        if init.run in notes:
            continue
        notes[init.run] = ""
        for origin in _ancestors(_origin(init.source.document)):
            reason, is_certain = _difference(origin, plan, files)
            if not reason:
                continue
            if is_certain:
                text = message(
                    "{run} may have been trained on texts that are held out here: {reason}",
                    run=init.run,
                    reason=reason,
                )
                raise RecipeError([recipe.fault((*path, INIT_FROM), text)])
            notes[init.run] = message(
                "{run} was trained on other data ({reason}): make sure that it contains no text that is held out here",
                run=init.run,
                reason=reason,
            )
    return [note for note in notes.values() if note]


def _ancestors(origin: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the origin of a run, and those of the runs that it began with."""
    if isinstance(origin, Mapping):
        yield origin
        for earlier in origin.get(INIT_FROM, []):
            yield from _ancestors(earlier)


def _difference(origin: Mapping[str, Any], plan: Plan, files: Mapping[str, str]) -> tuple[str, bool]:
    """Return in what the held-out texts of a run differ from those of a plan, and whether the data is the same.

    Nothing is returned if its training split contains none of the texts that the plan holds out.
    """
    own, other = plan.as_data(), origin.get("data")
    other = other if isinstance(other, dict) else {}
    theirs = origin.get("files_sha256")
    theirs = theirs if isinstance(theirs, dict) else {}
    trained = theirs.get("data.path", origin.get("memory_sha256"))
    read = plan.memory.sha256() if isinstance(plan.memory, MemoryReader) else files.get("data.path")
    for split in SPLITS[1:]:
        if trained is not None and files.get(f"data.{split}.path") == trained:
            return message("it was trained on the file of data.{split}", split=split), True
    is_same_file = read == trained and (trained is not None or _reader(own) == _reader(other))
    if plan.split is None and is_same_file:
        return "", False
    is_by_text = plan.split is not None and plan.split.by == "hash"
    reader = _reader(own, plan)
    pairs = {
        # A run of an earlier version does not have all parameters.
        "data": (reader, reader | _reader(other, plan)),
        "data.split": (own["data"].get("split"), other.get("split")),
    }
    if plan.split is not None and plan.split.by == "random":
        pairs["seed"] = plan.seed, origin.get("seed")
        pairs["head"] = _stratifies(plan.head.name), _stratifies(origin.get("head"))
    differing = next((key for key, (one, two) in pairs.items() if one != two), "")
    if not differing and (is_same_file or is_by_text):
        return "", False
    if not is_same_file:
        return message("data.path"), False
    key, one, two = _first_difference(differing, *pairs[differing])
    return (
        message(
            "{key} is {one} here, and was {two} there: train both runs with the same data, split and seed",
            key=key,
            one=format_value(one),
            two=format_value(two),
        ),
        True,
    )


def _first_difference(key: str, one: Any, two: Any) -> tuple[str, Any, Any]:
    """Return the key, and both values, of the first difference between two values of a recipe."""
    if isinstance(one, dict) and isinstance(two, dict):
        for name in sorted(one.keys() | two.keys()):
            if one.get(name) != two.get(name):
                return _first_difference(f"{key}.{name}", one.get(name), two.get(name))
    return key, one, two


def _reader(recipe: Mapping[str, Any], plan: Plan | None = None) -> dict[str, Any]:
    """Return the parameters of the reader of a recipe, or of its section `data`; with a plan, without paths."""
    data = recipe.get("data", recipe)
    data = data if isinstance(data, dict) else {}
    skipped = {"split", *SPLITS, *(plan.reader.path_parameters if plan else ())}
    return {key: value for key, value in data.items() if key not in skipped}


def _type(section: Any) -> Any:
    return section.get("type") if isinstance(section, dict) else section


def _stratifies(head: Any) -> bool:
    """Return whether a random split for a head is stratified by label."""
    with suppress(LookupError):
        return bool(getattr(load_registry().get("head", str(head)).load(), "stratifies", True))
    return True
