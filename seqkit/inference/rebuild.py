"""Rebuild the plan, tokenizer, model and reader of a run from its directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import WithSpecialTokens
from seqkit.errors import DataError, PluginError, SeqkitError, UsageError
from seqkit.hookspecs import KINDS
from seqkit.messages import message, without_name
from seqkit.runs.directory import RunDirectory
from seqkit.runs.tensors import read_shapes

if TYPE_CHECKING:
    from seqkit.contracts import Reader, Tokenizer
    from seqkit.modeling.model import Model
    from seqkit.recipe.plan import Plan, Spec
    from seqkit.registry.registry import Registry


def rebuild_plan(directory: RunDirectory, document: Mapping[str, Any]) -> Plan:
    """Resolve the recipe of plan.json with the components that are installed, for a run that is not trained further.

    Args:
        directory: the run directory.
        document: the content of plan.json.

    Raises:
        PluginError: the distribution of a component is not installed.
        DataError: the recipe is corrupt.
    """
    from seqkit.recipe.saved import TRAINING_KINDS, resolve_saved
    from seqkit.registry import load_registry

    registry = load_registry()
    components = [
        each for each in document.get("components", []) if each.get("kind") not in (*TRAINING_KINDS, "metric")
    ]
    _check_installed(directory.path, components, document["recipe"].get("plugins"), registry)
    from seqkit.modeling.size_limit import count_limit, limited_size

    # Without the file, which is reported when it is needed, a small model is assumed.
    shapes = read_shapes(directory.model) if directory.model.is_file() else {}
    if (count := _count_components(document["recipe"])) > count_limit(shapes):
        raise DataError(
            message(
                "{file}: corrupt: it names {count:,} components, but {model} has {weights:,} weights",
                file=directory.plan,
                count=count,
                model=directory.model.name,
                weights=len(shapes),
            )
        )
    with limited_size(shapes, directory.model):
        return resolve_saved(directory, document, registry, for_training=False)


def rebuild_reader_spec(directory: RunDirectory, document: Mapping[str, Any]) -> Spec:
    """Resolve the reader of plan.json alone, without torch. Takes the arguments of `rebuild_plan`, and raises as it."""
    from seqkit.recipe.saved import resolve_saved_reader
    from seqkit.registry import load_registry

    registry = load_registry()
    components = [component for component in document.get("components", []) if component.get("kind") == "reader"]
    _check_installed(directory.path, components, document["recipe"].get("plugins"), registry)
    return resolve_saved_reader(directory, document, registry)


def restore_tokenizer(tokenizer: Tokenizer, directory: RunDirectory, fitted: Mapping[str, Any]) -> Tokenizer:
    """Restore the state of a tokenizer, and return it with the special tokens that components requested.

    Args:
        tokenizer: the tokenizer, not fitted.
        directory: the run directory, for messages.
        fitted: the content of tokenizer.json.

    Raises:
        PluginError: the tokenizer raised it.
        DataError: the tokenizer rejects the state.
    """
    if fitted["special_tokens"]:
        tokenizer = WithSpecialTokens(tokenizer, fitted["special_tokens"])
    try:
        tokenizer.restore(fitted["tokenizer"])
    except PluginError:
        raise
    except Exception as error:  # a plugin can fail on a corrupt state in any way
        raise DataError(
            message(
                "{file}: corrupt: the tokenizer cannot read its state: {reason}",
                file=directory.tokenizer,
                reason=first_line(error),
            )
        ) from error
    return tokenizer


def rebuild_model(directory: RunDirectory, plan: Plan, tokenizer: Tokenizer | None, fitted: Mapping[str, Any]) -> Model:
    """Build the torch modules of a run with its weights, in evaluation mode.

    Args:
        directory: the run directory.
        plan: the plan of the run.
        tokenizer: the restored tokenizer; None if the reader yields features.
        fitted: the content of tokenizer.json.

    Raises:
        DataError: a file of the run is missing or corrupt.
    """
    import torch

    from seqkit.modeling.size_limit import TooLargeError, check_shapes, limited_size
    from seqkit.modeling.weights import load_weights, read_weights
    from seqkit.recipe.no_compiler import meta_device

    shapes = read_shapes(directory.model)
    with torch.random.fork_rng(devices=[]), limited_size(shapes, directory.model):
        try:
            with meta_device():  # without memory for the weights
                empty = _build_model(directory, plan, tokenizer, fitted)
        except TooLargeError:
            raise
        except Exception:  # a constructor computes with its weights; any other error is raised again below
            pass
        else:
            check_shapes(empty, shapes, directory.model)
        model = _build_model(directory, plan, tokenizer, fitted)
    load_weights(model, read_weights(directory.model), directory.model)
    return model.eval()


def _build_model(directory: RunDirectory, plan: Plan, tokenizer: Tokenizer | None, fitted: Mapping[str, Any]) -> Model:
    """Build the torch modules of a run, with initial weights. Raises as `rebuild_model` does."""
    from seqkit.modeling.model import build_model
    from seqkit.recipe.plan import BuildError

    if tokenizer is None and fitted["features"] is None:
        raise DataError(message("{file}: corrupt: 'features' is missing", file=directory.tokenizer))
    try:
        head = plan.head.build()
        head.restore(fitted["head"])
    except Exception as error:  # a plugin can fail on a corrupt state in any way
        raise DataError(
            message(
                "{file}: corrupt: the head cannot read its state: {reason}",
                file=directory.tokenizer,
                reason=first_line(error),
            )
        ) from error
    try:
        return build_model(plan, tokenizer, head, fitted["features"])
    except BuildError as error:
        raise DataError(
            message("{file}: {key}: {reason}", file=directory.plan, key=".".join(error.path), reason=error)
        ) from None
    except SeqkitError:
        raise
    except Exception as error:
        raise DataError(
            message("{file}: the model cannot be built: {reason}", file=directory.plan, reason=first_line(error))
        ) from error


def rebuild_reader(spec: Spec, path: Path, changes: Mapping[str, Any], *, with_targets: bool, pairs: bool) -> Reader:
    """Build the reader of a run for another file.

    Args:
        spec: the reader of the run.
        path: the other file.
        changes: parameters that replace those of the recipe.
        with_targets: whether to read targets too, for evaluation.
        pairs: whether the run reads pairs of texts.

    Raises:
        UsageError: the reader reads no file, or not this one; it does not yield what the run reads; or it has no such
            parameter, or rejects its value.
    """
    if "path" not in spec.values:
        remedy = message("evaluate (input, target) pairs in Python") if with_targets else message("pass texts")
        raise UsageError(message("the reader '{name}' reads no file: {remedy}", name=spec.name, remedy=remedy))
    reader: Any = spec.cls
    values = reader.for_path(path, spec.values)
    if not with_targets:
        values = reader.without_targets(values)
    values |= _checked(changes, spec)
    try:
        built: Reader = reader(**values)
    except ValueError as error:
        reason = str(error)
        if reason.startswith(f"path {path}"):
            reason = without_name(without_name(reason, "path"), str(path))
        raise UsageError(message("{file}: {reason}", file=path, reason=reason)) from None
    if built.yields_pairs != pairs:
        wanted = message("pairs of texts, not single texts") if pairs else message("single texts, not pairs")
        raise UsageError(
            message(
                "{file}: this run reads {wanted}: keep the recipe's parameters of the reader", file=path, wanted=wanted
            )
        )
    return built


def _checked(changes: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """Return parameters of a reader, checked and converted like those of a recipe.

    Raises:
        UsageError: the reader has no such parameter, or one of another type.
    """
    from seqkit.recipe.parameters import parameters
    from seqkit.recipe.values import check_values

    for key, parameter in parameters(spec.cls).items():
        if key in changes and (key == "path" or parameter.nested):
            raise UsageError(message("{key} cannot be set here: set it in the recipe", key=key))
    values, problems = check_values(spec.cls, changes)
    for problem in problems:
        if problem.path[0] in changes:
            raise UsageError(
                message(
                    "the reader '{reader}': {key}: {reason}",
                    reader=spec.name,
                    key=".".join(problem.path),
                    reason=problem.text,
                )
            )
    return {key: value.expanduser() if isinstance(value := values[key], Path) else value for key in changes}


def first_line(error: Exception) -> str:
    """Return the message of an error that seqkit raised; of any other error, its type and the first line."""
    return str(error) if isinstance(error, SeqkitError) else f"{type(error).__name__}: {error}".split("\n")[0]


def _count_components(value: Any) -> int:
    """Return the number of components that a recipe names."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, dict) and "type" in value) + sum(map(_count_components, children))


