"""What the drawer does, as it happens: from the running agent, or from the drawer itself where none runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from agent.checkout.state import Level
from agent.chosen_devices import DRAWER
from agent.commands.asking import Failed
from agent.control import JsonObject, RunningAgent, in_shape
from agent.kiosk.event_answers import DeviceAnswer, DrawerAnswer, DrawerLevelAnswer, SnapshotAnswer
from device.drawer_reading import SILENT_AFTER_S

HEARD_OF_S = SILENT_AFTER_S + 1.0
"""By then a drawer has told its first status, or its driver has said why it has not."""
NO_DRAWER = "no drawer is configured: set [drawer] profile and port"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerNow:
    """How it is when somebody begins to look. `device` is None where nothing was heard of the port yet."""

    level: Level
    device: DeviceAnswer | None

    @property
    def may_be_known_soon(self) -> bool:
        """Nothing is wrong with the port, and nothing was told yet."""
        return self.level == "unknown" and (self.device is None or self.device.state == "present")


News = DrawerNow | DrawerAnswer | DeviceAnswer


class WatchedDrawer(Protocol):
    """The drawer of this till."""

    def news(self) -> AsyncGenerator[News, None]:
        """Yield how it is now, then whatever happens. Raises Failed and ControlError."""
        ...

    async def open(self, reason: str, by: str) -> None:
        """Open it for a person. Raises Failed and ControlError when nothing was sent."""
        ...


class AgentDrawer:
    """The drawer that a running agent holds."""

    def __init__(self, agent: RunningAgent, *, can_tell: bool) -> None:
        self._agent = agent
        self._can_tell = can_tell

    async def news(self) -> AsyncGenerator[News, None]:
        async with aclosing(self._agent.events()) as events:
            async for name, told in events:
                if name == "snapshot":
                    now = _now(in_shape(SnapshotAnswer, told))
                    yield await self._once_known(now) if self._can_tell and now.may_be_known_soon else now
                elif name == "drawer":
                    yield in_shape(DrawerAnswer, told)
                elif name == "device" and told.get("name") == DRAWER:
                    yield in_shape(DeviceAnswer, told)
        raise Failed("the agent was stopped")

    async def _once_known(self, now: DrawerNow) -> DrawerNow:
        """Wait for the first status, where the agent has not yet heard it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_OF_S), aclosing(self._agent.events()) as events:
                async for name, told in events:
                    now = _after(now, name, told)
                    if not now.may_be_known_soon:
                        break
        return now

    async def open(self, reason: str, by: str) -> None:
        await self._agent.post("/v1/drawer/open", {"reason": reason, "by": by})


def _after(now: DrawerNow, name: str, told: JsonObject) -> DrawerNow:
    """How it is after an event."""
    if name == "snapshot":
        return _now(in_shape(SnapshotAnswer, told))
    if name == "drawer_level":
        return replace(now, level=in_shape(DrawerLevelAnswer, told).state)
    if name == "device" and told.get("name") == DRAWER:
        return replace(now, device=in_shape(DeviceAnswer, told))
    return now


def _now(snapshot: SnapshotAnswer) -> DrawerNow:
    device = next((device for device in snapshot.devices if device.name == DRAWER), None)
    if device is None and snapshot.drawer is None:
        raise Failed(NO_DRAWER)
    return DrawerNow(level=snapshot.drawer.state if snapshot.drawer else "unknown", device=device)
