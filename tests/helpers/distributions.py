"""Install plugin packages for a test: a module and the metadata that pip would write."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

IMPORTS = """
import seqkit
from seqkit import Component
"""


def install(folder: Path, name: str, source: str, *, version: str = "1.0", point: str = "") -> None:
    """Write a distribution into a folder; importlib.metadata finds it when the folder is on the path.

    Args:
        folder: The folder, created when missing.
        name: Name of the distribution; its module has `_` in place of `-`.
        source: Source of the module, after the imports of seqkit.
        version: Version of the distribution.
        point: Name of the entry point; by default that of the module.
    """
    module = name.replace("-", "_")
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(IMPORTS + dedent(source), encoding="utf-8")
    write_metadata(folder, name, module, version=version, point=point)


def write_metadata(folder: Path, name: str, module: str, *, version: str = "1.0", point: str = "") -> None:
    """Write the metadata that turn a module in the folder into a distribution with an entry point."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(f"[seqkit]\n{point or module} = {module}\n")


def encoder_source(name: str, target: str = "torch.nn:GRU") -> str:
    """Return the source of a plugin module that provides an encoder of that name."""
    return f"""
@seqkit.hookimpl
def seqkit_encoders():
    yield Component("{name}", "{target}", "an encoder for a test")
"""
