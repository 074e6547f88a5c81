"""The notebooks run from top to bottom, and show what is stored in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.docs import import_docs, outline

pytest.importorskip("nbclient", reason="needs nbclient")
import nbformat  # noqa: E402 - nbclient needs it

from notebooks.run import FOLDER, NOTEBOOKS, code_cells, outputs, run  # noqa: E402 - after the check that it can be imported


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_shows_what_is_stored(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text is compared as that of the pages; of pictures and tables, only that they are there."""
    if path.stem == "data_frame":
        pytest.importorskip("pandas", reason="needs pandas")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    matches = import_docs("check").matches
    stored = list(outputs(nbformat.read(path, as_version=4)))
    for (expected, forms), (text, new_forms) in zip(stored, outputs(run(path, tmp_path)), strict=True):
        assert matches(expected, text), text
        assert forms == new_forms


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_is_stored_after_one_run(path: Path, language: str) -> None:
    notebook = nbformat.read(FOLDER / language / path.name, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert "image/svg+xml" in {form for _, forms in outputs(notebook) for form in forms}
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_both_languages_have_the_same_cells(path: Path) -> None:
    english, chinese = (nbformat.read(FOLDER / language / path.name, as_version=4) for language in ("en", "zh"))
    assert [cell.cell_type for cell in english.cells] == [cell.cell_type for cell in chinese.cells]
    assert [cell.id for cell in english.cells] == [cell.id for cell in chinese.cells]
    for cell, translated in zip(english.cells, chinese.cells, strict=True):
        if cell.cell_type == "code":
            assert (cell.source, cell.outputs) == (translated.source, translated.outputs)
        else:
            assert outline(cell.source) == outline(translated.source)
            assert re.search(r"[\u4e00-\u9fff]", translated.source)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_links_lead_to_files(path: Path, language: str) -> None:
    notebook = nbformat.read(FOLDER / language / path.name, as_version=4)
    for link in re.findall(r"\]\(([^)]+)\)", "".join(cell.source for cell in notebook.cells)):
        assert (FOLDER / language / link).exists(), link
