"""What is asked of every request before anything reads it, and what every answer carries."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.serve.settings import Settings

COOKIE = "mien_token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Refuses requests by their host, token, origin and size; wraps the whole application.

    - The Host header is a name of this server: else a page of others has pointed its own domain
      here (DNS rebinding).
    - The token, where there is one, is in the cookie or is the bearer.
    - What writes comes from the server's own page, or from no page at all.
    - A body is no larger than allowed, whether it says how large it is or not.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        refused = self._refusal(scope, headers)
        if refused is not None:
            await refused(scope, receive, send_with_headers)
            return
        await self._app(scope, self._bounded(receive), send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What to answer instead; None where the request is in order."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._settings.is_our_name(_hostname(hosts[0])):
            return _refuse(421, "this server has another name; open it by its address")
        if scope["method"] not in _SAFE and not _is_same_origin(headers):
            return _refuse(403, "this comes from a page that is not of this server")
        if self._settings.token is not None:
            login = self._login(scope)
            if login is not None:
                return login
            if not self._shows_token(headers):
                return _refuse(401, "open the link that `mien serve` printed: it has the token")
        size = headers.get("content-length", "0")
        if size.isascii() and size.isdigit() and int(size) > self._settings.max_upload_bytes:
            return self._too_large()
        return None

    def _login(self, scope: Scope) -> Response | None:
        """The link with the token sets the cookie and leaves the address bar."""
        if scope["method"] != "GET" or scope["path"] != "/":
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        if not self._is_token(given):
            return None
        answer = RedirectResponse("/", 303)
        # Lax, so that the link also works from a mail; writes are checked by their origin.
        answer.set_cookie(COOKIE, given, httponly=True, samesite="lax", path="/")
        return answer

    def _shows_token(self, headers: Headers) -> bool:
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(bearer.strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and self._is_token(cookie.value)

    def _is_token(self, given: str) -> bool:
        token = self._settings.token
        assert token is not None, "asked only where there is one"
        return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())

    def _bounded(self, receive: Receive) -> Receive:
        """Counts what arrives: a request need not say how large it is, or not truly."""
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self._settings.max_upload_bytes:
                raise HTTPException(413, self._too_large_words())
            return message

        return counted

    def _too_large(self) -> Response:
        return _refuse(413, self._too_large_words())

    def _too_large_words(self) -> str:
        return f"larger than {self._settings.max_upload_bytes / 1e6:g} MB, which is the limit here"


def _is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a write comes from our page; browsers say where from, scripts say nothing."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _refuse(status: int, words: str) -> Response:
    return JSONResponse({"detail": words}, status, headers={"Connection": "close"})
