"""Tests of the registry: components of plugins, disabled plugins, fatal errors, lookup and registration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

import seqkit
from helpers.distributions import encoder_source, install
from seqkit import registry
from seqkit.contracts import Encoder, Reader
from seqkit.errors import PluginError, UsageError
from seqkit.hookspecs import KINDS
from seqkit.recipe.parameters import parameters
from seqkit.registry import discovery, load_registry
from seqkit.registry.registry import Registry


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that installs a package into a folder on the path, for one test."""
    before = set(sys.modules)
    read = metadata.entry_points
    installed = {point.dist.name for point in read(group="seqkit") if point.dist}
    monkeypatch.setattr(
        discovery.metadata,
        "entry_points",
        lambda group: [point for point in read(group=group) if not point.dist or point.dist.name not in installed],
    )
    monkeypatch.delenv("SEQKIT_PLUGINS", raising=False)
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr(registry, "_session", [])
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name, source, **more: install(tmp_path, name, source, **more)
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def plugin_named(entries: Registry, name: str) -> registry.Plugin:
    return next(plugin for plugin in entries.plugins if plugin.name == name)


# Valid plugins


def test_plugin_provides_components_of_all_kinds(plugin) -> None:
    hooks = "".join(
        f"""
        @seqkit.hookimpl
        def {hook}():
            yield Component("my-{kind}", "nowhere:Nothing", "a {kind}")
        """
        for kind, hook in KINDS.items()
    )
    plugin("seqkit-mine", hooks, version="1.2", point="mine")
    entries = load_registry().check()
    for kind in KINDS:
        entry = entries.get(kind, f"my-{kind}")
        assert (entry.provider, entry.record.summary) == ("seqkit-mine 1.2", f"a {kind}")
        assert entry in entries.all(kind)
    mine = plugin_named(entries, "mine")
    assert (mine.distribution, mine.version, mine.failure) == ("seqkit-mine", "1.2", "")
    assert [(entry.kind, entry.name) for entry in mine.components] == [(kind, f"my-{kind}") for kind in KINDS]
    assert "nowhere" not in sys.modules


def test_built_in_components_are_registered_through_hooks(plugin) -> None:
    entries = load_registry()
    assert plugin_named(entries, "seqkit").components
    assert entries.get("encoder", "lstm").provider == f"seqkit {seqkit.__version__}"
    assert load_registry() is entries


def test_hook_may_return_a_list(plugin) -> None:
    plugin("lists", '@seqkit.hookimpl\ndef seqkit_heads(): return [Component("rank", "lists:Rank", "a rank")]')
    assert "rank" in load_registry().names("head")


@pytest.mark.parametrize("without", [{"mine"}, {"seqkit-mine"}, {"mine", "seqkit-mine"}])
def test_plugin_is_excluded_by_plugin_or_distribution_name(plugin, without: set[str]) -> None:
    plugin("seqkit-mine", encoder_source("lstm"), point="mine")
    assert load_registry().faults
    entries = load_registry(without=without).check()
    assert "mine" not in [plugin.name for plugin in entries.plugins]


def test_excluding_unknown_plugin_is_an_error(plugin) -> None:
    with pytest.raises(UsageError, match="--no-plugin mine: no such plugin is installed"):
        load_registry(without=["mine"])


