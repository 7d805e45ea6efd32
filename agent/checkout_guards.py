"""The questions that the rows of the checkout table ask: pure, checkout, event and situation in, yes or no out.

What a read means for a start that was not answered is from the API's documented states (smart-api 4.2): executed are
`ok` and `finished`; still running `pending` and `approved`; refused `failed`, `aborted`, `cancelled`, `canceled`,
`timeout`, `deleted`; not executed are `created` and `processing`, if nothing else about the transaction changed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from agent.checkout_events import (
    Applied,
    ApplyAsked,
    CallRefused,
    CardChecked,
    CardSet,
    CashConfirmed,
    ConfirmAsked,
    PayAsked,
    ReadAnswered,
    ResolveAsked,
    RetryAsked,
    StartAnswered,
    TransactionSaved,
)
from agent.checkout_state import Call, Checkout, Payment, Phase, Situation, Transaction, TransactionFacts

EXECUTED = frozenset({"ok", "finished"})
RUNNING = frozenset({"pending", "approved"})
REFUSED = frozenset({"failed", "aborted", "cancelled", "canceled", "timeout", "deleted"})
PAYABLE = frozenset({"created", "processing"})

OVERDUE_AFTER = timedelta(hours=1)
"""A payment that is unsure for so long is shown to a person; it is asked for all the same."""
MOST_CREATES = 3
"""Transactions made for one question before the customer is told that no answer comes."""
MOST_REFUSALS = 3
"""Starts refused with the same error before a person must look."""
SHOWN_AMOUNT_S = 600.0
"""An amount older than this is asked anew: balances change at other tills."""
CHARGE_EANS = frozenset({"4260447149502", "4260447149519"})
"""Reserved EANs of lines that load money onto the card (smart-api 4.3)."""


def asked(call: Call) -> Callable[[Checkout, object, Situation], bool]:
    """Is it this call whose answer is waited for."""

    def guard(checkout: Checkout, _event: object, _situation: Situation) -> bool:
        return checkout.asking is not None and checkout.asking.call == call

    return guard


def nothing_to_sell(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return not checkout.basket.products


def other_card(checkout: Checkout, event: CardSet, _situation: Situation) -> bool:
    return checkout.card is not None and not event.same


def same_card(checkout: Checkout, event: CardSet, _situation: Situation) -> bool:
    return checkout.card is not None and event.same


def checkable(_checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.api == "online"


def refused_card(_checkout: Checkout, event: CardChecked, _situation: Situation) -> bool:
    return event.card.refused is not None


def balance_without_card(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> bool:
    return event.use_balance and checkout.card is None


def balance_while_card_waits(_checkout: Checkout, event: ApplyAsked, situation: Situation) -> bool:
    return event.use_balance and situation.card_waiting


def balance_for_charge(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> bool:
    return event.use_balance and charges_card(checkout)


def same_apply(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> bool:
    """Is this being asked already, or on the screen? A repeated call is answered as the first one was."""
    return checkout.wanted is None and event.use_balance == checkout.use_balance


def charges_card(checkout: Checkout) -> bool:
    return any(line.get("ean") in CHARGE_EANS for line in checkout.basket.products)


def has_transaction(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.transaction is not None


def cash_offline(_checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    return event.method == "cash" and situation.api != "online"


def not_offline(checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    """Refuse cash while the API is away: a charge needs the API, and the limits are the till's to know."""
    return cash_offline(checkout, event, situation) and (
        situation.offline_refusal is not None or charges_card(checkout)
    )


