"""What is no proper request: too large, ambiguous, of another protocol, to where nothing is."""

from collections.abc import Iterable
from itertools import chain

from tests.abuse.attack import attacks, not_upgraded, refused, sending
from tests.abuse.target import Target, head, reading, writing
from tests.abuse.wire import Reply

SIZES = "Sizes"
SMUGGLING = "Request smuggling"
PATHS = "Paths and methods"
PROTOCOLS = "Other protocols"
INJECTION = "Header injection"

MEBIBYTE = 1 << 20
TRAVERSALS = (
    "/../../etc/passwd",
    "/..%2f..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/%252e%252e%252fetc/passwd",
    "/..\\..\\etc\\passwd",
    "//etc/passwd",
    "/./../.git/config",
    "/etc/passwd%00.html",
    "/index.html/../../../etc/passwd",
    "/%c0%ae%c0%ae/etc/passwd",
)
METHODS = ("PATCH", "TRACE", "CONNECT", "PROPFIND", "DEBUG", "M-SEARCH", "get", "G" * 100, "GET\x00")


def _large_bodies(target: Target) -> Iterable[bytes]:
    large = b'{"x":"' + b"x" * MEBIBYTE + b'"}'
    yield writing(target, large)
    yield writing(
        target, b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large), Content_Length=None, Transfer_Encoding="chunked"
    )


def _lengths(target: Target) -> Iterable[bytes]:
    for length in ("-1", "+2", "0x2", "1e1", "2, 2", " ", "9" * 30, "2\x0b", "\u0662"):
        yield writing(target, Content_Length=length)


def _large_heads(target: Target) -> Iterable[bytes]:
    yield reading(target, X="x" * 65536)
    yield reading(target, **{f"X_{number}": "x" * 100 for number in range(200)})
    yield reading(target, **{f"X_{number}": "" for number in range(2000)})
    yield reading(target, **{"X" * 65536: "x"})
    yield head(f"GET {target.read}?{'x' * 65536} HTTP/1.1", {"Host": target.name, "Authorization": target.proof})


def _ambiguous(target: Target) -> Iterable[bytes]:
    """Requests of which one reader finds another end than the next: each with a second request hidden in it."""
    hidden = reading(target)
    chunked = b"0\r\n\r\n" + hidden
    yield writing(target, chunked, Transfer_Encoding="chunked")
    yield writing(target, chunked, Content_Length="6", Transfer_Encoding="chunked")
    for coding in ("xchunked", "chunked, identity", "identity", "chunked, chunked", "\x0bchunked", '"chunked"'):
        yield writing(target, chunked, Content_Length=None, Transfer_Encoding=coding)
    friendly = writing(target, chunked, Content_Length=None)
    for line in (
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"X: x\r\n Transfer-Encoding: chunked\r\n",
        b"X: x\nTransfer-Encoding: chunked\r\n",
        b"X: x\rTransfer-Encoding: chunked\r\n",
        b"Content-Length: 0\r\nContent-Length: 5\r\n",
        b"X\x00: x\r\nContent-Length: 0\r\n",
        b"\r\n".join((b" Content-Length: 0", b"")),
    ):
        first = friendly.index(b"\r\n") + 2
        yield friendly[:first] + line + friendly[first:]


def _bad_chunks(target: Target) -> Iterable[bytes]:
    for chunks in (
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n",
        b"2\n{}\n0\n\n",
        b"2\r\n{}xx0\r\n\r\n",
        b"f" * 17 + b"\r\n{}",
    ):
        yield writing(target, chunks, Content_Length=None, Transfer_Encoding="chunked")


def _nothing_smuggled(reply: Reply) -> str | None:
    """The request within the body of the first was not carried out: there are two answers at most."""
    statuses = [answer.status for answer in reply.answers]
    return f"was answered {statuses}" if len(statuses) > 2 else None


def _hidden(target: Target) -> Iterable[bytes]:
    """A body where none is read, or that the caller is not allowed to send: it is not the next request."""
    hidden, last = reading(target, Connection="keep-alive"), reading(target)
    yield reading(target, Connection="keep-alive", Content_Length=str(len(hidden))) + hidden + last
    yield writing(target, hidden, Authorization=None, Connection="keep-alive") + last
    yield writing(target, hidden, Content_Type="text/plain", Connection="keep-alive", Expect="100-continue") + last


