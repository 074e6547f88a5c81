"""The site: the languages have the same pages, headings and blocks; links lead somewhere; the reference is complete."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from helpers.recipes import PROJECT
from seqkit.hookspecs import KINDS

DOCS = PROJECT / "docs"
NAMES = sorted(path.relative_to(DOCS / "en").as_posix() for path in (DOCS / "en").rglob("*.md"))
CODE = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)


def text(language: str, name: str) -> str:
    return (DOCS / language / name).read_text(encoding="utf-8")


def outline(page: str) -> list[str]:
    """Return the shape of a page: levels of headings, widths of tables, items, blocks and pictures in their order."""
    shapes = {"#": lambda line: line.partition(" ")[0], "|": lambda line: f"row of {line.count('|')}"}
    shapes |= {"-": lambda _: "item", "!": lambda _: "picture", "`": lambda _: "block"}
    lines = CODE.sub("```", page).splitlines()
    return [shapes[line[0]](line) for line in lines if line[:2] in ("- ", "![", "``") or line[:1] in ("#", "|")]


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def links(page: str) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", page)):
        if not re.match(r"https?:", target):
            yield target


def test_both_languages_have_the_pages_of_the_navigation() -> None:
    sections = yaml.safe_load((DOCS / "nav.yml").read_text(encoding="utf-8"))
    listed = [f"{section}/{name}.md" for section, names in sections.items() for name in names]
    assert sorted(name.removeprefix("start/") for name in listed) == NAMES
    assert sorted(path.relative_to(DOCS / "zh").as_posix() for path in (DOCS / "zh").rglob("*.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_structure_and_blocks(name: str) -> None:
    english, chinese = text("en", name), text("zh", name)
    assert outline(english) == outline(chinese)
    assert CODE.findall(english) == CODE.findall(chinese)
    assert re.findall(r"<!-- .*? -->", english) == re.findall(r"<!-- .*? -->", chinese)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_name_the_same_code_and_link_to_the_same_places(name: str) -> None:
    for pattern in (r"(?<!`)`([^`]+)`(?!`)", r"\]\(([^)\s#]+)[^)]*\)"):
        english, chinese = (
            {re.sub(r"\s+", " ", found) for found in re.findall(pattern, CODE.sub("", text(language, name)))}
            for language in ("en", "zh")
        )
        assert english == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files_and_headings(language: str, name: str) -> None:
    page = DOCS / language / name
    for link in links(text(language, name)):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists():  # written from the code
            assert path.parent == DOCS / language / "reference"
            assert path.name in GENERATED
        elif anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8"))


def test_chinese_pages_are_chinese() -> None:
    for name in NAMES:
        assert re.search(r"^# .*[\u4e00-\u9fff]", text("zh", name), re.MULTILINE) or name == "mistakes/drop-last.md"


GENERATED = {
    "commands.md",
    "recipe-keys.md",
    "run-directory.md",
    "exit-codes.md",
    "python.md",
    "hooks.md",
    *(f"{kind}s.md" for kind in KINDS),
}


@pytest.fixture(scope="module")
def reference() -> Iterator[dict[str, dict[str, str]]]:
    """Return the generated pages of each language."""
    sys.path.insert(0, str(DOCS))
    try:
        import reference as module

        yield {language: module.pages(language) for language in ("en", "zh")}
    finally:
        sys.path.remove(str(DOCS))


def test_the_reference_describes_all_components_commands_and_keys(reference: dict[str, dict[str, str]]) -> None:
    from seqkit.recipe.schema import Train
    from seqkit.registry import load_registry

    registry, pages = load_registry(), reference["en"]
    assert set(pages) == GENERATED
    for kind in KINDS:
        for name in registry.names(kind):
            assert f"\n## {name}\n" in pages[f"{kind}s.md"]
    assert "| `hidden_size` | a positive integer | required | the width of the cell" in pages["encoders.md"]
    for command in ("run", "predict", "verify-resume", *registry.commands):
        assert f"\n## seqkit {command}\n" in pages["commands.md"]
    assert "| `--top-p P` | Nucleus sampling" in pages["commands.md"]
    for key in Train.__dataclass_fields__:
        assert f"| `{key}` |" in pages["recipe-keys.md"]
    assert "| 3 | `DataError` | The data is wrong" in pages["exit-codes.md"]
    assert "| `model.safetensors` | the best weights |" in pages["run-directory.md"]
    assert "## seqkit.load" in pages["python.md"]
    assert "## seqkit_epoch_end" in pages["hooks.md"]


def test_the_reference_has_the_same_structure_in_both_languages(reference: dict[str, dict[str, str]]) -> None:
    for name in GENERATED:
        assert outline(reference["en"][name]) == outline(reference["zh"][name])
        assert " object" not in reference["en"]["recipe-keys.md"]


def test_pictures_follow_light_and_dark() -> None:
    for picture in ("gates.svg", "lstm-cell.svg"):
        assert "prefers-color-scheme: dark" in Path(DOCS / "assets" / picture).read_text(encoding="utf-8")
