"""The notebooks as pages of the site, with the outputs that are stored in them: see docs/build.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NAMES = ["quick_start", "lstm_or_bilstm", "data_frame", "encoder"]
"""The notebooks in the order of the site."""

Output = dict[str, Any]


def pages(language: str) -> dict[str, str]:
    """Return the notebooks in a language as Markdown by file name, and their pictures as SVG."""
    files: dict[str, str] = {}
    for name in NAMES:
        notebook = json.loads((FOLDER / language / f"{name}.ipynb").read_text(encoding="utf-8"))
        parts = []
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                parts.append(_with_links_of_the_site(source, language))
                continue
            parts.append(f"```python\n{source}\n```")
            for output in cell["outputs"]:
                if picture := _data(output, "image/svg+xml"):
                    file = f"{name}-{len(parts)}.svg"
                    files[file] = picture
                    parts.append(f"![{_data(output, 'text/plain')}]({file})")
                else:
                    parts += _shown(output)
        files[f"{name}.md"] = "\n\n".join(parts) + "\n"
    return files


def _shown(output: Output) -> Iterator[str]:
    """Yield what is shown of an output that is no picture: a table or a page as HTML, or text."""
    if html := _data(output, "text/html"):
        if "<iframe" in html:  # its content must stay as it is, but Markdown ends HTML at an empty line
            yield html.replace("\n", "&#10;")
            return
        html = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL).replace(' border="1" class="dataframe"', "")
        yield "\n".join(line.strip() for line in html.splitlines() if line.strip())
    elif text := "".join(output.get("text", "")) or _data(output, "text/plain"):
        yield f"```text\n{text.rstrip()}\n```"


def _data(output: Output, form: str) -> str:
    return "".join(output.get("data", {}).get(form, ""))


def _with_links_of_the_site(text: str, language: str) -> str:
    text = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", text)
    return text.replace(f"](../../docs/{language}/", "](../")
