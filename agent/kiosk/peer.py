"""Who is at the other end of a Unix socket."""

import asyncio
import pwd
import socket
import struct

_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid (unix(7), SO_PEERCRED)


async def peer_name(transport: asyncio.BaseTransport | None) -> str:
    """Return the name of the user who opened this connection, as the kernel knows it."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is None:
        raise ConnectionResetError
    _pid, uid, _gid = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return await asyncio.to_thread(_user_name, uid)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
