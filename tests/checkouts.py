"""Checkouts for tests: values that occur in them, the answers of the API, and a way to tell what happens to one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from agent.checkout.answer_guards import MOST_REFUSALS
from agent.checkout.effects import Effect
from agent.checkout.events import (
    Answer,
    Applied,
    ApplyAsked,
    CallNotAuthorised,
    CallNotSent,
    CallRefused,
    CallUnknown,
    CancelAnswered,
    CardChecked,
    CardSet,
    CashConfirmed,
    Event,
    PayAsked,
    ReadAnswered,
    ReverseAsked,
    StartAnswered,
    TransactionSaved,
)
from agent.checkout.handed_over import begin_handed_over
from agent.checkout.reversal import begin_reversal
from agent.checkout.standing_guards import MOST_CREATES
from agent.checkout.state import (
    ApiProblem,
    Basket,
    Card,
    Checkout,
    Evidence,
    HandedOver,
    Json,
    Method,
    Payment,
    Phase,
    Pursuit,
    ReceiptLines,
    Reversal,
    Rules,
    Situation,
    Transaction,
    TransactionFacts,
)
from agent.checkout.step import BACKGROUND_AFTER_S, step
from agent.checkout.transaction_status import EXECUTED, REFUSED

WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW_S = 1000.0
MASKED = "9276********2845"
VALID = Card(number=MASKED, valid=True, locked=False, balance=500)
INVALID = Card(number=MASKED, valid=False)
LOCKED = Card(number=MASKED, valid=True, locked=True)
CHARGE_EAN = "4260447149502"
DISCHARGE_EAN = "4260447149533"


class Line(Json):
    """A product line that can stand in a set."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none; these are never changed
        return hash(frozenset(self.items()))


def basket_of(cents: int, ean: str | int = "4999012345678") -> Basket:
    return Basket(products=(Line(ean=ean, priceOne=cents, quantity=1),))


LUNCH = basket_of(796)
SNACK = basket_of(349)
CHARGE = basket_of(796, CHARGE_EAN)
DISCHARGE = basket_of(796, DISCHARGE_EAN)
FREE = basket_of(0)
NOTHING = Basket()
RULES = Rules(idle_s=900.0)  # longer than an amount is good for, so that both times matter


def new_checkout(basket: Basket = LUNCH, **known: object) -> Checkout:
    blank = Checkout(id="co_1", created=WALL, updated=WALL, rules=RULES, touched_s=NOW_S, basket=basket)
    return replace(blank, **known)  # type: ignore[arg-type]  # as replace itself


def situation(now_s: float = NOW_S, **known: object) -> Situation:
    return replace(Situation(now_s=now_s, wall=WALL, drawer="closed"), **known)  # type: ignore[arg-type]


# Answers come with the number that was asked for: these wait for it

Numbered = Callable[[int], Answer]
"""An answer that is given its number when it is told."""


def facts(status: str = "created", sum: int | None = 796, **known: object) -> TransactionFacts:  # noqa: A002 - the API's name
    told = TransactionFacts(id="STX_1", status=status, sum=sum)
    return replace(told, **known)  # type: ignore[arg-type]


def saved(status: str = "created", sum: int | None = 796, **known: object) -> Numbered:  # noqa: A002 - the API's name
    return lambda number: TransactionSaved(number=number, facts=facts(status, sum, **known))


def applied(missing_sum: int = 296, *bonus: Json) -> Numbered:
    return lambda number: Applied(number=number, missing_sum=missing_sum, bonus_products=bonus)


def read(status: str = "created", sum: int | None = 796, *, begun_s: float = NOW_S, **known: object) -> Numbered:  # noqa: A002 - the API's name
    return lambda number: ReadAnswered(number=number, begun_s=begun_s, facts=facts(status, sum, **known))


def executed(status: str = "ok", sum: int | None = None, **known: object) -> Numbered:  # noqa: A002 - the API's name
    receipt = ReceiptLines(customer=({"type": "space"},))
    told = facts(status, sum, receipt=receipt, trans_id="29187332", receipt_number="3")
    return lambda number: StartAnswered(number=number, facts=replace(told, **known))  # type: ignore[arg-type]


def checked(card: Card = VALID) -> Numbered:
    return lambda number: CardChecked(number=number, card=card)


def refused(error: str = "ProductInternalException", code: str | None = None) -> Numbered:
    return lambda number: CallRefused(number=number, problem=ApiProblem(error=error, code=code))


def not_sent(number: int) -> Answer:
    return CallNotSent(number=number)


def unknown(number: int) -> Answer:
    return CallUnknown(number=number)


def not_authorised(number: int) -> Answer:
    return CallNotAuthorised(number=number)


def cash_in(amount: int = 796) -> CashConfirmed:
    return CashConfirmed(evidence=Evidence(kind="drawer-closed", amount=amount, at=WALL, open_s=4.0))


def tell(
    checkout: Checkout, *happened: Event | Numbered, now_s: float = NOW_S, **known: object
) -> tuple[Checkout, tuple[Effect, ...]]:
    """Let these things happen one after the other; returns the checkout and the effects of the last."""
    effects: tuple[Effect, ...] = ()
    for thing in happened:
        checkout, effects = step(checkout, as_event(checkout, thing), situation(now_s, **known))
    return checkout, effects


def handed_over(amount_due: int = 796) -> Checkout:
    """A checkout that begins with a transaction of a register."""
    return begin_handed_over(HandedOver(transaction_id="STX_1", amount_due=amount_due), "co_1", RULES, NOW_S, WALL)[0]


