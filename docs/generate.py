"""Write the pages of docs/ that follow from the code: ``python docs/generate.py``.

With ``--check`` nothing is written; the exit code is 1 when a page is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from catalog.attributes import attributes  # noqa: E402 - of this checkout, not an installed one


def catalog_attributes() -> str:
    """Every table of the catalog with its columns, types, units and meanings."""
    lines = [
        "# Columns of the catalog",
        "",
        "Made from `catalog/snapshot/attributes.csv` by `docs/generate.py`: change the table, not",
        "this page. An empty cell is an unknown, never 0.",
    ]
    for table, columns in attributes().items():
        lines += [
            "",
            f"## {table}",
            "",
            "| column | type | unit | required | meaning |",
            "| --- | --- | --- | --- | --- |",
        ]
        for column in columns.values():
            cells = [
                f"`{column.name}`",
                column.type,
                column.unit,
                "yes" if column.required else "",
                column.description.replace("|", "\\|"),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


PAGES = {"catalog-attributes.md": catalog_attributes}


def main(arguments: list[str]) -> int:
    stale = []
    for name, make in PAGES.items():
        path = ROOT / "docs" / name
        text = make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run python docs/generate.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
