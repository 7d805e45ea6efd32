"""`tillwire check`: is this box ready? One line a finding, with what to do."""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime

from agent.chosen_fleet import broker_of, check_installed
from agent.commands.asking import Busy, Failed, answered, own_journal
from agent.commands.check_api import check_login, check_reachable
from agent.commands.check_box import check_secret_files, check_state
from agent.commands.check_devices import as_told, check_choice, device_findings, look
from agent.commands.common import GOOD, NO, add_config, add_json, become_owner_of, say
from agent.commands.findings import Finding, finding_lines, is_ready, note, ok, wrong
from agent.commands.lanes import handed_over
from agent.configured import login_of
from agent.control import ControlError, RunningAgent, SaidNo, agent_at, in_shape
from agent.journal.errors import JournalError
from agent.kiosk.event_answers import ConnectionAnswer, SnapshotAnswer
from agent.kiosk.kiosk import CLOCK_BEHIND
from agent.kiosk.till_answers import HealthAnswer
from agent.smart.login import Login
from config.fleet_changes import load_in_effect
from config.problems import WrongConfig
from config.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "A running agent is asked for its devices, its journal and its login; they are not tried then."
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    try:
        settings = load_in_effect(arguments.config, os.environ)
    except WrongConfig as problems:
        return _answer(_problems("configuration", problems), in_json=arguments.json)
    return answered(_check(settings, arguments))


async def _check(settings: Settings, arguments: argparse.Namespace) -> int:
    login, secrets = _secrets(settings)
    fleet = _fleet(settings)
    files_of_systemd = handed_over(arguments.config)
    become_owner_of(settings.state.directory)
    findings = [ok("configuration", str(arguments.config))]
    findings += secrets or check_secret_files(settings, files_of_systemd)
    findings += [*check_state(settings), *check_choice(settings), *fleet]
    reached = await check_reachable(settings)
    findings += [*reached, *await _check_agent(settings, login if is_ready(reached[:1]) else None)]
    return _answer(findings, in_json=arguments.json)


def _answer(findings: Sequence[Finding], *, in_json: bool) -> int:
    ready = is_ready(findings)
    if in_json:
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


async def _check_agent(settings: Settings, login: Login | None) -> list[Finding]:
    """Ask the agent where one runs; else try what it would do. Without `login` none is tried."""
    try:
        async with agent_at(settings) as agent:
            if agent is not None:
                return await _as_the_agent_says(settings, agent)
    except ControlError as error:
        return [wrong("agent", str(error))]
    stopped = note("agent", "does not run: start it with `tillwire run`, or as a service")
    return [stopped, *await _as_it_would_be(settings, login)]


async def _as_the_agent_says(settings: Settings, agent: RunningAgent) -> list[Finding]:
    health = in_shape(HealthAnswer, await agent.get("/health"))
    try:
        snapshot = in_shape(SnapshotAnswer, await agent.snapshot())
    except SaidNo:  # it is out of order: its reasons say why
        return [_readiness(health)]
    return [
        _readiness(health),
        *device_findings(settings, as_told(snapshot)),
        _login_of_agent(snapshot.connection),
        *(wrong("agent", warning) for warning in health.warnings or ()),
    ]


def _clock(newest: datetime | None) -> Iterator[Finding]:
    """Compare the clock with what it said before: a box without a battery begins somewhere in the past."""
    if newest is not None and datetime.now(UTC) < newest:
        yield wrong("clock", CLOCK_BEHIND)


def _readiness(health: HealthAnswer) -> Finding:
    if health.ready:
        return ok("agent", "runs and is ready")
    return wrong("agent", f"runs and is not ready: {'; '.join(health.reasons or ())}")


def _login_of_agent(connection: ConnectionAnswer) -> Finding:
    match connection.api:
        case "online":
            return ok("login", "the agent is logged in")
        case "offline":
            return wrong("login", "the agent does not reach the API: see above, and its log")
        case "not_authorised":
            return wrong("login", "the API does not accept this till: stop the agent and run `tillwire pair`")


async def _as_it_would_be(settings: Settings, login: Login | None) -> list[Finding]:
    """Do what the agent does when it starts. The journal is held meanwhile: ports and token have one owner."""
    async with AsyncExitStack() as held:
        journal: list[Finding] = []
        try:
            opened = await held.enter_async_context(own_journal(settings))
            newest = await opened.newest_entry()
        except Busy as busy:
            return [wrong("journal", str(busy))]
        except Failed:
            pass  # the directory: said above
        except JournalError as error:
            journal = [wrong("journal", str(error))]
        else:
            journal = [ok("journal", "can be read and written"), *_clock(newest)]
        return [*journal, *await _devices(settings), *(await check_login(settings, login) if login else [])]


async def _devices(settings: Settings) -> list[Finding]:
    try:
        return list(device_findings(settings, await look(settings)))
    except WrongConfig:  # said above
        return []
