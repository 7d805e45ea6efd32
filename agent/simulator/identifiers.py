"""Where the simulated API's ids and tokens come from: a sequence of random ones in the documented formats.

The same seed and the same calls give the same ids, so a run can be repeated. Without a seed a simulator that is started
again gives no id a second time, as the API does not.
"""

import random
import string
from typing import Final

_ID_ALPHABET: Final = "023456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 1, I, L, O in any genuine id
_TOKEN_ALPHABET: Final = string.digits + string.ascii_lowercase
_HEX_ALPHABET: Final = "0123456789abcdef"


class Identifiers:
    """A sequence of ids and tokens. `seed`: none for one of its own."""

    def __init__(self, seed: int | None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose: these tokens guard nothing

    def object_id(self, prefix: str) -> str:
        """Three letters, `_` and 30 characters, as `STX_KJXJDUN542NR3WMRHRVU5WWM6ZQEA2`."""
        return f"{prefix}_{self._text(_ID_ALPHABET, 30)}"

    def access_token(self) -> str:
        return self._text(_TOKEN_ALPHABET, 26)

    def refresh_token(self) -> str:
        return self._text(_HEX_ALPHABET, 40)

    def device_code(self) -> str:
        return self._text(_HEX_ALPHABET, 32)

    def user_code(self) -> str:
        return self._text(_TOKEN_ALPHABET, 8)

    def support_id(self) -> str:
        return self._text(_HEX_ALPHABET, 32)

    def _text(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choices(alphabet, k=length))
