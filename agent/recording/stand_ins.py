"""What stands in a recording for a card number, a secret or a text of people: the same for the same, and irreversible.

A stand-in comes from a key that is made at the start of the agent, lives in its memory only and is in no file. It keeps
the shape: lengths, and the prefix of a loyalty card, so that a replay takes the same way. Of any other long number not
one digit stays. Pure but for the key, which is handed in.
"""

import hmac
import re
from collections.abc import Callable, Iterator
from itertools import count, zip_longest
from string import ascii_lowercase, ascii_uppercase, digits

from agent.card import BETWEEN_DIGITS, CardNumber, CardRules, read_card

LONG_NUMBER = re.compile(rf"\d(?:{BETWEEN_DIGITS}\d){{11,}}")
"""As long as a card's, also one that is written in groups."""
_MOST_TURNS = 1000  # one in three 13-digit codes looks like a bank card


class StandIns:
    """Makes stand-ins with one key."""

    def __init__(self, rules: CardRules, key: bytes) -> None:
        self._rules = rules
        self._key = key

    def card(self, number: CardNumber) -> str:
        """Another number that is a loyalty card here, too."""
        prefix = next(prefix for prefix in self._rules.prefixes if number.value.startswith(prefix))
        return prefix + self._shaped(number.value, "card")[len(prefix) :]

    def number(self, text: str) -> str:
        """A long number: the stand-in of a loyalty card; of any other, a bank card's too, no digit stays."""
        read = read_card(re.sub(r"\D", "", text), self._rules)
        return self.card(read) if isinstance(read, CardNumber) else re.sub(r"\d", "*", text)

    def numbers_in(self, text: str) -> str:
        """The text with its long numbers replaced, and all else as it is."""
        return LONG_NUMBER.sub(lambda found: self.number(found[0]), text)

    def text(self, text: str) -> str:
        """Words of people: each letter and digit is another one, long numbers as above."""
        words = [self._shaped(word, "text") for word in LONG_NUMBER.split(text)]
        numbers = [self.number(number) for number in LONG_NUMBER.findall(text)]
        return "".join(part for pair in zip_longest(words, numbers, fillvalue="") for part in pair)

    def secret(self, text: str) -> str:
        """A token, a password: no part of it stays."""
        return self._shaped(text, "secret")

    def code(self, text: str, is_alike: Callable[[str], bool]) -> str:
        """A code that is no card: another one of which the same can be said."""
        candidates = (self._shaped(text, f"code {turn}") for turn in range(_MOST_TURNS))
        return next(filter(is_alike, candidates), "")

    def _shaped(self, text: str, purpose: str) -> str:
        stream = self._stream(f"{purpose}\n{text}")
        return "".join(_other(character, stream) for character in text)

    def _stream(self, about: str) -> Iterator[int]:
        for block in count():
            yield from hmac.digest(self._key, f"{block}\n{about}".encode("utf-8", "surrogatepass"), "sha256")


def _other(character: str, stream: Iterator[int]) -> str:
    if character.isdecimal():
        return digits[next(stream) % len(digits)]
    if character.isalpha():
        letters = ascii_uppercase if character.isupper() else ascii_lowercase
        return letters[next(stream) % len(letters)]
    return character
