"""Which addresses a configuration may name: of the API, of the local interface, of its callers."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

UNIX = "unix:"
# A Unix socket's path is at most 108 bytes with its final zero (sun_path, unix(7)).
LONGEST_SOCKET_PATH = 107
# Host and port only: an origin becomes a word of the page's Content-Security-Policy, where "*" and ";" mean more.
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: str


def parse_listen(listen: str) -> TcpAddress | UnixAddress:
    """Read "127.0.0.1:8377", "[::1]:8377" or "unix:/run/tillwire/http.sock". Raises ValueError in plain words."""
    if listen.startswith(UNIX):
        return UnixAddress(checked_socket_path(listen.removeprefix(UNIX)))
    address = _split(f"//{listen}")
    if address.hostname is None or address.port is None or address.netloc != listen or "@" in listen:
        raise ValueError('must be an address and a port, as "127.0.0.1:8377", or a Unix socket, as "unix:/run/…"')
    return TcpAddress(address.hostname, address.port)


PRINTER_PORT = 9100  # where network printers take bytes


def parse_printer(address: str) -> TcpAddress:
    """Read "192.0.2.7", "printer.example:9100" or "[fe80::1]:9100". Raises ValueError in plain words."""
    parts = _split(f"//{address}")
    if parts.hostname is None or parts.netloc != address or "@" in address:
        raise ValueError('must be a host and perhaps a port, as "192.0.2.7" or "printer.example:9100"')
    return TcpAddress(parts.hostname, PRINTER_PORT if parts.port is None else parts.port)


def checked_socket_path(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("must be an absolute path")
    if len(path.encode()) > LONGEST_SOCKET_PATH:
        raise ValueError(f"is too long for a socket: at most {LONGEST_SOCKET_PATH} bytes")
    return path


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches that host."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def checked_base_url(url: str) -> str:
    """Check the API's address and take a last slash off. Raises ValueError in plain words."""
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError('must be an address without a path, as "https://connect.secucard.com"')
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("must not carry a user, a query or a fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https:// (http:// only for a simulator on this machine)")
    return f"{parts.scheme}://{parts.netloc}"


def checked_origin(origin: str) -> str:
    """Check a web origin: what a browser sends, letter by letter. Raises ValueError in plain words."""
    _split(origin)
    if not _ORIGIN.fullmatch(origin):
        raise ValueError('must be an origin without a path, as "https://kiosk.example"')
    return origin


def checked_host(host: str) -> str:
    """Check a host name as it stands in a request's Host header, without a port. Raises ValueError in plain words."""
    if not host or _split(f"//{host}").hostname != host.strip("[]"):
        raise ValueError('must be a host name in small letters and without a port, as "till.example"')
    return host


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("is no address") from None
    return parts
