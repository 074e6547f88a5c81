"""Commands that plugins add: named in --help without being imported, run like seqkit's own, and told when broken."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from distributions import install

import seqkit

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
            raise seqkit.DataError("nobody: is not here")
        click.echo(f"hello {name}" + ("!" if loud else ""))

    no_command = 7
    """


def adds(name: str, target: str = "greeting:greet") -> str:
    return f"""
@seqkit.hookimpl
def seqkit_commands():
    yield seqkit.Command("{name}", "{target}", "greet somebody")
"""


@pytest.fixture
def run(cli: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Returns a function that installs modules and runs a command: its exit code, stdout and stderr."""

    def run(sources: dict[str, str], *arguments: str) -> tuple[int, str, str]:
        for name, source in sources.items():
            install(tmp_path / "installed", name, source)
        (tmp_path / "installed" / "greeting.py").write_text(dedent(TARGET), encoding="utf-8")
        done = cli(*arguments, PYTHONPATH=str(tmp_path / "installed"), SEQKIT_PLUGINS="on")
        return done.returncode, done.stdout, done.stderr

    return run


def test_it_is_named_in_help_and_not_imported(run) -> None:
    code, out, err = run({"polite": adds("greet")}, "--help")
    assert (code, err) == (0, "")
    assert "  greet          greet somebody\n" in out
    assert "imported" not in out


def test_it_runs_like_seqkits_own(run) -> None:
    assert run({"polite": adds("greet")}, "greet", "Ada", "--loud") == (0, "imported\nhello Ada!\n", "")


def test_it_has_a_help_of_its_own(run) -> None:
    code, out, err = run({"polite": adds("greet")}, "greet", "--help")
    assert (code, err) == (0, "")
    assert "Usage: seqkit greet [OPTIONS] NAME" in out and "Greet NAME." in out


def test_its_errors_are_told_like_seqkits_own(run) -> None:
    assert run({"polite": adds("greet")}, "greet", "nobody") == (
        *(3, "imported\n"),
        "seqkit: nobody: is not here\n",
    )
    code, _, err = run({}, "greet")
    assert (code, err) == (2, "seqkit: Missing argument 'NAME'. (see `seqkit greet --help`)\n")


def test_it_is_listed_with_its_provider(run) -> None:
    code, out, err = run({"polite": adds("greet")}, "plugins")
    assert (code, err) == (0, "")
    assert "polite: polite 1.0\n  command greet\n" in out


def test_without_its_plugin_there_is_no_such_command(cli) -> None:
    done = cli("greet")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("seqkit: No such command 'greet'.")


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
        ("greeting:no_command", "7 is not a click.Command"),
    ],
)
def test_a_target_that_is_broken_matters_only_to_who_runs_it(run, target: str, reason: str) -> None:
    code, out, err = run({"polite": adds("greet", target)}, "--help")
    assert (code, err) == (0, "")
    assert "greet somebody" in out
    code, _, err = run({}, "greet", "Ada")
    assert (code, err) == (4, f"seqkit: command 'greet' of polite 1.0: {reason}\n")


@pytest.mark.parametrize("arguments", [["greet", "Ada"], ["list"], ["plugins"]])
def test_two_of_one_name_are_an_error_that_names_both(run, arguments: list[str]) -> None:
    code, _, err = run({"first": adds("greet"), "second": adds("greet")}, *arguments)
    assert code == 4
    assert err == (
        "seqkit: command 'greet' is provided by both first 1.0 and second 1.0: "
        "uninstall one, or leave one out with --no-plugin\n"
    )


def test_seqkits_own_command_goes_first_and_the_other_is_told(run) -> None:
    code, out, err = run({"rude": adds("list")}, "list", "reader")
    assert (code, err) == (0, "")
    assert out.startswith("reader:")
    code, out, err = run({}, "plugins")
    assert (code, err) == (0, "")
    assert "rude: rude 1.0\n  command list: never runs, since seqkit has one of that name\n" in out


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (
            'seqkit.Command("Greet", "greeting:greet", "")',
            "'Greet' is not a name: lower-case letters, digits, _ and -, a letter first",
        ),
        (
            'seqkit.Command("greet", "greeting", "")',
            "the target of 'greet' is 'greeting', not 'package.module:command'",
        ),
        (
            'seqkit.Command("greet", print, "")',
            "the target of 'greet' is '<built-in function print>', not 'package.module:command'",
        ),
        (
            'Component("greet", "greeting:greet", "")',
            "Component(name='greet', target='greeting:greet', summary='', checks='') is not a seqkit.Command",
        ),
    ],
)
def test_a_record_that_is_no_command_sets_the_plugin_aside(run, record: str, reason: str) -> None:
    code, out, err = run({"odd": f"@seqkit.hookimpl\ndef seqkit_commands():\n    yield {record}\n"}, "plugins")
    assert (code, err) == (0, "")
    assert f"odd: odd 1.0\n  set aside: seqkit_commands: {reason}\n" in out
    assert seqkit.__version__ in out
