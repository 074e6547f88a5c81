"""A recipe into a plan, or into every fault that it has."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.compatibility import Built, conflicts
from seqkit.errors import Fault, PluginError, RecipeError, in_order, suggest
from seqkit.needed_plugins import check_plugins
from seqkit.plan import DEFAULTS, SECTIONS, SIDES, BuildError, Plan, Spec
from seqkit.problems import home_of, leave_out, problems, show_value, with_article
from seqkit.recipe import Recipe
from seqkit.registry import Registry
from seqkit.trial import huge, try_out
from seqkit.yaml_marks import Path as KeyPath

if TYPE_CHECKING:
    from seqkit.settings import HashSplit, OrderSplit, RandomSplit, Top


def resolve(recipe: Recipe, registry: Registry) -> Plan:
    """Looks up and checks everything that a recipe says.

    Raises:
        RecipeError: every fault found, in the order of the file.
        PluginError: the registry is unusable, or a component breaks its contract.
    """
    registry.check()
    resolver = _Resolver(recipe, registry)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plan = resolver.plan()
    if resolver.faults or plan is None:
        raise RecipeError(in_order(resolver.faults))
    plan.notes.extend(dict.fromkeys(str(item.message) for item in caught if issubclass(item.category, UserWarning)))
    return plan


class _Resolver:
    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self.recipe = recipe
        self.registry = registry
        self.faults: list[Fault] = []

    def fault(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        self.faults.append(self.recipe.fault(path, message, at_key=at_key))

    def plan(self) -> Plan | None:
        top = self.top()
        check_plugins(top.plugins, self.registry, lambda place: self.recipe.fault(("plugins", str(place)), "").where)
        self.unknown_sections()
        split = self.split()
        reader, side_readers = self.readers()
        specs = {key: self.section(key) for key in SECTIONS if key != "data"}
        built = Built(
            reader=self.try_build(reader),
            encoder=self.try_encoder(specs["encoder"]),
            head=self.try_build(specs["head"]),
        )
        for spec in (specs["tokenizer"], *side_readers.values()):
            self.try_build(spec)
        # Whether there is a validation split is not known where `data` is at fault.
        validates = "valid" in side_readers or bool(split and split.valid) or self.faulty("data")
        for problem in conflicts(top, validates, specs, built, self.named_at):
            if not self.faulty(".".join(problem.path)):
                self.fault(problem.path, problem.message, at_key=problem.at_key)
        if self.faults or reader is None or specs["encoder"] is None or specs["head"] is None:
            return None
        return Plan(
            name=top.name or self.recipe.default_name,
            seed=top.seed,
            reader=reader,
            side_readers=side_readers,
            split=split,
            tokenizer=specs["tokenizer"],
            embedding=specs["embedding"],
            encoder=specs["encoder"],
            head=specs["head"],
            train=top.train,
            generate=top.generate,
            predict=top.predict,
            plugins=top.plugins,
            baseline=top.baseline in ("on", True),
        )

    def unknown_sections(self) -> None:
        from seqkit.settings import Top

        known = [*Top.model_fields, *SECTIONS]
        for key in self.recipe.data:
            if key == "extends":
                self.fault((key,), "can only be written in the recipe's file: it says what the rest is laid over")
            elif key not in known:
                home = "data" if key == "split" else home_of(key, Top)
                inside = f"; write it inside `{home}:`" if home else ""
                hint = inside or suggest(key, [*known, "extends"]) or f"; known: {', '.join(known)}"
                self.fault((key,), f"no such section{hint}", at_key=True)

    def top(self) -> Top:
        """Checks what is no component; what is sound of it is returned, so that it can be checked with the rest."""
        from pydantic import ValidationError

        from seqkit.settings import Top

        values = {key: value for key, value in self.recipe.data.items() if key in Top.model_fields}
        try:
            return Top.model_validate(values)
        except ValidationError as error:
            found = problems(error, Top, values)
        for problem in found:
            self.fault(problem.path, problem.message, at_key=problem.at_key)
        sound = copy.deepcopy(values)
        for problem in found:
            leave_out(sound, problem.path)
        try:
            return Top.model_validate(sound)
        except ValidationError as error:
            faulty = {problem.path[0] for problem in problems(error, Top, sound)}
            return Top.model_validate({key: value for key, value in sound.items() if key not in faulty})

    def split(self) -> HashSplit | RandomSplit | OrderSplit | None:
        from pydantic import BaseModel, ConfigDict, ValidationError

        from seqkit.settings import Split

        class Data(BaseModel):
            model_config = ConfigDict(strict=True)
            split: Split

        section = self.recipe.data.get("data")
        if not isinstance(section, dict) or section.get("split") is None:
            return None
        values = {"split": section["split"]}
        try:
            return Data.model_validate(values).split
        except ValidationError as error:
            for problem in problems(error, Data, values):
                self.fault(("data", *problem.path), problem.message, at_key=problem.at_key)
            return None

    def readers(self) -> tuple[Spec | None, dict[str, Spec]]:
        """Resolves `data`, and `data.valid` and `data.test` where they name a source of their own."""
        section = self.recipe.data.get("data")
        reader = self.section("data", leave_out=("split", *SIDES))
        sides: dict[str, Spec] = {}
        name = section.get("type") if isinstance(section, dict) else None
        if not isinstance(section, dict) or name not in self.registry.names("reader"):
            return reader, sides
        for side in SIDES:
            changes = section.get(side)
            if changes is None:
                continue
            path = ("data", side)
            if not isinstance(changes, dict):
                self.fault(path, "must be a mapping of what differs from `data`: `{path: test.csv}`")
                continue
            split = section.get("split")
            if isinstance(split, dict) and (split.get(side) or (side == "test" and split.get("folds"))):
                self.fault(path, f"`data.split` cuts a {side} part too; leave one of them out", at_key=True)
            base = {key: value for key, value in section.items() if key not in ("split", *SIDES)}
            spec = self.component("reader", base | changes, path, defaults_at=("data",))
            if spec:
                sides[side] = spec
        return reader, sides

    def section(self, key: str, leave_out: tuple[str, ...] = ()) -> Spec | None:
        value = self.recipe.data.get(key)
        if value is None:
            if key in self.recipe.data or key not in DEFAULTS:
                kind, default = SECTIONS[key], DEFAULTS.get(key)
                message = f"is required: name {with_article(kind)} (`seqkit list {kind}` shows them)"
                self.fault((key,), message + (f", or leave the key out for '{default}'" if default else ""))
                return None
            if self._reads_features():
                return None
            value = DEFAULTS[key]
        elif key == "tokenizer" and self._reads_features():
            self.fault((key,), "this reader yields features, which need none; leave it out", at_key=True)
            return None
        if isinstance(value, dict):
            value = {name: item for name, item in value.items() if name not in leave_out}
        spec = self.component(SECTIONS[key], value, (key,))
        if key == "embedding" and spec is not None:
            return self.fitting_embedding(spec)
        return spec

    def fitting_embedding(self, spec: Spec) -> Spec | None:
        """Returns an embedding that takes what the reader yields."""
        given = "features" if self._reads_features() else "ids"
        takes = getattr(spec.cls, "takes", "ids")
        if takes == given:
            return spec
        remedy = "leave it out" if given == "features" else f"'{DEFAULTS['embedding']}' takes them"
        self.fault(self.named_at(spec.path), f"'{spec.name}' takes {takes}, and this reader yields {given}; {remedy}")
        return None

    def _reads_features(self) -> bool:
        section = self.recipe.data.get("data")
        name = section.get("type") if isinstance(section, dict) else section
        if not isinstance(name, str) or name not in self.registry.names("reader"):
            return False
        return getattr(self.registry.get("reader", name).load(), "yields", "text") == "features"

    def component(self, kind: str, value: Any, path: KeyPath, defaults_at: KeyPath | None = None) -> Spec | None:
        """Looks a component up and checks its parameters, its nested components included."""
        from seqkit.signature import check_parameters, parameters

        known = ", ".join(self.registry.names(kind))
        named_at = path
        if isinstance(value, dict):
            if "type" not in value:
                self.fault((*path, "type"), f"is required: one of {known}", at_key=True)
                return None
            named_at = (*path, "type")
        elif isinstance(value, str):
            value = {"type": value}
        else:
            self.fault(
                path, f"must be a mapping with `type:`, or the name of {with_article(kind)}, not {show_value(value)}"
            )
            return None
        name = value["type"]
        if not isinstance(name, str) or not name:
            self.fault(named_at, f"must be the name of {with_article(kind)} ({known}), not {show_value(name)}")
            return None
        try:
            registered = self.registry.get(kind, name)
        except LookupError as error:
            self.fault(named_at, str(error))
            return None
        cls = registered.load()
        known_parameters = parameters(cls)
        given = {key: item for key, item in value.items() if key != "type"}
        checked, found = check_parameters(cls, given)
        for problem in found:
            here = (*path, *problem.path)
            if defaults_at and here not in self.recipe.keys:
                here = (*defaults_at, *problem.path)
            message = problem.message + (self._other_type(here, named_at, name) if problem.at_key else "")
            self.fault(here, message, at_key=problem.at_key)
        sound = not found
        for parameter in known_parameters.values():
            if parameter.nested:
                inner = self.nested(parameter, given, (*path, parameter.name))
                sound = sound and inner is not None
                checked[parameter.name] = inner
            elif parameter.is_path and sound and checked[parameter.name] is not None:
                here = (*path, parameter.name)
                if defaults_at and here not in self.recipe.keys:
                    here = (*defaults_at, parameter.name)
                checked[parameter.name] = self.absolute(given.get(parameter.name), checked[parameter.name], here)
                sound = checked[parameter.name] is not None
        ordered = {key: checked[key] for key in known_parameters if key in checked}
        return Spec(registered, cls, path, ordered) if sound else None

    def absolute(self, given: Any, path: Path, here: KeyPath) -> Path | None:
        """Returns a path as seen from the file that wrote it."""
        try:
            expanded = path.expanduser()
        except RuntimeError:
            self.fault(here, f"there is no home folder of '{path.parts[0].removeprefix('~')}'; write ./~ for a name")
            return None
        if given == "" or "\0" in str(path):
            self.fault(here, "must be the path of a file" + (", not empty" if given == "" else ""))
            return None
        return self.recipe.folder(here).absolute() / expanded

    def _other_type(self, key: KeyPath, named_at: KeyPath, name: str) -> str:
        """Returns a hint for a key that is left from one file under a type that another gives."""
        written, named = self.recipe.keys.get(key), self.recipe.values.get(named_at)
        if written is None or named is None or written.file == named.file:
            return ""
        last_written = self.recipe.keys.get(key[:-1])
        if named.line and last_written and last_written.file != named.file or not written.line:
            return ""
        return f"; it is left from before `type: {name}` was laid over it, at {named}"

    def nested(self, parameter: Any, given: dict[str, Any], path: KeyPath) -> Spec | list[Spec] | None:
        if parameter.name not in given:
            wanted = f"a list of {parameter.nested}s" if parameter.is_list else with_article(parameter.nested)
            self.fault(path, f"is required: {wanted}", at_key=True)
            return None
        value = given[parameter.name]
        if not parameter.is_list:
            return self.component(parameter.nested, value, path)
        if not isinstance(value, list) or not value:
            self.fault(path, f"must be a list of at least one {parameter.nested}, not {show_value(value)}")
            return None
        inner = [self.component(parameter.nested, item, (*path, str(place))) for place, item in enumerate(value)]
        return None if None in inner else [spec for spec in inner if spec]

    def try_build(self, spec: Spec | None) -> Any:
        """Builds a component that needs nothing before it, to have its constructor's word on its values."""
        if spec is None:
            return None
        return self._constructed(spec, partial(try_out, spec))

    def try_encoder(self, spec: Spec | None) -> Any:
        if spec is None:
            return None
        return self._constructed(spec, partial(try_out, spec, 1))

    def _constructed(self, spec: Spec, build: Callable[[], Any]) -> Any:
        try:
            return build()
        except BuildError as error:
            # An encoder that asks something of its input's size is judged when that size is known.
            if not str(error).startswith("input_size"):
                path = error.path
                inherited = ("data", *path[2:])
                side = spec.path[:1] == ("data",) and len(spec.path) == 2
                if side and path not in self.recipe.keys and inherited in self.recipe.keys:
                    path = inherited
                self.fault(path, str(error))
        except Exception as error:
            if huge_number := huge(spec):
                path, value = huge_number
                self.fault(path, f"is too large: nothing of size {value:,} can be built")
                return None
            raise PluginError(
                f"{spec.registered.kind} '{spec.name}' of {spec.registered.provider} cannot be built: "
                f"{type(error).__name__}: {error}"
            ) from error
        return None

    def named_at(self, path: KeyPath) -> KeyPath:
        """Returns where a component's name is written: at its `type`, or where the name stands alone."""
        value: Any = self.recipe.data
        for key in path:
            value = value[int(key)] if isinstance(value, list) else value[key]
        return (*path, "type") if isinstance(value, dict) else path

    def faulty(self, key: str) -> bool:
        return any(f"{fault.key}.".startswith(f"{key}.") for fault in self.faults)
