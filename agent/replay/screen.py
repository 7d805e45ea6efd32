"""Screens, registers and operators of a recorded day: they ask what they asked, each at its time."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp

from agent.recording.records import Asked
from agent.replay.devices import PAYMENT_CARD
from agent.replay.differences import Differences

_HIDDEN_NUMBER: Final = re.compile(r"\*{12,}")
"""What stands for a number of which no digit was kept."""


class ReplayedScreen:
    """Makes the calls of the local interface over the control socket, with the token of the role that made them.

    A call waits for those that had been answered when it was made, so that what came of them is there.
    """

    def __init__(self, asked: Sequence[Asked], began: float, differences: Differences) -> None:
        self._asked = sorted(asked, key=lambda each: each.at)
        self._began = began
        self._differences = differences

    async def run(self, socket: Path, url: str, tokens: Path) -> None:
        """Make every call. What an operator did without a name, a program did on the control socket."""
        async with (
            aiohttp.ClientSession(url) as screen,
            aiohttp.ClientSession("http://tillwire", connector=aiohttp.UnixConnector(str(socket))) as operator,
            asyncio.TaskGroup() as calls,
        ):
            token = (tokens / "screen").read_text(encoding="ascii").strip()
            screen.headers["Authorization"] = f"Bearer {token}"
            begun: list[tuple[float, asyncio.Task[None]]] = []
            for each in self._asked:
                await asyncio.sleep(max(0.0, self._began + each.at - asyncio.get_running_loop().time()))
                await asyncio.gather(*(task for ended, task in begun if ended <= each.at))
                begun = [(ended, task) for ended, task in begun if not task.done()]
                task = calls.create_task(self._ask(screen if each.role == "screen" else operator, each))
                begun.append((each.at + each.took_s, task))

    async def _ask(self, session: aiohttp.ClientSession, asked: Asked) -> None:
        headers = {"Idempotency-Key": asked.key} if asked.key else {}
        body = _readable(asked.body)
        async with session.request(asked.method, asked.path, json=body, headers=headers) as answer:
            problem = (
                (await answer.json(content_type=None)).get("type", "").rpartition(":")[2] if not answer.ok else None
            )
            now = answer.status, problem
        if now != (asked.status, asked.problem):
            then = f"{asked.status} {asked.problem or ''}".strip()
            is_now = f"{now[0]} {now[1] or ''}".strip()
            self._differences.add(asked.at, f"{asked.method} {asked.path}: answered {then}, now {is_now}")


def _readable(body: object) -> object:
    """The body as it can be sent: where the number of a bank card was, one that looks like it."""
    if isinstance(body, dict) and _HIDDEN_NUMBER.fullmatch(str(body.get("value"))):
        return body | {"value": PAYMENT_CARD}
    return body
