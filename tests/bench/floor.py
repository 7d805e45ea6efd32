"""The floor: the least that a Python program can do under the same law. Bare asyncio, a raw descriptor, one SQLite
commit with `synchronous=FULL`, a prebuilt request on a warm TLS connection.

Started as `python -m tests.bench.floor PORT CA_FILE DIRECTORY READER DRAWER SCREEN_PORT`. A line on READER is a
card: commit, then a request; one that begins with `S` is for the screen: commit, then an event on its socket. A byte
on DRAWER is the closing drawer: commit, then `start/cash`. It prints `ready`.
"""

import asyncio
import os
import socket
import sqlite3
import ssl
import sys
import tty
from pathlib import Path

AUTHORIZATION = "Authorization: Bearer c0p22mjoea0vktmfe09r9h1b40\r\n"
HEADERS = f"Host: 127.0.0.1\r\n{AUTHORIZATION}Accept: application/json\r\nContent-Type: application/json\r\n"
START = f"POST /start/cash HTTP/1.1\r\n{HEADERS}Content-Length: 2\r\n\r\n{{}}".encode()
CHECK = f"POST /validateMerchantcard HTTP/1.1\r\n{HEADERS}Content-Length: 33\r\n\r\n".encode()
CARD = b'{"cardnumber":"9276004429942845"}'
EVENT = b'id: 1\nevent: scan\ndata: {"scanner":"counter","card":"9276********2845"}\n\n'


def open_port(path: str) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(descriptor)
    return descriptor


def open_journal(directory: Path) -> sqlite3.Connection:
    journal = sqlite3.connect(directory / "floor.sqlite", isolation_level=None)
    journal.execute("PRAGMA journal_mode=WAL")
    journal.execute("PRAGMA synchronous=FULL")
    journal.execute("CREATE TABLE event (sequence INTEGER PRIMARY KEY, what TEXT)")
    return journal


async def main(port: int, ca_file: str, directory: Path, terminals: tuple[str, str], screen_port: int) -> None:
    loop = asyncio.get_running_loop()
    journal = open_journal(directory)
    screen = socket.create_connection(("127.0.0.1", screen_port))
    screen.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers, api = await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context(cafile=ca_file))
    scanned, closed = map(open_port, terminals)
    line = bytearray()

    def commit(what: str) -> None:
        journal.execute("INSERT INTO event (what) VALUES (?)", (what,))

    def read_card() -> None:
        line.extend(os.read(scanned, 4096))
        if not line.endswith(b"\r"):
            return
        commit("scan")
        if line.startswith(b"S"):
            screen.send(EVENT)
        else:
            api.write(CHECK + CARD)
        line.clear()

    def read_drawer() -> None:
        os.read(closed, 4096)
        commit("closed")
        api.write(START)

    loop.add_reader(scanned, read_card)
    loop.add_reader(closed, read_drawer)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while await answers.read(4096):
        pass


if __name__ == "__main__":
    PORT, CA_FILE, DIRECTORY, READER, DRAWER, SCREEN_PORT = sys.argv[1:]
    asyncio.run(main(int(PORT), CA_FILE, Path(DIRECTORY), (READER, DRAWER), int(SCREEN_PORT)))
