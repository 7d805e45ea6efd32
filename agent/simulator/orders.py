"""What a client sends to create or update a transaction, and what its basket comes to. Pure; money is in cents."""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from agent.simulator.refusals import invalid

CHARGE_EANS: Final = frozenset({"4260447149502", "4260447149519"})
"""A product with one of these loads its price onto the card."""
DISCHARGE_EANS: Final = frozenset({"4260447149533", "4260447149540"})
"""A product with one of these takes its price off the card."""

_MAX_PRODUCTS: Final = 1000  # a bound of the simulator; the real one is not documented
_MAX_CENTS: Final = 10**9
_Cents = Annotated[StrictInt, Field(ge=-_MAX_CENTS, le=_MAX_CENTS)]


class _Sent(BaseModel):
    """Fields that the simulator does not know are passed over, as the API is not known to refuse any."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)  # built at first use: a quick start


class Product(_Sent):
    """One line of the basket, fields in the order of the printed answers."""

    id: StrictInt | StrictStr | None = None
    parent: StrictInt | None = None
    articleNumber: StrictInt | StrictStr | None = None
    ean: StrictStr | None = None
    desc: StrictStr = ""
    quantity: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 1
    priceOne: _Cents = 0
    tax: StrictInt | None = None
    group: list[dict[str, object]] = []
    serialNumber: StrictStr | None = None
    item_type: StrictStr = "article"
    reference_id: StrictStr | None = None
    contract_id: StrictStr | None = None
    sum: StrictInt | None = None

    @property
    def total(self) -> int:
        return self.quantity * self.priceOne


class Basket(_Sent):
    products: Annotated[list[Product], Field(max_length=_MAX_PRODUCTS)] = []


class BasketInfo(_Sent):
    """`sum` without a basket is 0; EUR where nothing is said (the defaults of the API are not documented)."""

    sum: _Cents = 0
    currency: StrictStr = "EUR"
    gratuity: _Cents | None = None


class Ident(_Sent):
    """What identifies the customer: for a card its number as text."""

    type: StrictStr
    value: StrictStr = Field(repr=False)


class Order(_Sent):
    """The body of create and update."""

    merchantRef: StrictStr | None = None
    transactionRef: StrictStr | None = None
    intent: StrictStr | None = None
    basket: Basket | None = None
    basket_info: BasketInfo | None = None
    idents: list[Ident] | None = None
    is_demo: StrictBool = False
    application_context: dict[str, object] | None = None

    @property
    def products(self) -> list[Product]:
        return self.basket.products if self.basket else []

    @property
    def info(self) -> BasketInfo:
        return self.basket_info or BasketInfo()

    @property
    def card_number(self) -> str | None:
        """The first ident that is a card."""
        return next((ident.value for ident in self.idents or [] if ident.type == "card"), None)

    @property
    def charged(self) -> int:
        """What the basket loads onto the card."""
        return total(line for line in self.products if line.ean in CHARGE_EANS)

    @property
    def discharged(self) -> int:
        """What the basket takes off the card."""
        return total(line for line in self.products if line.ean in DISCHARGE_EANS)

    @property
    def payable(self) -> int:
        """What is to be paid for this basket, with money or balance."""
        return self.info.sum - self.discharged

    @property
    def spendable(self) -> int:
        """The part that balance may pay: loading a card is not paid with a card."""
        return max(0, self.payable - self.charged)

    @property
    def by_vat_rate(self) -> dict[int, int]:
        """What the articles of each VAT rate cost."""
        rates: dict[int, int] = {}
        for line in self.products:
            if line.total > 0 and line.ean not in CHARGE_EANS | DISCHARGE_EANS:
                rates[line.tax or 0] = rates.get(line.tax or 0, 0) + line.total
        return rates


def order_from(body: object) -> Order:
    """The order in a JSON body. Raises Refused."""
    try:
        return Order.model_validate(body)
    except ValidationError as error:
        raise invalid("; ".join(_problem(tuple(item["loc"]), item["msg"]) for item in error.errors())) from None


def total(products: Iterable[Product]) -> int:
    return sum(line.total for line in products)


def bonus_products(order: Order, bonus: int) -> tuple[Product, ...]:
    """The negative lines that spend this much bonus: one for each VAT rate, in proportion to what it makes up."""
    shares = _in_proportion(bonus, order.by_vat_rate) if bonus else {}
    first_id = 1 + max((line.id for line in order.products if isinstance(line.id, int)), default=0)
    paid = [(rate, share) for rate, share in shares.items() if share]
    return tuple(_bonus_product(first_id + index, rate, share) for index, (rate, share) in enumerate(paid))


def _in_proportion(amount: int, weights: dict[int, int]) -> dict[int, int]:
    """Whole cents that add up to the amount; the cents left over go to the largest remainders."""
    whole = sum(weights.values())
    shares = {key: amount * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: amount * weights[key] % whole, reverse=True)
    for key in by_remainder[: amount - sum(shares.values())]:
        shares[key] += 1
    return shares


def _bonus_product(product_id: int, rate: int, share: int) -> Product:
    number = f"11111111{rate}"
    return Product(
        id=product_id, articleNumber=number, ean=number, desc=f"Bonus Steuer {rate}", priceOne=-share, tax=rate
    )


def _problem(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(part) for part in location) or 'body'}: {message}"
