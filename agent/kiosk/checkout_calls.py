"""The calls about one checkout. Each asks the till and answers with the checkout as the journal has it."""

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from agent.card import CardNumber, CardRules, NotACard, names_a_card, read_card
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CancelAsked,
    CardRemoved,
    ConfirmAsked,
    PayAsked,
    Request,
    ResolveAsked,
    RetryAsked,
)
from agent.checkout.state import Basket, Checkout, HandedOver, Json
from agent.kiosk.call import B, Call, Q, answer, operator_name
from agent.kiosk.checkout_answers import CheckoutList, HistoryAnswer
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.problem_answers import FieldProblem
from agent.kiosk.problems import MOST_FIELD_PROBLEMS, Problem
from agent.kiosk.product_lines import lines_with_cards
from agent.kiosk.queries import ListQuery, NoQuery
from agent.kiosk.requests import (
    ApplyBody,
    BasketBody,
    CardBody,
    ConfirmBody,
    CreateBody,
    Nothing,
    PayBody,
    ResolveBody,
    RetryBody,
    ReverseBody,
)
from agent.kiosk.roles import Role
from agent.kiosk.view import checkout_answer, happened_answer
from agent.till.order import Order


async def create(call: Call[CreateBody, NoQuery]) -> web.Response:
    """Begin a checkout: 201, or 200 where its Idempotency-Key, or its transaction, began one before."""
    body, till = call.body, call.kiosk.till
    _check_references(body, call.kiosk.cards)
    _check_lines("basket.products", body.basket.products, call.kiosk.cards)
    open_before = {checkout.id for checkout in till.open_checkouts}
    return _begun(call, await till.create(_order(body), call.key), open_before)


def _check_references(body: CreateBody, cards: CardRules) -> None:
    """References go into the journal and to the API as they are, and a card number goes nowhere but to its own place.

    Masked, a reference would find nothing any more. Raises Problem.
    """
    references = {
        "merchantRef": body.merchantRef,
        "transactionRef": body.transactionRef,
        "transaction_id": body.transaction_id,
    }
    fields = tuple(
        FieldProblem(field=name, message="must not hold a card number")
        for name, reference in references.items()
        if reference is not None and names_a_card(reference, cards)
    )
    if fields:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "card-in-reference", fields=fields)


def _check_lines(place: str, lines: Sequence[Json], cards: CardRules) -> None:
    """Likewise for product lines, which end in the journal and its exports, too. Raises Problem."""
    fields = tuple(
        FieldProblem(field=f"{place}.{number}", message="must not hold a card number")
        for number in lines_with_cards(lines, cards)[:MOST_FIELD_PROBLEMS]
    )
    if fields:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "card-in-product", fields=fields)


def _order(body: CreateBody) -> Order | HandedOver:
    if body.transaction_id is not None and body.amount_due is not None:
        return HandedOver(transaction_id=body.transaction_id, amount_due=body.amount_due)
    basket = body.basket.as_basket(body.currency)
    return Order(basket=basket, merchantRef=body.merchantRef, transactionRef=body.transactionRef)


def _begun(call: Call[B, Q], checkout: Checkout, open_before: set[str]) -> web.Response:
    if checkout.final or checkout.id in open_before:
        return _shown(call, checkout)
    location = {"Location": f"/v1/checkouts/{checkout.id}"}
    return answer(checkout_answer(checkout, call.role), HTTPStatus.CREATED, location)


async def read(call: Call[Nothing, NoQuery]) -> web.Response:
    return _shown(call, await call.kiosk.till.lookup.find(call.checkout_id))


async def history(call: Call[Nothing, NoQuery]) -> web.Response:
    """Tell all that happened to a checkout, with who did it."""
    await call.kiosk.till.lookup.find(call.checkout_id)
    events = await call.kiosk.till.lookup.events_of(call.checkout_id)
    return answer(HistoryAnswer(events=tuple(map(happened_answer, events))))