def sold(method: Method = "cash") -> Checkout:
    """A completed sale of 796 cents."""
    checkout = after(new_checkout(), ApplyAsked(), saved(), PayAsked(method=method, amount=796))
    return after(checkout, *([cash_in()] if method == "cash" else []), executed())


def refused_charge() -> Checkout:
    """A charge that was paid in cash, and read as failed."""
    with_card = after(new_checkout(CHARGE), CardSet(number=MASKED), checked())
    paid = after(with_card, PayAsked(method="cash", amount=796), saved(card=VALID), cash_in())
    return after(paid, refused(), read("failed"))


def reversal_of(checkout: Checkout, *, open_drawer: bool = False) -> Checkout:
    """The reversal that begins when a person takes this checkout back."""
    asked = ReverseAsked(reversal_id="co_2", reason="wrong", by="Ada", open_drawer=open_drawer)
    return begin_reversal(checkout, asked, RULES, situation())[0]


def cancelled(status: str = "cancelled", **known: object) -> Numbered:
    receipt = ReceiptLines(customer=({"type": "space"},))
    told = replace(facts(status), receipt=receipt, **known)  # type: ignore[arg-type]  # as replace itself
    return lambda number: CancelAnswered(number=number, facts=told)


def after(checkout: Checkout, *happened: Event | Numbered, now_s: float = NOW_S, **known: object) -> Checkout:
    """As `tell`, where what follows does not matter."""
    return tell(checkout, *happened, now_s=now_s, **known)[0]


def as_event(checkout: Checkout, thing: Event | Numbered) -> Event:
    if not callable(thing):
        return thing
    assert checkout.asking is not None, "an answer to nothing"
    return thing(checkout.asking.number)


def as_seen_now(checkout: Checkout) -> Checkout:
    """Forget what no rule looks at, and count times from now, so that a walk comes to an end.

    A window, a pause and a customer's patience are either over or not; numbers and words for people are all the same.
    That nothing is forgotten that a rule does look at is a test of its own (test_checkout_walk.py).
    """
    if checkout.final:
        payment = checkout.payment and _payment_now(checkout.payment, awaiting=False)
        over = replace(_BLANK, phase=checkout.phase, payment=payment, resolution=checkout.resolution)
        return over if checkout.phase is not Phase.COMPLETED else _with_reversal(over, checkout)
    awaiting = checkout.phase is Phase.AWAITING_CASH
    attention = checkout.phase is Phase.ATTENTION
    resolvable = attention or checkout.phase is Phase.UNSURE
    refusals = 0 if attention else min(checkout.refusals, MOST_REFUSALS)
    return replace(
        _BLANK,
        phase=checkout.phase,
        rules=checkout.rules if awaiting else RULES,
        basket=checkout.basket,
        card=checkout.card and Card(number=MASKED),
        use_balance=checkout.use_balance,
        wanted=checkout.wanted,
        transaction=checkout.transaction and _transaction_now(checkout.transaction, resolvable=resolvable),
        amount_due=checkout.amount_due,
        payment=checkout.payment and _payment_now(checkout.payment, awaiting=awaiting),
        asking=checkout.asking and replace(checkout.asking, number=1),
        requests=1 if checkout.asking else 0,
        creates=min(checkout.creates, MOST_CREATES) if checkout.phase in COUNTS_CREATES else 0,
        waiting_since=checkout.waiting_since and WALL,
        handed_over=checkout.handed_over,
        reversal=checkout.reversal and _reversal_now(checkout.reversal),
        started_s=_started_now(checkout),
        refusals=refusals,
        error=ApiProblem(error="a") if checkout.error and refusals else None,
        pursuit=checkout.pursuit and _pursuit_now(checkout.pursuit, checkout.phase),
    )


_BLANK = new_checkout(amount_shown_s=NOW_S)
COUNTS_CREATES = frozenset({Phase.APPLYING, Phase.CONFIRMED})


def _with_reversal(over: Checkout, checkout: Checkout) -> Checkout:
    return replace(
        over,
        waiting_since=checkout.waiting_since and WALL,
        receipt_number=checkout.receipt_number,
        reversal=checkout.reversal and _reversal_now(checkout.reversal),
        reversed_by=checkout.reversed_by,
    )


def _reversal_now(reversal: Reversal) -> Reversal:
    return replace(reversal, reason="", by="")


def _transaction_now(transaction: Transaction, *, resolvable: bool) -> Transaction:
    told = transaction.read_status if resolvable else None
    read_status = "failed" if told in REFUSED else "ok" if told in EXECUTED else None
    return replace(transaction, id="STX_1", card_number=None, read_status=read_status)


def _payment_now(payment: Payment, *, awaiting: bool) -> Payment:
    evidence = payment.evidence and Evidence(kind="operator", amount=payment.evidence.amount, at=WALL)
    if not awaiting:
        return Payment(method=payment.method, amount=payment.amount, evidence=evidence)
    return replace(payment, evidence=evidence, drawer_trouble="lost" if payment.drawer_trouble else None)


def _started_now(checkout: Checkout) -> float | None:
    """The next checkout may have begun by now."""
    started = checkout.phase in {Phase.STARTING, Phase.UNSURE, Phase.ATTENTION}
    return NOW_S - BACKGROUND_AFTER_S if started and checkout.started_s is not None else None


def _pursuit_now(pursuit: Pursuit, phase: Phase) -> Pursuit:
    """Where a read is due at some time, it is due now: any pause may have passed."""
    due = phase is Phase.UNSURE and pursuit.next_read_s is not None
    ends_s = NOW_S + 1.0 if pursuit.ends_s > NOW_S else NOW_S
    return Pursuit(ends_s=ends_s, next_read_s=NOW_S if due else None)
