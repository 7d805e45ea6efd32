"""Who should not get in: other names, other pages, forms, wrong tokens."""

import gzip
from collections.abc import Callable, Iterable

from tests.abuse.attack import attacks, sending
from tests.abuse.target import Target, head, reading, writing
from tests.abuse.wire import Reply

NAMES = "Another name (DNS rebinding)"
PAGES = "Pages of other origins"
FORMS = "What a browser sends unasked"
TOKENS = "Missing and forged tokens"

Requests = Callable[[Target], Iterable[bytes]]

HOSTS = (
    "evil.example",
    "evil.example:8377",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "localhost.",
    "0.0.0.0",  # noqa: S104 - browsers take it for this machine
    "127.0.0.2",
    "2130706433",
    "[::ffff:127.0.0.1]",
    "localhost, evil.example",
    "user@localhost",
    "",
)
ORIGINS = (
    "https://evil.example",
    "null",
    "*",
    "",
    "file://",
    "http://127.0.0.1:1",
    "http://localhost",
    "http://evil.example#",
)
CONTENT_TYPES = (
    "text/plain",
    "text/plain; charset=application/json",
    "text/plain, application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json-patch+json",
    "application/json; charset=utf-16",
    "",
)


def _both(name: str, values: Iterable[str]) -> Requests:
    """Reading and writing as a friend does, with this header."""

    def requests(target: Target) -> Iterable[bytes]:
        for value in values:
            yield reading(target, **{name: value})
            yield writing(target, None, **{name: value})

    return requests


def _twice(name: str, other: str) -> Requests:
    """The friend's header, and one of the same name before or behind it."""

    def requests(target: Target) -> Iterable[bytes]:
        line = f"{name}: {other}\r\n".encode()
        friendly = reading(target)
        first = friendly.index(b"\r\n") + 2
        yield friendly[:first] + line + friendly[first:]
        yield friendly[:-2] + line + b"\r\n"

    return requests


def _absolute(target: Target) -> Iterable[bytes]:
    friendly = {"Host": target.name, "Authorization": target.proof, "Connection": "close"}
    yield head(f"GET http://evil.example{target.read} HTTP/1.1", friendly)
    yield head(f"GET {target.url}{target.read} HTTP/1.1", friendly | {"Host": "evil.example"})


def _preflights(target: Target) -> Iterable[bytes]:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin in ORIGINS:
        for network in ("Access-Control-Request-Private-Network", "Access-Control-Request-Local-Network"):
            headers = {"Host": target.name, "Origin": origin, "Connection": "close", network: "true"}
            yield head(f"OPTIONS {target.write} HTTP/1.1", headers | asked)


def _without_origin(target: Target) -> Iterable[bytes]:
    for site in ("cross-site", "same-site"):
        yield reading(target, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")
        yield writing(target, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate")


def _typed(target: Target) -> Iterable[bytes]:
    for content_type in CONTENT_TYPES:
        yield writing(target, Content_Type=content_type)
    yield writing(target, Content_Type=None)


def _forms(target: Target) -> Iterable[bytes]:
    """Bodies that a form can make: the JSON as the name of a field, and as a part."""
    yield writing(target, target.body.encode() + b"=", Content_Type="text/plain")
    yield writing(target, target.body.encode() + b"=", Content_Type="application/x-www-form-urlencoded")
    part = b'--x\r\nContent-Disposition: form-data; name="x"\r\nContent-Type: application/json\r\n\r\n'
    yield writing(
        target, part + target.body.encode() + b"\r\n--x--\r\n", Content_Type="multipart/form-data; boundary=x"
    )


def _packed(target: Target) -> Iterable[bytes]:
    packed = gzip.compress(b" " * 10_000_000 + target.body.encode())
    yield writing(target, packed, Content_Encoding="gzip")
    yield writing(target, packed, Content_Encoding="gzip, identity")


def _wrong_tokens(target: Target) -> Iterable[bytes]:
    token = target.token
    for proof in (
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {token}",
        token,
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        f"Bearer {token.swapcase()}",
        f"Bearer {token} {token}",
        f"Bearer {token},",
        "Bearer \udcff\udcfe",
        f"Bearer {'x' * 4000}",
    ):
        yield reading(target, Authorization=proof)
        yield writing(target, Authorization=proof)


def _token_elsewhere(target: Target) -> Iterable[bytes]:
    headers = {"Host": target.name, "Connection": "close"}
    for name in ("token", "access_token", "authorization", "api_key"):
        yield head(f"GET {target.read}?{name}={target.token} HTTP/1.1", headers)
        yield head(f"GET {target.read} HTTP/1.1", headers | {"Cookie": f"{name}={target.token}"})
        yield head(f"GET {target.read} HTTP/1.1", headers | {f"X-{name.replace('_', '-')}": target.token})


def _only_safe_headers(reply: Reply) -> str | None:
    """What every answer must say, so that no page of others shows it, guesses its type or reads it."""
    for answer in reply.answers:
        policy = answer.headers.get("Content-Security-Policy", "")
        if "default-src 'none'" not in policy or "unsafe" in policy or " *" in policy:
            return f"has the content security policy {policy!r}"
        if "frame-ancestors 'none'" not in policy and answer.headers.get("X-Frame-Options") != "DENY":
            return "may be framed"
        if answer.headers.get("X-Content-Type-Options") != "nosniff":
            return "may be taken for another type"
        if answer.headers.get("Cross-Origin-Resource-Policy") != "same-origin":
            return "may be loaded as a part of another page"
        if "*" in answer.headers.get("Access-Control-Allow-Origin", ""):
            return "may be read by every page"
    return None if reply.answers else "was not answered"


def _answers(target: Target) -> Iterable[bytes]:
    yield reading(target)
    yield reading(target, Authorization=None)
    yield head("GET /nothing-is-here HTTP/1.1", {"Host": target.name, "Connection": "close"})


ATTACKS = (
    *attacks(
        NAMES,
        ("a foreign, disguised or empty `Host`", sending(_both("Host", HOSTS))),
        ("no `Host`", sending(lambda target: [reading(target, Host=None)])),
        ("two `Host` headers", sending(_twice("Host", "evil.example"))),
        ("an absolute address that contradicts `Host`", sending(_absolute)),
    ),
    *attacks(
        PAGES,
        ("a foreign `Origin`, `null`, `*`, a file, another port", sending(_both("Origin", ORIGINS))),
        ("two `Origin` headers", sending(_twice("Origin", "https://evil.example"))),
        ("preflights, those for a private or local network too", sending(_preflights)),
        ("images, scripts and links: no `Origin`, `Sec-Fetch-Site` of another site", sending(_without_origin)),
        ("framing, sniffing and embedding: what each answer's headers forbid", sending(_answers, _only_safe_headers)),
    ),
    *attacks(
        FORMS,
        ("JSON that says it is text, a form, nothing, or in another encoding", sending(_typed)),
        ("bodies that a form can make", sending(_forms)),
        ("a packed body that unpacks to 10 MB", sending(_packed)),
    ),
    *attacks(
        TOKENS,
        ("no token, a part of one, too much of one, of another scheme", sending(_wrong_tokens)),
        ("the token in the address, in a cookie, in other headers", sending(_token_elsewhere)),
        ("a right and a wrong token", sending(_twice("Authorization", "Bearer wrong"))),
    ),
)
