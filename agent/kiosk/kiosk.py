"""What the calls of the local interface work with: the till, the event stream, and who was let in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from agent.card import CardRules
from agent.kiosk.event_answers import SnapshotAnswer
from agent.kiosk.problems import Problem
from agent.kiosk.roles import Role
from agent.kiosk.stream import EventStream
from agent.kiosk.tickets import Tickets
from agent.kiosk.tokens import Tokens
from agent.kiosk.view import checkout_answer, connection_answer
from agent.kiosk.wrong_attempts import WrongAttempts
from agent.metrics.metrics import Metrics
from agent.till.till import Till

CLOCK_BEHIND = (
    "the clock is earlier than the newest entry of the journal, so no cash is taken while the API is away: "
    "timedatectl set-ntp true"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskCall:
    """A call that changes something, and how it was answered. `problem` is the name of the problem.

    `began`, `ended`: seconds of the event loop.
    """

    began: float
    ended: float
    role: Role
    method: str
    path: str
    body: bytes = field(repr=False)
    key: str | None
    status: int
    problem: str | None


class Kiosk:
    """One local interface. `till` is None where the journal is damaged: then it only says why.

    `why_not_ready` gives reasons that the till does not know, as plain lines. `clock` counts monotonic seconds.
    `observer` hears of every call that changes something; what it hears holds card numbers and names.
    """

    def __init__(
        self,
        *,
        till: Till | None,
        stream: EventStream,
        cards: CardRules,
        tokens: Tokens,
        why_not_ready: Callable[[], Sequence[str]],
        clock: Callable[[], float],
        metrics: Metrics,
        observer: Callable[[KioskCall], None] | None = None,
    ) -> None:
        self._till = till
        self._why_not_ready = why_not_ready
        self.observer = observer
        self.metrics = metrics
        self.stream = stream
        self.cards = cards
        self.tokens = tokens
        self.tickets = Tickets(clock)
        self.wrong_codes = WrongAttempts(clock)
        self.unknown_cards = WrongAttempts(clock)
        self.page_url: str | None = None

    @property
    def till(self) -> Till:
        """The till, once it has taken up what was open. Raises Problem before, or when there is none."""
        if self._till is None or not self._till.ready.is_set():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "; ".join(self.reasons()))
        return self._till

    def reasons(self) -> list[str]:
        """Why no business can be done now; nothing: all is well."""
        reasons = list(self._why_not_ready())
        till = self._till
        if till is None:
            return reasons or ["there is no till"]
        if not till.ready.is_set():
            reasons.append("the open checkouts are being taken up")
        if not till.records:
            reasons.append("a confirmed payment could not be recorded: look at the disk")
        if not till.has_room:
            reasons.append("the disk is full: no cash is taken until there is room")
        if till.connection.api == "not_authorised":
            reasons.append("the API does not accept this till's login: run `tillwire check`")
        return reasons

    def warnings(self) -> list[str]:
        """Tell what keeps nobody from selling and wants to be put right."""
        if self._till is not None and self._till.clock_is_behind:
            return [CLOCK_BEHIND]
        return []

    def snapshot(self, role: Role) -> SnapshotAnswer:
        """Everything that is so at this moment. Raises Problem."""
        till = self.till
        return SnapshotAnswer(
            checkouts=tuple(checkout_answer(checkout, role) for checkout in till.open_checkouts),
            devices=tuple(self.stream.devices.values()),
            drawer=self.stream.drawer,
            connection=connection_answer(till.connection, till.merchant),
            busy=till.active is not None,
            recording=till.records,
        )
