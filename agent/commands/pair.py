"""`tillwire pair`: makes this box the device of a merchant (smart-api.md 2.1, the device grant).

A code and an address are shown, a person who may do so enters the code there, and the credentials are stored for the
agent. The pairing has one owner: while an agent runs there is none to be had.
"""

import argparse
import asyncio
import json
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from agent.commands.asking import Failed, answered, check_directory, journal_file
from agent.commands.common import (
    GOOD,
    NO,
    WRONG_USE,
    add_config,
    add_json,
    become_owner_of,
    complain,
    complain_of,
    load_settings,
    say,
)
from agent.commands.drawings import drawn, qr_code
from agent.commands.large_letters import large
from agent.commands.plain_text import printable
from agent.configured import login_of, trust_of
from agent.journal.errors import InUse
from agent.journal.opening import lock
from agent.smart.client import connect
from agent.smart.credentials import CredentialStore
from agent.smart.errors import NotAuthorised, SmartError
from agent.smart.login import DeviceLogin, poll_device_token, request_device_code
from agent.smart.models import DeviceCodeAnswer, Merchant
from agent.smart.transport import Timeouts, Transport, open_transport
from config.problems import WrongConfig
from config.settings import Settings

STATE_DIRECTORIES = Path("/var/lib/tillwire")
STATE_DIRECTORY_MODE = 0o711  # as the units say
Sleep = Callable[[float], Awaitable[None]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Stop the agent first. Ctrl-C gives up and leaves everything as it was."
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    try:
        login = login_of(settings, os.environ)
    except WrongConfig as wrong:
        return complain_of(wrong)
    if not isinstance(login, DeviceLogin):
        complain(f'[api] login = "{settings.api.login}" needs no pairing; login = "device" does')
        return WRONG_USE
    try:
        make_state_directory(settings.state.directory, STATE_DIRECTORIES)
    except OSError as error:
        complain(f"{settings.state.directory} cannot be made: {error.strerror}; do this as root")
        return NO
    become_owner_of(settings.state.directory)
    return answered(pair(settings, login, in_json=arguments.json))


async def pair(settings: Settings, login: DeviceLogin, *, in_json: bool, sleep: Sleep = asyncio.sleep) -> int:
    """Pair this box. Raises Failed, SmartError, JournalError and WrongConfig."""
    with ExitStack() as held:
        _be_the_only_one(settings, held)
        trust = await asyncio.to_thread(trust_of, settings)
        async with open_transport(settings.api.base_url, _timeouts(settings), trust=trust) as transport:
            code = await _ask_for_code(transport, login)
            say(_code_as_json(code) if in_json else "\n".join(_code_lines(code)))
            await _wait(settings, transport, login, code, sleep)
        merchant = await _merchant(settings, login, trust)
    if in_json:
        say(json.dumps({"paired": True, "merchant": merchant and {"id": merchant.id, "name": merchant.companyname}}))
    else:
        say(f"Paired{f' with {_name(merchant)}' if merchant else ''}. Start the agent now.")
    return GOOD


def make_state_directory(directory: Path, parent: Path) -> None:
    """Make a lane's directory as systemd does with StateDirectory= when its agent starts: that is after the pairing.

    Only right below `parent`, and as its owner: root changes nothing where the agent can write. Raises OSError.
    """
    if directory.parent != parent or directory.exists() or not parent.is_dir():
        return
    become_owner_of(parent)
    directory.mkdir()
    directory.chmod(STATE_DIRECTORY_MODE)  # whatever the umask is


def _be_the_only_one(settings: Settings, held: ExitStack) -> None:
    directory = settings.state.directory
    check_directory(directory)
    try:
        lock(journal_file(settings), held)
    except InUse:
        raise Failed(
            f"an agent, or another tillwire command, has {directory} open: stop it, pair, and start it again"
        ) from None


def _timeouts(settings: Settings) -> Timeouts:
    return Timeouts(connect_s=settings.api.connect_timeout_s, request_s=settings.api.request_timeout_s)


async def _ask_for_code(transport: Transport, login: DeviceLogin) -> DeviceCodeAnswer:
    try:
        return await request_device_code(transport, login)
    except NotAuthorised as refusal:
        raise Failed(f"{refusal}: agree client_id, client_secret and device_uuid with the help desk") from None


async def _wait(
    settings: Settings, transport: Transport, login: DeviceLogin, code: DeviceCodeAnswer, sleep: Sleep
) -> None:
    """Return when the code was entered and the pairing is stored."""
    store, clock = CredentialStore(settings.state.directory), asyncio.get_running_loop().time
    try:
        await poll_device_token(transport, login, code, store, clock=clock, sleep=sleep)
    except asyncio.CancelledError:
        complain("given up: nothing was stored")
        raise
    except OSError as error:
        raise Failed(f"the pairing cannot be stored in {settings.state.directory}: {error.strerror}") from None


async def _merchant(settings: Settings, login: DeviceLogin, trust: ssl.SSLContext | None) -> Merchant | None:
    """Log in as the agent will, and ask whose device this is now; None where that could not be told."""
    api, store = settings.api, CredentialStore(settings.state.directory)
    async with connect(api.base_url, login, store, timeouts=_timeouts(settings), trust=trust) as smart:
        try:
            return await smart.merchant()
        except SmartError as error:
            complain(f"the pairing is stored, but could not be tried: {error}; see `tillwire check`")
            return None


def _name(merchant: Merchant) -> str:
    return printable(f"{merchant.companyname or 'merchant'} ({merchant.id})")


# What is shown


def _code_as_json(code: DeviceCodeAnswer) -> str:
    shown = {"user_code": code.user_code, "verification_url": code.verification_url, "expires_in": code.expires_in}
    return json.dumps(shown)


def _code_lines(code: DeviceCodeAnswer) -> Iterator[str]:
    address, user_code = printable(code.verification_url), printable(code.user_code)
    yield f"1. Open this address:  {address}"
    yield from drawn(qr_code(code.verification_url))
    yield f"2. Enter this code:    {user_code}"
    yield from drawn(large(code.user_code))
    yield f"Waiting; the code is good for {code.expires_in // 60} minutes. Ctrl-C gives up."
