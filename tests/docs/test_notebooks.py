"""docs/notebooks: each runs from top to bottom, and is stored without outputs."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from helpers.recipes import PROJECT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = PROJECT / "docs" / "notebooks"
EXPECTED = {
    "quick-start": [" apples\n bananas", "quick-start-1 400 evaluations", "LSTM"],
    "lstm-or-bilstm": [
        "bilstm  the first letter decides: accuracy 1.00\nbilstm  the last letter decides: accuracy 1.00",
        "'bilstm' is not causal: its outputs depend on the tokens that 'next_char' predicts",
    ],
    "your-own-data-frame": ["probability", "菜很好吃，但是服务员态度太差"],
    "write-an-encoder": ["all checks pass", "encoder.width: must be a positive integer, not 0"],
}
"""What the outputs of each notebook contain, in this order."""


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_notebook_runs_and_shows_a_picture(name: str, tmp_path: Path) -> None:
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)
    folder = tmp_path / "docs" / "notebooks"  # for its runs
    folder.mkdir(parents=True)
    (tmp_path / "recipes").symlink_to(PROJECT / "recipes")
    nbclient.NotebookClient(book, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in cells for output in cell.outputs]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for output in outputs if output.get("name") == "stderr"]
    texts = "\n".join(_text(output) for output in outputs)
    assert re.search(".*".join(map(re.escape, EXPECTED[name])), texts, re.DOTALL), texts
    pages = [unescape(output.data.get("text/html", "")) for output in outputs if "data" in output]
    assert any("<svg" in page for page in pages)


def _text(output: Any) -> str:
    text: str = output["text"] if "text" in output else output.data.get("text/plain", "")
    return text.strip("\n")
