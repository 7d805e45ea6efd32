"""What is said when nothing waits for it: an answer about a checkout that is over, a machine's word. Pure.

It changes nothing: final is final.
"""

from agent.checkout.events import CancelAnswered, ReadAnswered, StartAnswered
from agent.checkout.reversal import took_nothing_back
from agent.checkout.state import Checkout, Phase
from agent.checkout.transaction_status import CANCELLED, EXECUTED

LateAnswer = StartAnswered | ReadAnswered | CancelAnswered


def contradicts(checkout: Checkout, answer: LateAnswer) -> bool:
    """Say whether money moved, by the API's word, where this checkout ended as if it had not."""
    if checkout.reversal is not None:
        return took_nothing_back(checkout) and answer.facts.status == CANCELLED
    return not _counts_as_executed(checkout) and answer.facts.status in EXECUTED


def was_confirmed(checkout: Checkout, amount: int | None) -> bool:
    """Say whether a machine's word is about cash that the drawer or a person has confirmed already. Cents."""
    evidence = checkout.payment.evidence if checkout.payment is not None else None
    return evidence is not None and amount in (None, evidence.amount)


def _counts_as_executed(checkout: Checkout) -> bool:
    closed = checkout.resolution
    return checkout.phase is Phase.COMPLETED or (closed is not None and closed.outcome == "executed")
