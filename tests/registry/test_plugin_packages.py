"""Tests of plugin packages: on the command line, in recipes, and in runs whose plugin was uninstalled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch

import seqkit
from helpers.distributions import encoder_source, install
from helpers.plugins import AVERAGE_RECIPE, MOVING_AVERAGE, variant, write_dedented
from seqkit import registry
from seqkit.cli.describe import describe_component
from seqkit.contracts import Batch, Embedding, Encoded, Encoder, Example, Head, Loss, PositiveInt, Reader, Row
from seqkit.errors import PluginError, RecipeError

CLASSIFIER = """
    data:      {type: table, path: labelled.csv}
    encoder:   {type: bilstm, hidden_size: 4}
    head:      {type: classify}
    train:     {epochs: 2, threads: 1}
    """


TORCH_REPORT = """
    import sys
    from seqkit.cli import main
    sys.argv[0] = "seqkit"
    try:
        main()
    finally:
        print("torch imported:", "torch" in sys.modules, file=sys.stderr)
    """


def run_and_report_torch(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that also prints to stderr whether torch was imported."""
    return subprocess.run(
        [sys.executable, "-c", dedent(TORCH_REPORT), *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture(autouse=True)
def _plugins_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable the plugins that are on the path of a command."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


@pytest.fixture(scope="session")
def average(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a working plugin, which is installed when the folder is on PYTHONPATH."""
    folder = tmp_path_factory.mktemp("installed")
    install(
        folder, "seqkit-average", encoder_source("average", "average:MovingAverage"), version="1.2", point="average"
    )
    write_dedented(folder / "average.py", MOVING_AVERAGE)
    return folder


@pytest.fixture(scope="session")
def average_run(average: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a run directory that needs the plugin, and the generated text that the training printed."""
    folder = tmp_path_factory.mktemp("average")
    recipe = write_dedented(folder / "average.yaml", AVERAGE_RECIPE)
    done = subprocess.run(
        [sys.executable, "-m", "seqkit", "run", recipe, "--runs", folder],
        env=os.environ | {"PYTHONPATH": str(average), "SEQKIT_PLUGINS": "on"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    *_, generated_text, path = done.stdout.splitlines()
    return Path(path), generated_text.replace("|", "")


@pytest.fixture(scope="session")
def built_in_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a generating and a classifying run with built-in components only."""
    folder = tmp_path_factory.mktemp("built-in")
    (folder / "labelled.csv").write_text("text,label\n" + "good,1\nbad,0\n" * 4)
    lstm = AVERAGE_RECIPE.replace("{type: average, decay: 0.3}", "{type: lstm, hidden_size: 4}")
    generator = seqkit.run(write_dedented(folder / "generation.yaml", lstm), runs=folder, quiet=True)
    classifier = seqkit.run(write_dedented(folder / "classification.yaml", CLASSIFIER), runs=folder, quiet=True)
    return generator.path, classifier.path


# Working plugins


def test_plugin_is_listed_with_distribution_and_version(cli, average: Path) -> None:
    listed = cli("list", "encoder", PYTHONPATH=str(average))
    assert (listed.returncode, listed.stderr) == (0, "")
    assert re.search(r"^  average +seqkit-average 1\.2 +an encoder for a test$", listed.stdout, re.MULTILINE)
    plugins = cli("plugins", PYTHONPATH=str(average))
    assert (plugins.returncode, plugins.stderr) == (0, "")
    assert "average: seqkit-average 1.2\n  encoder average\n" in plugins.stdout


def test_plugin_component_is_described_and_checked(enable_plugins, average: Path) -> None:
    enable_plugins(average)
    description = describe_component(registry.load_registry().get("encoder", "average"))
    assert "provided by seqkit-average 1.2 (average:MovingAverage)" in description
    assert "Exponential moving average" in description
    assert "  decay  a number of at least 0 and less than 1; default 0.5" in description
    recipe = {"data": {"type": "text", "text": "six"}, "head": "next_char"}
    with pytest.raises(RecipeError) as caught:
        seqkit.run(recipe | {"encoder": {"type": "average", "decay": 1, "deca": 0.1}}, quiet=True)
    assert "encoder.decay: must be a number of at least 0 and less than 1, not 1" in str(caught.value)
    assert "encoder.deca: unknown key (did you mean 'decay'?)" in str(caught.value)


def test_loaded_run_with_plugin_generates_same_text(cli, average: Path, average_run) -> None:
    run, generated_text = average_run
    generated = run_and_report_torch("generate", run, PYTHONPATH=str(average))
    assert (generated.returncode, generated.stderr) == (0, "torch imported: True\n")
    assert generated.stdout == generated_text + "\n"
    assert len(generated_text) == len("a bas") + 5
    assert seqkit.load(run).recipe["encoder"] == {"type": "average", "decay": 0.3}


def test_run_with_uninstalled_plugin_names_package(cli, average_run) -> None:
    run, _ = average_run
    done = cli("generate", run)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"seqkit: {run}: the encoder 'average' of seqkit-average is not installed: pip install 'seqkit-average>=1.2', "
        "or its source if it is not published\n"
    )


@pytest.mark.parametrize("off", [{"SEQKIT_PLUGINS": "off"}, {}])
def test_plugins_can_be_excluded(cli, average: Path, off: dict[str, str]) -> None:
    option = [] if off else ["--no-plugin", "average"]
    for command in ("list", "plugins"):
        done = cli(command, *option, PYTHONPATH=str(average), **off)
        assert (done.returncode, done.stderr) == (0, "")
        assert "lstm" in done.stdout
        assert "seqkit-average" not in done.stdout


def test_excluding_unknown_plugin_is_an_error(cli) -> None:
    done = cli("list", "--no-plugin", "averag")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "seqkit: --no-plugin averag: no such plugin is installed\n"


# Broken plugins


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that installs modules and returns their folder."""

    def install_modules(**sources: str) -> Path:
        for name, source in sources.items():
            install(tmp_path / "installed", name, source)
        return tmp_path / "installed"

    return install_modules


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import absent_module", "ModuleNotFoundError: No module named 'absent_module'"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("@seqkit.hookimpl\ndef seqkit_heads():\n    raise SystemExit(0)\n    yield", "seqkit_heads: SystemExit: 0"),
    ],
)
def test_broken_plugin_is_disabled_with_a_note(cli, broken, source: str, reason: str) -> None:
    folder = broken(failing=source, works=encoder_source("mine"))
    listed = cli("list", PYTHONPATH=str(folder))
    assert listed.returncode == 0
    assert listed.stderr == f"seqkit: note: plugin 'failing' of failing is disabled: {reason}\n"
    assert "mine" in listed.stdout
    plugins = cli("plugins", PYTHONPATH=str(folder))
    assert plugins.returncode == 0
    assert f"failing: failing 1.0\n  disabled: {reason}\n" in plugins.stdout
    assert "works: works 1.0\n  encoder mine\n" in plugins.stdout


def test_component_of_disabled_plugin_is_unknown(cli, broken) -> None:
    done = cli("show", "encoder", "average", PYTHONPATH=str(broken(failing="import absent_module")))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "seqkit: unknown encoder 'average'; `seqkit list encoder` lists them; "
        "the plugin 'failing' is disabled: ModuleNotFoundError: No module named 'absent_module'\n"
    )


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (
            {"typo": "@seqkit.hookimpl\ndef seqkit_encoder(): return []"},
            "plugin 'typo' of typo: unknown hook 'seqkit_encoder' (did you mean 'seqkit_encoders'?)",
        ),
        (
            {"bare": "def seqkit_encoders(): return []"},
            "plugin 'bare' of bare: the function 'seqkit_encoders' of bare is not decorated with @seqkit.hookimpl",
        ),
        (
            {"first": encoder_source("mean"), "second": encoder_source("mean")},
            "encoder 'mean' is provided by both first 1.0 and second 1.0: "
            "uninstall one, or exclude one with --no-plugin",
        ),
        (
            {"first": encoder_source("lstm")},
            f"encoder 'lstm' is provided by both seqkit {seqkit.__version__} and first 1.0: "
            "uninstall one, or exclude one with --no-plugin",
        ),
    ],
)
def test_collisions_and_ignored_hooks_stop_every_command(
    run_command, enable_plugins, broken, tmp_path: Path, sources, message: str
) -> None:
    enable_plugins(broken(**sources))
    recipe = write_dedented(tmp_path / "average.yaml", AVERAGE_RECIPE)
    for command in (["list"], ["check", recipe]):
        assert run_command(*command) == (4, "", f"seqkit: {message}\n")
    plugins = run_command("plugins")
    assert (plugins.code, plugins.err) == (4, f"seqkit: {message}\n")
    for name in sources:
        assert f"{name}: {name} 1.0\n" in plugins.out
    without = [word for name in sources for word in ("--no-plugin", name)]
    assert run_command("list", *without).code == 0


