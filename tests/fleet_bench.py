"""A real Mosquitto with the documented configuration, certificates of a test's own authority, and who listens to it."""

import asyncio
import json
import re
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.fleet.broker import MOST_FOLLOWED, Broker, Publication, Session, connected, tls_context

DOCUMENTED = Path(__file__).parents[1] / "docs" / "fleet"
LOOK_AGAIN_S = 0.02
"""How often the broker's port is tried while it starts: there is nothing to wait on."""
NO_PASSWORDS: Mapping[str, str] = MappingProxyType({})
TILL, OTHER, OFFICE = "store-12-till-3", "store-12-till-4", "head-office"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert isinstance(port, int)
        return port


class Authority:
    """A certificate authority in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        _openssl("req", "-x509", *key, "-keyout", self.key("ca"), "-out", self.ca, "-subj", "/CN=fleet", "-days", "2")

    @property
    def ca(self) -> Path:
        return self.certificate("ca")

    def certificate(self, name: str) -> Path:
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.directory / f"{name}.key"

    def issue(self, name: str) -> None:
        """Make a certificate that says this name."""
        request, names = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        _openssl("req", "-new", *key, "-keyout", self.key(name), "-out", request, "-subj", f"/CN={name}")
        signed = ("-CA", self.ca, "-CAkey", self.key("ca"), "-CAcreateserial", "-days", "2", "-extfile", names)
        _openssl("x509", "-req", "-in", request, "-out", self.certificate(name), *signed)


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@dataclass
class Mosquitto:
    """The broker as a process on free ports: for tills, for head office, and for tills with passwords."""

    directory: Path
    authority: Authority
    till_port: int = field(default_factory=free_port)
    office_port: int = field(default_factory=free_port)
    password_port: int = field(default_factory=free_port)
    running: asyncio.subprocess.Process | None = None

    def configure(self, acl: str | None, passwords: Mapping[str, str]) -> Path:
        """Write the documented configuration down; only addresses and paths are the test's."""
        rules = self.directory / "tillwire.acl"
        rules.write_text(acl if acl is not None else (DOCUMENTED / "tillwire.acl").read_text())
        rules.chmod(0o600)
        text = (DOCUMENTED / "mosquitto.conf").read_text()
        if passwords:
            text = re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)
            self._write_passwords(passwords)
        for documented, here in (
            ("listener 8883", f"listener {self.till_port} 127.0.0.1"),
            ("listener 8884", f"listener {self.office_port} 127.0.0.1"),
            ("listener 8885", f"listener {self.password_port} 127.0.0.1"),
            ("/etc/mosquitto/tillwire.acl", str(rules)),
            ("/etc/mosquitto/fleet", str(self.authority.directory)),
        ):
            assert documented in text
            text = text.replace(documented, here)
        file = self.directory / "mosquitto.conf"
        file.write_text("user root\n" + text)
        return file

    def _write_passwords(self, passwords: Mapping[str, str]) -> None:
        file = self.authority.directory / "passwords"
        for name, password in passwords.items():
            new = () if file.exists() else ("-c",)
            subprocess.run(["mosquitto_passwd", *new, "-b", str(file), name, password], check=True)

    async def start(self, acl: str | None = None, passwords: Mapping[str, str] = NO_PASSWORDS) -> None:
        file = self.configure(acl, passwords)
        self.running = await asyncio.create_subprocess_exec(
            "mosquitto", "-c", str(file), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for port in (self.till_port, self.office_port):
            await until_listening(port)

    async def stop(self) -> None:
        if self.running is not None:
            self.running.terminate()
            await self.running.wait()
            self.running = None

    def broker(self, name: str, *, port: int | None = None, authority: Authority | None = None) -> Broker:
        """Return how this name reaches the broker."""
        issuer = authority or self.authority
        return Broker(
            host="127.0.0.1",
            port=port or (self.till_port if name in {TILL, OTHER} else self.office_port),
            client_id=f"{name}" if name in {TILL, OTHER} else f"{name}-{secrets.token_hex(4)}",
            tls=tls_context(self.authority.ca, issuer.certificate(name), issuer.key(name)),
            username=None,
            password=None,
        )

    def section(self, *lines: str, port: int | None = None) -> str:
        """Return a till's `[fleet]`."""
        given = {"till": TILL, "ca_file": self.authority.ca, "host": "127.0.0.1"}
        given |= {"certificate_file": self.authority.certificate(TILL), "key_file": self.authority.key(TILL)}
        rows = [f'{key} = "{value}"' for key, value in given.items()]
        return "\n".join(["[fleet]", f"port = {port or self.till_port}", *rows, *lines, ""])


async def until_listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(LOOK_AGAIN_S)
        else:
            writer.close()
            await writer.wait_closed()
            return


@asynccontextmanager
async def mosquitto(
    directory: Path, acl: str | None = None, passwords: Mapping[str, str] = NO_PASSWORDS
) -> AsyncIterator[Mosquitto]:
    """Run a broker with certificates for everybody of the tests."""
    authority = Authority(directory / "fleet")
    for name in ("broker", TILL, OTHER, OFFICE):
        authority.issue(name)
    broker = Mosquitto(directory, authority)
    await broker.start(acl, passwords)
    try:
        yield broker
    finally:
        await broker.stop()


class Line:
    """The line between a till and its broker: it can be cut, and be slow. `delay_s`: seconds for each piece of data."""

    def __init__(self, to_port: int) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.ensure_future(self._pass(reader, far_writer)),
            asyncio.ensure_future(self._pass(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, far_writer):
                end.close()
            await asyncio.gather(writer.wait_closed(), far_writer.wait_closed(), return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            await asyncio.sleep(self.delay_s)
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    """A line that stands at first."""
    line = Line(port)
    await line.mend()
    try:
        yield line
    finally:
        await line.cut()


@dataclass
class Consumer:
    """Somebody at head office who takes down everything."""

    session: Session
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        async for message in self.session.messages():
            assert isinstance(message.payload, bytes)
            self.heard.append((message.topic.value, json.loads(message.payload)))
            self._changed.set()

    def of(self, kind: str, till: str = TILL) -> list[dict[str, Any]]:
        return [told for topic, told in self.heard if topic == f"tillwire/{till}/{kind}"]

    @property
    def sequences(self) -> list[int]:
        return [int(each["id"].rpartition("-")[2]) for each in self.of("event")]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; the test's own time-out ends a wait in vain."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def asks(self, command: str, **arguments: object) -> dict[str, Any]:
        """Send a command and return the till's answer."""
        wanted = command_of(command) | arguments
        await self.sends(json.dumps(wanted).encode())
        await self.until(lambda: any(each["id"] == wanted["id"] for each in self.of("answer")))
        return next(each for each in self.of("answer") if each["id"] == wanted["id"])

    async def sends(self, payload: bytes, *, till: str = TILL, sender: str = OFFICE, retain: bool = False) -> None:
        await self.session.publish(
            Publication(topic=f"tillwire/{till}/command/{sender}", payload=payload, retain=retain)
        )


def command_of(command: str, issued: datetime | None = None) -> dict[str, Any]:
    begin = issued or datetime.now(UTC)
    times = {"issued": begin.isoformat(), "expires": (begin + timedelta(seconds=60)).isoformat()}
    return {"id": secrets.token_hex(16), "command": command, **times}


@asynccontextmanager
async def consumer(
    broker: Broker, topics: tuple[str, ...] = ("presence", "state", "event", "answer")
) -> AsyncIterator[Consumer]:
    """Listen until the end of the block, or until the broker goes away."""
    async with connected(broker, most_waiting=MOST_FOLLOWED) as session:
        listening = Consumer(session)
        for topic in topics:
            await session.subscribe(f"tillwire/+/{topic}")
        task = asyncio.ensure_future(listening.listen())
        try:
            yield listening
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
