"""What stands in a product line of a caller, however deep: no number that is none, and no card number. Pure.

Product lines are the API's own and pass through unchanged: into the journal, its exports, to the API and every screen.
"""

import math
import re
from collections.abc import Iterator, Sequence

from agent.card import CardRules, names_a_card, names_loyalty_card
from agent.checkout.state import Json

_ARTICLE = re.compile(r"(?<![0-9])[0-9]{13,14}(?![0-9])")
"""An EAN-13 or a GTIN-14 begins as bank cards do, and the API's own examples have some whose check digit is wrong."""


def all_finite(line: Json) -> bool:
    """Say whether JSON can write every number: NaN and Infinity it cannot."""
    return not any(isinstance(value, float) and not math.isfinite(value) for value in _values(line))


def lines_with_cards(lines: Sequence[Json], rules: CardRules) -> list[int]:
    """Say which of these lines hold a loyalty number, or what looks like a bank card's."""
    return [number for number, line in enumerate(lines) if _holds_a_card(line, rules)]


def _holds_a_card(line: Json, rules: CardRules) -> bool:
    return any(_is_card(_as_text(value), rules) for value in _values(line))


def _is_card(text: str, rules: CardRules) -> bool:
    return names_loyalty_card(text, rules) or names_a_card(_ARTICLE.sub("", text), rules)


def _as_text(value: object) -> str:
    """As it is read. What stands behind the point of a number is no card's."""
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _values(value: object) -> Iterator[object]:
    """Yield all that is no object and no list, and each name."""
    match value:
        case dict():
            for key, each in value.items():
                yield key
                yield from _values(each)
        case list():
            for each in value:
                yield from _values(each)
        case _:
            yield value
