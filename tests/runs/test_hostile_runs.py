"""Tests of malicious run directories: each is refused quickly with a one-line error, and no code in it is executed."""

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

import seqkit
from helpers.recipes import GENERATION_RECIPE
from helpers.runs import HOSTILE_VALUES, load_and_evaluate, load_and_use, value_paths, with_value
from helpers.training import StopAfter
from seqkit.errors import Interrupted, SeqkitError
from seqkit.experiment import run_recipe
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

RECIPE = GENERATION_RECIPE | {
    "train": GENERATION_RECIPE["train"] | {"batch_size": 2, "sequence_length": 4, "epochs": 3}
}
"""A recipe whose checkpoints inside an epoch contain a carried state."""

PLAIN = ["recipe.yaml", "recipe.given.yaml", "overrides.txt"]
PLAIN += ["plan.json", "tokenizer.json", "model.safetensors", "metrics.jsonl", "timing.jsonl"]
CHECKPOINT = ["manifest.json", "state.json", "model.safetensors", "optimizer.safetensors", "process-0.safetensors"]


@pytest.fixture(scope="module")
def intact_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that was interrupted inside an epoch.

    A copy is loaded, evaluated and resumed once, so that all modules are imported before side effects are watched for.
    """
    runs = tmp_path_factory.mktemp("intact")
    with pytest.raises(Interrupted):
        run_recipe(read_recipe(RECIPE), load_registry(), runs, stop=StopAfter(9))
    (path,) = runs.iterdir()
    copy = shutil.copytree(path, runs / "copy")
    for action in (load_and_use, load_and_evaluate, resume):
        action(copy)
    return path


def resume(path: Path) -> Any:
    return seqkit.run(RECIPE, resume=path, quiet=True)


ACTIONS = [load_and_use, load_and_evaluate, resume]

pytestmark = pytest.mark.filterwarnings("ignore:.*is not finished")  # the runs were interrupted


# Detection of side effects

_FORBIDDEN = (
    "pickle.", "marshal.load", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile",
    "subprocess.", "socket.", "urllib.", "ctypes.", "webbrowser.", "pty.", "code.__new__", "os.putenv",
)  # fmt: skip
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.chown",
            "os.truncate", "shutil.")  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_allowed: list[Path] = []
_violations: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _allowed:
        return
    inside = str(_allowed[0])
    if event.startswith(_FORBIDDEN):
        _violations.append(f"{event} {arguments!r:.200}")
    elif event in ("compile", "exec"):
        code = arguments[-1] if event == "compile" else getattr(arguments[0], "co_filename", "")
        if str(code).startswith(inside):
            _violations.append(f"{event} {arguments!r:.200}")
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else inside
        if not name.startswith(inside):
            _violations.append(f"opens for writing: {name}")
    elif event.startswith(_CHANGES) and not (event in ("os.remove", "os.rmdir") and arguments[1] != -1):
        # shutil.rmtree removes the contents of a folder, whose path it has reported before, through a file descriptor.
        _violations.extend(
            f"{event} {path}"
            for path in arguments
            if isinstance(path, str | os.PathLike) and not os.fspath(path).startswith(inside)
        )


@pytest.fixture(scope="module", autouse=True)
def _audit_hook() -> None:
    """Install the audit hook. It cannot be removed, and does nothing outside `forbid_side_effects`."""
    sys.addaudithook(_hook)


@contextmanager
def forbid_side_effects(path: Path) -> Iterator[None]:
    """Fail if the block runs foreign code, changes a file outside the folder `path`, or blocks for a minute."""

    def time_out(*_: object) -> None:
        raise AssertionError("the action blocks")

    before = signal.signal(signal.SIGALRM, time_out)
    signal.setitimer(signal.ITIMER_REAL, 60)
    _violations.clear()
    _allowed[:] = [path]
    try:
        yield
    finally:
        _allowed.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert _violations == []


def error_line(path: Path, action: Callable[[Path], Any]) -> str:
    """Apply an action to a run directory and return its one-line error message, or "" if it succeeds."""
    start = time.process_time()
    line = ""
    with forbid_side_effects(path):
        try:
            action(path)
        except SeqkitError as error:
            assert error.exit_code in (2, 3, 4, 5)
            (line,) = error.lines
    assert time.process_time() - start < 3  # under one second on an idle machine
    assert len(line.replace(str(path), "")) < 400
    return line


def refusal(path: Path, action: Callable[[Path], Any]) -> str:
    """Return the error message of an action that must fail."""
    line = error_line(path, action)
    assert line, "the action succeeds"
    return line


def with_checkpoint_file(run: Path, target: Path, name: str, content: bytes) -> Path:
    """Copy a run with one file of its checkpoint replaced and the manifest updated."""
    path = shutil.copytree(run, target)
    (checkpoint,) = (path / "checkpoints").iterdir()
    (checkpoint / name).write_bytes(content)
    if name != "manifest.json":
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        manifest[name] = hashlib.sha256(content).hexdigest()
        (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    return path


def checkpoint_file(run: Path, name: str) -> bytes:
    """Return the content of a file of the run's only checkpoint."""
    (checkpoint,) = (run / "checkpoints").iterdir()
    return (checkpoint / name).read_bytes()