async def read_all(call: Call[Nothing, ListQuery]) -> web.Response:
    query = call.query
    found = await call.kiosk.till.lookup.checkouts(query.phase, limit=query.limit, before=query.before)
    return answer(CheckoutList(checkouts=tuple(checkout_answer(checkout, call.role) for checkout in found)))


async def set_basket(call: Call[BasketBody, NoQuery]) -> web.Response:
    """Replace the product lines; the currency stays."""
    _check_lines("products", call.body.products, call.kiosk.cards)
    checkout = await call.kiosk.till.lookup.find(call.checkout_id)
    basket = Basket(products=call.body.products, currency=checkout.basket.currency)
    return await _ask(call, BasketSet(basket=basket))


async def set_card(call: Call[CardBody, NoQuery]) -> web.Response:
    """Take a card number that was not read by one of our own readers: by the digits on its back, or the operator."""
    till = call.kiosk.till
    await till.lookup.find(call.checkout_id)
    card = card_in(call.body.value, call.kiosk)
    if call.body.csc is not None:
        await _check_csc(call, card, call.body.csc)
    elif call.role is not Role.OPERATOR:
        raise Problem(HTTPStatus.FORBIDDEN, "csc-required")
    return _shown(call, await till.set_card(call.checkout_id, card))


def card_in(value: str, kiosk: Kiosk) -> CardNumber:
    """Return the card in what was typed or read. Raises Problem."""
    match read_card(value, kiosk.cards):
        case CardNumber() as card:
            return card
        case NotACard.PAYMENT_CARD:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "payment-card")
        case _:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-a-card")


async def _check_csc(call: Call[CardBody, NoQuery], card: CardNumber, csc: str) -> None:
    wrong_codes = call.kiosk.wrong_codes
    if wrong_codes.too_many:
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-attempts")
    wrong_codes.count()
    is_right = await call.kiosk.till.check_csc(card, csc)
    if is_right is False:
        raise Problem(HTTPStatus.FORBIDDEN, "csc-wrong")
    wrong_codes.take_back()
    if is_right is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "csc-not-checked")


async def remove_card(call: Call[Nothing, NoQuery]) -> web.Response:
    return await _ask(call, CardRemoved())


async def apply(call: Call[ApplyBody, NoQuery]) -> web.Response:
    return await _ask(call, ApplyAsked(use_balance=call.body.use_balance))


async def pay(call: Call[PayBody, NoQuery]) -> web.Response:
    return await _ask(call, PayAsked(method=call.body.method, amount=call.body.amount))


async def confirm(call: Call[ConfirmBody, NoQuery]) -> web.Response:
    return await _ask(call, ConfirmAsked(amount=call.body.amount, by=await operator_name(call)))


async def cancel(call: Call[Nothing, NoQuery]) -> web.Response:
    return await _ask(call, CancelAsked())


async def retry(call: Call[RetryBody, NoQuery]) -> web.Response:
    return await _ask(call, RetryAsked(by=await operator_name(call), new_transaction=call.body.new_transaction))


async def resolve(call: Call[ResolveBody, NoQuery]) -> web.Response:
    name = await operator_name(call)
    return await _ask(call, ResolveAsked(outcome=call.body.outcome, note=call.body.note, by=name))


async def reverse(call: Call[ReverseBody, NoQuery]) -> web.Response:
    """Take a completed checkout back: 201 with the reversal, or 200 where it was asked for before."""
    till, body, name = call.kiosk.till, call.body, await operator_name(call)
    open_before = {checkout.id for checkout in till.open_checkouts}
    reversal = await till.reverse(
        call.checkout_id, reason=body.reason, by=name, open_drawer=body.open_drawer, key=call.key
    )
    return _begun(call, reversal, open_before)


async def _ask(call: Call[B, Q], request: Request) -> web.Response:
    key = call.key if call.request.method == "POST" else None
    return _shown(call, await call.kiosk.till.ask(call.checkout_id, request, key))


def _shown(call: Call[B, Q], checkout: Checkout) -> web.Response:
    return answer(checkout_answer(checkout, call.role))
