"""Everything that can happen to a checkout, in few but telling values, and the situations in which it can.

Amounts: 796 is the basket's sum, 296 what is missing after the balance, 0 when nothing is left to pay.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

from agent.checkout.events import (
    Answer,
    Applied,
    ApplyAsked,
    BasketSet,
    CallNotAuthorised,
    CallNotSent,
    CallRefused,
    CallUnknown,
    CancelAnswered,
    CancelAsked,
    CardChecked,
    CardRemoved,
    CardSet,
    CashConfirmed,
    ConfirmAsked,
    DrawerOpenAsked,
    DrawerOpened,
    DrawerTroubled,
    Event,
    OtherAmountPaid,
    PayAsked,
    ReadAnswered,
    ResolveAsked,
    Restarted,
    RetryAsked,
    ReverseAsked,
    StartAnswered,
    TransactionSaved,
    Turn,
    Woke,
)
from agent.checkout.state import ApiProblem, Call, Level, Situation
from tests.checkouts import (
    CHARGE,
    DISCHARGE,
    FREE,
    INVALID,
    LUNCH,
    MASKED,
    NOTHING,
    NOW_S,
    RULES,
    VALID,
    WALL,
    cash_in,
    facts,
    situation,
)

ONE_DAY = timedelta(days=1)
OPERATOR = replace(RULES, confirmed_by=("drawer-closed", "operator"))

REQUESTS: tuple[Event, ...] = (
    *(BasketSet(basket=basket) for basket in (NOTHING, LUNCH, CHARGE, DISCHARGE, FREE)),
    CardSet(number=MASKED),
    CardSet(number=MASKED, same=True),
    CardRemoved(),
    ApplyAsked(use_balance=True),
    ApplyAsked(use_balance=False),
    *(PayAsked(method="cash", amount=amount) for amount in (0, 296, 796)),
    *(PayAsked(method="cashless", amount=amount) for amount in (296, 796)),
    *(PayAsked(method="loyalty", amount=amount) for amount in (0, 796)),
    *(ConfirmAsked(amount=amount, by="Ada") for amount in (296, 796)),
    CancelAsked(),
    DrawerOpenAsked(reason="stuck", by="Ada"),
    RetryAsked(by="Ada"),
    RetryAsked(by="Ada", new_transaction=True),
    *(ResolveAsked(outcome=outcome, note="", by="Ada") for outcome in ("executed", "refunded")),
    *(ReverseAsked(reversal_id="co_2", reason="", by="", open_drawer=opens) for opens in (False, True)),
)
DEVICES: tuple[Event, ...] = (
    DrawerOpened(),
    DrawerTroubled(trouble="lost"),
    *(cash_in(amount) for amount in (296, 796)),
    OtherAmountPaid(amount=100),
)
TILL: tuple[Event, ...] = (Woke(), Turn(), Restarted(rules=RULES), Restarted(rules=OPERATOR))

_SAVED = tuple(
    TransactionSaved(number=1, facts=facts("created", total, card=card))
    for total, card in product((0, 796, None), (None, VALID, INVALID))
)
_READ = tuple(
    ReadAnswered(number=1, begun_s=begun_s, facts=told)
    for begun_s, told in product(
        (NOW_S - 1.0, NOW_S),
        (
            facts("created", 796),
            facts("created", 0),
            facts("processing", None, missing_sum=296),
            facts("processing", 796, missing_sum=0),
            facts("processing", None),
            facts("ok", 796),
            facts("ok", 0),
            facts("ok", None, missing_sum=900),
            facts("pending"),
            facts("failed"),
            facts("received"),
            facts("cancelled"),
            facts("created", card=INVALID),
            facts("created", products=DISCHARGE.products),
        ),
    )
)
_STARTED = tuple(
    StartAnswered(number=1, facts=told)
    for told in (
        facts("ok", 796, receipt_number="3"),
        facts("ok", 0),
        facts("ok", None, missing_sum=900),
        facts("failed"),
        facts("pending"),
        facts("created"),
        facts("processing", None, missing_sum=296),
    )
)
_ANSWERS: dict[Call, tuple[Answer, ...]] = {
    "check_card": (CardChecked(number=1, card=VALID), CardChecked(number=1, card=INVALID)),
    "create": _SAVED,
    "update": _SAVED,
    "pre_transaction": tuple(Applied(number=1, missing_sum=amount) for amount in (0, 296, 796)),
    "read": _READ,
    "start": _STARTED,
    "cancel": tuple(CancelAnswered(number=1, facts=facts(status)) for status in ("cancelled", "ok", "failed")),
}
_NO_ANSWERS: tuple[Answer, ...] = (
    CallRefused(number=1, problem=ApiProblem(error="a")),
    CallRefused(number=1, problem=ApiProblem(error="b")),
    CallNotSent(number=1),
    CallUnknown(number=1),
    CallNotAuthorised(number=1),
)
_TOO_LATE: tuple[Answer, ...] = (
    *(answers[0] for answers in _ANSWERS.values()),
    *_NO_ANSWERS,
)


_PLACES: tuple[tuple[bool, Level], ...] = ((False, "closed"), (True, "closed"), (False, "open"))


def _situations_of(event: Event) -> Iterator[Situation]:
    """Yield each situation that can make a difference to this event."""
    match event:
        case PayAsked():
            for api, drawer, refusal in product(("online", "offline"), ("open", "closed"), (None, "too many")):
                yield situation(api=api, drawer=drawer, offline_refusal=refusal)
        case CardSet() | CashConfirmed() | ConfirmAsked() | DrawerOpened():
            yield from (situation(api=api) for api in ("online", "offline", "not_authorised"))
        case ApplyAsked():
            yield from (situation(card_waiting=waiting) for waiting in (False, True))
        case TransactionSaved():
            for drawer, waiting in product(("open", "closed"), (False, True)):
                yield situation(drawer=drawer, card_waiting=waiting)
        case RetryAsked() | ResolveAsked():
            yield from (situation(wall=wall) for wall in (WALL, WALL + ONE_DAY))
        case ReverseAsked() | CancelAnswered():
            yield from (situation(), situation(wall=WALL + ONE_DAY))
            yield from (situation(cash_awaited=True), situation(reversal_over=True), situation(balance_in_use=True))
        case ReadAnswered() | CallNotSent() | CallNotAuthorised():
            yield situation(wall=WALL + ONE_DAY)
            yield from (situation(front_taken=taken, drawer=drawer) for taken, drawer in _PLACES)
        case _:
            yield situation()


Happening = tuple[Event, Situation]


def _in_each_situation(events: Iterable[Event]) -> tuple[Happening, ...]:
    return tuple((event, now) for event in events for now in (*_situations_of(event), *_without_room(event)))


def _without_room(event: Event) -> tuple[Situation, ...]:
    """What may ask the drawer to open looks for room on the disk."""
    may_open = isinstance(event, PayAsked | DrawerOpenAsked | TransactionSaved | ReadAnswered)
    return (situation(room=False),) if may_open else ()


UNASKED = _in_each_situation((*REQUESTS, *DEVICES, *TILL)) + tuple(
    (Woke(), situation(now_s=NOW_S + passed_s)) for passed_s in (650.0, 950.0)
)
"""What may happen at any time. In `draft` and `due` the customer may have gone, or have left an amount to grow old."""

ANSWERS: dict[Call | None, tuple[Happening, ...]] = {
    None: _in_each_situation(_TOO_LATE),
    **{call: _in_each_situation((*answers, *_NO_ANSWERS)) for call, answers in _ANSWERS.items()},
}
"""What may come in answer to each call; to none: what comes too late."""