def test_missing_target_is_reported_only_on_use(run_command, enable_plugins, broken) -> None:
    enable_plugins(broken(lazy=encoder_source("lazy", "absent_module:Lazy")))
    assert run_command("list").err == ""
    done = run_command("show", "encoder", "lazy")
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        "seqkit: encoder 'lazy' of lazy 1.0: cannot load absent_module:Lazy: "
        "ModuleNotFoundError: No module named 'absent_module'\n"
    )


# Classes written for an earlier version of a contract

OLD_TOKENIZER = """
    from seqkit.contracts import Tokenizer

    class Old(Tokenizer):
        piecewise = True
        def fit(self, texts): ...
        def encode(self, text): ...
        def decode(self, ids): ...
        def state(self): ...
        def restore(self, state): ...
    """

PROVIDES_OLD = """
@seqkit.hookimpl
def seqkit_tokenizers():
    yield Component("old", "{target}", "a tokenizer for an earlier version")
"""

OLD_RECIPE = """
    data:      {type: text, text: "a basket of apples"}
    tokenizer: {type: old}
    encoder:   {type: lstm, hidden_size: 2}
    head:      {type: next_char}
    """


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a folder with a plugin whose class, in a separate module, uses a renamed attribute."""
    install(tmp_path / "installed", "seqkit-old", PROVIDES_OLD.format(target="old_tokenizer:Old"), point="old")
    write_dedented(tmp_path / "installed" / "old_tokenizer.py", OLD_TOKENIZER)
    return tmp_path / "installed"


RENAMED = "old_tokenizer.Old.piecewise is now called chunkable: rename it"


def test_class_with_old_attribute_name_is_rejected_on_use(
    run_command, enable_plugins, old: Path, tmp_path: Path
) -> None:
    enable_plugins(old)
    expected = f"seqkit: tokenizer 'old' of seqkit-old 1.0: cannot load old_tokenizer:Old: {RENAMED}\n"
    recipe = write_dedented(tmp_path / "old.yaml", OLD_RECIPE)
    for command in (["run", recipe], ["check", recipe], ["show", "tokenizer", "old"]):
        assert run_command(*command) == (4, "", expected)
    assert not (tmp_path / "runs").exists()
    plugins = run_command("plugins")
    assert (plugins.code, plugins.err) == (0, "")
    assert "old: seqkit-old 1.0\n  tokenizer old\n" in plugins.out


def test_class_with_old_attribute_name_fails_check_plugin(run_command, enable_plugins, old: Path) -> None:
    enable_plugins(old)
    done = run_command("check-plugin", "seqkit-old")
    assert done.code == 4
    [line] = done.err.splitlines()
    assert line.startswith("seqkit: tokenizer old: ")
    assert "seqkit-old 1.0" in line
    assert line.endswith(RENAMED)


def test_plugin_module_with_old_attribute_name_is_disabled(run_command, enable_plugins, tmp_path: Path) -> None:
    folder, recipe = tmp_path / "installed", write_dedented(tmp_path / "old.yaml", OLD_RECIPE)
    install(folder, "seqkit-old", dedent(OLD_TOKENIZER) + PROVIDES_OLD.format(target="seqkit_old:Old"), point="old")
    renamed = RENAMED.replace("old_tokenizer", "seqkit_old")
    enable_plugins(folder)
    plugins = run_command("plugins")
    assert (plugins.code, plugins.err) == (0, "")
    assert f"old: seqkit-old 1.0\n  disabled: {renamed}\n" in plugins.out
    checked = run_command("check-plugin", "seqkit-old")
    assert checked.code == 4
    assert checked.err == f"seqkit: plugin old: start-up: the plugin is disabled: {renamed}\n"
    run = run_command("run", recipe)
    assert (run.code, run.out) == (2, "")
    [line] = run.err.splitlines()
    assert "tokenizer.type: unknown tokenizer 'old'" in line
    assert line.endswith(f"the plugin 'old' is disabled: {renamed}")


# Components that violate their contracts


class Zeros(torch.nn.Module, Encoder):
    """An encoder whose declared size, output width and state the tests vary."""

    causal = True
    declared, width, wrap, carried = 3, 3, Encoded, None

    def __init__(self, input_size: int) -> None:
        super().__init__()
        if self.declared is not None:
            self.output_size = self.final_size = self.declared

    def forward(self, inputs, lengths, state=None):
        outputs = inputs.new_zeros(*inputs.shape[:2], self.width)
        return type(self).wrap(outputs, outputs[:, 0], self.carried)


class Vectors(torch.nn.Module, Embedding):
    declared, width = 4, 4

    def __init__(self, tokenizer) -> None:
        super().__init__()
        if self.declared is not None:
            self.output_size = self.declared

    def forward(self, ids):
        return torch.zeros(*ids.shape, self.width) if self.width else None


class Constant(torch.nn.Module, Head):
    """A head with one parameter that ignores the encoder's output."""

    wrap = Loss

    def build(self, output_size, final_size):
        self.bias = torch.nn.Parameter(torch.zeros(()))

    def rows(self, example, encoded_input):
        yield Row(encoded_input)

    def loss(self, encoded, batch: Batch):
        return type(self).wrap(self.bias.square(), len(batch.lengths))


