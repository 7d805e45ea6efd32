"""The agent where the journal is damaged: it stays up and says so, and does no business on what it cannot trust.

No till, no reader, no drawer, no login: nothing is read from the journal and nothing is written to it. Whoever looks,
at the screen, `/health`, `tillwire check` or the service's status, is told what is wrong and what to do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path

from agent.card import CardRules
from agent.journal.errors import Damaged
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.server import KioskSettings
from agent.kiosk.server import serve as serve_kiosk
from agent.kiosk.stream import EventStream
from agent.kiosk.tokens import load_tokens
from agent.metrics.metrics import Metrics

logger = logging.getLogger("tillwire.service")

NO_JOURNAL = "-"
"""No event comes of a damaged journal, so none needs a name that could be resumed from."""


def reason_of(damaged: Damaged, directory: Path) -> str:
    return (
        f"the journal in {directory} is damaged ({damaged}), so nothing is sold: take out what can be read with "
        "`tillwire checkouts export`, move journal.sqlite away, and start the agent again"
    )


async def serve_out_of_order(
    reason: str,
    directory: Path,
    cards: CardRules,
    kiosk_settings: KioskSettings,
    stop: Callable[[], Awaitable[object]],
    *,
    ready: Callable[[str | None], None],
    beside: Iterable[Coroutine[None, None, None]],
) -> None:
    """Run without a till until `stop()` is there. Raises CannotListen."""
    logger.critical("%s", reason)
    tokens = await asyncio.to_thread(load_tokens, directory / "tokens")
    clock = asyncio.get_running_loop().time
    kiosk = Kiosk(
        till=None,
        stream=EventStream(NO_JOURNAL, 0),
        cards=cards,
        tokens=tokens,
        why_not_ready=lambda: (reason,),
        clock=clock,
        metrics=Metrics(clock),
    )
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(work) for work in beside]
        async with serve_kiosk(kiosk, kiosk_settings):
            ready(kiosk.page_url)
            await stop()
        for task in working:
            task.cancel()