def test_environment_variable_excludes_all_plugins(plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin("mine", "raise RuntimeError('never imported')")
    monkeypatch.setenv("SEQKIT_PLUGINS", "off")
    assert [plugin.name for plugin in load_registry().plugins] == ["seqkit"]
    assert "mine" not in sys.modules


# Disabled plugins


def hook(line: str) -> str:
    return f"""
        @seqkit.hookimpl
        def seqkit_encoders():
            yield Component("broken", "broken:Broken", "")
            {line}
        """


DISABLED = {
    "import": ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    "syntax": ("def incomplete(:", "SyntaxError: invalid syntax"),
    "multiline message": ("raise RuntimeError('one\\ntwo')", "RuntimeError: one two"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "arguments": ("@seqkit.hookimpl\ndef seqkit_encoders(registry): return []", "Argument(s) {'registry'}"),
    "raises": (hook("raise OSError('no model file')"), "seqkit_encoders: OSError: no model file"),
    "exits": (hook("raise SystemExit('bye')"), "seqkit_encoders: SystemExit: bye"),
    "no iterable": ("@seqkit.hookimpl\ndef seqkit_encoders(): pass", "'NoneType' object is not iterable"),
    "record": (hook("yield 'gru'"), "seqkit_encoders: yields 'gru', not a seqkit.Component"),
    "capitals": (
        hook("yield Component('GRU', 'm:C', '')"),
        "'GRU' is not a valid name: use lower-case letters, digits",
    ),
    "number": (hook("yield Component(3, 'm:C', '')"), "3 is not a valid name: use lower-case letters, digits"),
    "target": (
        hook("yield Component('gru', 'm.C', '')"),
        "the target of 'gru' must be 'package.module:Class', not 'm.C'",
    ),
}


@pytest.mark.parametrize(("source", "reason"), DISABLED.values(), ids=DISABLED)
def test_only_the_broken_plugin_is_disabled(plugin, source: str, reason: str) -> None:
    plugin("broken", source)
    plugin("working", encoder_source("mine"))
    entries = load_registry().check()
    assert reason in plugin_named(entries, "broken").failure
    assert "\n" not in plugin_named(entries, "broken").failure
    assert plugin_named(entries, "broken").components == []
    assert entries.get("encoder", "mine").provider == "working 1.0"
    with pytest.raises(LookupError) as caught:
        entries.get("encoder", "broken")
    assert f"; the plugin 'broken' is disabled: {plugin_named(entries, 'broken').failure}" in str(caught.value)


def test_failing_hook_disables_the_whole_plugin(plugin) -> None:
    source = """
        @seqkit.hookimpl
        def seqkit_readers():
            yield Component("half", "broken:Half", "")
        """
    plugin("broken", source + hook("raise OSError('no model file')"))
    assert "half" not in load_registry().check().names("reader")


def test_interrupt_during_plugin_import_is_raised(plugin) -> None:
    plugin("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_registry()


# Fatal errors


def only_fault() -> str:
    entries = load_registry()
    with pytest.raises(PluginError) as caught:
        entries.check()
    assert caught.value.exit_code == 4
    assert [str(caught.value)] == entries.faults
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "@seqkit.hookimpl\ndef seqkit_encoder(): return []",
            "plugin 'mine' of seqkit-mine: unknown hook 'seqkit_encoder' (did you mean 'seqkit_encoders'?)",
        ),
        (
            "@seqkit.hookimpl\ndef unlike_any(): return []",
            "plugin 'mine' of seqkit-mine: unknown hook 'unlike_any'",
        ),
        (
            "def seqkit_encoders(): return []",
            "plugin 'mine' of seqkit-mine: the function 'seqkit_encoders' of seqkit_mine is not decorated with "
            "@seqkit.hookimpl",
        ),
    ],
)
def test_unknown_or_undecorated_hook_is_an_error(plugin, source: str, message: str) -> None:
    plugin("seqkit-mine", source, point="mine")
    assert only_fault() == message
    assert plugin_named(load_registry(), "mine").failure == message.partition(": ")[2]


def test_duplicate_of_built_in_name_is_an_error(plugin) -> None:
    plugin("seqkit-mine", encoder_source("lstm"), version="1.2")
    assert only_fault() == (
        f"encoder 'lstm' is provided by both seqkit {seqkit.__version__} and seqkit-mine 1.2: "
        "uninstall one, or exclude one with --no-plugin"
    )


def test_duplicate_name_of_two_plugins_is_an_error(plugin) -> None:
    plugin("first", encoder_source("gru"), version="1.2")
    plugin("second", encoder_source("gru"), version="3.4")
    assert only_fault().startswith("encoder 'gru' is provided by both first 1.2 and second 3.4: ")
    assert load_registry(without=["first"]).check().get("encoder", "gru").provider == "second 3.4"


def test_kinds_have_separate_names(plugin) -> None:
    plugin("mine", '@seqkit.hookimpl\ndef seqkit_readers():\n    yield Component("lstm", "mine:Lstm", "")')
    assert load_registry().check().get("reader", "lstm").provider == "mine 1.0"


# Lookup


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("encoder", "bi-lstm", "unknown encoder 'bi-lstm' (did you mean 'bilstm'?); `seqkit list encoder` lists"),
        ("encoder", "transformer", "unknown encoder 'transformer'; `seqkit list encoder` lists them"),
        ("head", "lstm", "unknown head 'lstm'; `seqkit list head` lists them"),
    ],
)
def test_unknown_name_suggests_similar_name(plugin, kind: str, name: str, message: str) -> None:
    with pytest.raises(LookupError) as caught:
        load_registry().get(kind, name)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "call", [lambda entries: entries.names("encoders"), lambda entries: entries.get("encoders", "x")]
)
def test_unknown_kind_suggests_similar_kind(plugin, call) -> None:
    with pytest.raises(UsageError) as caught:
        call(load_registry())
    assert "unknown kind 'encoders' (did you mean 'encoder'?); known: reader, token" in str(caught.value)


