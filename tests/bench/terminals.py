"""Pseudo-terminals for the floor and the rivals."""

import os
import pty
import time
import tty
from contextlib import AsyncExitStack

from tests.bench.processes import Front


def terminal(stack: AsyncExitStack) -> tuple[int, str]:
    """Open a pseudo-terminal; return our end, and the name of the other."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    stack.callback(os.close, master)
    stack.callback(os.close, slave)
    return master, os.ttyname(slave)


async def timed(front: Front, descriptor: int, data: bytes, wanted: str) -> int:
    """Write these bytes and return how long it took until the request was there; nanoseconds."""
    began = time.monotonic_ns()
    os.write(descriptor, data)
    return await front.arrival(wanted) - began
