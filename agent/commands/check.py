"""`tillwire check`: is this box ready? One line a finding, with what to do."""

import argparse
import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agent.chosen_fleet import broker_of, check_installed
from agent.commands.asking import Busy, Failed, answered, own_journal
from agent.commands.check_api import check_login, check_reachable, merchant_finding
from agent.commands.check_box import check_configuration, check_secrecy, check_secret_files, check_state
from agent.commands.check_devices import as_told, check_choice, check_ports, device_findings, look
from agent.commands.check_drawer import EVENTS_LOOKED_AT, OpeningTrouble, opening_trouble
from agent.commands.check_service import (
    address_findings,
    second_agent_findings,
    state_findings,
    tls_findings,
    unit_findings,
)
from agent.commands.common import GOOD, NO, add_config, add_json, become_owner_of, say
from agent.commands.findings import Finding, finding_lines, is_ready, note, ok, wrong
from agent.commands.lanes import as_typed_for, handed_over
from agent.configured import login_of
from agent.control import ControlError, RunningAgent, SaidNo, agent_at, in_shape
from agent.journal.errors import JournalError
from agent.kiosk.checkout_answers import HappenedAnswer, HistoryAnswer
from agent.kiosk.event_answers import ConnectionAnswer, SnapshotAnswer
from agent.kiosk.kiosk import CLOCK_BEHIND
from agent.kiosk.till_answers import HealthAnswer
from agent.kiosk.view import happened_answer
from agent.smart.login import Login
from agent.till.day_records import newest_events
from config.fleet_changes import load_in_effect
from config.problems import WrongConfig
from config.settings import Settings

TRIES, PAUSE_S = 25, 0.2
"""An agent that has just begun asks the API who it is; five seconds are more than that takes where it is there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "A running agent is asked for its devices, its journal and its login; they are not tried then."
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    try:
        settings = load_in_effect(arguments.config, os.environ)
    except WrongConfig as problems:
        return _answer(_problems("configuration", problems), arguments)
    return answered(_check(settings, arguments))


async def _check(settings: Settings, arguments: argparse.Namespace) -> int:
    login, secrets = _secrets(settings)
    fleet = _fleet(settings)
    files_of_systemd = handed_over(arguments.config)
    configured_at = datetime.fromtimestamp(arguments.config.stat().st_mtime, UTC)
    become_owner_of(settings.state.directory)
    findings = [check_configuration(arguments.config)]
    findings += secrets or check_secret_files(settings, files_of_systemd)
    findings += check_secrecy(arguments.config, settings, files_of_systemd)
    findings += [*check_state(settings), *state_findings(arguments.config, settings)]
    findings += second_agent_findings(arguments.config, settings)
    findings += [*check_choice(settings), *check_ports(settings), *tls_findings(settings), *fleet]
    reached = await check_reachable(settings)
    tried = Tried(settings, arguments.config, configured_at, login if is_ready(reached[:1]) else None)
    findings += [*reached, *await _check_agent(tried)]
    return _answer(findings, arguments)


def _answer(found: Sequence[Finding], arguments: argparse.Namespace) -> int:
    findings = [replace(finding, text=as_typed_for(arguments.config, finding.text)) for finding in found]
    ready = is_ready(findings)
    if arguments.json:
        say(json.dumps({"ready": ready, "findings": [asdict(finding) for finding in findings]}))
    else:
        say("\n".join(finding_lines(findings)))
    return GOOD if ready else NO


def _secrets(settings: Settings) -> tuple[Login | None, list[Finding]]:
    """Read the secrets with the rights of whoever checks: root may read what the agent's user may not."""
    api = settings.api
    if api.client_secret is None and api.client_secret_file is None and "CREDENTIALS_DIRECTORY" not in os.environ:
        handed_over = 'none is configured: the agent needs a systemd credential "client_secret", which only it can read'
        return None, [note("secrets", handed_over)]
    try:
        return login_of(settings, os.environ), []
    except WrongConfig as problems:
        return None, _problems("secrets", problems)


def _fleet(settings: Settings) -> list[Finding]:
    """Read what the till shows to its broker, as the secrets above. Whether it takes that, the fleet sees."""
    if settings.fleet is None:
        return []
    try:
        check_installed()
        broker_of(settings.fleet, os.environ)
    except WrongConfig as problems:
        return _problems("fleet", problems)
    return [ok("fleet", f"{settings.fleet.till} at {settings.fleet.host}:{settings.fleet.port}")]


