"""The worked examples of the docs. That they are what the commands print today is checked with
every other page that is made: ``test_generated_pages_are_up_to_date`` in tests/test_packaging.py.
"""

from __future__ import annotations

from tests.planner.conftest import ROOT


def test_every_output_is_there() -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert page.count("$ planner compare") == 4
    assert "model size: " in page and "<!-- run" not in page
