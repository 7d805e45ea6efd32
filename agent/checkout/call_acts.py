"""What a row asks of the API, and when it reads again: the acts that the table calls `ask`.

An act takes checkout, event and situation and returns the changed checkout and the effects that follow; a row may name
several, done in order. Pure.
"""

from agent.checkout.effects import (
    AbortTransaction,
    ApplyBalance,
    CheckCard,
    CreateTransaction,
    Effect,
    ReadTransaction,
    StartTransaction,
    UpdateTransaction,
)
from agent.checkout.events import Restarted
from agent.checkout.replacing import replace
from agent.checkout.row import Done
from agent.checkout.state import (
    Asking,
    Call,
    Checkout,
    Payment,
    Pursuit,
    Situation,
    Transaction,
)
from agent.checkout.transaction_status import EXECUTED

LONGEST_READ_PAUSE_S = 60.0
"""Between two reads of an unsure payment: light enough for days, short enough for the person who waits."""
MOST_DOUBLINGS = 6
"""2^6 s is past the longest pause. A payment can be unsure for longer than a float can be doubled."""


def awaiting(checkout: Checkout, call: Call) -> Checkout:
    number = checkout.requests + 1
    return replace(checkout, requests=number, asking=Asking(call=call, number=number))


def transaction_of(checkout: Checkout) -> Transaction:
    if checkout.transaction is None:
        raise ValueError("this row needs a transaction")
    return checkout.transaction


def payment_of(checkout: Checkout) -> Payment:
    if checkout.payment is None:
        raise ValueError("this row needs a payment")
    return checkout.payment


def check_card(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = awaiting(checkout, "check_card")
    return checkout, (CheckCard(number=checkout.requests),)


def create(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = replace(awaiting(checkout, "create"), creates=checkout.creates + 1, reason=None, error=None)
    return checkout, (CreateTransaction(number=checkout.requests),)


def update(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = replace(awaiting(checkout, "update"), reason=None, error=None)
    return checkout, (UpdateTransaction(number=checkout.requests, transaction_id=transaction_of(checkout).id),)


def apply_balance(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = awaiting(checkout, "pre_transaction")
    return checkout, (ApplyBalance(number=checkout.requests, transaction_id=transaction_of(checkout).id),)


def read(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = awaiting(checkout, "read")
    return checkout, (ReadTransaction(number=checkout.requests, transaction_id=transaction_of(checkout).id),)


def start(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """From here on the transaction may be executed: it is never aborted and never replaced unread."""
    transaction = replace(transaction_of(checkout), start_sent=True, read_status=None)
    checkout = replace(
        awaiting(checkout, "start"),
        transaction=transaction,
        pursuit=None,
        waiting_since=checkout.waiting_since or situation.wall,
    )
    effect = StartTransaction(
        number=checkout.requests,
        transaction_id=transaction.id,
        method=payment_of(checkout).method,
        action_id=checkout.action_id,
    )
    return checkout, (effect,)


def abandon(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Leave the transaction for good. It is aborted where no start can have been sent."""
    transaction = checkout.transaction
    checkout = replace(checkout, transaction=None, asking=None)
    return checkout, abort(checkout, transaction)


def abort(checkout: Checkout, transaction: Transaction | None) -> tuple[Effect, ...]:
    """What a register created is the register's to abort, and what somebody executed is nobody's."""
    if transaction is None or transaction.start_sent or checkout.handed_over is not None:
        return ()
    if {transaction.status, transaction.read_status} & EXECUTED:
        return ()
    return (AbortTransaction(transaction_id=transaction.id),)


def replace_transaction(checkout: Checkout, event: object, situation: Situation) -> Done:
    """The old one was read as refused or never started; a new one is created whole at its turn."""
    checkout, effects = abandon(checkout, event, situation)
    start_number = checkout.start_number + 1
    return replace(checkout, pursuit=None, start_number=start_number, creates=0, refusals=0, reason=None), effects


def forget_creates(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Nothing was sent: that is no creation without an answer."""
    return replace(checkout, creates=0), ()


def restart(checkout: Checkout, event: Restarted, situation: Situation) -> Done:
    """Monotonic times of another process mean nothing: everything counts anew, and nobody is kept waiting."""
    pursued = checkout.pursuit is not None
    checkout = replace(
        checkout,
        rules=event.rules,
        touched_s=situation.now_s,
        started_s=None,
        asking=None,
        wanted=None,
    )
    return open_window_unanswered(checkout, event, situation) if pursued else (checkout, ())


def open_window(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """A refusal came: from now on it takes the late window until a read can prove that nothing was executed."""
    return _proven_from(checkout, situation.now_s), ()


def open_window_unanswered(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """No answer came, or none that ends it: somebody may stand at the terminal, and what they do is late only then."""
    return _proven_from(checkout, situation.now_s + _at_terminal_s(checkout)), ()


def _at_terminal_s(checkout: Checkout) -> float:
    return checkout.rules.at_terminal_s if is_at_terminal(checkout) else 0.0


def _proven_from(checkout: Checkout, over_s: float) -> Checkout:
    """`over_s`: whoever works on the request is done with it, but for what is late."""
    ends_s = over_s + checkout.rules.late_window_s + checkout.rules.stale_read_s
    return replace(checkout, pursuit=Pursuit(ends_s=ends_s, next_read_s=None))


def is_at_terminal(checkout: Checkout) -> bool:
    """Does the call that moves the money wait for somebody at the terminal."""
    payment, reversal = checkout.payment, checkout.reversal
    pays = payment is not None and payment.method == "cashless"
    return pays or (reversal is not None and reversal.call == "cancelTrx")


def ensure_window(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """A window that was open stays as it is; where no start was sent, there is nothing to wait for."""
    if checkout.pursuit is not None:
        return checkout, ()
    return replace(checkout, pursuit=Pursuit(ends_s=situation.now_s, next_read_s=None)), ()


def pursue(checkout: Checkout, event: object, situation: Situation) -> Done:
    """Read again now."""
    pursuit = _pursuit(checkout)
    checkout = replace(checkout, pursuit=replace(pursuit, next_read_s=None, reads=pursuit.reads + 1))
    return read(checkout, event, situation)


def read_later(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """Wait twice as long as before, but be there when the late window ends."""
    pursuit = _pursuit(checkout)
    pause_s = min(2.0 ** min(pursuit.reads, MOST_DOUBLINGS), LONGEST_READ_PAUSE_S)
    next_read_s = situation.now_s + pause_s
    if situation.now_s < pursuit.ends_s:
        next_read_s = min(next_read_s, pursuit.ends_s)
    return replace(checkout, pursuit=replace(pursuit, next_read_s=next_read_s), asking=None), ()


def _pursuit(checkout: Checkout) -> Pursuit:
    if checkout.pursuit is None:
        raise ValueError("this row needs a pursuit")
    return checkout.pursuit
