"""Files that need no token: the pages. Read once, answered from memory."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files
from pathlib import PurePath

from aiohttp import web

from agent.kiosk import page
from agent.kiosk.tickets import OPERATOR_PAGE

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from another host, nothing inline, no text that becomes markup."""

_CONTENT_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_PATHS = {"index.html": "/", "operator.html": OPERATOR_PAGE}
"""Where a file is not found by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file. The browser asks each time whether it still has the same."""

    path: str
    content: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:32]

    async def serve(self, request: web.Request) -> web.Response:
        known = any(tag.value in {self.tag, "*"} for tag in request.if_none_match or ())
        response = web.Response(
            status=HTTPStatus.NOT_MODIFIED if known else HTTPStatus.OK,
            body=None if known else self.content,
            headers={"Cache-Control": "no-cache", **self.headers},
        )
        if not known:
            response.content_type = self.content_type
            response.charset = "utf-8" if self.content_type.startswith("text/") else None
        response.etag = self.tag
        return response


def page_files(origins: Iterable[str] = ()) -> list[StaticFile]:
    """Read the pages: every file of the folder. Pages of these origins may show the screen in a frame. Blocking."""
    framing = {"index.html": " ".join(sorted(origins))}
    return [
        StaticFile(
            path=_PATHS.get(file.name, f"/{file.name}"),
            content=file.read_bytes(),
            content_type=_CONTENT_TYPES[suffix],
            headers={"Content-Security-Policy": _POLICY.format(ancestors=framing.get(file.name) or "'none'")},
        )
        for file in files(page).iterdir()
        if (suffix := PurePath(file.name).suffix) in _CONTENT_TYPES
    ]
