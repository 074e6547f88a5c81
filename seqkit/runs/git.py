"""The git commit of a folder, read from the files of its repository: git itself need not be installed."""

from __future__ import annotations

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_MAX_BYTES = 10_000_000


def git_commit(folder: Path) -> str | None:
    """Return the commit that is checked out in the repository that contains a folder; None if there is none."""
    try:
        for parent in (folder.absolute(), *folder.absolute().parents):
            if (parent / ".git").exists():
                return _head(parent / ".git")
    except (OSError, ValueError):
        pass
    return None


def _head(git: Path) -> str | None:
    if git.is_file():  # of a worktree or a submodule
        git = git.parent / _read(git).removeprefix("gitdir:").strip()
    head = _read(git / "HEAD").strip()
    if not head.startswith("ref:"):
        return head if _COMMIT.fullmatch(head) else None
    name = head.removeprefix("ref:").strip()
    shared = git / _read(git / "commondir").strip() if (git / "commondir").is_file() else git
    for place in (git, shared):
        if (place / name).is_file() and _COMMIT.fullmatch(commit := _read(place / name).strip()):
            return commit
    packed = _read(shared / "packed-refs") if (shared / "packed-refs").is_file() else ""
    found = re.search(rf"^({_COMMIT.pattern}) {re.escape(name)}$", packed, re.MULTILINE)
    return found[1] if found else None


def _read(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(_MAX_BYTES).decode("utf-8", errors="replace")
