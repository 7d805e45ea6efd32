"""Files that need no token: the page, and the description of the interface. Read once, answered from memory."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files

from aiohttp import web

from agent.kiosk import page

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from another host, nothing inline, no text that becomes markup."""

_PAGE_FILES = (
    ("/", "index.html", "text/html"),
    ("/screen.css", "screen.css", "text/css"),
    *(
        (f"/{name}.js", f"{name}.js", "text/javascript")
        for name in ("agent", "catalogue", "draw", "screen", "state", "texts")
    ),
)


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
            response.charset = "utf-8"
        response.etag = self.tag
        return response


def page_files() -> list[StaticFile]:
    """Read the page. Blocking."""
    folder = files(page)
    return [
        StaticFile(
            path=path,
            content=folder.joinpath(name).read_bytes(),
            content_type=content_type,
            headers={"Content-Security-Policy": PAGE_POLICY},
        )
        for path, name, content_type in _PAGE_FILES
    ]