def test_side_effects_are_detected(tmp_path: Path) -> None:
    for action in (
        lambda: pickle.loads(payload(tmp_path / "touched")),  # noqa: S301
        lambda: (tmp_path / "file.txt").write_text(""),
        lambda: (tmp_path / "file.txt").unlink(),
        lambda: exec(compile("1", str(tmp_path / "inside" / "x.py"), "exec")),  # noqa: S102
    ):
        with pytest.raises(AssertionError), forbid_side_effects(tmp_path / "inside"):
            action()


# Code execution


class TouchOnUnpickle:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def payload(path: Path) -> bytes:
    return pickle.dumps(TouchOnUnpickle(path), protocol=4)


@pytest.mark.parametrize("action", ACTIONS)
def test_pickled_files_are_never_unpickled(action, intact_run: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    for number, name in enumerate(PLAIN):
        path = shutil.copytree(intact_run, tmp_path / f"plain {number}")
        (path / name).write_bytes(payload(touched))
        error_line(path, action)
    for number, name in enumerate(CHECKPOINT):
        path = with_checkpoint_file(intact_run, tmp_path / f"checkpoint {number}", name, payload(touched))
        assert bool(error_line(path, action)) == (action is resume)
    for name in ("model.pt", "model.pkl", "pytorch_model.bin", "plan.py", "sitecustomize.py", "conftest.py"):
        path = shutil.copytree(intact_run, tmp_path / name)
        (path / name).write_bytes(payload(touched))
        (path / "model.safetensors").unlink()
        assert "model.safetensors" in error_line(path, action) or action is resume
    assert not touched.exists()


CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "pickletools", "dbm"}
METHODS = {
    ("torch", "load"), ("torch", "save"), ("torch.jit", "load"), ("torch.package", "PackageImporter"),
    ("torch.hub", "load"), ("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load"), ("np", "load"),
    ("numpy", "load"), ("np", "fromfile"), ("os", "system"), ("os", "popen"), ("runpy", "run_path"),
    ("builtins", "eval"), ("builtins", "exec"),
}  # fmt: skip
IMPORTERS = {"seqkit/__init__.py", "seqkit/registry/records.py", "seqkit/inference/builtin_tokenizer.py"}
"""Modules that import public names, components or built-in tokenizers; recipes and runs cannot name modules."""


def unsafe_code(tree: ast.AST) -> Iterator[str]:
    """Yield the line and description of each import or call that can execute code from a file."""
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
                    yield f"{node.lineno}: passes {keyword.arg}"


