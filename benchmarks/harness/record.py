"""Write records of measurements: Markdown files with one section per command, and the machine that was used."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The top of the repository."""

RESULTS = ROOT / "benchmarks" / "results"


def machine() -> str:
    """Return the name of the processor, the number of cores and the load average of the last minute."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        name = found[1].strip() if found else name
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def replace_section(text: str, header: str, title: str, content: str) -> str:
    """Return a record with one section replaced or added, sorted by title.

    Args:
        text: The record so far; may be empty.
        header: The new text before the first section.
        title: The heading of the section, from "## " to the end of the line.
        content: The new text of the section, without its heading.
    """
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
    sections[title] = content.strip()
    return header + "".join(f"\n{name}\n\n{sections[name]}\n" for name in sorted(sections))


def update_record(file: Path, header: str, title: str, content: str) -> None:
    """Replace or add one section of a record on disk; see `replace_section`."""
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    write_atomically(file, replace_section(before, header, title, content))


def write_atomically(file: Path, text: str) -> None:
    """Write a file through a temporary file and a rename, so that it is never partly written."""
    staged = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(file)
    finally:
        staged.unlink(missing_ok=True)
