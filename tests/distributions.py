"""Packages as pip would have left them, for tests: a module beside the metadata that names its entry point."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

IMPORTS = """
import seqkit
from seqkit import Component
"""


def install(folder: Path, name: str, source: str, *, version: str = "1.0", point: str = "") -> None:
    """Puts a distribution into a folder, where importlib.metadata finds it once the folder is on the path.

    Args:
        name: of the distribution; its module's has `_` for `-`.
        source: the module's.
        point: the name of the entry point; the module's when empty.
    """
    module = name.replace("-", "_")
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(IMPORTS + dedent(source), encoding="utf-8")
    describe(folder, name, module, version=version, point=point)


def describe(folder: Path, name: str, module: str, *, version: str = "1.0", point: str = "") -> None:
    """Writes the metadata that make a module, which is in the folder already, a distribution with an entry point."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(f"[seqkit]\n{point or module} = {module}\n")


def encoder(name: str, target: str = "torch.nn:GRU") -> str:
    """Returns the source of a module that provides an encoder of that name."""
    return f"""
@seqkit.hookimpl
def seqkit_encoders():
    yield Component("{name}", "{target}", "an encoder for a test")
"""
