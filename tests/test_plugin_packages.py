"""Plugin packages as their users meet them: on the command line, in a recipe, and in a run that outlives them."""

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
from distributions import encoder, install

import seqkit
from seqkit import registry
from seqkit.contracts import Batch, Embedding, Encoded, Encoder, Example, Head, Loss, PositiveInt, Reader, Row
from seqkit.describe import description
from seqkit.errors import PluginError, RecipeError

MOVING_AVERAGE = """
    import torch
    from seqkit.contracts import Encoded, Encoder, Fraction

    class MovingAverage(torch.nn.Module, Encoder):
        '''An average that forgets: s_t = decay * s_{t-1} + (1 - decay) * x_t.

        Args:
            decay: how slowly.
        '''

        causal = True

        def __init__(self, input_size: int, *, decay: Fraction = 0.5):
            super().__init__()
            self.decay = decay
            self.output_size = self.final_size = input_size

        def forward(self, inputs, lengths, state=None):
            at = inputs.new_zeros(inputs.shape[0], inputs.shape[2]) if state is None else state
            outputs = []
            for step in inputs.unbind(1):
                at = self.decay * at + (1 - self.decay) * step
                outputs.append(at)
            outputs = torch.stack(outputs, 1)
            final = outputs[torch.arange(len(outputs)), lengths - 1]
            return Encoded(outputs, final, final)
    """

RECIPE = """
    data:      {type: text, text: "a basket of apples, a basket of bananas"}
    encoder:   {type: average, decay: 0.3}
    head:      {type: next_char}
    train:     {epochs: 2, threads: 1}
    generate:  {prompt: "a bas", length: 5}
    """

CLASSIFIER = """
    data:      {type: table, path: labelled.csv}
    encoder:   {type: bilstm, hidden_size: 4}
    head:      {type: classify}
    train:     {epochs: 2, threads: 1}
    """


LOOK = """
    import sys
    from seqkit.cli import main
    sys.argv[0] = "seqkit"
    try:
        main()
    finally:
        print("torch imported:", "torch" in sys.modules, file=sys.stderr)
    """


