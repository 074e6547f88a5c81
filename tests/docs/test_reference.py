"""The generated pages of the reference have all components, commands, options, keys, public names and files."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import seqkit
from helpers.docs import DOCS, headings, import_docs, outline
from helpers.recipes import PROJECT
from seqkit import hookspecs
from seqkit.hookspecs import KINDS
from seqkit.recipe.json_schema import recipe_schema
from seqkit.recipe.parameters import parameters
from seqkit.registry import load_registry
from seqkit.runs.directory import RunDirectory

ENGLISH = ["python.md", "hooks.md", "contracts.md", "helpers.md", "checks.md"]
"""The pages with docstrings in English."""


@pytest.fixture(autouse=True)
def _plugins(isolated_registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference describes the plugins of this repository too, and nothing that another test has registered."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


@pytest.fixture(scope="module")
def pages() -> Iterator[dict[str, dict[str, str]]]:
    """Return the pages of each language by file name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQKIT_PLUGINS", "on")
        patch.setattr("seqkit.registry._session", [])
        patch.setattr("seqkit.registry._loaded", {})
        yield {language: import_docs("reference").pages(language) for language in ("en", "zh")}


@pytest.fixture(scope="module")
def english(pages: dict[str, dict[str, str]]) -> dict[str, str]:
    return pages["en"]


def section(page: str, heading: str) -> str:
    """Return what is under a heading of a page, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def keys(text: str) -> list[str]:
    """Return the code in the first column of the tables of a text."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_all_components_with_their_parameters(english: dict[str, str]) -> None:
    for kind in KINDS:
        page = english[f"{kind}s.md"]
        assert headings(page)[1:] == [entry.name for entry in load_registry().all(kind)]
        for entry in load_registry().all(kind):
            assert keys(section(page, entry.name)) == list(parameters(entry.load()))
    assert "| `hidden_size` | a positive integer | required | the width of the cell" in english["encoders.md"]


def test_every_parameter_has_a_description(english: dict[str, str]) -> None:
    for kind in KINDS:
        assert " |  |\n" not in english[f"{kind}s.md"]


def test_all_commands_with_their_options(english: dict[str, str]) -> None:
    def check(path: str, command: click.Command) -> None:
        found = section(english["commands.md"], path)
        shown = "\n".join(keys(found))
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert all(name in shown for name in option.opts)
        assert command.help and command.help.split()[0] in found
        for name, part in getattr(command, "commands", {}).items():
            check(f"{path} {name}", part)

    commands = import_docs("reference.commands").all_commands()
    assert {"run", "predict", "verify-resume", *load_registry().commands} <= set(commands)
    for name, command in commands.items():
        check(f"seqkit {name}", command)
    assert "| `--top-p P` | Nucleus sampling" in english["commands.md"]


def test_defaults_are_in_the_language_of_the_page(pages: dict[str, dict[str, str]]) -> None:
    assert "| Number of seeds. [default: 5, or 1 with `--folds`] |" in pages["en"]["commands.md"]
    assert "[默认：5；使用 `--folds` 时为 1] |" in pages["zh"]["commands.md"]
    assert not re.search(r"\[(default|required)", pages["zh"]["commands.md"])


def test_pages_for_all_users_are_chinese(pages: dict[str, dict[str, str]]) -> None:
    """The pages about Python show the docstrings in English, and say so."""
    for name, chinese in pages["zh"].items():
        assert ("保留英文" in chinese) == (name in ENGLISH)
        page = re.sub(r"```.*?```|^#.*?$|^    .*?$", "", chinese, flags=re.MULTILINE | re.DOTALL)
        texts = [line.rstrip(" |").rsplit(" | ", 1)[-1] if line.startswith("|") else line for line in page.splitlines()]
        rest = [re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)", "", text) for text in texts]
        english = [text for text in rest if re.search(r"[a-z]{2}", text) and not re.search(r"[\u4e00-\u9fff]", text)]
        assert bool(english) == (name in ENGLISH), name


