"""What the rows of the checkout table do.

Each act takes checkout, event and situation and returns the changed checkout and the effects that follow; a row may
name several, done in order. Pure.
"""

from collections.abc import Callable
from dataclasses import replace

from agent.checkout_events import (
    AbortTransaction,
    Applied,
    ApplyAsked,
    ApplyBalance,
    BasketSet,
    CallNotAuthorised,
    CallRefused,
    CancelAnswered,
    CardChecked,
    CardSet,
    CashConfirmed,
    CheckCard,
    ConfirmAsked,
    CreateTransaction,
    DrawerTroubled,
    Effect,
    OpenDrawer,
    PayAsked,
    PrintReceipt,
    ReadAnswered,
    ReadTransaction,
    ResolveAsked,
    Restarted,
    SendBooked,
    StartAnswered,
    StartTransaction,
    TransactionSaved,
    UpdateTransaction,
)
from agent.checkout_guards import same_refusal
from agent.checkout_state import (
    Asking,
    Call,
    Card,
    Checkout,
    Evidence,
    Json,
    Payment,
    Pursuit,
    Resolution,
    Rules,
    Situation,
    Transaction,
    TransactionFacts,
)

Done = tuple[Checkout, tuple[Effect, ...]]

LONGEST_READ_PAUSE_S = 60.0
"""Between two reads of an unsure payment: light enough for days, short enough for the person who waits."""
MOST_DOUBLINGS = 6
"""2^6 s is past the longest pause. A payment can be unsure for longer than a float can be doubled."""


# The draft


def because(reason: str) -> Callable[[Checkout, object, Situation], Done]:
    """Say why the checkout stands where it goes to."""

    def act(checkout: Checkout, _event: object, _situation: Situation) -> Done:
        return replace(checkout, reason=reason), ()

    return act


