"""What the documentation leaves open, and how the simulated API answers it: the one table.

A switch is an answer that the documentation leaves open; a fault (`faults.py`) is something that goes wrong. Each
switch stands alone, each has a default, and no client may rest on any setting. The open points are part 11 of the
project's API reference (`reference/smart-api.md`) and part 6 of its design.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Switches(BaseModel):
    """One setting of every switch. Outside they are called `second-start`; here `second_start`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=_kebab, validate_by_name=True, validate_by_alias=True
    )

    second_start: Literal["refuses", "repeats-answer", "executes-again"] = Field(
        "refuses", description="A start of a transaction that is executed already, or is being executed."
    )
    start_answer: Literal["as-printed", "as-booked"] = Field(
        "as-printed",
        description="The answer after balance was redeemed. As printed on the seed page: `missing_sum` 0, the "
        "card and its receipt as if nothing was redeemed. As booked: the `missing_sum` that was paid, the new balance.",
    )
    start_with_less_balance: Literal["refuses", "executes-less", "answers-remainder"] = Field(
        "refuses",
        description="The card holds less at the start than preTransaction applied. `executes-less` redeems what is "
        "there and books the rest as paid; `answers-remainder` executes nothing and answers the new `missing_sum`.",
    )
    loyalty_start_with_missing_sum: Literal["refuses", "executes"] = Field(
        "refuses", description="`start/loyalty` while something is missing."
    )
    cash_start_with_nothing_missing: Literal["executes", "refuses"] = Field(
        "executes", description="`start/cash` of a transaction whose card covers everything."
    )
    start_by_another_device: Literal["executes", "refuses"] = Field(
        "executes", description="A start with the token of another device than the transaction was created with."
    )
    refused_start: Literal["leaves-unchanged", "sets-failed", "answers-failed"] = Field(
        "leaves-unchanged",
        description="What a refused start does: an error body and nothing else; an error body and status `failed`; "
        "or a good answer (200) whose status is `failed`.",
    )
    read_while_start_runs: Literal["pending", "approved", "unchanged"] = Field(
        "pending", description="The status that a read shows while a start is being executed."
    )
    refusal_status: Literal["http-500", "http-400", "http-403", "http-404"] = Field(
        "http-500",
        description="The HTTP status of a refusal with the API's error body. Only 403 for a missing token and 500 for "
        "a refused device PIN are documented.",
    )
    unknown_card: Literal["ident-invalid", "refused"] = Field(
        "ident-invalid",
        description="Create or update with a card that the API does not know: `valid: false`, or an error.",
    )
    locked_card: Literal["ident-invalid", "ident-valid", "refused"] = Field(
        "ident-invalid",
        description="Create or update with a locked card. `lock_status` says `locked` whenever the ident is answered.",
    )
    pretransaction_without_usable_card: Literal["applies-nothing", "refused"] = Field(
        "applies-nothing", description="preTransaction without a card, or with one that is unknown or locked."
    )
    pretransaction_balance: Literal["not-reserved", "reserved"] = Field(
        "not-reserved",
        description="Whether preTransaction keeps the balance from other transactions until it is paid, updated or "
        "abandoned.",
    )
    second_pretransaction: Literal["applies-anew", "refused"] = Field(
        "applies-anew", description="preTransaction on a transaction that has balance applied."
    )
    sum_with_bonus: Literal["unchanged", "reduced"] = Field(
        "unchanged", description="`basket_info.sum` after preTransaction added bonus products to the basket."
    )
    put_without_idents: Literal["removes-card", "keeps-card"] = Field(
        "removes-card", description="An update without `idents`."
    )
    put_after_pretransaction: Literal["created", "processing"] = Field(
        "created", description="The status after an update that took the applied balance away."
    )
    wrong_sum: Literal["refused", "accepted"] = Field(
        "refused", description="A `basket_info.sum` that is not the total of the basket."
    )
    created_lifetime_seconds: Seconds = Field(
        0, description="How long a transaction that is not executed lives before it is `timeout`; 0: for ever."
    )
    abort_after_pretransaction: Literal["aborts", "refused"] = Field(
        "aborts", description="`abort` of a transaction that has balance applied."
    )
    stale_read_seconds: Seconds = Field(0, description="How old the state is that a read shows; 0: the newest.")
    read_missing_sum: Literal["shown", "absent"] = Field(
        "shown", description="Whether a read of a single transaction or of the list has `basket_info.missing_sum`."
    )
    read_updated: Literal["shown", "absent"] = Field("shown", description="Whether a read has `updated`.")
    x_action: Literal["ignored", "honoured", "honoured-but-for-start"] = Field(
        "ignored",
        description="The header `X-Action`. Honoured: a call with an id seen before is not executed, its first answer "
        "is repeated.",
    )
    x_action_kept_seconds: Seconds = Field(180, description="How long an honoured `X-Action` id is remembered.")
    x_action_after_refusal: Literal["repeats-refusal", "executes"] = Field(
        "repeats-refusal", description="A repeated `X-Action` id whose first call was refused."
    )
    expired_token: Literal["http-403", "http-401"] = Field(
        "http-403",
        description="The answer to a missing, unknown or expired access token: 403 with code 2003 as in the "
        "documentation, or the 401 that the SDKs react to.",
    )
    unauthorised_call: Literal["not-executed", "executed"] = Field(
        "not-executed",
        description="Whether a call whose token has expired is executed all the same before it is answered so.",
    )
    authenticate_header: Literal["refused", "accepted"] = Field(
        "refused", description="A request that has `Authenticate: Bearer` and no `Authorization`."
    )
    client_credentials_checkouts: Literal["accepted", "refused"] = Field(
        "accepted", description="Create, update and the other changing calls with a `client_credentials` token."
    )
    renewal: Literal["keeps-refresh-token", "replaces-refresh-token"] = Field(
        "keeps-refresh-token",
        description="Whether a login with the refresh token answers a new one and forgets the old one.",
    )
    refresh_token_lifetime_seconds: Seconds = Field(
        0, description="How long after it was answered a refresh token can be used; 0: for ever."
    )
    cancelled_status: Literal["cancelled", "canceled"] = Field(
        "cancelled", description="How the status after a cancel is spelled."
    )
    cancel_of_mixed_payment: Literal["cancels-all", "cancels-card-only", "refused"] = Field(
        "cancels-all", description="`cancel` of a payment that was made partly with balance."
    )
    second_cancel: Literal["refuses", "repeats-answer", "executes-again"] = Field(
        "refuses", description="A cancel of a transaction that is cancelled already."
    )
    article_number: Literal["text", "as-sent"] = Field(
        "text", description="The type of `articleNumber` in answers, where a number was sent."
    )
    product_id: Literal["as-sent", "text"] = Field("as-sent", description="The type of a product's `id` in answers.")
    charge_tax: Literal["as-sent", "zero"] = Field(
        "as-sent",
        description="The `tax` in answers of a product that charges a card. The guide prints 0 where 7 was sent.",
    )
    error_code: Literal["number", "text", "http-status"] = Field(
        "number",
        description="`code` in the API's error body: a number as in the guide, a text, or the HTTP status as a text "
        "as the SDK describes it.",
    )
    trans_id: Literal["text", "number"] = Field("text", description="The type of `trans_id` in answers.")
    no_idents: Literal["empty-list", "null"] = Field(
        "empty-list", description="`idents` of a transaction without card: `[]` or `null`."
    )
    pretransaction_of_nothing: Literal["processing", "created"] = Field(
        "processing", description="The status after a preTransaction that had nothing to apply."
    )