def not_offline_without_balance(checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    """What was applied before the line broke is finished like any other; a plain sale keeps to the limits."""
    return not checkout.use_balance and not_offline(checkout, event, situation)


def other_sum_offline(checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    return cash_offline(checkout, event, situation) and event.amount != checkout.basket.sum


def cash_into_open_drawer(_checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    return event.method == "cash" and situation.drawer == "open"


def cash_without_room(_checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    """The disk is full and nothing is held back: it could happen that the cash is in and cannot be recorded."""
    return event.method == "cash" and not situation.room


def no_room(_checkout: Checkout, _event: object, situation: Situation) -> bool:
    return not situation.room


def other_amount_asked(checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    return event.amount != checkout.amount_due


def by_cash(_checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    return event.method == "cash"


def by_terminal(_checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    return event.method == "cashless"


def nothing_due(checkout: Checkout, _event: PayAsked, _situation: Situation) -> bool:
    return checkout.amount_due == 0


def same_payment(checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    """Is this the payment that is under way or done already? A repeated call is answered as the first one was."""
    asked_for = checkout.payment or checkout.wanted
    return asked_for is not None and _is_payment(asked_for, event)


def _is_payment(payment: Payment, event: PayAsked) -> bool:
    return payment.amount == event.amount and payment.method in {event.method, "loyalty"}


def card_not_taken(_checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    return event.facts.card is not None and event.facts.card.refused is not None


def card_not_valid_for_charge(checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    """Money is loaded only onto a card that the API has called valid."""
    return charges_card(checkout) and (event.facts.card is None or event.facts.card.valid is not True)


def not_payable(_checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    return event.facts.status not in PAYABLE or event.facts.sum is None


def balance_wanted(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.use_balance


def wanted_and_due(checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    return checkout.wanted is not None and checkout.wanted.amount == event.facts.sum


def wanted_nothing(checkout: Checkout, event: TransactionSaved, situation: Situation) -> bool:
    return wanted_and_due(checkout, event, situation) and event.facts.sum == 0


def wanted_cash(checkout: Checkout, event: TransactionSaved, situation: Situation) -> bool:
    wanted = checkout.wanted
    return wanted_and_due(checkout, event, situation) and wanted is not None and wanted.method == "cash"


def wanted_cash_into_open_drawer(checkout: Checkout, event: TransactionSaved, situation: Situation) -> bool:
    return wanted_cash(checkout, event, situation) and situation.drawer == "open"


def wanted_cash_without_room(checkout: Checkout, event: TransactionSaved, situation: Situation) -> bool:
    return wanted_cash(checkout, event, situation) and not situation.room


def wanted_terminal(checkout: Checkout, event: TransactionSaved, situation: Situation) -> bool:
    wanted = checkout.wanted
    return wanted_and_due(checkout, event, situation) and wanted is not None and wanted.method == "cashless"


def wanted_other_amount(checkout: Checkout, _event: TransactionSaved, _situation: Situation) -> bool:
    return checkout.wanted is not None


def too_many_creates(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.creates >= MOST_CREATES


def asked_balance_of_new_transaction(checkout: Checkout, event: object, situation: Situation) -> bool:
    """No stale read can show the balance of an earlier question where the transaction was created for this one."""
    return asked("pre_transaction")(checkout, event, situation) and checkout.creates > 0


def balance_was_applied(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    """After a preTransaction without an answer: does the read show it applied, with its amount."""
    transaction = checkout.transaction
    facts = event.facts
    return (
        facts.status == "processing"
        and facts.missing_sum is not None
        and transaction is not None
        and told_same(facts.card.number if facts.card else None, transaction.card_number)
    )


def idle(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.now_s >= checkout.touched_s + checkout.rules.idle_s


def as_shown(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return checkout.transaction is not None and unchanged(checkout.transaction, event.facts)


def changed(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return not as_shown(checkout, event, situation)


def changed_and_person_must_decide(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return changed(checkout, event, situation) and person_must_decide(checkout, event, situation)


def still_payable(_checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return event.facts.status in PAYABLE and event.facts.sum is not None


def unchanged(transaction: Transaction, facts: TransactionFacts) -> bool:
    """Is everything that this answer tells still what was shown? What it does not tell proves nothing either way."""
    return (
        facts.status == transaction.status
        and told_same(facts.sum, transaction.sum)
        and told_same(facts.missing_sum, transaction.missing_sum)
        and told_same(facts.updated, transaction.updated)
        and told_same(facts.card.number if facts.card else None, transaction.card_number)
    )


def told_same(told: object, shown: object) -> bool:
    return told is None or shown is None or told == shown


def ready_to_start(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.api == "online" and transaction_fits(checkout, _event, situation)


def transaction_fits(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """Is there a transaction whose amount, as the API answered it, is the amount that was shown and paid."""
    transaction, payment = checkout.transaction, checkout.payment
    if transaction is None or payment is None:
        return False
    amount = transaction.missing_sum if checkout.use_balance else transaction.sum
    return amount == payment.amount


def must_be_known_anew(checkout: Checkout, event: object, situation: Situation) -> bool:
    """Nothing is asked, and what is known of the transaction is not what was paid for."""
    return checkout.asking is None and not transaction_fits(checkout, event, situation)


def waits_for_answer(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.asking is not None


def card_waits_elsewhere(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return checkout.use_balance and situation.card_waiting


def evidence_for_other_amount(checkout: Checkout, event: CashConfirmed, _situation: Situation) -> bool:
    return checkout.payment is None or event.evidence.amount != checkout.payment.amount


def was_interrupted(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.payment is not None and checkout.payment.interrupted


def no_card(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.card is None


def was_refused(_checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return event.facts.status in REFUSED


def refused_status_and_not_cash(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return not_cash(checkout, event, situation) and was_refused(checkout, event, situation)


def old_amount(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.now_s >= checkout.amount_shown_s + SHOWN_AMOUNT_S


def old_but_not_idle(checkout: Checkout, event: object, situation: Situation) -> bool:
    return old_amount(checkout, event, situation) and not idle(checkout, event, situation)


def other_amount_confirmed(checkout: Checkout, event: ConfirmAsked, _situation: Situation) -> bool:
    return checkout.payment is None or event.amount != checkout.payment.amount


def operator_not_needed(checkout: Checkout, _event: ConfirmAsked, _situation: Situation) -> bool:
    return not operator_may_confirm(checkout)


def operator_may_confirm(checkout: Checkout) -> bool:
    """With `operator` in the policy, and always where the drawer cannot tell any more."""
    payment = checkout.payment
    return payment is not None and (
        "operator" in checkout.rules.confirmed_by or payment.interrupted or payment.drawer_trouble is not None
    )


def same_confirmation(checkout: Checkout, event: ConfirmAsked, _situation: Situation) -> bool:
    payment = checkout.payment
    return payment is not None and payment.evidence is not None and payment.evidence.amount == event.amount


def first_opening(checkout: Checkout, _event: object, situation: Situation) -> bool:
    """The transaction is read once while the drawer is open."""
    payment = checkout.payment
    return (
        payment is not None
        and not payment.drawer_seen_open
        and checkout.transaction is not None
        and situation.api == "online"
    )


def paid_amount_is_due(checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    return checkout.payment is not None and event.facts.sum == checkout.payment.amount


def paid_amount_is_missing(checkout: Checkout, event: Applied, _situation: Situation) -> bool:
    return checkout.payment is not None and event.missing_sum == checkout.payment.amount


def executed(_checkout: Checkout, event: StartAnswered | ReadAnswered, _situation: Situation) -> bool:
    return event.facts.status in EXECUTED


def says_nothing_of_the_start(_checkout: Checkout, event: StartAnswered, _situation: Situation) -> bool:
    """It may be the answer to an earlier request on the same connection: not a usable answer to this start."""
    return event.facts.status in PAYABLE


def executed_otherwise(checkout: Checkout, event: StartAnswered | ReadAnswered, situation: Situation) -> bool:
    """Executed, but the answer tells another sum, or another remainder, than the customer saw.

    No remainder is what the vendor's page prints after any payment, so 0 tells nothing.
    """
    transaction, payment = checkout.transaction, checkout.payment
    if transaction is None or payment is None or not executed(checkout, event, situation):
        return False
    remainder = event.facts.missing_sum
    return not told_same(event.facts.sum, transaction.sum) or remainder not in {None, 0, payment.amount}


def person_must_decide(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """The cash may be in the drawer, and the drawer cannot tell: nothing of the payment is given up by itself."""
    payment = checkout.payment
    return payment is not None and (payment.interrupted or payment.drawer_trouble is not None)


def terminal_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """The terminal would ask the next customer for this one's amount."""
    payment = checkout.payment
    return (
        payment is not None
        and payment.method == "cashless"
        and _nobody_waits(checkout, situation)
        and proven_not_executed(checkout, event, situation)
    )


def running(_checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return event.facts.status in RUNNING


def proven_not_executed(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return (
        _nothing_happened(checkout, event, situation)
        and checkout.pursuit is not None
        and event.begun_s >= checkout.pursuit.ends_s
    )


def proven_not_executed_and_fits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """A transaction that was created for a payment and turned out to be of another amount is never started."""
    return proven_not_executed(checkout, event, situation) and transaction_fits(checkout, event, situation)


def unfit_and_not_cash(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """Nothing was executed, nothing was paid, and another amount is due by now: the customer chooses again."""
    return (
        not_cash(checkout, event, situation)
        and proven_not_executed(checkout, event, situation)
        and not transaction_fits(checkout, event, situation)
    )


def unfit_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return unfit_and_not_cash(checkout, event, situation) and _nobody_waits(checkout, situation)


def too_early_to_tell(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return _nothing_happened(checkout, event, situation) and not proven_not_executed(checkout, event, situation)


def _nothing_happened(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return event.facts.status in PAYABLE and as_shown(checkout, event, situation)


def refused_and_not_cash(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return (
        not_cash(checkout, event, situation)
        and checkout.refusals > 0
        and proven_not_executed(checkout, event, situation)
    )


def refused_too_often(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return checkout.refusals >= MOST_REFUSALS and proven_not_executed(checkout, event, situation)


def not_cash(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.payment is not None and checkout.payment.method != "cash"


def _nobody_waits(checkout: Checkout, situation: Situation) -> bool:
    """It never comes back to a till where it would take the place, or the card, of somebody else."""
    return checkout.started_s is None or situation.front_taken


def not_cash_and_nobody_waits(checkout: Checkout, event: object, situation: Situation) -> bool:
    return not_cash(checkout, event, situation) and _nobody_waits(checkout, situation)


def refused_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return refused_and_not_cash(checkout, event, situation) and _nobody_waits(checkout, situation)


def refused_status_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return refused_status_and_not_cash(checkout, event, situation) and _nobody_waits(checkout, situation)


def overdue(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return is_overdue(checkout, situation.wall)


def is_overdue(checkout: Checkout, wall: datetime) -> bool:
    """Is it shown under attention, though it still goes on by itself.

    Unsure for an hour; or confirmed for as long, with an API that answers, but never whole, what it is asked to create.
    """
    since = checkout.waiting_since
    if since is None or wall - since < OVERDUE_AFTER:
        return False
    return checkout.phase is Phase.UNSURE or (checkout.phase is Phase.CONFIRMED and checkout.creates >= MOST_CREATES)


def overdue_and_quiet(checkout: Checkout, event: object, situation: Situation) -> bool:
    return overdue(checkout, event, situation) and checkout.asking is None


def time_to_read(checkout: Checkout, _event: object, situation: Situation) -> bool:
    pursuit = checkout.pursuit
    return pursuit is not None and pursuit.next_read_s is not None and situation.now_s >= pursuit.next_read_s


def not_confirmed(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """Cash is booked only after somebody or something said that it is in."""
    payment = checkout.payment
    return payment is not None and payment.method == "cash" and payment.evidence is None


def was_executed(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """It was executed, though not as shown: whatever a later read says, it is not sent again."""
    return checkout.transaction is not None and checkout.transaction.read_status in EXECUTED


def may_replace_transaction(checkout: Checkout, event: RetryAsked, _situation: Situation) -> bool:
    transaction = checkout.transaction
    return event.new_transaction and (
        transaction is None or transaction.read_status in REFUSED or not transaction.start_sent
    )


def replaces_unread(_checkout: Checkout, event: RetryAsked, _situation: Situation) -> bool:
    return event.new_transaction


def same_resolution(checkout: Checkout, event: ResolveAsked, _situation: Situation) -> bool:
    return checkout.resolution is not None and checkout.resolution.outcome == event.outcome


def same_refusal(checkout: Checkout, event: CallRefused) -> bool:
    before = checkout.error
    return before is not None and (before.error, before.code) == (event.problem.error, event.problem.code)
