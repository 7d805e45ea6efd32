"""The two tokens that open the local interface, each in a file of its own, made at the first start.

`<state>/tokens/screen` and `<state>/tokens/operator`, mode 0640: the owner of each file gives it to a group, and with
that to the programs of that group. A token that is deleted is made anew at the next start; whoever had the old one is
out, the pages' cookies included.
"""

import hmac
import logging
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from agent.kiosk.roles import Role

logger = logging.getLogger("tillwire.kiosk.tokens")

TOKEN_BYTES = 32
SHORTEST_TOKEN = 32
"""Characters. What is shorter was torn or typed by somebody, and can be guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a caller shows to be let in."""

    screen: str = field(repr=False)
    operator: str = field(repr=False)

    def of(self, role: Role) -> str:
        return self.operator if role is Role.OPERATOR else self.screen

    def role_of(self, token: str) -> Role | None:
        """Return whose token this is. Takes as long for a wrong one as for a right one."""
        given = token.encode(errors="surrogateescape")
        is_screen = hmac.compare_digest(given, self.screen.encode())
        is_operator = hmac.compare_digest(given, self.operator.encode())
        if is_operator:
            return Role.OPERATOR
        return Role.SCREEN if is_screen else None


def load_tokens(directory: Path) -> Tokens:
    """Read the tokens, or make them. Blocking. Raises OSError."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Tokens(screen=_load(directory / Role.SCREEN), operator=_load(directory / Role.OPERATOR))


def _load(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _make(path)
    except UnicodeDecodeError:
        token = ""
    if len(token) < SHORTEST_TOKEN:
        logger.warning("%s holds no usable token: a new one is made", path)
        return _make(path)
    return token


def _make(path: Path) -> str:
    """Write a new token beside and rename it: after a power cut there is a whole one or none."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o640)  # whatever the umask
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return token