def test_seqkit_never_executes_code_from_a_file() -> None:
    package = Path(seqkit.__file__).parent
    found = {
        f"{path.relative_to(package.parent).as_posix()}:{fault}"
        for path in package.rglob("*.py")
        for fault in unsafe_code(ast.parse(path.read_text(encoding="utf-8")))
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
def test_unsafe_code_is_detected(line: str) -> None:
    assert list(unsafe_code(ast.parse(line)))


# Links, pipes and folders in place of files


@pytest.mark.parametrize("action", ACTIONS)
def test_links_are_not_followed(action, intact_run: Path, tmp_path: Path) -> None:
    name = next((intact_run / "checkpoints").iterdir()).name
    places = [*PLAIN, "checkpoints", ".launched_by", "result.json", f"checkpoints/{name}", "checkpoints/.x.1"]
    outside = tmp_path / "outside"
    outside.mkdir()
    for number, place in enumerate([*places, *(f"checkpoints/{name}/{file}" for file in CHECKPOINT)]):
        path = shutil.copytree(intact_run, tmp_path / f"{number}")
        target = outside / f"{number}"
        if (path / place).exists():
            (path / place).rename(target)
        else:
            target.write_text("a file of the user")
        before = content_of(target)
        (path / place).symlink_to(target)
        line = error_line(path, action)
        if place.count("/") < 2 or action is resume:
            assert "is a symbolic link" in line or "no checkpoint is intact" in line, place
        assert content_of(target) == before


def content_of(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {str(file): file.read_bytes() for file in files if file.is_file()}


def test_dangling_and_circular_links_are_rejected(intact_run: Path, tmp_path: Path) -> None:
    for number, place in enumerate(["plan.json", "model.safetensors", "checkpoints"]):
        for target in ("nowhere", place):
            path = shutil.copytree(intact_run, tmp_path / f"{number} {target}")
            shutil.rmtree(path / place) if (path / place).is_dir() else (path / place).unlink()
            (path / place).symlink_to(path / target)
            for action in ACTIONS:
                refusal(path, action)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("kind", [os.mkfifo, os.mkdir])
def test_pipes_and_folders_in_place_of_files_are_rejected(kind, intact_run: Path, tmp_path: Path) -> None:
    name = next((intact_run / "checkpoints").iterdir()).name
    read = {
        "plan.json": ACTIONS,
        "tokenizer.json": [load_and_use, load_and_evaluate],
        "model.safetensors": [load_and_use, load_and_evaluate],
    }
    read |= {"metrics.jsonl": [resume, lambda path: seqkit.load(path).metrics]}
    read |= {"result.json": [lambda path: seqkit.load(path).result], "checkpoints": [resume] * (kind is os.mkfifo)}
    read |= {f"checkpoints/{name}/{file}": [resume] for file in CHECKPOINT}
    for number, (place, actions) in enumerate(read.items()):
        for action in actions:
            path = shutil.copytree(intact_run, tmp_path / f"{number} {actions.index(action)}")
            if (path / place).is_dir():
                shutil.rmtree(path / place)
            else:
                (path / place).unlink(missing_ok=True)
            kind(path / place)
            refusal(path, action)


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "..", "sub/model.safetensors", "", ".", "a\0b"])
def test_manifest_cannot_name_other_files(name: str, intact_run: Path, tmp_path: Path) -> None:
    manifest = json.loads(checkpoint_file(intact_run, "manifest.json"))
    for changed in (manifest | {name: manifest["state.json"]}, {name: "0"}):
        path = with_checkpoint_file(
            intact_run, tmp_path / f"{len(changed)}", "manifest.json", json.dumps(changed).encode()
        )
        assert "no checkpoint is intact" in refusal(path, resume)


