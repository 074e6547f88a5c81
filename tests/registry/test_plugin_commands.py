"""Tests of commands of plugins: listed in --help without being imported, run like built-in ones, errors reported."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent

import pytest

import seqkit
from helpers.commands import CommandResult
from helpers.distributions import install

TARGET = """
    import click
    import seqkit

    print("imported")

    @click.command()
    @click.argument("name")
    @click.option("--loud", is_flag=True)
    def greet(name, loud):
        '''Greet NAME.'''
        if name == "nobody":
            raise seqkit.DataError("unknown name: nobody")
        click.echo(f"hello {name}" + ("!" if loud else ""))

    @click.group()
    def greetings():
        '''Greetings.'''

    @greetings.command()
    def hello():
        '''Greet.'''

    not_a_command = 7
    """


def provides_command(name: str, target: str = "greeting:greet") -> str:
    return f"""
@seqkit.hookimpl
def seqkit_commands():
    yield seqkit.Command("{name}", "{target}", "print a greeting")
"""


def install_sources(folder: Path, sources: dict[str, str]) -> None:
    """Install modules, and the module that their commands name."""
    for name, source in sources.items():
        install(folder, name, source)
    (folder / "greeting.py").write_text(dedent(TARGET), encoding="utf-8")


@pytest.fixture
def run(
    run_command: Callable[..., CommandResult], enable_plugins: Callable[[Path], None], tmp_path: Path
) -> Callable[..., CommandResult]:
    """Return a function that installs modules, and runs a command in this process."""

    def run(sources: dict[str, str], *arguments: str) -> CommandResult:
        if sources:
            install_sources(tmp_path / "installed", sources)
            enable_plugins(tmp_path / "installed")
        return run_command(*arguments)

    return run


def test_command_is_listed_in_help_without_import(run) -> None:
    code, out, err = run({"polite": provides_command("greet")}, "--help")
    assert (code, err) == (0, "")
    assert "  greet          print a greeting\n" in out
    assert "imported" not in out


def test_command_runs(cli, tmp_path: Path) -> None:
    install_sources(tmp_path / "installed", {"polite": provides_command("greet")})
    done = cli("greet", "Ada", "--loud", PYTHONPATH=str(tmp_path / "installed"), SEQKIT_PLUGINS="on")
    assert (done.returncode, done.stdout, done.stderr) == (0, "imported\nhello Ada!\n", "")


def test_group_without_a_command_prints_its_help(run) -> None:
    code, out, err = run({"polite": provides_command("greetings", "greeting:greetings")}, "greetings")
    assert err == ""
    assert code == (0 if version("click").startswith("8.1.") else 2)
    assert "Usage: seqkit greetings [OPTIONS] COMMAND [ARGS]..." in out and "  hello  Greet." in out
    code, out, err = run({}, "greetings", "helo")
    assert (code, len(err.splitlines())) == (2, 1)


def test_command_has_help(run) -> None:
    code, out, err = run({"polite": provides_command("greet")}, "greet", "--help")
    assert (code, err) == (0, "")
    assert "Usage: seqkit greet [OPTIONS] NAME" in out and "Greet NAME." in out


def test_command_errors_are_reported_like_built_in_ones(run) -> None:
    assert run({"polite": provides_command("greet")}, "greet", "nobody") == (
        *(3, "imported\n"),
        "seqkit: unknown name: nobody\n",
    )
    code, _, err = run({}, "greet")
    assert (code, err) == (2, "seqkit: missing argument 'NAME' (see `seqkit greet --help`)\n")


def test_command_is_listed_with_its_plugin(run) -> None:
    code, out, err = run({"polite": provides_command("greet")}, "plugins")
    assert (code, err) == (0, "")
    assert "polite: polite 1.0\n  command greet\n" in out


def test_command_of_uninstalled_plugin_is_unknown(cli) -> None:
    done = cli("greet")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("seqkit: no such command 'greet'")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (
            "absent_module:greet",
            "cannot load absent_module:greet: ModuleNotFoundError: No module named 'absent_module'",
        ),
        (
            "greeting:wave",
            "cannot load greeting:wave: AttributeError: module 'greeting' has no attribute 'wave'",
        ),
        ("greeting:not_a_command", "7 is not a click.Command"),
    ],
)
def test_broken_target_is_reported_only_on_use(run, target: str, reason: str) -> None:
    code, out, err = run({"polite": provides_command("greet", target)}, "--help")
    assert (code, err) == (0, "")
    assert "print a greeting" in out
    code, _, err = run({}, "greet", "Ada")
    assert (code, err) == (4, f"seqkit: command 'greet' of polite 1.0: {reason}\n")


@pytest.mark.parametrize("arguments", [["greet", "Ada"], ["list"], ["plugins"]])
def test_duplicate_command_names_are_an_error(run, arguments: list[str]) -> None:
    code, _, err = run({"first": provides_command("greet"), "second": provides_command("greet")}, *arguments)
    assert code == 4
    assert err == (
        "seqkit: command 'greet' is provided by both first 1.0 and second 1.0: "
        "uninstall one, or exclude one with --no-plugin\n"
    )


def test_built_in_command_hides_plugin_command(run) -> None:
    code, out, err = run({"rude": provides_command("list")}, "list", "reader")
    assert (code, err) == (0, "")
    assert out.startswith("reader:")
    code, out, err = run({}, "plugins")
    assert (code, err) == (0, "")
    assert "rude: rude 1.0\n  command list: hidden by seqkit's own command of this name\n" in out


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (
            'seqkit.Command("Greet", "greeting:greet", "")',
            "'Greet' is not a valid name: use lower-case letters, digits, _ and -, a letter first",
        ),
        (
            'seqkit.Command("greet", "greeting", "")',
            "the target of 'greet' must be 'package.module:command', not 'greeting'",
        ),
        (
            'seqkit.Command("greet", print, "")',
            "the target of 'greet' must be 'package.module:command', not '<built-in function print>'",
        ),
        (
            'Component("greet", "greeting:greet", "")',
            "yields Component(name='greet', target='greeting:greet', summary='', checks=''), not a seqkit.Command",
        ),
    ],
)
def test_invalid_command_record_disables_plugin(run, record: str, reason: str) -> None:
    code, out, err = run({"odd": f"@seqkit.hookimpl\ndef seqkit_commands():\n    yield {record}\n"}, "plugins")
    assert (code, err) == (0, "")
    assert f"odd: odd 1.0\n  disabled: seqkit_commands: {reason}\n" in out
    assert seqkit.__version__ in out
