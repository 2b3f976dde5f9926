"""A drawing as PNG, by resvg (extra ``png``): a small library without dependencies of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from xml.etree.ElementTree import Element

from planner.errors import BadInput

ZOOM = 2  # sharp on screens of today
TIMEOUT_S = 60.0
NO_FONT = "no font is installed here, so that it would have no words"
OTHERWISE = "or let the name end in .svg"
# In a process of its own: drawing thousands of marks takes a second or two, in which the library
# keeps Python's lock, and a screen must not stand still. A letter is tried first: without any font
# the library leaves words out and says nothing.
_DRAW = """
import sys
from resvg_py import svg_to_bytes
tried = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'
letter = '<text y="15" font-family="system-ui,sans-serif">o</text>'
if svg_to_bytes(svg_string=tried.format(letter)) == svg_to_bytes(svg_string=tried.format("")):
    sys.exit(sys.argv[3])
svg, paper, zoom = sys.stdin.buffer.read().decode(), sys.argv[1], float(sys.argv[2])
sys.stdout.buffer.write(svg_to_bytes(svg_string=svg, background=paper, zoom=zoom))
"""


def png_bytes(root: Element, *, where: str) -> bytes:
    """``root`` in the colours of paper. Raises BadInput, of ``where``, where it cannot be drawn."""
    from planner.report.drawing.markup import svg_text
    from planner.report.drawing.style import PAPER, PRINTED

    if find_spec("resvg_py") is None:
        raise BadInput(
            "a PNG needs the package resvg-py",
            where=where,
            remedy=f"pip install 'ai-capacity-planner[png]', {OTHERWISE}",
        )
    try:
        done = subprocess.run(
            [sys.executable, "-c", _DRAW, PAPER, str(ZOOM), NO_FONT],
            input=svg_text(root, PRINTED).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(
            f"cannot be drawn ({error})", where=where, remedy=OTHERWISE.removeprefix("or ")
        ) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        problem = said[-1] if said else f"the library ended with {done.returncode}"
        remedy = "install one, such as fonts-dejavu-core, " if problem == NO_FONT else ""
        raise BadInput(problem, where=where, remedy=f"{remedy}{OTHERWISE}".removeprefix("or "))
    return done.stdout
