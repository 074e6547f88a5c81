"""Build the documentation site in English and Chinese, into build/docs/site: `make docs`.

The pages are Markdown in docs/en and docs/zh, with the same names. Each language becomes a separate site, whose search
knows the language. The pages are copied to build/docs/pages first, where docs/reference adds those that describe the
code, and docs/notebook_pages.py the notebooks. A link to a file that is no page of the site becomes the path of the
file. The first paragraph of a page is its description for web searches. The terms of the glossary become headings,
which the search of the site finds one by one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))
import notebook_pages
import reference

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LANGUAGES = {"en": "English", "zh": "中文"}
SECTIONS = {
    "start": {"en": "Start", "zh": "快速上手"},
    "tutorial": {"en": "Tutorial", "zh": "教程"},
    "notebooks": {"en": "Notebooks", "zh": "笔记本"},
    "how-to": {"en": "How-to", "zh": "操作指南"},
    "mistakes": {"en": "Museum of mistakes", "zh": "错误博物馆"},
    "reference": {"en": "Reference", "zh": "参考"},
    "explanation": {"en": "Explanation", "zh": "原理说明"},
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
TERM = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|\n", re.MULTILINE)
CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
CHINESE = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”‘’…—]"
CHINESE_LINE_END = re.compile(  # HTML would show it as a space; after a mark, also before code, a link or a word
    rf"(?<={CHINESE})\n *(?={CHINESE})|(?<=[，。；：、）！？”])\n *(?=[`\[A-Za-z])"
)
OPTION = re.compile(r"(?<!`)(`--[\w-]+`)(?!`)")
SEARCH = {
    'placeholder:"Search"': 'placeholder:"搜索"',
    '"result":"results"': '"个结果":"个结果"',
    '"No results"': '"没有结果"',
    '"Loading search\\u2026"': '"正在加载…"',
    '"Search is unavailable. Reload the page to try again."': '"搜索不可用，请重新加载页面。"',
    '"aria-label":"Search results"': '"aria-label":"搜索结果"',
    '"aria-label":"Search"': '"aria-label":"搜索"',
    '"aria-label":"Close search"': '"aria-label":"关闭搜索"',
    '"aria-label":"Filters"': '"aria-label":"筛选"',
    'children:"Filters"': 'children:"筛选"',
}
"""The texts of the search in the script of the theme, which has them in English alone, and their translations."""

DIAGRAM = {
    "data files": "数据文件",
    "built&#45;in components and plugins": "内置组件与插件",
    "classes and parameters": "类和参数",
    "source, resolve": "读取与解析",
    "splits, dataset, batching": "划分、数据集、组批",
    "embeddings, encoders, heads": "嵌入、编码器、输出头",
    "Trainer, evaluation, checkpoints": "训练循环、评估、检查点",
    "console, hooks of plugins": "控制台、插件的钩子",
    "events": "事件",
    "checkpoints, weights, metrics": "检查点、权重、指标",
    "resume": "恢复",
    "run directory": "运行目录",
    "NumPy engine or torch engine": "NumPy 引擎或 torch 引擎",
    "text, labels, metrics": "文本、标签、指标",
}
"""The labels of docs/assets/architecture.svg that are no names of the code, and their translations."""

FROM_CODE = {"en": "Reference of seqkit, written from the code.", "zh": "seqkit 的参考，由代码生成。"}
START = """<!doctype html>
<meta charset="utf-8">
<title>seqkit</title>
<script>location.replace((navigator.language.startsWith("zh") ? "zh" : "en") + "/index.html")</script>
<p><a href="en/index.html">English</a> <a href="zh/index.html">中文</a></p>
"""
# A server shows it for any path, so its links begin at the folder of the site, which the script finds.
NOT_FOUND = """<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Page not found - seqkit</title>
<script>document.write(`<base href="${location.pathname.replace(/(en|zh)\\/.*$|[^/]*$/, "")}">`)</script>
<style>body { font-family: system-ui, sans-serif; margin: 4rem auto; max-width: 30rem; padding: 0 1rem }</style>
<h1>404</h1>
<p>There is no page at this address. <a href="en/index.html">Start page</a></p>
<p lang="zh">这个地址没有页面。<a href="zh/index.html">快速上手</a></p>
"""


def pages() -> dict[str, list[str]]:
    """Return the pages that are written by hand, by section: `{"tutorial": ["tutorial/characters.md", ...], ...}`."""
    sections: dict[str, list[str]] = yaml.safe_load((DOCS / "nav.yml").read_text(encoding="utf-8"))
    return {
        section: [f"{name}.md" if section == "start" else f"{section}/{name}.md" for name in names]
        for section, names in sections.items()
    }


def site_text(text: str, page: Path) -> str:
    """Return a page as the site shows it.

    Pictures are those of `assets`, a link to a notebook leads to its page, and other files of the repository are named
    by their paths.
    """

    def replace(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        path = (page.parent / target.partition("#")[0]).resolve()
        language = DOCS / page.relative_to(DOCS).parts[0]
        if re.match(r"[a-z]+:|#", target) or path.is_relative_to(language):
            return match[0]
        if path.is_relative_to(DOCS / "assets"):  # docs/assets is copied into each language
            return f"{mark}[{label}]({target.replace('../assets', 'assets', 1)})"
        if path.parent == ROOT / "notebooks" / language.name:
            root = "../" * len(page.relative_to(language).parent.parts)
            return f"[{label}]({root}notebooks/{path.stem}.md)"
        file = path.relative_to(ROOT).as_posix()
        if label.strip("`") in file:
            return f"`{file}`"
        return f"{label}（`{file}`）" if language.name == "zh" else f"{label} (`{file}`)"

    return outside_code(text, lambda part: CHINESE_LINE_END.sub("", LINK.sub(replace, part)))


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a page with its text changed, but not its blocks of code."""
    parts = CODE.split(text)
    parts[::2] = [change(part) for part in parts[::2]]
    return "".join(parts)