def test_paths_in_plan_are_not_opened(classification_run: Path, tmp_path: Path) -> None:
    """Loading, prediction and evaluation on other data do not open them; opening a pipe would block."""
    os.mkfifo(tmp_path / "pipe")
    plan = json.loads((classification_run / "plan.json").read_text())
    for place in ("/etc/passwd", "../../../etc/passwd", "/dev/zero", str(tmp_path / "pipe"), "~/x"):
        path = tmp_path / f"run {len(place)}"
        shutil.copytree(classification_run, path)
        plan["recipe"]["data"]["path"] = plan["recipe"]["data"]["test"]["path"] = place
        plan["recipe"]["name"] = place
        (path / "plan.json").write_text(json.dumps(plan))
        for action in (load_and_use, load_and_evaluate):
            error_line(path, action)


# Tensors


def tensors(header: Any, data: bytes = bytes(4)) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def entry(dtype: str = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


INVALID_HEADERS = {
    "beyond the end": tensors({"x": entry(shape=[2], offsets=[0, 8])}),
    "before the start": tensors({"x": entry(offsets=[-4, 0])}),
    "backwards": tensors({"x": entry(offsets=[4, 0])}),
    "overlapping": tensors({"x": entry(), "y": entry()}),
    "a gap": tensors({"x": entry(offsets=[4, 8])}, bytes(8)),
    "trailing bytes": tensors({"x": entry()}, bytes(4000)),
    "huge offsets": tensors({"x": entry(shape=[2**62], offsets=[0, 2**64 - 1])}),
    "offsets beyond 64 bits": tensors({"x": entry(shape=[2**70], offsets=[0, 2**72])}),
    "overflow of the product of sizes": tensors({"x": entry(shape=[2**33, 2**31, 4])}),
    "a negative shape": tensors({"x": entry(shape=[-1])}),
    "two negative sizes": tensors({"x": entry(shape=[-1, -1])}),
    "a floating-point shape": tensors({"x": entry(shape=[1.0])}),
    "no shape": tensors({"x": {"dtype": "F32", "data_offsets": [0, 4]}}),
    "a type of another size": tensors({"x": entry(dtype="F64")}),
    "unknown type": tensors({"x": entry(dtype="OBJECT")}),
    "a type that NumPy lacks": tensors({"x": entry(dtype="F8_E4M3", shape=[4])}),
    "an entry that is a list": tensors({"x": [1, 2]}),
    "offsets that are text": tensors({"x": entry(offsets=["0", "4"])}),
    "three offsets": tensors({"x": entry(offsets=[0, 4, 8])}),
    "a duplicate name": tensors(b'{"x":%b,"x":%b}' % ((json.dumps(entry()).encode(),) * 2)),
    "metadata that is not text": tensors({"__metadata__": {"x": {"y": []}}, "x": entry()}),
    "a header that is a list": tensors([]),
    "a deep header": tensors(b'{"x":' * 50_000 + b"1" + b"}" * 50_000),
    "a header with a huge number": tensors(b'{"x":' + b"9" * 100_000 + b"}"),
    "a truncated header": (2**63 - 1).to_bytes(8, "little") + b"{}",
    "a long header": tensors(b'{"x":' + b" " * 3_000_000 + b"1}"),
    "many tensors": tensors({f"{n}": entry(shape=[0], offsets=[0, 0]) for n in range(10_001)}, b""),
    "empty": b"",
    "7 bytes": bytes(7),
    "8 bytes": bytes(8),
}


@pytest.mark.parametrize("case", INVALID_HEADERS)
def test_invalid_tensor_headers_are_rejected(case: str, intact_run: Path, tmp_path: Path) -> None:
    path = shutil.copytree(intact_run, tmp_path / "run")
    (path / "model.safetensors").write_bytes(INVALID_HEADERS[case])
    for action in (load_and_use, load_and_evaluate):
        assert "model.safetensors: " in refusal(path, action)
    for name in ("model.safetensors", "optimizer.safetensors", "process-0.safetensors"):
        refusal(with_checkpoint_file(intact_run, tmp_path / name, name, INVALID_HEADERS[case]), resume)


def test_files_larger_than_memory_are_rejected(intact_run: Path, tmp_path: Path) -> None:
    """The files are sparse: a terabyte takes no disk space, but reading it would take hours."""
    consistent = tensors({"x": entry(shape=[2**38], offsets=[0, 2**40])}, b"")
    for number, (start, size) in enumerate([(b"", 2**40), (consistent, len(consistent) + 2**40)]):
        path = with_checkpoint_file(intact_run, tmp_path / f"{number}", "model.safetensors", start)
        (checkpoint,) = (path / "checkpoints").iterdir()
        try:
            for file in (path / "model.safetensors", checkpoint / "model.safetensors"):
                file.write_bytes(start)
                os.truncate(file, size)
        except OSError as error:
            pytest.skip(f"the file system does not support a file of this size: {error}")
        for action in ACTIONS:
            refusal(path, action)
        for name in ("plan.json", "tokenizer.json", "metrics.jsonl"):
            os.truncate(path / name, 2**40)
        refusal(path, load_and_use)


def with_tensor(name: str, tensor: torch.Tensor | None) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    """Return a function that replaces a tensor, or removes it for None."""
    return lambda tensors: {
        key: value for key, value in (tensors | {name: tensor}).items() if value is not None
    }  # fmt: skip


OPTIMIZER_EDITS = {
    "a shape too small": with_tensor("0.exp_avg", torch.zeros(1)),
    "a transposed shape": with_tensor("0.exp_avg_sq", torch.zeros(21, 24)),
    "one step count per element": with_tensor("0.step", torch.zeros(24, 21)),
    "integers": with_tensor("0.exp_avg", torch.zeros(24, 21, dtype=torch.int64)),
    "not finite": with_tensor("0.exp_avg", torch.full((24, 21), torch.nan)),
    "of an unknown weight": with_tensor("99.exp_avg", torch.zeros(1)),
    "of a negative index": with_tensor("-1.exp_avg", torch.zeros(1)),
    "without an index": with_tensor("exp_avg", torch.zeros(1)),
    "of another optimizer": with_tensor("0.momentum_buffer", torch.zeros(24, 21)),
    "a missing tensor": with_tensor("1.step", None),
}


@pytest.mark.parametrize("case", OPTIMIZER_EDITS)
def test_invalid_optimizer_states_are_rejected(case: str, intact_run: Path, tmp_path: Path) -> None:
    """A fused kernel accesses as many elements as the weight has, whatever the shape of the optimizer's tensor."""
    content = save(OPTIMIZER_EDITS[case](load(checkpoint_file(intact_run, "optimizer.safetensors"))))
    line = refusal(with_checkpoint_file(intact_run, tmp_path / "run", "optimizer.safetensors", content), resume)
    assert "corrupt: " in line
    assert ("optimizer" in line) or ("is not finite numbers of the shape" in line)


PROCESS_EDITS: dict[str, Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]] = {
    "a truncated random state": with_tensor("rng", torch.zeros(7, dtype=torch.uint8)),
    "a random state of zeros": with_tensor("rng", torch.zeros(5056, dtype=torch.uint8)),
    "a random state of ones": with_tensor("rng", torch.full((5056,), 255, dtype=torch.uint8)),
    "a random state of floats": with_tensor("rng", torch.zeros(5056)),
    "no random state": with_tensor("rng", None),
    "a carried state of another width": lambda state: (
        state | {"carried.0": state["carried.0"].repeat_interleave(2, -1)}
    ),
    "a carried state of fewer rows": lambda state: state | {"carried.0": state["carried.0"][:1].clone()},
    "a carried state of more rows": lambda state: state | {"carried.0": state["carried.0"].repeat_interleave(2, 0)},
    "a carried state of another type": lambda state: state | {"carried.0": state["carried.0"].double()},
    "a carried state that is not finite": lambda state: state | {"carried.0": state["carried.0"] * torch.inf},
    "no carried state": with_tensor("carried.0", None),
}