def touch(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """A person did something: the time of an abandoned draft runs anew."""
    return replace(checkout, touched_s=situation.now_s), ()


def set_basket(checkout: Checkout, event: BasketSet, _situation: Situation) -> Done:
    return replace(checkout, basket=event.basket), ()


def set_card(checkout: Checkout, event: CardSet, _situation: Situation) -> Done:
    return replace(checkout, card=Card(number=event.number)), ()


def check_card(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = ask(checkout, "check_card")
    return checkout, (CheckCard(number=checkout.requests),)


def keep_card_facts(checkout: Checkout, event: CardChecked, situation: Situation) -> Done:
    card = checkout.card and _as_offered(event.card, checkout.card.number, situation)
    return replace(checkout, card=card, asking=None), ()


def _as_offered(told: Card, number: str, situation: Situation) -> Card:
    """While an earlier payment with the card is not booked, what the API tells of its balance is no offer."""
    return replace(told, number=number, balance=None if situation.card_waiting else told.balance)


def drop_card(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, card=None, use_balance=False, asking=None), ()


def clear_amount(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """The amount is not known any more; the transaction is kept for one update."""
    return (
        replace(checkout, amount_due=None, bonus_products=(), payment=None, wanted=None, asking=None, creates=0),
        (),
    )


def abandon(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Leave the transaction for good. It is aborted where no start can have been sent."""
    transaction = checkout.transaction
    checkout = replace(checkout, transaction=None, asking=None)
    return checkout, _abort(checkout, transaction)


def _abort(checkout: Checkout, transaction: Transaction | None) -> tuple[Effect, ...]:
    """What a register created is the register's to abort."""
    if transaction is None or transaction.start_sent or checkout.handed_over is not None:
        return ()
    return (AbortTransaction(transaction_id=transaction.id),)


def give_up(reason: str) -> Callable[[Checkout, object, Situation], Done]:
    """Abandon the transaction and go back to basket and card."""

    def act(checkout: Checkout, event: object, situation: Situation) -> Done:
        checkout, effects = abandon(checkout, event, situation)
        checkout, _ = clear_amount(checkout, event, situation)
        return replace(checkout, reason=reason), effects

    return act


def forget_transaction(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """It is not payable any more: there is nothing to abort."""
    return replace(checkout, transaction=None), ()


# The transaction


def want_balance(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> Done:
    return replace(checkout, use_balance=event.use_balance, wanted=None, creates=0), ()


def want_payment(checkout: Checkout, event: PayAsked, _situation: Situation) -> Done:
    wanted = Payment(method=event.method, amount=event.amount)
    return replace(checkout, use_balance=False, wanted=wanted, creates=0), ()


def create(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = replace(ask(checkout, "create"), creates=checkout.creates + 1, reason=None, error=None)
    return checkout, (CreateTransaction(number=checkout.requests),)


def update(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = replace(ask(checkout, "update"), reason=None, error=None)
    return checkout, (UpdateTransaction(number=checkout.requests, transaction_id=transaction_of(checkout).id),)


def keep_transaction(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
    facts = event.facts
    card = checkout.card
    if card is not None and facts.card is not None:
        card = _as_offered(facts.card, card.number, situation)
    return replace(checkout, transaction=as_shown(checkout.transaction, facts), card=card, asking=None), ()


def as_shown(before: Transaction | None, facts: TransactionFacts) -> Transaction:
    return Transaction(
        id=facts.id,
        status=facts.status,
        sum=facts.sum,
        missing_sum=facts.missing_sum,
        updated=facts.updated,
        card_number=facts.card.number if facts.card else None,
        start_sent=before is not None and before.id == facts.id and before.start_sent,
    )


def apply_balance(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = ask(checkout, "pre_transaction")
    return checkout, (ApplyBalance(number=checkout.requests, transaction_id=transaction_of(checkout).id),)


def show_sum(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
    """No balance is applied: the whole sum, as the API answered it, is due."""
    checkout, effects = keep_transaction(checkout, event, situation)
    return replace(checkout, amount_due=event.facts.sum, bonus_products=(), creates=0), effects


def forget_wanted(reason: str | None) -> Callable[[Checkout, object, Situation], Done]:
    """Wait for a new choice."""

    def act(checkout: Checkout, _event: object, _situation: Situation) -> Done:
        return replace(checkout, wanted=None, reason=reason), ()

    return act


def stop_at_sum(reason: str) -> Callable[[Checkout, TransactionSaved, Situation], Done]:
    """Show what is due, and wait for a new choice: the payment that was asked for cannot go on by itself."""

    def act(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
        checkout, effects = show_sum(checkout, event, situation)
        return replace(checkout, wanted=None, reason=reason), effects

    return act


def keep_refused(reason: str) -> Callable[[Checkout, TransactionSaved, Situation], Done]:
    """Cash was taken and the transaction is not what it was taken for."""

    def act(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
        checkout, effects = keep_transaction(checkout, event, situation)
        return replace(checkout, reason=reason), effects

    return act


def show_missing_sum(checkout: Checkout, event: Applied, _situation: Situation) -> Done:
    """The answer of preTransaction is not the whole object: what it does not tell is not known any more."""
    transaction = replace(
        transaction_of(checkout), status="processing", missing_sum=event.missing_sum, sum=None, updated=None
    )
    return (
        replace(
            checkout,
            transaction=transaction,
            amount_due=event.missing_sum,
            bonus_products=event.bonus_products,
            asking=None,
            creates=0,
        ),
        (),
    )


def show_applied(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> Done:
    """A preTransaction without an answer was carried out: this is what it left to pay."""
    facts = event.facts
    return (
        replace(
            checkout,
            transaction=as_shown(checkout.transaction, facts),
            amount_due=facts.missing_sum,
            bonus_products=bonus_lines(facts.products),
            asking=None,
            creates=0,
        ),
        (),
    )


def bonus_lines(products: tuple[Json, ...]) -> tuple[Json, ...]:
    """Bonus products have quantity 1 and a negative priceOne (smart-api 3.1)."""
    return tuple(line for line in products if isinstance(price := line.get("priceOne"), int) and price < 0)


def keep_problem(checkout: Checkout, event: CallRefused | CallNotAuthorised, _situation: Situation) -> Done:
    return replace(checkout, error=event.problem, asking=None), ()


def forget_asking(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, asking=None), ()


def read(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    checkout = ask(checkout, "read")
    return checkout, (ReadTransaction(number=checkout.requests, transaction_id=transaction_of(checkout).id),)


def ask(checkout: Checkout, call: Call) -> Checkout:
    number = checkout.requests + 1
    return replace(checkout, requests=number, asking=Asking(call=call, number=number))


def transaction_of(checkout: Checkout) -> Transaction:
    if checkout.transaction is None:
        raise ValueError("this row needs a transaction")
    return checkout.transaction


def _payment(checkout: Checkout) -> Payment:
    if checkout.payment is None:
        raise ValueError("this row needs a payment")
    return checkout.payment


# The payment


def take_payment(checkout: Checkout, event: PayAsked, _situation: Situation) -> Done:
    return replace(checkout, payment=Payment(method=event.method, amount=event.amount), reason=None, error=None), ()


def take_payment_offline(checkout: Checkout, event: PayAsked, situation: Situation) -> Done:
    """The API is away: the sum is due, no balance is used, and the transaction is created whole when it is back."""
    checkout, effects = abandon(checkout, event, situation)
    payment = Payment(method=event.method, amount=event.amount)
    return replace(checkout, payment=payment, amount_due=event.amount, use_balance=False, reason="offline"), effects


def take_wanted(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, payment=checkout.wanted, wanted=None), ()


def pay_nothing(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Nothing is due: the API executes with start/loyalty, whatever method was asked for."""
    return replace(checkout, payment=Payment(method="loyalty", amount=0), wanted=None, reason=None, error=None), ()


def open_drawer(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return checkout, (OpenDrawer(),)


def note_opened(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, payment=replace(_payment(checkout), drawer_seen_open=True)), ()


def note_trouble(checkout: Checkout, event: DrawerTroubled, _situation: Situation) -> Done:
    return replace(checkout, payment=replace(_payment(checkout), drawer_trouble=event.trouble), reason=event.detail), ()


def note_interrupted(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    payment = replace(_payment(checkout), interrupted=True, drawer_seen_open=False, evidence=None)
    return replace(checkout, payment=payment, asking=None), ()


def await_anew(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Evidence starts anew from the drawer's next opening."""
    payment = replace(_payment(checkout), drawer_trouble=None, drawer_seen_open=False, interrupted=False)
    return replace(checkout, payment=payment, reason=None), ()


def note_waiting(checkout: Checkout, _event: object, situation: Situation) -> Done:
    return replace(checkout, waiting_since=situation.wall, asking=None), ()


def keep_evidence(checkout: Checkout, event: CashConfirmed, situation: Situation) -> Done:
    return _confirmed(checkout, event.evidence, situation), ()


def keep_operators_word(checkout: Checkout, event: ConfirmAsked, situation: Situation) -> Done:
    evidence = Evidence(kind="operator", amount=event.amount, at=situation.wall, by=event.by)
    return _confirmed(checkout, evidence, situation), ()


def _confirmed(checkout: Checkout, evidence: Evidence, situation: Situation) -> Checkout:
    payment = replace(_payment(checkout), evidence=evidence)
    return replace(
        checkout, payment=payment, waiting_since=situation.wall, reason=None, asking=None, creates=0, refusals=0
    )


# The start


def start(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """From here on the transaction may be executed: it is never aborted and never replaced unread."""
    transaction = replace(transaction_of(checkout), start_sent=True)
    checkout = replace(
        ask(checkout, "start"),
        transaction=transaction,
        pursuit=None,
        waiting_since=checkout.waiting_since or situation.wall,
    )
    effect = StartTransaction(
        number=checkout.requests,
        transaction_id=transaction.id,
        method=_payment(checkout).method,
        action_id=checkout.action_id,
    )
    return checkout, (effect,)


def count_refusal(checkout: Checkout, event: CallRefused, _situation: Situation) -> Done:
    """A refusal is a usable answer: the next start gets a new X-Action."""
    refusals = checkout.refusals + 1 if same_refusal(checkout, event) else 1
    return replace(checkout, refusals=refusals, error=event.problem, start_number=checkout.start_number + 1), ()


def count_useless_answer(checkout: Checkout, _event: StartAnswered, _situation: Situation) -> Done:
    """It is no refusal in the API's words, but as often in a row it means as much."""
    return replace(checkout, refusals=checkout.refusals + 1 if checkout.error is None else 1, error=None), ()


def usable_answer(checkout: Checkout, _event: StartAnswered, _situation: Situation) -> Done:
    return replace(checkout, start_number=checkout.start_number + 1), ()


def give_back_choice(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """No cash was involved: the customer may choose again. What is started then is another payment."""
    return (
        replace(
            checkout,
            payment=None,
            pursuit=None,
            waiting_since=None,
            started_s=None,
            start_number=checkout.start_number + 1,
            refusals=0,
            asking=None,
        ),
        (),
    )


def doubt_remainder(checkout: Checkout, event: StartAnswered, _situation: Situation) -> Done:
    """Where the API starts nothing and names another remainder, the amount that was shown is never started again."""
    transaction, told = transaction_of(checkout), event.facts.missing_sum
    if told is None or not checkout.use_balance or told == transaction.missing_sum:
        return checkout, ()
    return replace(checkout, transaction=replace(transaction, missing_sum=None)), ()


def open_window(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """From now on it takes the late window until a read can prove that nothing was executed."""
    return replace(checkout, pursuit=_full_window(checkout.rules, situation)), ()


def _full_window(rules: Rules, situation: Situation) -> Pursuit:
    return Pursuit(ends_s=situation.now_s + rules.late_window_s + rules.stale_read_s, next_read_s=None)


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


def note_status(checkout: Checkout, event: ReadAnswered | StartAnswered, _situation: Situation) -> Done:
    transaction = replace(transaction_of(checkout), read_status=event.facts.status)
    return replace(checkout, transaction=transaction, asking=None), ()


def keep_result(
    checkout: Checkout, event: StartAnswered | CancelAnswered | ReadAnswered, _situation: Situation
) -> Done:
    facts = event.facts
    return (
        replace(
            checkout,
            transaction=replace(transaction_of(checkout), status=facts.status),
            receipt=facts.receipt,
            trans_id=facts.trans_id,
            receipt_number=facts.receipt_number,
            pursuit=None,
            asking=None,
            reason=None,
            error=None,
        ),
        (),
    )


def give_receipt(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return checkout, (PrintReceipt(), SendBooked())


# The operator, and time


def ensure_window(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """A window that was open stays as it is; where no start was sent, there is nothing to wait for."""
    if checkout.pursuit is not None:
        return checkout, ()
    return replace(checkout, pursuit=Pursuit(ends_s=situation.now_s, next_read_s=None)), ()


def forget_refusals(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, refusals=0, creates=0, reason=None), ()


def forget_creates(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Nothing was sent: that is no creation without an answer."""
    return replace(checkout, creates=0), ()


def replace_transaction(checkout: Checkout, event: object, situation: Situation) -> Done:
    """The old one was read as refused or never started; a new one is created whole at its turn."""
    checkout, effects = abandon(checkout, event, situation)
    start_number = checkout.start_number + 1
    return replace(checkout, pursuit=None, start_number=start_number, creates=0, refusals=0, reason=None), effects


def resolve(checkout: Checkout, event: ResolveAsked, _situation: Situation) -> Done:
    """A transaction that was never started is abandoned; it stays on record."""
    resolution = Resolution(outcome=event.outcome, note=event.note, by=event.by)
    return replace(checkout, resolution=resolution, asking=None), _abort(checkout, checkout.transaction)


def restart(checkout: Checkout, event: Restarted, situation: Situation) -> Done:
    """Monotonic times of another process mean nothing: everything counts anew, and nobody is kept waiting."""
    pursuit = None if checkout.pursuit is None else _full_window(event.rules, situation)
    return (
        replace(
            checkout,
            rules=event.rules,
            touched_s=situation.now_s,
            started_s=None,
            pursuit=pursuit,
            asking=None,
            wanted=None,
        ),
        (),
    )
