"""Keeping a device: opened, used until it is lost, and opened again, for ever.

A connection is used once and ends; this is the loop around it, and the one place that says whether a device is
present, missing, lost or unusable. Each change is reported once, each failed try is not.
"""

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from device.blocking import OpenTimeout
from device.interface import DeviceKind, DeviceState, Presence, Receiver
from device.plugging import NoPlugging, Plugging

State = Literal["missing", "fault"]

FIRST_DELAY_S = 0.05
LAST_DELAY_S = 0.5  # a replugged reader works within a second, also where nobody tells of plugging
STEADY_S = 2.0  # a device that is lost sooner after it was opened is not tried again in a hurry
PERMISSION_GRACE_S = 2.0  # a new node belongs to root until udev has run; on a slow box that takes this long


class Unavailable(Exception):
    """The device cannot be opened now. The text is one plain line that says what to do."""

    def __init__(
        self, state: State, reason: str, *, grace: bool = False, until: "asyncio.Future[object] | None" = None
    ) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.grace = grace  # may be over in a moment; said only when it lasts
        self.until = until  # no use to try again before this is done


UseOnce = Callable[[Callable[[], None]], Awaitable[str]]


def unavailable(path: str, error: OSError | ValueError) -> Unavailable:
    """Why `path` could not be opened, in words that say what to do."""
    if not isinstance(error, OSError):
        return Unavailable("fault", f"{path}: {error}")
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return Unavailable("missing", f"{path} is not there: plug the device in, or correct the path")
        case errno.EACCES | errno.EPERM:
            return Unavailable(
                "fault", f"{path}: permission denied; the agent's user needs the node's group (udev rule)", grace=True
            )
        case errno.EBUSY | errno.EAGAIN:
            return Unavailable("fault", f"{path} is held by another program; stop that one")
    if isinstance(error, OpenTimeout):
        reason = f"{path} does not open in time; unplug the device and plug it in again"
        return Unavailable("fault", reason, until=error.opening)
    return Unavailable("fault", f"{path} cannot be opened: {error.strerror or error}")


async def keep_open(
    use_once: UseOnce,
    *,
    name: str,
    kind: DeviceKind,
    report: Receiver,
    plugging: Plugging | None = None,
    grace_s: float = PERMISSION_GRACE_S,
    last_delay_s: float = LAST_DELAY_S,
) -> None:
    """Use the device again and again until cancelled.

    `use_once(present)` opens the device, calls `present` when it can be used, uses it, and returns one plain line
    when it was lost. It raises Unavailable when it could not be opened.
    """
    announcer = _Announcer(name, kind, report, grace_s)
    plugging = plugging or NoPlugging()
    delay_s = FIRST_DELAY_S
    while True:
        since = time.monotonic()
        try:
            announcer.lost(await use_once(announcer.present))
            if time.monotonic() > since + STEADY_S:
                delay_s = FIRST_DELAY_S
        except Unavailable as why:
            announcer.unavailable(why)
            if why.until is not None:
                await asyncio.wait([why.until])
        await plugging.changed(within_s=delay_s)
        delay_s = min(delay_s * 2, last_delay_s)


class _Announcer:
    """Reports a device's state when it has changed."""

    def __init__(self, name: str, kind: DeviceKind, report: Receiver, grace_s: float) -> None:
        self._name = name
        self._kind = kind
        self._report = report
        self._grace_s = grace_s
        self._said: DeviceState | None = None
        self._grace_until: float | None = None

    def present(self) -> None:
        self._grace_until = None
        self._say("present", None)

    def lost(self, reason: str) -> None:
        self._say("lost", reason)

    def unavailable(self, why: Unavailable) -> None:
        if why.grace and not self._lasts():
            return
        if not why.grace:
            self._grace_until = None
        if not (why.state == "missing" and self._said is not None and self._said.state == "lost"):
            self._say(why.state, why.reason)

    def _lasts(self) -> bool:
        now = time.monotonic()
        if self._grace_until is None:
            self._grace_until = now + self._grace_s
        return now >= self._grace_until

    def _say(self, state: Presence, reason: str | None) -> None:
        if self._said is not None and (self._said.state, self._said.reason) == (state, reason):
            return
        self._said = DeviceState(name=self._name, kind=self._kind, state=state, reason=reason, at=time.monotonic())
        self._report(self._said)
