"""Run directories that somebody made to do harm: each is refused in a line and soon, and nothing in it is run."""

# ruff: noqa: F401, F811 - fixtures are imported by name

from __future__ import annotations

import ast
import hashlib
import json
import os
import pickle  # noqa: TID251
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from test_resume import StopAfter
from test_run_directory import HOSTILE, WRITES, _paths, _replaced, labels, score, use

import seqkit
from seqkit.errors import Interrupted, SeqkitError
from seqkit.experiment import run_recipe
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.report import Report

RECIPE = WRITES | {"train": WRITES["train"] | {"batch_size": 2, "sequence_length": 4, "epochs": 3}}
"""Of this one a checkpoint inside an epoch carries a state."""

PLAIN = ["recipe.yaml", "plan.json", "tokenizer.json", "model.safetensors", "metrics.jsonl"]
CHECKPOINT = ["manifest.json", "state.json", "model.safetensors", "optimizer.safetensors", "process-0.safetensors"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped inside an epoch; loaded, scored and gone on with once, so that all is imported."""
    runs = tmp_path_factory.mktemp("sound")
    with pytest.raises(Interrupted):
        run_recipe(read_recipe(RECIPE), load_registry(), runs, Report(None), StopAfter(9))
    (path,) = runs.iterdir()
    copy = shutil.copytree(path, runs / "copy")
    for action in (use, score, resume):
        action(copy)
    return path


def resume(path: Path) -> Any:
    return seqkit.run(RECIPE, resume=path, quiet=True)


ACTIONS = [use, score, resume]


# What is watched

_FORBIDDEN = (
    "pickle.", "marshal.load", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile",
    "subprocess.", "socket.", "urllib.", "ctypes.", "webbrowser.", "pty.", "code.__new__", "os.putenv",
)  # fmt: skip
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.chown",
            "os.truncate", "shutil.")  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_watched: list[Path] = []
_seen: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched:
        return
    inside = str(_watched[0])
    if event.startswith(_FORBIDDEN):
        _seen.append(f"{event} {arguments!r:.200}")
    elif event in ("compile", "exec"):
        code = arguments[-1] if event == "compile" else getattr(arguments[0], "co_filename", "")
        if str(code).startswith(inside):
            _seen.append(f"{event} {arguments!r:.200}")
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else inside
        if not name.startswith(inside):
            _seen.append(f"opens to write: {name}")
    elif event.startswith(_CHANGES) and not (event in ("os.remove", "os.rmdir") and arguments[1] != -1):
        # With a folder's descriptor, shutil.rmtree goes on inside a folder that it has named before.
        _seen.extend(
            f"{event} {path}"
            for path in arguments
            if isinstance(path, str | os.PathLike) and not os.fspath(path).startswith(inside)
        )


@pytest.fixture(scope="module", autouse=True)
def _audited() -> None:
    """A hook cannot be taken away again; while nothing is watched it does nothing."""
    sys.addaudithook(_hook)


@contextmanager
def watched(path: Path) -> Iterator[None]:
    """Fails where something is run, changed outside a folder, or waited for."""

    def waits(*_: object) -> None:
        raise AssertionError("it waits for something")

    before = signal.signal(signal.SIGALRM, waits)
    signal.setitimer(signal.ITIMER_REAL, 60)
    _seen.clear()
    _watched[:] = [path]
    try:
        yield
    finally:
        _watched.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert _seen == []


def tried(path: Path, action: Callable[[Path], Any]) -> str:
    """Returns the one line that a run directory is refused with; nothing where it is not refused."""
    began = time.process_time()
    line = ""
    with watched(path):
        try:
            action(path)
        except SeqkitError as error:
            assert error.exit_code in (2, 3, 4, 5)
            (line,) = error.lines
    assert time.process_time() - began < 3  # a second where nothing else runs
    assert len(line.replace(str(path), "")) < 400
    return line


def refused(path: Path, action: Callable[[Path], Any]) -> str:
    line = tried(path, action)
    assert line, "it is taken"
    return line


def doctored(sound: Path, target: Path, name: str, content: bytes) -> Path:
    """Copies a run with one file of its checkpoint replaced, and a manifest that agrees."""
    path = shutil.copytree(sound, target)
    (checkpoint,) = (path / "checkpoints").iterdir()
    (checkpoint / name).write_bytes(content)
    if name != "manifest.json":
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        manifest[name] = hashlib.sha256(content).hexdigest()
        (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    return path


def part(sound: Path, name: str) -> bytes:
    (checkpoint,) = (sound / "checkpoints").iterdir()
    return (checkpoint / name).read_bytes()


def test_what_is_watched_is_seen(tmp_path: Path) -> None:
    for action in (
        lambda: pickle.loads(payload(tmp_path / "touched")),  # noqa: S301
        lambda: (tmp_path / "written").write_text(""),
        lambda: (tmp_path / "written").unlink(),
        lambda: exec(compile("1", str(tmp_path / "inside" / "x.py"), "exec")),  # noqa: S102
    ):
        with pytest.raises(AssertionError), watched(tmp_path / "inside"):
            action()


# Code


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def payload(path: Path) -> bytes:
    return pickle.dumps(Touch(path), protocol=4)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_pickle_in_place_of_any_file_is_never_unpickled(action, sound: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    for number, name in enumerate(PLAIN):
        path = shutil.copytree(sound, tmp_path / f"plain {number}")
        (path / name).write_bytes(payload(touched))
        tried(path, action)
    for number, name in enumerate(CHECKPOINT):
        path = doctored(sound, tmp_path / f"checkpoint {number}", name, payload(touched))
        assert bool(tried(path, action)) == (action is resume)
    for name in ("model.pt", "model.pkl", "pytorch_model.bin", "plan.py", "sitecustomize.py", "conftest.py"):
        path = shutil.copytree(sound, tmp_path / name)
        (path / name).write_bytes(payload(touched))
        (path / "model.safetensors").unlink()
        assert "model.safetensors" in tried(path, action) or action is resume
    assert not touched.exists()


CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "pickletools", "dbm"}
METHODS = {
    ("torch", "load"), ("torch", "save"), ("torch.jit", "load"), ("torch.package", "PackageImporter"),
    ("torch.hub", "load"), ("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load"), ("np", "load"),
    ("numpy", "load"), ("np", "fromfile"), ("os", "system"), ("os", "popen"), ("runpy", "run_path"),
    ("builtins", "eval"), ("builtins", "exec"),
}  # fmt: skip
IMPORTERS = {"seqkit/__init__.py", "seqkit/registry.py", "seqkit/infer/own_tokenizer.py"}
"""The public names, a registered component's target, and a built-in tokenizer's: none is named by a recipe or a run."""


def faults_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (f"{node.lineno}: imports {name}" for name in names if name.split(".")[0] in MODULES)
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (node.module, alias.name) in METHODS:
                        yield f"{node.lineno}: imports {node.module}.{alias.name}"
                    if (node.module, alias.name) in {("importlib", "import_module"), ("importlib", "util")}:
                        yield f"{node.lineno}: import_module"
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            owner, _, name = function.rpartition(".")
            if function in CALLS or (owner, name) in METHODS:
                yield f"{node.lineno}: calls {function}"
            if name in ("import_module", "exec_module", "spec_from_file_location", "load_module") and owner:
                yield f"{node.lineno}: import_module"
            for keyword in node.keywords:
                if keyword.arg in ("allow_pickle", "weights_only", "shell"):
                    yield f"{node.lineno}: gives {keyword.arg}"


def test_nothing_in_seqkit_runs_code_from_a_file() -> None:
    package = Path(seqkit.__file__).parent
    found = {
        f"{path.relative_to(package.parent).as_posix()}:{fault}"
        for path in package.rglob("*.py")
        for fault in faults_of(ast.parse(path.read_text(encoding="utf-8")))
    }
    importers = {fault.partition(":")[0] for fault in found if fault.endswith(": import_module")}
    assert importers <= IMPORTERS
    assert {fault for fault in found if not fault.endswith(": import_module")} == set()


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from pickle import loads", "import torch; torch.load(x)", "from torch import load",
        "eval(x)", "exec(x)", "compile(x, '', 'exec')", "__import__(x)", "import yaml; yaml.load(x)", "import dill",
        "np.load(x, allow_pickle=True)", "import importlib; importlib.import_module(x)",
        "from importlib import import_module", "subprocess.run(x, shell=True)", "import joblib",
    ],
)  # fmt: skip
def test_each_way_to_run_code_is_known(line: str) -> None:
    assert list(faults_of(ast.parse(line)))


# Links, pipes and folders in place of what should be there


@pytest.mark.parametrize("action", ACTIONS)
def test_links_are_not_followed(action, sound: Path, tmp_path: Path) -> None:
    name = next((sound / "checkpoints").iterdir()).name
    places = [*PLAIN, "checkpoints", ".launched_by", "result.json", f"checkpoints/{name}", "checkpoints/.x.1"]
    outside = tmp_path / "outside"
    outside.mkdir()
    for number, place in enumerate([*places, *(f"checkpoints/{name}/{file}" for file in CHECKPOINT)]):
        path = shutil.copytree(sound, tmp_path / f"{number}")
        kept = outside / f"{number}"
        if (path / place).exists():
            (path / place).rename(kept)
        else:
            kept.write_text("somebody's own")
        before = content_of(kept)
        (path / place).symlink_to(kept)
        line = tried(path, action)
        if place.count("/") < 2 or action is resume:
            assert "is a link" in line or "holds no checkpoint that is whole" in line, place
        assert content_of(kept) == before


def content_of(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {str(file): file.read_bytes() for file in files if file.is_file()}


def test_a_link_that_leads_nowhere_or_to_itself(sound: Path, tmp_path: Path) -> None:
    for number, place in enumerate(["plan.json", "model.safetensors", "checkpoints"]):
        for target in ("nowhere", place):
            path = shutil.copytree(sound, tmp_path / f"{number} {target}")
            shutil.rmtree(path / place) if (path / place).is_dir() else (path / place).unlink()
            (path / place).symlink_to(path / target)
            for action in ACTIONS:
                refused(path, action)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("kind", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_in_place_of_any_file(kind, sound: Path, tmp_path: Path) -> None:
    name = next((sound / "checkpoints").iterdir()).name
    read = {"plan.json": ACTIONS, "tokenizer.json": [use, score], "model.safetensors": [use, score]}
    read |= {"metrics.jsonl": [resume, lambda path: seqkit.load(path).metrics]}
    read |= {"result.json": [lambda path: seqkit.load(path).result], "checkpoints": [resume] * (kind is os.mkfifo)}
    read |= {f"checkpoints/{name}/{file}": [resume] for file in CHECKPOINT}
    for number, (place, actions) in enumerate(read.items()):
        for action in actions:
            path = shutil.copytree(sound, tmp_path / f"{number} {actions.index(action)}")
            if (path / place).is_dir():
                shutil.rmtree(path / place)
            else:
                (path / place).unlink(missing_ok=True)
            kind(path / place)
            refused(path, action)


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "..", "sub/model.safetensors", "", ".", "a\0b"])
def test_a_manifest_names_no_other_file(name: str, sound: Path, tmp_path: Path) -> None:
    manifest = json.loads(part(sound, "manifest.json"))
    for changed in (manifest | {name: manifest["state.json"]}, {name: "0"}):
        path = doctored(sound, tmp_path / f"{len(changed)}", "manifest.json", json.dumps(changed).encode())
        assert "holds no checkpoint that is whole" in refused(path, resume)


def test_paths_of_a_plan_are_not_opened(labels: Path, tmp_path: Path) -> None:
    """Not to load, to predict, or to evaluate on other data; a pipe would be waited for."""
    os.mkfifo(tmp_path / "pipe")
    plan = json.loads((labels / "plan.json").read_text())
    for place in ("/etc/passwd", "../../../etc/passwd", "/dev/zero", str(tmp_path / "pipe"), "~/x"):
        path = tmp_path / f"run {len(place)}"
        shutil.copytree(labels, path)
        plan["recipe"]["data"]["path"] = plan["recipe"]["data"]["test"]["path"] = place
        plan["recipe"]["name"] = place
        (path / "plan.json").write_text(json.dumps(plan))
        for action in (use, score):
            tried(path, action)


# Tensors


def tensors(header: Any, data: bytes = bytes(4)) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def entry(dtype: str = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


LIES = {
    "beyond the end": tensors({"x": entry(shape=[2], offsets=[0, 8])}),
    "before the start": tensors({"x": entry(offsets=[-4, 0])}),
    "backwards": tensors({"x": entry(offsets=[4, 0])}),
    "overlapping": tensors({"x": entry(), "y": entry()}),
    "a hole": tensors({"x": entry(offsets=[4, 8])}, bytes(8)),
    "more behind": tensors({"x": entry()}, bytes(4000)),
    "huge offsets": tensors({"x": entry(shape=[2**62], offsets=[0, 2**64 - 1])}),
    "offsets beyond 64 bits": tensors({"x": entry(shape=[2**70], offsets=[0, 2**72])}),
    "a product that wraps round": tensors({"x": entry(shape=[2**33, 2**31, 4])}),
    "a negative shape": tensors({"x": entry(shape=[-1])}),
    "two negative sizes": tensors({"x": entry(shape=[-1, -1])}),
    "a shape of numbers that are not whole": tensors({"x": entry(shape=[1.0])}),
    "no shape": tensors({"x": {"dtype": "F32", "data_offsets": [0, 4]}}),
    "a type of another size": tensors({"x": entry(dtype="F64")}),
    "no type": tensors({"x": entry(dtype="OBJECT")}),
    "a type that NumPy lacks": tensors({"x": entry(dtype="F8_E4M3", shape=[4])}),
    "an entry that is a list": tensors({"x": [1, 2]}),
    "offsets that are text": tensors({"x": entry(offsets=["0", "4"])}),
    "three offsets": tensors({"x": entry(offsets=[0, 4, 8])}),
    "a name twice": tensors(b'{"x":%b,"x":%b}' % ((json.dumps(entry()).encode(),) * 2)),
    "metadata that is no text": tensors({"__metadata__": {"x": {"y": []}}, "x": entry()}),
    "a header that is a list": tensors([]),
    "a deep header": tensors(b'{"x":' * 50_000 + b"1" + b"}" * 50_000),
    "a header of numbers beyond all": tensors(b'{"x":' + b"9" * 100_000 + b"}"),
    "a header cut short": (2**63 - 1).to_bytes(8, "little") + b"{}",
    "many tensors": tensors({f"{n}": entry(shape=[0], offsets=[0, 0]) for n in range(100_000)}, b""),
    "empty": b"",
    "7 bytes": bytes(7),
    "8 bytes": bytes(8),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies(lie: str, sound: Path, tmp_path: Path) -> None:
    path = shutil.copytree(sound, tmp_path / "run")
    (path / "model.safetensors").write_bytes(LIES[lie])
    for action in (use, score):
        assert "model.safetensors: " in refused(path, action)
    for name in ("model.safetensors", "optimizer.safetensors", "process-0.safetensors"):
        refused(doctored(sound, tmp_path / name, name, LIES[lie]), resume)


def test_a_file_that_claims_more_than_any_memory_holds(sound: Path, tmp_path: Path) -> None:
    """Sparse, a terabyte takes no room, and reading it would take hours."""
    honest = tensors({"x": entry(shape=[2**38], offsets=[0, 2**40])}, b"")
    for number, (start, size) in enumerate([(b"", 2**40), (honest, len(honest) + 2**40)]):
        path = doctored(sound, tmp_path / f"{number}", "model.safetensors", start)
        (checkpoint,) = (path / "checkpoints").iterdir()
        try:
            for file in (path / "model.safetensors", checkpoint / "model.safetensors"):
                file.write_bytes(start)
                os.truncate(file, size)
        except OSError as error:
            pytest.skip(f"this file system holds no such file: {error}")
        for action in ACTIONS:
            refused(path, action)
        for name in ("plan.json", "tokenizer.json", "metrics.jsonl"):
            os.truncate(path / name, 2**40)
        refused(path, use)


def changed(name: str, tensor: torch.Tensor | None) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    """Returns what puts a tensor in another's place; None takes it out."""
    return lambda tensors: {
        key: value for key, value in (tensors | {name: tensor}).items() if value is not None
    }  # fmt: skip


MOMENTS = {
    "a shape too small": changed("0.exp_avg", torch.zeros(1)),
    "a shape turned": changed("0.exp_avg_sq", torch.zeros(21, 24)),
    "a step for each weight": changed("0.step", torch.zeros(24, 21)),
    "whole numbers": changed("0.exp_avg", torch.zeros(24, 21, dtype=torch.int64)),
    "not finite": changed("0.exp_avg", torch.full((24, 21), torch.nan)),
    "of no weight": changed("99.exp_avg", torch.zeros(1)),
    "of a weight before the first": changed("-1.exp_avg", torch.zeros(1)),
    "of no name": changed("exp_avg", torch.zeros(1)),
    "of another optimizer": changed("0.momentum_buffer", torch.zeros(24, 21)),
    "one missing": changed("1.step", None),
}


@pytest.mark.parametrize("what", MOMENTS)
def test_moments_of_another_optimizer(what: str, sound: Path, tmp_path: Path) -> None:
    """A fused kernel reads and writes as many numbers as the weight has, whatever a moment's shape."""
    content = save(MOMENTS[what](load(part(sound, "optimizer.safetensors"))))
    line = refused(doctored(sound, tmp_path / "run", "optimizer.safetensors", content), resume)
    assert "damaged: " in line
    assert ("optimizer" in line) or ("is not finite numbers of the shape" in line)


OWN: dict[str, Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]] = {
    "a random state cut short": changed("rng", torch.zeros(7, dtype=torch.uint8)),
    "a random state of zeros": changed("rng", torch.zeros(5056, dtype=torch.uint8)),
    "a random state of ones": changed("rng", torch.full((5056,), 255, dtype=torch.uint8)),
    "a random state of floats": changed("rng", torch.zeros(5056)),
    "no random state": changed("rng", None),
    "a carried state of another width": lambda own: own | {"carried.0": own["carried.0"].repeat_interleave(2, -1)},
    "a carried state of fewer rows": lambda own: own | {"carried.0": own["carried.0"][:1].clone()},
    "a carried state of more rows": lambda own: own | {"carried.0": own["carried.0"].repeat_interleave(2, 0)},
    "a carried state of another type": lambda own: own | {"carried.0": own["carried.0"].double()},
    "a carried state that is not finite": lambda own: own | {"carried.0": own["carried.0"] * torch.inf},
    "no carried state": changed("carried.0", None),
}


