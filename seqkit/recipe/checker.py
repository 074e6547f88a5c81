"""Check the components and values of a recipe, and collect what is wrong."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from seqkit.contracts.parameters import INIT_FROM
from seqkit.errors import Fault, PluginError
from seqkit.look_alikes import explain_short_form
from seqkit.messages import format_value, listed, message
from seqkit.recipe.initialization import KINDS, InitFrom, find_problem
from seqkit.recipe.parameters import Parameter, list_of, parameters, with_article
from seqkit.recipe.paths import absolute_path, why_unusable, written_path
from seqkit.recipe.plan import Spec
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.section import Section
from seqkit.recipe.values import check_values
from seqkit.recipe.yaml_parser import KeyPath
from seqkit.registry.registry import Registry
from seqkit.runs.directory import RunDirectory

SectionT = TypeVar("SectionT", bound=Section)


class Checker:
    """Checks components and values wherever they are in a recipe.

    Attributes:
        faults: what is wrong so far.
        notes: what the user is to know of a recipe that is right.
        paths: the paths of the recipe: as it names them, by their absolute form.
    """

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self.recipe = recipe
        self.registry = registry
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.paths: dict[Path, Path] = {}

    def values(self, cls: type, values: dict[str, Any], path: KeyPath = ()) -> dict[str, Any]:
        """Check the values of a section or component, and report what is wrong with them."""
        checked, problems = check_values(cls, values, self.classes_of)
        for problem in problems:
            self.fault((*path, *problem.path), problem.text, at_key=problem.at_key, rejected=problem.rejected)
        return checked

    def with_components(self, section: SectionT, given: Any, path: KeyPath = ()) -> SectionT:
        """Return a section with the components that it holds, at any depth, checked; None for one that is wrong."""
        given = given if isinstance(given, dict) else {}
        changes: dict[str, Any] = {}
        for name, parameter in parameters(type(section)).items():
            here = (*path, name)
            if parameter.nested:
                changes[name] = self.nested(parameter, given, here)
            elif isinstance(inner := getattr(section, name), Section):
                changes[name] = self.with_components(inner, given.get(name), here)
        return replace(section, **changes)

    def classes_of(self, kind: str) -> list[type]:
        """Return the classes of the installed components of a kind, without those that cannot be loaded."""
        classes = []
        for registered in self.registry.all(kind):
            with suppress(PluginError):
                classes.append(registered.load())
        return classes

    def component(self, kind: str, value: Any, path: KeyPath, default: str | None = None) -> Spec | None:
        """Find a component and check its parameters, nested components included.

        Args:
            kind: of the component.
            value: its name, or a mapping.
            path: of the value in the recipe.
            default: the name of the component if the mapping has no `type`; None if it must have one.

        Returns:
            The component; None if something is wrong.
        """
        known, article = listed(self.registry.names(kind)), with_article(kind)
        name_path = path
        if isinstance(value, dict):
            name_path = (*path, "type")
            if default is not None:
                value = {"type": default} | value
            if "type" not in value:
                self.fault(name_path, message("is required: one of {known}", known=known), at_key=True)
                return None
        elif isinstance(value, str):
            value = {"type": value}
        else:
            text = message(
                "must be a mapping with `type:`, or the name of {component}, not {value}",
                component=article,
                value=format_value(value),
            )
            self.fault(path, text)
            return None
        name = value["type"]
        if not isinstance(name, str) or not name:
            text = message(
                "must be the name of {component} ({known}), not {value}",
                component=article,
                known=known,
                value=format_value(name),
            )
            self.fault(name_path, text)
            return None
        try:
            registered = self.registry.get(kind, name)
        except LookupError as error:
            if name_path == path:
                self.fault(path, str(error) + explain_short_form(name))
            else:
                self.fault(name_path, str(error), rejected=name)
            return None
        cls = registered.load()
        given = {
            key: item for key, item in value.items() if key != "type" and not self.is_left_over((*path, key), name, cls)
        }
        before = len(self.faults)
        init_from = None if INIT_FROM in parameters(cls) else self.init_from(kind, given, path)
        checked = self.values(cls, given, path)
        for parameter in parameters(cls).values():
            here = (*path, parameter.name)
            if parameter.nested:
                checked[parameter.name] = self.nested(parameter, given, here)
            elif parameter.is_path and isinstance(checked.get(parameter.name), Path):
                checked[parameter.name] = self.absolute(checked[parameter.name], given.get(parameter.name), here)
                if parameter.is_read_once and not self.recipe.restored_from:
                    self.check_training_file(checked[parameter.name], here)
        if len(self.faults) == before:
            self.check_effects(cls, checked, given, path)
        if len(self.faults) > before:
            return None
        values = {key: checked[key] for key in parameters(cls)}
        spec = Spec(registered, cls, path, values, name_path, self.recipe.restored_from, init_from=init_from)
        if init_from and not spec.restored_from and (problem := find_problem(init_from, kind, name, path)):
            self.fault((*path, INIT_FROM), problem)
            return None
        return replace(spec, state=self.learned_state(path)) if spec.is_restored else spec

    def check_effects(self, cls: type, checked: dict[str, Any], given: dict[str, Any], path: KeyPath) -> None:
        """Report the parameters that have no effect because another one is not set, or note it if that one is off."""
        for parameter in parameters(cls).values():
            needed, here = parameter.requires, (*path, parameter.name)
            if needed is None or checked[parameter.name] == parameter.default or needed.is_met(checked[needed.name]):
                continue
            if needed.name in given or written_path(self.recipe, here) in self.recipe.left_over:
                self.notes.append(message("{key} has no effect without {needed}", key=".".join(here), needed=needed))
            else:
                self.fault(
                    here, message("has no effect without {needed}: set that too, or remove this key", needed=needed)
                )

    def is_left_over(self, path: KeyPath, name: str, cls: type) -> bool:
        """Return whether a key was set for the type that a component had before, and its type now has no such key."""
        here = written_path(self.recipe, path)
        if here not in self.recipe.left_over or path[-1] == INIT_FROM or path[-1] in parameters(cls):
            return False
        text = message("{key} is not used: '{name}' has no such parameter", key=".".join(here), name=name)
        self.notes.append(text)
        return True

    def init_from(self, kind: str, given: dict[str, Any], path: KeyPath) -> InitFrom | None:
        """Remove `init_from` from the values of a component, and return it checked; None without it."""
        here, value = (*path, INIT_FROM), given.pop(INIT_FROM, None)
        if value is None:
            return None
        if kind not in KINDS:
            text = message("only a tokenizer, an embedding or an encoder begins with what a run has learned: remove it")
            self.fault(here, text, at_key=True)
            return None
        if not isinstance(value, str | dict):
            text = message("must be a run directory, or a mapping with `run:`, not {value}", value=format_value(value))
            self.fault(here, text)
            return None
        values = self.values(InitFrom, value if isinstance(value, dict) else {"run": value}, here)
        if not isinstance(values.get("run"), Path) or self.is_faulty(here):
            return None
        at_run = (*here, "run") if isinstance(value, dict) else here
        values["run"] = self.absolute(values["run"], value["run"] if isinstance(value, dict) else value, at_run)
        return InitFrom(**values)

    def check_training_file(self, file: Path, here: KeyPath) -> None:
        """Report a file that cannot be read, which a constructor would do without its place in the recipe."""
        if not self.is_faulty(here) and (reason := why_unusable(file, is_resumed=False)):
            self.fault(here, reason)

    def learned_state(self, path: KeyPath) -> dict[str, Any]:
        """Return what a component learned in the run that it is restored from."""
        assert self.recipe.restored_from is not None
        fitted = RunDirectory(self.recipe.restored_from).read_fitted()
        if path in (("tokenizer",), ("head",)):
            return fitted[path[0]] or {}
        return fitted["components"].get(".".join(path), {})

    def nested(self, parameter: Parameter, given: dict[str, Any], path: KeyPath) -> Spec | list[Spec | None] | None:
        """Check a parameter that is a component, or a list of them."""
        kind, default = str(parameter.nested), parameter.default
        if parameter.is_list and not parameter.required and parameter.name not in given:
            return []
        # plan.json contains an optional component that is left out as null
        is_left_out = parameter.name not in given or (given[parameter.name] is None and default is None)
        if is_left_out and not parameter.required:
            return None if default is None else self.component(kind, default, path)
        if parameter.name not in given:
            wanted = list_of(kind) if parameter.is_list else with_article(kind)
            self.fault(path, message("is required: {wanted}", wanted=wanted), at_key=True)
            return None
        value = given[parameter.name]
        if not parameter.is_list:
            return self.component(kind, value, path, default)
        if not isinstance(value, list) or (parameter.required and not value):
            wanted = list_of(kind, at_least_one=parameter.required)
            text = message("must be {wanted}, not {value}", wanted=wanted, value=format_value(value))
            self.fault(path, text, rejected=value)
            return []
        return [self.component(kind, item, (*path, str(place))) for place, item in enumerate(value)]

    def absolute(self, path: Path, given: Any, here: KeyPath) -> Path:
        """Return a path relative to the file that contains it, as an absolute path, and record how it is written."""
        try:
            absolute = absolute_path(self.recipe, path, given, written_path(self.recipe, here))
        except ValueError as error:
            self.fault(here, str(error), rejected=given)
            return path
        self.paths[absolute] = path
        return absolute

    def fault(self, path: KeyPath, text: str, *, at_key: bool = False, rejected: Any = None) -> None:
        """Report that something is wrong at a value, or at its key; the arguments are those of `Recipe.fault`."""
        here = written_path(self.recipe, path, or_missing=at_key)
        self.faults.append(self.recipe.fault(here, text, at_key=at_key, rejected=rejected))

    def is_faulty(self, path: KeyPath) -> bool:
        """Return whether there is a fault at a path or below."""
        key = ".".join(path)
        return any(f"{fault.key}.".startswith(f"{key}.") for fault in self.faults)
