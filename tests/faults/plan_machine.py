"""What befalls the machine, drawn: when the agent's lives end and how, and what the disk does meanwhile."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal, get_args

from tests.faults.disk import Condition

Ending = Literal["kill", "power cut", "stop"]
LONGEST_SYNC_S = 40.0
"""An SD card that erases its blocks takes seconds; the longest is beyond the time-outs of a request (15 s)."""
Point = Literal["time", "request", "answer", "before a job", "after a job", "disk", "pulse", "syncing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The disk is so from `at` on, for `seconds`. `room` in bytes."""

    at: float
    seconds: float
    condition: Condition
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One life of the agent ends `passes` turns of the event loop after it has been at this point for the nth time."""

    ending: Ending
    point: Point
    nth: int
    passes: int
    down_s: float
    clock_moves_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowSync:
    """The first sync that is asked for from `at` on takes so many seconds longer than others."""

    at: float
    seconds: float


def draw_crashes(dice: Random, *, at_least: bool) -> tuple[Crash, ...]:
    """Up to three, for one life after the other; one `at_least`."""
    number = max(dice.choice((0, 0, 1, 1, 2, 3)), int(at_least))
    return tuple(_crash(dice) for _ in range(number))


_FARTHEST: dict[Point, int] = {
    "time": 90,
    "request": 24,
    "answer": 24,
    "before a job": 45,
    "after a job": 45,
    "disk": 260,
    "pulse": 2,
    "syncing": 20,
}
_DRAWN_FIRST = tuple(point for point in get_args(Point) if point != "syncing")


def _crash(dice: Random) -> Crash:
    point: Point = dice.choice(_DRAWN_FIRST)
    return Crash(
        ending=dice.choice(("kill", "kill", "power cut", "power cut", "stop")),
        point=point,
        nth=dice.randint(1, _FARTHEST[point]),
        passes=dice.choice((0, 0, 1, 2, 3, dice.randint(4, 14))),
        down_s=dice.choice((0.2, 2.0, 10.0, 90.0)),
        clock_moves_s=dice.choice((0.0, 0.0, 0.0, -3600.0, 7200.0)),
    )


def within_syncs(crashes: tuple[Crash, ...], dice: Random) -> tuple[Crash, ...]:
    """One of eight of these comes while the disk syncs what was written."""
    return tuple(
        replace(crash, point="syncing", nth=dice.randint(1, _FARTHEST["syncing"])) if dice.random() < 0.125 else crash
        for crash in crashes
    )


def draw_slow_syncs(dice: Random) -> tuple[SlowSync, ...]:
    """In one run of twelve; some are longer than anybody waits for an answer of the API."""
    if dice.random() > 0.08:
        return ()
    return tuple(SlowSync(at=dice.uniform(0, 20), seconds=dice.uniform(0.2, LONGEST_SYNC_S)) for _ in range(2))


def draw_troubles(dice: Random) -> tuple[Trouble, ...]:
    """In one run of seven."""
    if dice.random() > 0.15:
        return ()
    condition = dice.choice([each for each in Condition if each is not Condition.WORKS])
    room = dice.choice((0, 20_000, 60_000, 200_000))
    return (Trouble(at=dice.uniform(0, 40), seconds=dice.uniform(1, 60), condition=condition, room=room),)
