"""Print the lowest version of each package that the pyproject.toml files allow, as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def lowest_versions() -> dict[str, str]:
    """Return the highest of the lower bounds of each package."""
    found: dict[str, str] = {}
    for file in [PROJECT / "pyproject.toml", *PROJECT.glob("plugins/*/pyproject.toml")]:
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        optional = project.get("optional-dependencies", {}).values()
        for requirement in chain(project["dependencies"], *optional):
            match = re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement)
            if match:
                found[match[1]] = max(found.get(match[1], "0"), match[2], key=_as_numbers)
    return found


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


if __name__ == "__main__":
    print("\n".join(f"{name}=={version}" for name, version in sorted(lowest_versions().items())))
