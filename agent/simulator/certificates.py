"""TLS of the simulator: a certificate authority of its own in a directory, made with the `openssl` command.

`ca.pem` is what a client is told to trust; it stays the same for ten years. The server's certificate is renewed when
it is missing, near its end, or was signed by another authority. Keys are readable by their owner alone.
"""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Final

CA_FILE: Final = "ca.pem"
_CA_DAYS: Final = "3650"
_SERVER_DAYS: Final = "825"  # the longest that every TLS library accepts
_RENEW_SECONDS: Final = "86400"  # a day of margin for a simulator that is left running

_CONFIGURATION: Final = """\
[req]
distinguished_name = name
prompt = no
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1, DNS:{hostname}
"""


class CertificateError(Exception):
    """The certificates can't be made. The text says what to do."""


async def server_context(directory: Path) -> ssl.SSLContext:
    """A TLS context with a certificate for this machine, signed by the CA of the directory. Raises CertificateError."""
    try:
        await asyncio.to_thread(_prepare, directory)
    except OSError as error:
        raise CertificateError(f"can't write to {directory}: {error.strerror}") from error
    if not await asyncio.to_thread((directory / CA_FILE).exists):
        await _make_ca(directory)
    if not await _is_good(directory):
        await _make_server_certificate(directory)
    return await asyncio.to_thread(_context, directory)


def _prepare(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / "openssl.cnf").write_text(_CONFIGURATION.format(hostname=socket.gethostname()), "utf-8")


def _context(directory: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "server.pem", directory / "server-key.pem")
    return context


async def _make_ca(directory: Path) -> None:
    await _openssl(
        directory,
        *("req", "-x509", "-config", "openssl.cnf", "-extensions", "ca", "-days", _CA_DAYS),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca-key.pem"),
        *("-subj", "/CN=Tillwire simulator CA", "-out", CA_FILE),
    )


async def _make_server_certificate(directory: Path) -> None:
    await _openssl(
        directory,
        *("req", "-x509", "-config", "openssl.cnf", "-extensions", "server", "-days", _SERVER_DAYS),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "server-key.pem"),
        *("-subj", "/CN=localhost", "-CA", CA_FILE, "-CAkey", "ca-key.pem", "-out", "server.pem"),
    )


async def _is_good(directory: Path) -> bool:
    """Whether the server's certificate is there, signed by this CA, and not near its end."""
    checks = (
        ("verify", "-CAfile", CA_FILE, "server.pem"),
        ("x509", "-in", "server.pem", "-noout", "-checkend", _RENEW_SECONDS),
    )
    for check in checks:
        if (await _run(directory, *check))[0] != 0:
            return False
    return True


async def _openssl(directory: Path, *arguments: str) -> None:
    status, errors = await _run(directory, *arguments)
    if status != 0:
        last = errors.strip().splitlines()[-1:] or ["no reason given"]
        raise CertificateError(f"openssl can't make the certificates in {directory}: {last[0]}")


async def _run(directory: Path, *arguments: str) -> tuple[int, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            "openssl", *arguments, cwd=directory, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError:
        raise CertificateError(
            "the command openssl is missing: install the package openssl, or leave --tls out"
        ) from None
    _, errors = await process.communicate()
    return process.returncode or 0, errors.decode("utf-8", "replace")