def write_page(page: Path, text: str) -> None:
    """Write a page for the site. The style of the site does not break an option such as `--data` at its hyphens."""
    text = outside_code(text, lambda part: OPTION.sub(r"\1{.option}", part))
    page.write_text(text, encoding="utf-8")


def glossary(text: str) -> str:
    """Return the glossary with a heading for each term in place of the table: `## hidden state 隐藏状态`.

    The search index has an entry for each heading, and a table is a part of one. A translation that begins with the
    English term is the heading alone: `## logits（未归一化分数）`.
    """

    def entry(row: re.Match[str]) -> str:
        term, translation, meaning = row.groups()
        heading = translation if translation.startswith(term) else f"{term} {translation}"
        return f"## {heading} {{#{term.replace(' ', '-')} .term}}\n\n{meaning}\n\n"

    return TERM.sub(entry, re.sub(r"^\|.+\n\|---.+\n", "", text, flags=re.MULTILINE))


def in_chinese(text: str, translations: dict[str, str]) -> str:
    """Return a file with texts of it replaced by their translations; each of them must be there."""
    for original, translation in translations.items():
        if original not in text:
            raise ValueError(f"no {original!r} to translate")
        text = text.replace(original, translation)
    return text


def described(text: str) -> str:
    """Return a page with its first paragraph as its description."""
    found = re.match(r"# .+\n\n((?:(?!```|[#|<!-]).+\n)+)", text)
    if found is None:
        return text
    description = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", " ".join(found[1].split()))
    return f"---\n{yaml.safe_dump({'description': description}, allow_unicode=True)}---\n\n{text}"


def stage(language: str, folder: Path) -> None:
    """Write the pages of a language and its configuration.

    Args:
        language: `en` or `zh`.
        folder: where `en.yml` and `pages/en` are written. The site is built into `site/en`.
    """
    root = folder / "pages" / language
    for source in sorted((DOCS / language).rglob("*.md")):
        page = root / source.relative_to(DOCS / language)
        page.parent.mkdir(parents=True, exist_ok=True)
        text = site_text(source.read_text(encoding="utf-8"), source)
        write_page(page, described(glossary(text) if source.stem == "glossary" else text))
    shutil.copytree(DOCS / "assets", root / "assets")
    if language == "zh":
        diagram = root / "assets" / "architecture.svg"
        labels = {f">{label}<": f">{translation}<" for label, translation in DIAGRAM.items()}
        diagram.write_text(in_chinese(diagram.read_text(encoding="utf-8"), labels), encoding="utf-8")
    sections = pages() | {"notebooks": []}
    notebooks = {name: described(text) for name, text in notebook_pages.pages(language).items()}
    for section, files in {"reference": reference.pages(language), "notebooks": notebooks}.items():
        (root / section).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            if name.endswith(".md"):
                write_page(root / section / name, text)
                sections[section].append(f"{section}/{name}")
            else:
                (root / section / name).write_text(text, encoding="utf-8")
    other = next(name for name in LANGUAGES if name != language)
    settings = {
        "INHERIT": str(DOCS / "site.yml"),
        "site_description": FROM_CODE[language],
        "docs_dir": f"pages/{language}",
        "site_dir": f"site/{language}",
        "theme": {"language": language, "custom_dir": str(DOCS / "theme")},
        "extra": {"alternate": [{"name": LANGUAGES[other], "lang": other, "link": f"../{other}/"}]},
        "nav": [{titles[language]: sections[section]} for section, titles in SECTIONS.items()],
    }
    (folder / f"{language}.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


def main() -> int:
    """Build the site of each language. Links that lead nowhere are errors."""
    folder = ROOT / "build" / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    for language in LANGUAGES:
        stage(language, folder)
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", folder / f"{language}.yml"]
        if code := subprocess.run(command, cwd=folder).returncode:
            return code
        (folder / "site" / language / "404.html").unlink()  # it is right at the root of a server alone
    (script,) = (folder / "site" / "zh" / "assets" / "javascripts").glob("bundle.*.js")
    script.write_text(in_chinese(script.read_text(encoding="utf-8"), SEARCH), encoding="utf-8")
    (folder / "site" / "404.html").write_text(NOT_FOUND, encoding="utf-8")
    start = folder / "site" / "index.html"
    start.write_text(START, encoding="utf-8")
    print(start.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
