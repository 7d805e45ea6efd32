"""When the API is away, and when it is asked again."""

from datetime import UTC, datetime

from agent.checkout.events import CallNotAuthorised, CallNotSent, CallUnknown, CardChecked
from agent.checkout.state import Card
from agent.till.connection import FIRST_PAUSE_S, LONGEST_PAUSE_S, Connection, after, asking, told_by

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 13, tzinfo=UTC)
ONLINE = Connection(api="online", since=NOON)


def test_what_each_answer_says_of_the_connection() -> None:
    assert told_by(CallNotSent(number=1)) == "offline"
    assert told_by(CallNotAuthorised(number=1)) == "not_authorised"
    assert told_by(CallUnknown(number=1)) is None
    assert told_by(CardChecked(number=1, card=Card(number="9276********2845"))) == "online"


def test_away_from_the_first_request_that_was_not_sent_until_one_succeeds() -> None:
    away = after(ONLINE, "offline", 100.0, LATER, jitter=1.0)
    assert (away.api, away.since, away.next_try_s) == ("offline", LATER, 100.0 + FIRST_PAUSE_S)
    still = after(away, None, 200.0, LATER, jitter=1.0)
    assert (still.api, still.next_try_s) == ("offline", 200.0 + 2 * FIRST_PAUSE_S)
    assert after(still, "online", 300.0, NOON, jitter=1.0) == ONLINE


def test_an_answer_that_says_nothing_changes_nothing_while_online() -> None:
    assert after(ONLINE, None, 100.0, LATER, jitter=0.5) == ONLINE


def test_the_pause_is_capped_however_long_the_api_is_away() -> None:
    connection = ONLINE
    for _ in range(3000):
        connection = after(asking(connection), "offline", 0.0, LATER, jitter=1.0)
    assert connection.next_try_s == LONGEST_PAUSE_S


def test_jitter_halves_the_pause_at_most() -> None:
    assert after(ONLINE, "offline", 0.0, LATER, jitter=0.0).next_try_s == FIRST_PAUSE_S / 2


def test_while_it_is_asked_it_is_not_asked_again() -> None:
    assert asking(after(ONLINE, "offline", 0.0, LATER, jitter=0.0)).next_try_s is None
