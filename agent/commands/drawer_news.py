"""What the drawer does, as it happens: from the running agent, or from the drawer itself where none runs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from agent.checkout_state import Level
from agent.chosen_devices import DRAWER
from agent.commands.asking import Failed
from agent.control import RunningAgent, in_shape
from agent.kiosk.answers import DeviceAnswer, DrawerAnswer, SnapshotAnswer

NO_DRAWER = "no drawer is configured: set [drawer] profile and port"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerNow:
    """How it is when somebody begins to look. `device` is None where nothing was heard of the port yet."""

    level: Level
    device: DeviceAnswer | None


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

    def __init__(self, agent: RunningAgent) -> None:
        self._agent = agent

    async def news(self) -> AsyncGenerator[News, None]:
        async with aclosing(self._agent.events()) as events:
            async for name, told in events:
                if name == "snapshot":
                    yield _now(in_shape(SnapshotAnswer, told))
                elif name == "drawer":
                    yield in_shape(DrawerAnswer, told)
                elif name == "device" and told.get("name") == DRAWER:
                    yield in_shape(DeviceAnswer, told)
        raise Failed("the agent was stopped")

    async def open(self, reason: str, by: str) -> None:
        await self._agent.post("/v1/drawer/open", {"reason": reason, "by": by})


def _now(snapshot: SnapshotAnswer) -> DrawerNow:
    device = next((device for device in snapshot.devices if device.name == DRAWER), None)
    if device is None and snapshot.drawer is None:
        raise Failed(NO_DRAWER)
    return DrawerNow(level=snapshot.drawer.state if snapshot.drawer else "unknown", device=device)
