"""What is attacked, and what a friend of it would send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A local bridge. `url` is where it listens, `read` a path whose GET answers 200 to who shows the token.

    `write` is a path that takes `body` (JSON) by POST; the attacks on it are to be refused, so nothing should come of
    them. `token` is of a caller who may do both. A request that comes slowly must be cut off within `cut_off_s`
    (seconds).
    """

    url: str
    token: str = field(repr=False)
    read: str
    write: str
    body: str
    cut_off_s: float

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if self.is_tls else 80)

    @property
    def is_tls(self) -> bool:
        return urlsplit(self.url).scheme == "https"

    @property
    def name(self) -> str:
        """What a friend writes behind `Host:`."""
        return urlsplit(self.url).netloc

    @property
    def proof(self) -> str:
        """What a friend writes behind `Authorization:`."""
        return f"Bearer {self.token}"


def reading(target: Target, **headers: str | None) -> bytes:
    """A friend's request to read; `headers` beside the usual ones or, None, without one. _ stands for -."""
    return head(f"GET {target.read} HTTP/1.1", _headers(target, headers))


def writing(target: Target, body: bytes | None = None, **headers: str | None) -> bytes:
    """A friend's request to write, likewise."""
    body = target.body.encode() if body is None else body
    usual = {"Content_Type": "application/json", "Content_Length": str(len(body))}
    return head(f"POST {target.write} HTTP/1.1", _headers(target, usual | headers)) + body


def head(first_line: str, headers: Mapping[str, str]) -> bytes:
    lines = (first_line, *(f"{name}: {value}" for name, value in headers.items()), "", "")
    return "\r\n".join(lines).encode(errors="surrogateescape")


def _headers(target: Target, more: Mapping[str, str | None]) -> dict[str, str]:
    usual = {"Host": target.name, "Authorization": target.proof, "Connection": "close"} | dict(more)
    return {name.replace("_", "-"): value for name, value in usual.items() if value is not None}