def test_options_in_sentences_are_code(english: dict[str, str]) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`|^    [^\n]*", "", english["commands.md"], flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"--[a-z]", prose)
    assert "`--split` test" in english["commands.md"]


def test_all_keys_of_a_recipe(english: dict[str, str]) -> None:
    page, schema = english["recipe-keys.md"], recipe_schema(load_registry())
    assert sorted(keys(section(page, "The recipe"))) == sorted(schema["then"]["properties"])
    reader_keys = schema["$defs"]["reader.table"]["properties"]
    data_keys = [key for key in schema["$defs"]["data.table"]["properties"] if key not in reader_keys]
    assert sorted(keys(section(page, "data"))) == sorted(data_keys)
    sections = import_docs("reference.recipes").sections()
    assert {"train", "train.average: swa", "data.split: hash", "generate", "init_from"} <= set(sections)
    for title, cls in sections.items():
        if title not in ("recipe", "data"):
            assert keys(section(page, title)) == list(parameters(cls))
    assert " object" not in page
    assert " |  |\n" not in page


def test_all_public_names(english: dict[str, str]) -> None:
    python = import_docs("reference.python")
    files = {"Python": "python.md", "Contracts": "contracts.md", "Helpers": "helpers.md", "Checks": "checks.md"}
    assert files.keys() == python.MODULES.keys()
    for title, names in python.MODULES.items():
        found = headings(english[files[title]])
        assert len(found) == len(set(found))
        for module in map(importlib.import_module, names):
            assert module.__name__ in found
            for name in python.public_names(module):
                assert python.title_of(module, name) in found
                for member in python.public_members(item) if inspect.isclass(item := getattr(module, name)) else ():
                    assert f"{name}.{member}" in found
    api = headings(english["python.md"])
    assert {f"seqkit.{name}" for name in seqkit.__all__} - {f"seqkit.{name}" for name in OTHERWISE} <= set(api)
    assert {"Run.generate", "Run.predict", "Run.evaluate", "SequenceClassifier.fit", "Picture.save"} <= set(api)
    assert {"Encoder", "Encoder.forward", "PositiveInt"} <= set(headings(english["contracts.md"]))
    assert {"read_text", "suggest", "cross_entropy"} <= set(headings(english["helpers.md"]))
    pages = "".join(english[name] for name in files.values())
    assert "int([x]) -> integer" not in pages
    assert not re.search(r"^(Args|Attributes|Raises|Returns|Warns|Yields):$", pages, re.MULTILINE)


OTHERWISE = {"__version__", "contracts", "testing"}
"""What `seqkit` exports that has a page elsewhere, or none."""


INTERNAL = {
    "seqkit-tune": {  # it resolves a recipe with each value before it trains
        "seqkit.recipe.plan",
        "seqkit.recipe.recipe",
        "seqkit.recipe.resolve",
        "seqkit.recipe.source",
        "seqkit.registry",
        "seqkit.training.documents",
    },
}
"""The modules that are not public and that a plugin of this repository imports."""


@pytest.mark.parametrize("plugin", sorted((PROJECT / "plugins").iterdir()), ids=lambda path: path.name)
def test_plugins_import_what_is_public(plugin: Path) -> None:
    modules = [name for names in import_docs("reference.python").MODULES.values() for name in names]
    public = {
        f"{module}.{name}"
        for module in [*modules, "seqkit.hookspecs"]
        for found in [importlib.import_module(module)]
        for name in getattr(found, "__all__", vars(found))
    }
    imported = {
        f"{node.module}.{alias.name}"
        for file in plugin.glob("seqkit_*/**/*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("seqkit.")
        for alias in node.names
        if node.module not in INTERNAL.get(plugin.name, ())
    }
    assert imported - public == set()


def test_signatures_are_readable(english: dict[str, str]) -> None:
    assert "seqkit.load(run_dir: str | Path) -> Run" in english["python.md"]
    assert "Run.result: dict[str, Any]" in english["python.md"]
    assert "    members: Sequence[str | Path | Run],\n    *,\n    name: str = 'ensemble',\n" in english["python.md"]
    assert "PositiveInt = Annotated[int, Gt(0)]" in english["contracts.md"]
    assert "ForwardRef" not in english["contracts.md"]


def test_all_hooks(english: dict[str, str]) -> None:
    hooks = [name for name, item in vars(hookspecs).items() if name.startswith("seqkit_") and callable(item)]
    assert headings(english["hooks.md"])[1:] == hooks
    assert '`yield Component("gru", ' in english["hooks.md"]


def test_all_exit_codes(english: dict[str, str]) -> None:
    assert "| 3 | `DataError` | The data is wrong" in english["exit-codes.md"]
    codes = re.findall(r"^\| (\d+(?:, \d+)?) \|", english["exit-codes.md"], re.MULTILINE)
    assert codes == ["0", "1", "2", "2", "3", "4", "5", "130, 143"]


def test_all_files_of_a_run(english: dict[str, str]) -> None:
    listed = keys(english["run-directory.md"])
    paths = vars(RunDirectory(Path("run")))
    names = {path.name for attribute, path in paths.items() if attribute != "path"}
    assert names <= {name.rstrip("/") for name in listed}


def test_all_keys_of_the_files_of_a_run(english: dict[str, str], tmp_path: Path) -> None:
    recipe = {
        "data": {"type": "table", "split": {"by": "random", "valid": 0.25}},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": "classify",
        "train": {"epochs": 2, "threads": 1, "average": "ema"},
        "predict": ["aab"],
    }
    texts = [letter * length for letter in "ab" for length in range(2, 10)]
    data = (texts, [text[0] for text in texts])
    run = seqkit.run(recipe, data=data, name="keys", quiet=True, runs=tmp_path).path
    source = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "seqkit").rglob("*.py"))
    page = english["run-directory.md"]
    for name in ("plan.json", "tokenizer.json", "metrics.jsonl", "timing.jsonl", "result.json", "report.json"):
        lines = (
            (run / name).read_text(encoding="utf-8").splitlines() if name.endswith("l") else [(run / name).read_text()]
        )
        written = {key for line in lines for key in json.loads(line)}
        listed = keys(section(page, name))
        metrics = {"accuracy", "macro_f1"} if name == "metrics.jsonl" else set()
        assert written - metrics <= set(listed)
        assert all(f'"{key}"' in source for key in listed)


def test_both_languages_have_the_same_structure(pages: dict[str, dict[str, str]]) -> None:
    for name in pages["en"]:
        assert outline(pages["en"][name]) == outline(pages["zh"][name])


def test_chinese_pages_have_chinese_headings(pages: dict[str, dict[str, str]]) -> None:
    for page in pages["zh"].values():
        assert re.match(r"# .*[\u4e00-\u9fff]", page)
    assert "**抛出的错误**" in pages["zh"]["python.md"]


def test_links_lead_to_pages_and_headings(pages: dict[str, dict[str, str]]) -> None:
    anchor = import_docs("reference.markdown").anchor
    for language, generated in pages.items():
        for name, page in generated.items():
            for target, _, place in re.findall(r"\]\(([\w-]*(?:\.md)?)(#([^)]+))?\)", page):
                linked = generated.get(target or name) or (DOCS / language / "reference" / target).read_text()
                assert not place or place in map(anchor, headings(linked))


def test_alternatives_in_tables_have_no_backslash() -> None:
    table = import_docs("reference.markdown").table(("option", "meaning"), [("`--kind [a|b]`", "a | b")])
    assert table.splitlines()[-1] == r"| `--kind [a|b]` | a \| b |"