class PlainEncoder(Encoder):
    causal, output_size, final_size = True, 3, 3

    def __init__(self, input_size: int) -> None: ...
    def forward(self, inputs, lengths, state=None): ...


class PlainEmbedding(Embedding):
    output_size = 4

    def __init__(self, tokenizer) -> None: ...
    def forward(self, ids): ...


class PlainHead(Head):
    def build(self, output_size, final_size): ...
    def rows(self, example, encoded_input):
        yield Row(encoded_input)

    def loss(self, encoded, batch): ...


CONTRACT_VIOLATIONS = {
    "encoder outputs": (variant(Zeros, width=5), "Zeros: outputs is (1, 6, 5), not (1, 6, 3): check its output_size"),
    "encoder final": (
        variant(Zeros, wrap=lambda outputs, final, state: Encoded(outputs, outputs)),
        "Zeros: final is (1, 6, 3), not (1, 3): check its final_size",
    ),
    "encoder without final": (
        variant(Zeros, wrap=lambda outputs, final, state: Encoded(outputs, None)),
        "Zeros: final is a NoneType, not (1, 3): check its final_size",
    ),
    "encoder tuple": (
        variant(Zeros, wrap=lambda *parts: parts),
        "Zeros returns a tuple, not seqkit.contracts.Encoded",
    ),
    "encoder state": (
        variant(Zeros, carried=(None, torch.zeros(2, 1, 3))),
        "Zeros: the state contains (2, 1, 3), not a tensor of the shape (1, ...), the batch first",
    ),
    "encoder state not a tensor": (
        variant(Zeros, carried=7),
        "Zeros: the state contains a int, not a tensor of the shape (1, ...), the batch first",
    ),
    "encoder penalties": (
        variant(Zeros, wrap=lambda outputs, final, state: Encoded(outputs, final, None, (outputs.sum(),))),
        "Zeros: penalties contain a Tensor, not seqkit.contracts.Loss",
    ),
    "encoder without size": (
        variant(Zeros, declared=None),
        "Zeros does not set output_size: set it to an integer in the constructor",
    ),
    "encoder size": (
        variant(Zeros, declared=3.0),
        "Zeros does not set output_size: set it to an integer in the constructor",
    ),
    "encoder causal": (variant(Zeros, causal=None), "Zeros does not set causal: set it to True or False"),
    "encoder module": (
        PlainEncoder,
        "PlainEncoder must inherit from torch.nn.Module as well as seqkit.contracts.Encoder",
    ),
    "embedding size": (variant(Vectors, width=5), "Vectors returns (1, 6, 5), not (1, 6, 4): check its output_size"),
    "embedding returns None": (
        variant(Vectors, width=0),
        "Vectors returns a NoneType, not (1, 6, 4): check its output_size",
    ),
    "embedding without size": (
        variant(Vectors, declared=None),
        "Vectors does not set output_size: set it to an integer in the constructor",
    ),
    "embedding module": (
        PlainEmbedding,
        "PlainEmbedding must inherit from torch.nn.Module as well as seqkit.contracts.Embedding",
    ),
    "head loss": (
        variant(Constant, wrap=lambda total, count: total),
        "Constant: loss returns a Tensor, not seqkit.contracts.Loss",
    ),
    "head module": (PlainHead, "PlainHead must inherit from torch.nn.Module as well as seqkit.contracts.Head"),
}


