"""Which call a method and a path are. Pure.

Path words are matched in any case, as samples and SDKs write them differently; ids are exact. The names are those of
the documentation and are used everywhere: in faults, in the record of requests, in the docs.
"""

from dataclasses import dataclass
from typing import Final

from agent.simulator import calls
from agent.simulator.calls import Handler
from agent.simulator.payments import METHODS

LOGIN: Final = "login"
UNKNOWN: Final = "unknown"

_API: Final = ("api", "v2")


@dataclass(frozen=True, slots=True)
class Route:
    """`path` below `/api/v2`; a part in braces is an id."""

    name: str
    method: str
    path: str
    handler: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The call that a request is."""

    name: str
    handler: Handler
    arguments: dict[str, str]


ROUTES: Final = (
    Route("create", "POST", "Smart/Transactions", calls.create),
    Route("list", "GET", "Smart/Transactions", calls.search),
    Route("EndOfDay", "POST", "Smart/Transactions/{device}/EndOfDay", calls.end_of_day),
    Route("diagnosis", "POST", "Smart/Transactions/{device}/diagnosis", calls.diagnosis),
    Route("cancelTrx", "POST", "Smart/Transactions/{receipt_number}/cancelTrx", calls.cancel_at_terminal),
    Route("read", "GET", "Smart/Transactions/{transaction}", calls.read),
    Route("update", "PUT", "Smart/Transactions/{transaction}", calls.update),
    Route("preTransaction", "POST", "Smart/Transactions/{transaction}/preTransaction", calls.pre_transaction),
    Route("start", "POST", "Smart/Transactions/{transaction}/start/{method}", calls.start),
    Route("abort", "POST", "Smart/Transactions/{transaction}/abort", calls.abort),
    Route("cancel", "POST", "Smart/Transactions/{transaction}/cancel", calls.cancel),
    Route("cards", "GET", "Loyalty/MerchantCards", calls.cards),
    Route("card", "GET", "Loyalty/MerchantCards/{merchantcard}", calls.card),
    Route(
        "validateMerchantcard",
        "POST",
        "Loyalty/MerchantCards/{merchant}/validateMerchantcard",
        calls.validate_merchantcard,
    ),
    Route("checkCsc", "POST", "Loyalty/MerchantCards/{merchantcard}/checkCsc", calls.check_csc),
    Route("merchant", "GET", "General/Merchants/{merchant}", calls.merchant),
    Route("devicePin", "PUT", "Smart/Devices/{device}/devicePin", calls.set_device_pin),
    Route("devicePin", "POST", "Smart/Devices/{device}/devicePin", calls.set_device_pin),
    Route("devicePinConfig", "GET", "Smart/Devices/{device}/devicePinConfig", calls.device_pin_config),
    Route("pin", "PUT", "Smart/Devices/{device}/pin", calls.confirm_user_code),
)

CALL_NAMES: Final = (
    LOGIN,
    *dict.fromkeys(route.name for route in ROUTES if route.name != "start"),
    *sorted(f"start/{method}" for method in METHODS),
)
"""Every call that can be named in a fault or asked for in the record."""


def _shape(route: Route) -> tuple[str, int]:
    return route.method, route.path.count("/") + 1


_BY_SHAPE: Final = {shape: [route for route in ROUTES if _shape(route) == shape] for shape in map(_shape, ROUTES)}
"""By method and number of parts."""


def match(method: str, path: str) -> Match:
    """The call; `unknown` for what is not simulated."""
    parts = tuple(part for part in path.split("/") if part)
    if method == "POST" and _words(parts) == ("oauth", "token"):  # `api.py` answers it: it needs no session
        return Match(name=LOGIN, handler=calls.not_simulated, arguments={})
    if _words(parts[:2]) == _API:
        for route in _BY_SHAPE.get((method, len(parts) - 2), ()):
            arguments = _arguments(route, parts[2:])
            if arguments is not None:
                return _matched(route, arguments)
    return Match(name=UNKNOWN, handler=calls.not_simulated, arguments={})


def _matched(route: Route, arguments: dict[str, str]) -> Match:
    if route.name != "start":
        return Match(name=route.name, handler=route.handler, arguments=arguments)
    method = arguments["method"].lower()
    handler = route.handler if method in METHODS else calls.not_simulated
    return Match(name=f"start/{method}", handler=handler, arguments=arguments)


def _arguments(route: Route, parts: tuple[str, ...]) -> dict[str, str] | None:
    arguments = {}
    for wanted, part in zip(route.path.split("/"), parts, strict=True):
        if wanted.startswith("{"):
            arguments[wanted[1:-1]] = part
        elif wanted.lower() != part.lower():
            return None
    return arguments


def _words(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.lower() for part in parts)
