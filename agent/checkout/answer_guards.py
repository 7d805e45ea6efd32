"""What an answer of the API proves: the questions that the table calls `told`. Pure."""

from agent.checkout.events import Applied, CallRefused, CardChecked, ReadAnswered, StartAnswered, TransactionSaved
from agent.checkout.standing_guards import (
    charges_card,
    is_overdue,
    nobody_waits,
    not_cash,
    person_must_decide,
    transaction_fits,
)
from agent.checkout.state import Checkout, Situation, Transaction, TransactionFacts
from agent.checkout.transaction_status import EXECUTED, PAYABLE, REFUSED, RUNNING

MOST_REFUSALS = 3
"""Starts refused with the same error before a person must look."""
PERSON_DECIDES_S = 60.0
"""As long as it may take to read what stands there, and to close it."""


def refused_card(_checkout: Checkout, event: CardChecked, _situation: Situation) -> bool:
    return event.card.refused is not None


def card_not_taken(_checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    return event.facts.card is not None and event.facts.card.refused is not None


def card_not_valid_for_charge(checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    """Money is loaded only onto a card that the API has called valid."""
    return charges_card(checkout) and (event.facts.card is None or event.facts.card.valid is not True)


def payable(_checkout: Checkout, event: TransactionSaved | ReadAnswered, _situation: Situation) -> bool:
    """Nothing is taken for a transaction whose sum is not told."""
    return event.facts.status in PAYABLE and event.facts.sum is not None


def not_payable(checkout: Checkout, event: TransactionSaved, situation: Situation) -> bool:
    return not payable(checkout, event, situation)


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


def wanted_by_card_alone(checkout: Checkout, _event: TransactionSaved, _situation: Situation) -> bool:
    return checkout.wanted is not None and checkout.wanted.method == "loyalty"


def wanted_other_amount(checkout: Checkout, _event: TransactionSaved, _situation: Situation) -> bool:
    return checkout.wanted is not None


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


def as_shown(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return checkout.transaction is not None and unchanged(checkout.transaction, event.facts)


def changed(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return not as_shown(checkout, event, situation)


def changed_and_person_must_decide(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return changed(checkout, event, situation) and person_must_decide(checkout, event, situation)


def unchanged(transaction: Transaction, facts: TransactionFacts) -> bool:
    """Is everything that this answer tells still what was shown? What it does not tell proves nothing either way."""
    return (
        (facts.status == transaction.status or _nothing_was_applied(transaction, facts))
        and told_same(facts.sum, transaction.sum)
        and told_same(facts.missing_sum, transaction.missing_sum)
        and told_same(facts.updated, transaction.updated)
        and told_same(facts.card.number if facts.card else None, transaction.card_number)
    )


def _nothing_was_applied(transaction: Transaction, facts: TransactionFacts) -> bool:
    """What status a preTransaction leaves that had nothing to apply is not documented (smart-api 3.1)."""
    return (
        (transaction.status, facts.status) == ("processing", "created")
        and facts.sum is not None
        and facts.sum == transaction.missing_sum
    )


def told_same(told: object, shown: object) -> bool:
    return told is None or shown is None or told == shown


def was_refused(_checkout: Checkout, event: StartAnswered | ReadAnswered, _situation: Situation) -> bool:
    return event.facts.status in REFUSED


def refused_status_and_not_cash(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return not_cash(checkout, event, situation) and was_refused(checkout, event, situation)


def paid_amount_is_due(checkout: Checkout, event: TransactionSaved, _situation: Situation) -> bool:
    return checkout.payment is not None and event.facts.sum == checkout.payment.amount


def paid_amount_is_missing(checkout: Checkout, event: Applied, _situation: Situation) -> bool:
    return checkout.payment is not None and event.missing_sum == checkout.payment.amount


def executed(_checkout: Checkout, event: StartAnswered | ReadAnswered, _situation: Situation) -> bool:
    return event.facts.status in EXECUTED


def executed_by_our_start(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """Executed, and not by somebody else: one that we never started was not paid by this checkout."""
    transaction = checkout.transaction
    return transaction is not None and transaction.start_sent and executed(checkout, event, situation)


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


def terminal_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """The terminal would ask the next customer for this one's amount."""
    payment = checkout.payment
    return (
        payment is not None
        and payment.method == "cashless"
        and nobody_waits(checkout, situation)
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
    return proven_not_executed(checkout, event, situation) and _still_fits(checkout, event, situation)


def proven_and_fits_and_left_to_a_person(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return proven_not_executed_and_fits(checkout, event, situation) and left_to_a_person(checkout, event, situation)


def left_to_a_person(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """What goes on for an hour is left alone for a minute before it is sent anew: then nobody is overtaken."""
    ends_s = checkout.pursuit.ends_s if checkout.pursuit is not None else 0.0
    return is_overdue(checkout, situation.wall) and event.begun_s < ends_s + PERSON_DECIDES_S


def _still_fits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return transaction_fits(checkout, event, situation) and not _remainder_is_hidden(checkout, event)


def _remainder_is_hidden(checkout: Checkout, event: ReadAnswered) -> bool:
    """Where balance was applied, the start without an answer may have set a new remainder, which this does not tell."""
    transaction = checkout.transaction
    return transaction is not None and transaction.missing_sum is not None and event.facts.missing_sum is None


def cash_and_remainder_hidden(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return (
        proven_not_executed(checkout, event, situation)
        and not not_cash(checkout, event, situation)
        and _remainder_is_hidden(checkout, event)
    )


def unfit_and_not_cash(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """Nothing was executed, nothing was paid, and another amount is due by now: the customer chooses again."""
    return (
        not_cash(checkout, event, situation)
        and proven_not_executed(checkout, event, situation)
        and not _still_fits(checkout, event, situation)
    )


def unfit_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return unfit_and_not_cash(checkout, event, situation) and nobody_waits(checkout, situation)


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


def refused_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return refused_and_not_cash(checkout, event, situation) and nobody_waits(checkout, situation)


def refused_status_and_nobody_waits(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return refused_status_and_not_cash(checkout, event, situation) and nobody_waits(checkout, situation)


def same_refusal(checkout: Checkout, event: CallRefused) -> bool:
    before = checkout.error
    return before is not None and (before.error, before.code) == (event.problem.error, event.problem.code)
