"""A client of the local interface, for kiosk programs and registers in Python. See docs/kiosk.md.

    async with kiosk_at("http://127.0.0.1:8377", token) as kiosk:
        checkout = await kiosk.begin([{"id": 1, "desc": "Coffee", "quantity": 1, "priceOne": 250, "tax": 19}])
        async for event in kiosk.follow():
            ...

Amounts are integer cents. What the agent refuses is Refused; an agent that is not there is `aiohttp.ClientError` or
TimeoutError.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Literal, TypeVar

import aiohttp
from pydantic import BaseModel

from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import Json, Method, Outcome, Phase
from agent.kiosk.checkout_answers import CardAnswer, CheckoutAnswer, CheckoutList
from agent.kiosk.client_event import Event, event_of
from agent.kiosk.problem_answers import ProblemAnswer
from agent.kiosk.roles import Role
from agent.kiosk.sent_events import LONGEST_EVENT_BYTES, SILENCE_TIMEOUT_S, sent_events
from agent.kiosk.till_answers import DeviceList, TerminalAnswer, TicketAnswer

ANSWER_TIMEOUT_S = 10.0
"""The agent answers from its memory or its journal; a disk that takes longer is out of order."""
TERMINAL_TIMEOUT_S = 200.0
"""Longer than the agent waits for a token and the API, which waits for the terminal: the ladder of docs/api.md."""
RECONNECT_PAUSE_S = 1.0
"""A restarted agent is there again by then."""
_REFUSED_FOR_NOW = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

Shape = TypeVar("Shape", bound=BaseModel)


class Refused(Exception):
    """The agent's answer is no. Decide by `name`, the end of the problem's stable type, as "amount-differs"."""

    def __init__(self, problem: ProblemAnswer) -> None:
        super().__init__(" ".join(filter(None, (problem.title, problem.detail))))
        self.problem = problem
        self.name = problem.type.rpartition(":")[2]

    @property
    def checkout(self) -> CheckoutAnswer | None:
        """The checkout as it stands, where a checkout was asked for something."""
        return self.problem.checkout


class KioskClient:
    """One agent. Every POST carries an Idempotency-Key: pass your own `key` to be able to repeat a call safely."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    # The customer's way through a checkout

    async def begin(
        self,
        products: Sequence[Json] = (),
        *,
        merchantRef: str | None = None,  # noqa: N803 - the API's own name
        transactionRef: str | None = None,  # noqa: N803 - likewise
        currency: str = "EUR",
        key: str | None = None,
    ) -> CheckoutAnswer:
        """Begin a checkout. Product lines carry the API's names. Refused `another-is-active` has the active one."""
        body = {
            "merchantRef": merchantRef,
            "transactionRef": transactionRef,
            "basket": {"products": list(products)},
            "currency": currency,
        }
        return await self._post(CheckoutAnswer, "/v1/checkouts", body, key)

    async def hand_over(self, transaction_id: str, amount_due: int, *, key: str | None = None) -> CheckoutAnswer:
        """Begin a checkout of a transaction that your register created. It is read first: `due`, or `failed`."""
        body = {"transaction_id": transaction_id, "amount_due": amount_due}
        return await self._post(CheckoutAnswer, "/v1/checkouts", body, key)

    async def set_basket(self, checkout_id: str, products: Sequence[Json]) -> CheckoutAnswer:
        return await self._ask(CheckoutAnswer, "PUT", _of(checkout_id, "basket"), {"products": list(products)})

    async def set_card(self, checkout_id: str, value: str, csc: str | None = None) -> CheckoutAnswer:
        """Give it a card that was typed: with the digits on its back, or with the operator's token."""
        return await self._ask(CheckoutAnswer, "PUT", _of(checkout_id, "card"), {"value": value, "csc": csc})

    async def remove_card(self, checkout_id: str) -> CheckoutAnswer:
        return await self._ask(CheckoutAnswer, "DELETE", _of(checkout_id, "card"))

    async def apply(self, checkout_id: str, *, use_balance: bool, key: str | None = None) -> CheckoutAnswer:
        """Ask what is due. The amount comes as an event, when the checkout is `due`."""
        return await self._post(CheckoutAnswer, _of(checkout_id, "apply"), {"use_balance": use_balance}, key)

    async def pay(self, checkout_id: str, method: Method, amount: int, *, key: str | None = None) -> CheckoutAnswer:
        """Pay exactly the amount due that was shown."""
        body = {"method": method, "amount": amount}
        return await self._post(CheckoutAnswer, _of(checkout_id, "pay"), body, key)

    async def cancel(self, checkout_id: str, *, key: str | None = None) -> CheckoutAnswer:
        return await self._post(CheckoutAnswer, _of(checkout_id, "cancel"), {}, key)

    async def print_receipt(
        self, checkout_id: str, receipt: ReceiptCopy = "customer", *, key: str | None = None
    ) -> None:
        """Print a receipt on the till's printer, once more or for the first time."""
        await self._call("POST", _of(checkout_id, "print"), {"receipt": receipt}, key=key or _new_key())

    # What the operator's token may ask. `by` is the name of the person

    async def confirm(self, checkout_id: str, amount: int, *, by: str, key: str | None = None) -> CheckoutAnswer:
        """Say that the cash is in, where the drawer cannot."""
        return await self._post(CheckoutAnswer, _of(checkout_id, "confirm"), {"amount": amount, "by": by}, key)

    async def retry(
        self, checkout_id: str, *, by: str, new_transaction: bool = False, key: str | None = None
    ) -> CheckoutAnswer:
        body = {"new_transaction": new_transaction, "by": by}
        return await self._post(CheckoutAnswer, _of(checkout_id, "retry"), body, key)

    async def resolve(
        self, checkout_id: str, outcome: Outcome, note: str, *, by: str, key: str | None = None
    ) -> CheckoutAnswer:
        body = {"outcome": outcome, "note": note, "by": by}
        return await self._post(CheckoutAnswer, _of(checkout_id, "resolve"), body, key)

    async def reverse(
        self, checkout_id: str, reason: str, *, by: str, open_drawer: bool = False, key: str | None = None
    ) -> CheckoutAnswer:
        """Take a completed checkout back. Returns the reversal; how it ends is told by events."""
        body = {"reason": reason, "open_drawer": open_drawer, "by": by}
        return await self._post(CheckoutAnswer, _of(checkout_id, "reverse"), body, key)

    async def end_of_day(self, *, by: str, key: str | None = None) -> TerminalAnswer:
        """Have the card terminal close its day, and wait for its report; the same key asks once."""
        return await self._at_terminal("end-of-day", by, key)

    async def diagnosis(self, *, by: str, key: str | None = None) -> TerminalAnswer:
        """Have the card terminal check itself, and wait for it."""
        return await self._at_terminal("diagnosis", by, key)

    async def _at_terminal(self, what: str, by: str, key: str | None) -> TerminalAnswer:
        path, key = f"/v1/terminal/{what}", key or _new_key()
        answer = await self._call("POST", path, {"by": by}, key=key, timeout_s=TERMINAL_TIMEOUT_S)
        return TerminalAnswer.model_validate_json(answer)

    async def open_drawer(self, reason: str, *, by: str, key: str | None = None) -> None:
        await self._call("POST", "/v1/drawer/open", {"reason": reason, "by": by}, key=key or _new_key())

    async def one_time_address(self, role: Role = Role.SCREEN) -> str:
        """Return an address that logs the browser of the screen, or of the operator, in. For the operator."""
        return (await self._ask(TicketAnswer, "POST", "/v1/tickets", {"role": role})).url

    # Looking

    async def check_card(self, value: str) -> CardAnswer:
        """Ask whether a card may be used, and what is on it."""
        return await self._ask(CardAnswer, "POST", "/v1/cards/check", {"value": value})

    async def checkout(self, checkout_id: str) -> CheckoutAnswer:
        return await self._ask(CheckoutAnswer, "GET", _of(checkout_id))

    async def checkouts(self, phase: Phase | None = None) -> tuple[CheckoutAnswer, ...]:
        """Return the newest checkouts, of one phase or of all."""
        path = "/v1/checkouts" if phase is None else f"/v1/checkouts?phase={phase}"
        return (await self._ask(CheckoutList, "GET", path)).checkouts

    async def devices(self) -> DeviceList:
        return await self._ask(DeviceList, "GET", "/v1/devices")

    async def receipt(self, checkout_id: str, receipt: ReceiptCopy = "customer") -> str:
        """Return a receipt as plain text, 42 columns wide."""
        path = f"{_of(checkout_id, 'receipt')}?receipt={receipt}"
        return (await self._call("GET", path, accept="text/plain")).decode()

    # Events

    async def events(self, since: str | None = None) -> AsyncGenerator[Event]:
        """Yield what happens, until the connection ends: first a snapshot, or what was missed after the id `since`."""
        headers = {"Last-Event-ID": since} if since else {}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S)
        async with self._session.get("/v1/events", headers=headers, timeout=timeout) as response:
            await _check(response)
            async with aclosing(sent_events(response.content)) as events:
                async for fields in events:
                    if (event := event_of(fields)) is not None:
                        yield event

    async def follow(self) -> AsyncGenerator[Event]:
        """Yield what happens, for ever: after a lost connection exactly what was missed.

        An agent that is not ready yet, or has no room, is asked again; what it will not give this token is Refused.
        """
        last_id: str | None = None
        while True:
            try:
                async with aclosing(self.events(last_id)) as events:
                    async for event in events:
                        last_id = event.id or last_id
                        yield event
            except (aiohttp.ClientError, TimeoutError):
                pass
            except Refused as refused:
                if refused.problem.status not in _REFUSED_FOR_NOW:
                    raise
            await asyncio.sleep(RECONNECT_PAUSE_S)

    async def _post(self, shape: type[Shape], path: str, body: Mapping[str, object], key: str | None) -> Shape:
        return await self._ask(shape, "POST", path, body, key=key or _new_key())

    async def _ask(
        self,
        shape: type[Shape],
        method: Literal["GET", "POST", "PUT", "DELETE"],
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
    ) -> Shape:
        return shape.model_validate_json(await self._call(method, path, body, key=key))

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
        accept: str = "application/json",
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> bytes:
        headers = {"Accept": accept} | ({"Idempotency-Key": key} if key else {})
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        async with self._session.request(method, path, json=body, headers=headers, timeout=timeout) as response:
            await _check(response)
            return await response.read()


@asynccontextmanager
async def kiosk_at(base_url: str, token: str) -> AsyncIterator[KioskClient]:
    """Reach the agent at this address with the token of the screen or of the operator."""
    async with aiohttp.ClientSession(
        base_url,
        headers={"Authorization": f"Bearer {token}"},
        read_bufsize=LONGEST_EVENT_BYTES,
    ) as session:
        yield KioskClient(session)


def _of(checkout_id: str, call: str = "") -> str:
    return f"/v1/checkouts/{checkout_id}/{call}".rstrip("/")


def _new_key() -> str:
    return str(uuid.uuid4())


async def _check(response: aiohttp.ClientResponse) -> None:
    """Raise Refused for a problem document, and ClientResponseError for an error that is none."""
    if response.content_type == "application/problem+json":
        raise Refused(ProblemAnswer.model_validate_json(await response.read()))
    response.raise_for_status()
