"""No start/cash without evidence that the policy accepts, none withheld with it: random days, judged independently.

A million of them are one command (tests/confirmation_model.py); its figure stands in docs/guarantees.md.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.checkout import evidence, request_guards
from agent.checkout.evidence_state import Seen, Watch
from agent.till.drawer_desk import DrawerDesk
from device.drawer_reading import DrawerReading
from tests.confirmation_model import play
from tests.confirmation_world import Wrong

SEED = "make test"
SEQUENCES = 1000
MOST_UNTIL_FOUND = 2000


def test_random_days_at_the_drawer_agree_with_the_judge() -> None:
    told = sum((play(number, SEED) for number in range(SEQUENCES)), Counter[str]())
    assert set(told) == {"drawer-closed", "drawer-opened", "paid-message", "operator"}
    assert min(told.values()) > SEQUENCES / 20, "too little was confirmed to show anything"


def _without_minimum(seen: Callable[[Watch, float], Seen]) -> Callable[[Watch, float], Seen]:
    def closed(watch: Watch, at_s: float) -> Seen:
        hasty, signs = seen(replace(watch, rules=replace(watch.rules, minimum_open_s=0.0)), at_s)
        return replace(hasty, rules=watch.rules), signs

    return closed


def _as_one_connection(seen: Callable[..., Seen]) -> Callable[..., Seen]:
    return lambda watch, level, connection, at_s: seen(replace(watch, connection=connection), level, connection, at_s)


def _any_amount(seen: Callable[..., Seen]) -> Callable[..., Seen]:
    return lambda watch, _amount, at_s: seen(watch, None, at_s)


def _only_named_amounts(seen: Callable[..., Seen]) -> Callable[..., Seen]:
    return lambda watch, amount, at_s: (watch, ()) if amount is None else seen(watch, amount, at_s)


def _only_what_is_awaited(seen: Callable[..., Seen]) -> Callable[..., Seen]:
    return lambda watch, amount, at_s: (watch, ()) if watch.expected is None else seen(watch, amount, at_s)


def _whatever_the_level(seen: Callable[..., Seen]) -> Callable[..., Seen]:
    def expected(watch: Watch, checkout_id: str, amount: int, now_s: float) -> Seen:
        after, signs = seen(replace(watch, level="closed"), checkout_id, amount, now_s)
        return replace(after, level=watch.level), signs

    return expected


def _everybodys_refusal(seen: Callable[..., Seen]) -> Callable[..., Seen]:
    return lambda watch, asked_s: seen(watch, watch.expected.since_s if watch.expected else asked_s)


MISTAKES: dict[str, tuple[object, str, Callable[..., object]]] = {
    "a port is as good as new at once": (evidence, "_settled", lambda _: lambda *_: True),
    "a flicker is an opening": (evidence, "_closed_for_payment", _without_minimum),
    "a lost port spoils nothing": (evidence, "_lost", lambda _: lambda watch: (watch, ())),
    "unknown spoils nothing": (evidence, "_blind", lambda _: lambda watch: (watch, ())),
    "what is spoilt is forgotten": (evidence, "_spoil", lambda _: lambda watch, _trouble: (watch, ())),
    "any opening is the payment's": (
        evidence,
        "_is_awaited",
        lambda _: lambda watch, *_: watch.expected is not None and not watch.expected.spoilt,
    ),
    "every opening is ours": (evidence, "_who_opened", lambda _: lambda *_: "till"),
    "the register opens nothing": (evidence, "_who_opened", lambda _: lambda *_: "unasked"),
    "a drawer may take its time": (evidence, "_gives_up_at", lambda _: lambda _watch: None),
    "a connection is like another": (evidence, "level_seen", _as_one_connection),
    "a drawer that is open is as good as closed": (evidence, "cash_expected", _whatever_the_level),
    "any amount is the right one": (evidence, "paid_message", _any_amount),
    "a message without an amount says nothing": (evidence, "paid_message", _only_named_amounts),
    "a message that nothing awaits is lost": (evidence, "paid_message", _only_what_is_awaited),
    "a machine's word is always about the last": (evidence, "_heard", lambda _: evidence.cash_not_expected),
    "a lost line of messages is nobody's business": (evidence, "line_lost", lambda _: lambda watch, _name: (watch, ())),
    "a line of messages stays lost": (evidence, "line_found", lambda _: lambda watch, _name: watch),
    "a torn message is nobody's business": (evidence, "message_torn", lambda _: lambda watch, _at: (watch, ())),
    "a refused pulse was sent": (evidence, "pulse_refused", lambda _: lambda watch, _asked: (watch, ())),
    "a refused pulse was everybody's": (evidence, "pulse_refused", _everybodys_refusal),
    "cash is expected for ever": (evidence, "cash_not_expected", lambda _: lambda watch: watch),
    "a payment that was given up still opens": (DrawerDesk, "_still_awaits", lambda _: lambda *_: True),
    "silence is as it was": (DrawerReading, "_silence", lambda _: lambda *_: []),
    "a person may always confirm": (request_guards, "operator_may_confirm", lambda _: lambda _checkout: True),
}


@pytest.mark.system  # half a minute of processor time
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_seeded_mistake_is_found(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, make = MISTAKES[mistake]
    monkeypatch.setattr(where, name, make(getattr(where, name)))
    assert any(_is_found(number) for number in range(MOST_UNTIL_FOUND))


def _is_found(number: int) -> bool:
    try:
        play(number, SEED)
    except Wrong:
        return True
    return False
