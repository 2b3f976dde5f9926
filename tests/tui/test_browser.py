"""The screen behind a port of this computer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from planner.cli.main import run
from planner.errors import BadInput
from tui.browser.start import command_of

COMMAND = [sys.executable, "-c", "from planner.cli.main import main; main()", "tui", "--serve"]


def test_the_command_behind_a_page_is_quoted() -> None:
    found = command_of(
        "my file's.yaml", workload="a b", session=None, resume=False, ascii_only=True
    )
    assert found.endswith("""tui --ascii --workload 'a b' -- 'my file'"'"'s.yaml'""")


def test_a_port_in_use_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("textual_serve")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(["tui", "--serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_a_bad_file_is_told_before_anything_is_served(tmp_path: Path) -> None:
    pytest.importorskip("textual_serve")
    with pytest.raises(BadInput):
        from tui.browser.start import serve

        serve(
            str(tmp_path / "none.yaml"), workload=None, session=None, resume=False,
            ascii_only=False, port=1, say=print,
        )  # fmt: skip


def test_pages_of_other_sites_are_refused() -> None:
    pytest.importorskip("textual_serve")
    from tui.browser.server import is_own

    assert is_own("localhost:8000", None, 8000)
    assert is_own("127.0.0.1:8000", "http://127.0.0.1:8000", 8000)
    assert not is_own("127.0.0.1:8000", "http://evil.example", 8000)
    assert not is_own("127.0.0.1:8000", "https://127.0.0.1:8000", 8000)
    assert not is_own("evil.example:8000", None, 8000)
    assert not is_own("127.0.0.1:8000", "null", 8000)


async def test_a_page_shows_the_screen() -> None:
    pytest.importorskip("textual_serve")
    import aiohttp

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*COMMAND, "--port", str(port)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        env=os.environ, text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None and str(port) in server.stderr.readline()
        address = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as client:
            for _ in range(200):
                try:
                    page = await client.get(address)
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
            assert page.status == 200 and "textual.js" in await page.text()
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
            refused = await client.get(f"{address}/ws", headers={"Origin": "http://evil.example"})
            assert refused.status == 403
            async with client.ws_connect(f"{address}/ws?width=90&height=30") as screen:
                await asyncio.wait_for(_until(screen, b"meet all limits"), 180)
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


async def _until(screen: object, words: bytes) -> None:
    drawn = b""
    async for message in screen:  # type: ignore[attr-defined]
        drawn += message.data if isinstance(message.data, bytes) else b""
        if words in drawn:
            return
    raise AssertionError(drawn[-500:])
