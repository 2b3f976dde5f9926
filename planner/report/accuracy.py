"""Cross-validated accuracy as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from planner.performance.learned.report import DESCRIPTIONS, ClassScore, Report

HEADER = ("class", "rows", "groups", "error", "median |ln|", "bias", "80% interval holds")
MEANING = (
    "Error: the mean over groups (source x model x accelerator) of the group's median absolute "
    "percentage error, each capped at 100%, a refusal counting as 100%. Median |ln| and bias are "
    "medians over groups of log(predicted / measured). The last column is the share of rows whose "
    "80% interval holds. Nothing of a left-out group reaches the fit, its weights or its intervals."
)


def text(reports: Sequence[Report], provenance: Mapping[str, str]) -> str:
    """For a terminal of 80 columns."""
    lines = [origin(provenance)]
    for report in reports:
        lines += ["", headline(report), _row(HEADER)]
        lines += [_row(_cells(score)) for score in report.scores]
    return "\n".join([*lines, "", *_wrapped(MEANING)])


def markdown(reports: Sequence[Report], provenance: Mapping[str, str]) -> str:
    """For documents."""
    lines = [f"{origin(provenance)}. {MEANING}"]
    for report in reports:
        lines += [
            "",
            headline(report),
            "",
            "| " + " | ".join(HEADER).replace("|ln|", "\\|ln\\|") + " |",
            "| --- |" + " ---: |" * (len(HEADER) - 1),
        ]
        lines += ["| " + " | ".join(_cells(score)) + " |" for score in report.scores]
    return "\n".join(lines)


def summary(reports: Sequence[Report], provenance: Mapping[str, str]) -> str:
    """One Markdown table: the error of every class under every scheme."""
    classes = sorted({score.name for report in reports for score in report.scores})
    errors = {
        (report.scheme, score.name): score.error for report in reports for score in report.scores
    }
    lines = [
        "| " + " | ".join(["error on", *(DESCRIPTIONS[r.scheme] for r in reports)]) + " |",
        "| --- |" + " ---: |" * len(reports),
    ]
    for name in classes:
        cells = (errors.get((report.scheme, name)) for report in reports)
        shown = ("" if error is None else f"{error:.1%}" for error in cells)
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    means = " | ".join(f"**{report.mean_error:.1%}**" for report in reports)
    return "\n".join([*lines, f"| **mean over classes** | {means} |", "", f"{origin(provenance)}."])


def as_json(reports: Sequence[Report], provenance: Mapping[str, str]) -> str:
    """``planner.accuracy/1``: shares and natural logs, not percentages."""
    document = {
        "schema": "planner.accuracy/1",
        "provenance": dict(provenance),
        "schemes": [
            {
                "left_out": report.scheme,
                "mean_error": report.mean_error,
                "refused_rows": report.refused,
                "classes": report.to_json()["scores"],
            }
            for report in reports
        ],
    }
    return json.dumps(document, indent=2)


def headline(report: Report) -> str:
    """What was left out, and the mean error."""
    refused = f", {report.refused} rows refused" if report.refused else ""
    return f"On {DESCRIPTIONS[report.scheme]}: {report.mean_error:.1%} over classes{refused}"


def origin(provenance: Mapping[str, str]) -> str:
    """When and on what it was fitted."""
    rows = int(provenance["rows"])
    return (
        f"Cross-validated {provenance['fitted_on']} on {rows:,} measurements "
        f"(data {provenance['data_sha256'][:12]})"
    )


def _cells(score: ClassScore) -> tuple[str, ...]:
    return (
        score.name,
        f"{score.rows:,}",
        str(score.groups),
        f"{score.error:.1%}",
        f"{score.median_abs_log:.3f}",
        f"{score.bias:+.3f}",
        f"{score.coverage:.0%}",
    )


def _row(cells: Sequence[str]) -> str:
    widths = (18, 6, 7, 7, 12, 7, 19)
    first = cells[0].ljust(widths[0])
    rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return first + "".join(rest)


def _wrapped(words: str) -> list[str]:
    import textwrap

    return textwrap.wrap(words, 79)