def _paths(target: Target) -> Iterable[bytes]:
    headers = {"Host": target.name, "Authorization": target.proof, "Connection": "close"}
    for path in (
        *TRAVERSALS,
        *(f"{target.read}{path}" for path in TRAVERSALS),
        f"{target.read}/../../etc/passwd",
        "*",
        "etc/passwd",
        "",
    ):
        yield head(f"GET {path} HTTP/1.1", headers)


def _methods(target: Target) -> Iterable[bytes]:
    headers = {"Host": target.name, "Authorization": target.proof, "Connection": "close"}
    return (head(f"{method} {target.read} HTTP/1.1", headers) for method in METHODS)


def _upgrades(target: Target) -> Iterable[bytes]:
    key = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": "13"}
    yield reading(target, Connection="Upgrade, close", Upgrade="websocket", **key) + reading(target)
    yield reading(
        target, Connection="Upgrade, HTTP2-Settings, close", Upgrade="h2c", HTTP2_Settings="AAMAAABk"
    ) + reading(target)
    yield reading(target, Connection="Upgrade, close", Upgrade="TLS/1.2") + reading(target)


def _strange_protocols(target: Target) -> Iterable[bytes]:
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64
    yield f"GET {target.read}\r\n\r\n".encode()
    for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "http/1.1", "HTTP/1.1 HTTP/1.1"):
        yield reading(target).replace(b"HTTP/1.1", version.encode(), 1)
    yield b"EHLO localhost\r\nMAIL FROM:<a@evil.example>\r\n\r\n"
    yield bytes(range(256)) * 4 + b"\r\n\r\n"


def _nothing_injected(reply: Reply) -> str | None:
    if any("X-Injected" in answer.headers for answer in reply.answers):
        return "a header was injected"
    return refused(reply)


def _in_the_path(target: Target) -> Iterable[bytes]:
    headers = {"Host": target.name, "Authorization": target.proof, "Connection": "close"}
    for end in ("%0d%0a", "%0a", "%e5%98%8a%e5%98%8d", "\r"):
        yield head(f"GET {target.read}/x{end}X-Injected:%20x HTTP/1.1", headers)


def _in_headers(target: Target) -> Iterable[bytes]:
    for end in ("\r", "\x00", "\x0b\r"):
        yield reading(target, Last_Event_ID=f"x{end}X-Injected: x")
        yield writing(target, Idempotency_Key=f"x{end}X-Injected: x")


def _broken_json(target: Target) -> Iterable[bytes]:
    nested = (b"[" * 30_000, b'{"a":' * 10_000)
    for body in chain(
        (b"{", b"nope", b"\xff\xfe", b"NaN", b'{"a":1}{}', b"null", b"[]", b'"text"', b"1e999", b'{"\\ud800":1}'),
        nested,
    ):
        yield writing(target, body)


ATTACKS = (
    *attacks(
        SIZES,
        ("a body of a mebibyte, announced and in chunks", sending(_large_bodies)),
        ("lengths that are no length", sending(_lengths)),
        ("huge headers, thousands of headers, a huge address", sending(_large_heads)),
        ("JSON that is torn, nested 30,000 deep, or of another shape", sending(_broken_json)),
    ),
    *attacks(
        SMUGGLING,
        ("`Content-Length` against `Transfer-Encoding`, disguised, folded, twice", sending(_ambiguous)),
        ("chunks that are no chunks", sending(_bad_chunks)),
        ("a second request in a body that nobody reads", sending(_hidden, _nothing_smuggled)),
    ),
    *attacks(
        PATHS,
        ("paths that lead out of the folder, encoded once and twice", sending(_paths)),
        ("methods that are not there, `TRACE` and `CONNECT` among them", sending(_methods)),
    ),
    *attacks(
        PROTOCOLS,
        ("upgrades to WebSocket, HTTP/2 and TLS", sending(_upgrades, not_upgraded)),
        ("HTTP/0.9, HTTP/2, TLS, SMTP and no protocol at all", sending(_strange_protocols)),
    ),
    *attacks(
        INJECTION,
        ("line ends in the path", sending(_in_the_path, _nothing_injected)),
        ("line ends and zeros in header values", sending(_in_headers, _nothing_injected)),
    ),
)
