"""Draft a recipe for a data file, from the first look at the file to the text of the recipe."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqkit.contracts import DataFile
from seqkit.drafting.budget import Fitted, fit
from seqkit.drafting.choose import Choice, choose
from seqkit.drafting.describe import describe_baseline, describe_chance, describe_splits, describe_time
from seqkit.drafting.siblings import usable_siblings
from seqkit.drafting.write import recipe_text, relative_path
from seqkit.errors import DataError, UsageError
from seqkit.look_alikes import FULL_WIDTH_COMMAS
from seqkit.messages import message, translate
from seqkit.readers.files import check_encoding
from seqkit.readers.inspection import inspect
from seqkit.recipe.run_name import run_name_of
from seqkit.registry.registry import Registry
from seqkit.tasks.columns import has_full_width_commas, named_labels, named_texts

DEFAULT_SPLIT = {"by": "hash", "valid": 0.1, "test": 0.1}


@dataclass(frozen=True)
class DraftedRecipe:
    """A recipe for a data file.

    Attributes:
        text: the recipe, as YAML with comments.
        file: what the file contains.
        choice: its task.
        fitted: the recipe that was tried.
    """

    text: str
    file: DataFile
    choice: Choice
    fitted: Fitted


def draft_recipe(
    data: Path,
    output: Path,
    registry: Registry,
    *,
    task: str | None = None,
    text: str | None = None,
    label: str | None = None,
    encoding: str | None = None,
    minutes: float = 5.0,
    schema: str | None = None,
) -> DraftedRecipe:
    """Return a recipe for a data file that was tried on it.

    Args:
        data: the file.
        output: where the recipe will be written, which its paths are relative to.
        registry: the installed components and tasks.
        task: the name of the task; by default, the one that the file fits best.
        text: the column of the text, or the two columns of a pair of texts, separated by a comma.
        label: the column of the label, or several columns of 0 and 1, separated by commas.
        encoding: the encoding of the file; by default, it is found from the bytes.
        minutes: the time that training may take on this machine.
        schema: the path of the JSON Schema for editors, relative to the recipe.

    Raises:
        DataError: the file cannot be read, or fits no task.
        UsageError: there is no such task, column or encoding.
    """
    try:
        encoding = encoding and check_encoding(encoding)
    except ValueError as error:
        raise UsageError("--" + str(error)) from None
    file = replace(inspect(data, encoding, "--encoding "), text=text, label=label, task=task)
    if has_full_width_commas(file):
        raise DataError(message("{file}: {reason}", file=file.path, reason=FULL_WIDTH_COMMAS))
    if file.columns:
        named_labels(file)
        named_texts(file)
    choice = choose(file, registry, task)
    section = {"type": choice.draft.recipe["data"]["type"], "path": str(data.resolve())}
    section |= {key: value for key, value in choice.draft.recipe["data"].items() if key != "type"}
    siblings, notes = usable_siblings(file, choice.draft.recipe["data"], encoding)
    section |= {split: {"path": str(path.resolve())} for split, path in siblings.items()}
    if "valid" not in siblings:
        split = choice.draft.split or DEFAULT_SPLIT
        section["split"] = {key: value for key, value in split.items() if key not in siblings}
    plugins = _plugins(choice, registry)
    name = _run_name(data) or choice.task.name
    recipe: dict[str, Any] = {"name": name, "seed": 1} | ({"plugins": plugins} if plugins else {})
    recipe |= {**choice.draft.recipe, "data": section}
    fitted = fit(recipe, choice.draft.smaller, registry, minutes)
    fitted.notes.extend([*choice.draft.notes, *notes])
    options = [f"`--label {shlex.quote(name)}`" for name in choice.draft.other_labels]
    if task is None and label is None:
        options += [f"`--task {name}`" for name in choice.likely]
    if fitted.baseline and (chance := describe_chance(fitted.baseline, options)):
        fitted.notes.append(chance)
    written = {**fitted.recipe, "data": _relative(fitted.recipe["data"], output.parent)}
    return DraftedRecipe(
        recipe_text(written, _head(data, output, choice, fitted), _comments(choice, fitted, encoding), schema),
        file,
        choice,
        fitted,
    )


def _relative(section: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    return {
        key: relative_path(Path(value), folder)
        if key == "path"
        else _relative(value, folder)
        if isinstance(value, Mapping)
        else value
        for key, value in section.items()
    }


def _plugins(choice: Choice, registry: Registry) -> list[str]:
    """Return the distributions that a recipe requires: that of its task, and those of its components."""
    own = registry.plugins[0].distribution
    found = [choice.task.distribution]
    for kind, section in (
        ("reader", "data"),
        *((each, each) for each in ("tokenizer", "embedding", "encoder", "head")),
    ):
        name = choice.draft.recipe.get(section, {}).get("type")
        if name in registry.names(kind):
            found.append(registry.get(kind, name).distribution)
    return [name for name in dict.fromkeys(found) if name != own]


def _run_name(data: Path) -> str:
    """Return the name of a file in lower-case letters, digits and hyphens; empty without letters and digits."""
    return run_name_of(data.name.removesuffix(".gz").split(".")[0].lower())


def _head(data: Path, output: Path, choice: Choice, fitted: Fitted) -> list[str]:
    summary = translate(choice.task.record.summary)
    lines = [
        message(
            "{summary}: {draft}. Written by `seqkit init` for {file}.",
            summary=summary[:1].upper() + summary[1:],
            draft=choice.draft.summary,
            file=data.name,
        ),
        "",
        f"  seqkit run {shlex.quote(str(output))}",
        "",
    ]
    if fitted.baseline:
        lines.append(
            message(
                "The baseline on the validation split is {baseline}: a recipe that does not pass it has learned "
                "nothing that simple statistics do not show.",
                baseline=describe_baseline(fitted.baseline),
            )
        )
    return lines


def _comments(choice: Choice, fitted: Fitted, encoding: str | None) -> dict[str, str]:
    comments = {
        "data.split": describe_splits(fitted.examples),
        "train": message(
            "{time} on this machine; {weights:,} weights", time=describe_time(fitted.seconds), weights=fitted.weights
        ),
    }
    if "encoding" in fitted.recipe["data"] and encoding is None:
        comments["data.encoding"] = message("found from the bytes of the file")
    if not comments["data.split"]:
        del comments["data.split"]
    if "steps" in fitted.recipe["train"]:
        comments["train.steps"] = message("less than one epoch: set --minutes, or a smaller model, for more")
    comments |= choice.draft.comments
    if fitted.cut_texts and "tokenizer" in comments:
        comments["tokenizer"] = message("{why}; {note}", why=comments["tokenizer"], note=fitted.cut_texts)
    return comments
