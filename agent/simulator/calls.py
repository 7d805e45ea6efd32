"""What each call of the API does: the arguments of a path and a body go in, the JSON of an answer comes out. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agent.simulator import lifecycle, payments, reversals
from agent.simulator.answers import (
    Json,
    applied_body,
    merchant_body,
    merchantcard_body,
    read_body,
    started_body,
    transaction_body,
)
from agent.simulator.messages import Request
from agent.simulator.oauth import Logins, Session
from agent.simulator.orders import order_from
from agent.simulator.payments import Running
from agent.simulator.query import BadQuery, parse
from agent.simulator.refusals import INTERNAL, NOT_FOR_THIS_LOGIN, Refusal, Refused, invalid, unknown
from agent.simulator.state import State

_MAX_COUNT: Final = 1000  # a bound of the simulator for one page of a list
_SEQUENCES: Final = "0123456789", "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: `arguments` are the ids in its path."""

    arguments: Mapping[str, str]
    request: Request
    session: Session
    now: float


Handler = Callable[[State, Logins, Call], Json | Running]


def create(state: State, _logins: Logins, call: Call) -> Json:
    _check_login(state, call)
    transaction = lifecycle.create(state, order_from(call.request.json), call.session.device, call.now)
    return transaction_body(state, transaction)


def read(state: State, _logins: Logins, call: Call) -> Json:
    return read_body(state, state.seen(call.arguments["transaction"], call.now))


def search(state: State, _logins: Logins, call: Call) -> Json:
    seen = [state.seen(transaction_id, call.now) for transaction_id in list(state.transactions)]
    return _page([read_body(state, transaction) for transaction in seen], call.request.query)


def update(state: State, _logins: Logins, call: Call) -> Json:
    _check_login(state, call)
    transaction = state.transaction(call.arguments["transaction"], call.now)
    return transaction_body(state, lifecycle.update(state, transaction, order_from(call.request.json), call.now))


def pre_transaction(state: State, _logins: Logins, call: Call) -> Json:
    _check_login(state, call)
    transaction = state.transaction(call.arguments["transaction"], call.now)
    return applied_body(lifecycle.apply_card(state, transaction, call.now))


def start(state: State, _logins: Logins, call: Call) -> Json | Running:
    """Begins the start; `api.py` finishes it."""
    _check_login(state, call)
    begun = payments.begin_start(
        state,
        state.transaction(call.arguments["transaction"], call.now),
        call.arguments["method"].lower(),
        device=call.session.device,
        request=call.request.number,
        now=call.now,
    )
    return begun if isinstance(begun, Running) else started_body(state, begun)


def abort(state: State, _logins: Logins, call: Call) -> Json:
    _check_login(state, call)
    transaction = state.transaction(call.arguments["transaction"], call.now)
    return transaction_body(state, lifecycle.abort(state, transaction, call.now))


def cancel(state: State, _logins: Logins, call: Call) -> Json:
    _check_login(state, call)
    transaction = state.transaction(call.arguments["transaction"], call.now)
    cancelled = reversals.cancel(state, transaction, request=call.request.number, now=call.now)
    return transaction_body(state, cancelled)


def cancel_at_terminal(state: State, _logins: Logins, call: Call) -> Json:
    _check_login(state, call)
    number = call.arguments["receipt_number"]
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise invalid("The receipt number is no number")
    cancelled = reversals.cancel_at_terminal(state, int(number), request=call.request.number, now=call.now)
    return transaction_body(state, cancelled)


def end_of_day(state: State, _logins: Logins, call: Call) -> Json:
    _check_device(state, call)
    return transaction_body(state, reversals.end_of_day(state, call.session.device, call.now))


def diagnosis(state: State, _logins: Logins, call: Call) -> Json:
    _check_device(state, call)
    return transaction_body(state, reversals.diagnosis(state, call.session.device, call.now))


def merchant(state: State, _logins: Logins, call: Call) -> Json:
    if call.arguments["merchant"] not in {"me", state.world.merchant_id}:
        raise unknown("Merchant")
    return merchant_body(state)


def cards(state: State, _logins: Logins, call: Call) -> Json:
    return _page([merchantcard_body(state, card) for card in state.cards.values()], call.request.query)


def card(state: State, _logins: Logins, call: Call) -> Json:
    for each in state.cards.values():
        if each.merchantcard_id == call.arguments["merchantcard"]:
            return merchantcard_body(state, each)
    raise unknown("Merchant card")