@pytest.mark.parametrize("case", PROCESS_EDITS)
def test_invalid_process_states_are_rejected(case: str, intact_run: Path, tmp_path: Path) -> None:
    content = save(PROCESS_EDITS[case](load(checkpoint_file(intact_run, "process-0.safetensors"))))
    refusal(with_checkpoint_file(intact_run, tmp_path / "run", "process-0.safetensors", content), resume)


WEIGHT_EDITS = {
    "not finite": lambda weight: torch.full_like(weight, torch.inf),
    "integers": lambda weight: weight.long(),
    "complex": lambda weight: weight.to(torch.complex64),
    "transposed": lambda weight: weight.T.contiguous(),
    "doubled": lambda weight: weight.repeat(2, 1),
    "too large for the type": lambda weight: weight.double() * 1e300,
}


@pytest.mark.parametrize("case", WEIGHT_EDITS)
def test_invalid_weights_are_rejected(case: str, intact_run: Path, tmp_path: Path) -> None:
    weights = load(checkpoint_file(intact_run, "model.safetensors"))
    name = "encoder.layers.cells.0.weight_ih_l0"
    edited = weights | {name: WEIGHT_EDITS[case](weights[name])}
    try:
        content = save(edited)
    except KeyError:
        pytest.skip("safetensors before 0.7 has no complex numbers")
    assert f"'{name}' " in refusal(
        with_checkpoint_file(intact_run, tmp_path / "run", "model.safetensors", content), resume
    )


