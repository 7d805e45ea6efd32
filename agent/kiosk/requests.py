"""What may be asked of the local interface: the bodies of its calls. Anything else in them is refused.

Product lines carry the API's names and pass through unchanged. Only what the agent itself reads in them is looked at:
`quantity` and `priceOne` must be whole numbers, and `ean` a code. NaN and Infinity, which are no JSON, are refused.
"""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema, model_validator

from agent.card import mask_numbers
from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import Basket, Json, Method, Outcome
from agent.kiosk.product_lines import all_finite
from agent.kiosk.roles import Role

MOST_LINES = 1000
"""A basket of a kiosk has some dozen lines; more is a mistake of the caller."""
MOST_CENTS = 100_000_000
"""A million euros: what is beyond is no price, and a sum stays far below what JSON numbers hold."""
MOST_PIECES = 100_000
LONGEST_REFERENCE = 255
TRANSACTION_ID = "[0-9A-Za-z_-]{1,100}"
"""What may stand in a path and a log; ids of the API are not checked more strictly (smart-api 9)."""
_HIDDEN = r"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Controls, line ends, and what turns the direction of a text: none of it is seen, and a log or a page is misread."""
PRINTABLE = f"^[^{_HIDDEN}]*[^\\s{_HIDDEN}][^{_HIDDEN}]*$"
LONGEST_NAME = 100
LONGEST_TEXT = 500


def _checked_line(line: Json) -> Json:
    _check_number(line, "quantity", MOST_PIECES)
    _check_number(line, "priceOne", MOST_CENTS)
    if not isinstance(line.get("ean"), str | int | None):
        raise ValueError("ean must be a text or null")  # noqa: TRY004 - pydantic reports ValueErrors
    if not all_finite(line):
        raise ValueError("a number must be finite")
    return line


def _check_number(line: Json, key: str, most: int) -> None:
    value = line.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key} must be a whole number")  # noqa: TRY004 - pydantic reports ValueErrors
    if abs(value) > most:
        raise ValueError(f"{key} must be at most {most}")


def _printable(text: str) -> str:
    if re.fullmatch(PRINTABLE, text) is None:
        raise ValueError("must be printable text")
    return mask_numbers(text)


_LINE_SCHEMA = {
    "type": "object",
    "required": ["quantity", "priceOne"],
    "properties": {
        "id": {"description": "a number of the line within its basket"},
        "articleNumber": {},
        "ean": {"type": ["string", "integer", "null"]},
        "desc": {},
        "quantity": {"type": "integer", "minimum": -MOST_PIECES, "maximum": MOST_PIECES},
        "priceOne": {
            "type": "integer",
            "minimum": -MOST_CENTS,
            "maximum": MOST_CENTS,
            "description": "cents, for one piece, tax included",
        },
        "tax": {"description": "per cent"},
    },
}

ProductLine = Annotated[Json, AfterValidator(_checked_line), WithJsonSchema(_LINE_SCHEMA)]
ProductLines = Annotated[tuple[ProductLine, ...], Field(max_length=MOST_LINES)]
Cents = Annotated[int, Field(ge=0, le=MOST_LINES * MOST_CENTS)]
Reference = Annotated[str, Field(max_length=LONGEST_REFERENCE, pattern=r"^[^\x00-\x1f\x7f]*$")]
_PRINTABLE_SCHEMA: dict[str, JsonValue] = {"pattern": PRINTABLE}
Name = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra=_PRINTABLE_SCHEMA), AfterValidator(_printable)
]
Reason = Annotated[
    str, Field(min_length=1, max_length=LONGEST_TEXT, json_schema_extra=_PRINTABLE_SCHEMA), AfterValidator(_printable)
]
By = Annotated[Name | None, Field(description="the operator's name; may be left out on the control socket only")]


class Body(BaseModel):
    """A request body. Errors never repeat what was in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True)


class Nothing(Body):
    """No body, or an empty object."""


class BasketBody(Body):
    products: ProductLines

    def as_basket(self, currency: str) -> Basket:
        return Basket(products=self.products, currency=currency)


_SALE_SCHEMA: dict[str, JsonValue] = {
    "properties": {"transaction_id": {"type": "null"}, "amount_due": {"type": "null"}},
}
_HANDED_OVER_SCHEMA: dict[str, JsonValue] = {
    "required": ["transaction_id", "amount_due"],
    "properties": {"transaction_id": {"type": "string"}, "amount_due": {"type": "integer"}},
    "maxProperties": 2,
}


class CreateBody(Body):
    """A sale: what is in the basket. Or a transaction that a register created: which, and what it says is due."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_SALE_SCHEMA, _HANDED_OVER_SCHEMA]})

    merchantRef: Reference | None = None
    transactionRef: Reference | None = None
    basket: BasketBody = BasketBody(products=())
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    transaction_id: Annotated[str, Field(pattern=f"^{TRANSACTION_ID}$")] | None = None
    amount_due: Cents | None = Field(None, description="with `transaction_id`, and only then")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if (self.transaction_id is None) != (self.amount_due is None):
            raise ValueError("transaction_id and amount_due go together")
        if self.transaction_id is not None and self.model_fields_set - {"transaction_id", "amount_due"}:
            raise ValueError("a transaction that is handed over brings its own basket and references")
        return self


class CheckCardBody(Body):
    """A card number, as it was read or typed."""

    value: str = Field(min_length=1, max_length=500, repr=False)


class CardBody(Body):
    """A card number that was typed, or read by the screen. The screen needs the digits on the back, too."""

    value: str = Field(min_length=1, max_length=500, repr=False)
    csc: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = Field(None, repr=False)


class ApplyBody(Body):
    use_balance: bool = Field(default=False, description="points are collected all the same")


class PayBody(Body):
    method: Method
    amount: Cents = Field(description="must be the amount due")


class OperatorBody(Body):
    by: By = None


class ConfirmBody(OperatorBody):
    amount: Cents


class RetryBody(OperatorBody):
    new_transaction: bool = False


class ResolveBody(OperatorBody):
    outcome: Outcome
    note: Reason


class ReverseBody(OperatorBody):
    reason: Reason
    open_drawer: bool = Field(default=False, description="opens it when the API has taken the payment back at once")


class OpenDrawerBody(OperatorBody):
    reason: Reason


class TicketBody(Body):
    """Which page the address opens."""

    role: Annotated[Role, Field(strict=False)] = Role.SCREEN


class PrintBody(Body):
    receipt: ReceiptCopy = "customer"


class SessionBody(Body):
    """The one-time ticket of `tillwire kiosk url`, exchanged for a cookie."""

    ticket: str = Field(min_length=1, max_length=200, repr=False)