@pytest.mark.parametrize("what", OWN)
def test_states_of_another_process(what: str, sound: Path, tmp_path: Path) -> None:
    content = save(OWN[what](load(part(sound, "process-0.safetensors"))))
    refused(doctored(sound, tmp_path / "run", "process-0.safetensors", content), resume)


WEIGHTS = {
    "not finite": lambda weight: torch.full_like(weight, torch.inf),
    "whole numbers": lambda weight: weight.long(),
    "complex": lambda weight: weight.to(torch.complex64),
    "turned": lambda weight: weight.T.contiguous(),
    "doubled": lambda weight: weight.repeat(2, 1),
    "too large for their type": lambda weight: weight.double() * 1e300,
}


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_of_another_model(what: str, sound: Path, tmp_path: Path) -> None:
    weights = load(part(sound, "model.safetensors"))
    name = "encoder.layers.cells.0.weight_ih_l0"
    content = save(weights | {name: WEIGHTS[what](weights[name])})
    assert f"'{name}' h" in refused(doctored(sound, tmp_path / "run", "model.safetensors", content), resume)


# JSON

TEXTS = {
    "not a number": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "infinity by another name": b"1e999",
    "minus infinity by another name": b"-1e999",
    "more digits than are read": b"9" * 5000,
    "half a character": b'"\\ud800"',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep, of mappings": b'{"":' * 100_000 + b"1" + b"}" * 100_000,
    "a long text": b'"' + b"x" * 5_000_000 + b'"',
    "a nul": b'"\\u0000"',
}


