"""Records that scripts write and rewrite, a section a command, and the machine that their figures come from."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def machine() -> str:
    """Returns the processor's name, how many cores it has, and how many processes want one."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        name = found[1].strip() if found else name
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def merged(text: str, header: str, title: str, content: str) -> str:
    """Returns a record in which one section is new, and every other is as it was, sorted by title."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
    sections[title] = content.strip()
    return header + "".join(f"\n{name}\n\n{sections[name]}\n" for name in sorted(sections))


def replace(file: Path, text: str) -> None:
    """Writes a file so that it is there whole, or as it was before."""
    staged = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(file)
    finally:
        staged.unlink(missing_ok=True)