def train(tmp_path: Path, encoder: type = Zeros, embedding: type = Vectors, head: type = Constant) -> seqkit.Run:
    for kind, component in {"encoder": encoder, "embedding": embedding, "head": head}.items():
        seqkit.register(kind, "under_test", component)
    recipe = {"data": {"type": "text", "text": "sixsix", "unit": "line"}, "train": {"epochs": 1, "threads": 1}}
    recipe |= {"encoder": "under_test", "embedding": "under_test", "head": "under_test"}
    return seqkit.run(recipe, runs=tmp_path, quiet=True)


def test_components_that_implement_contracts_train(isolated_registry, tmp_path: Path) -> None:
    run = train(tmp_path)
    assert run.metrics[-1]["loss"] == 0
    assert train(tmp_path, encoder=variant(Zeros, carried=(torch.zeros(1, 9), (None, torch.ones(1))))).metrics


@pytest.mark.parametrize(("component", "message"), CONTRACT_VIOLATIONS.values(), ids=CONTRACT_VIOLATIONS)
def test_contract_violations_are_named(isolated_registry, tmp_path: Path, component, message: str) -> None:
    kind = next(kind for kind, contract in seqkit.contracts.CONTRACTS.items() if issubclass(component, contract))
    with pytest.raises(PluginError) as caught:
        train(tmp_path, **{kind: component})
    assert str(caught.value) == f"{__name__}.{message}"
    assert caught.value.exit_code == 4