@pytest.mark.parametrize("what", TEXTS)
def test_json_that_python_would_read_and_nobody_else(what: str, sound: Path, tmp_path: Path) -> None:
    """In place of the format's number, of a step, and of a number deep inside."""
    for name in ("plan.json", "tokenizer.json"):
        path = shutil.copytree(sound, tmp_path / name)
        document = json.loads((path / name).read_text())
        text = json.dumps(document | {"features" if name == "tokenizer.json" else "format": "HERE"}).encode()
        (path / name).write_bytes(text.replace(b'"HERE"', TEXTS[what]))
        for action in (use, score):
            refused(path, action)
    state = json.loads(part(sound, "state.json"))
    for place in ("step", "seconds", "best", "loss_total"):
        text = json.dumps(state | {"progress": state["progress"] | {place: "HERE"}}).encode()
        path = doctored(sound, tmp_path / place, "state.json", text.replace(b'"HERE"', TEXTS[what]))
        assert "holds no checkpoint that is whole" in refused(path, resume)


PROGRESS: dict[str, Any] = {
    "beyond the end": {"step": 99, "epoch": 9},
    "steps that the epochs do not make": {"epoch": 2},
    "an epoch without end": {"epoch": 10**17},
    "beyond the epoch": {"step_in_epoch": 10**9},
    "before the start": {"step": -1},
    "before the epoch": {"step_in_epoch": -1},
    "another epoch before the start": {"epoch": -1, "step_in_epoch": 6},
    "no loss": {"loss_count": 0},
    "a negative loss count": {"loss_count": -4.0},
    "yes for a number": {"step": True},
    "half a step": {"step": 8.5},
    "text": {"tokens": "many"},
    "more rows than there are": {"metrics_bytes": 10**15},
    "fewer than no rows": {"metrics_bytes": -1},
    "more": {"more": 1},
    "a time before the start": {"seconds": -1e300},
    "a number that no float holds": {"loss_total": 10**400},
    "a best that is text": {"best": "0.1"},
}


