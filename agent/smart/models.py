"""The shapes of the API's answers (smart-api.md, parts 2 to 4), with the API's own field names.

A model types what the till decides by and keeps everything else as it came, so the types that the documentation
contradicts itself about (`trans_id`, `articleNumber`, `tax`, `code`) are never converted and nothing is lost. Only what
an answer cannot do without is required. Any other field that has a shape nobody documented reads as None: a malformed
receipt must not turn an executed payment into an unsure one.

Money is integer cents. A model prints only what may be in a log: no card number, customer or token.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from agent.smart.errors import JsonObject

# Letters, digits, `_`, `-`: what may stand in a path and a log. The documented alphabets are narrower (part 9), but not
# to be relied on.
ID_PATTERN = "[0-9A-Za-z_-]{1,100}"

_T = TypeVar("_T")


def _none_unless_it_fits(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError:
        return None


LONGEST_LIFE_S = 2**31 - 1
"""68 years, the most that a 32-bit number says: who means *never* may say so. What is beyond it is no time that a clock
could count. The documentation has 1200 and no limit (smart-api.md, part 2)."""
Seconds = Annotated[int, Field(gt=0, le=LONGEST_LIFE_S)]

IfItFits = Annotated[_T | None, WrapValidator(_none_unless_it_fits)]


class SmartModel(BaseModel):
    """A JSON object of the API, kept whole. Types are exact: nothing is converted."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True)
    printed: ClassVar[frozenset[str]] = frozenset({"id", "status"})

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        return ((name, getattr(self, name)) for name in type(self).model_fields if name in self.printed)


class Reference(SmartModel):
    """Another object, named by its id."""

    id: str


class Merchant(Reference):
    """general.merchants: who takes the money."""

    companyname: IfItFits[str] = None


class BasketInfo(SmartModel):
    """Sums in cents. `missing_sum` is there only after preTransaction."""

    printed: ClassVar[frozenset[str]] = frozenset({"sum", "currency", "gratuity", "missing_sum"})

    sum: IfItFits[int] = None
    currency: IfItFits[str] = None
    gratuity: IfItFits[int] = None
    missing_sum: IfItFits[int] = None


class Basket(SmartModel):
    """Product lines as the API has them; bonus products have a negative `priceOne`."""

    products: IfItFits[list[JsonObject]] = None


class Card(SmartModel):
    """loyalty.cards: the piece of plastic."""

    cardnumber: IfItFits[str | int] = None


class MerchantCard(SmartModel):
    """loyalty.merchantcards. Balances in cents; `balance` = `cash_balance` + `bonus_balance`."""

    id: IfItFits[str] = None
    card: IfItFits[Card] = None
    cash_balance: IfItFits[int] = None
    bonus_balance: IfItFits[int] = None
    balance: IfItFits[int] = None
    points: IfItFits[int] = None
    lock_status: IfItFits[str] = None
    stock_status: IfItFits[str] = None
    passcode: IfItFits[int] = None
    expiry_date: IfItFits[str] = None


class Ident(SmartModel):
    """How the customer is known. An unknown card comes back with `valid: false`, not as an error."""

    printed: ClassVar[frozenset[str]] = frozenset({"type", "valid"})

    type: IfItFits[str] = None
    value: IfItFits[str | int] = None
    valid: IfItFits[bool] = None
    merchantcard: IfItFits[MerchantCard] = None


class SmartTransaction(SmartModel):
    """smart.transactions. Which transaction, and how it stands, must be said; all else may be missing."""

    id: str = Field(pattern=f"^{ID_PATTERN}$")
    status: str = Field(max_length=100)
    created: IfItFits[str] = None
    updated: IfItFits[str] = None
    basket: IfItFits[Basket] = None
    basket_info: IfItFits[BasketInfo] = None
    idents: IfItFits[list[Ident]] = None
    transactions: IfItFits[list[Reference]] = None
    receipt: IfItFits[list[JsonObject]] = None
    receipt_merchant: IfItFits[list[JsonObject]] = None
    receipt_merchant_print: IfItFits[bool] = None
    receipt_number: IfItFits[int | str] = None
    payment_method: IfItFits[str] = None
    trans_id: IfItFits[int | str] = None
    merchantRef: IfItFits[str] = None
    transactionRef: IfItFits[str] = None
    is_demo: IfItFits[bool] = None
    device_source: IfItFits[Reference] = None
    merchant: IfItFits[Merchant] = None

    @property
    def canonical_status(self) -> str:
        """The status with the one word that the sources spell in two ways (`canceled`) spelled in one."""
        return "cancelled" if self.status == "canceled" else self.status


class TransactionList(SmartModel):
    """One page of a search. `count` is how many match in all; an empty page has `data: null`."""

    printed: ClassVar[frozenset[str]] = frozenset({"count"})

    count: int
    data: list[SmartTransaction] | None


class MerchantCardList(SmartModel):
    """One page of a card search."""

    printed: ClassVar[frozenset[str]] = frozenset({"count"})

    count: int
    data: list[MerchantCard] | None


class PreTransaction(SmartModel):
    """What card and bonus leave to pay (cents), and the bonus lines to show. Nothing is booked."""

    printed: ClassVar[frozenset[str]] = frozenset({"missing_sum"})

    missing_sum: int = Field(ge=0)
    bonus_products: list[JsonObject]


class CardValidity(SmartModel):
    """Whether a card may be used. Of an invalid card the API says nothing more."""

    printed: ClassVar[frozenset[str]] = frozenset({"isValid", "hasPasscode", "isLocked"})

    isValid: bool
    hasPasscode: bool | None = None
    isLocked: bool | None = None


class CheckResult(SmartModel):
    """The answer of checkCsc."""

    printed: ClassVar[frozenset[str]] = frozenset({"result"})

    result: bool


class TokenAnswer(SmartModel):
    """A login. `expires_in` in seconds; a refresh token comes with the device grant."""

    printed: ClassVar[frozenset[str]] = frozenset({"expires_in", "token_type"})

    access_token: str = Field(pattern=r"^[A-Za-z0-9\-._~+/]+=*$")  # what RFC 6750 lets stand in a header
    expires_in: Seconds
    refresh_token: IfItFits[str] = None


class DeviceCodeAnswer(SmartModel):
    """Step 1 of the device login: a person enters `user_code` at `verification_url`. Times in seconds."""

    printed: ClassVar[frozenset[str]] = frozenset({"user_code", "verification_url", "expires_in", "interval"})

    device_code: str = Field(min_length=1)
    user_code: str
    verification_url: str
    expires_in: Seconds
    interval: Seconds
