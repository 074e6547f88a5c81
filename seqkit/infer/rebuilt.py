"""A run's plan, model and reader built again from its directory, with whatever plugins they need."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import DataError, PluginError, RecipeError, SeqkitError, UsageError
from seqkit.hookspecs import KINDS
from seqkit.rundir import RunDirectory

if TYPE_CHECKING:
    from seqkit.contracts import Reader, Tokenizer
    from seqkit.model import Model
    from seqkit.plan import Plan
    from seqkit.registry import Registry


def rebuilt_plan(directory: RunDirectory, document: Mapping[str, Any]) -> Plan:
    """Resolves the recipe of plan.json among what is installed here.

    Raises:
        PluginError: what a component comes from is not installed.
        DataError: the recipe is damaged.
    """
    from seqkit.recipe import Recipe
    from seqkit.registry import load_registry
    from seqkit.resolve import resolve

    registry = load_registry()
    _check_installed(directory.path, document.get("components", []), registry)
    try:
        return resolve(Recipe(json.loads(json.dumps(document["recipe"])), ""), registry)
    except RecipeError as error:
        fault, more = error.faults[0], len(error.faults) - 1
        message = f"{fault.key}: {fault.message}" + (f" (and {more} more)" if more else "")
        raise DataError(f"{directory.plan}: damaged: {message}") from None


def rebuilt_model(directory: RunDirectory, plan: Plan, tokenizer: Tokenizer | None, fitted: Mapping[str, Any]) -> Model:
    """Builds the torch modules of a run, with its weights, ready to answer.

    Args:
        tokenizer: restored; None where the run reads features.
        fitted: tokenizer.json.

    Raises:
        DataError: a file of the run is damaged.
    """
    import torch

    from seqkit.model import build_model
    from seqkit.plan import BuildError
    from seqkit.weights import load_weights, read_weights

    try:
        head = plan.head.build()
        head.restore(fitted["head"])
    except Exception as error:  # a plugin may trip over a damaged state in any way
        message = f"{directory.tokenizer}: damaged: the head cannot read its state: {reason(error)}"
        raise DataError(message) from error
    with torch.random.fork_rng(devices=[]):
        try:
            model = build_model(plan, tokenizer, head, fitted["features"])
        except BuildError as error:
            raise DataError(f"{directory.plan}: {'.'.join(error.path)}: {error}") from None
        except SeqkitError:
            raise
        except Exception as error:
            raise DataError(f"{directory.plan}: the model cannot be built: {reason(error)}") from error
    load_weights(model, read_weights(directory.model), directory.model)
    return model.eval()


def rebuilt_reader(plan: Plan, path: Path) -> Reader:
    """Builds the recipe's reader on another file.

    Raises:
        UsageError: it reads no file, or not this one.
    """
    from seqkit.signature import parameters

    spec = plan.reader
    if "path" not in spec.values:
        raise UsageError(f"the reader '{spec.name}' reads no file: evaluate in Python, on (input, target) pairs")
    reader: Any = spec.cls
    defaults = {name: parameters(reader)[name].default for name in reader.own_file}
    values = spec.values | defaults | {"path": path}
    if values.get("format") in ("csv", "tsv", "jsonl"):
        values["format"] = "auto" if path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".ndjson") else values["format"]
    try:
        return reader(**values)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


def reason(error: Exception) -> str:
    """Returns what went wrong, in a line."""
    return str(error) if isinstance(error, SeqkitError) else f"{type(error).__name__}: {error}".split("\n")[0]


def _check_installed(path: Path, components: Sequence[Mapping[str, str]], registry: Registry) -> None:
    """Raises PluginError naming what to install when the provider of a component is not here, or is older."""
    from seqkit.needed_plugins import refuse_if_older
    from seqkit.registry import SESSION

    registry.check()
    for component in components:
        kind, name, distribution = (str(component.get(key)) for key in ("kind", "name", "distribution"))
        if kind not in KINDS:
            continue
        if name in registry.names(kind):
            here = registry.get(kind, name)
            refuse_if_older(path, component, here.distribution, here.version)
            continue
        if distribution == SESSION:
            remedy = "it was registered by a script: do so again (`seqkit.register`) before loading the run"
        else:
            remedy = f"install {distribution} {component.get('version')}"
        raise PluginError(f"{path}: the {kind} '{name}' is not here: {remedy}")
