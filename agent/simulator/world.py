"""Who and what there is before the first request: merchant, devices, logins, cards. Pure.

The default world is the one of the documentation: its merchant, its device, its card numbers. Each of its cards makes
one of the documented answers of preTransaction for the sample basket of 7.96 EUR.
"""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from agent.simulator.cards import Card
from agent.simulator.documented import START_CASH
from agent.simulator.identifiers import Identifiers
from agent.simulator.times import from_iso

CLIENT_ID: Final = "1234567890abcdef" * 2
"""The client id of the default world."""
CLIENT_SECRET: Final = "1234567890abcdef" * 4
"""Its secret. It opens nothing but a simulator."""
DEVICE_UUID: Final = "/vendor/unknown/cashier/dotnettest1"
"""The documented sample device, `SDV_2YJDXYESB2YBHECVB5GQGSYPNM8UA6`."""
CARD_NUMBER: Final = "9276004429942845"
"""The card of the seed page. It holds 5.00 EUR, so that the sample basket leaves 2.96 EUR to pay."""
BONUS_CARD_NUMBER: Final = "9276004424644352"
"""2.00 EUR cash balance and 0.20 EUR bonus: 5.76 EUR of the sample basket are missing."""
ONLY_BONUS_CARD_NUMBER: Final = "9276004423382427"
"""0.71 EUR bonus and nothing else: 7.25 EUR are missing."""
LOCKED_CARD_NUMBER: Final = "9276004429999952"
CARD_CSC: Final = "4471"

_WORLD_SEED: Final = 0  # the ids of what the documentation names without an id


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A cash register. `uuid` is what it logs in with."""

    id: str
    uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`devices[0]` is the cash register of a `client_credentials` login, which names none."""

    merchant_id: str
    company_name: str
    store_id: str
    devices: tuple[Device, ...]
    terminal_id: str
    cards: tuple[Card, ...]
    card_template: dict[str, object] = field(repr=False)
    customer: dict[str, object] = field(repr=False)
    client_id: str = CLIENT_ID
    client_secret: str = field(default=CLIENT_SECRET, repr=False)


def printed_card() -> Card:
    """The card of the seed page with the balances that its answer prints."""
    printed = _printed_merchantcard()
    return Card(
        number=CARD_NUMBER,
        merchantcard_id=_text(printed, "id"),
        card_id=_text(_object(printed, "card"), "id"),
        cash_balance=1000,
        csc=CARD_CSC,
        created=from_iso(_text(_object(printed, "card"), "created")),
        last_usage=from_iso(_text(printed, "last_usage")),
        last_charge=from_iso(_text(printed, "last_charge")),
        has_customer=True,
    )


def new_card(number: str, identifiers: Identifiers, now: float) -> Card:
    """An empty card that belongs to nobody."""
    return Card(
        number=number,
        merchantcard_id=identifiers.object_id("MCD"),
        card_id=identifiers.object_id("CRD"),
        created=now,
    )


@cache
def default_world() -> World:
    """John's Bakery, as the seed page prints it."""
    identifiers = Identifiers(_WORLD_SEED)
    merchant = _object(START_CASH, "merchant")
    printed = _printed_merchantcard()
    return World(
        merchant_id=_text(merchant, "id"),
        company_name=_text(merchant, "companyname"),
        store_id=_text(_object(printed, "created_for_store"), "id"),
        devices=_devices(identifiers),
        terminal_id=identifiers.object_id("SDV"),
        cards=_cards(identifiers),
        card_template=printed,
        customer=_object(printed, "customer"),
    )


def _devices(identifiers: Identifiers) -> tuple[Device, ...]:
    others = ("/vendor/unknown/cashier/1", "/vendor/tillwire/cashier/1")
    documented = Device(id=_text(_object(START_CASH, "device_source"), "id"), uuid=DEVICE_UUID)
    return documented, *(Device(id=identifiers.object_id("SDV"), uuid=uuid) for uuid in others)


def _cards(identifiers: Identifiers) -> tuple[Card, ...]:
    seed = replace(printed_card(), cash_balance=500)

    def card(number: str) -> Card:
        return replace(new_card(number, identifiers, seed.created), csc=CARD_CSC)

    return (
        seed,
        replace(card(BONUS_CARD_NUMBER), cash_balance=200, bonus_balance=20),
        replace(card(ONLY_BONUS_CARD_NUMBER), bonus_balance=71),
        replace(card(LOCKED_CARD_NUMBER), cash_balance=1000, locked=True),
    )


def _printed_merchantcard() -> dict[str, object]:
    idents = START_CASH["idents"]
    if not isinstance(idents, list):
        raise TypeError("idents of the printed answer is no list")
    return _object(idents[0], "merchantcard")


def _object(parent: object, name: str) -> dict[str, object]:
    value = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(value, dict):
        raise TypeError(f"{name} is no object")
    return value


def _text(parent: dict[str, object], name: str) -> str:
    value = parent[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value
