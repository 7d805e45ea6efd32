"""What may stand behind the `?` of a call. Anything else there is refused."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import Phase
from agent.receipt import NARROWEST, CodePage

MOST_LISTED = 500
WIDEST = 96
"""Columns: more than any receipt printer has."""

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2999, 12, 31)
"""No till was running before, and the calendar of computers ends soon after."""


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class NoQuery(Query):
    """Nothing."""


class ListQuery(Query):
    phase: Phase | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 100
    before: Annotated[str | None, Field(max_length=100, description="the last id of the page before")] = None


class ReportQuery(Query):
    day: Annotated[
        date | None,
        Field(ge=FIRST_DAY, le=LAST_DAY, description="of the till's clock; today where it is left out; from 2020 on"),
        WithJsonSchema({"type": "string", "format": "date", "pattern": "^2(0[2-9]|[1-9][0-9])[0-9]-"}),
    ] = None


class HistoryQuery(Query):
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 50


class ReceiptQuery(Query):
    receipt: ReceiptCopy = "customer"
    width: Annotated[int, Field(ge=NARROWEST, le=WIDEST, description="columns, for text and printer")] = 42
    code_page: Annotated[CodePage, Field(description="of the printer")] = CodePage.WPC1252


class EventsQuery(Query):
    since: Annotated[str, Field(max_length=100, description="an id, where Last-Event-ID cannot be sent")] = ""
