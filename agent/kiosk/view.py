"""How a checkout, a scan, a drawer or a device is shown outside. Pure.

What a caller may do next, `allowed`, is asked of the checkout table, so that nobody else has to keep a copy of it.
"""

from collections.abc import Callable
from dataclasses import asdict

from agent.checkout.call_acts import is_at_terminal
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CancelAsked,
    CardRemoved,
    CardSet,
    ConfirmAsked,
    PayAsked,
    Request,
    ResolveAsked,
    RetryAsked,
    ReverseAsked,
)
from agent.checkout.receipts import receipts_of
from agent.checkout.row import MONEY_TAKEN
from agent.checkout.state import Card, Checkout, Evidence, Resolution, Reversal, Situation
from agent.checkout.step import CHOOSING, ROWS
from agent.journal.records import StoredEvent
from agent.kiosk.checkout_answers import (
    Act,
    BasketAnswer,
    BasketInfo,
    CardAnswer,
    CheckoutAnswer,
    ErrorAnswer,
    EvidenceAnswer,
    HappenedAnswer,
    ResolutionAnswer,
    ReversalAnswer,
    Split,
)
from agent.kiosk.event_answers import (
    ConnectionAnswer,
    DeviceAnswer,
    DrawerAnswer,
    MerchantAnswer,
    ScanAnswer,
    UnexpectedAnswer,
)
from agent.kiosk.report_answers import ContradictionAnswer, OpeningAnswer, ReportAnswer, TotalsAnswer
from agent.kiosk.roles import Role
from agent.smart.models import Merchant
from agent.till.connection import Connection
from agent.till.day_sheet import DaySheet, Opening, UnexpectedRecord
from agent.till.listener import DrawerTold, ScanTold, UnexpectedTold
from device.interface import DeviceState

_OPERATORS: frozenset[Act] = frozenset({"confirm", "retry", "resolve", "reverse"})


def checkout_answer(checkout: Checkout, role: Role) -> CheckoutAnswer:
    """Show a checkout to a caller of this role."""
    payment = checkout.payment
    return CheckoutAnswer(
        id=checkout.id,
        kind=checkout.kind,
        phase=checkout.phase,
        reason=checkout.reason,
        merchantRef=checkout.merchantRef,
        transactionRef=checkout.transactionRef,
        transaction_id=checkout.transaction.id if checkout.transaction else None,
        basket=BasketAnswer(products=checkout.basket.products),
        basket_info=BasketInfo(sum=checkout.basket.sum, currency=checkout.basket.currency),
        card=card_answer(checkout.card) if checkout.card else None,
        use_balance=checkout.use_balance,
        bonus_products=checkout.bonus_products,
        amount_due=checkout.amount_due,
        split=split(checkout),
        method=payment.method if payment else None,
        evidence=_evidence(payment.evidence, role) if payment and payment.evidence else None,
        drawer_trouble=payment.drawer_trouble if payment else None,
        interrupted=payment.interrupted if payment else False,
        waiting_since=checkout.waiting_since if checkout.phase in MONEY_TAKEN else None,
        idle_s=checkout.rules.idle_s if checkout.phase in CHOOSING else None,
        error=ErrorAnswer(**vars(checkout.error)) if checkout.error else None,
        trans_id=checkout.trans_id,
        receipt_number=checkout.receipt_number,
        receipts=receipts_of(checkout),
        resolution=_resolution(checkout.resolution, role) if checkout.resolution else None,
        handed_over=checkout.handed_over is not None,
        reverses=checkout.reversal.reverses if checkout.reversal else None,
        reversed_by=checkout.reversed_by,
        reversal=_reversal(checkout.reversal, role),
        allowed=allowed(checkout, role),
        created=checkout.created,
        updated=checkout.updated,
    )


def allowed(checkout: Checkout, role: Role) -> tuple[Act, ...]:
    """What a caller of this role may ask for with effect, as far as the checkout alone decides it."""
    requests = _REQUESTS if role is Role.OPERATOR else _REQUESTS_OF_THE_SCREEN
    now_s = checkout.pursuit.ends_s if checkout.pursuit is not None else checkout.touched_s
    all_is_well = Situation(now_s=now_s, wall=checkout.updated, drawer="closed")
    possible = (act for act, request in requests if _has_effect(checkout, request(checkout), all_is_well))
    return tuple(dict.fromkeys(possible))


def _has_effect(checkout: Checkout, request: Request, all_is_well: Situation) -> bool:
    """Say whether the table would grant this, and change something, when all is well with API and drawer."""
    for row in ROWS.get((checkout.phase, type(request)), ()):
        if row.when is None or row.when(checkout, request, all_is_well):
            return row.refuse is None and bool(row.then)
    return False


def _probable_amount(checkout: Checkout) -> int:
    """What will be due, where that is not known yet."""
    if checkout.amount_due is not None:
        return checkout.amount_due
    return checkout.handed_over.amount_due if checkout.handed_over else checkout.basket.sum


def _paid_amount(checkout: Checkout) -> int:
    return checkout.payment.amount if checkout.payment else 0


