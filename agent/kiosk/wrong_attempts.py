"""How often something short may be guessed wrongly before nobody may guess any more for a while."""

from collections import deque
from collections.abc import Callable

MOST_WRONG = 5
PERIOD_S = 600.0
"""Five guesses in ten minutes: the four digits of a card would take two weeks."""


class WrongAttempts:
    """Counts wrong guesses. `clock` counts monotonic seconds.

    A guess is counted before it is known to be wrong, and taken back when it is not: so many at once are limited, too.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: deque[float] = deque(maxlen=MOST_WRONG)

    @property
    def too_many(self) -> bool:
        return len(self._wrong) == MOST_WRONG and self._clock() < self._wrong[0] + PERIOD_S

    def count(self) -> None:
        self._wrong.append(self._clock())

    def take_back(self) -> None:
        """One that was counted was not wrong, or could not be told."""
        self._wrong.pop()
