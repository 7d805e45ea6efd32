"""What an error of the network means for a request: *not sent* or *unknown*. One table.

That nothing was sent is proved by the transport, not by the type of an error; the type can only take the proof away.
So a request is *not sent* where the first byte was never announced **and** its error can come before that byte. All
else is *unknown*, and so is an error that the table does not know.
"""

import logging
import ssl
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from agent.smart.errors import NotSent, Unknown

_log = logging.getLogger("tillwire.smart")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What happened, in plain words, and whether it can happen before the first byte of a request is written."""

    text: str
    comes_before: bool


_ADDRESS = Meaning("the address is wrong", comes_before=True)
_CONNECT = Meaning("no connection to the API", comes_before=True)
_TIME = Meaning("no answer in time", comes_before=True)
_LOST = Meaning("the connection broke", comes_before=True)
_SILENT = Meaning("the API fell silent", comes_before=False)
_ANSWER = Meaning("the answer is damaged", comes_before=False)
_UNUSED = Meaning("something happened that this client never asks for", comes_before=False)

MEANINGS: Mapping[type[Exception], Meaning] = MappingProxyType(
    {
        aiohttp.InvalidURL: _ADDRESS,
        aiohttp.InvalidUrlClientError: _ADDRESS,
        aiohttp.NonHttpUrlClientError: _ADDRESS,
        aiohttp.ClientConnectorError: _CONNECT,
        aiohttp.ClientConnectorDNSError: Meaning("the API's name cannot be resolved", comes_before=True),
        aiohttp.ClientConnectorCertificateError: Meaning("the API's certificate is not trusted", comes_before=True),
        aiohttp.ClientConnectorSSLError: Meaning("no TLS connection to the API", comes_before=True),
        aiohttp.ClientSSLError: Meaning("no TLS connection to the API", comes_before=True),
        aiohttp.ClientProxyConnectionError: _CONNECT,
        aiohttp.client_exceptions.UnixClientConnectorError: _CONNECT,
        aiohttp.ServerFingerprintMismatch: Meaning("the API's certificate is another", comes_before=True),
        aiohttp.ConnectionTimeoutError: Meaning("no connection to the API in time", comes_before=True),
        aiohttp.ClientOSError: _LOST,
        aiohttp.ClientConnectionError: _LOST,
        aiohttp.ClientConnectionResetError: Meaning("the connection broke while writing", comes_before=False),
        aiohttp.ServerConnectionError: _SILENT,
        aiohttp.ServerDisconnectedError: Meaning("the API closed the connection", comes_before=False),
        aiohttp.ServerTimeoutError: _SILENT,
        aiohttp.SocketTimeoutError: _SILENT,
        aiohttp.ClientError: _ANSWER,
        aiohttp.ClientResponseError: _ANSWER,
        aiohttp.ContentTypeError: _ANSWER,
        aiohttp.ClientPayloadError: _ANSWER,
        HttpProcessingError: _ANSWER,
        aiohttp.UploadAbortedError: Meaning("the request was cut off while writing", comes_before=False),
        aiohttp.ClientHttpProxyError: _UNUSED,
        aiohttp.TooManyRedirects: _UNUSED,
        aiohttp.RedirectClientError: _UNUSED,
        aiohttp.InvalidUrlRedirectClientError: _UNUSED,
        aiohttp.NonHttpUrlRedirectClientError: _UNUSED,
        aiohttp.WSServerHandshakeError: _UNUSED,
        TimeoutError: _TIME,
        ssl.SSLError: _LOST,
        OSError: _LOST,
    }
)


def failure_of(error: Exception, *, begun: bool) -> NotSent | Unknown:
    """Return the kind of error that this is. `begun`: the first byte of the request may have been written."""
    name = type(error).__name__
    meaning = next((MEANINGS[each] for each in type(error).__mro__ if each in MEANINGS), None)
    if meaning is None:
        _log.error("a bug of ours or of aiohttp, %s at\n%s", name, "".join(traceback.format_tb(error.__traceback__)))
        return Unknown(f"no usable answer: {name}")
    if begun or not meaning.comes_before:
        return Unknown(f"no usable answer: {meaning.text} ({name})")
    return NotSent(f"not sent: {meaning.text} ({name})")