# Commands without torch


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], ["plugins"], ["run", "--help"]])
def test_informational_commands_do_not_import_torch(arguments: list[str]) -> None:
    done = run_and_report_torch(*arguments)
    assert (done.returncode, done.stderr) == (0, "torch imported: False\n")


def test_built_in_runs_generate_and_predict_without_torch(built_in_runs: tuple[Path, Path]) -> None:
    generator, classifier = built_in_runs
    for arguments in (["generate", generator, "--prompt", "a b"], ["predict", classifier, "good", "bad"]):
        done = run_and_report_torch(*arguments)
        assert (done.returncode, done.stderr) == (0, "torch imported: False\n")
        assert done.stdout.startswith(("a b", '{"text": "good", "label": '))


def test_head_that_rejects_encoder_is_a_recipe_error(isolated_registry, tmp_path: Path) -> None:
    class RefusesEncoder(Constant):
        def build(self, output_size, final_size):
            raise ValueError(f"wide needs an even encoder, not one of {final_size}")

    with pytest.raises(RecipeError) as caught:
        train(tmp_path, head=RefusesEncoder)
    assert [str(fault) for fault in caught.value.faults] == [
        "recipe: head: wide needs an even encoder, not one of 3",
    ]


def test_feature_names_and_path_specific_defaults(isolated_registry, tmp_path: Path) -> None:
    received = []

    class Ramp(Reader):
        yields = "features"
        labelled = False
        path_specific = frozenset({"rows"})

        def __init__(self, *, path: Path, rows: PositiveInt | None = None) -> None:
            self.rows = rows

        def read(self):
            yield Example(np.arange(20.0).reshape(10, 2)[: self.rows], feature_names=("a", "b"))

    class Recording(Constant):
        def rows(self, example, encoded_input):
            received.append((example.feature_names, len(encoded_input)))
            yield Row(encoded_input)

    seqkit.register("reader", "ramp", Ramp)
    seqkit.register("head", "recording", Recording)
    data = {"type": "ramp", "path": "a.csv", "rows": 8, "split": {"by": "order", "valid": 0.25, "test": 0.25}}
    recipe = {"data": data, "encoder": {"type": "lstm", "hidden_size": 2}, "head": "recording", "train": {"epochs": 1}}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True)
    assert received == [(("a", "b"), length) for length in (4, 2, 2)]
    run.evaluate(tmp_path / "b.csv")
    assert received[3:] == [(("a", "b"), 10)]