# JSON

JSON_VALUES = {
    "not a number": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "a number that overflows to infinity": b"1e999",
    "a number that overflows to minus infinity": b"-1e999",
    "more digits than Python parses": b"9" * 5000,
    "a lone surrogate": b'"\\ud800"',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep mappings": b'{"":' * 100_000 + b"1" + b"}" * 100_000,
    "a long text": b'"' + b"x" * 5_000_000 + b'"',
    "a null character": b'"\\u0000"',
}


@pytest.mark.parametrize("case", JSON_VALUES)
def test_nonstandard_json_values_are_rejected(case: str, intact_run: Path, tmp_path: Path) -> None:
    """The values replace the format number, the step count, and numbers of the nested progress."""
    for name in ("plan.json", "tokenizer.json"):
        path = shutil.copytree(intact_run, tmp_path / name)
        document = json.loads((path / name).read_text())
        text = json.dumps(document | {"features" if name == "tokenizer.json" else "format": "HERE"}).encode()
        (path / name).write_bytes(text.replace(b'"HERE"', JSON_VALUES[case]))
        for action in (load_and_use, load_and_evaluate):
            refusal(path, action)
    state = json.loads(checkpoint_file(intact_run, "state.json"))
    for place in ("step", "seconds", "best", "loss_total"):
        text = json.dumps(state | {"progress": state["progress"] | {place: "HERE"}}).encode()
        path = with_checkpoint_file(
            intact_run, tmp_path / place, "state.json", text.replace(b'"HERE"', JSON_VALUES[case])
        )
        assert "no checkpoint is intact" in refusal(path, resume)


PROGRESS_EDITS: dict[str, Any] = {
    "beyond the end": {"step": 99, "epoch": 9},
    "an epoch that does not match the step": {"epoch": 2},
    "an enormous epoch": {"epoch": 10**17},
    "beyond the epoch": {"step_in_epoch": 10**9},
    "a negative step": {"step": -1},
    "a negative step in the epoch": {"step_in_epoch": -1},
    "a negative epoch": {"epoch": -1, "step_in_epoch": 6},
    "no loss": {"loss_count": 0},
    "a negative loss count": {"loss_count": -4.0},
    "a boolean step": {"step": True},
    "a fractional step": {"step": 8.5},
    "text": {"tokens": "many"},
    "more metrics than the file contains": {"metrics_bytes": 10**15},
    "a negative metrics size": {"metrics_bytes": -1},
    "an unknown key": {"more": 1},
    "a negative time": {"seconds": -1e300},
    "a number too large for a float": {"loss_total": 10**400},
    "a best value that is text": {"best": "0.1"},
}


