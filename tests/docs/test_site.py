"""The site: the languages have the same pages, headings and commands; links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from helpers.docs import CODE, DOCS, anchors, code, import_docs, outline, quoted
from seqkit.registry import load_registry

NAMES = sorted(path.relative_to(DOCS / "en").as_posix() for path in (DOCS / "en").rglob("*.md"))


def text(language: str, name: str) -> str:
    return (DOCS / language / name).read_text(encoding="utf-8")


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
    assert code(english) == code(chinese)
    assert re.findall(r"<!-- .*? -->", english) == re.findall(r"<!-- .*? -->", chinese)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_name_the_same_code_and_link_to_the_same_places(name: str) -> None:
    english, chinese = text("en", name), text("zh", name)
    assert quoted(english) == quoted(chinese)
    targets = r"\]\(([^)\s#]+)[^)]*\)"
    chinese = chinese.replace("notebooks/zh/", "notebooks/en/")
    assert set(re.findall(targets, CODE.sub("", english))) == set(re.findall(targets, CODE.sub("", chinese)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_links_to_notebooks_lead_to_their_pages_on_the_site(language: str) -> None:
    build = import_docs("build")
    for name, link in [("index.md", "notebooks/encoder.md"), ("how-to/python.md", "../notebooks/quick_start.md")]:
        page = DOCS / language / name
        assert f"]({link})" in build.site_text(page.read_text(encoding="utf-8"), page)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files_and_headings(language: str, name: str) -> None:
    page = DOCS / language / name
    for link in links(text(language, name)):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists():  # written when the site is built
            generated = {
                "reference": import_docs("reference").PAGES,
                "notebooks": import_docs("notebook_pages").pages(language),
            }
            assert path.name in generated[path.relative_to(DOCS / language).parent.as_posix()]
        elif anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8"))


def test_a_link_to_a_file_that_is_no_page_names_its_path() -> None:
    site_text = import_docs("build").site_text
    link = "[{}](../../../benchmarks/results/kills.md)"
    english, chinese = DOCS / "en" / "how-to" / "resume.md", DOCS / "zh" / "how-to" / "resume.md"
    assert site_text(link.format("kills.md"), english) == "`benchmarks/results/kills.md`"
    assert site_text(link.format("A record"), english) == "A record (`benchmarks/results/kills.md`)"
    assert site_text(link.format("记录"), chinese) == "记录（`benchmarks/results/kills.md`）"


def test_ends_of_chinese_lines_are_no_spaces() -> None:
    page = "中文\n中文，\n`code`，\nLSTM 和\nBiLSTM：\n- 一\n- 二\n"
    expected = "中文中文，`code`，LSTM 和\nBiLSTM：\n- 一\n- 二\n"
    assert import_docs("build").site_text(page, DOCS / "zh" / "index.md") == expected


def test_options_get_the_style_that_does_not_break_them(tmp_path: Path) -> None:
    block = "```sh\necho `--all`\n```\n"
    import_docs("build").write_page(tmp_path / "page.md", f"Pass `--data`, or `--data FILE`.\n\n{block}")
    expected = f"Pass `--data`{{.option}}, or `--data FILE`.\n\n{block}"
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == expected


def test_the_diagram_is_translated() -> None:
    build = import_docs("build")
    diagram = (DOCS / "assets" / "architecture.svg").read_text(encoding="utf-8")
    labels = set(re.findall(r">([^<>]+)</text>", diagram))
    assert set(build.DIAGRAM) <= labels
    names = r"[a-z]+(\.yaml)?|Plan|Batch|Example|Encoded, Loss"
    assert [label for label in labels - set(build.DIAGRAM) if not re.fullmatch(names, label)] == []
    with pytest.raises(ValueError, match="no 'absent' to translate"):
        build.in_chinese(diagram, {"absent": ""})


def test_chinese_pages_are_chinese() -> None:
    for name in NAMES:
        assert re.search(r"^# .*[\u4e00-\u9fff]", text("zh", name), re.MULTILINE) or name == "mistakes/drop-last.md"


@pytest.mark.parametrize("name", NAMES)
def test_chinese_paragraphs_are_chinese(name: str) -> None:
    for paragraph in CODE.sub("", text("zh", name)).split("\n\n"):
        if re.match(r"\s*(# drop_last|<!--|!\[|\*\*`)", paragraph) or not re.sub(r"`[^`]*`", "", paragraph).strip():
            continue  # a comment, a picture, the name of a file, or code alone
        assert re.search(r"[\u4e00-\u9fff]", paragraph), paragraph


def test_pictures_follow_light_and_dark() -> None:
    for picture in ("gates.svg", "lstm-cell.svg"):
        assert "prefers-color-scheme: dark" in Path(DOCS / "assets" / picture).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_have_a_description(language: str) -> None:
    described = import_docs("build").described
    written = {name: text(language, name) for name in NAMES}
    notebooks = import_docs("notebook_pages").pages(language)
    for name, page in (written | notebooks).items():
        if name.endswith(".md"):
            _, front, rest = described(page).split("---\n", 2)
            assert rest == f"\n{page}", name
            assert re.search(r"\w{3}", yaml.safe_load(front)["description"]), name


def test_descriptions_are_plain_text() -> None:
    page = "# Title\n\nThe *best* of `a` and\n[b](b.md): it.\n\nMore.\n"
    assert import_docs("build").described(page) == f"---\ndescription: 'The best of a and b: it.'\n---\n\n{page}"


def test_colors_follow_the_system_after_the_first_visit() -> None:
    """The theme remembers the first entry that applies: a fixed one would outlast a change from light to dark."""
    assert re.search(r'palette:.*\n *- \{media: "\(prefers-color-scheme\)"\}\n', (DOCS / "site.yml").read_text("utf-8"))


def test_chinese_pages_show_what_commands_print_in_chinese() -> None:
    pages = [(DOCS.parent / "README.zh-CN.md").read_text(encoding="utf-8"), *(text("zh", name) for name in NAMES)]
    lines = {line for page in pages for block in CODE.findall(page) for line in block.splitlines()}
    english = (
        r"epoch +\d+/\d+ .*|(baseline|machine) +\w+ \d.*| +note: .*|.+, seed \d+|seqkit: .* (is|has|must|cannot) .*"
    )
    assert [line for line in lines if re.fullmatch(english, line)] == []
    assert sum("在同一" in line for line in lines) > 10


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_term_of_the_glossary_is_a_heading(language: str) -> None:
    """The search index of the site has an entry for each heading."""
    page = text(language, "reference/glossary.md")
    staged = import_docs("build").glossary(page)
    assert "|" not in staged
    assert staged.count("\n## ") == len(re.findall(r"^\| (?!English|英文)", page, re.MULTILINE)) > 70
    assert "\n## hidden state 隐藏状态 {#hidden-state .term}\n" in staged
    assert "\n## perplexity 困惑度 {#perplexity .term}\n" in staged
    assert "\n## logits（未归一化分数） {#logits .term}\n" in staged


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_glossary_explains_each_metric(language: str) -> None:
    terms = set(re.findall(r"^\| ([^|]+) \|", text(language, "reference/glossary.md"), re.MULTILINE))
    registry = load_registry()
    metrics = [(entry.name, entry.load()) for entry in registry.all("metric")]
    names = {name for name, metric in metrics if not hasattr(metric(), "unit")}  # error_rate of a unit
    names |= {f"{unit}_error_rate" for unit in ("word", "character")}
    names |= {name for entry in registry.all("head") for name in entry.load().metric_names}
    assert names - terms == set()


@pytest.mark.parametrize("name", ["**`a.py`**", "From **`a.py`**", "摘自 **`a.py`**"])
def test_the_content_of_a_file_is_not_run(name: str) -> None:
    (block,) = import_docs("check").blocks(f"{name}\n\n```python\nself.b = 1\n```\n")
    assert block.skip == "the content of a file"


def test_decimals_of_an_output_may_differ_by_the_tolerance_of_its_block() -> None:
    check = import_docs("check")
    page = "<!-- docs-check: within 0.01 -->\n```console\n$ show\nsum  +2.450  -0.021\n…\n```\n\n```sh\nls\n```\n"
    first, second = check.blocks(page)
    assert (first.tolerance, second.tolerance) == (0.01, 0)
    (command,) = check.commands(first)
    assert check.matches(command.expected, "sum  +2.454  -0.018\nmore", 0.01)
    assert not check.matches(command.expected, "sum  +2.454  -0.018\nmore")
    assert not check.matches(command.expected, "sum  +2.454  -0.041\nmore", 0.01)
    assert not check.matches(command.expected, "sum  -2.450  -0.021", 0.01)
    assert not check.matches(command.expected, "total  +2.450  -0.021", 0.01)
