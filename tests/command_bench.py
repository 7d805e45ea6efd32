"""Commands as somebody types them: a configuration file, a state directory, the real simulator, and an agent at will.

A command has an event loop of its own, so it runs in a thread; simulator, drawer and agent live in the test's loop.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from agent.cli import main
from agent.control import JsonObject, agent_at
from agent.outside import Outside
from agent.service import serve
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from config.settings import load

API = f"""\
[api]
base_url = "{{base_url}}"
login = "{{login}}"
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"
device_uuid = "/vendor/tillwire/cashier/1"
late_window_s = 0.2
"""
NO_DRAWER = '[cash]\nconfirmed_by = ["operator"]\n'
DRAWER = """\
[drawer]
profile = "escpos"
port = "{port}"
open_level = "low"
open_timeout_s = 60
debounce_s = 0
recharge_s = 0
"""
Events = AsyncGenerator[tuple[str, JsonObject], None]
NOWHERE = "http://127.0.0.1:9"
"""The discard port, where nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        told = json.loads(self.out)
        assert isinstance(told, dict)
        return told


@dataclass
class Box:
    """A box with a configuration file; `write` changes it."""

    directory: Path
    capsys: pytest.CaptureFixture[str]
    base_url: str = NOWHERE
    login: str = "client-credentials"
    rest: str = NO_DRAWER
    config: Path = field(init=False)
    state: Path = field(init=False)

    def __post_init__(self) -> None:
        self.config = self.directory / "tillwire.toml"
        self.state = self.directory / "state"
        self.state.mkdir(mode=0o755)
        self.write()
        self.config.chmod(0o600)  # it holds a secret

    def write(self, **changes: str) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        state = f'[kiosk]\nlisten = "127.0.0.1:0"\n[state]\ndirectory = "{self.state}"\n'
        self.config.write_text(API.format(base_url=self.base_url, login=self.login) + self.rest + state)

    def soon_did_not_open(self) -> None:
        """Have the agent and the commands wait for a drawer that is stuck no longer than they must."""
        self.write(rest=self.rest.replace("open_timeout_s = 60", "open_timeout_s = 0.3"))

    @property
    def journal(self) -> Path:
        return self.state / "journal.sqlite"

    async def types(self, *words: str) -> Said:
        """Type `tillwire WORDS --config …` and wait for the prompt."""
        code = await in_thread(partial(exit_code, [*words, "--config", str(self.config)]))
        out, err = self.capsys.readouterr()
        return Said(code=code, out=out, err=err)

    @asynccontextmanager
    async def agent(self, record: Path | None = None) -> AsyncIterator[None]:
        """Run the agent on this box."""
        stop, ready = asyncio.Event(), asyncio.Event()
        settings = load(self.config, {})
        running = asyncio.create_task(
            serve(
                settings,
                stop.wait,
                environment={},
                ready=lambda _url: ready.set(),
                outside=Outside(settling_s=0.0, record=record, config_file=self.config),
            )
        )
        begun = asyncio.create_task(ready.wait())
        await asyncio.wait((running, begun), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        try:
            yield
        finally:
            stop.set()
            await running

    async def level_is_known(self) -> None:
        """Wait until the running agent knows the drawer's level: its first one comes after the start."""
        while (await self.types("drawer", "status")).code != 0:
            pass

    async def heard(self, is_so: Callable[[str, JsonObject], bool]) -> None:
        """Wait until the running agent tells this, in its snapshot or after it."""
        async with self._events() as events:
            await _is_told(events, is_so)

    @asynccontextmanager
    async def hears(self, is_so: Callable[[str, JsonObject], bool]) -> AsyncIterator[None]:
        """Wait at the end until the running agent has told this since the beginning of the block."""
        async with self._events() as events:
            await anext(events)  # the snapshot
            yield
            await _is_told(events, is_so)

    @asynccontextmanager
    async def _events(self) -> AsyncIterator[Events]:
        async with agent_at(load(self.config, {})) as agent:
            assert agent is not None
            async with aclosing(agent.events()) as events:
                yield events


async def _is_told(events: Events, is_so: Callable[[str, JsonObject], bool]) -> None:
    async for name, told in events:
        if is_so(name, told):
            return
    raise AssertionError("the agent was stopped")


def device_is(device: str, state: str) -> Callable[[str, JsonObject], bool]:
    """Say whether a device is told to be so."""

    def is_so(name: str, told: JsonObject) -> bool:
        devices = told["devices"] if name == "snapshot" else [told] if name == "device" else []
        assert isinstance(devices, list)
        return any((each["name"], each["state"]) == (device, state) for each in devices)

    return is_so


def connection_is(api: str) -> Callable[[str, JsonObject], bool]:
    """Say whether the connection to the API is told to be so."""

    def is_so(name: str, told: JsonObject) -> bool:
        connection = told["connection"] if name == "snapshot" else told
        return isinstance(connection, dict) and connection.get("api") == api

    return is_so


async def in_thread(work: Callable[[], int]) -> int:
    """Do it in a thread that nobody waits for: a command that never ends must fail its test, not hang all of them."""
    result: Future[int] = Future()

    def do() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by the test
            result.set_exception(error)

    Thread(target=do, daemon=True).start()
    return await asyncio.wrap_future(result)


def exit_code(words: list[str]) -> int:
    """Do what the command line says; argparse ends the program by itself."""
    try:
        return main(words)
    except SystemExit as end:
        return int(str(end.code))
