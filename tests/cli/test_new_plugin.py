"""`seqkit new-plugin`: the package installs, passes its tests and trains; a failure leaves no files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import seqkit
from helpers.distributions import write_metadata
from seqkit.cli import new_plugin
from seqkit.hookspecs import KINDS
from seqkit.registry import load_registry
from seqkit.registry.registry import Registry

# Names with a hyphen, which the name of a module cannot contain.
NAMES = {kind: f"sample-{kind}" for kind in KINDS}


def command(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"SEQKIT_PLUGINS": "on"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a package of each kind."""
    folder = tmp_path_factory.mktemp("written")
    for kind, name in NAMES.items():
        new_plugin.write_plugin(name, kind, folder, Registry())
    return folder


@pytest.fixture(scope="module")
def installed(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder, for PYTHONPATH, with the packages: pip installs one, the others have the same pyproject.toml."""
    target = tmp_path_factory.mktemp("installed")
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    done = command("-m", "pip", "install", *offline, "--target", target, "./seqkit-sample-reader", cwd=written)
    assert (done.returncode, done.stderr) == (0, "")
    for name in NAMES.values():
        module = f"seqkit_{name.replace('-', '_')}"
        if not (target / module).exists():
            shutil.copytree(written / f"seqkit-{name}" / module, target / module)
            write_metadata(target, f"seqkit-{name}", module, version="0.1.0", point=name)
    return target


def test_packages_register_their_components(installed: Path, tmp_path: Path) -> None:
    listed = command("-m", "seqkit", "list", cwd=tmp_path, PYTHONPATH=str(installed))
    assert (listed.returncode, listed.stderr) == (0, "")
    for name in NAMES.values():
        assert f"  {name} " in listed.stdout
        assert f"  seqkit-{name} 0.1.0 " in listed.stdout


def test_packages_pass_their_tests(written: Path, installed: Path, tmp_path: Path) -> None:
    done = command(
        *("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", tmp_path),
        *("--basetemp", tmp_path / "temporary"),  # the default one is cleaned up, with warnings, by all that use it
        *(written / f"seqkit-{name}" / "tests" for name in NAMES.values()),
        cwd=tmp_path,
        PYTHONPATH=str(installed),
        OMP_NUM_THREADS="1",
    )
    assert done.returncode == 0, done.stdout
    # Skipped are the checks of readers of features, of whole files, and of series with dates.
    assert " passed, 3 skipped" in done.stdout


@pytest.mark.usefixtures("one_process")
def test_check_plugin_checks_the_reader(run_command, enable_plugins, installed: Path) -> None:
    """The template of a reader names its checks; those of the other kinds pass theirs in their own tests."""
    enable_plugins(installed)
    done = run_command("check-plugin", "seqkit-sample-reader")
    assert (done.code, done.err) == (0, "")
    assert "reader sample-reader: expected_examples … ok\n" in done.out
    assert re.fullmatch(r"\d+ ok, 3 skipped", done.out.splitlines()[-1])


def test_recipe_of_the_reader_has_the_results_of_its_comment(
    run_command, enable_plugins, written: Path, installed: Path
) -> None:
    enable_plugins(installed)
    recipe = written / "seqkit-sample-reader" / "recipes" / "sample-reader.yaml"
    done = run_command("run", recipe, "train.threads=1")
    assert (done.code, done.err) == (0, "")
    result = seqkit.load(done.out.splitlines()[-1]).result
    assert result["examples"]["test"] == 17
    assert result["metrics"]["test"]["accuracy"] == 1.0
    assert result["baseline"]["accuracy"] == pytest.approx(13 / 17)
    assert [prediction["label"] for prediction in result["predictions"]] == ["question", "statement"]


def test_packages_pass_ruff_and_contain_no_placeholder(written: Path) -> None:
    ruff = Path(sys.executable).parent / "ruff"
    for arguments in (["check", "--select", "E,F,W,B,UP,C4,SIM,RET,PTH"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *arguments, "--isolated", "--no-cache", "--line-length", "120", written],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
    for file in (file for file in written.rglob("*") if "__pycache__" not in file.parts):
        assert file.is_dir() or "placeholder" not in file.read_text(encoding="utf-8").lower()
        assert "placeholder" not in str(file.relative_to(written))


def test_command_prints_the_next_steps(cli: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    done = cli("new-plugin", "seqkit-bag-of-words")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "seqkit-bag-of-words: a package that provides the encoder 'bag-of-words'. Next:",
        "  pip install -e './seqkit-bag-of-words[test]'",
        "  pytest seqkit-bag-of-words",
        "  seqkit run seqkit-bag-of-words/recipes/bag-of-words.yaml",
    ]
    source = (tmp_path / "seqkit-bag-of-words" / "seqkit_bag_of_words" / "encoder.py").read_text(encoding="utf-8")
    assert "class BagOfWords(nn.Module, Encoder):" in source
    (tmp_path / "a folder").mkdir()
    done = cli("new-plugin", "mine", "--kind", "head", "--into", "a folder")
    assert done.stdout.splitlines()[1] == "  pip install -e './a folder/seqkit-mine[test]'"
    assert done.stdout.splitlines()[3] == "  seqkit run 'a folder/seqkit-mine/recipes/mine.yaml'"
    repeated = cli("new-plugin", "mine", "--kind", "head", "--into", "a folder")
    assert (repeated.returncode, repeated.stdout) == (2, "")
    assert repeated.stderr == (
        "seqkit: a folder/seqkit-mine exists: choose another name, or another folder with --into\n"
    )


INVALID = "is not a valid name: use lower-case letters, digits and hyphens, a letter first"


@pytest.mark.parametrize(
    ("name", "into", "message"),
    [
        ("Mine", ".", f"'Mine' {INVALID}"),
        ("my_own", ".", f"'my_own' {INVALID}"),
        ("null", ".", f"'null' {INVALID}"),
        ("../up", ".", f"'../up' {INVALID}"),
        ("lstm", ".", f"encoder 'lstm' is already provided by seqkit {seqkit.__version__}: choose another name"),
        ("new", "missing", "--into missing: no such folder: create it first"),
        ("new", "a-file", "a-file/seqkit-new: cannot be written: Not a directory"),
        ("here", ".", "seqkit-here exists: choose another name, or another folder with --into"),
    ],
)
def test_error_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, into: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seqkit-here").mkdir()
    Path("a-file").write_text("")
    with pytest.raises(seqkit.UsageError) as caught:
        new_plugin.write_plugin(name, "encoder", Path(into), load_registry())
    assert caught.value.lines == [message]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a-file", "seqkit-here"]


def test_name_of_an_installed_package_or_module_is_an_error(installed: Path, tmp_path: Path) -> None:
    done = command(
        "-m", "seqkit", "new-plugin", "sample-encoder", "--kind", "head", cwd=tmp_path, PYTHONPATH=str(installed)
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "seqkit: seqkit-sample-encoder 0.1.0 is already installed: choose another name\n"
    (tmp_path / "seqkit_mine.py").write_text("")
    done = command("-m", "seqkit", "new-plugin", "mine", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "seqkit: the module seqkit_mine exists: choose another name\n"


def test_full_disk_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.write_text

    def write_text(self: Path, *arguments: str, **options: str) -> int:
        if self.suffix == ".yaml":
            raise OSError(28, "No space left on device")
        return original(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(seqkit.UsageError, match="seqkit-mine: cannot be written: No space left on device"):
        new_plugin.write_plugin("mine", "encoder", tmp_path, Registry())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["encoder", "tensor", "none", "nn", "state"])
def test_name_of_a_class_in_the_template_is_not_shadowed(name: str, tmp_path: Path) -> None:
    folder = new_plugin.write_plugin(name, "encoder", tmp_path, load_registry())
    source = (folder / f"seqkit_{name}" / "encoder.py").read_text(encoding="utf-8")
    cls = name.capitalize() if name == "nn" else f"{name.capitalize()}Encoder"
    assert f"class {cls}(nn.Module, Encoder):" in source
    assert f'"seqkit_{name}.encoder:{cls}"' in (folder / f"seqkit_{name}" / "__init__.py").read_text(encoding="utf-8")


def test_all_template_files_are_used() -> None:
    templates = Path(seqkit.__file__).parent / "templates"
    existing = {path for path in templates.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    used = {templates / "pyproject.toml"}
    for kind in KINDS:
        used |= {templates / kind / file for file in new_plugin.template_files(kind) if file != "pyproject.toml"}
    assert existing == used
