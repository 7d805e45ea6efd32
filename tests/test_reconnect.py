"""Keeping a device: each change is said once, and nothing ends it but cancelling."""

import asyncio
import errno
from collections.abc import Callable, Iterable

import pytest

from device.blocking import OpenTimeout
from device.interface import DeviceState, Report
from device.reconnect import LAST_DELAY_S, PERMISSION_GRACE_S, Unavailable, keep_open, unavailable


class Plugging:
    """Nobody waits; remembers for how long somebody would have."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def changed(self, within_s: float) -> None:
        self.waits.append(within_s)
        await asyncio.sleep(0)


async def states_of(
    uses: Iterable[str | Unavailable], plugging: Plugging | None = None, grace_s: float = PERMISSION_GRACE_S
) -> list[tuple[str, str | None]]:
    """What is said when the device can be used and is lost (a text), or cannot be opened, one after the other."""
    script = iter(uses)
    reports: list[Report] = []

    async def use_once(present: Callable[[], None]) -> str:
        use = next(script, None)
        if use is None:
            raise asyncio.CancelledError
        if isinstance(use, Unavailable):
            raise use
        present()
        return use

    with pytest.raises(asyncio.CancelledError):
        await keep_open(
            use_once,
            name="counter",
            kind="scanner",
            report=reports.append,
            plugging=plugging or Plugging(),
            grace_s=grace_s,
        )
    return [(report.state, report.reason) for report in reports if isinstance(report, DeviceState)]


MISSING = Unavailable("missing", "it is not there")
HELD = Unavailable("fault", "another program holds it")


async def test_a_missing_device_is_said_to_be_so_once() -> None:
    assert await states_of([MISSING] * 5) == [("missing", "it is not there")]


async def test_a_device_that_comes_and_goes_is_present_and_lost_each_time() -> None:
    assert await states_of(["unplugged", MISSING, MISSING, "unplugged"]) == [
        ("present", None),
        ("lost", "unplugged"),
        ("present", None),
        ("lost", "unplugged"),
    ]


async def test_a_fault_after_a_loss_is_said() -> None:
    assert await states_of(["unplugged", MISSING, HELD, HELD, MISSING]) == [
        ("present", None),
        ("lost", "unplugged"),
        ("fault", "another program holds it"),
        ("missing", "it is not there"),
    ]


async def test_another_reason_is_another_report() -> None:
    other = Unavailable("fault", "the reader cannot be grabbed")
    assert await states_of([HELD, other]) == [("fault", HELD.reason), ("fault", other.reason)]


async def test_a_permission_that_udev_has_yet_to_give_is_no_fault() -> None:
    denied = unavailable("/dev/hidraw0", PermissionError(errno.EACCES, "denied"))
    assert await states_of([denied, denied, "unplugged"]) == [("present", None), ("lost", "unplugged")]
    assert await states_of([denied, denied], grace_s=0.0) == [("fault", denied.reason)]


async def test_the_pauses_grow_up_to_half_a_second() -> None:
    plugging = Plugging()
    await states_of([MISSING] * 6, plugging)
    assert plugging.waits == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]
    assert LAST_DELAY_S < 1


async def test_a_device_that_is_lost_as_soon_as_it_is_opened_is_not_tried_in_a_hurry() -> None:
    plugging = Plugging()
    await states_of(["unplugged"] * 5, plugging)
    assert plugging.waits == [0.05, 0.1, 0.2, 0.4, 0.5]


async def test_an_opening_that_hangs_is_waited_for_before_the_next_try() -> None:
    loop = asyncio.get_running_loop()
    hanging: asyncio.Future[object] = loop.create_future()
    late = unavailable("/dev/ttyUSB0", OpenTimeout(hanging))
    loop.call_later(0.01, hanging.set_result, None)
    assert await states_of([late, "unplugged"]) == [
        ("fault", "/dev/ttyUSB0 does not open in time; unplug the device and plug it in again"),
        ("present", None),
        ("lost", "unplugged"),
    ]
    assert hanging.done()


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), "missing", "is not there"),
        (OSError(errno.ENODEV, "x"), "missing", "is not there"),
        (OSError(errno.ENXIO, "x"), "missing", "is not there"),
        (PermissionError(errno.EACCES, "x"), "fault", "group"),
        (PermissionError(errno.EPERM, "x"), "fault", "group"),
        (OSError(errno.EBUSY, "x"), "fault", "another program"),
        (BlockingIOError(errno.EAGAIN, "x"), "fault", "another program"),
        (OSError(errno.EIO, "broken"), "fault", "broken"),
        (OSError("could not configure port"), "fault", "could not configure port"),
        (ValueError("no such speed"), "fault", "no such speed"),
    ],
)
def test_each_error_says_what_to_do_in_one_line(error: OSError | ValueError, state: str, words: str) -> None:
    why = unavailable("/dev/ttyUSB0", error)
    assert (why.state, words in why.reason, "\n" in why.reason) == (state, True, False)
    assert why.reason.startswith("/dev/ttyUSB0")
