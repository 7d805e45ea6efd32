"""From the characters between two ends to a scan, or to the reason why it is none. Pure, the same for all readers."""

from device.interface import Scan, Torn, TornScan
from device.magstripe import ESCAPE, without_wrapping
from device.symbology import split_identifier

MAX_CHARACTERS = 4096  # no code on a till comes near it; what does is a reader that never sends its suffix
BLANK = "\r\n\t"  # around a code they belong to its suffix, or are an Enter sent in front
CONTROLS = frozenset(BLANK + ESCAPE + "\x04\x1c\x1d\x1e\x1f")  # the separators of GS1 and ISO/IEC 15434 codes

Outcome = Scan | TornScan


def is_decodable(characters: str, prefix: str) -> bool:
    """Whether a code, or this reader's prefix, can contain these characters."""
    return all(" " <= one != "\x7f" or one in CONTROLS or one in prefix for one in characters)


def decoded(received: bytes | bytearray, prefix: str = "") -> str | None:
    """The text of these bytes; None when they are not UTF-8, or no code contains them."""
    try:
        text = received.decode()
    except UnicodeDecodeError:
        return None
    return text if is_decodable(text, prefix) else None


def scan_or_torn(scanner: str, characters: str, at: float, *, prefix: str = "") -> Outcome | None:
    """What the reader sent; None when that is nothing, as the second half of CR LF.

    A `prefix` that the reader is set to send proves that the text is whole at its start: without it the text is
    torn, and so it is with a second one inside. The same goes for an AIM identifier that comes twice. What was torn
    by a second scan inside still has the rest of the first one to come.
    """
    characters = characters.strip(BLANK)
    if not characters:
        return None
    symbology, text = split_identifier(characters.removeprefix(prefix))
    if not text or not characters.startswith(prefix):
        return TornScan(scanner=scanner, reason=Torn.DROPPED, at=at)
    if (prefix and prefix in text) or (symbology and symbology in text):
        return TornScan(scanner=scanner, reason=Torn.INTERLEAVED, at=at)
    whole = without_wrapping(text)
    if isinstance(whole, Torn):
        return TornScan(scanner=scanner, reason=whole, at=at)
    return Scan(scanner=scanner, text=whole, symbology=symbology, at=at) if whole else None


class Discard:
    """What is being thrown away, and whether somebody was told of it. Each burst is reported once, when it ends."""

    def __init__(self, scanner: str) -> None:
        self._scanner = scanner
        self._reason: Torn | None = None
        self._unreported = False

    @property
    def active(self) -> bool:
        return self._reason is not None

    @property
    def unreported(self) -> bool:
        return self._unreported

    def begin(self, reason: Torn) -> None:
        """Throw away what comes. The first reason is the one that is told."""
        self._reason = self._reason or reason
        self._unreported = True

    def go_on(self) -> None:
        """More came that is thrown away."""
        self._unreported = True

    def after(self, outcome: Outcome | None) -> None:
        """A second scan inside a first was told of; the rest of the first one is still to come."""
        if isinstance(outcome, TornScan) and outcome.reason is Torn.INTERLEAVED:
            self._reason = outcome.reason

    def report(self, at: float) -> tuple[Outcome, ...]:
        """A burst has ended."""
        if self._reason is None or not self._unreported:
            return ()
        self._unreported = False
        return (TornScan(scanner=self._scanner, reason=self._reason, at=at),)

    def end(self) -> None:
        """What comes next is whole."""
        self._reason = None
        self._unreported = False
