"""`tillwire scan`: shows what the readers read, as it comes: from the running agent, or from the readers themselves.

What is read stays masked. `--reveal` is for an installer who compares a number with the card in his hand: on a terminal
only, so that it ends in no file, never what may be a bank card, and never from a running agent, which gives no whole
number away.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from datetime import datetime

from agent.card import CardNumber
from agent.chosen_devices import Tools, choose_scanners
from agent.commands.asking import Failed, answered
from agent.commands.common import GOOD, WRONG_USE, add_config, add_json, become_owner_of, complain, load_settings, say
from agent.commands.plain_text import money, printable
from agent.configured import till_settings
from agent.control import JsonObject, RunningAgent, agent_at
from agent.till.listener import ScanTold
from agent.till.scans import looks_like_a_stripe, meaning
from agent.till.settings import TillSettings
from config.settings import Settings
from device.interface import DeviceState, Report, Scan, TornScan
from device.plugging import watch_plugging
from device.symbology import name_of

News = tuple[str, JsonObject]
"""An event as the local interface tells it: its name and its data."""
MOST_NEWS = 64
"""A person reads it as it comes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Ctrl-C ends it."
    add_config(parser)
    add_json(parser)
    parser.add_argument("--reveal", action="store_true", help="whole numbers, on a terminal only; never a bank card's")


def run(arguments: argparse.Namespace) -> int:
    if arguments.reveal and not sys.stdout.isatty():
        complain("--reveal shows numbers on a terminal only, and this output goes elsewhere")
        return WRONG_USE
    settings = load_settings(arguments)
    become_owner_of(settings.state.directory)
    work = _show(settings, reveal=arguments.reveal, in_json=arguments.json)
    return answered(work, interrupted=GOOD)


async def _show(settings: Settings, *, reveal: bool, in_json: bool) -> int:
    async with _news_of(settings, reveal=reveal) as news:
        async for name, told in news:
            at = datetime.now().astimezone()
            say(json.dumps({name: told}) if in_json else f"{at:%H:%M:%S}  {_words(name, told)}")
    return GOOD


@asynccontextmanager
async def _news_of(settings: Settings, *, reveal: bool) -> AsyncIterator[AsyncGenerator[News, None]]:
    """Raises Failed and ControlError."""
    async with agent_at(settings) as agent:
        if agent is not None:
            if reveal:
                raise Failed("the agent runs and gives no whole number away: stop it, or leave out --reveal")
            async with aclosing(_from_agent(agent)) as news:
                yield news
            return
    if not settings.scanner:
        raise Failed("no reader is configured: see `tillwire devices` and `tillwire learn scanner`")
    async with _readers_alone(settings, revealed if reveal else masked) as news:
        yield news


async def _from_agent(agent: RunningAgent) -> AsyncGenerator[News, None]:
    async with aclosing(agent.events()) as events:
        async for name, told in events:
            if name == "snapshot":
                devices = told.get("devices")
                for device in devices if isinstance(devices, list) else ():
                    if device.get("kind") == "scanner":
                        yield "device", device
            elif name in {"scan", "card_checked", "card_refused"} or told.get("kind") == "scanner":
                yield name, told
    raise Failed("the agent was stopped")


Shown = Callable[[Scan, TillSettings], News]


@asynccontextmanager
async def _readers_alone(settings: Settings, shown: Shown) -> AsyncIterator[AsyncGenerator[News, None]]:
    """Run the readers while no agent does."""
    reports: asyncio.Queue[Report] = asyncio.Queue(MOST_NEWS)
    rules = till_settings(settings, settling_s=0.0)

    def take(report: Report) -> None:
        if reports.full():
            reports.get_nowait()
        reports.put_nowait(report)

    with watch_plugging() as plugging:
        scanners = choose_scanners(settings, Tools(plugging=plugging))
        running = [asyncio.create_task(scanner.run(take)) for scanner in scanners]
        try:
            async with aclosing(_from_reports(reports, rules, shown)) as news:
                yield news
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)


async def _from_reports(
    reports: asyncio.Queue[Report], rules: TillSettings, shown: Shown
) -> AsyncGenerator[News, None]:
    while True:
        match await reports.get():
            case Scan() as scan:
                yield shown(scan, rules)
            case TornScan() as torn:
                yield "scan", {"scanner": torn.scanner, "refused": "torn", "reason": torn.reason}
            case DeviceState() as state:
                reason = {"reason": state.reason} if state.reason else {}
                yield "device", {"name": state.name, "kind": state.kind, "state": state.state, **reason}
            case _:
                pass  # the drawer is not asked here


def masked(scan: Scan, rules: TillSettings) -> News:
    """Say of a scan what the agent would tell."""
    read = meaning(scan, rules.cards, forwards=scan.scanner in rules.forwarding)
    if read is None:
        return "card_refused", {"scanner": scan.scanner, "reason": "payment_card"}
    told = ScanTold(scanner=scan.scanner, card=str(read)) if isinstance(read, CardNumber) else read
    return "scan", {key: value for key, value in asdict(told).items() if value is not None}


def revealed(scan: Scan, rules: TillSettings) -> News:
    """Say what was really read, unless it may be a bank card."""
    name, told = masked(scan, rules)
    read = meaning(scan, rules.cards, forwards=True)
    if isinstance(read, CardNumber):
        return name, {**told, "card": read.value}
    if read is None or looks_like_a_stripe(scan.text):
        return name, told
    return name, {**told, "code": scan.text}


def _words(name: str, told: JsonObject) -> str:
    return printable(f"{told.get('scanner') or told.get('name')}: {_what(name, told)}")


def _what(name: str, told: JsonObject) -> str:
    match name, told:
        case "device", _:
            return f"{told['state']}: {told['reason']}" if told.get("reason") else str(told["state"])
        case "card_refused", {"reason": reason}:
            return f"card refused: {_plain_name(reason)}"
        case "card_checked", {"card": {"number": number, "balance": balance}}:
            return f"card {number}, balance {'not known' if balance is None else money(balance, 'EUR')}"
        case _, {"refused": refused, "reason": reason}:
            return f"refused: {refused} ({reason})"
        case _, {"refused": refused}:
            return " ".join(["refused:", _plain_name(refused), *_read(told)])
        case _:
            return " ".join(_read(told))


def _read(told: JsonObject) -> Iterator[str]:
    """Yield what was read, as far as it may be shown."""
    for key in ("card", "code"):
        if key in told:
            yield f"{key} {told[key]}"
    if "symbology" in told:
        kind = name_of(str(told["symbology"]))
        yield f"({kind or told['symbology']})"


def _plain_name(word: object) -> str:
    return str(word).replace("_", " ")
