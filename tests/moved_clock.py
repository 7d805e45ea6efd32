"""Time that a test moves forward: a time-out of minutes is over at once, and none is over before the test says so.

It stands in for `time.monotonic`, by which event loops set their timers, and which the threads of the devices read.
Between two moves it runs on as always.
"""

import time

LONG_S = 300.0
"""Longer than a test may run. What takes so long in the simulator is over with `simulator.clock.advance(LONG_S)`,
which moves no time but the simulator's."""


class MovedClock:
    """`time.monotonic` and what was added to it."""

    def __init__(self) -> None:
        self._real = time.monotonic
        self._moved_s = 0.0

    def __call__(self) -> float:
        return self._real() + self._moved_s

    def advance(self, seconds: float) -> None:
        """Let this time pass now. Called in the loop whose timers are to come; others look at their next turn."""
        self._moved_s += seconds
