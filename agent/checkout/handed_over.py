"""A transaction that a register created: read first, and paid only if it is what the register says. Pure.

We know it only in part, and an update must send it whole (smart-api 3.1). So nothing of it is ever changed here, and it
is never aborted: what is to be another basket or another card, the register changes and hands over again
(docs/decisions/0009-a-transaction-that-was-handed-over-is-never-changed.md). These rows come before those of a sale.
"""

from datetime import datetime
from typing import Any

from agent.checkout import answer_acts as note
from agent.checkout import answer_guards as told
from agent.checkout import call_acts as ask
from agent.checkout import payment_acts as pay
from agent.checkout import request_guards as asked
from agent.checkout import sale_acts as sale
from agent.checkout import standing_guards as is_
from agent.checkout.call_acts import restart
from agent.checkout.effects import Effect, ReadTransaction
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CallNotAuthorised,
    CallNotSent,
    CallRefused,
    CallUnknown,
    CardRemoved,
    CardSet,
    PayAsked,
    ReadAnswered,
    Restarted,
    RetryAsked,
    Turn,
    Woke,
)
from agent.checkout.replacing import replace
from agent.checkout.row import (
    ATTENTION,
    CASH,
    CONFIRMED,
    DUE,
    FAILED,
    STARTING,
    UNSURE,
    A,
    Done,
    E,
    Guard,
    Row,
    because,
    go,
    no,
)
from agent.checkout.state import Asking, Basket, Checkout, HandedOver, Payment, Phase, Rules, Situation
from agent.checkout.state import TransactionFacts as Facts


def begin_handed_over(
    handed_over: HandedOver, checkout_id: str, rules: Rules, now_s: float, wall: datetime
) -> tuple[Checkout, tuple[Effect, ...]]:
    """Return the checkout that begins with this transaction, and the read that comes before everything else."""
    checkout = Checkout(
        id=checkout_id,
        created=wall,
        updated=wall,
        rules=rules,
        touched_s=now_s,
        phase=Phase.APPLYING,
        handed_over=handed_over,
        requests=1,
        asking=Asking(call="read", number=1),
    )
    return checkout, (ReadTransaction(number=1, transaction_id=handed_over.transaction_id),)


# Questions


