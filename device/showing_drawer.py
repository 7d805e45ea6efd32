"""Listens to a port while its drawer stands still, and then asks as the profiles ask.

A drawer that any byte opens is opened by a question. So the lines are looked at, and what comes by itself is taken,
before anything is sent; and who has answered is not asked in other languages.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from device.drawer_learning import Shown, is_answered
from device.drawer_port import port_settings
from device.drawer_profile import AsbStatus, DrawerProfile
from device.drawer_status import ANSWER_S, question_of
from device.port import Port
from device.shared_line import opened_port
from device.tty import LinesNotSupported, ModemLines, PortSettings, Tty, open_tty

LISTENS_S = 1.0  # a streaming drawer sends several times in its gap, which is half a second
MOST_BYTES = 4096  # of what comes by itself; a wrong speed sends for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is listened, and how long an answer may take (seconds)."""

    listens_s: float = LISTENS_S
    answer_s: float = ANSWER_S


PATIENCE = Patience()


class ShowingDrawer:
    """One opened port; `came` is filled with what it sends."""

    def __init__(self, port: Port, came: bytearray, profiles: Sequence[DrawerProfile], patience: Patience) -> None:
        self._port = port
        self._came = came
        self._profiles = sorted(profiles, key=lambda profile: not isinstance(profile.status, AsbStatus))
        self._patience = patience

    async def shown(self) -> Shown:
        """What it shows now. Raises PortLost, PortFull."""
        self._came.clear()
        await asyncio.sleep(self._patience.listens_s)
        lines, unasked = await self._lines(), bytes(self._came)
        answers: dict[bytes, bytes] = {}
        for profile in self._profiles:
            question = question_of(profile.status)
            if question and question not in answers:
                answers[question] = await self._answer(question)
            shown = Shown(lines=lines, unasked=unasked, answers=answers)
            if is_answered(profile, shown):
                return shown
        return Shown(lines=lines, unasked=unasked, answers=answers)

    async def _answer(self, question: bytes) -> bytes:
        self._came.clear()
        await self._port.write(question)
        await asyncio.sleep(self._patience.answer_s)
        return bytes(self._came)

    async def _lines(self) -> ModemLines | None:
        try:
            return await self._port.ask(lambda tty: tty.lines())
        except LinesNotSupported:
            return None


@contextlib.asynccontextmanager
async def showing_drawer(
    path: str,
    profiles: Sequence[DrawerProfile],
    *,
    opener: Callable[[PortSettings], Tty] = open_tty,
    patience: Patience,
) -> AsyncIterator[ShowingDrawer]:
    """Hold the port as these profiles, which agree about its speed and parity, open it. Raises Unavailable."""
    came = bytearray()
    async with opened_port(
        port_settings(profiles[0], path),
        on_data=lambda data, _at: came.extend(data[: MOST_BYTES - len(came)]),
        on_lost=lambda _reason: None,  # the next question finds out
        opener=opener,
    ) as port:
        yield ShowingDrawer(port, came, profiles, patience)
