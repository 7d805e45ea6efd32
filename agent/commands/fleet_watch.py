"""`tillwire fleet watch`: all tills in one table, live in a terminal, or as they are known now."""

import asyncio
import shutil
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Never

from agent.commands.asking import Failed
from agent.commands.common import say
from agent.commands.table import fitting, table
from agent.fleet.broker import MOST_FOLLOWED, Broker, Unusable, connected
from agent.fleet.sight import HEADER, Sight, rows, summary
from agent.side_by_side import side_by_side

DRAW_PAUSE_S = 0.5
"""A person reads no faster, and a thousand tills that come back at once are one picture."""
DRAW_AGAIN_S = 5.0
"""A still picture: ages go on, and the terminal may have another size."""
QUIET_S = 1.0
"""What is retained comes at once after a subscription; so long nothing means that this was all."""
AGAIN_S = 3.0
"""A broker that went away is tried again after this."""
HOME, TO_LINE_END, TO_SCREEN_END = "\x1b[H", "\x1b[K", "\x1b[J"


async def watch(broker: Broker, prefix: str) -> None:
    """Draw until interrupted; while the broker is away, what was known last."""
    sight, news = Sight(prefix), asyncio.Event()
    await side_by_side(_follow_for_ever(broker, sight, news), _draw(sight, news))


async def known_now(broker: Broker, prefix: str) -> None:
    """Print what is retained. Raises Failed."""
    sight, news = Sight(prefix), asyncio.Event()
    try:
        await side_by_side(_follow(broker, sight, news), _quiet(news))
    except Unusable as error:
        raise Failed(str(error)) from None
    say("\n".join(_picture(sight)))


async def _follow_for_ever(broker: Broker, sight: Sight, news: asyncio.Event) -> Never:
    while True:
        try:
            await _follow(broker, sight, news)
        except Unusable as error:
            sight.trouble = f"{error}; tried again every {AGAIN_S:g} s"
            news.set()
        await asyncio.sleep(AGAIN_S)


async def _follow(broker: Broker, sight: Sight, news: asyncio.Event) -> None:
    """Hear the tills until the connection is lost. Raises Unusable."""
    async with connected(broker, most_waiting=MOST_FOLLOWED) as session:
        for kind in ("presence", "state"):
            await session.subscribe(f"{sight.prefix}/+/{kind}")
        sight.trouble = None
        news.set()
        async for message in session.messages():
            if isinstance(message.payload, bytes) and sight.hear(message.topic.value, message.payload):
                news.set()


async def _quiet(news: asyncio.Event) -> None:
    """Return when nothing came for a while after the first."""
    await news.wait()
    with suppress(TimeoutError):
        while True:
            news.clear()
            async with asyncio.timeout(QUIET_S):
                await news.wait()


async def _draw(sight: Sight, news: asyncio.Event) -> Never:
    while True:
        news.clear()
        say("\n".join(_on_screen(_picture(sight)) if sys.stdout.isatty() else _picture(sight)))
        await asyncio.sleep(DRAW_PAUSE_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAW_AGAIN_S):
                await news.wait()


def _on_screen(lines: list[str]) -> list[str]:
    """Draw over what stood there: a screen that is cleared first would flicker."""
    size = shutil.get_terminal_size()
    first, *others = (line + TO_LINE_END for line in fitting(lines, size.columns, size.lines - 1))
    return [HOME + first, *others[:-1], *(line + TO_SCREEN_END for line in others[-1:])]


def _picture(sight: Sight) -> list[str]:
    trouble = [sight.trouble] if sight.trouble else []
    if not sight.tills:
        return [*trouble, "No till was heard of."]
    known = [HEADER, *rows(sight.tills, datetime.now(UTC))]
    return [*trouble, summary(sight.tills), "", *table(known, right=(5, 6, 7))]