INVALID_TARGETS = {
    "no module": (
        "absent_module:C",
        "cannot load absent_module:C: ModuleNotFoundError: No module named 'absent_module'",
    ),
    "no class": ("mine:Absent", "cannot load mine:Absent: AttributeError: module 'mine' has no attribute 'Absent'"),
    "exits": ("mine_exits:C", "cannot load mine_exits:C: SystemExit: 3"),
    "no contract": ("mine:Plain", "<class 'mine.Plain'> does not inherit seqkit.contracts.Encoder"),
    "function": ("mine:function", "does not inherit seqkit.contracts.Encoder"),
    "another kind": ("mine:Mine", "<class 'mine.Mine'> does not inherit seqkit.contracts.Encoder"),
}


@pytest.mark.parametrize(("target", "message"), INVALID_TARGETS.values(), ids=INVALID_TARGETS)
def test_invalid_target_is_reported_on_load(plugin, tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "mine_exits.py").write_text("raise SystemExit(3)")
    source = """
        from seqkit.contracts import Reader
        class Plain: pass
        class Mine(Reader):
            def read(self): return []
        def function(): pass
        """
    plugin("mine", source + encoder_source("wrong", target).replace("\n", "\n        "), version="1.2")
    entry = load_registry().check().get("encoder", "wrong")
    with pytest.raises(PluginError) as caught:
        entry.load()
    assert str(caught.value).startswith("encoder 'wrong' of mine 1.2: ")
    assert message in str(caught.value)


class VariableKeywords(Reader):
    def __init__(self, *, path: str, **kwargs: int) -> None: ...
    def read(self): ...


class Unannotated(Reader):
    def __init__(self, *, path: str, unit="line") -> None: ...
    def read(self): ...


class InvalidAnnotation(Reader):
    def __init__(self, *, path: Absent) -> None: ...  # type: ignore[name-defined] # noqa: F821
    def read(self): ...


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (VariableKeywords, r"VariableKeywords takes \*\*kwargs, which would hide a misspelt key: name every parameter"),
        (
            Unannotated,
            "Unannotated: the parameter 'unit' has no annotation: state its type, as in `unit: int`",
        ),
        (InvalidAnnotation, "InvalidAnnotation: cannot evaluate an annotation: name 'Absent' is not defined"),
    ],
)
def test_unchecked_constructor_parameters_are_rejected(cls: type, message: str) -> None:
    with pytest.raises(PluginError, match=f"^{__name__}.{message}$"):
        parameters(cls)


# Registration from a script


class Mine(Encoder):
    """An encoder for a test.

    A second paragraph.
    """

    def forward(self, inputs, lengths, state=None): ...


class Other(Mine):
    pass


def test_register_as_decorator_and_function(plugin) -> None:
    assert seqkit.register("encoder", "mine")(Mine) is Mine
    assert seqkit.register("encoder", "other", Other, summary="another") is Other
    entries = load_registry().check()
    assert entries.get("encoder", "mine").load() is Mine
    assert entries.get("encoder", "mine").record.summary == "An encoder for a test."
    assert entries.get("encoder", "other").record.summary == "another"
    assert entries.get("encoder", "mine").provider == "this session"


def test_registering_again_replaces_component(plugin) -> None:
    seqkit.register("encoder", "mine", Mine)
    assert load_registry().get("encoder", "mine").load() is Mine
    seqkit.register("encoder", "mine", Other)
    assert load_registry().check().get("encoder", "mine").load() is Other


@pytest.mark.parametrize(
    ("kind", "name", "component", "error", "message"),
    [
        ("encoder", "lstm", Mine, PluginError, "encoder 'lstm' is provided by seqkit 0.*: choose another name"),
        ("encoder", "taken", Mine, PluginError, r"encoder 'taken' is provided by mine 1\.0: choose another name"),
        ("head", "mine", Mine, PluginError, "head 'mine' of this session: .*Mine'> does not inherit .*contracts.Head"),
        ("encoder", "Mine", Mine, PluginError, "'Mine' is not a valid name: use lower-case"),
        (
            "encoders",
            "mine",
            Mine,
            UsageError,
            r"unknown kind 'encoders' \(did you mean 'encoder'\?\)",
        ),
    ],
)
def test_register_rejects_invalid_components(
    plugin, kind: str, name: str, component: type, error: type, message: str
) -> None:
    plugin("mine", encoder_source("taken"))
    with pytest.raises(error, match=message):
        seqkit.register(kind, name, component)
    assert "this session" not in [entry.provider for each in KINDS for entry in load_registry().check().all(each)]
