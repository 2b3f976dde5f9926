"""SkyPilot's API server on this machine: whether it runs, and leaving it as it was found.

SkyPilot's verbs start one that then runs on, in several processes and hundreds of MB. A question
should not have that effect.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

# Set, the state is kept elsewhere: by a server on another machine, or in a database.
ELSEWHERE = (
    "SKYPILOT_API_SERVER_ENDPOINT",
    "SKYPILOT_DB_CONNECTION_URI",
    "SKYPILOT_GLOBAL_CONFIG",
)


def runs(sky: Any) -> bool:
    """Whether a server is there. Starts none. One that is slow or gives an odd answer is."""
    try:
        sky.api_info()
    except Exception as error:  # noqa: BLE001  # of the HTTP library SkyPilot happens to use
        return "refused" not in str(error)  # "Connection refused": nobody listens
    return True


def may_know_clusters() -> bool:
    """Whether SkyPilot may know any cluster, as far as can be told without its server: no only
    where its state on this machine names none and nothing says that it keeps it elsewhere."""
    home = Path(os.environ.get("SKY_RUNTIME_DIR") or Path.home()) / ".sky"
    if any(os.environ.get(name) for name in ELSEWHERE) or (home / "config.yaml").exists():
        return True
    state = home / "state.db"
    if not state.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{state.as_uri()}?mode=ro", uri=True, timeout=1.0)) as file:
            (count,) = file.execute("SELECT count(*) FROM clusters").fetchone()
    except (sqlite3.Error, ValueError):  # another layout than today's: ask
        return True
    return bool(count)


@contextmanager
def left_as_found(sky: Any) -> Iterator[None]:
    """A server that was started within is stopped, unless somebody else uses it by then."""
    was_running = runs(sky)
    try:
        yield
    finally:
        if not was_running and not _is_used(sky):
            sky.api_stop()


def _is_used(sky: Any) -> bool:
    """Requests of other clients under way; the server's own daemons are none."""
    active = sky.api_status(all_status=False)
    return any("daemon" not in str(one.name) for one in active)
