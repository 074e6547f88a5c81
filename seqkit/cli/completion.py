"""What the shell completes: components, keys of a recipe, recipes and run directories. Nothing here imports torch.

click calls these functions when the shell asks for completions: see "Completion" in README.md.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from seqkit.errors import SeqkitError
from seqkit.hookspecs import KINDS

if TYPE_CHECKING:
    from seqkit.recipe.parameters import Parameter


def complete_kind(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the kinds of component."""
    return _starting(KINDS, incomplete)


def complete_component(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the components of the kind on the command line."""
    from seqkit.registry import load_registry

    kind = ctx.params.get("kind")
    return _starting(load_registry().names(kind), incomplete) if kind in KINDS else []


def complete_plugin(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the distributions of the installed plugins."""
    from seqkit.registry import load_registry

    return _starting(sorted({plugin.distribution for plugin in load_registry().plugins}), incomplete)


def complete_shipped_recipe(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the recipes that installed packages ship."""
    from seqkit.recipe.shipped import shipped_recipes
    from seqkit.registry import load_registry

    distributions = ["seqkit", *(plugin.distribution for plugin in load_registry().plugins)]
    return _starting([recipe.name for recipe in shipped_recipes(distributions)], incomplete)


def complete_recipe(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the recipes whose path begins like this, those in `recipes/` too; else let the shell complete a file."""
    found = {*_paths(incomplete, "*.yaml"), *_starting(_paths("recipes/", "*.yaml"), incomplete)}
    return [CompletionItem(path) for path in sorted(found)] or [CompletionItem(incomplete, type="file")]


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the run directories whose path begins like this, those in `runs/` too; else let the shell complete one."""
    plans = {*_paths(incomplete, "*/plan.json"), *_paths("runs/", "*/plan.json")}
    found = _starting((plan.removesuffix("/plan.json") for plan in plans), incomplete)
    return [CompletionItem(path) for path in sorted(found)] or [CompletionItem(incomplete, type="dir")]


def complete_override(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the keys that the recipe on the command line can have: `train.epochs=`."""
    if "=" in incomplete:
        return []
    keys = set(_section_keys())
    with suppress(SeqkitError, KeyError):  # the command reports what is wrong with the recipe
        keys |= set(_recipe_keys(Path(ctx.params["recipe"])))
    return [f"{key}=" for key in _starting(sorted(keys), incomplete)]


def _section_keys() -> Iterator[str]:
    """Yield the keys of the sections that are not components, and those of the components that are their defaults."""
    from seqkit.recipe.schema import Settings

    for key, parameter in _settings(Settings, ""):
        yield key
        if parameter.nested and parameter.default:
            yield from _component_keys(key, parameter.nested, parameter.default)


def _settings(cls: type, prefix: str) -> Iterator[tuple[str, Parameter]]:
    """Yield the keys of a section that are not sections themselves, at any depth, and their parameters."""
    from seqkit.recipe.parameters import parameters

    for parameter in parameters(cls).values():
        key = f"{prefix}{parameter.name}"
        if parameter.is_list or not parameter.sections:
            yield key, parameter
            continue
        for section in parameter.sections:
            yield from _settings(section, f"{key}.")


def _recipe_keys(recipe: Path) -> Iterator[str]:
    """Yield the keys that a recipe sets, and those of its components."""
    from seqkit.recipe.plan import SECTIONS
    from seqkit.recipe.schema import Settings
    from seqkit.recipe.source import read_recipe

    data = read_recipe(recipe).data
    yield from _keys_below(data, "")
    places = [*SECTIONS.items(), *((key, each.nested) for key, each in _settings(Settings, "") if each.nested)]
    for place, kind in places:
        value: Any = data
        for key in place.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        name = value.get("type") if isinstance(value, dict) else value
        if isinstance(name, str):
            yield from _component_keys(place, kind, name)


def _component_keys(place: str, kind: str, name: str) -> Iterator[str]:
    """Yield the keys of a component, if it is installed."""
    from seqkit.registry import load_registry

    if name in (registry := load_registry()).names(kind):
        yield f"{place}.type"
        target = registry.get(kind, name).record.target
        yield from (f"{place}.{key}" for key in _keyword_parameters(str(target)))


def _keys_below(value: Any, prefix: str) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _keys_below(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _keyword_parameters(target: str) -> list[str]:
    """Return the keyword-only parameters of a class from its source: importing an encoder would import torch.

    Args:
        target: `package.module:Class`.
    """
    module, _, name = target.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    while name in classes:
        for node in classes[name].body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return [argument.arg for argument in node.args.kwonlyargs]
        bases = [base.id for base in classes[name].bases if isinstance(base, ast.Name) and base.id in classes]
        name = bases[0] if bases else ""
    return []


def _paths(beginning: str, pattern: str) -> list[str]:
    """Return the files whose path begins like this and continues by a pattern; hidden ones only if it asks for them."""
    folder, slash, name = beginning.rpartition("/")
    base = Path(folder + slash)
    found = [str(path.relative_to(base)) for path in base.glob(f"{escape(name)}{pattern}")]
    return [f"{folder}{slash}{path}" for path in found if name or not path.startswith(".")]


def _starting(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
