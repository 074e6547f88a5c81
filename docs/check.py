"""Run every command of README and docs, and compare its output with the page: `make docs-check`.

A block `console` has commands (`$ seqkit ...`), each followed by its output; `sh` is a script and `python` a program,
whose output is the block `text` directly after it, if there is one. The blocks of a page are run in order, in a fresh
copy of the repository. The Chinese pages show what commands print in Chinese; the commands are those of the English
pages, as tests/docs checks.

In an expected output, a line `…` matches any number of lines, and `…` inside a line any text. Times, speeds, thread
counts and probabilities in parentheses are not compared. After `<!-- docs-check: within 0.01 -->`, each decimal number
of a block may differ by 0.01, since processors round differently. A block after `<!-- docs-check: skip REASON -->`, or
after the bold name of a file whose content it shows, is not run, and is counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/en/**/*.md", "docs/zh/**/*.md", "plugins/*/README.md"]
CHINESE = re.compile(r"README\.zh-CN\.md|docs/zh/.*")
SKIP = re.compile(r"<!-- docs-check: skip (.+?) -->")
WITHIN = re.compile(r"<!-- docs-check: within ([\d.]+) -->")
ESCAPED_DECIMAL = re.compile(r"(?:\\[+-])?\d+\\\.\d+")
FILE = re.compile(r"(From |摘自 )?\*\*`[^`]+`\*\*")
BLOCK = re.compile(r"^```(console|sh|python)\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
MASKS = (
    (r"\d[\d,.]* (s\b|秒)", "TIME"),
    (r"[\d,.]+ (tokens/s|词元/秒)", "SPEED"),
    (r"\d+ (threads?( \([^)]*\))?|个线程(（[^）]*）)?)", "THREADS"),
    (r"\(\d\.\d{3}\)", "(PROBABILITY)"),
    (r"\d+ of \d+ kinds", "COUNT"),
)
TIMEOUT = 900


class Block(NamedTuple):
    """A block of a page, at its line."""

    line: int
    language: str
    text: str
    output: str | None
    skip: str
    tolerance: float


class Command(NamedTuple):
    """A command and its expected output; None if the page shows none."""

    line: int
    text: str
    expected: str | None


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page."""
    for match in BLOCK.finditer(page):
        before = page[: match.start()].rstrip().rsplit("\n", 1)[-1]
        skip = SKIP.search(before)
        reason = skip[1] if skip else "the content of a file" if FILE.fullmatch(before) else ""
        within = WITHIN.search(before)
        yield Block(page.count("\n", 0, match.start()) + 1, *match.groups(), reason, float(within[1]) if within else 0)


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a block."""
    if block.language != "console":
        yield Command(block.line, block.text, block.output)
    else:
        parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
        line = block.line + 1 + parts[0].count("\n")
        for part in parts[1:]:
            text, _, output = part.partition("\n")
            yield Command(line, text, output)
            line += part.count("\n")


def matches(expected: str, actual: str, tolerance: float = 0) -> bool:
    """Return whether an output is the expected one, but for what is masked or left out, and for small differences.

    Args:
        expected: the output that the page shows.
        actual: the output of the command.
        tolerance: how much each decimal number may differ.
    """
    wanted, found = ([_mask(line) for line in text.strip().splitlines()] for text in (expected, actual))
    pattern = "\n".join("@ANY-LINES@" if line == "…" else _line_pattern(line, tolerance) for line in wanted)
    pattern = pattern.replace("@ANY-LINES@\n", "(?:[^\n]*\n)*?").replace("\n@ANY-LINES@", "(?:\n[^\n]*)*?")
    match = re.fullmatch(pattern.replace("@ANY-LINES@", "(?s:.*)"), "\n".join(found))
    if match is None or not tolerance:
        return match is not None
    numbers = [number.replace("\\", "") for line in wanted for number in ESCAPED_DECIMAL.findall(re.escape(line))]
    pairs = zip(numbers, match.groups(), strict=True)
    return all(abs(float(number) - float(other)) < tolerance * 1.0001 for number, other in pairs)


def _line_pattern(line: str, tolerance: float) -> str:
    pattern = re.escape(line).replace("…", "[^\\n]*")
    return ESCAPED_DECIMAL.sub(lambda _: r"([+-]?\d+\.\d+)", pattern) if tolerance else pattern


def _mask(line: str) -> str:
    for pattern, name in MASKS:
        line = re.sub(pattern, name, line)
    return line.rstrip()


def copy_repository(folder: Path) -> None:
    """Copy the files of the repository, with an environment in `.venv` that sees the packages of this one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv").glob("lib/*/site-packages")
    (packages / "project.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


def run(command: Command, language: str, folder: Path, messages: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a copy of the repository, which prints its messages in Chinese (`zh`) or in English (`en`)."""
    programs = [folder / ".venv" / "bin", Path(sys.executable).parent, os.environ["PATH"]]
    environment = os.environ | {
        "PATH": os.pathsep.join(map(str, programs)),
        "PYTHONPATH": os.pathsep.join([str(folder), *map(str, folder.glob("plugins/*"))]),
        "SEQKIT_CACHE": str(folder / "cache"),
        "SEQKIT_LANG": messages,
        "PYTHONUTF8": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    arguments = [sys.executable] if language == "python" else ["bash", "-e"]
    return subprocess.run(
        [*arguments, "-c", command.text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT,
    )


def check(page: Path, folder: Path) -> tuple[int, int, int]:
    """Run the blocks of a page, and return the numbers of commands run, commands failed and blocks skipped."""
    ran = failed = skipped = 0
    messages = "zh" if CHINESE.fullmatch(page.relative_to(ROOT).as_posix()) else "en"
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.skip:
            skipped += 1
            print(f"{page.relative_to(ROOT)}:{block.line}: skipped: {block.skip}", flush=True)
            continue
        for command in commands(block):
            ran += 1
            print(f"{page.relative_to(ROOT)}:{command.line}: {command.text.splitlines()[0]}", flush=True)
            done = run(command, block.language, folder, messages)
            if done.returncode or (
                command.expected is not None and not matches(command.expected, done.stdout, block.tolerance)
            ):
                failed += 1
                print(f"  FAILED, exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return ran, failed, skipped


def main() -> int:
    """Check the pages given, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, help="Pages to check; all by default.")
    options = parser.parse_args()
    pages = [page.resolve() for page in options.pages] or sorted(
        page for pattern in PAGES for page in ROOT.glob(pattern)
    )
    total = [0, 0, 0]
    for page in pages:
        with tempfile.TemporaryDirectory(prefix="docs-check-") as temporary:
            folder = Path(temporary) / "seqkit"
            copy_repository(folder)
            total = [sum(pair) for pair in zip(total, check(page, folder), strict=True)]
    print("{} commands, {} failed, {} blocks skipped".format(*total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
