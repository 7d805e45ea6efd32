"""What may stand behind the `?` of a call. Anything else there is refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agent.checkout_state import Phase
from agent.kiosk.answers import ReceiptCopy
from agent.receipt import NARROWEST, CodePage

MOST_LISTED = 500
WIDEST = 96
"""Columns: more than any receipt printer has."""


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoQuery(Query):
    """Nothing."""


class ListQuery(Query):
    phase: Phase | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 100
    before: Annotated[str | None, Field(max_length=100, description="the last id of the page before")] = None


class ReceiptQuery(Query):
    receipt: ReceiptCopy = "customer"
    width: Annotated[int, Field(ge=NARROWEST, le=WIDEST, description="columns, for text and printer")] = 42
    code_page: Annotated[CodePage, Field(description="of the printer")] = CodePage.WPC1252


class EventsQuery(Query):
    since: Annotated[str, Field(max_length=100, description="an id, where Last-Event-ID cannot be sent")] = ""
