"""What the checkout table says, row by row; the walks prove what holds in all of it."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agent.checkout.answer_guards import PERSON_DECIDES_S
from agent.checkout.effects import (
    AbortTransaction,
    ApplyBalance,
    BeginReversal,
    CancelTerminalPayment,
    CancelTransaction,
    CheckCard,
    CreateTransaction,
    Effect,
    OpenDrawer,
    OpenDrawerToRefund,
    PrintReceipt,
    ReadTransaction,
    SendBooked,
    StartTransaction,
    UpdateTransaction,
)
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CallNotAuthorised,
    CancelAsked,
    CardRemoved,
    CardSet,
    ConfirmAsked,
    DrawerOpenAsked,
    DrawerOpened,
    DrawerTroubled,
    Event,
    OtherAmountPaid,
    PayAsked,
    ResolveAsked,
    Restarted,
    RetryAsked,
    ReverseAsked,
    Turn,
    Woke,
)
from agent.checkout.reversal import begin_reversal
from agent.checkout.standing_guards import CUSTOMER_GONE_S, OVERDUE_AFTER, is_overdue
from agent.checkout.state import (
    AT_TERMINAL_S,
    FINAL,
    ApiProblem,
    Basket,
    Card,
    Checkout,
    Evidence,
    Method,
    Phase,
    Rules,
)
from agent.checkout.step import NotAllowed, background_at, is_active, wake_at
from agent.checkout.table import TABLE
from tests.checkouts import (
    CHARGE,
    CHARGE_EAN,
    DISCHARGE,
    DISCHARGE_EAN,
    FREE,
    INVALID,
    LOCKED,
    LUNCH,
    MASKED,
    NOTHING,
    NOW_S,
    RULES,
    SNACK,
    VALID,
    WALL,
    Line,
    Numbered,
    after,
    applied,
    basket_of,
    cancelled,
    cash_in,
    checked,
    executed,
    handed_over,
    new_checkout,
    not_authorised,
    not_sent,
    read,
    refused,
    refused_charge,
    reversal_of,
    saved,
    situation,
    sold,
    tell,
    unknown,
)

ADA = "Ada"
CARD = CardSet(number=MASKED)
APPLY = ApplyAsked()
APPLY_BALANCE = ApplyAsked(use_balance=True)
PAY_796, PAY_296 = PayAsked(method="cash", amount=796), PayAsked(method="cash", amount=296)
CASHLESS = PayAsked(method="cashless", amount=796)
NOTHING_DUE, CASH_0 = PayAsked(method="loyalty", amount=0), PayAsked(method="cash", amount=0)
CONFIRM_796 = ConfirmAsked(amount=796, by=ADA)
RETRY, RETRY_ANEW = RetryAsked(by=ADA), RetryAsked(by=ADA, new_transaction=True)
RESOLVE = ResolveAsked(outcome="refunded", note="paid back at the counter", by=ADA)
RESTART = Restarted(rules=RULES)
WINDOW_S = RULES.late_window_s + RULES.stale_read_s
LATER_S = NOW_S + WINDOW_S
LONG_AFTER_S = LATER_S + AT_TERMINAL_S
NEXT_DAY = WALL + timedelta(days=1)

DRAFT = new_checkout()
WITH_CARD = after(DRAFT, CARD, checked())
APPLYING = after(DRAFT, APPLY)
DUE = after(APPLYING, saved())
WITH_BALANCE = after(WITH_CARD, APPLY_BALANCE, saved(card=VALID), applied(296))
AWAITING = after(DUE, PAY_796)
OFFLINE = after(DRAFT, PAY_796, api="offline")
STARTING = after(AWAITING, cash_in())
CONFIRMED = after(OFFLINE, cash_in(), api="offline")
UNSURE = after(STARTING, unknown)
ATTENTION = after(UNSURE, read("failed"))
COMPLETED = after(STARTING, executed())
CANCELLED = after(DUE, CancelAsked())
RESOLVED = after(ATTENTION, RESOLVE)
PAID_BY_CARD = after(DUE, CASHLESS)
FAILED = after(after(PAID_BY_CARD, unknown), read("failed"), front_taken=True)
IN_EACH_PHASE = {
    checkout.phase: checkout
    for checkout in (
        DRAFT, APPLYING, DUE, AWAITING, CONFIRMED, STARTING, UNSURE, ATTENTION, COMPLETED, CANCELLED, FAILED, RESOLVED,
    )
}  # fmt: skip


def refusal_of(checkout: Checkout, event: Event | Numbered, *, now_s: float = NOW_S, **known: object) -> str:
    """Why the table does not allow this."""
    with pytest.raises(NotAllowed) as caught:
        tell(checkout, event, now_s=now_s, **known)
    return caught.value.reason


def kinds(effects: tuple[Effect, ...]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


def test_every_phase_can_be_told() -> None:
    assert set(Phase) == set(IN_EACH_PHASE)


# Draft


def test_a_basket_is_kept_and_nothing_is_asked() -> None:
    checkout, effects = tell(DRAFT, BasketSet(basket=SNACK))
    assert (checkout.phase, checkout.basket, effects) == (Phase.DRAFT, SNACK, ())


def test_a_card_is_checked_at_once_and_no_transaction_is_made() -> None:
    checkout, effects = tell(DRAFT, CARD)
    assert ([CheckCard], Card(number=MASKED)) == (kinds(effects), checkout.card)
    assert after(checkout, checked()).card == VALID


def test_offline_a_card_is_kept_unchecked() -> None:
    checkout, effects = tell(DRAFT, CARD, api="offline")
    assert (Card(number=MASKED), ()) == (checkout.card, effects)


@pytest.mark.parametrize("told", [INVALID, LOCKED])
def test_a_card_that_is_invalid_or_locked_is_not_kept(told: Card) -> None:
    assert after(DRAFT, CARD, checked(told)).card is None


@pytest.mark.parametrize("told", [refused(), not_sent, unknown, not_authorised])
def test_a_card_that_could_not_be_checked_is_kept(told: Numbered) -> None:
    assert Card(number=MASKED) == after(DRAFT, CARD, told).card


@pytest.mark.parametrize("checkout", [WITH_CARD, WITH_BALANCE])
def test_a_second_different_card_is_refused(checkout: Checkout) -> None:
    assert refusal_of(checkout, CARD) == "card_present"


def test_a_removed_card_takes_the_balance_and_the_transaction_with_it() -> None:
    checkout, effects = tell(WITH_BALANCE, CardRemoved())
    assert (
        checkout.phase,
        checkout.card,
        checkout.use_balance,
        checkout.amount_due,
    ) == (Phase.DRAFT, None, False, None)
    assert effects == (AbortTransaction(transaction_id="STX_1"),)


def test_the_check_of_a_removed_card_comes_too_late() -> None:
    asked = after(DRAFT, CARD)
    late = checked()(asked.requests)
    assert refusal_of(after(asked, CardRemoved()), late) == "late"


def test_applying_creates_the_transaction_by_one_request() -> None:
    checkout, effects = tell(DRAFT, APPLY)
    assert (Phase.APPLYING, (CreateTransaction(number=1),)) == (checkout.phase, effects)


@pytest.mark.parametrize(
    ("checkout", "request_", "known", "reason"),
    [
        (new_checkout(NOTHING), APPLY, {}, "empty_basket"),
        (new_checkout(NOTHING), PAY_796, {}, "empty_basket"),
        (DRAFT, APPLY_BALANCE, {}, "no_card"),
        (WITH_CARD, APPLY_BALANCE, {"card_waiting": True}, "card_waiting"),
        (after(new_checkout(CHARGE), CARD, checked()), APPLY_BALANCE, {}, "charge_without_balance"),
        (new_checkout(DISCHARGE), APPLY, {}, "discharge_not_supported"),
        (after(new_checkout(DISCHARGE), CARD, checked()), APPLY_BALANCE, {}, "discharge_not_supported"),
        (new_checkout(DISCHARGE), PAY_796, {}, "discharge_not_supported"),
        (new_checkout(DISCHARGE), CASHLESS, {}, "discharge_not_supported"),
        (new_checkout(DISCHARGE), NOTHING_DUE, {}, "discharge_not_supported"),
        (new_checkout(DISCHARGE), PAY_796, {"api": "offline"}, "discharge_not_supported"),
        (new_checkout(basket_of(796, int(DISCHARGE_EAN))), PAY_796, {}, "discharge_not_supported"),
        (new_checkout(basket_of(796, "4260447149540")), PAY_796, {}, "discharge_not_supported"),
        (new_checkout(Basket(products=LUNCH.products + DISCHARGE.products)), APPLY, {}, "discharge_not_supported"),
        (DRAFT, PAY_796, {"drawer": "open"}, "drawer_open"),
        (DRAFT, PAY_796, {"room": False}, "no_room"),
        (DRAFT, PAY_796, {"api": "offline", "offline_refusal": "too many wait"}, "offline"),
        (new_checkout(CHARGE), PAY_796, {"api": "offline"}, "offline"),
        (new_checkout(basket_of(796, int(CHARGE_EAN))), PAY_796, {"api": "offline"}, "offline"),
        (DRAFT, PAY_296, {"api": "offline"}, "amount_differs"),
        (new_checkout(FREE), CASH_0, {"api": "offline"}, "offline"),
        (DRAFT, CASH_0, {"api": "offline"}, "amount_differs"),
        (DRAFT, PayAsked(method="loyalty", amount=796), {}, "something_due"),
        (handed_over(), PayAsked(method="loyalty", amount=796), {}, "something_due"),
        (DUE, APPLY_BALANCE, {}, "no_card"),
        (after(WITH_CARD, APPLY, saved()), APPLY_BALANCE, {"card_waiting": True}, "card_waiting"),
        (DUE, PAY_296, {}, "amount_differs"),
        (DUE, PAY_796, {"drawer": "open"}, "drawer_open"),
        (DUE, PAY_796, {"room": False}, "no_room"),
        (DUE, PAY_796, {"api": "offline", "offline_refusal": "too many wait"}, "offline"),
        (DUE, PayAsked(method="loyalty", amount=796), {}, "something_due"),
    ],
)
def test_what_must_not_be_paid_or_applied_is_refused(
    checkout: Checkout, request_: Event, known: dict[str, Any], reason: str
) -> None:
    assert refusal_of(checkout, request_, **known) == reason


def test_an_unknown_drawer_does_not_keep_from_paying() -> None:
    assert after(DUE, PAY_796, drawer="unknown").phase is Phase.AWAITING_CASH


# Pay at once


@pytest.mark.parametrize(
    ("pay", "sum_", "phase", "effect"),
    [
        (PAY_796, 796, Phase.AWAITING_CASH, OpenDrawer),
        (CASHLESS, 796, Phase.STARTING, StartTransaction),
        (NOTHING_DUE, 0, Phase.STARTING, StartTransaction),
        (CASH_0, 0, Phase.STARTING, StartTransaction),
    ],
)
def test_pay_goes_on_by_itself_when_the_amount_given_is_due(
    pay: PayAsked, sum_: int, phase: Phase, effect: type[Effect]
) -> None:
    checkout, effects = tell(DRAFT, pay, saved(sum=sum_))
    assert (phase, sum_, [effect]) == (checkout.phase, checkout.amount_due, kinds(effects))


def test_pay_stops_where_another_amount_is_due() -> None:
    checkout, effects = tell(DRAFT, PAY_796, saved(sum=800))
    assert (checkout.phase, checkout.amount_due, checkout.reason, effects) == (Phase.DUE, 800, "amount_changed", ())
    assert (checkout.wanted, checkout.payment) == (None, None)


def test_a_card_that_does_not_cover_the_sum_is_not_called_another_amount() -> None:
    checkout, effects = tell(DRAFT, NOTHING_DUE, saved(sum=796))
    assert (checkout.phase, checkout.amount_due, checkout.reason, effects) == (Phase.DUE, 796, "something_due", ())


def test_no_drawer_is_asked_where_the_confirmation_would_find_no_room() -> None:
    checkout = after(after(DRAFT, PAY_796), saved(), room=False)
    assert (checkout.phase, checkout.reason) == (Phase.DUE, "no_room")
    with pytest.raises(NotAllowed, match="no_room"):
        after(AWAITING, DrawerOpenAsked(reason="stuck", by="Ada"), room=False)


def test_pay_stops_where_the_drawer_was_opened_meanwhile() -> None:
    checkout = after(after(DRAFT, PAY_796), saved(), drawer="open")
    assert (checkout.phase, checkout.reason) == (Phase.DUE, "drawer_open")


def test_pay_is_forgotten_by_a_restart() -> None:
    """The amount is asked anew and shown; nothing is opened or booked for somebody who may have gone."""
    checkout = after(DRAFT, PAY_796, RESTART, saved())
    assert (checkout.phase, checkout.payment) == (Phase.DUE, None)


def test_offline_the_sum_is_that_of_all_lines_and_quantities() -> None:
    basket = Basket(products=({"priceOne": 349, "quantity": 1}, {"priceOne": 99, "quantity": 2}))
    assert after(new_checkout(basket), PayAsked(method="cash", amount=547), api="offline").amount_due == 547


def test_a_price_that_is_no_whole_number_has_no_sum() -> None:
    with pytest.raises(TypeError, match="priceOne must be a whole number"):
        _ = Basket(products=({"priceOne": 3.49, "quantity": 1},)).sum


@pytest.mark.parametrize("api", ["offline", "not_authorised"])
def test_offline_the_sum_is_due_in_cash_and_the_drawer_opens(api: str) -> None:
    checkout, effects = tell(WITH_CARD, PAY_796, api=api)
    assert (checkout.phase, checkout.amount_due, checkout.use_balance) == (Phase.AWAITING_CASH, 796, False)
    assert effects == (OpenDrawer(),)


def test_offline_what_was_applied_before_is_finished_like_any_other() -> None:
    paying = after(WITH_BALANCE, PAY_296, api="offline", offline_refusal="too many wait")
    assert paying.phase is Phase.AWAITING_CASH


def test_offline_a_transaction_of_before_is_left() -> None:
    """It may be of another basket, or have a balance applied; a new one is created whole when the API is back."""
    checkout, effects = tell(after(WITH_BALANCE, BasketSet(basket=LUNCH)), PAY_796, api="offline")
    assert checkout.transaction is None
    assert kinds(effects) == [AbortTransaction, OpenDrawer]


def test_offline_other_methods_find_out_that_they_are_not_sent() -> None:
    checkout = after(DRAFT, CASHLESS, not_sent, api="offline")
    assert (checkout.phase, checkout.reason) == (Phase.DRAFT, "offline")


# Applying


def test_the_sum_that_the_api_answers_is_due() -> None:
    checkout, effects = tell(APPLYING, saved(sum=800))
    assert (checkout.phase, checkout.amount_due, effects) == (Phase.DUE, 800, ())


def test_with_balance_what_is_missing_is_due_with_the_bonus_lines() -> None:
    bonus = Line(ean="111111117", quantity=1, priceOne=-15)
    asked, effects = tell(WITH_CARD, APPLY_BALANCE, saved(card=VALID))
    checkout = after(asked, applied(296, bonus))
    assert kinds(effects) == [ApplyBalance]
    assert (Phase.DUE, 296, (bonus,)) == (checkout.phase, checkout.amount_due, checkout.bonus_products)


@pytest.mark.parametrize("told", [INVALID, LOCKED])
def test_a_card_refused_at_creation_is_taken_off_and_the_transaction_abandoned(told: Card) -> None:
    checkout, effects = tell(WITH_CARD, APPLY, saved(card=told))
    assert (checkout.phase, checkout.reason, checkout.card) == (Phase.DRAFT, "card_refused", None)
    assert effects == (AbortTransaction(transaction_id="STX_1"),)


@pytest.mark.parametrize("told", [None, Card(number=MASKED)])
def test_money_is_loaded_only_onto_a_card_that_was_called_valid(told: Card | None) -> None:
    checkout = after(new_checkout(CHARGE), CARD, checked(), APPLY, saved(card=told))
    assert (checkout.phase, checkout.reason) == (Phase.DRAFT, "card_refused")


@pytest.mark.parametrize("answer", [saved("aborted"), saved(sum=None)])
def test_a_transaction_that_cannot_be_paid_is_abandoned(answer: Numbered) -> None:
    checkout = after(APPLYING, answer)
    assert (checkout.phase, checkout.reason, checkout.transaction) == (Phase.DRAFT, "not_payable", None)


def test_a_refusal_leads_back_to_the_draft_with_the_words_of_the_api() -> None:
    checkout = after(APPLYING, refused("ProductSecurityException", code="1016"))
    assert (checkout.phase, checkout.reason) == (Phase.DRAFT, "refused")
    assert checkout.error is not None
    assert (checkout.error.error, checkout.error.code) == ("ProductSecurityException", "1016")


@pytest.mark.parametrize(("answer", "reason"), [(not_sent, "offline"), (not_authorised, "not_authorised")])
def test_what_was_not_sent_leads_back_to_the_draft_and_keeps_the_transaction(answer: Numbered, reason: str) -> None:
    checkout, effects = tell(after(DUE, BasketSet(basket=SNACK), APPLY), answer)
    assert (Phase.DRAFT, reason, ()) == (checkout.phase, checkout.reason, effects)
    assert checkout.transaction is not None


def test_a_creation_without_answer_is_done_anew() -> None:
    checkout, effects = tell(APPLYING, unknown)
    assert (Phase.APPLYING, (CreateTransaction(number=2),)) == (checkout.phase, effects)


def test_after_three_creations_without_answer_the_customer_is_told() -> None:
    checkout = after(APPLYING, unknown, unknown, unknown)
    assert (checkout.phase, checkout.reason) == (Phase.DRAFT, "no_answer")


@pytest.mark.parametrize("happened", [unknown, RESTART])
def test_an_update_without_answer_is_never_repeated_on_the_same_transaction(happened: Event | Numbered) -> None:
    updating, asked = tell(DUE, BasketSet(basket=SNACK), APPLY)
    checkout, effects = tell(updating, happened)
    assert kinds(asked) == [UpdateTransaction]
    assert (Phase.APPLYING, None, [AbortTransaction, CreateTransaction]) == (
        checkout.phase,
        checkout.transaction,
        kinds(effects),
    )


PRE_TRANSACTION = after(WITH_CARD, APPLY_BALANCE, saved(card=VALID))


def test_a_discount_of_the_basket_itself_is_no_bonus_of_the_card() -> None:
    """Its own come first, as they were sent; what the API added may be worth the same."""
    own, other = Line(id=2, priceOne=-15, quantity=1), Line(id=3, priceOne=-20, quantity=2)
    basket = replace(LUNCH, products=(*LUNCH.products, own, other))
    asked = after(new_checkout(basket), CARD, checked(), APPLY_BALANCE, saved(card=VALID), unknown)
    bonus = Line(id=4, priceOne=-15, quantity=1, desc="Bonus")
    checkout = after(asked, read("processing", missing_sum=296, products=(*basket.products, bonus)))
    assert checkout.bonus_products == (bonus,)


def test_a_pre_transaction_without_answer_is_read_and_taken_when_it_was_applied() -> None:
    bonus, article = Line(priceOne=-15, quantity=1), Line(priceOne=796, quantity=1)
    asked, effects = tell(PRE_TRANSACTION, unknown)
    checkout = after(asked, read("processing", missing_sum=296, products=(article, bonus)))
    assert kinds(effects) == [ReadTransaction]
    assert (Phase.DUE, 296, (bonus,)) == (checkout.phase, checkout.amount_due, checkout.bonus_products)


@pytest.mark.parametrize(
    "answer",
    [
        read("created"),
        read("processing"),
        read("processing", missing_sum=296, card=Card(number="9276********4352")),
        unknown,
    ],
)
def test_a_pre_transaction_that_is_not_seen_applied_costs_the_transaction(answer: Numbered) -> None:
    checkout, effects = tell(PRE_TRANSACTION, unknown, answer)
    assert (Phase.APPLYING, [AbortTransaction, CreateTransaction]) == (checkout.phase, kinds(effects))


def test_a_pre_transaction_that_is_never_seen_applied_ends_in_the_draft() -> None:
    again = (saved(card=VALID), unknown, read("created"))
    checkout = after(PRE_TRANSACTION, unknown, read("created"), *again, *again)
    assert (checkout.phase, checkout.reason) == (Phase.DRAFT, "no_answer")


def test_after_an_update_an_unanswered_pre_transaction_is_not_read() -> None:
    """A stale read could show the balance as it was applied to the basket of before."""
    updating = after(WITH_BALANCE, BasketSet(basket=SNACK), APPLY_BALANCE, saved(sum=349, card=VALID))
    checkout, effects = tell(updating, unknown)
    assert (Phase.APPLYING, [AbortTransaction, CreateTransaction]) == (checkout.phase, kinds(effects))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(not_sent, "offline"), (not_authorised, "not_authorised"), (refused(), "refused")],
)
def test_where_that_read_is_not_possible_the_transaction_is_left(answer: Numbered, reason: str) -> None:
    checkout, effects = tell(PRE_TRANSACTION, unknown, answer)
    assert (Phase.DRAFT, reason, [AbortTransaction]) == (checkout.phase, checkout.reason, kinds(effects))


@pytest.mark.parametrize("request_", [BasketSet(basket=SNACK), CARD, CardRemoved(), APPLY_BALANCE, PAY_796])
def test_while_applying_nothing_of_the_sale_may_change(request_: Event) -> None:
    assert refusal_of(APPLYING, request_) == "busy"


# Due


def test_a_changed_basket_is_told_to_the_same_transaction_by_one_update() -> None:
    checkout = after(WITH_BALANCE, BasketSet(basket=SNACK))
    assert (checkout.phase, checkout.amount_due) == (Phase.DRAFT, None)
    updating, effects = tell(checkout, APPLY_BALANCE)
    assert kinds(effects) == [UpdateTransaction]
    assert kinds(tell(updating, saved(sum=349, card=VALID))[1]) == [ApplyBalance]


@pytest.mark.parametrize(("api", "effects"), [("online", [CheckCard]), ("offline", [])])
def test_a_card_for_what_is_due_leads_back_to_the_draft(api: str, effects: list[type[Effect]]) -> None:
    checkout, asked = tell(DUE, CARD, api=api)
    assert (Phase.DRAFT, Card(number=MASKED), effects) == (checkout.phase, checkout.card, kinds(asked))
    assert checkout.transaction is not None


def test_the_customer_may_change_their_mind_about_the_balance() -> None:
    checkout, effects = tell(WITH_BALANCE, APPLY)
    assert (Phase.APPLYING, [UpdateTransaction]) == (checkout.phase, kinds(effects))
    assert after(checkout, saved()).amount_due == 796


@pytest.mark.parametrize("pay", [PayAsked(method=method, amount=0) for method in ("cash", "cashless", "loyalty")])
def test_where_nothing_is_due_it_is_always_loyalty_and_no_drawer(pay: PayAsked) -> None:
    checkout, effects = tell(after(WITH_CARD, APPLY_BALANCE, saved(card=VALID), applied(0)), pay)
    [start] = effects
    assert isinstance(start, StartTransaction)
    assert (checkout.phase, start.method) == (Phase.STARTING, "loyalty")


def test_cash_opens_the_drawer_and_cashless_is_started() -> None:
    assert tell(DUE, PAY_796)[1] == (OpenDrawer(),)
    assert kinds(tell(DUE, CASHLESS)[1]) == [StartTransaction]


def test_an_amount_shown_for_ten_minutes_is_asked_anew() -> None:
    checkout, effects = tell(DUE, Woke(), now_s=NOW_S + 600.0)
    assert (
        checkout.phase,
        checkout.reason,
        checkout.amount_due,
        effects,
    ) == (Phase.DRAFT, "amount_expired", None, ())
    assert kinds(tell(checkout, APPLY)[1]) == [UpdateTransaction]


def test_after_a_restart_what_was_due_is_asked_anew() -> None:
    checkout = after(DUE, RESTART)
    assert (checkout.phase, checkout.reason, checkout.amount_due) == (Phase.DRAFT, "restarted", None)
    assert checkout.transaction == DUE.transaction


@pytest.mark.parametrize("checkout", [DRAFT, DUE, AWAITING, OFFLINE])
def test_before_any_confirmation_it_can_be_cancelled(checkout: Checkout) -> None:
    cancelled, effects = tell(checkout, CancelAsked())
    assert cancelled.phase is Phase.CANCELLED
    assert kinds(effects) == ([AbortTransaction] if checkout.transaction else [])


def test_while_applying_it_can_be_cancelled_and_the_answer_comes_too_late() -> None:
    answer = saved()(APPLYING.requests)
    assert refusal_of(after(APPLYING, CancelAsked()), answer) == "late"


# Awaiting cash


def test_while_the_drawer_is_open_the_transaction_is_read_once() -> None:
    checkout, effects = tell(AWAITING, DrawerOpened())
    assert kinds(effects) == [ReadTransaction]
    assert tell(checkout, DrawerOpened())[1] == ()


@pytest.mark.parametrize(("checkout", "api"), [(AWAITING, "offline"), (OFFLINE, "online")])
def test_there_is_no_read_without_connection_or_transaction(checkout: Checkout, api: str) -> None:
    assert tell(checkout, DrawerOpened(), api=api)[1] == ()


@pytest.mark.parametrize("answer", [read(), read(sum=None), refused(), not_sent, unknown, not_authorised])
def test_a_read_that_tells_nothing_else_lets_the_cash_come(answer: Numbered) -> None:
    checkout = after(AWAITING, DrawerOpened(), answer)
    assert (checkout.phase, checkout.asking) == (Phase.AWAITING_CASH, None)
    assert after(checkout, cash_in()).phase is Phase.STARTING


@pytest.mark.parametrize(
    "answer", [read(sum=800), read("processing"), read("created", missing_sum=500, updated="2026-11-22")]
)
def test_a_read_that_differs_voids_the_payment_and_the_amount_is_asked_anew(answer: Numbered) -> None:
    """Never taken from the read itself, which may be stale."""
    shown = replace(AWAITING, transaction=replace(AWAITING.transaction, updated="2026-11-21"))  # type: ignore[type-var]
    checkout, effects = tell(shown, DrawerOpened(), answer)
    assert (Phase.APPLYING, None, [UpdateTransaction]) == (checkout.phase, checkout.payment, kinds(effects))
    assert refusal_of(checkout, cash_in()) == "not_allowed"
    due = after(checkout, saved(sum=800))
    assert (due.phase, due.amount_due, due.reason) == (Phase.DUE, 800, "amount_changed")


def test_a_transaction_that_is_not_payable_any_more_is_left() -> None:
    checkout = after(AWAITING, DrawerOpened(), read("timeout"))
    assert (checkout.phase, checkout.transaction, checkout.reason) == (Phase.DRAFT, None, "amount_changed")


def test_evidence_with_the_api_there_starts() -> None:
    checkout, effects = tell(AWAITING, cash_in())
    assert (checkout.phase, checkout.waiting_since) == (Phase.STARTING, WALL)
    assert effects == (StartTransaction(number=2, transaction_id="STX_1", method="cash", action_id="co_1.1"),)


@pytest.mark.parametrize("api", ["offline", "not_authorised"])
def test_evidence_with_the_api_away_is_confirmed_and_waits(api: str) -> None:
    checkout, effects = tell(AWAITING, cash_in(), api=api)
    assert (checkout.phase, checkout.waiting_since, effects) == (Phase.CONFIRMED, WALL, ())


def test_without_a_transaction_evidence_waits_for_its_turn_even_online() -> None:
    assert after(OFFLINE, cash_in()).phase is Phase.CONFIRMED


def test_evidence_for_another_amount_confirms_nothing() -> None:
    assert refusal_of(AWAITING, cash_in(295)) == "amount_differs"


def test_a_message_of_another_amount_needs_a_person() -> None:
    checkout = after(AWAITING, OtherAmountPaid(amount=500))
    assert (checkout.phase, checkout.reason, checkout.waiting_since) == (Phase.ATTENTION, "other_amount_paid", WALL)


@pytest.mark.parametrize("trouble", ["lost", "did_not_open", "closed_too_soon", "unknown", "not_asked", "message_torn"])
def test_where_the_drawer_cannot_tell_the_operator_may(trouble: str) -> None:
    assert refusal_of(AWAITING, CONFIRM_796) == "operator_not_needed"
    troubled = after(AWAITING, DrawerTroubled(trouble=trouble))  # type: ignore[arg-type]  # parametrised
    assert (Phase.AWAITING_CASH, trouble) == (troubled.phase, troubled.payment and troubled.payment.drawer_trouble)
    confirmed = after(troubled, CONFIRM_796)
    assert confirmed.payment is not None
    assert Evidence(kind="operator", amount=796, at=WALL, by=ADA) == confirmed.payment.evidence
    assert confirmed.phase is Phase.STARTING


def test_the_policy_may_let_the_operator_confirm_always() -> None:
    rules = Rules(confirmed_by=("operator",))
    checkout = after(new_checkout(rules=rules), PAY_796, api="offline")
    assert after(checkout, CONFIRM_796, api="offline").phase is Phase.CONFIRMED


def test_the_operator_confirms_only_the_amount_that_was_shown() -> None:
    troubled = after(AWAITING, DrawerTroubled(trouble="lost"))
    assert refusal_of(troubled, ConfirmAsked(amount=795, by=ADA)) == "amount_differs"


def test_asked_again_by_a_person_the_drawer_opens_and_may_confirm_again() -> None:
    troubled = after(AWAITING, DrawerOpened(), DrawerTroubled(trouble="lost"))
    checkout, effects = tell(troubled, DrawerOpenAsked(reason="stuck", by=ADA))
    assert effects == (OpenDrawer(),)
    assert AWAITING.payment == checkout.payment


@pytest.mark.parametrize(("checkout", "effects"), [(AWAITING, [ReadTransaction]), (OFFLINE, [])])
def test_after_a_restart_cash_is_awaited_still_and_the_operator_decides(
    checkout: Checkout, effects: list[type[Effect]]
) -> None:
    interrupted, asked = tell(checkout, RESTART)
    assert (Phase.AWAITING_CASH, effects) == (interrupted.phase, kinds(asked))
    assert refusal_of(interrupted, cash_in()) == "interrupted"
    assert after(interrupted, CONFIRM_796).phase in {Phase.STARTING, Phase.CONFIRMED}


def test_after_a_restart_evidence_begins_with_the_drawer_asked_again() -> None:
    asked_again = after(AWAITING, RESTART, DrawerOpenAsked(reason="restarted", by=ADA))
    assert after(asked_again, cash_in()).phase is Phase.STARTING


@pytest.mark.parametrize(
    "request_", [BasketSet(basket=SNACK), CARD, CardRemoved(), APPLY, PayAsked(method="cashless", amount=796)]
)
def test_while_cash_is_awaited_nothing_of_the_sale_may_change(request_: Event) -> None:
    assert refusal_of(AWAITING, request_) == "too_late"


# Confirmed


def test_at_its_turn_a_confirmed_payment_is_started_or_its_transaction_created_first() -> None:
    with_transaction = after(AWAITING, cash_in(), api="offline")
    assert kinds(tell(with_transaction, Turn())[1]) == [StartTransaction]
    assert kinds(tell(CONFIRMED, Turn())[1]) == [CreateTransaction]
    assert after(CONFIRMED, Turn(), saved()).phase is Phase.STARTING


def test_one_turn_at_a_time() -> None:
    assert refusal_of(after(CONFIRMED, Turn()), Turn()) == "busy"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (saved(sum=800), "amount_changed"),
        (saved("aborted"), "not_payable"),
        (saved(card=INVALID), "card_refused"),
        (refused(), "refused"),
    ],
)
def test_what_the_api_then_refuses_or_changes_needs_a_person(answer: Numbered, reason: str) -> None:
    checkout = after(CONFIRMED, Turn(), answer)
    assert (Phase.ATTENTION, reason) == (checkout.phase, checkout.reason)


@pytest.mark.parametrize("answer", [unknown, not_sent, not_authorised])
def test_a_creation_that_did_not_work_out_is_done_anew_at_the_next_turn(answer: Numbered) -> None:
    checkout = after(CONFIRMED, Turn(), answer)
    assert (checkout.phase, checkout.asking) == (Phase.CONFIRMED, None)
    assert kinds(tell(checkout, Turn())[1]) == [CreateTransaction]


BALANCE_ANEW = after(
    WITH_BALANCE, PAY_296, cash_in(296), unknown, read("aborted", None), RETRY_ANEW, Turn(), saved(card=VALID)
)
"""Paid 296 beside the balance; the transaction was lost, and a new one is made whole."""


def test_a_balance_is_applied_anew_before_the_start() -> None:
    assert BALANCE_ANEW.asking is not None
    assert (BALANCE_ANEW.phase, BALANCE_ANEW.asking.call) == (Phase.CONFIRMED, "pre_transaction")
    assert after(BALANCE_ANEW, applied(296)).phase is Phase.STARTING


def test_another_remainder_than_was_paid_needs_a_person() -> None:
    checkout = after(BALANCE_ANEW, applied(396))
    assert (checkout.phase, checkout.reason) == (Phase.ATTENTION, "amount_changed")


def test_a_balance_is_not_applied_while_another_payment_with_the_card_waits() -> None:
    waiting = after(WITH_BALANCE, PAY_296, cash_in(296), unknown, read("aborted", None), RETRY_ANEW, Turn())
    checkout = after(waiting, saved(card=VALID), card_waiting=True)
    assert (checkout.phase, checkout.reason) == (Phase.ATTENTION, "card_waiting")


@pytest.mark.parametrize("checkout", [CONFIRMED, after(CONFIRMED, Turn()), ATTENTION])
def test_a_restart_leaves_what_is_confirmed_or_needs_a_person(checkout: Checkout) -> None:
    restarted, effects = tell(checkout, RESTART)
    assert (checkout.phase, None, ()) == (restarted.phase, restarted.asking, effects)


@pytest.mark.parametrize("checkout", [CONFIRMED, STARTING, UNSURE, ATTENTION, COMPLETED, FAILED, RESOLVED])
def test_after_the_confirmation_it_is_too_late_to_cancel(checkout: Checkout) -> None:
    assert refusal_of(checkout, CancelAsked()) == "too_late"


@pytest.mark.parametrize("phase", [Phase.CONFIRMED, Phase.STARTING, Phase.UNSURE, Phase.ATTENTION, *sorted(FINAL)])
@pytest.mark.parametrize("request_", [BasketSet(basket=SNACK), CARD, CardRemoved(), APPLY, PAY_296])
def test_after_the_confirmation_nothing_of_the_sale_may_change(phase: Phase, request_: Event) -> None:
    assert refusal_of(IN_EACH_PHASE[phase], request_) == "too_late"


# Starting and unsure


def test_executed_is_completed_with_its_receipt() -> None:
    checkout, effects = tell(STARTING, executed())
    assert (checkout.phase, checkout.trans_id, checkout.receipt_number) == (Phase.COMPLETED, "29187332", "3")
    assert len(checkout.receipt.customer) == 1
    assert effects == (PrintReceipt(), SendBooked())


@pytest.mark.parametrize("answer", [executed(sum=800), executed(missing_sum=800)])
def test_executed_otherwise_than_shown_needs_a_person_who_resolves_it(answer: Numbered) -> None:
    checkout = after(STARTING, answer)
    assert (checkout.phase, checkout.reason) == (Phase.ATTENTION, "executed_otherwise")
    assert {refusal_of(checkout, retry) for retry in (RETRY, RETRY_ANEW)} == {"executed"}


@pytest.mark.parametrize(("answer", "reason"), [(not_sent, "offline"), (not_authorised, "not_authorised")])
def test_a_start_that_was_certainly_not_sent(answer: Numbered, reason: str) -> None:
    """Cash is confirmed and waits; without cash the customer chooses again."""
    cash, cashless = after(STARTING, answer), after(PAID_BY_CARD, answer)
    assert (Phase.CONFIRMED, reason) == (cash.phase, cash.reason)
    assert (Phase.DUE, reason, None) == (cashless.phase, cashless.reason, cashless.payment)
    assert kinds(tell(cash, Turn())[1]) == [StartTransaction]


@pytest.mark.parametrize(
    "answer", [refused(), executed("failed"), executed("pending"), executed("created"), unknown, RESTART]
)
def test_without_proof_a_start_is_unsure_and_read(answer: Event | Numbered) -> None:
    checkout, effects = tell(STARTING, answer)
    assert (Phase.UNSURE, [ReadTransaction]) == (checkout.phase, kinds(effects))
    assert checkout.pursuit is not None
    assert checkout.pursuit.ends_s == LATER_S


def test_read_as_executed_is_completed() -> None:
    checkout, effects = tell(UNSURE, read("ok"))
    assert (Phase.COMPLETED, [PrintReceipt, SendBooked]) == (checkout.phase, kinds(effects))


def test_read_as_executed_otherwise_needs_a_person() -> None:
    assert after(UNSURE, read("finished", sum=800)).reason == "executed_otherwise"


@pytest.mark.parametrize("status", ["failed", "created"])
def test_a_start_that_is_answered_again_and_again_and_never_executed_needs_a_person(status: str) -> None:
    checkout, now_s = STARTING, NOW_S
    for _ in range(3):
        assert checkout.phase is Phase.STARTING
        unsure = after(checkout, executed(status), now_s=now_s)
        now_s += WINDOW_S
        checkout = after(unsure, read(begun_s=now_s), now_s=now_s)
    assert (checkout.phase, checkout.reason) == (Phase.ATTENTION, "refused")


def test_a_choice_without_cash_that_is_answered_as_failed_is_given_back() -> None:
    unsure = after(PAID_BY_CARD, executed("failed"))
    assert after(unsure, read(begun_s=LATER_S), now_s=LATER_S).phase is Phase.DUE


@pytest.mark.parametrize(("sum_", "phase"), [(796, Phase.AWAITING_CASH), (900, Phase.APPLYING)])
def test_a_balance_that_applied_nothing_may_leave_the_transaction_as_it_was_created(sum_: int, phase: Phase) -> None:
    due = after(WITH_CARD, APPLY_BALANCE, saved(card=VALID), applied(796))
    awaiting = after(due, PAY_796, DrawerOpened())
    assert after(awaiting, read("created", sum_, card=VALID)).phase is phase


@pytest.mark.parametrize(
    ("begun_s", "phase"), [(NOW_S, Phase.UNSURE), (LATER_S - 0.1, Phase.UNSURE), (LATER_S, Phase.STARTING)]
)
def test_only_a_read_begun_after_the_late_window_proves_that_nothing_was_executed(begun_s: float, phase: Phase) -> None:
    assert after(UNSURE, read(begun_s=begun_s), now_s=LATER_S + 1.0).phase is phase


@pytest.mark.parametrize(
    ("answer", "action_id"),
    [(unknown, "co_1.1"), (executed("created"), "co_1.1"), (refused(), "co_1.2"), (executed("pending"), "co_1.2")],
)
def test_sent_again_it_is_the_same_action_until_there_was_a_usable_answer(answer: Numbered, action_id: str) -> None:
    """That a transaction is created is no answer to its start: it may be that of an earlier request."""
    _, effects = tell(after(STARTING, answer), read(begun_s=LATER_S), now_s=LATER_S)
    [start] = effects
    assert isinstance(start, StartTransaction)
    assert start.action_id == action_id


def test_another_remainder_in_the_answer_of_a_start_is_never_started() -> None:
    """The card was emptied elsewhere: the API starts nothing, and would execute the new remainder the next time."""
    paid = after(WITH_BALANCE, PAY_296, cash_in(296))
    told = after(paid, executed("processing", 796, missing_sum=546))
    assert told.phase is Phase.UNSURE
    later = after(told, read("processing", begun_s=LATER_S), now_s=LATER_S)
    assert (later.phase, later.reason) == (Phase.ATTENTION, "amount_changed")


def test_a_read_that_hides_the_remainder_proves_no_amount() -> None:
    """The start without an answer may have been told a new remainder, which the next one would execute."""
    unsure = after(WITH_BALANCE, PAY_296, cash_in(296), unknown)
    hidden = after(unsure, read("processing", begun_s=LATER_S), now_s=LATER_S)
    assert (hidden.phase, hidden.reason) == (Phase.ATTENTION, "amount_unknown")
    told = after(unsure, read("processing", missing_sum=296, begun_s=LATER_S), now_s=LATER_S)
    assert told.phase is Phase.STARTING


def test_without_cash_another_remainder_in_the_answer_of_a_start_gives_the_choice_back() -> None:
    nothing_due = after(WITH_CARD, APPLY_BALANCE, saved(card=VALID), applied(0), NOTHING_DUE)
    told = after(nothing_due, executed("processing", 796, missing_sum=250))
    later = after(told, read("processing", begun_s=LATER_S), now_s=LATER_S)
    assert (later.phase, later.reason) == (Phase.DRAFT, "amount_changed")
    nobody = after(told, read("processing", begun_s=LATER_S), now_s=LATER_S, front_taken=True)
    assert (nobody.phase, nobody.reason) == (Phase.FAILED, "amount_changed")


def test_a_choice_given_back_is_started_as_another_action() -> None:
    _, effects = tell(after(PAID_BY_CARD, not_sent), CASHLESS)
    [start] = effects
    assert isinstance(start, StartTransaction)
    assert start.action_id == "co_1.2"


def test_what_still_runs_is_waited_for() -> None:
    checkout = after(UNSURE, read("pending", begun_s=LATER_S), now_s=LATER_S)
    assert (checkout.phase, checkout.asking) == (Phase.UNSURE, None)


def refused_times(checkout: Checkout, *errors: str) -> Checkout:
    """Refuse it so often, each time read as untouched after its late window."""
    now_s = NOW_S
    for error in errors:
        checkout = after(checkout, refused(error), now_s=now_s)
        now_s += WINDOW_S
        checkout = after(checkout, read(begun_s=now_s), now_s=now_s)
    return checkout


def test_the_same_refusal_three_times_needs_a_person() -> None:
    assert refused_times(STARTING, "a", "a").phase is Phase.STARTING
    assert refused_times(STARTING, "a", "b", "a").phase is Phase.STARTING
    checkout = refused_times(STARTING, "a", "a", "a")
    assert (checkout.phase, checkout.reason) == (Phase.ATTENTION, "refused")


@pytest.mark.parametrize("status", ["failed", "aborted", "cancelled", "canceled", "timeout", "deleted"])
def test_cash_read_as_refused_needs_a_person_at_once(status: str) -> None:
    checkout = after(UNSURE, read(status))
    assert (checkout.phase, checkout.reason) == (Phase.ATTENTION, "refused")


@pytest.mark.parametrize("answer", [read("received"), read(sum=800), read("processing")])
@pytest.mark.parametrize("checkout", [UNSURE, after(PAID_BY_CARD, unknown)])
def test_read_as_something_else_needs_a_person(checkout: Checkout, answer: Numbered) -> None:
    changed = after(checkout, answer)
    assert (changed.phase, changed.reason) == (Phase.ATTENTION, "changed")


def test_without_cash_a_refusal_gives_the_choice_back() -> None:
    checkout = refused_times(PAID_BY_CARD, "a")
    assert (
        checkout.phase,
        checkout.reason,
        checkout.payment,
        checkout.waiting_since,
    ) == (Phase.DUE, "refused", None, None)


def test_without_cash_a_dead_transaction_is_left_and_the_amount_asked_anew() -> None:
    checkout, effects = tell(PAID_BY_CARD, executed("failed"), read("failed"))
    assert (checkout.phase, checkout.reason, checkout.transaction, effects) == (Phase.DRAFT, "refused", None, ())


@pytest.mark.parametrize("told", [(refused(), read(begun_s=LATER_S)), (unknown, read("failed")), (not_sent,)])
@pytest.mark.parametrize("restarted", [False, True])
def test_without_cash_it_has_failed_where_nobody_waits_for_it(told: tuple[Numbered, ...], restarted: bool) -> None:
    """Somebody else is served by now, or the agent was restarted: no choice is given back to a stranger."""
    checkout = replace(PAID_BY_CARD, started_s=None) if restarted else PAID_BY_CARD
    failed = after(checkout, *told, front_taken=not restarted)
    assert failed.phase is Phase.FAILED
    assert failed.reason in {"refused", "offline"}


@pytest.mark.parametrize("told", [(refused(), read(begun_s=LATER_S)), (unknown, read("failed")), (not_sent,)])
@pytest.mark.parametrize(
    ("waits_s", "phases"), [(CUSTOMER_GONE_S, {Phase.DUE, Phase.DRAFT}), (CUSTOMER_GONE_S + 1.0, {Phase.FAILED})]
)
def test_without_cash_no_choice_is_given_back_to_who_has_long_gone(
    told: tuple[Numbered, ...], waits_s: float, phases: set[Phase]
) -> None:
    *before, last = told
    assert after(after(PAID_BY_CARD, *before), last, now_s=NOW_S + waits_s).phase in phases


def test_the_terminal_never_asks_who_comes_hours_later() -> None:
    unsure = after(PAID_BY_CARD, unknown)
    hours_later_s = NOW_S + 3 * 3600.0
    checkout, effects = tell(unsure, read(begun_s=hours_later_s), now_s=hours_later_s)
    assert (checkout.phase, checkout.reason, effects) == (Phase.FAILED, "not_executed", ())


@pytest.mark.parametrize("waiting", [PAID_BY_CARD, reversal_of(sold("cashless"))])
@pytest.mark.parametrize(("told", "ends_s"), [(unknown, LONG_AFTER_S), (RESTART, LONG_AFTER_S), (refused(), LATER_S)])
def test_without_an_answer_somebody_may_still_stand_at_the_terminal(
    waiting: Checkout, told: Event | Numbered, ends_s: float
) -> None:
    """The API goes on without us as long as we would have waited; what it answered is at its end there."""
    unsure = after(waiting, told)
    assert unsure.pursuit is not None
    assert unsure.pursuit.ends_s == ends_s


@pytest.mark.parametrize("answer", [refused(), not_sent, unknown, not_authorised])
def test_where_no_read_is_possible_it_stays_unsure_and_asks_later(answer: Numbered) -> None:
    checkout = after(UNSURE, answer)
    assert (checkout.phase, wake_at(checkout)) == (Phase.UNSURE, NOW_S + 1.0)


def test_the_pauses_between_reads_double_up_to_a_minute_and_never_end() -> None:
    checkout, pauses, now_s = UNSURE, [], LATER_S
    for _ in range(1100):
        checkout = after(checkout, unknown, now_s=now_s)
        woken_s = wake_at(checkout)
        assert woken_s is not None
        pauses.append(woken_s - now_s)
        checkout, now_s = after(checkout, Woke(), now_s=woken_s), woken_s
    assert pauses[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert {60.0} == set(pauses[6:])


def test_a_read_is_begun_when_the_late_window_ends() -> None:
    waiting = after(UNSURE, unknown, now_s=LATER_S - 0.5)
    assert wake_at(waiting) == LATER_S


def test_when_the_api_is_back_an_unsure_payment_is_read_at_once() -> None:
    assert kinds(tell(after(UNSURE, not_sent), Turn())[1]) == [ReadTransaction]
    assert refusal_of(UNSURE, Turn()) == "busy"


@pytest.mark.parametrize("checkout", [UNSURE, ATTENTION])
def test_a_restart_counts_the_late_window_anew(checkout: Checkout) -> None:
    """The monotonic seconds of another process, or of the time before a reboot, mean nothing."""
    restarted = after(checkout, RESTART, now_s=5.0)
    assert restarted.pursuit is not None
    assert restarted.pursuit.ends_s == 5.0 + WINDOW_S


# Attention: a person decides


def test_a_retry_reads_first() -> None:
    checkout, effects = tell(ATTENTION, RETRY)
    assert (Phase.UNSURE, [ReadTransaction]) == (checkout.phase, kinds(effects))


def test_what_was_read_as_refused_may_get_a_new_transaction() -> None:
    checkout, effects = tell(ATTENTION, RETRY_ANEW)
    assert (checkout.phase, checkout.transaction, effects) == (Phase.CONFIRMED, None, ())
    assert after(checkout, Turn(), saved()).action_id == "co_1.2"


def test_what_was_not_read_as_refused_may_not() -> None:
    assert refusal_of(after(UNSURE, read("received")), RETRY_ANEW) == "read_first"


def test_a_transaction_that_was_never_started_is_aborted_when_it_is_replaced() -> None:
    checkout, effects = tell(after(CONFIRMED, Turn(), saved(sum=800)), RETRY_ANEW)
    assert (Phase.CONFIRMED, (AbortTransaction(transaction_id="STX_1"),)) == (checkout.phase, effects)


def test_a_retry_where_the_creation_was_refused_creates_at_its_turn() -> None:
    checkout = after(CONFIRMED, Turn(), refused(), RETRY)
    assert checkout.phase is Phase.CONFIRMED
    assert kinds(tell(checkout, Turn())[1]) == [CreateTransaction]


def test_a_retry_never_starts_another_amount_than_was_paid() -> None:
    checkout = after(CONFIRMED, Turn(), saved(sum=800), RETRY, read(sum=800))
    assert (checkout.phase, checkout.reason) == (Phase.ATTENTION, "amount_changed")


def test_after_another_amount_was_paid_only_a_person_can_say_that_the_right_one_is_in() -> None:
    checkout = after(AWAITING, OtherAmountPaid(amount=500))
    assert {refusal_of(checkout, retry) for retry in (RETRY, RETRY_ANEW)} == {"not_confirmed"}
    assert refusal_of(checkout, ConfirmAsked(amount=500, by=ADA)) == "amount_differs"
    assert after(checkout, CONFIRM_796).phase is Phase.CONFIRMED


def test_a_person_resolves_it_with_outcome_note_and_name() -> None:
    assert RESOLVED.resolution is not None
    assert (
        RESOLVED.phase,
        RESOLVED.resolution.outcome,
        RESOLVED.resolution.note,
        RESOLVED.resolution.by,
    ) == (Phase.RESOLVED, "refunded", "paid back at the counter", ADA)


# What is not allowed, what is late, what was said before


@pytest.mark.parametrize("phase", sorted(FINAL))
@pytest.mark.parametrize("event", [cash_in(), Turn(), Woke(), RESTART, RETRY, DrawerOpened(), RESOLVE, CONFIRM_796])
def test_final_is_final(phase: Phase, event: Event) -> None:
    final = IN_EACH_PHASE[phase]
    with suppress(NotAllowed):
        assert tell(final, event) == (final, ())


def test_a_late_answer_never_changes_a_checkout_that_is_over() -> None:
    late = executed()(STARTING.requests)
    assert refusal_of(RESOLVED, late) == "late"


def test_an_answer_to_an_earlier_request_comes_too_late() -> None:
    reading = after(AWAITING, DrawerOpened())
    late = read(sum=800)(reading.requests)
    assert refusal_of(after(reading, cash_in()), late) == "late"


def test_a_row_that_does_nothing_stays_where_it_is() -> None:
    """Its checkout comes back as it was, so that a row must not say that it goes elsewhere."""
    assert [row for row in TABLE if not row.then and row.to is not None] == []


def test_a_refusal_names_event_and_phase() -> None:
    with pytest.raises(NotAllowed, match="CashConfirmed in draft: not_allowed"):
        tell(DRAFT, cash_in())


@pytest.mark.parametrize(
    ("checkout", "request_"),
    [
        (WITH_CARD, CardSet(number=MASKED, same=True)),
        (WITH_BALANCE, CardSet(number=MASKED, same=True)),
        (DRAFT, CardRemoved()),
        (DUE, CardRemoved()),
        (APPLYING, APPLY),
        (DUE, APPLY),
        (WITH_BALANCE, APPLY_BALANCE),
        (after(DRAFT, PAY_796), PAY_796),
        (AWAITING, PAY_796),
        (STARTING, PAY_796),
        (COMPLETED, PAY_796),
        (after(WITH_CARD, APPLY_BALANCE, saved(card=VALID), applied(0), NOTHING_DUE), NOTHING_DUE),
        (STARTING, CONFIRM_796),
        (COMPLETED, CONFIRM_796),
        (CANCELLED, CancelAsked()),
        (RESOLVED, RESOLVE),
    ],
)
def test_a_repeated_call_is_answered_with_the_same_object(checkout: Checkout, request_: Event) -> None:
    repeated, effects = tell(checkout, request_, now_s=NOW_S + 7.0)
    assert repeated is checkout
    assert effects == ()


# Times, and what the till asks


@pytest.mark.parametrize("checkout", [DRAFT, DUE])
def test_an_abandoned_draft_is_cleared(checkout: Checkout) -> None:
    patient = replace(checkout, rules=replace(RULES, idle_s=120.0))
    assert wake_at(patient) == NOW_S + 120.0
    assert refusal_of(patient, Woke(), now_s=NOW_S + 119.0) == "not_allowed"
    cleared = after(patient, Woke(), now_s=NOW_S + 120.0)
    assert (cleared.phase, cleared.reason) == (Phase.CANCELLED, "idle")


def test_a_handed_over_amount_that_is_read_again_and_again_does_not_keep_the_till() -> None:
    due = after(handed_over(), read())
    read_anew = after(due, Woke(), read(), now_s=NOW_S + 600.0)
    assert (read_anew.phase, wake_at(read_anew)) == (Phase.DUE, NOW_S + RULES.idle_s)
    assert after(read_anew, Woke(), now_s=NOW_S + RULES.idle_s).reason == "idle"


def test_whoever_stands_before_a_handed_over_amount_keeps_it_by_asking_for_the_same() -> None:
    due = replace(after(handed_over(), read()), rules=replace(RULES, idle_s=120.0))
    kept, effects = tell(due, ApplyAsked(use_balance=False), now_s=NOW_S + 60.0)
    assert (kept.phase, kept.amount_due, effects) == (Phase.DUE, 796, ())
    assert wake_at(kept) == NOW_S + 60.0 + 120.0
    assert refusal_of(due, ApplyAsked(use_balance=True)) == "handed_over"


def test_what_is_due_wakes_when_its_amount_is_old() -> None:
    assert wake_at(DUE) == NOW_S + 600.0


def test_the_customer_has_the_whole_time_again_when_the_api_was_slow() -> None:
    answered_s = NOW_S + RULES.idle_s
    assert wake_at(after(APPLYING, refused(), now_s=answered_s)) == answered_s + RULES.idle_s
    assert wake_at(after(APPLYING, saved(), now_s=answered_s)) == answered_s + 600.0


@pytest.mark.parametrize("checkout", [APPLYING, AWAITING, CONFIRMED, STARTING, UNSURE, ATTENTION, COMPLETED])
def test_nothing_else_wakes_by_itself(checkout: Checkout) -> None:
    assert wake_at(checkout) is None


@pytest.mark.parametrize(("checkout", "active"), [
    *((checkout, True) for checkout in (DRAFT, APPLYING, DUE, AWAITING, OFFLINE)),
    *((checkout, False) for checkout in (CONFIRMED, COMPLETED, CANCELLED, FAILED, RESOLVED)),
])  # fmt: skip
def test_a_customer_stands_in_front_until_the_confirmation_or_the_end(checkout: Checkout, active: bool) -> None:
    assert is_active(checkout, NOW_S + 1_000_000.0) is active
    assert background_at(checkout) is None


@pytest.mark.parametrize("checkout", [STARTING, UNSURE, ATTENTION, after(AWAITING, OtherAmountPaid(amount=500))])
def test_what_is_being_booked_goes_to_the_background_after_fifteen_seconds(checkout: Checkout) -> None:
    assert background_at(checkout) == NOW_S + 15.0
    assert (is_active(checkout, NOW_S + 14.9), is_active(checkout, NOW_S + 15.0)) == (True, False)


@pytest.mark.parametrize(
    "checkout",
    [
        after(after(AWAITING, cash_in(), api="offline"), Turn()),
        after(STARTING, not_sent, Turn()),
        after(STARTING, RESTART),
        after(ATTENTION, RETRY_ANEW, Turn(), saved()),
    ],
)
def test_who_was_let_go_is_not_waited_for_again(checkout: Checkout) -> None:
    """A payment that is booked later never holds the till that others use by now."""
    assert not is_active(checkout, NOW_S)


# What waits for too long


HOUR_LATER = WALL + OVERDUE_AFTER


def test_unsure_for_an_hour_a_person_may_ask_again_or_close_it() -> None:
    assert refusal_of(UNSURE, RETRY) == "not_allowed"
    assert refusal_of(UNSURE, RESOLVE) == "not_allowed"
    quiet = after(UNSURE, unknown)
    checkout, effects = tell(quiet, RETRY, wall=HOUR_LATER)
    assert (checkout.phase, kinds(effects)) == (Phase.UNSURE, [ReadTransaction])
    assert after(quiet, RESOLVE, now_s=LATER_S, wall=HOUR_LATER).phase is Phase.RESOLVED
    assert is_overdue(quiet, HOUR_LATER)
    assert not is_overdue(quiet, HOUR_LATER - timedelta(seconds=1))


@pytest.mark.parametrize("asked_again", [STARTING, reversal_of(sold())], ids=["start", "cancel"])
def test_what_was_sent_anew_is_not_closed_before_its_late_window_is_over(asked_again: Checkout) -> None:
    """A sale that was taken back twice: the second cancel was on its way, and a person asked for another reversal."""
    untouched_status = "ok" if asked_again.reversal else "created"
    anew = after(after(asked_again, unknown), read(untouched_status, begun_s=LATER_S), now_s=LATER_S)
    assert anew.phase is Phase.STARTING
    unsure = after(anew, unknown, now_s=LATER_S, wall=HOUR_LATER)
    assert refusal_of(unsure, RESOLVE, now_s=LATER_S, wall=HOUR_LATER) == "too_early"
    assert after(unsure, replace(RESOLVE, outcome="executed"), now_s=LATER_S, wall=HOUR_LATER).phase is Phase.RESOLVED
    over_s = LATER_S + WINDOW_S
    left_alone = after(unsure, read(untouched_status, begun_s=over_s), now_s=over_s, wall=HOUR_LATER)
    assert after(left_alone, RESOLVE, now_s=over_s, wall=HOUR_LATER).phase is Phase.RESOLVED
    late_s = over_s + PERSON_DECIDES_S
    sent = after(left_alone, Woke(), read(untouched_status, begun_s=late_s), now_s=late_s, wall=HOUR_LATER)
    assert sent.phase is Phase.STARTING


@pytest.mark.parametrize("sent", [STARTING, reversal_of(sold())], ids=["start", "cancel"])
def test_what_was_read_before_it_was_sent_anew_says_nothing_of_what_was_sent(sent: Checkout) -> None:
    """An API that calls it failed, and then untouched again."""
    refused_once = after(after(sent, unknown), read("failed", begun_s=LATER_S), now_s=LATER_S)
    untouched = read("ok" if sent.reversal else "created", begun_s=LATER_S + WINDOW_S)
    asked = refused_once if refused_once.phase is Phase.STARTING else after(refused_once, RETRY, now_s=LATER_S)
    anew = after(asked, untouched, now_s=LATER_S + WINDOW_S)
    unsure = after(anew, unknown, now_s=LATER_S + WINDOW_S, wall=HOUR_LATER)
    assert refusal_of(unsure, RESOLVE, now_s=LATER_S + WINDOW_S, wall=HOUR_LATER) == "too_early"


def test_unsure_under_a_clock_that_was_ahead_it_is_shown_at_once() -> None:
    quiet = after(UNSURE, unknown)
    assert is_overdue(quiet, WALL - OVERDUE_AFTER)
    assert after(quiet, RESOLVE, now_s=LATER_S, wall=WALL - OVERDUE_AFTER).phase is Phase.RESOLVED


def test_cash_that_was_confirmed_may_be_confirmed_again_where_something_else_was_executed() -> None:
    otherwise = after(STARTING, executed(missing_sum=5))
    assert (otherwise.phase, otherwise.reason) == (Phase.ATTENTION, "executed_otherwise")
    assert after(otherwise, CONFIRM_796) == otherwise


@pytest.mark.parametrize("status", ["created", "pending", "authorised"])
def test_whoever_stands_at_the_terminal_has_their_time_whatever_was_answered_first(status: str) -> None:
    """It may be the answer to an earlier request; the customer is still there, and pays after all."""
    sale = after(DUE, CASHLESS)
    for checkout, answer in ((sale, executed(status)), (reversal_of(sold("cashless")), cancelled(status))):
        unsure = after(checkout, answer)
        assert unsure.pursuit is not None
        assert (unsure.phase, unsure.pursuit.ends_s) == (Phase.UNSURE, LONG_AFTER_S)


def test_what_the_terminal_paid_after_all_is_not_paid_in_cash_as_well() -> None:
    started = after(DUE, CASHLESS)
    given_back = after(after(started, refused()), read(begun_s=LATER_S), now_s=LATER_S)
    assert given_back.phase is Phase.DUE
    awaiting = after(given_back, PAY_796, DrawerOpened(), now_s=LATER_S)
    paid, effects = tell(awaiting, read("ok"), now_s=LATER_S)
    assert (paid.phase, paid.reason, effects) == (Phase.ATTENTION, "executed_otherwise", ())
    assert refusal_of(paid, RETRY) == "not_confirmed"
    assert refusal_of(paid, CONFIRM_796) == "executed"


def test_a_transaction_that_this_checkout_never_started_does_not_complete_it() -> None:
    """The answer to an earlier payment, taken for that of a create, named one that was executed."""
    strange = after(CONFIRMED, Turn(), saved("ok"))
    assert (strange.phase, strange.reason) == (Phase.ATTENTION, "not_payable")
    read_again = after(strange, RETRY, read("ok"))
    assert (read_again.phase, read_again.reason) == (Phase.ATTENTION, "changed")
    assert refusal_of(read_again, RETRY_ANEW) == "executed"
    closed, effects = tell(read_again, RESOLVE)
    assert (closed.phase, kinds(effects)) == (Phase.RESOLVED, [])  # what another paid is not aborted


def test_a_person_closes_nothing_as_not_executed_that_may_be_executed_a_moment_later() -> None:
    odd = after(UNSURE, read("authorised"))
    assert (odd.phase, odd.reason) == (Phase.ATTENTION, "changed")
    assert refusal_of(odd, RESOLVE) == "too_early"
    assert after(odd, replace(RESOLVE, outcome="executed")).phase is Phase.RESOLVED
    assert after(odd, RESOLVE, now_s=LATER_S).phase is Phase.RESOLVED


def never_created(checkout: Checkout, answer: Numbered, times: int) -> Checkout:
    for _ in range(times):
        checkout = after(checkout, Turn(), answer)
    return checkout


def test_a_confirmed_payment_whose_creation_is_never_answered_is_shown_to_a_person_and_goes_on() -> None:
    waiting = never_created(CONFIRMED, unknown, 3)
    assert (waiting.phase, is_overdue(waiting, HOUR_LATER)) == (Phase.CONFIRMED, True)
    assert kinds(tell(waiting, Turn())[1]) == [CreateTransaction]
    assert after(waiting, RESOLVE, wall=HOUR_LATER).phase is Phase.RESOLVED
    assert not is_overdue(after(waiting, RETRY, wall=HOUR_LATER), HOUR_LATER)


def test_a_day_without_the_api_needs_no_person() -> None:
    assert not is_overdue(never_created(CONFIRMED, not_sent, 50), WALL + timedelta(days=1))


def test_a_start_that_is_answered_three_times_without_a_word_of_it_needs_a_person() -> None:
    checkout = STARTING
    for _ in range(2):
        unsure = after(checkout, executed("created"))
        checkout = after(unsure, read(begun_s=LATER_S), now_s=LATER_S)
        assert checkout.phase is Phase.STARTING
    stuck = after(after(checkout, executed("created")), read(begun_s=LATER_S), now_s=LATER_S)
    assert (stuck.phase, stuck.reason) == (Phase.ATTENTION, "refused")


def test_a_transaction_that_was_never_started_is_abandoned_when_a_person_closes_its_checkout() -> None:
    stuck = after(AWAITING, OtherAmountPaid(amount=100))
    checkout, effects = tell(stuck, RESOLVE)
    assert effects == (AbortTransaction(transaction_id="STX_1"),)
    assert checkout.transaction is not None
    assert tell(ATTENTION, RESOLVE)[1] == ()


def test_no_balance_is_offered_while_another_payment_with_the_card_waits() -> None:
    checked_card = after(DRAFT, CARD, checked(), card_waiting=True).card
    saved_card = after(WITH_CARD, APPLY, saved(card=VALID), card_waiting=True).card
    for card in (checked_card, saved_card):
        assert card is not None
        assert (card.valid, card.balance) == (True, None)


def test_after_the_cash_too_money_is_loaded_only_onto_a_card_that_was_called_valid() -> None:
    anew = after(refused_charge(), RETRY_ANEW, Turn())
    assert after(anew, saved(card=VALID)).phase is Phase.STARTING
    for told in (None, Card(number=MASKED)):
        stuck = after(anew, saved(card=told))
        assert (stuck.phase, stuck.reason) == (Phase.ATTENTION, "card_refused")
        retried, effects = tell(after(stuck, RETRY), Turn())
        assert kinds(effects) == [CreateTransaction]
        assert after(retried, saved(card=told)).reason == "card_refused"


@pytest.mark.parametrize("checkout", [STARTING, PAID_BY_CARD, CONFIRMED])
def test_the_words_of_an_api_that_does_not_accept_the_till_are_kept(checkout: Checkout) -> None:
    if checkout.phase is Phase.CONFIRMED:
        checkout = after(checkout, Turn())
    problem = ApiProblem(error="invalid_client", error_details="The client credentials are invalid")
    assert checkout.asking is not None
    told = CallNotAuthorised(number=checkout.asking.number, problem=problem)
    assert after(checkout, told).error == problem


# A reversal


def asked(*, open_drawer: bool = False) -> ReverseAsked:
    return ReverseAsked(reversal_id="co_2", reason="wrong", by=ADA, open_drawer=open_drawer)


def test_a_reversal_begins_with_one_request_and_names_what_it_takes_back() -> None:
    sale, effects = tell(COMPLETED, asked())
    assert (sale.phase, sale.reversed_by, effects) == (Phase.COMPLETED, "co_2", (BeginReversal(),))
    reversal, effects = begin_reversal(COMPLETED, asked(), RULES, situation())
    assert effects == (CancelTransaction(number=1, transaction_id="STX_1", action_id="co_2.1"),)
    assert (reversal.phase, reversal.kind, reversal.reversal and reversal.reversal.reverses) == (
        Phase.STARTING,
        "reversal",
        "co_1",
    )


def test_a_terminals_payment_is_taken_back_by_its_receipt_number_on_the_same_day() -> None:
    sale = sold("cashless")
    [effect] = begin_reversal(sale, asked(), RULES, situation())[1]
    assert effect == CancelTerminalPayment(number=1, transaction_id="STX_1", receipt_number=3)
    assert refusal_of(sale, asked(), wall=NEXT_DAY) == "not_same_day"
    assert refusal_of(replace(sale, receipt_number=None), asked()) == "no_receipt_number"
    assert after(COMPLETED, asked(), wall=NEXT_DAY).reversed_by == "co_2"


def test_the_day_of_a_terminals_payment_is_the_one_on_which_it_was_sent() -> None:
    """Not the one on which a read told at last that it was executed."""
    found = after(after(DUE, CASHLESS, RESTART), read("ok", receipt_number="3"), wall=NEXT_DAY)
    assert (found.phase, found.updated) == (Phase.COMPLETED, NEXT_DAY)
    assert refusal_of(found, asked(), wall=NEXT_DAY) == "not_same_day"


def test_a_day_is_as_the_clock_of_the_shop_counted_it_then() -> None:
    """Half past eleven at night is not of the day on which the clocks were put forward, before that or after."""
    evening = datetime(2026, 3, 28, 23, 30, tzinfo=timezone(timedelta(hours=1)))
    sale = replace(sold("cashless"), waiting_since=evening)
    for hour, offset in ((0, 1), (1, 1), (9, 2)):
        wall = datetime(2026, 3, 29, hour, 5, tzinfo=timezone(timedelta(hours=offset)))
        assert refusal_of(sale, asked(), wall=wall) == "not_same_day"
    assert after(sale, asked(), wall=evening + timedelta(minutes=29)).reversed_by == "co_2"


def test_a_reversal_that_took_nothing_back_is_no_reason_against_another() -> None:
    sale = after(COMPLETED, asked())
    assert tell(sale, asked()) == (sale, ())
    assert tell(sale, asked(), reversal_over=True)[1] == (BeginReversal(),)


def test_nothing_is_taken_back_while_another_amount_counts_on_the_balance_of_its_card() -> None:
    assert refusal_of(COMPLETED, asked(), balance_in_use=True) == "balance_in_use"
    taken_back = after(COMPLETED, asked())
    assert tell(taken_back, asked(), balance_in_use=True) == (taken_back, ())  # the first one is told again


def test_the_drawer_opens_for_a_refund_while_the_person_stands_there() -> None:
    reversal = reversal_of(sold(), open_drawer=True)
    assert kinds(tell(reversal, cancelled())[1]) == [PrintReceipt, OpenDrawerToRefund]
    assert kinds(tell(reversal, cancelled(), now_s=NOW_S + 16.0)[1]) == [PrintReceipt]
    assert kinds(tell(reversal, cancelled(), cash_awaited=True)[1]) == [PrintReceipt]
    assert kinds(tell(after(reversal, RESTART), read("cancelled"))[1]) == [PrintReceipt]
    assert refusal_of(COMPLETED, asked(open_drawer=True), cash_awaited=True) == "drawer_in_use"


def test_a_reversal_is_sent_again_only_when_a_read_after_the_window_shows_it_untouched() -> None:
    unsure = after(reversal_of(sold()), unknown)
    assert after(unsure, read("ok")).phase is Phase.UNSURE
    again, effects = tell(unsure, read("ok", begun_s=LATER_S), now_s=LATER_S)
    assert (again.phase, kinds(effects)) == (Phase.STARTING, [CancelTransaction])
    assert after(unsure, read("cancelled")).phase is Phase.COMPLETED


@pytest.mark.parametrize("status", ["created", "processing", "failed", "received"])
def test_nobody_decides_about_a_reversal_while_what_was_sent_may_still_be_carried_out(status: str) -> None:
    """A read that is stale shows the payment before it was executed; a second reversal would give the money twice."""
    unsure = after(reversal_of(sold()), unknown)
    early, effects = tell(unsure, read(status))
    assert (early.phase, effects) == (Phase.UNSURE, ())
    assert wake_at(early) is not None
    late = after(unsure, read(status, begun_s=LATER_S))
    assert (late.phase, late.reason) == (Phase.ATTENTION, "changed")


def test_a_receipt_number_is_not_sent_again_on_another_day() -> None:
    unsure = after(reversal_of(sold("cashless")), unknown)
    untouched = read("ok", begun_s=LONG_AFTER_S)
    again, effects = tell(unsure, untouched, now_s=LONG_AFTER_S)
    assert (again.phase, kinds(effects)) == (Phase.STARTING, [CancelTerminalPayment])
    overnight = after(unsure, RESTART)
    too_late, effects = tell(overnight, untouched, now_s=LONG_AFTER_S, wall=NEXT_DAY)
    assert (too_late.phase, too_late.reason, effects) == (Phase.ATTENTION, "not_same_day", ())
    assert after(overnight, read("cancelled"), wall=NEXT_DAY).phase is Phase.COMPLETED
    cash = after(reversal_of(sold()), unknown, RESTART)
    assert kinds(tell(cash, untouched, now_s=LATER_S, wall=NEXT_DAY)[1]) == [CancelTransaction]


def test_the_terminals_day_is_over_when_it_was_asked_to_close_it() -> None:
    sale = sold("cashless")
    for earlier in (None, WALL - timedelta(hours=1)):
        assert after(sale, asked(), end_of_day=earlier).reversed_by == "co_2"
    assert refusal_of(sale, asked(), end_of_day=WALL) == "not_same_day"
    assert after(COMPLETED, asked(), end_of_day=WALL).reversed_by == "co_2"
    unsure = after(reversal_of(sale), unknown)
    over = after(unsure, read("ok", begun_s=LONG_AFTER_S), now_s=LONG_AFTER_S, end_of_day=WALL)
    assert (over.phase, over.reason) == (Phase.ATTENTION, "not_same_day")
    assert refusal_of(over, RETRY, end_of_day=WALL) == "not_same_day"


def test_nobody_has_a_receipt_number_sent_again_on_another_day() -> None:
    attention = after(reversal_of(sold("cashless")), unknown, read("failed", begun_s=LONG_AFTER_S))
    assert after(attention, RETRY).phase is Phase.UNSURE
    assert refusal_of(attention, RETRY, wall=NEXT_DAY) == "not_same_day"
    closed = after(attention, ResolveAsked(outcome="refunded", note="at the terminal", by=ADA), wall=NEXT_DAY)
    assert closed.phase is Phase.RESOLVED


@pytest.mark.parametrize("method", ["cash", "cashless"])
def test_a_reversal_whose_answers_name_none_is_sent_three_times_and_then_a_persons_to_decide(method: Method) -> None:
    """An API that booked it elsewhere would give the money back each time."""
    reversal, sent = reversal_of(sold(method)), 1
    now_s = NOW_S
    while reversal.phase is Phase.STARTING:
        unsure = after(reversal, cancelled("ok"), now_s=now_s)
        assert unsure.pursuit is not None
        now_s = unsure.pursuit.ends_s
        reversal, effects = tell(unsure, read("ok", begun_s=now_s), now_s=now_s)
        sent += len(effects)
    assert (sent, reversal.phase, reversal.reason) == (3, Phase.ATTENTION, "not_executed")
    assert after(reversal, RETRY, now_s=now_s).phase is Phase.UNSURE
    given_back = after(reversal, ResolveAsked(outcome="executed", note="on the terminal's slip", by=ADA))
    assert given_back.phase is Phase.RESOLVED


def test_a_refused_reversal_has_failed_when_a_read_shows_it_untouched() -> None:
    unsure = after(reversal_of(sold()), refused("ProductInternalException", code="1007"))
    failed = after(unsure, read("ok", begun_s=LATER_S), now_s=LATER_S)
    assert (failed.phase, failed.reason, failed.error and failed.error.code) == (Phase.FAILED, "refused", "1007")


# A transaction of a register


HANDED_OVER = handed_over()


def test_what_the_register_says_is_due_when_the_read_says_the_same() -> None:
    due, effects = tell(HANDED_OVER, read())
    assert (due.phase, due.amount_due, effects) == (Phase.DUE, 796, ())


def test_paid_at_once_it_goes_on_by_itself() -> None:
    checkout, effects = tell(after(HANDED_OVER, PAY_796), read())
    assert (checkout.phase, kinds(effects)) == (Phase.AWAITING_CASH, [OpenDrawer])
    assert refusal_of(HANDED_OVER, PAY_296) == "amount_differs"


def test_an_applied_balance_that_the_read_does_not_tell_is_not_guessed() -> None:
    failed = after(handed_over(296), read("processing", 796))
    assert (failed.phase, failed.reason) == (Phase.FAILED, "amount_differs")
    assert after(handed_over(296), read("processing", 796, missing_sum=296)).phase is Phase.DUE


def test_a_transaction_whose_sum_the_read_does_not_tell_is_not_payable() -> None:
    told = read("processing", None, missing_sum=296)
    failed = after(handed_over(296), told)
    assert (failed.phase, failed.reason) == (Phase.FAILED, "not_payable")
    paid = after(handed_over(296), PAY_296, read("processing", 796, missing_sum=296), cash_in(296), not_sent)
    asked_anew = after(replace(paid, transaction=None), Turn())
    assert after(asked_anew, told).phase is Phase.ATTENTION


def test_money_is_loaded_only_onto_a_card_that_was_called_valid_here_too() -> None:
    charge = read(products=CHARGE.products)
    assert after(HANDED_OVER, charge).reason == "card_refused"
    in_numbers = ({**CHARGE.products[0], "ean": int(CHARGE_EAN)},)
    assert after(HANDED_OVER, read(products=in_numbers)).reason == "card_refused"
    assert after(HANDED_OVER, read(products=({**CHARGE.products[0], "ean": [1]},))).phase is Phase.DUE
    assert after(HANDED_OVER, read(products=CHARGE.products, card=VALID)).phase is Phase.DUE


def test_cash_for_a_charge_that_was_handed_over_is_not_taken_without_the_api() -> None:
    """Also where the register has applied balance to it: what counts is the line."""
    due = after(HANDED_OVER, read("processing", products=CHARGE.products, card=VALID, missing_sum=796))
    assert due.phase is Phase.DUE
    assert refusal_of(due, PAY_796, api="offline") == "offline"


def test_a_discharge_is_refused_here_too_and_not_booked_where_it_came_after_the_cash() -> None:
    discharge = read(products=DISCHARGE.products, card=VALID)
    for checkout in (HANDED_OVER, after(HANDED_OVER, PAY_796)):
        failed, effects = tell(checkout, discharge)
        assert (failed.phase, failed.reason, effects) == (Phase.FAILED, "discharge_not_supported", ())
    paid = after(HANDED_OVER, PAY_796, read(), cash_in(), not_sent)
    asked_anew = after(replace(paid, transaction=None), Turn())
    assert after(asked_anew, discharge).phase is Phase.ATTENTION


def test_a_read_without_an_answer_is_repeated_and_then_said() -> None:
    failed = after(HANDED_OVER, unknown, unknown, unknown, unknown)
    assert (failed.phase, failed.reason) == (Phase.FAILED, "no_answer")


def test_what_was_shown_long_ago_or_before_a_restart_is_read_again() -> None:
    due = after(HANDED_OVER, read())
    for event, now_s in ((RESTART, NOW_S), (Woke(), NOW_S + 600.0)):
        checkout, effects = tell(due, event, now_s=now_s)
        assert (checkout.phase, checkout.amount_due, kinds(effects)) == (Phase.APPLYING, None, [ReadTransaction])


def test_a_change_while_cash_is_awaited_ends_it_or_is_a_persons_to_decide() -> None:
    awaiting = after(HANDED_OVER, PAY_796, read(), DrawerOpened())
    assert after(awaiting, read("created", 800)).phase is Phase.FAILED
    stuck = after(awaiting, DrawerTroubled(trouble="lost"), read("created", 800))
    assert (stuck.phase, stuck.reason) == (Phase.ATTENTION, "amount_changed")
    assert refusal_of(after(stuck, CONFIRM_796), RETRY_ANEW) == "not_allowed"
    asked_anew = after(stuck, CONFIRM_796, Turn())
    assert after(asked_anew, read()).phase is Phase.STARTING
    assert after(asked_anew, read("created", 800)).phase is Phase.ATTENTION
