"""The screen in a browser: textual-serve runs one `planner tui` for every page that is open."""

from __future__ import annotations

import shlex
import socket
import sys
from collections.abc import Callable

from planner.errors import BadInput

HOST = "127.0.0.1"  # whoever reaches the port can run the planner as this user


def command_of(
    file: str | None,
    *,
    workload: str | None,
    session: str | None,
    resume: bool,
    ascii_only: bool,
) -> str:
    """The command behind each page."""
    words = [sys.executable, "-c", "from planner.cli.main import main; main()", "tui"]
    words += ["--ascii"] if ascii_only else []
    words += ["--resume"] if resume else []
    words += ["--workload", workload] if workload is not None else []
    words += ["--session", session] if session is not None else []
    words += ["--", file] if file is not None else []
    return shlex.join(words)


def serve(
    file: str | None,
    *,
    workload: str | None,
    session: str | None,
    resume: bool,
    ascii_only: bool,
    port: int,
    say: Callable[[str], None],
) -> int:
    """Serve until interrupted, on the loopback address only. Raises BadInput."""
    try:
        from tui.browser.server import LoopbackServer
    except ImportError:
        raise BadInput(
            "needs the package textual-serve",
            where="--serve",
            remedy="install ai-capacity-planner[serve]",
        ) from None
    if file is not None:
        from planner.actions.explore.plan import open_subject

        open_subject(file, name=workload)  # so that a bad file is said here, not on an empty page
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BadInput(
                f"port {port} cannot be used ({error.strerror})",
                where="--port",
                remedy="name another one",
            ) from None
    command = command_of(
        file, workload=workload, session=session, resume=resume, ascii_only=ascii_only
    )
    say(f"http://{HOST}:{port} shows it; ctrl+c ends it")
    LoopbackServer(command, host=HOST, port=port, title="planner").serve()
    return 0
