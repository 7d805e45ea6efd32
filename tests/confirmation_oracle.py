"""What confirms cash, read once more from the words: a judge that looks back over everything that was seen.

It is written from the chapter "What confirms cash" of the checkout's design, and shares nothing with
agent/checkout/evidence.py but the names of the policy. Where that keeps a small state and moves it with each event,
this keeps the whole log and asks it each question anew:

- *drawer-closed*: the drawer was known closed when it was asked to open; it was seen open within the open time-out of
the pulse (with `opened_by = "register"`: at any time); it was open for at least `minimum_open_s`; it is closed. -
*drawer-opened*: with `opened_by = "register"`, known closed and seen open. - *paid-message*: its amount, where it has
one, is the amount due. - Evidence belongs to one checkout, one amount and one unbroken connection of the port. The
first status after the port   was opened is a state, what is known within 2 s of that is no evidence, and *unknown*
confirms nothing. - *operator*: where the policy says so; and always after a restart, a lost drawer, one that did not
open or was not   asked, that closed too soon or cannot be told, after a lost line of messages, and where one of
  them cannot be read.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from agent.checkout.evidence_state import DrawerRules
from agent.checkout.state import Confirmation, Level

PORT_SETTLES_S = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """The drawer's port told a level, which it saw first at `seen_s`."""

    level: Level
    connection: int
    seen_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """The drawer's port is gone."""


@dataclass(frozen=True, slots=True)
class MessagesLost:
    """The port of the till's messages is gone."""


@dataclass(frozen=True, slots=True)
class MessagesBack:
    """The port of the till's messages is open again."""


@dataclass(frozen=True, slots=True)
class Message:
    """A till says that this was paid; None: it names no amount."""

    amount: int | None


@dataclass(frozen=True, slots=True)
class MessageTorn:
    """A line came that cannot be read: it may have been a message."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """From now on cash is awaited: the screen asked to pay, or a person asked for the drawer once more."""

    amount: int


@dataclass(frozen=True, slots=True)
class PulseLeft:
    """The bytes that open the drawer have left."""


@dataclass(frozen=True, slots=True)
class PulseRefused:
    """They certainly have not, and never will."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The agent was started again."""


@dataclass(frozen=True, slots=True)
class Over:
    """Cash is not awaited any more."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Time went by."""


Line = Told | Lost | MessagesLost | MessagesBack
What = Line | Message | MessageTorn | Awaited | PulseLeft | PulseRefused | Restarted | Over | Passed
Entry = tuple[float, What]
Log = Sequence[Entry]


def confirmed_by(log: Log, rules: DrawerRules) -> Confirmation | None:
    """What confirms the cash that is awaited now, by all that was seen."""
    before, since = _split(log)
    if not since or any(isinstance(what, Over | Restarted) for _, what in since):
        return None
    awaited = since[0][1]
    assert isinstance(awaited, Awaited)
    if "paid-message" in rules.confirmed_by and any(_says_paid(what, awaited.amount) for _, what in since):
        return "paid-message"
    return _by_drawer(before, since, rules)


def _says_paid(what: What, amount: int) -> bool:
    return isinstance(what, Message) and what.amount in (None, amount)


def is_first_word(log: Log) -> bool:
    """Whether the message that came last is the first since cash was awaited, all in one life of the agent."""
    _, since = _split(log)
    said = [what for _, what in since if isinstance(what, Message | Restarted)]
    return bool(since) and len(said) == 1


def other_amount_paid(log: Log, rules: DrawerRules) -> bool:
    """Whether a message named another amount than the one that is awaited."""
    _, since = _split(log)
    if not since or "paid-message" not in rules.confirmed_by:
        return False
    awaited = since[0][1]
    assert isinstance(awaited, Awaited)
    alive = takewhile(lambda entry: not isinstance(entry[1], Over | Restarted), since)
    return any(isinstance(what, Message) and what.amount not in (None, awaited.amount) for _, what in alive)


def operator_may_confirm(log: Log, rules: DrawerRules) -> bool:
    """Whether a person may say that the cash is in."""
    before, since = _split(log)
    if "operator" in rules.confirmed_by:
        return True
    return any(_troubles(before, since, rules))


def _troubles(before: Log, since: Log, rules: DrawerRules) -> Iterator[bool]:
    by_drawer = _drawer_counts(rules)
    yield any(isinstance(what, Restarted | Lost) for _, what in since)
    yield rules.opened_by == "tillwire" and any(isinstance(what, PulseRefused) for _, what in since)
    yield "paid-message" in rules.confirmed_by and _missed_messages(before, since)
    yield by_drawer and not _known_closed(before, since, rules)
    yield by_drawer and any(isinstance(what, Told) and what.level == "unknown" for _, what in since)
    yield rules.opened_by == "tillwire" and _did_not_open(before, since, rules)
    yield "drawer-closed" in rules.confirmed_by and _closed_too_soon(since, rules)