DEFAULT_SWITCHES: Final = Switches()


class UnknownSetting(ValueError):
    """A switch, value or fault that is not there. The text is one line a problem and says what would be right."""


def switches_from(settings: dict[str, object], base: Switches = DEFAULT_SWITCHES) -> Switches:
    """`base` with these settings changed. Raises UnknownSetting that names every problem."""
    try:
        return Switches.model_validate(base.model_dump(by_alias=True) | settings)
    except ValidationError as error:
        raise UnknownSetting("\n".join(_problem(tuple(item["loc"]), item["msg"]) for item in error.errors())) from None


def setting_from(text: str) -> tuple[str, str]:
    """Name and value of `second-start=executes-again`. Raises UnknownSetting."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UnknownSetting(f"switch {text}: write it as NAME=VALUE")
    return name.strip(), value.strip()


def switch_names() -> list[str]:
    return [_kebab(name) for name in Switches.model_fields]


def _problem(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0])
    if name not in switch_names():
        return f"switch {name}: there is none of this name{nearest(name, switch_names())}"
    return f"switch {name}: {message[0].lower()}{message[1:]}"


def nearest(name: str, names: Iterable[str]) -> str:
    """A question after the name that may have been meant, where one comes near."""
    found = get_close_matches(name, list(names), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def switch_table() -> str:
    """The table of docs/simulator.md: name, values (the default first and bold), note."""
    rows = ["| switch | values | decides |", "|---|---|---|"]
    for name, field in Switches.model_fields.items():
        rows.append(f"| `{_kebab(name)}` | {_values(field.annotation, field.default)} | {field.description} |")
    return "\n".join(rows)


def _values(annotation: object, default: object) -> str:
    values = getattr(annotation, "__args__", None)
    if values is None:
        return f"seconds, **{default:g}**" if isinstance(default, (int, float)) else str(default)
    return ", ".join(f"**`{value}`**" if value == default else f"`{value}`" for value in values)
