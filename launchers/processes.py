"""Telling a process from a later one that was given the same number."""

from __future__ import annotations

import os
from pathlib import Path


def started(pid: int) -> str:
    """What tells this process from a later one of the same number; empty when it is gone.

    A process that ended and that nobody waited for is gone.
    """
    try:
        # The command in brackets may hold spaces; the start time is the 20th field after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return "" if fields[0] in "ZX" else fields[19]
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:  # no /proc (macOS): only the number is known
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "unknown"


def marked(name: str, value: str) -> list[int]:
    """This user's processes that run with ``name`` set to ``value`` in their environment, which
    their children inherit; none where the system does not tell (no /proc)."""
    mark = f"{name}={value}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:  # another user's, or it ended
            continue
        if mark in variables:
            found.append(int(path.parent.name))
    return found


def group_members(group: int) -> list[int] | None:
    """The processes of a group that still run; None where the system does not tell (no /proc)."""
    stats = list(Path("/proc").glob("[0-9]*/stat"))
    if not stats:
        return None
    found = []
    for path in stats:
        try:
            state, _parent, its_group = path.read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(its_group) == group and state not in "ZX":
            found.append(int(path.parent.name))
    return found
