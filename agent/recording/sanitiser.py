"""What of a request or an answer may stand in a recording. Pure but for the key behind the stand-ins.

Numbers, truth values and the words of the protocol stay; every other text gets a stand-in. So a field that nobody
thought of is hidden, not shown. Names are those of the API and of the local interface.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from agent.recording.stand_ins import LONG_NUMBER, StandIns
from agent.till.scans import is_article

_WORDS = frozenset({
    # what an object is and how it stands
    "object", "status", "type", "item_type", "payment_method", "method", "stock_status", "lock_status", "intent",
    "currency", "decoration", "prefix", "lang", "outcome", "phase",
    # times of the server
    "created", "updated", "last_usage", "last_charge",
    # ids and errors of the protocol
    "id", "transaction_id", "trans_id", "receipt_number", "error", "code", "supportId", "token_type", "grant_type",
    "scope", "uuid", "articleNumber", "ean",
})  # fmt: skip
"""Fields whose texts stay as they are, as long as they look like words of a protocol."""
_SENTENCES = frozenset({"error_details", "error_user", "error_description"})
"""Fields whose sentences stay, but for the long numbers in them: without them no mistake is understood."""
_SECRETS = frozenset({
    "access_token", "refresh_token", "device_code", "user_code", "client_id", "client_secret", "device_pin", "pin",
    "user_pin", "csc", "passcode", "username", "password",
})  # fmt: skip
_PEOPLE = frozenset({"customer", "contact", "shipping_address", "container", "communications", "cashier"})
"""Objects about people: in these nothing stays, numbers included."""
_PERSONAL_IDS = ("CUS_", "CRD_", "MCD_", "ACC_")
_WORD = re.compile(r"[A-Za-z0-9_.,:/+*\[\] -]{0,80}")
_HEX = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
_LONGEST_INTEGER = 10**11  # what has more digits may be a card number that was written as a number


class Sanitiser:
    """Makes of what went over the wire what may be kept."""

    def __init__(self, stand_ins: StandIns) -> None:
        self._stand_ins = stand_ins

    def body(self, value: object) -> object:
        """A JSON value."""
        return self._value("", value)

    def login(self, value: object) -> object:
        """The body of a login: there `code` is a secret, too."""
        if isinstance(value, Mapping) and isinstance(value.get("code"), str):
            return self._value("", {**value, "device_code": value["code"], "code": None})
        return self.body(value)

    def path(self, path: str) -> str:
        return self._stand_ins.numbers_in(path)

    def query(self, query: str) -> str:
        """The query of a request: the numbers in it, and what stands in quotation marks."""
        return urlencode([(name, self._condition(value)) for name, value in parse_qsl(query)], quote_via=quote)

    def _condition(self, value: str) -> str:
        parts = re.split(r'("[^"]*")', value)
        return "".join(
            self._stand_ins.text(part) if part.startswith('"') else self._stand_ins.numbers_in(part) for part in parts
        )

    def _value(self, name: str, value: object) -> object:
        if isinstance(value, Mapping):
            return self._object(value) if name not in _PEOPLE else self._about_people(value)
        if isinstance(value, list):
            return [self._value(name, each) for each in value]
        if isinstance(value, str):
            return self._text(name, value)
        if isinstance(value, int) and abs(value) >= _LONGEST_INTEGER:
            return self._stand_ins.number(str(value))
        return value

    def _object(self, value: Mapping[str, object]) -> dict[str, object]:
        return {self._name(name): self._value(name, each) for name, each in value.items()}

    def _about_people(self, value: object) -> object:
        if isinstance(value, Mapping):
            return {self._name(name): self._about_people(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._about_people(each) for each in value]
        if isinstance(value, str):
            return self._stand_ins.text(value)
        return value if value is None or isinstance(value, bool) else 0

    def _name(self, name: str) -> str:
        return name if _NAME.fullmatch(name) else self._stand_ins.text(name)

    def _text(self, name: str, text: str) -> str:
        if name in _SECRETS:
            return self._stand_ins.secret(text)
        if name in _SENTENCES:
            return self._stand_ins.numbers_in(text)
        if (name in _WORDS and self._is_word(text)) or (name == "ean" and is_article(text)):
            return text
        if text.startswith(_PERSONAL_IDS):
            return text[:4] + self._stand_ins.secret(text[4:])
        return self._stand_ins.text(text)

    def _is_word(self, text: str) -> bool:
        if text.startswith(_PERSONAL_IDS):
            return False
        return bool(_HEX.fullmatch(text)) or bool(_WORD.fullmatch(text) and not LONG_NUMBER.search(_without_time(text)))


def _without_time(text: str) -> str:
    """An ISO 8601 time has as many digits as a card number, in groups."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "", text)