def command_and_look(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command, and says on stderr whether it has imported torch when it ends."""
    return subprocess.run(
        [sys.executable, "-c", dedent(LOOK), *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def write(path: Path, text: str) -> Path:
    path.write_text(dedent(text), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _plugins_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on the path of a command counts as installed."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test register and install components for itself alone."""
    monkeypatch.setattr(registry, "_session", [])
    monkeypatch.setattr(registry, "_loaded", {})


@pytest.fixture(scope="session")
def average(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder that holds a working plugin: on PYTHONPATH, it is installed."""
    folder = tmp_path_factory.mktemp("installed")
    install(folder, "seqkit-average", encoder("average", "average:MovingAverage"), version="1.2", point="average")
    write(folder / "average.py", MOVING_AVERAGE)
    return folder


@pytest.fixture(scope="session")
def average_run(average: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Returns a run directory that needs the plugin, and the text that its training printed last."""
    folder = tmp_path_factory.mktemp("average")
    recipe = write(folder / "average.yaml", RECIPE)
    done = subprocess.run(
        [sys.executable, "-m", "seqkit", "run", recipe, "--runs", folder],
        env=os.environ | {"PYTHONPATH": str(average), "SEQKIT_PLUGINS": "on"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    *_, written, path = done.stdout.splitlines()
    return Path(path), written.replace("|", "")


@pytest.fixture(scope="session")
def built_in_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Returns a run that writes and one that labels, of built-in components alone."""
    folder = tmp_path_factory.mktemp("built-in")
    (folder / "labelled.csv").write_text("text,label\n" + "good,1\nbad,0\n" * 4)
    lstm = RECIPE.replace("{type: average, decay: 0.3}", "{type: lstm, hidden_size: 4}")
    writes = seqkit.run(write(folder / "writes.yaml", lstm), runs=folder, quiet=True)
    labels = seqkit.run(write(folder / "labels.yaml", CLASSIFIER), runs=folder, quiet=True)
    return writes.path, labels.path


# A plugin that works


def test_a_plugin_is_listed_with_its_distribution_and_version(cli, average: Path) -> None:
    listed = cli("list", "encoder", PYTHONPATH=str(average))
    assert (listed.returncode, listed.stderr) == (0, "")
    assert re.search(r"^  average +seqkit-average 1\.2 +an encoder for a test$", listed.stdout, re.MULTILINE)
    plugins = cli("plugins", PYTHONPATH=str(average))
    assert (plugins.returncode, plugins.stderr) == (0, "")
    assert "average: seqkit-average 1.2\n  encoder average\n" in plugins.stdout


def test_a_plugins_component_is_shown_and_its_parameters_are_checked(
    session, average: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(average)
    shown = description(registry.load_registry().get("encoder", "average"))
    assert "provided by seqkit-average 1.2 (average:MovingAverage)" in shown
    assert "An average that forgets" in shown
    assert "  decay  number at least 0 below 1; default 0.5" in shown
    recipe = {"data": {"type": "text", "text": "six"}, "head": "next_char"}
    with pytest.raises(RecipeError) as caught:
        seqkit.run(recipe | {"encoder": {"type": "average", "decay": 1, "deca": 0.1}}, quiet=True)
    assert "encoder.decay: must be below 1" in str(caught.value)
    assert "encoder.deca: no such key (did you mean 'decay'?)" in str(caught.value)


def test_a_run_with_a_plugin_writes_the_same_when_it_is_loaded(cli, average: Path, average_run) -> None:
    run, written = average_run
    generated = command_and_look("generate", run, PYTHONPATH=str(average))
    assert (generated.returncode, generated.stderr) == (0, "torch imported: True\n")
    assert generated.stdout == written + "\n"
    assert len(written) == len("a bas") + 5
    assert seqkit.load(run).recipe["encoder"] == {"type": "average", "decay": 0.3}


def test_a_run_whose_plugin_is_gone_names_what_to_install(cli, average_run) -> None:
    run, _ = average_run
    gone = cli("generate", run)
    assert (gone.returncode, gone.stdout) == (4, "")
    assert gone.stderr == f"seqkit: {run}: the encoder 'average' is not here: install seqkit-average 1.2\n"


@pytest.mark.parametrize("off", [{"SEQKIT_PLUGINS": "off"}, {}])
def test_plugins_are_left_out_on_request(cli, average: Path, off: dict[str, str]) -> None:
    option = [] if off else ["--no-plugin", "average"]
    for command in ("list", "plugins"):
        done = cli(command, *option, PYTHONPATH=str(average), **off)
        assert (done.returncode, done.stderr) == (0, "")
        assert "lstm" in done.stdout
        assert "average" not in done.stdout


def test_leaving_out_a_plugin_that_is_not_there(cli) -> None:
    done = cli("list", "--no-plugin", "averag")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "seqkit: --no-plugin averag: no plugin of that name is installed\n"


# Plugins that do not


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that installs modules, and gives the folder that they are in."""

    def put(**sources: str) -> Path:
        for name, source in sources.items():
            install(tmp_path / "installed", name, source)
        return tmp_path / "installed"

    return put


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import absent_module", "ModuleNotFoundError: No module named 'absent_module'"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("@seqkit.hookimpl\ndef seqkit_heads():\n    raise SystemExit(0)\n    yield", "seqkit_heads: SystemExit: 0"),
    ],
)
def test_a_broken_plugin_is_named_and_everything_else_goes_on(cli, broken, source: str, reason: str) -> None:
    folder = broken(gone=source, works=encoder("mine"))
    listed = cli("list", PYTHONPATH=str(folder))
    assert listed.returncode == 0
    assert listed.stderr == f"seqkit: note: plugin 'gone' of gone is set aside: {reason}\n"
    assert "mine" in listed.stdout
    plugins = cli("plugins", PYTHONPATH=str(folder))
    assert plugins.returncode == 0
    assert f"gone: gone 1.0\n  set aside: {reason}\n" in plugins.stdout
    assert "works: works 1.0\n  encoder mine\n" in plugins.stdout


def test_a_component_of_a_plugin_set_aside_is_missed_by_name(cli, broken) -> None:
    done = cli("show", "encoder", "average", PYTHONPATH=str(broken(gone="import absent_module")))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "seqkit: no encoder is called 'average'; `seqkit list encoder` shows them; "
        "set aside, so not among them: gone (`seqkit plugins` says why)\n"
    )


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (
            {"typo": "@seqkit.hookimpl\ndef seqkit_encoder(): return []"},
            "plugin 'typo' of typo: there is no hook 'seqkit_encoder' (did you mean 'seqkit_encoders'?)",
        ),
        (
            {"bare": "def seqkit_encoders(): return []"},
            "plugin 'bare' of bare: the function 'seqkit_encoders' lacks its @seqkit.hookimpl: bare",
        ),
        (
            {"first": encoder("mean"), "second": encoder("mean")},
            "encoder 'mean' is provided by both first 1.0 and second 1.0: "
            "uninstall one, or leave one out with --no-plugin",
        ),
        (
            {"first": encoder("lstm")},
            f"encoder 'lstm' is provided by both seqkit {seqkit.__version__} and first 1.0: "
            "uninstall one, or leave one out with --no-plugin",
        ),
    ],
)
def test_what_cannot_be_passed_over_stops_every_command(cli, broken, tmp_path: Path, sources, message: str) -> None:
    folder = broken(**sources)
    recipe = write(tmp_path / "average.yaml", RECIPE)
    for command in (["list"], ["check", recipe]):
        done = cli(*command, PYTHONPATH=str(folder))
        assert (done.returncode, done.stdout, done.stderr) == (4, "", f"seqkit: {message}\n")
    plugins = cli("plugins", PYTHONPATH=str(folder))
    assert (plugins.returncode, plugins.stderr) == (4, f"seqkit: {message}\n")
    for name in sources:
        assert f"{name}: {name} 1.0\n" in plugins.stdout
    without = [word for name in sources for word in ("--no-plugin", name)]
    assert cli("list", *without, PYTHONPATH=str(folder)).returncode == 0