def _problems(about: str, problems: WrongConfig) -> list[Finding]:
    return [wrong(about, str(problem)) for problem in problems.problems]


@dataclass(frozen=True, slots=True)
class Tried:
    """What the agent, or its place, is tried with. Without `login` none is tried.

    What happened before `configured_at` tells of another configuration.
    """

    settings: Settings
    config: Path
    configured_at: datetime
    login: Login | None


async def _check_agent(tried: Tried) -> list[Finding]:
    """Ask the agent where one runs; else try what it would do."""
    try:
        async with agent_at(tried.settings) as agent:
            if agent is not None:
                return [*unit_findings(tried.config, runs=True), *await _as_the_agent_says(tried, agent)]
    except ControlError as error:
        return [wrong("agent", str(error))]
    stopped = note("agent", "does not run: start it with `tillwire run`, or as a service")
    beside = [stopped, *unit_findings(tried.config, runs=False), *address_findings(tried.settings)]
    return [*beside, *await _as_it_would_be(tried)]


async def _as_the_agent_says(tried: Tried, agent: RunningAgent) -> list[Finding]:
    health = in_shape(HealthAnswer, await agent.get("/health"))
    try:
        snapshot = await _snapshot(agent)
    except SaidNo:  # it is out of order: its reasons say why
        return [_readiness(health)]
    newest = in_shape(HistoryAnswer, await agent.get("/v1/history", limit=EVENTS_LOOKED_AT)).events
    return [
        _readiness(health),
        *device_findings(tried.settings, as_told(snapshot), _opening(tried, newest)),
        *_login_of_agent(tried.settings, snapshot.connection),
        *(wrong("agent", warning) for warning in health.warnings or ()),
    ]


async def _snapshot(agent: RunningAgent) -> SnapshotAnswer:
    """Return how all is, once the API has answered the agent: until then it takes for granted that it is there."""
    for _ in range(TRIES):
        snapshot = in_shape(SnapshotAnswer, await agent.snapshot())
        if snapshot.connection.api != "online" or snapshot.connection.merchant is not None:
            break
        await asyncio.sleep(PAUSE_S)
    return snapshot


def _opening(tried: Tried, newest: Sequence[HappenedAnswer]) -> OpeningTrouble | None:
    return opening_trouble(newest, tried.configured_at, tried.settings.drawer.open_timeout_s)


def _clock(newest: datetime | None) -> Iterator[Finding]:
    """Compare the clock with what it said before: a box without a battery begins somewhere in the past."""
    if newest is not None and datetime.now(UTC) < newest:
        yield wrong("clock", CLOCK_BEHIND)


def _readiness(health: HealthAnswer) -> Finding:
    if health.ready:
        return ok("agent", "runs and is ready")
    return wrong("agent", f"runs and is not ready: {'; '.join(health.reasons or ())}")


def _login_of_agent(settings: Settings, connection: ConnectionAnswer) -> Iterator[Finding]:
    match connection.api:
        case "online":
            yield ok("login", "the agent is logged in")
        case "offline":
            yield wrong("login", "the agent does not reach the API: see above, and its log")
        case "not_authorised":
            yield wrong("login", "the API does not accept this till: stop the agent and run `tillwire pair`")
    if connection.merchant is not None:
        yield merchant_finding(settings, connection.merchant.id, connection.merchant.name)


async def _as_it_would_be(tried: Tried) -> list[Finding]:
    """Do what the agent does when it starts. The journal is held meanwhile: ports and token have one owner."""
    async with AsyncExitStack() as held:
        journal: list[Finding] = []
        opening: OpeningTrouble | None = None
        try:
            opened = await held.enter_async_context(own_journal(tried.settings))
            newest = await opened.newest_entry()
            opening = _opening(tried, [happened_answer(each) for each in await newest_events(opened, EVENTS_LOOKED_AT)])
        except Busy as busy:
            return [wrong("journal", str(busy))]
        except Failed:
            pass  # the directory: said above
        except JournalError as error:
            journal = [wrong("journal", str(error))]
        else:
            journal = [ok("journal", "can be read and written"), *_clock(newest)]
        login = await check_login(tried.settings, tried.login) if tried.login else []
        return [*journal, *await _devices(tried.settings, opening), *login]


async def _devices(settings: Settings, opening: OpeningTrouble | None) -> list[Finding]:
    try:
        return list(device_findings(settings, await look(settings), opening))
    except WrongConfig:  # said above
        return []
