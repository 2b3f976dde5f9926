"""The screen in a real browser: headless Chromium on `planner tui --serve`, over DevTools."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.tui.test_browser import COMMAND

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")


class Page:
    """One page; ``frames`` are what the server sent to it over its own web socket."""

    def __init__(self, socket_: Any, port: int) -> None:
        self._socket, self._ids = socket_, itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.frames = b""
        self.errors: list[str] = []
        self.own = f"127.0.0.1:{port}"
        self.asked_for: list[str] = []  # addresses, web sockets included

    async def read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said.get("result"))
            elif said["method"] == "Network.webSocketFrameReceived":
                frame = said["params"]["response"]
                data = frame["payloadData"]
                self.frames += base64.b64decode(data) if frame["opcode"] == 2 else data.encode()
            elif said["method"] == "Network.requestWillBeSent":
                self.asked_for.append(said["params"]["request"]["url"])
            elif said["method"] == "Network.webSocketCreated":
                self.asked_for.append(said["params"]["url"])
            elif said["method"] == "Runtime.exceptionThrown" or (
                # Such as a request that the page's policy forbids.
                said["method"] == "Log.entryAdded" and said["params"]["entry"]["level"] == "error"
            ):
                self.errors.append(str(said["params"]))

    async def call(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return await asyncio.wait_for(answer, 60)

    async def press(self, key: str) -> None:
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def until(self, words: str) -> None:
        """These words were drawn since the last call."""
        for _ in range(200):
            drawn = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.frames).decode("utf-8", "replace")
            if words in drawn:
                self.frames = b""
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{words!r} was not drawn: {self.frames[-500:]!r}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Page]:
    """Chromium on the page of a planner; both end with this. Nothing but loopback is asked."""
    aiohttp = pytest.importorskip("aiohttp")
    pytest.importorskip("textual_serve")
    port, devtools = free_port(), free_port()
    server = subprocess.Popen(
        [*COMMAND, "--port", str(port)], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    browser = None
    try:
        assert server.stderr is not None and str(port) in server.stderr.readline()
        assert BROWSER is not None
        browser = subprocess.Popen(
            [
                BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update",
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--window-size=1100,700", f"--user-data-dir={folder / 'profile'}",
                f"--remote-debugging-port={devtools}", "about:blank",
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        async with aiohttp.ClientSession() as client:
            for _ in range(300):
                try:
                    await client.get(f"http://127.0.0.1:{port}")
                    tabs = await client.get(f"http://127.0.0.1:{devtools}/json")
                    found = [tab for tab in await tabs.json() if tab["type"] == "page"]
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
            async with client.ws_connect(
                found[0]["webSocketDebuggerUrl"], max_msg_size=0
            ) as socket_:
                page = Page(socket_, port)
                reading = asyncio.create_task(page.read())
                for domain in ("Network", "Runtime", "Page", "Log"):
                    await page.call(f"{domain}.enable")
                await page.call("Page.navigate", url=f"http://127.0.0.1:{port}")
                yield page
                reading.cancel()
    finally:
        if browser is not None:
            browser.terminate()
            browser.wait(20)
        server.send_signal(signal.SIGINT)
        server.wait(20)


async def test_a_browser_draws_the_screens_and_sends_keys(tmp_path: Path) -> None:
    async with served(tmp_path) as page:
        await page.until("meet all limits")
        # Into the terminal, as a person does.
        for kind in ("mousePressed", "mouseReleased"):
            await page.call(
                "Input.dispatchMouseEvent", type=kind, x=300, y=300, button="left", clickCount=1
            )
        for key, words in (("5", "offers shown"), ("2", "optimal"), ("?", "What to commit to")):
            await page.press(key)
            await page.until(words)
        shot = await page.call("Page.captureScreenshot", format="png")
        (tmp_path / "page.png").write_bytes(base64.b64decode(shot["data"]))
        assert len(base64.b64decode(shot["data"])) > 20_000  # drawn, not blank
        assert page.errors == []
        hosts = {urlsplit(address).netloc for address in page.asked_for}
        assert hosts - {""} == {page.own}, page.asked_for  # data: has no host
        fonts = await page.call(
            "Runtime.evaluate",
            expression="[...document.fonts].map(f => f.status)[0]",
        )
        assert fonts["result"]["value"] == "loaded"