def test_a_target_that_cannot_be_imported_matters_only_to_who_uses_it(cli, broken) -> None:
    folder = broken(lazy=encoder("lazy", "absent_module:Lazy"))
    assert cli("list", PYTHONPATH=str(folder)).stderr == ""
    shown = cli("show", "encoder", "lazy", PYTHONPATH=str(folder))
    assert (shown.returncode, shown.stdout) == (4, "")
    assert shown.stderr == (
        "seqkit: encoder 'lazy' of lazy 1.0: cannot load absent_module:Lazy: "
        "ModuleNotFoundError: No module named 'absent_module'\n"
    )


# Components that are not what they say


class Zeros(torch.nn.Module, Encoder):
    """Says and gives what each test tells it."""

    causal = True
    says, gives, wraps, carries = 3, 3, Encoded, None

    def __init__(self, input_size: int) -> None:
        super().__init__()
        if self.says is not None:
            self.output_size = self.final_size = self.says

    def forward(self, inputs, lengths, state=None):
        outputs = inputs.new_zeros(*inputs.shape[:2], self.gives)
        return type(self).wraps(outputs, outputs[:, 0], self.carries)


class Vectors(torch.nn.Module, Embedding):
    says, gives = 4, 4

    def __init__(self, tokenizer) -> None:
        super().__init__()
        if self.says is not None:
            self.output_size = self.says

    def forward(self, ids):
        return torch.zeros(*ids.shape, self.gives) if self.gives else None


class Constant(torch.nn.Module, Head):
    """Learns one number, whatever the encoder gives."""

    gives = Loss

    def build(self, output_size, final_size):
        self.bias = torch.nn.Parameter(torch.zeros(()))

    def rows(self, example, encoded_input):
        yield Row(encoded_input)

    def loss(self, encoded, batch: Batch):
        return type(self).gives(self.bias.square(), len(batch.lengths))


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


def but(cls: type, **attributes) -> type:
    return type(cls.__name__, (cls,), attributes | {"__module__": cls.__module__, "__qualname__": cls.__qualname__})


CONTRACT_BROKEN = {
    "encoder outputs": (but(Zeros, gives=5), "Zeros: outputs is (1, 6, 5), not (1, 6, 3): see its output_size"),
    "encoder final": (
        but(Zeros, wraps=lambda outputs, final, state: Encoded(outputs, outputs)),
        "Zeros: final is (1, 6, 3), not (1, 3): see its final_size",
    ),
    "encoder no final": (
        but(Zeros, wraps=lambda outputs, final, state: Encoded(outputs, None)),
        "Zeros: final is a NoneType, not (1, 3): see its final_size",
    ),
    "encoder tuple": (
        but(Zeros, wraps=lambda *parts: parts),
        "Zeros returns a tuple, not seqkit.contracts.Encoded",
    ),
    "encoder state": (
        but(Zeros, carries=(None, torch.zeros(2, 1, 3))),
        "Zeros: the state holds (2, 1, 3), not a tensor with the batch first, (1, …)",
    ),
    "encoder state no tensor": (
        but(Zeros, carries=7),
        "Zeros: the state holds a int, not a tensor with the batch first, (1, …)",
    ),
    "encoder no size": (but(Zeros, says=None), "Zeros does not set output_size, a whole number"),
    "encoder size": (but(Zeros, says=3.0), "Zeros does not set output_size, a whole number"),
    "encoder causal": (but(Zeros, causal=None), "Zeros does not say whether it is causal"),
    "encoder module": (
        PlainEncoder,
        "PlainEncoder must inherit torch.nn.Module as well as seqkit.contracts.Encoder",
    ),
    "embedding size": (but(Vectors, gives=5), "Vectors gives (1, 6, 5), not (1, 6, 4): see its output_size"),
    "embedding nothing": (but(Vectors, gives=0), "Vectors gives a NoneType, not (1, 6, 4): see its output_size"),
    "embedding no size": (but(Vectors, says=None), "Vectors does not set output_size, a whole number"),
    "embedding module": (
        PlainEmbedding,
        "PlainEmbedding must inherit torch.nn.Module as well as seqkit.contracts.Embedding",
    ),
    "head loss": (
        but(Constant, gives=lambda total, count: total),
        "Constant: loss returns a Tensor, not seqkit.contracts.Loss",
    ),
    "head module": (PlainHead, "PlainHead must inherit torch.nn.Module as well as seqkit.contracts.Head"),
}