@pytest.mark.parametrize("what", PROGRESS)
def test_progress_that_this_run_cannot_have_made(what: str, sound: Path, tmp_path: Path) -> None:
    state = json.loads(part(sound, "state.json"))
    state["progress"] |= PROGRESS[what]
    refused(doctored(sound, tmp_path / "run", "state.json", json.dumps(state).encode()), resume)


def _numpy(place: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda own: own["numpy"].__setitem__(place, value)


def _python(place: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda own: own["python"].__setitem__(place, value)


STATES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "NumPy beyond its numbers": _numpy(2, 10**6),
    "NumPy before its numbers": _numpy(2, -1),
    "NumPy nowhere": _numpy(2, None),
    "few numbers of NumPy": _numpy(1, [1, 2, 3]),
    "large numbers of NumPy": _numpy(1, [10**30] * 624),
    "negative numbers of NumPy": _numpy(1, [-1] * 624),
    "words for NumPy": _numpy(1, ["x"] * 624),
    "another generator of NumPy": _numpy(0, "PCG64"),
    "Python beyond its numbers": lambda own: own["python"][1].__setitem__(624, 10**9),
    "large numbers of Python": lambda own: own["python"][1].__setitem__(0, 10**30),
    "few numbers of Python": _python(1, [1, 2, 3]),
    "another version of Python": _python(0, 99),
    "nothing of Python": lambda own: own.__setitem__("python", None),
    "a carried state of no tensor": lambda own: own.__setitem__("carried", "absent"),
    "the random state for the carried one": lambda own: own.__setitem__("carried", "rng"),
    "a carried state of a number": lambda own: own.__setitem__("carried", 7),
    "a carried state of none": lambda own: own.__setitem__("carried", None),
    "a carried state of another layout": lambda own: own.__setitem__("carried", [own["carried"]]),
    "a deep carried state": lambda own: own.__setitem__("carried", json.loads("[" * 400 + "]" * 400)),
}


@pytest.mark.parametrize("what", STATES)
def test_random_states_that_no_generator_has(what: str, sound: Path, tmp_path: Path) -> None:
    state = json.loads(part(sound, "state.json"))
    STATES[what](state["processes"][0])
    refused(doctored(sound, tmp_path / "run", "state.json", json.dumps(state).encode()), resume)


# Anything at all in place of any value


@pytest.mark.parametrize("file", ["state.json", "manifest.json", "plan.json"])
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_value_of_a_checkpoint_can_cause_a_traceback(
    data: st.DataObject, file: str, sound: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = json.loads((sound / file).read_text() if file == "plan.json" else part(sound, file))
    # Of the many numbers of a random state, a few stand for all.
    paths = [path for path in _paths(document) if not any(isinstance(key, int) and key > 4 for key in path)]
    mutated = json.dumps(_replaced(document, data.draw(st.sampled_from(paths)), data.draw(HOSTILE))).encode()
    target = tmp_path_factory.getbasetemp() / f"mutated {file}"
    shutil.rmtree(target, ignore_errors=True)
    if file == "plan.json":
        shutil.copytree(sound, target)
        (target / file).write_bytes(mutated)
    else:
        doctored(sound, target, file, mutated)
    if not tried(target, resume):
        assert (target / "result.json").is_file()