def validate_merchantcard(state: State, _logins: Logins, call: Call) -> Json:
    """Documented: a card that is not valid is answered with `isValid` alone; a locked one is valid and locked."""
    body = _body(call)
    merchants = {"me", "mrc", state.world.merchant_id.lower()}
    ours = {call.arguments["merchant"].lower(), str(body.get("merchant") or "me").lower()} <= merchants
    found = state.cards.get(_card_number(body))
    if found is None or not ours:
        return {"isValid": False}
    return {"isValid": True, "hasPasscode": False, "isLocked": found.locked}


def check_csc(state: State, _logins: Logins, call: Call) -> Json:
    body = _body(call)
    found = state.cards.get(_card_number(body))
    return {"result": found is not None and found.csc is not None and found.csc == body.get("csc")}


def set_device_pin(state: State, logins: Logins, call: Call) -> Json:
    """Documented: at least 15 characters, three of four classes, no repetitions or sequences; else a 500."""
    pin = _body(call).get("pin")
    if not isinstance(pin, str) or not _is_strong(pin):
        raise invalid("The PIN is too weak")
    logins.device_pins[_device(state, call)] = pin
    return {"result": True}


def device_pin_config(state: State, logins: Logins, call: Call) -> Json:
    device = _device(state, call)
    return {
        "merchant": {"id": state.world.merchant_id, "auth_password_set": False},
        "store": {"id": state.world.store_id, "auth_password_set": False},
        "smart_device": {"id": device, "auth_password_set": device in logins.device_pins},
    }


def confirm_user_code(state: State, logins: Logins, call: Call) -> Json:
    _device(state, call)
    if not logins.confirm(str(_body(call).get("user_pin")), call.now):
        raise invalid("The user code is unknown")
    return {"result": True}


def not_simulated(_state: State, _logins: Logins, call: Call) -> Json:
    """The API has this call, the simulator does not: said so plainly, with a status of its own."""
    details = f"The simulator does not know this call: {call.request.method} {call.request.path}"
    raise NotSimulated(Refusal(error=INTERNAL, code=1001, details=details))


class NotSimulated(Refused):
    """Answered with HTTP 501, which the API itself is not known to use."""


def _check_login(state: State, call: Call) -> None:
    if call.session.device is None and state.switches.client_credentials_checkouts == "refused":
        raise Refused(NOT_FOR_THIS_LOGIN)


def _check_device(state: State, call: Call) -> None:
    _check_login(state, call)
    if call.arguments["device"].lower() != "me":
        _device(state, call)


def _device(state: State, call: Call) -> str:
    device = call.arguments["device"]
    if device not in {each.id for each in state.world.devices}:
        raise unknown("Device")
    return device


def _body(call: Call) -> Json:
    body = call.request.json
    if not isinstance(body, dict):
        raise invalid("The body is no object")
    return body


def _card_number(body: Json) -> str:
    number = body.get("cardnumber")
    if not isinstance(number, str):
        raise invalid("cardnumber is no text")
    return number


def _page(objects: list[Json], query: Mapping[str, str]) -> Json:
    """The list answer: `count` is the number of all matches; an empty list is `null` (as recorded)."""
    found = _sorted([each for each in objects if _matcher(query)(each)], query.get("sort", ""))
    offset, count = _number(query, "offset", 0), _number(query, "count", _MAX_COUNT)
    return {"count": len(found), "data": found[offset : offset + min(count, _MAX_COUNT)] or None}


def _matcher(query: Mapping[str, str]) -> Callable[[object], bool]:
    expression = query.get("q", "").strip()
    try:
        return parse(expression) if expression else lambda _: True
    except BadQuery as error:
        raise invalid(f"q: {error}") from None


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise invalid(f"{name} is no number")
    return int(text)


def _sorted(objects: list[Json], sort: str) -> list[Json]:
    for part in reversed([part for part in sort.split(",") if part]):
        name, _, direction = part.partition(":")
        objects = sorted(objects, key=_by(name), reverse=direction == "desc")
    return objects


def _by(name: str) -> Callable[[Json], str]:
    return lambda each: str(each.get(name))


def _is_strong(pin: str) -> bool:
    classes = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    used = sum(any(is_of(letter) for letter in pin) for is_of in classes)
    lowered = pin.lower()
    runs = any(one == two == three for one, two, three in zip(pin, pin[1:], pin[2:], strict=False))
    sequences = any(lowered[at : at + 3] in row for row in _SEQUENCES for at in range(len(pin) - 2))
    return len(pin) >= 15 and used >= 3 and not runs and not sequences
