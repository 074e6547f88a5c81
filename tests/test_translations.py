"""The Chinese of help and messages: the catalogue, the choice of the language, and what commands print."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import click
import pytest

import catalogue
from helpers.commands import run_forked
from seqkit.cli.language import find_language
from seqkit.cli.lines import read_lines
from seqkit.errors import DataError, Fault, RecipeError, UsageError
from seqkit.messages import message, translate, use_translation, without_name
from seqkit.recipe.source import read_recipe
from seqkit.terminal import display_width, wrap

TRANSLATIONS = catalogue.read_translations(catalogue.CATALOGUE)


@pytest.fixture(scope="module")
def entries() -> dict[str, catalogue.Entry]:
    return catalogue.collect()


def test_the_catalogue_has_exactly_the_texts_of_seqkit(entries: dict[str, catalogue.Entry]) -> None:
    hint = "run `make messages`, and translate what is new in seqkit.po"
    assert [text for text in entries if not TRANSLATIONS.get(text)] == [], hint
    assert any(entry.origin.startswith("plugins/") for entry in entries.values())
    assert catalogue.CATALOGUE.read_text(encoding="utf-8") == catalogue.format_catalogue(entries, TRANSLATIONS), hint
    compiled = catalogue.CATALOGUE.with_suffix(".mo").read_bytes()
    assert compiled == catalogue.compile_catalogue(entries, TRANSLATIONS), hint


def test_the_metadata_of_an_editable_installation_is_not_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "plugins" / "seqkit-own" / name for name in ("seqkit_own", "seqkit_own.egg-info")]
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[0] / "__init__.py").touch()
    monkeypatch.setattr(catalogue, "PROJECT", tmp_path)
    assert catalogue.packages_of_plugins() == folders[:1]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_translations_have_the_fields_of_their_templates(entries: dict[str, catalogue.Entry]) -> None:
    templates = {text: entry.plural or text for text, entry in entries.items() if not entry.origin.endswith("--help")}
    assert {
        text for text, full in templates.items() if not fields(TRANSLATIONS[text]) <= fields(full) | fields(text)
    } == set()
    own = {text for text, entry in entries.items() if entry.origin.startswith(("seqkit/", "plugins/"))}
    assert {text for text in own if fields(TRANSLATIONS[text]) != fields(text)} == set()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_TW.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "C", "LANGUAGE": "zh_CN"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "SEQKIT_LANG": "en"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "SEQKIT_LANG": "de"}, "en"),
        ({"LC_ALL": "C", "SEQKIT_LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "SEQKIT_LANG": ""}, "zh"),
    ],
)
def test_the_language_is_that_of_the_variable_or_of_the_locale(environment: Mapping[str, str], language: str) -> None:
    assert find_language(environment) == language


@pytest.fixture
def chinese() -> Iterator[None]:
    use_translation(lambda text: TRANSLATIONS.get(text) or text)
    yield
    use_translation(None)


@pytest.mark.usefixtures("chinese")
def test_a_composed_message_is_translated_and_its_text_stays_english() -> None:
    choices = message("{first} or {last}", first=message("a string"), last=message("null"))
    text = message("must be {wanted}, not {value}", wanted=choices, value="5") + message(" (remove the quotes)")
    assert text == "must be a string or null, not 5 (remove the quotes)"
    assert translate(text) == "必须是字符串或 null，不能是 5（请去掉引号）"
    assert RecipeError([Fault("a.yaml:1:2", "name", text)]).lines == [f"a.yaml:1:2: name: {translate(text)}"]
    assert DataError(message("{path}: no such file", path="a b中c")).lines == ["a b中c: 没有这个文件"]
    assert translate(str(DataError(text))) == translate(text)
    named = without_name(message("nesterov requires a momentum greater than 0"), "nesterov")
    assert (named, translate(named)) == ("requires a momentum greater than 0", "需要大于 0 的 momentum")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (message("their {key} differs ({one}, {two})", key=message("head"), one=1, two=2), "它们的输出头不同（1，2）"),
        (message("their {key} differs ({one}, {two})", key="labels", one=1, two=2), "它们的 labels 不同（1，2）"),
        (
            message(
                "unknown {noun} '{name}'{hint}; `seqkit list {kind}` lists them",
                noun=message("encoder"),
                name="lsm",
                hint="",
                kind="encoder",
            ),
            "未知的编码器（encoder）'lsm'；用 `seqkit list encoder` 列出",
        ),
    ],
)
def test_a_translated_word_has_no_spaces_around_it(text: str, expected: str) -> None:
    assert translate(text) == expected


def test_wide_lines_are_wrapped_at_their_width_and_not_before_punctuation() -> None:
    lines = list(wrap("训练一个配方，并评估它。seqkit run RECIPE" * 5, 21))
    assert all(display_width(line) <= 21 and line[0] not in "，。" for line in lines)
    assert "".join(lines).replace(" ", "") == "训练一个配方，并评估它。seqkitrunRECIPE" * 5


@pytest.mark.parametrize(
    "variables", [{"SEQKIT_LANG": "zh", "LC_ALL": "C"}, {"SEQKIT_LANG": "", "LC_ALL": "zh_CN.UTF-8"}]
)
def test_commands_are_chinese(cli: Callable[..., CompletedProcess[str]], variables: dict[str, Any]) -> None:
    text = cli("run", "--help", **variables).stdout
    assert text.startswith("用法：seqkit run [OPTIONS] RECIPE")
    assert "选项：" in text and "显示此帮助并退出。" in text
    missing = cli("run", "nix.yaml", **variables)
    assert (missing.returncode, missing.stderr) == (2, "seqkit: nix.yaml: 配方不存在\n")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('name: "a', "recipe.yaml:1:7: YAML 无效：引号没有闭合"),
        ("name: a\nname: b", "recipe.yaml:2:1: name: 键重复：已在第 1 行设置"),
        ("- a", "recipe.yaml:1:1: 配方是由各部分组成的映射：`name: …`"),
    ],
)
def test_errors_of_a_recipe_are_chinese(text: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as raised:
        read_recipe("recipe.yaml")
    assert raised.value.lines == [line]


@pytest.mark.usefixtures("chinese")
def test_an_unknown_encoding_of_lines_is_chinese() -> None:
    with pytest.raises(UsageError) as raised:
        read_lines(Path("a.txt"), "big6")
    assert raised.value.lines == ["--encoding 'big6' 未知：请设为 utf-8、gb18030、big5、shift_jis、latin-1 等"]


def test_the_kernels_of_layers_are_chinese(tmp_path: Path) -> None:
    recipe = catalogue.PROJECT / "recipes" / "char_gen.yaml"
    arguments = ("run", recipe, "train.epochs=1", "train.threads=1", "--verbose")
    lines = run_forked(*arguments, cwd=tmp_path, SEQKIT_LANG="zh").out.splitlines()
    kernels = ("torch 的内核", "seqkit 的递推计算")
    assert any(line.startswith("  内核") and any(kernel in line for kernel in kernels) for line in lines)


def test_usage_errors_are_chinese(cli: Callable[..., CompletedProcess[str]]) -> None:
    result = cli("rnu", SEQKIT_LANG="zh")
    assert result.stderr == "seqkit: 没有命令 'rnu'（你是指 'run' 吗？）（见 `seqkit --help`）\n"


def messages_of_click() -> Iterator[tuple[str, str]]:
    """Yield the messages that click looks up in the catalogue, each with its plural."""
    for module in ("core", "exceptions", "parser", "types"):
        source = (Path(click.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if texts:
                    yield texts[0], texts[1] if node.func.id == "ngettext" else ""


def test_the_catalogue_has_the_messages_of_click() -> None:
    for_authors = re.compile(r"defined twice|same flag for|declaration|No options defined")  # of commands
    found = {text: plural for text, plural in messages_of_click() if not for_authors.search(text)}
    assert "{value!r} is not {choice}." in found
    assert {text: found[text] for text in found if catalogue.CLICK.get(text) != found[text]}.keys() <= (
        catalogue.CLICK_UNUSED
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("evaluate", "runs/a-1", "--split", "tset"), "'--split' 的值无效：'tset' 不是 'test', 'valid', 'train' 之一"),
        (("compare", "a.yaml", "b.yaml", "--match", "foo"), "'--match' 的值无效：'foo' 不是 "),
        (("compare", "a.yaml", "b.yaml", "--seeds", "x"), "'--seeds'"),
        (("generate", "runs/a-1", "--length", "x"), "'--length' 的值无效："),
        (("generate", "runs/a-1", "--seed"), "选项 '--seed' 需要"),
        (("run",), "缺少参数"),
        (("run", "a.yaml", "--quiet=1"), "选项 '--quiet' 不接受值"),
        (("plugins", "more"), "多余的参数"),
    ],
)
def test_errors_of_click_are_chinese(cli: Callable[..., CompletedProcess[str]], arguments: Any, text: str) -> None:
    result = cli(*arguments, SEQKIT_LANG="zh")
    assert result.returncode == 2 and text in result.stderr


def test_another_language_is_english_with_a_note(cli: Callable[..., CompletedProcess[str]]) -> None:
    result = cli("run", "nix.yaml", SEQKIT_LANG="de", LC_ALL="zh_CN.UTF-8")
    note, error = result.stderr.splitlines()
    assert note == "seqkit: note: SEQKIT_LANG=de: not a language of seqkit, which are zh and en"
    assert error == "seqkit: nix.yaml: the recipe does not exist"


def test_wheels_contain_the_catalogues() -> None:
    project = (catalogue.PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    assert "locale/**" in project
    assert {file.name for file in catalogue.CATALOGUE.parent.glob("*.mo")} == {"seqkit.mo", "descriptions.mo"}
