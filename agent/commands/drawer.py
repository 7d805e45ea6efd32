"""`tillwire drawer`: opens the drawer for a person, and shows what it does."""

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime

from pydantic import TypeAdapter

from agent.chosen_devices import drawer_profile
from agent.commands.asking import Failed, add_by, answered, checked
from agent.commands.common import GOOD, NO, add_config, add_json, become_owner_of, load_settings, say
from agent.commands.drawer_alone import drawer_alone
from agent.commands.drawer_news import AgentDrawer, DrawerNow, News, WatchedDrawer
from agent.commands.plain_text import plain
from agent.control import agent_at
from agent.kiosk.event_answers import DeviceAnswer, DrawerAnswer
from agent.kiosk.requests import Reason
from config.settings import Settings

MARGIN_S = 2.0
"""Beyond the drawer's own time: the pulse may wait for its turn behind a receipt."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="open|status|watch")
    opening = actions.add_parser("open", help="open it without a sale; written into the journal with name and reason")
    opening.add_argument("--reason", required=True, type=checked(TypeAdapter(Reason)), metavar="TEXT", help="why")
    add_by(opening)
    status = actions.add_parser("status", help="is it open? exit code 1 where that cannot be told")
    add_json(status)
    watch = actions.add_parser("watch", help="show what it does until Ctrl-C")
    add_json(watch)
    for action in (opening, status, watch):
        add_config(action)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    become_owner_of(settings.state.directory)
    return answered(_run(settings, arguments), interrupted=GOOD if arguments.action == "watch" else NO)


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    async with _drawer_of(settings) as drawer, aclosing(drawer.news()) as news:
        match arguments.action:
            case "open":
                patience_s = settings.drawer.open_timeout_s + MARGIN_S
                await _open(drawer, news, patience_s, reason=arguments.reason, by=arguments.by)
                return GOOD
            case "status":
                return await _status(news, in_json=arguments.json)
            case _:
                return await _watch(news, in_json=arguments.json)


@asynccontextmanager
async def _drawer_of(settings: Settings) -> AsyncIterator[WatchedDrawer]:
    async with agent_at(settings) as agent:
        if agent is not None:
            profile = drawer_profile(settings)
            yield AgentDrawer(agent, can_tell=profile is not None and profile.capabilities.status)
            return
    async with drawer_alone(settings) as drawer:
        yield drawer


async def _open(
    drawer: WatchedDrawer, news: AsyncGenerator[News, None], patience_s: float, *, reason: str, by: str
) -> None:
    """Raise Failed when it was asked and did not open."""
    before = await anext(news)
    await drawer.open(reason, by)
    say("The drawer was asked to open.")
    if not isinstance(before, DrawerNow) or before.level == "unknown":
        say("Whether it opened cannot be told: it tells no level.")
    elif before.level == "open":
        say("It stood open already.")
    else:
        await _until_opened(news, patience_s)
        say("It opened.")


async def _until_opened(news: AsyncGenerator[News, None], patience_s: float) -> None:
    try:
        async with asyncio.timeout(patience_s):
            await _opened(news)
    except TimeoutError:
        raise Failed("whether the drawer opened cannot be told: nothing more was heard of it") from None


async def _opened(news: AsyncGenerator[News, None]) -> None:
    async for each in news:
        if isinstance(each, DrawerAnswer) and each.event == "did_not_open":
            raise Failed("the drawer did not open: is it locked, or its cable off?")
        if isinstance(each, DrawerAnswer) and each.event == "opened":
            return
        if isinstance(each, DeviceAnswer) and each.state != "present":
            raise Failed(f"whether the drawer opened cannot be told: {each.reason}")
    raise Failed("whether the drawer opened cannot be told: its agent was stopped")


async def _status(news: AsyncGenerator[News, None], *, in_json: bool) -> int:
    now = await anext(news)
    if in_json:
        say(_as_json(now))
    else:
        say(_words(now))
    return GOOD if isinstance(now, DrawerNow) and now.level != "unknown" else NO


async def _watch(news: AsyncGenerator[News, None], *, in_json: bool) -> int:
    async for each in news:
        at = datetime.now().astimezone()
        say(_as_json(each) if in_json else f"{at:%H:%M:%S}  {_words(each)}")
    return GOOD


def _words(news: News) -> str:
    match news:
        case DrawerNow(level="unknown", device=device):
            return f"unknown: {device.reason if device and device.reason else 'it tells no level'}"
        case DrawerNow():
            return news.level
        case DeviceAnswer(state="fault"):
            return f"out of order: {news.reason}"
        case DeviceAnswer():
            return f"the port is {news.state}{f': {news.reason}' if news.reason else ''}"
        case DrawerAnswer():
            return plain(_did(news))


def _did(news: DrawerAnswer) -> str:
    after = f" after {news.open_s:.1f} s" if news.open_s is not None else ""
    by = "" if news.by is None else " unasked" if news.by == "unasked" else f" by the {news.by}"
    reason = f", reason: {news.reason}" if news.reason else ""
    asked_by = f", by {news.asked_by}" if news.asked_by else ""
    return f"{news.event.replace('_', ' ')}{by}{after}{reason}{asked_by}"


def _as_json(news: News) -> str:
    match news:
        case DrawerNow(level=level, device=device):
            return json.dumps({"level": level, "device": device and device.model_dump(mode="json")})
        case DrawerAnswer():
            return json.dumps({"drawer": news.model_dump(mode="json", exclude_none=True)})
        case DeviceAnswer():
            return json.dumps({"device": news.model_dump(mode="json", exclude_none=True)})
