"""textual-serve's server, for pages of its own only.

A page of any site that is open in the same browser can reach the loopback address, and the
browser lets it open websockets there; only the headers tell it apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

# The page asks for nothing elsewhere; the browser holds it to that.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' ws://127.0.0.1:{port} ws://localhost:{port}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class LoopbackServer(Server):
    """Refuses requests that came for another name (DNS rebinding) or from another site's page.

    Its page is our own: that of the library loads a font from elsewhere.
    """

    def __init__(self, command: str, *, host: str, port: int, title: str) -> None:
        super().__init__(
            command, host=host, port=port, title=title, templates_path=Path(__file__).parent
        )

    async def _make_app(self) -> web.Application:
        async def own_pages_only(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if not is_own(request.host, request.headers.get("Origin"), self.port):
                raise web.HTTPForbidden(text="this screen is for pages of this computer only\n")
            return await handler(request)

        app = await super()._make_app()

        async def nothing_from_elsewhere(
            request: web.Request, response: web.StreamResponse
        ) -> None:
            del request
            response.headers["Content-Security-Policy"] = POLICY.format(port=self.port)

        app.middlewares.append(web.middleware(own_pages_only))
        app.on_response_prepare.append(nothing_from_elsewhere)
        return app


def is_own(host: str, origin: str | None, port: int) -> bool:
    """Whether a request is for this server by its own name, and from a page of it."""
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    return host in hosts and (origin is None or origin.removeprefix("http://") in hosts)
