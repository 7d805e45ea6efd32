"""The till's part in its fleet, as the configuration says it: the broker, the box that commands act on, the fleet."""

import asyncio
import json
import logging
import random
import ssl
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from agent.checkout.offline import OfflineLimits
from agent.configured import offline_limits
from agent.fleet.admission import Allowed
from agent.fleet.command_desk import CheckFailed, Findings, Values
from agent.fleet.cursor import Cursor
from agent.fleet.topics import Topics
from agent.fleet.view import Standing
from agent.journal.journal import Journal
from agent.kiosk.stream import EventStream
from agent.outside import Outside
from agent.till.till import Till
from config.fleet import Fleet as FleetSettings
from config.fleet_changes import read_changes, with_changes, write_changes
from config.problems import Problem, WrongConfig
from config.secret_files import read_fleet_password
from config.settings import Settings, load

if TYPE_CHECKING:
    from agent.fleet.broker import Broker
    from agent.fleet.fleet import Fleet

CHECK_TIMEOUT_S = 60.0
"""`tillwire check` asks the API, whose connection and request time-outs together are a third of it by default."""
LOGGER = "tillwire"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTools:
    """What the fleet meets of the agent and the box. `restart` ends the agent, which its service manager starts."""

    till: Till
    journal: Journal
    stream: EventStream
    outside: Outside
    environment: Mapping[str, str]
    restart: Callable[[], None]


async def fleet_works(settings: Settings, tools: FleetTools) -> list[Coroutine[None, None, None]]:
    """Return the till's part in its fleet, if it has one. Raises WrongConfig."""
    if settings.fleet is None:
        return []
    check_installed()
    broker = await asyncio.to_thread(broker_of, settings.fleet, tools.environment)
    return [_fleet(settings, settings.fleet, tools, broker).run()]


def _fleet(settings: Settings, chosen: FleetSettings, tools: FleetTools, broker: "Broker") -> "Fleet":
    from agent.fleet.fleet import Fleet, Member  # noqa: PLC0415 - the library is there only where a fleet is

    till, stream, running = tools.till, tools.stream, version("tillwire")

    def standing() -> Standing:
        return Standing(
            version=running,
            busy=till.active is not None,
            recording=till.records,
            connection=till.connection,
            devices=tuple(stream.devices.values()),
            drawer=stream.drawer,
            open_checkouts=tuple(till.open_checkouts),
        )

    return Fleet(
        Member(
            broker=broker,
            topics=Topics(chosen.topic_prefix, chosen.till),
            allowed=Allowed(
                senders=frozenset(chosen.senders),
                commands=frozenset(chosen.commands),
                may_change=frozenset(chosen.may_change),
            ),
            till=till,
            journal=tools.journal,
            cursor=Cursor(settings.state.directory),
            box=TillBox(settings, tools),
            standing=standing,
            wall=tools.outside.wall,
            jitter=random.Random(tools.outside.seed).random,  # noqa: S311 - no secret: a pause
        )
    )


def check_installed() -> None:
    """Raise WrongConfig where the MQTT client is not installed."""
    if find_spec("aiomqtt") is None:
        raise WrongConfig([Problem("the configuration", "fleet", 'needs more: pip install "tillwire[fleet]"')])


def broker_of(chosen: FleetSettings, environment: Mapping[str, str]) -> "Broker":
    """Return the broker. Reads the certificates and the password. Raises WrongConfig."""
    from agent.fleet.broker import Broker, tls_context  # noqa: PLC0415 - as above

    try:
        tls = tls_context(chosen.ca_file, chosen.certificate_file, chosen.key_file) if chosen.tls else None
    except (OSError, ssl.SSLError) as error:
        problem = f"ca_file, certificate_file or key_file cannot be used: {error.strerror or error}"
        raise WrongConfig([Problem("the configuration", "fleet", problem)]) from None
    return Broker(
        host=chosen.host,
        port=chosen.port,
        client_id=chosen.till,
        tls=tls,
        username=chosen.username,
        password=read_fleet_password(chosen, environment),
    )


class TillBox:
    """The box under the till: what commands check, change and restart."""

    def __init__(self, settings: Settings, tools: FleetTools) -> None:
        self._settings = settings
        self._tools = tools
        self._checking = asyncio.Lock()

    async def check(self, values: Values) -> Findings:
        """Run the very command, in a process of its own: it asks this agent, as it does for a person. One at a time.

        Raises CheckFailed.
        """
        command = (sys.executable, "-m", "agent", "check", "--json", "--config", str(self._tools.outside.config_file))
        async with self._checking:
            environment = with_changes({**read_changes(self._settings), **values}, self._tools.environment)
            return await findings_of(command, environment)

    async def offline_limits(self, values: Values) -> OfflineLimits:
        """Return the limits with these values instead. Raises ValueError where they cannot be."""
        return await asyncio.to_thread(self._offline_limits, values)

    async def keep(self, values: Values) -> None:
        """Make these values last, over what was changed before. Raises OSError."""
        await asyncio.to_thread(self._keep, values)

    def set_log_level(self, level: str) -> None:
        logging.getLogger(LOGGER).setLevel(level.upper())

    def restart(self) -> None:
        self._tools.restart()

    def _offline_limits(self, values: Values) -> OfflineLimits:
        environment = self._tools.environment
        wanted = with_changes({**read_changes(self._settings), **values}, {})
        if set_here := sorted(wanted.keys() & environment.keys()):
            raise ValueError(f"{', '.join(set_here)} in this till's environment wins")
        try:
            return offline_limits(load(self._tools.outside.config_file, wanted | dict(environment)).offline)
        except WrongConfig as wrong:
            raise ValueError("; ".join(f"{each.key} {each.message}" for each in wrong.problems)) from None

    def _keep(self, values: Values) -> None:
        write_changes(self._settings.state.directory, {**read_changes(self._settings), **values})


class _Finding(BaseModel):
    model_config = ConfigDict(extra="ignore")

    about: str
    verdict: str
    text: str


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore")

    ready: bool
    findings: tuple[_Finding, ...]


async def findings_of(command: Sequence[str], environment: Mapping[str, str]) -> Findings:
    """Run `tillwire check --json`. Raises CheckFailed."""
    try:
        running = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise CheckFailed(f"tillwire check could not be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            said, _ = await running.communicate()
    except TimeoutError:
        raise CheckFailed("tillwire check did not end in time") from None
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    return _findings(said)


def _findings(said: bytes) -> Findings:
    try:
        told = _Said.model_validate(json.loads(said))
    except ValueError:
        raise CheckFailed("tillwire check gave no answer") from None
    wrong = tuple(f"{each.about}: {each.text}" for each in told.findings if each.verdict == "wrong")
    return Findings(ready=told.ready, wrong=wrong)
