"""Files in a run directory that a resumed run continues."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from seqkit.messages import message


def require(package: str) -> None:
    """Check that a package of an extra is installed.

    Raises:
        ValueError: it is not.
    """
    if importlib.util.find_spec(package) is None:
        raise ValueError(
            message("the package {package} is not installed: pip install 'seqkit-track[{package}]'", package=package)
        )


def replace_file(path: Path, content: bytes) -> None:
    """Write a new file in place of an old one, which can be a link to a file elsewhere."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
