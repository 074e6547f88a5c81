"""Run the notebooks from top to bottom, and store their outputs in them: `make notebooks`.

The outputs are stored so that who reads a notebook without running it sees the results and the pictures. A Chinese
notebook has the code of the English one, and gets its outputs.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
NOTEBOOKS = sorted((FOLDER / "en").glob("*.ipynb"))
TIMEOUT = 120
"""The longest time for a cell, in seconds."""


def run(path: Path, folder: Path) -> Any:
    """Return a notebook with the outputs of a new run.

    Args:
        path: the notebook.
        folder: an empty folder, which contains what the notebook writes.
    """
    (folder / "recipes").symlink_to(FOLDER.parent / "recipes")
    working = folder / "notebooks" / "en"
    working.mkdir(parents=True)
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(working)}}
    options = {"timeout": TIMEOUT, "record_timing": False, "coalesce_streams": True}
    NotebookClient(notebook, resources=resources, **options).execute()
    return notebook


def code_cells(notebook: Any) -> list[Any]:
    """Return the cells of a notebook that are not text."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield what each code cell shows: its text, and the forms of all else, such as pictures and tables."""
    for cell in code_cells(notebook):
        found = [dict(each.get("data") or {"text/plain": each.get("text", "")}) for each in cell.outputs]
        text = "".join(data["text/plain"] for data in found if list(data) == ["text/plain"])
        yield text, [form for data in found for form in data if form != "text/plain"]


def copy_outputs(notebook: Any, path: Path) -> None:
    """Store the outputs of a notebook in one with the same code in another language."""
    other = nbformat.read(path, as_version=4)
    for cell, translated in zip(code_cells(notebook), code_cells(other), strict=True):
        translated.outputs, translated.execution_count = cell.outputs, cell.execution_count
    nbformat.write(other, path)


def main() -> int:
    """Run the given notebooks, or all."""
    for path in [Path(name).resolve() for name in sys.argv[1:]] or NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            notebook = run(path, Path(folder))
        nbformat.write(notebook, path)
        copy_outputs(notebook, FOLDER / "zh" / path.name)
        print(path.relative_to(FOLDER.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