def train(tmp_path: Path, encoder: type = Zeros, embedding: type = Vectors, head: type = Constant) -> seqkit.Run:
    for kind, component in {"encoder": encoder, "embedding": embedding, "head": head}.items():
        seqkit.register(kind, "tried", component)
    recipe = {"data": {"type": "text", "text": "sixsix", "unit": "line"}, "train": {"epochs": 1, "threads": 1}}
    recipe |= {"encoder": "tried", "embedding": "tried", "head": "tried"}
    return seqkit.run(recipe, runs=tmp_path, quiet=True)


def test_a_component_that_keeps_its_contract_trains(session, tmp_path: Path) -> None:
    run = train(tmp_path)
    assert run.metrics[-1]["loss"] == 0
    assert train(tmp_path, encoder=but(Zeros, carries=(torch.zeros(1, 9), (None, torch.ones(1))))).metrics


@pytest.mark.parametrize(("component", "message"), CONTRACT_BROKEN.values(), ids=CONTRACT_BROKEN)
def test_a_component_that_breaks_its_contract_is_named(session, tmp_path: Path, component, message: str) -> None:
    kind = next(kind for kind, contract in seqkit.contracts.CONTRACTS.items() if issubclass(component, contract))
    with pytest.raises(PluginError) as caught:
        train(tmp_path, **{kind: component})
    assert str(caught.value) == f"{__name__}.{message}"
    assert caught.value.exit_code == 4


# What does without torch


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], ["plugins"], ["run", "--help"]])
def test_commands_that_only_tell_do_not_import_torch(arguments: list[str]) -> None:
    done = command_and_look(*arguments)
    assert (done.returncode, done.stderr) == (0, "torch imported: False\n")


def test_a_built_in_run_writes_and_labels_without_torch(built_in_runs: tuple[Path, Path]) -> None:
    writes, labels = built_in_runs
    for arguments in (["generate", writes, "--prompt", "a b"], ["predict", labels, "good", "bad"]):
        done = command_and_look(*arguments)
        assert (done.returncode, done.stderr) == (0, "torch imported: False\n")
        assert done.stdout.startswith(("a b", '{"text": "good", "label": '))


def test_a_head_that_cannot_use_its_encoder_is_a_fault_of_the_recipe(session, tmp_path: Path) -> None:
    class Choosy(Constant):
        def build(self, output_size, final_size):
            raise ValueError(f"wide needs an even encoder, not one of {final_size}")

    with pytest.raises(RecipeError) as caught:
        train(tmp_path, head=Choosy)
    assert [str(fault) for fault in caught.value.faults] == [
        "recipe: head: wide needs an even encoder, not one of 3",
    ]


def test_a_series_keeps_its_names_in_every_split_and_another_file_is_read_with_the_defaults_of_its_own(
    session, tmp_path: Path
) -> None:
    seen = []

    class Ramp(Reader):
        yields = "features"
        labelled = False
        own_file = frozenset({"rows"})

        def __init__(self, *, path: Path, rows: PositiveInt | None = None) -> None:
            self.rows = rows

        def read(self):
            yield Example(np.arange(20.0).reshape(10, 2)[: self.rows], names=("a", "b"))

    class Watching(Constant):
        def rows(self, example, encoded_input):
            seen.append((example.names, len(encoded_input)))
            yield Row(encoded_input)

    seqkit.register("reader", "ramp", Ramp)
    seqkit.register("head", "watching", Watching)
    data = {"type": "ramp", "path": "a.csv", "rows": 8, "split": {"by": "order", "valid": 0.25, "test": 0.25}}
    recipe = {"data": data, "encoder": {"type": "lstm", "hidden_size": 2}, "head": "watching", "train": {"epochs": 1}}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True)
    assert seen == [(("a", "b"), length) for length in (4, 2, 2)]
    run.evaluate(tmp_path / "b.csv")
    assert seen[3:] == [(("a", "b"), 10)]
