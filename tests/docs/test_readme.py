"""README.md and README.zh-CN.md: the same structure, commands and outputs, and links that lead somewhere."""

from __future__ import annotations

import re

import pytest

from helpers.docs import code, quoted
from helpers.recipes import PROJECT

PAGES = ["README.md", "README.zh-CN.md"]
TEXTS = {page: (PROJECT / page).read_text(encoding="utf-8") for page in PAGES}


def test_both_pages_have_the_same_blocks() -> None:
    english, chinese = (code(TEXTS[page]) for page in PAGES)
    assert english == chinese
    assert len(english) >= 8


def test_both_pages_have_the_same_structure() -> None:
    def outline(page: str) -> list[str]:
        text = re.sub(r"^```\w+\n.*?^```$", "CODE", TEXTS[page], flags=re.MULTILINE | re.DOTALL)
        shapes = {"#": lambda line: line.partition(" ")[0], "|": lambda line: f"row of {line.count('|')}"}
        lines = [shapes[line[0]](line) for line in text.splitlines() if line[:1] in shapes]
        return lines + [f"{text.count('CODE')} blocks", f"{len(re.findall(r'^- ', text, re.MULTILINE))} items"]

    assert outline("README.md") == outline("README.zh-CN.md")


def test_both_pages_name_the_same_commands_and_files() -> None:
    english, chinese = (quoted(TEXTS[page]) for page in PAGES)
    assert english == chinese


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_links_lead_to_files(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links
    missing = [link for link in links if not ((PROJECT / page).parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_recipe_is_listed(page: str) -> None:
    for recipe in (PROJECT / "recipes").glob("*.yaml"):
        assert f"`{recipe.name}`" in TEXTS[page]
