"""The simulated API as a value machine: requests and times go in, answers come out. Pure; no sockets, no clock.

`answer` is the whole of it. What takes time is in two steps, `begin` and `finish`, so that whoever drives it (the
HTTP server with a real clock, a simulation of faults with a virtual one) decides how long a start is being executed.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.simulator import payments
from agent.simulator.actions import Action, Actions
from agent.simulator.answers import read_body, started_body
from agent.simulator.calls import Call, NotSimulated
from agent.simulator.cards import Card
from agent.simulator.identifiers import Identifiers
from agent.simulator.ledger import Booking
from agent.simulator.messages import Answer, Request
from agent.simulator.oauth import Logins, OAuthError, Session
from agent.simulator.payments import Running
from agent.simulator.refusals import INTERNAL, TOKEN_REQUIRED, Refusal, Refused
from agent.simulator.routes import LOGIN, Match, match
from agent.simulator.state import State
from agent.simulator.switches import DEFAULT_SWITCHES, Switches
from agent.simulator.world import World, default_world


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A start that is being executed, to be given to `finish` or `fail`."""

    running: Running
    request: Request = field(repr=False)
    at: float  # seconds since 1970


class SimulatedApi:
    """One merchant's world behind the paths of the API."""

    def __init__(
        self, *, world: World | None = None, switches: Switches = DEFAULT_SWITCHES, seed: int | None = None
    ) -> None:
        self.identifiers = Identifiers(seed)
        self._actions = Actions()
        self.world = world or default_world()
        self.state = State(world=self.world, switches=switches, identifiers=self.identifiers)
        self.logins = Logins(world=self.world, switches=switches, identifiers=self.identifiers)

    @property
    def switches(self) -> Switches:
        return self.state.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self.state.switches = switches
        self.logins.switches = switches

    @property
    def ledger(self) -> list[Booking]:
        """What was executed, oldest first."""
        return self.state.bookings

    def reset(self, switches: Switches) -> None:
        """The world as before the first request. Logins stay: their clients are still running."""
        self._actions = Actions()
        self.state = State(world=self.world, switches=switches, identifiers=self.identifiers)
        self.switches = switches

    def put_card(self, card: Card) -> None:
        """A card, new or with other balances."""
        self.state.cards[card.number] = card

    def expire_token(self, request: Request) -> None:
        """The token of this request had expired when it arrived."""
        self.logins.expire(_bearer_token(request.headers, self.switches), request.arrived)

    def answer(self, request: Request, now: float) -> Answer:
        """The answer to a request that is executed at once."""
        begun = self.begin(request, now)
        return self.finish(begun, now) if isinstance(begun, Begun) else begun

    def begin(self, request: Request, now: float) -> Answer | Begun:
        """The answer; or what is being executed from now on."""
        found = match(request.method, request.path)
        try:
            return self._login(request, now) if found.name == LOGIN else self._call(found, request, now)
        except Refused as refused:
            return self._refusal(refused)

    def finish(self, begun: Begun, now: float) -> Answer:
        """Executes what was begun, as the world is by now."""
        try:
            transaction = payments.finish_start(self.state, begun.running, now)
        except Refused as refused:
            return self._remembered(begun.request, self._refusal(refused), begun.at)
        return self._remembered(begun.request, Answer(body=started_body(self.state, transaction)), begun.at)

    def fail(self, begun: Begun, now: float) -> Answer:
        """What was begun fails, with status `failed` in a good answer."""
        transaction = payments.fail_start(self.state, begun.running, now)
        return self._remembered(begun.request, Answer(body=started_body(self.state, transaction)), begun.at)

    def _login(self, request: Request, now: float) -> Answer:
        try:
            return Answer(body=self.logins.answer(_with_basic_credentials(request), now))
        except OAuthError as error:
            return Answer(status=error.status, reason=error.error, body=error.body())

    def _call(self, found: Match, request: Request, now: float) -> Answer | Begun:
        token = _bearer_token(request.headers, self.switches)
        session = self.logins.session(token, min(now, request.arrived))
        if session is not None:
            return self._execute(found, request, session, now)
        known = self.logins.sessions.get(token)
        if known and self.switches.unauthorised_call == "executed":
            begun = self._execute(found, request, known, now)
            if isinstance(begun, Begun):
                self.finish(begun, now)
        return self._token_refusal()

    def _execute(self, found: Match, request: Request, session: Session, now: float) -> Answer | Begun:
        action = self._actions.find(request, self.switches, now)
        if action is not None:
            return self._repeated(action, now)
        call = Call(arguments=found.arguments, request=request, session=session, now=now)
        try:
            done = found.handler(self.state, self.logins, call)
        except Refused as refused:
            return self._remembered(request, self._refusal(refused), now)
        if isinstance(done, Running):
            self._actions.remember(request, Action(running=done.transaction, at=now))
            return Begun(running=done, request=request, at=now)
        return self._remembered(request, Answer(body=done), now)

    def _repeated(self, action: Action, now: float) -> Answer:
        if action.answer is not None:
            return action.answer
        return Answer(body=read_body(self.state, self.state.seen(action.running or "", now)))

    def _remembered(self, request: Request, answer: Answer, at: float) -> Answer:
        self._actions.remember(request, Action(answer=answer, at=at))
        return answer

    def _refusal(self, refused: Refused) -> Answer:
        status = 501 if isinstance(refused, NotSimulated) else int(self.switches.refusal_status.removeprefix("http-"))
        return self._error(status, refused.refusal)

    def _token_refusal(self) -> Answer:
        return self._error(int(self.switches.expired_token.removeprefix("http-")), TOKEN_REQUIRED)

    def about_another(self, answer: Answer) -> Answer:
        """The answer as it would be about the transaction that was executed last, where that is another one."""
        executed = [booking.transaction for booking in self.ledger if booking.transaction in self.state.transactions]
        if not isinstance(answer.body, dict) or not executed or answer.body.get("id") in {None, executed[-1]}:
            return answer
        return Answer(body=started_body(self.state, self.state.transactions[executed[-1]]))

    def error(self, status: int) -> Answer:
        """An error body without a cause, for a server that has trouble."""
        return self._error(status, Refusal(error=INTERNAL, code=1001, details="Internal error"))

    def _error(self, status: int, refusal: Refusal) -> Answer:
        codes: dict[str, int | str] = {"number": refusal.code, "text": str(refusal.code), "http-status": str(status)}
        body = refusal.body(self.identifiers.support_id()) | {"code": codes[self.switches.error_code]}
        return Answer(status=status, reason=refusal.error, body=body)


def _with_basic_credentials(request: Request) -> Mapping[str, object]:
    """The token request's fields; client credentials may come in the header, as OAuth 2.0 says."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return request.form
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return request.form
    return {"client_id": client_id, "client_secret": secret} | dict(request.form)


def _bearer_token(headers: Mapping[str, str], switches: Switches) -> str:
    names = ["authorization"] + (["authenticate"] if switches.authenticate_header == "accepted" else [])
    given = next((headers[name] for name in names if name in headers), "")
    kind, _, token = given.partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
