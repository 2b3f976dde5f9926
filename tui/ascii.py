"""Drawing with ASCII alone, for terminals and fonts that have nothing else."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_LOOKS_LIKE = (
    ("×✕✗", "x"), ("★▲△◆", "*"), ("■█▇▆", "#"), ("▓", "%"), ("▒", "="), ("░·•∙⋅◦", "."),
    ("▼▽↓", "v"), ("≤‹◀◂←↖↙", "<"), ("≥›▶→↗↘", ">"), ("▁▂▃", "_"), ("▄▅▀▔", "-"), ("↑", "^"),
    ("─━═╌┄┈╍", "-"), ("│┃║▏▎▍▌▋▊▉▐▕╎┆┊", "|"), ("…", "."), ("–—−", "-"), ("‘’", "'"), ("“”", '"'),
    ("µμ", "u"), ("✓✔", "v"), ("∞", "8"), ("⏎", "<"), ("🔎", "/ "),
)  # fmt: skip
TABLE: Mapping[int, str] = {ord(sign): plain for signs, plain in _LOOKS_LIKE for sign in signs}
BOXES = range(0x2500, 0x2580)
BLOCKS = range(0x2580, 0x25A0)
BRAILLE = range(0x2800, 0x2900)


@lru_cache(4096)
def plain(sign: str) -> str:
    """One sign as ASCII, as many cells wide."""
    code = ord(sign)
    if code < 128:
        return sign
    if code in TABLE:
        return TABLE[code]
    if code in BOXES:
        return "+"
    if code in BLOCKS:
        return "#"
    if code in BRAILLE:
        return " " if code == BRAILLE.start else "."
    width = cell_len(sign)
    letters = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return (letters or "?" * width)[:width].ljust(width)


class AsciiOnly(LineFilter):
    """Whatever a widget draws, a sign that looks like it is shown."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        del background
        return [
            segment
            if segment.text.isascii()
            else Segment("".join(map(plain, segment.text)), segment.style, segment.control)
            for segment in segments
        ]


def wants_ascii(configured: bool | None, environ: Mapping[str, str]) -> bool:
    """``PLANNER_ASCII`` (0 or 1) before the config file before the terminal's language."""
    asked = environ.get("PLANNER_ASCII")
    if asked:
        return asked != "0"
    return locale_lacks_unicode(environ) if configured is None else configured


def locale_lacks_unicode(environ: Mapping[str, str]) -> bool:
    """Whether the terminal's language says that it shows ASCII or Latin letters only.

    Read from the environment, since Python itself takes UTF-8 where the language is C. Where
    nothing is said, as in most containers, terminals show Unicode.
    """
    said = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    language, dot, encoding = said.partition(".")
    if not dot:
        return language in ("C", "POSIX")
    try:
        return not codecs.lookup(encoding.partition("@")[0]).name.startswith(("utf", "gb18030"))
    except LookupError:
        return False
