"""No token, secret, card number, name or date of birth may stand in what a test run leaves behind.

Searched after each test: every log record from DEBUG on, everything that was printed, and every file in its directory:
journals with their logs and pads, recordings, exports, support files, stray copies. What is looked for: every number in
the sources of the tests that is a card, the tokens that simulators and agents made in this test, the secret of the
simulated client, the person of the documented answers. Where something of it belongs, it is named below.
"""

import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final, Literal

import pytest

from agent.simulator import CLIENT_SECRET
from agent.simulator.identifiers import Identifiers

Kind = Literal["card", "secret", "token", "person"]

PEOPLE: Final = ("Mustermann", "2018-02-14T00:00:00")
"""Of the documented answers, which the simulator gives."""
CARD: Final = re.compile(r"(?<![0-9])(?:9276[0-9]{12}|[3-6][0-9]{12,18})(?![0-9])")
LARGEST_FILE: Final = 64 * 1024 * 1024

BELONGS: Final[dict[str, frozenset[Kind]]] = {
    "*.toml": frozenset({"secret"}),  # a configuration file has the client's secret; never a card
    "*.toml.bak": frozenset({"secret"}),  # the one before, which `learn` keeps
    "*/simulator.toml": frozenset({"card", "secret"}),  # the world of a simulator: made-up cards with their balances
    "*/test_page*": frozenset({"card"}),  # the program of somebody who reads docs/simulator.md
    "*/client_secret*": frozenset({"secret"}),
    "*/credentials.json": frozenset({"token"}),  # the pairing, for the service's user alone
    "*/tokens/*": frozenset({"token"}),  # of the local interface, likewise
}
"""Files that hold something by their purpose, and what."""


@dataclass(slots=True)
class Needles:
    """What must not be found. `tokens` grows while a test runs."""

    tokens: set[str] = field(default_factory=set)

    def kinds_in(self, data: bytes, allowed: frozenset[Kind] = frozenset()) -> list[Kind]:
        """The kinds of what is found; never the thing itself, or the report of the find would be the next place."""
        words: dict[Kind, Collection[str]] = {
            "card": cards(),
            "secret": [CLIENT_SECRET],
            "token": self.tokens,
            "person": PEOPLE,
        }
        found = [kind for kind, needles in words.items() if any(needle.encode() in data for needle in needles)]
        return [kind for kind in found if kind not in allowed]


@cache
def cards() -> frozenset[str]:
    """Every number in the sources of tests and simulator that is a loyalty card, or that a bank could issue."""
    here = Path(__file__).parent
    sources = (
        file.read_text("utf-8")
        for folder in (here, here.parent / "agent" / "simulator")
        for file in folder.glob("*.py")
    )
    numbers = {number for source in sources for number in CARD.findall(source)}
    return frozenset(number for number in numbers if number.startswith("9276") or passes_luhn(number))


def passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10


class KeptLog(logging.Handler):
    """Every record as it would be printed, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def kept_log() -> Iterator[KeptLog]:
    """Keep what is logged inside, ours from DEBUG on."""
    handler, root, ours = KeptLog(), logging.getLogger(), logging.getLogger("tillwire")
    level = ours.level
    root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        ours.setLevel(level)
        root.removeHandler(handler)


@contextmanager
def kept_output() -> Iterator[list[str]]:
    """Keep what tests take out of the captured output to look at it."""
    kept: list[str] = []
    original = pytest.CaptureFixture.readouterr

    def readouterr(capture: pytest.CaptureFixture[str]) -> tuple[str, str]:
        result = original(capture)
        kept.extend(map(str, result))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.CaptureFixture, "readouterr", readouterr)
        yield kept


@contextmanager
def kept_tokens(needles: Needles) -> Iterator[None]:
    """Know every token that a simulator of this process makes inside."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("access_token", "refresh_token", "device_code"):
            patch.setattr(Identifiers, name, _knowing(getattr(Identifiers, name), needles))
        yield


def _knowing(maker: Callable[[Identifiers], str], needles: Needles) -> Callable[[Identifiers], str]:
    def make(identifiers: Identifiers) -> str:
        token = maker(identifiers)
        needles.tokens.add(token)
        return token

    return make


def found_in_files(directory: Path, needles: Needles) -> list[str]:
    """Which files hold what they must not."""
    files = [file for file in sorted(directory.rglob("*")) if file.is_file() and not file.is_symlink()]
    needles.tokens |= tokens_of_agents(files)
    found = ((file, needles.kinds_in(_content(file), belongs(file))) for file in files)
    return [f"{file.relative_to(directory)}: {', '.join(kinds)}" for file, kinds in found if kinds]


def tokens_of_agents(files: Iterable[Path]) -> set[str]:
    """The tokens of local interfaces, and what devices were paired with."""
    tokens: set[str] = set()
    for file in files:
        if file.parent.name == "tokens":
            tokens.add(file.read_text("ascii", "replace").strip())
        elif file.name == "credentials.json":
            tokens |= _texts(file, "device_code", "refresh_token")
    return {token for token in tokens if len(token) >= 16}  # a shorter one is a test's damaged file


def belongs(file: Path) -> frozenset[Kind]:
    return frozenset().union(*(kinds for pattern, kinds in BELONGS.items() if fnmatchcase(str(file), pattern)))


def _texts(file: Path, *names: str) -> set[str]:
    try:
        stored = json.loads(file.read_bytes())
    except ValueError:
        return set()
    return {str(stored[name]) for name in names if isinstance(stored, dict) and stored.get(name)}


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_FILE)
    except PermissionError:  # a test took the right away
        return b""
