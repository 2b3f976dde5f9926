"""Write the pages that follow from the code: ``python docs/generate.py``.

Names of pages make only those. With ``--check`` nothing is written; the exit code is 1 when a page
is out of date.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "docs"))

# Of this checkout, not of an installed one.
from references import commands, documents, tui_keys  # noqa: E402

from catalog.attributes import attributes  # noqa: E402
from planner.performance.learned.artefact import ARTEFACT, load  # noqa: E402
from planner.report.accuracy import markdown, summary  # noqa: E402


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


def accuracy() -> str:
    """Cross-validated errors of the shipped performance model, and what stands behind them."""
    shipped = load(ARTEFACT)
    tables = markdown(shipped.reports, shipped.provenance)
    notes = (ROOT / "docs" / "accuracy-notes.md").read_text(encoding="utf-8")
    return (
        "# Accuracy\n\nMade from the shipped model by `docs/generate.py`, not by hand.\n\n"
        f"{tables}\n\n{notes}"
    )


def readme() -> str:
    """README.md with the table between its two marks made anew."""
    shipped = load(ARTEFACT)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(ACCURACY_BEGINS)
    _, _, after = rest.partition(ACCURACY_ENDS)
    table = summary(shipped.reports, shipped.provenance)
    return f"{before}{ACCURACY_BEGINS}\n{table}\n{ACCURACY_ENDS}{after}"


def examples() -> str:
    """The worked examples with the output of their commands, as this checkout prints it."""
    from planner.cli.main import run

    text = (ROOT / "docs" / "examples-text.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as nothing_measured, chdir(ROOT):
        kept, os.environ["PLANNER_DATA_DIR"] = os.environ.get("PLANNER_DATA_DIR"), nothing_measured

        def shown(match: re.Match[str]) -> str:
            command, out = match[1], io.StringIO()
            with redirect_stdout(out):
                code = run(shlex.split(command)[1:])
            if code != 0:
                raise SystemExit(f"docs/examples-text.md: {command} ended with {code}")
            lines = [line.rstrip() for line in out.getvalue().rstrip().splitlines()]
            return "\n".join(["```console", f"$ {command}", *lines, "```"])

        text = RUN.sub(shown, text)
        if kept is None:
            del os.environ["PLANNER_DATA_DIR"]
        else:
            os.environ["PLANNER_DATA_DIR"] = kept
    return text


RUN = re.compile(r"<!-- run: (.+?) -->")
ACCURACY_BEGINS, ACCURACY_ENDS = "<!-- accuracy: made by docs/generate.py -->", "<!-- end -->"
PAGES = {
    "docs/catalog-attributes.md": catalog_attributes,
    "docs/accuracy.md": accuracy,
    "docs/examples.md": examples,
    "docs/reference/commands.md": commands,
    "docs/reference/json.md": documents,
    "docs/reference/tui-keys.md": tui_keys,
    "README.md": readme,
}


def main(arguments: list[str]) -> int:
    stale = []
    named = [argument for argument in arguments if argument != "--check"]
    for name in named or PAGES:
        make = PAGES[name]
        path = ROOT / name
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