def _check_installed(path: Path, components: Sequence[Mapping[str, str]], plugins: object, registry: Registry) -> None:
    """Check that the components of a run are installed.

    Raises:
        PluginError: one is not installed, or only an older version is; the message says what to install.
    """
    from seqkit.registry.records import SESSION
    from seqkit.registry.requirements import check_not_older, find_source, how_to_install

    registry.check()
    for component in components:
        kind, name, distribution = (str(component.get(key)) for key in ("kind", "name", "distribution"))
        if kind not in KINDS:
            continue
        if name in registry.names(kind):
            installed = registry.get(kind, name)
            check_not_older(path, component, installed.distribution, installed.version)
            continue
        if distribution == SESSION:
            raise PluginError(
                message(
                    "{run}: the {kind} '{name}' was registered by a script: call `seqkit.register` before loading the "
                    "run",
                    run=path,
                    kind=kind,
                    name=name,
                )
            )
        requirement = f"{distribution}>={component['version']}" if component.get("version") else distribution
        raise PluginError(
            message(
                "{run}: the {kind} '{name}' of {distribution} is not installed: {remedy}",
                run=path,
                kind=kind,
                name=name,
                distribution=distribution,
                remedy=how_to_install(requirement, find_source(distribution, plugins, path)),
            )
        )
