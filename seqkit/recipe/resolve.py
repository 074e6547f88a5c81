"""Resolve a recipe into a plan, or report all errors in it.

A recipe (`source`) passes each of these modules once:

- `checker` finds components, and checks the values of sections (`schema`) and components (`values`) against their
  annotations (`rules`).
- `dry_build` checks the values of components by their constructors.
- `compatibility` checks the sections against each other.
- `plan` is the result.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqkit.contracts import Head, Reader, Tokenizer
from seqkit.errors import PluginError, RecipeError, sort_faults, suggest
from seqkit.look_alikes import explain_missing_space
from seqkit.messages import listed, message
from seqkit.recipe.checker import Checker
from seqkit.recipe.compatibility import find_conflicts
from seqkit.recipe.dry_build import DryBuild, dry_build, innermost_not_causal, one_weight
from seqkit.recipe.parameters import parameters, with_article
from seqkit.recipe.paths import SIDES
from seqkit.recipe.plan import DEFAULTS, SECTIONS, BuildError, Plan, Spec
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.schema import Data, Settings, Split, Train
from seqkit.recipe.values import section_of
from seqkit.registry.registry import Registry
from seqkit.registry.requirements import check_plugins, is_url, split_source


def resolve(recipe: Recipe, registry: Registry) -> Plan:
    """Check a recipe and fill in its defaults.

    Raises:
        RecipeError: everything that is wrong, in the order of the file.
        PluginError: the registry is unusable, a required plugin is missing, or a component violates its contract.
    """
    registry.check()
    resolver = _Resolver(recipe, registry)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plan = resolver.plan()
    if resolver.faults or plan is None:
        raise RecipeError(sort_faults(resolver.faults))
    plan.notes.extend(dict.fromkeys(resolver.notes))
    plan.notes.extend(dict.fromkeys(str(item.message) for item in caught if issubclass(item.category, UserWarning)))
    return plan


def resolve_reader(recipe: Recipe, registry: Registry) -> Spec:
    """Check the reader of a recipe alone, without importing encoder and head.

    Raises:
        RecipeError: everything that is wrong with the section `data`.
    """
    resolver = _Resolver(recipe, registry)
    _, reader, _ = resolver.data()
    if resolver.faults or reader is None:
        raise RecipeError(sort_faults(resolver.faults))
    return reader


class _Resolver(Checker):
    """Checks one recipe, section by section.

    Attributes:
        reads_features: whether the reader yields features, so that there is no tokenizer.
    """

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        super().__init__(recipe, registry)
        self.reads_features = False

    def plan(self) -> Plan | None:
        """Return the plan; None if there are faults."""
        settings = self.settings()
        plugins = self.plugins(settings.plugins)
        check_plugins(plugins, self.registry, lambda place: str(self.recipe.position(("plugins", str(place)))))
        split, reader, side_readers = self.data()
        specs = {key: self.section(key) for key in SECTIONS if key != "data"} | {"data": reader}
        memory = self.recipe.memory(reader) if self.recipe.memory and reader else None
        built = self.try_constructors(specs, side_readers, settings.train, memory)
        # With a fault in `data`, it is unknown whether there is a validation split.
        has_validation = "valid" in side_readers or bool(split and split.valid) or self.is_faulty(("data",))
        for problem in find_conflicts(settings, has_validation, specs, built):
            if not self.is_faulty(problem.path):
                self.fault(problem.path, problem.text, at_key=problem.at_key, rejected=problem.rejected)
        encoder, head = specs["encoder"], specs["head"]
        if self.faults or reader is None or encoder is None or head is None:
            return None
        return Plan(
            name=settings.name or self.recipe.default_name,
            seed=settings.seed,
            reader=reader,
            side_readers=side_readers,
            split=split,
            tokenizer=specs["tokenizer"],
            embedding=specs["embedding"],
            encoder=encoder,
            head=head,
            train=settings.train,
            generate=settings.generate,
            predict=list(settings.predict),
            plugins=plugins,
            baseline=settings.baseline in ("on", True),
            paths=self.paths,
            memory=memory,
        )

    def settings(self) -> Settings:
        """Check the sections that are not components, and the names of all sections."""
        known = parameters(Settings)
        names = [*known, *SECTIONS]
        for key in self.recipe.data:
            if key == "extends":
                self.fault((key,), message("can only be set in the file of a recipe"))
            elif key not in names:
                home = "data" if key in parameters(Data) else section_of(key, Settings, self.classes_of)
                hint = message(": move it to `{section}:`", section=home) if home else suggest(key, [*names, "extends"])
                hint = hint or message("; known: {sections}", sections=listed(names))
                self.fault((key,), message("unknown section{hint}", hint=hint), at_key=True, rejected=key)
        given = {key: self.recipe.data[key] for key in known if key in self.recipe.data}
        return self.with_components(Settings(**self.values(Settings, given)), given)

    def data(self) -> tuple[Split | None, Spec | None, dict[str, Spec]]:
        """Check `data`: its split, its reader, and the readers of `data.valid` and `data.test`."""
        value = self.recipe.data.get("data")
        name = value.get("type") if isinstance(value, dict) else value
        if isinstance(name, str) and name in self.registry.names("reader"):
            self.reads_features = getattr(self.registry.get("reader", name).load(), "yields", "text") == "features"
        if not isinstance(value, dict):
            return None, self.section("data"), {}
        split: Split | None = self.values(Data, {"split": value.get("split")}, ("data",))["split"]
        skipped = {"split", *SIDES}
        if self.recipe.memory and isinstance(name, str) and name in self.registry.names("reader"):
            skipped |= {"path", *getattr(self.registry.get("reader", name).load(), "path_specific", ())}
        own = {key: item for key, item in value.items() if key not in skipped}
        reader = self.component("reader", own, ("data",))
        side_readers = {}
        for side in SIDES:
            changes = value.get(side)
            if changes is None or name not in self.registry.names("reader"):
                continue
            if not isinstance(changes, dict):
                text = message("must be a mapping of what differs from `data`: `{{path: {side}.csv}}`", side=side)
                text += explain_missing_space(changes) if isinstance(changes, str) else ""
                self.fault(("data", side), text)
                continue
            raw_split = value.get("split")
            if isinstance(raw_split, dict) and (raw_split.get(side) or (side == "test" and raw_split.get("folds"))):
                text = message("`data.split` defines a {side} split too: remove one of them", side=side)
                self.fault(("data", side), text, at_key=True)
            if spec := self.component("reader", own | changes, ("data", side)):
                side_readers[side] = spec
        return split, reader, side_readers

    def section(self, key: str) -> Spec | None:
        """Check a section that names a component."""
        kind, default = SECTIONS[key], DEFAULTS.get(key)
        value = self.recipe.data.get(key)
        if value is None:
            if key in self.recipe.data or default is None:
                text = message(
                    "is required: name {component} (`seqkit list {kind}`)", component=with_article(kind), kind=kind
                )
                text += message(", or remove the key to use '{default}'", default=default) if default else ""
                self.fault((key,), text)
                return None
            if self.reads_features:
                return None
            value = default
        elif key == "tokenizer" and self.reads_features:
            self.fault((key,), message("the reader yields features, which need no tokenizer: remove it"), at_key=True)
            return None
        spec = self.component(kind, value, (key,))
        return self.fitting_embedding(spec) if key == "embedding" and spec is not None else spec

    def fitting_embedding(self, spec: Spec) -> Spec | None:
        """Return an embedding if it takes what the reader yields."""
        yielded = "features" if self.reads_features else "ids"
        takes = getattr(spec.cls, "takes", "ids")
        if takes == yielded:
            return spec
        text = message(
            "'{name}' takes {takes}, but the reader yields {yielded}", name=spec.name, takes=takes, yielded=yielded
        )
        self.fault(spec.name_path, message("{text}: remove it, or use another", text=text))
        return None

    def plugins(self, items: Sequence[str]) -> list[str]:
        """Return the required packages, the source of each as a URL or an absolute path."""
        located = []
        for place, text in enumerate(items):
            requirement, source = split_source(text)
            if source is not None and not is_url(source):
                text = f"{requirement} @ {self.absolute(Path(source), source, ('plugins', str(place)))}"
            located.append(text)
        return located

    def try_constructors(
        self, specs: dict[str, Spec | None], side_readers: dict[str, Spec], train: Train, memory: Reader | None
    ) -> DryBuild:
        """Build the components alone, and report the values that their constructors reject.

        Args:
            specs: the components by section.
            side_readers: the readers of `data.valid` and `data.test`.
            train: the section `train`.
            memory: the reader of data in memory, if it takes the place of the recipe's.
        """
        reader = memory or self.try_constructor(specs["data"])
        encoder = self.try_constructor(specs["encoder"], 1)
        head = self.try_constructor(specs["head"])
        tokenizer = self.try_constructor(specs["tokenizer"])
        if specs["head"] and head is not None and (tokenizer is not None or self.reads_features):
            self.check_tokenizer(specs["head"], head, tokenizer)
        for spec in side_readers.values():
            self.try_constructor(spec)
        if train.optimizer is not None and "lr" not in train.optimizer.values:
            raise PluginError(
                message(
                    "optimizer '{name}' of {provider} has no parameter lr: add the learning rate to its constructor",
                    name=train.optimizer.name,
                    provider=train.optimizer.registered.provider,
                )
            )
        self.try_constructor(train.optimizer, [one_weight()])
        schedule = self.try_constructor(train.schedule)
        for spec in train.trackers:
            self.try_constructor(spec)
        metrics = [(spec, metric) for spec in train.metrics if (metric := self.try_constructor(spec)) is not None]
        encoder_spec = specs["encoder"]
        not_causal = innermost_not_causal(encoder_spec, encoder, 1) if encoder_spec and encoder is not None else None
        return DryBuild(reader, encoder, head, schedule, metrics, not_causal)

    def check_tokenizer(self, spec: Spec, head: Head, tokenizer: Tokenizer | None) -> None:
        """Report that a head cannot use the tokenizer."""
        try:
            head.check_tokenizer(tokenizer)
        except ValueError as error:
            problem = spec.rejection(error)
            self.fault(problem.path, str(problem))

    def try_constructor(self, spec: Spec | None, *supplied: Any) -> Any:
        """Build a component alone; return None if its values are invalid."""
        try:
            return dry_build(spec, *supplied) if spec else None
        except BuildError as error:
            # What an encoder requires of the size of its input is checked when that is known.
            if not str(error).startswith("input_size"):
                self.fault(error.path, str(error))
            return None
