"""Text that users wrote (names, models, commands), put into YAML, shell scripts and labels.

Values go through ``yaml`` and ``shlex``, which quote. Comments and names have no quoting: what
could end a comment or a name is taken out of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST_COMMENT = 400
# A Kubernetes object's name is a DNS label of 63; pods of a Job add a suffix to it.
LONGEST_NAME = 48


def comment(lines: Iterable[str]) -> str:
    """Lines behind ``#``, for shell and YAML alike; what breaks lines is a space there."""
    return "".join(f"# {one_line(line)}".rstrip() + "\n" for line in lines)


def one_line(text: str) -> str:
    """Text without control characters and line ends, of bounded length."""
    clean = "".join(
        " " if unicodedata.category(char)[0] in "CZ" else char
        for char in text[: 4 * LONGEST_COMMENT]
    )
    short = " ".join(clean.split())
    return short if len(short) <= LONGEST_COMMENT else f"{short[:LONGEST_COMMENT]}..."


def dns_name(text: str, otherwise: str = "workload", end: str = "") -> str:
    """A name of a Kubernetes object or a SkyPilot task: letters, digits and hyphens. ``end`` is
    never cut off."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:LONGEST_NAME].strip("-")
    if name and name[0].isdigit():  # names of services begin with a letter
        name = f"w-{name}"
    name = name or otherwise
    return name[: LONGEST_NAME - len(end)].rstrip("-") + end if end else name


def label_value(text: str) -> str:
    """A value of a Kubernetes label; empty where nothing of the text can be one."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63].strip("._-")


def yaml_text(*documents: Mapping[str, Any]) -> str:
    """YAML documents in the order of their keys, text of several lines as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Safe, with blocks for scripts."""

        def ignore_aliases(self, data: Any) -> bool:
            del data
            return True  # what is said twice is written twice: anchors puzzle readers

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
            del indentless
            return super().increase_indent(flow, False)

    def text(dumper: Dumper, value: str) -> Any:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return "---\n".join(
        yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
        for document in documents
    )