@pytest.mark.parametrize("case", PROGRESS_EDITS)
def test_impossible_progress_is_rejected(case: str, intact_run: Path, tmp_path: Path) -> None:
    state = json.loads(checkpoint_file(intact_run, "state.json"))
    state["progress"] |= PROGRESS_EDITS[case]
    refusal(with_checkpoint_file(intact_run, tmp_path / "run", "state.json", json.dumps(state).encode()), resume)


def with_numpy(place: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state["numpy"].__setitem__(place, value)


def with_python(place: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state["python"].__setitem__(place, value)


RANDOM_STATE_EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "NumPy position too large": with_numpy(2, 10**6),
    "NumPy position negative": with_numpy(2, -1),
    "NumPy position missing": with_numpy(2, None),
    "too few NumPy numbers": with_numpy(1, [1, 2, 3]),
    "large NumPy numbers": with_numpy(1, [10**30] * 624),
    "negative NumPy numbers": with_numpy(1, [-1] * 624),
    "texts as NumPy numbers": with_numpy(1, ["x"] * 624),
    "another NumPy generator": with_numpy(0, "PCG64"),
    "Python position too large": lambda state: state["python"][1].__setitem__(624, 10**9),
    "large Python numbers": lambda state: state["python"][1].__setitem__(0, 10**30),
    "too few Python numbers": with_python(1, [1, 2, 3]),
    "another Python version": with_python(0, 99),
    "no Python state": lambda state: state.__setitem__("python", None),
    "a carried state without a tensor": lambda state: state.__setitem__("carried", "absent"),
    "the random state as carried state": lambda state: state.__setitem__("carried", "rng"),
    "a number as carried state": lambda state: state.__setitem__("carried", 7),
    "null as carried state": lambda state: state.__setitem__("carried", None),
    "a carried state with another layout": lambda state: state.__setitem__("carried", [state["carried"]]),
    "a deeply nested carried state": lambda state: state.__setitem__("carried", json.loads("[" * 400 + "]" * 400)),
}


@pytest.mark.parametrize("case", RANDOM_STATE_EDITS)
def test_invalid_random_states_are_rejected(case: str, intact_run: Path, tmp_path: Path) -> None:
    state = json.loads(checkpoint_file(intact_run, "state.json"))
    RANDOM_STATE_EDITS[case](state["processes"][0])
    refusal(with_checkpoint_file(intact_run, tmp_path / "run", "state.json", json.dumps(state).encode()), resume)


# Arbitrary values


@pytest.mark.parametrize("file", ["state.json", "manifest.json", "plan.json"])
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_checkpoint_value_causes_a_traceback(
    data: st.DataObject, file: str, intact_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = json.loads((intact_run / file).read_text() if file == "plan.json" else checkpoint_file(intact_run, file))
    # A few elements of each long list, such as a random state, are enough.
    paths = [path for path in value_paths(document) if not any(isinstance(key, int) and key > 4 for key in path)]
    mutated = json.dumps(with_value(document, data.draw(st.sampled_from(paths)), data.draw(HOSTILE_VALUES))).encode()
    target = tmp_path_factory.getbasetemp() / f"mutated {file}"
    shutil.rmtree(target, ignore_errors=True)
    if file == "plan.json":
        shutil.copytree(intact_run, target)
        (target / file).write_bytes(mutated)
    else:
        with_checkpoint_file(intact_run, target, file, mutated)
    if not error_line(target, resume):
        assert (target / "result.json").is_file()