def _missed_messages(before: Log, since: Log) -> bool:
    lines = [what for _, what in before if isinstance(what, MessagesLost | MessagesBack | Restarted)]
    was_down = bool(lines) and isinstance(lines[-1], MessagesLost)
    return was_down or any(isinstance(what, MessagesLost | MessageTorn) for _, what in since)


def _split(log: Log) -> tuple[Log, Log]:
    """What was before the cash was awaited (this time), and what since; nothing where none is awaited."""
    for index in range(len(log) - 1, -1, -1):
        if isinstance(log[index][1], Awaited):
            return log[:index], log[index:]
    return log, ()


def _drawer_counts(rules: DrawerRules) -> bool:
    return "drawer-closed" in rules.confirmed_by or "drawer-opened" in rules.confirmed_by


def _by_drawer(before: Log, since: Log, rules: DrawerRules) -> Confirmation | None:
    if not _drawer_counts(rules) or not _known_closed(before, since, rules) or not _unbroken(before, since):
        return None
    openings = [(at, what) for at, what in since if isinstance(what, Told) and what.level == "open"]
    if not openings or not _in_time(openings[0][0], since, rules):
        return None
    if "drawer-opened" in rules.confirmed_by:
        return "drawer-opened"
    closing = _closing_after(openings[0][1], since)
    return "drawer-closed" if closing is not None and _long_enough(openings[0][1], closing, rules) else None


def _known_closed(before: Log, since: Log, rules: DrawerRules) -> bool:
    """The newest status said closed, on a connection whose first one was two seconds old, and it was not open already.

    A level is told when it has held, and may have been seen first before the drawer was asked.
    """
    connection = _connection(before)
    if not connection or connection[-1][1].level != "closed" or since[0][0] < connection[0][1].seen_s + PORT_SETTLES_S:
        return False
    opening = next((what for _, what in since if isinstance(what, Told) and what.level == "open"), None)
    return opening is None or opening.seen_s >= _asked(since, rules)


def _asked(since: Log, rules: DrawerRules) -> float:
    """When the drawer was asked: the register opens it at any time, our bytes may have waited for their turn."""
    left = since[0][0] if rules.opened_by == "register" else math.inf
    return next((at for at, what in since if isinstance(what, PulseLeft)), left)


def _connection(before: Log) -> list[tuple[float, Told]]:
    """All that the present connection told; nothing after it was lost, or the agent started again."""
    told: list[tuple[float, Told]] = []
    for at, what in before:
        if isinstance(what, Lost | Restarted):
            told = []
        elif isinstance(what, Told):
            told = [*(one for one in told if one[1].connection == what.connection), (at, what)]
    return told


def _unbroken(before: Log, since: Log) -> bool:
    """One connection, always known, and the drawer was asked, if it is ours to ask."""
    connection = _connection(before)[-1][1].connection
    for _, what in since:
        if isinstance(what, Lost | PulseRefused):
            return False
        if isinstance(what, Told) and (what.connection != connection or what.level == "unknown"):
            return False
    return True


def _in_time(opened_s: float, since: Log, rules: DrawerRules) -> bool:
    if rules.opened_by == "register":
        return True
    left = [at for at, what in since if isinstance(what, PulseLeft) and at <= opened_s]
    return not left or opened_s <= max(left) + rules.open_timeout_s


def _closing_after(opening: Told, since: Log) -> Told | None:
    """The first closing after the first opening: it decides."""
    after = [what for _, what in since if isinstance(what, Told)]
    return next((what for what in after[after.index(opening) :] if what.level == "closed"), None)


def _long_enough(opening: Told, closing: Told, rules: DrawerRules) -> bool:
    return closing.seen_s - opening.seen_s >= rules.minimum_open_s


def _did_not_open(before: Log, since: Log, rules: DrawerRules) -> bool:
    """It was seen closed from the pulse until an opening would not have counted any more."""
    log = [*before, *since]
    left = max((index for index, (_, what) in enumerate(log) if isinstance(what, PulseLeft)), default=None)
    if left is None or left < len(before):
        return False
    known, ends_s = _connection(log[:left]), log[left][0] + rules.open_timeout_s
    moved = any(at <= ends_s and isinstance(what, Told | Lost) for at, what in log[left:])
    return bool(known) and known[-1][1].level == "closed" and not moved and log[-1][0] >= ends_s


def _closed_too_soon(since: Log, rules: DrawerRules) -> bool:
    openings = [what for _, what in since if isinstance(what, Told) and what.level == "open"]
    closing = _closing_after(openings[0], since) if openings else None
    return closing is not None and not _long_enough(openings[0], closing, rules)