def handed_over(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.handed_over is not None


def _and(guard: Guard[E]) -> Guard[E]:
    """Ask this of a checkout that was handed over."""

    def both(checkout: Checkout, event: E, situation: Situation) -> bool:
        return checkout.handed_over is not None and guard(checkout, event, situation)

    return both


def due_of(facts: Facts) -> int | None:
    """Return what is to be paid, as far as a read tells: the remainder once balance was applied, else the sum."""
    return facts.missing_sum if facts.status == "processing" else facts.sum


def _card_refused(_checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    """A card that cannot be used; or money would be loaded onto one that the API has not called valid."""
    card = event.facts.card
    if card is not None and card.refused is not None:
        return True
    charges = any(map(is_.is_charge, event.facts.products))
    return charges and (card is None or card.valid is not True)


def _discharges(_checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return any(map(is_.is_discharge, event.facts.products))


def _as_said(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    said = checkout.handed_over
    return said is not None and told.payable(checkout, event, situation) and due_of(event.facts) == said.amount_due


def _as_paid(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    refused = _card_refused(checkout, event, situation) or _discharges(checkout, event, situation)
    return _as_said(checkout, event, situation) and not refused


def _wants(method: str) -> Guard[ReadAnswered]:
    def guard(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
        wanted = checkout.wanted
        return wanted is not None and wanted.method == method and _as_said(checkout, event, situation)

    return guard


def _wants_with_nothing_due(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return checkout.wanted is not None and checkout.wanted.amount == 0 and _as_said(checkout, event, situation)


def _wants_cash_into_open_drawer(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return situation.drawer == "open" and _wants("cash")(checkout, event, situation)


def _wants_cash_without_room(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return not situation.room and _wants("cash")(checkout, event, situation)


def _other_amount(checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    return checkout.handed_over is not None and event.amount != checkout.handed_over.amount_due


def _not_wanted_yet(checkout: Checkout, _event: PayAsked, _situation: Situation) -> bool:
    return checkout.handed_over is not None and checkout.wanted is None


# What is done


def want(checkout: Checkout, event: PayAsked, situation: Situation) -> Done:
    wanted = Payment(method=event.method, amount=event.amount)
    return replace(checkout, wanted=wanted, touched_s=situation.now_s), ()


def take_over(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> Done:
    """What the read shows is what is shown to the customer, and what is started."""
    facts, bonus = event.facts, note.bonus_lines(event.facts.products)
    applied = facts.status == "processing"
    own = tuple(line for line in facts.products if not applied or line not in bonus)
    basket = Basket(products=own, currency=facts.currency or checkout.basket.currency, told_sum=facts.sum)
    return (
        replace(
            checkout,
            transaction=note.as_shown(checkout.transaction, facts),
            basket=basket,
            card=facts.card,
            use_balance=applied,
            bonus_products=bonus if applied else (),
            amount_due=due_of(facts),
            merchantRef=facts.merchantRef,
            transactionRef=facts.transactionRef,
            asking=None,
            creates=0,
            reason=None,
        ),
        (),
    )


def read_anew(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Read it as at the beginning: what was known of it may not be so any more."""
    said = checkout.handed_over
    if said is None:
        raise ValueError("this row needs a transaction that was handed over")
    checkout = replace(ask.awaiting(checkout, "read"), transaction=None, creates=checkout.creates + 1)
    return checkout, (ReadTransaction(number=checkout.requests, transaction_id=said.transaction_id),)


ROWS_OF_HANDED_OVER: tuple[Row[Any], ...] = (
    # applying: it is read, and is what the register says, or nothing comes of it
    no(A, PayAsked, "amount_differs", when=_other_amount),
    no(A, PayAsked, "something_due", when=_and(asked.by_card_alone)),
    go(A, PayAsked, "same", want, when=_not_wanted_yet),
    go(A, ReadAnswered, FAILED, note.forget_asking, because("discharge_not_supported"), when=_and(_discharges)),
    go(A, ReadAnswered, FAILED, note.forget_asking, because("card_refused"), when=_and(_card_refused)),
    go(A, ReadAnswered, STARTING, take_over, pay.pay_nothing, ask.start, when=_wants_with_nothing_due),
    go(A, ReadAnswered, DUE, take_over, sale.forget_wanted("drawer_open"), when=_wants_cash_into_open_drawer),
    go(A, ReadAnswered, DUE, take_over, sale.forget_wanted("no_room"), when=_wants_cash_without_room),
    go(A, ReadAnswered, CASH, take_over, pay.take_wanted, pay.open_drawer, when=_wants("cash")),
    go(A, ReadAnswered, STARTING, take_over, pay.take_wanted, ask.start, when=_wants("cashless")),
    go(A, ReadAnswered, DUE, take_over, sale.forget_wanted(None), when=_as_said),
    go(A, ReadAnswered, FAILED, note.forget_asking, because("amount_differs"), when=_and(told.payable)),
    go(A, ReadAnswered, FAILED, note.forget_asking, because("not_payable"), when=handed_over),
    go(A, CallRefused, FAILED, note.keep_problem, because("refused"), when=handed_over),
    go(A, CallNotSent, FAILED, note.forget_asking, because("offline"), when=handed_over),
    go(A, CallNotAuthorised, FAILED, note.keep_problem, because("not_authorised"), when=handed_over),
    go(A, CallUnknown, FAILED, note.forget_asking, because("no_answer"), when=_and(is_.too_many_creates)),
    go(A, CallUnknown, "same", read_anew, when=handed_over),
    go(A, Restarted, "same", restart, read_anew, when=handed_over),
    # due: nothing of it is ours to change; who asks for the same once more is still there
    no(DUE, BasketSet, "handed_over", when=handed_over),
    no(DUE, CardSet, "handed_over", when=handed_over),
    no(DUE, CardRemoved, "handed_over", when=handed_over),
    go(DUE, ApplyAsked, "same", sale.touch, when=_and(asked.same_apply)),
    no(DUE, ApplyAsked, "handed_over", when=handed_over),
    go(DUE, Woke, A, sale.clear_amount, read_anew, when=_and(is_.old_but_not_idle)),
    go(DUE, Restarted, A, restart, sale.clear_amount, read_anew, when=handed_over),
    # awaiting cash: whoever changed it has to hand it over again
    go(
        CASH,
        ReadAnswered,
        ATTENTION,
        pay.note_waiting,
        ask.abandon,
        because("amount_changed"),
        when=_and(told.changed_and_person_must_decide),
    ),
    go(CASH, ReadAnswered, FAILED, note.forget_asking, because("amount_changed"), when=_and(told.changed)),
    # money was taken
    go(CONFIRMED, Turn, "same", read_anew, when=_and(is_.must_be_known_anew)),
    go(CONFIRMED, ReadAnswered, STARTING, take_over, ask.start, when=_as_paid),
    go(CONFIRMED, ReadAnswered, ATTENTION, note.forget_asking, because("amount_changed"), when=handed_over),
    go(UNSURE, ReadAnswered, FAILED, note.keep_status, because("amount_changed"), when=_and(told.unfit_and_not_cash)),
    go(UNSURE, ReadAnswered, FAILED, note.keep_status, because("refused"), when=_and(told.refused_status_and_not_cash)),
    no(ATTENTION, RetryAsked, "handed_over", when=_and(asked.replaces_unread)),
)