_REQUESTS: tuple[tuple[Act, Callable[[Checkout], Request]], ...] = (
    ("basket", lambda checkout: BasketSet(basket=checkout.basket)),
    ("card", lambda _: CardSet(number="")),
    ("card", lambda _: CardRemoved()),
    ("apply", lambda _: ApplyAsked(use_balance=True)),
    ("apply", lambda _: ApplyAsked(use_balance=False)),
    ("pay", lambda checkout: PayAsked(method="cash", amount=_probable_amount(checkout))),
    ("cancel", lambda _: CancelAsked()),
    ("confirm", lambda checkout: ConfirmAsked(amount=_paid_amount(checkout), by="")),
    ("retry", lambda _: RetryAsked(by="")),
    ("resolve", lambda _: ResolveAsked(outcome="executed", note="", by="")),
    ("reverse", lambda _: ReverseAsked(reversal_id="", reason="", by="")),
)
"""Every act as the request that would most likely be granted."""
_REQUESTS_OF_THE_SCREEN = tuple((act, request) for act, request in _REQUESTS if act not in _OPERATORS)


def happened_answer(stored: StoredEvent) -> HappenedAnswer:
    """Show an event of the journal."""
    after = stored.checkout
    return HappenedAnswer(
        checkout=stored.checkout_id,
        at=stored.at,
        event=stored.kind,
        data=stored.data,
        phase=after.phase if after else None,
        reason=after.reason if after else None,
    )


def split(checkout: Checkout) -> Split | None:
    """How the sum is paid; None until the amount due is known. What is due is the API's word, never computed."""
    due = checkout.amount_due
    if due is None:
        return None
    at_terminal = is_at_terminal(checkout)
    bonus = -sum(_cents(line.get("priceOne")) * _cents(line.get("quantity", 1)) for line in checkout.bonus_products)
    return Split(
        cash=0 if at_terminal else due,
        card=checkout.basket.sum - due - bonus if checkout.use_balance else 0,
        bonus=bonus,
        terminal=due if at_terminal else 0,
    )


def _evidence(evidence: Evidence, role: Role) -> EvidenceAnswer:
    """Show who confirmed the cash to the operator: no name of the staff is for the customer's screen."""
    by = evidence.by if role is Role.OPERATOR else None
    return EvidenceAnswer(**{**vars(evidence), "by": by})


def _resolution(resolution: Resolution, role: Role) -> ResolutionAnswer:
    """Show who decided, and the note, to the operator: neither is for the customer's screen."""
    if role is not Role.OPERATOR:
        return ResolutionAnswer(outcome=resolution.outcome, note=None, by=None)
    return ResolutionAnswer(**vars(resolution))


def _reversal(reversal: Reversal | None, role: Role) -> ReversalAnswer | None:
    """Show who asked for it, and why, to the operator: neither is for the customer's screen."""
    if reversal is None or role is not Role.OPERATOR:
        return None
    return ReversalAnswer(reason=reversal.reason, by=reversal.by, call=reversal.call)


def _cents(value: object) -> int:
    return value if isinstance(value, int) else 0


def card_answer(card: Card) -> CardAnswer:
    return CardAnswer(**vars(card))


def report_answer(sheet: DaySheet) -> ReportAnswer:
    """Show the sheet of a day."""
    return ReportAnswer(
        day=sheet.day.date,
        begin=sheet.day.begin,
        end=sheet.day.end,
        totals=tuple(TotalsAnswer(**asdict(totals), drawer=totals.drawer) for totals in sheet.totals),
        openings=tuple(map(_opening, sheet.openings)),
        openings_without_sale=sheet.openings_without_sale,
        contradictions=tuple(map(_contradiction, sheet.contradictions)),
    )


def _opening(opening: Opening) -> OpeningAnswer:
    asked = opening.asked
    return OpeningAnswer(
        at=opening.at,
        by=opening.told.by,
        reason=asked.reason if asked else None,
        asked_by=asked.asked_by if asked else None,
        checkout=asked.checkout_id if asked else None,
        open_s=opening.open_s,
        without_sale=opening.without_sale,
    )


def _contradiction(record: UnexpectedRecord) -> ContradictionAnswer:
    told = record.told
    return ContradictionAnswer(
        at=record.at,
        what=told.what,
        amount=told.amount,
        checkout=told.checkout_id,
        phase=told.phase,
        status=told.status,
    )


def scan_answer(told: ScanTold) -> ScanAnswer:
    return ScanAnswer(**asdict(told))


def drawer_answer(told: DrawerTold, role: Role) -> DrawerAnswer:
    """Show what the drawer did. The names of the staff are not for the customer's screen."""
    return DrawerAnswer(
        drawer=told.drawer,
        state=told.state,
        event=told.event,
        by=told.by,
        reason=told.reason,
        asked_by=told.asked_by if role is Role.OPERATOR else None,
        checkout=told.checkout_id,
        open_s=told.open_s,
    )


def unexpected_answer(told: UnexpectedTold) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        what=told.what,
        contradicts=told.contradicts,
        amount=told.amount,
        checkout=told.checkout_id,
        phase=told.phase,
        status=told.status,
    )


def device_answer(state: DeviceState) -> DeviceAnswer:
    return DeviceAnswer(name=state.name, kind=state.kind, state=state.state, reason=state.reason)


def connection_answer(connection: Connection, merchant: Merchant | None = None) -> ConnectionAnswer:
    shop = MerchantAnswer(id=merchant.id, name=merchant.companyname) if merchant else None
    return ConnectionAnswer(api=connection.api, since=connection.since, merchant=shop)
