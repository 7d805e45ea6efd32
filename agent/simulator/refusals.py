"""How the API says no. Pure.

Only the missing or expired token has a documented code and status. For everything else the code is the one of the
documented list whose text comes nearest, the exception is the one that its group is named with, and the HTTP status
is the switch `refusal-status`.
"""

from dataclasses import dataclass
from typing import Final

INTERNAL: Final = "ProductInternalException"
NOT_ALLOWED: Final = "ProductNotAllowedException"
NOT_FOUND: Final = "ProductNotFoundException"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the error body says; `details` is English, for developers."""

    error: str
    code: int
    details: str

    def body(self, support_id: str) -> dict[str, object]:
        return {
            "status": "error",
            "error": self.error,
            "error_details": self.details,
            "error_user": f"Es ist ein unbekannter Fehler aufgetreten (Code {self.code})",
            "code": self.code,
            "supportId": support_id,
        }


class Refused(Exception):
    """The API refuses the call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.details)
        self.refusal = refusal


TOKEN_REQUIRED: Final = Refusal(error=NOT_ALLOWED, code=2003, details="Valid auth token required")
NOT_FOR_THIS_LOGIN: Final = Refusal(error=NOT_ALLOWED, code=1001, details="Not allowed for client credentials")
ANOTHER_DEVICE: Final = Refusal(error=NOT_ALLOWED, code=1001, details="The transaction belongs to another device")
WRONG_SUM: Final = Refusal(error=INTERNAL, code=1010, details="The sum is not the total of the basket")
UNUSABLE_CARD: Final = Refusal(error=INTERNAL, code=1016, details="Card validation failed")
ALREADY_APPLIED: Final = Refusal(error=INTERNAL, code=1005, details="The balance is applied already")
SOMETHING_MISSING: Final = Refusal(error=INTERNAL, code=1005, details="The card does not cover the sum")
NOTHING_MISSING: Final = Refusal(error=INTERNAL, code=1005, details="Nothing is missing")
BALANCE_TOO_LOW: Final = Refusal(error=INTERNAL, code=1005, details="The balance of the card is too low")
NOT_CANCELLABLE: Final = Refusal(error=INTERNAL, code=1007, details="Could not cancel loyalty transaction")


def invalid(details: str) -> Refused:
    """The request's parameters are wrong."""
    return Refused(Refusal(error=INTERNAL, code=1001, details=details))


def unknown(what: str) -> Refused:
    """There is no such object."""
    return Refused(Refusal(error=NOT_FOUND, code=1001, details=f"{what} not found"))


def wrong_status(call: str, status: str) -> Refused:
    """The transaction is in a status that does not allow the call."""
    return Refused(Refusal(error=INTERNAL, code=1005, details=f"{call} is not possible in status {status}"))
