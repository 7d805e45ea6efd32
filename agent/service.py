"""Builds everything from the settings, runs it until it is told to stop, and takes it down again.

This is the only place that reads settings and picks devices; everything else is handed what it needs. What reaches the
outside (the thread of the journal, the opening of serial ports) comes in as an argument, so that a test can put
something real but impatient in its place.
"""

import asyncio
import logging
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar, assert_never

from agent.calls import Calls
from agent.card import CardRules
from agent.checkout_state import Rules
from agent.chosen_devices import ChosenDevices, Tools, choose
from agent.chosen_outlets import choose_outlets
from agent.evidence import SETTLING_S, DrawerRules
from agent.journal.errors import Damaged, JournalError
from agent.journal.journal import FILE_NAME, Journal, open_journal
from agent.journal.opening import keep_copy
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.server import CannotListen, KioskSettings
from agent.kiosk.server import serve as serve_kiosk
from agent.kiosk.stream import EventStream
from agent.kiosk.tokens import load_tokens
from agent.listener import Listener, Listeners
from agent.metrics.metrics import Metrics
from agent.offline import OfflineLimits
from agent.out_of_order import reason_of, serve_out_of_order
from agent.recording.recording import Recording, beginning, open_recording
from agent.retention import keep_for
from agent.smart.client import SmartTransactions, connect
from agent.smart.credentials import CredentialStore
from agent.smart.login import Client, ClientCredentialsLogin, DeviceLogin, DevicePinLogin, Login
from agent.smart.transport import Exchange, Observer, Timeouts
from agent.till import Till
from agent.till_settings import TillSettings
from config.addresses import UnixAddress
from config.secret_files import read_secrets
from config.settings import Settings
from device.drawer import Opener
from device.interface import Receiver, Report
from device.plugging import watch_plugging
from device.tty import open_tty

logger = logging.getLogger("tillwire.service")

LOGIN_AHEAD_S = 160.0
"""The token is renewed so long before it is too short: longer than the longest call may last, a terminal's."""
SEED_BITS = 32
ID_BYTES = 10
"""A checkout's id is random, so that nobody guesses the id of another customer's."""
T = TypeVar("T")


def journal_thread() -> Executor:
    """One thread: a slow disk stalls nothing but the journal."""
    return ThreadPoolExecutor(1, "journal")


def now() -> datetime:
    """The time for people."""
    return datetime.now().astimezone()


def new_checkout_id() -> str:
    return f"co_{secrets.token_hex(ID_BYTES)}"


def unheard(listener: Listener) -> Listener:
    """Nobody else listens to the till."""
    return listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Where the program meets the machine. `beside` gives what runs beside the till."""

    executor: Callable[[], Executor] = journal_thread
    opener: Opener = open_tty
    settling_s: float = SETTLING_S  # so long an opened port may open the drawer by itself
    beside: Callable[[Till], Iterable[Coroutine[None, None, None]]] = lambda _till: ()
    beside_no_till: Callable[[str], Iterable[Coroutine[None, None, None]]] = lambda _why: ()  # journal damaged
    choose: Callable[[Settings, Tools], ChosenDevices] = choose
    wall: Callable[[], datetime] = now
    new_id: Callable[[], str] = new_checkout_id
    seed: int = field(default_factory=partial(secrets.randbits, SEED_BITS))  # of the jitter between two tries
    listening: Callable[[Listener], Listener] = unheard
    record: Path | None = None  # the file that a recording is written to


def till_settings(settings: Settings, settling_s: float) -> TillSettings:
    """Return what the configuration says to the till."""
    return TillSettings(
        rules=Rules(
            confirmed_by=settings.cash.confirmed_by,
            late_window_s=settings.api.late_window_s,
            idle_s=settings.kiosk.idle_s,
        ),
        offline=OfflineLimits(
            accept_cash=settings.offline.accept_cash,
            max_payments=settings.offline.max_payments,
            max_total=settings.offline.max_total,
            stop_when_oldest_h=settings.offline.stop_when_oldest_h,
        ),
        cards=CardRules(prefixes=settings.cards.prefixes, lengths=settings.cards.lengths),
        drawer=DrawerRules(
            opened_by=settings.drawer.opened_by,
            confirmed_by=settings.cash.confirmed_by,
            open_timeout_s=settings.drawer.open_timeout_s,
            minimum_open_s=settings.cash.minimum_open_s,
            open_warning_s=settings.drawer.open_warning_s,
            settling_s=settling_s,
        ),
        forwarding=frozenset(scanner.name for scanner in settings.scanner if scanner.other_codes == "forward"),
        show_balance=settings.cards.show_balance,
        repeated_within_s=settings.cards.repeated_within_s,
        provisional_after_s=_provisional_after_s(settings),
    )


def _provisional_after_s(settings: Settings) -> float | None:
    printer = settings.printer
    by_itself = printer.connection != "none" and printer.provisional == "automatic"
    return printer.provisional_after_s if by_itself else None


def login_of(settings: Settings, environment: Mapping[str, str]) -> Login:
    """Return how this till logs in. Raises WrongConfig when a secret cannot be read."""
    api = settings.api
    found = read_secrets(api, environment)
    client = Client(client_id=api.client_id, client_secret=found.client_secret)
    match api.login:
        case "client-credentials":
            return ClientCredentialsLogin(client=client)
        case "device":
            return DeviceLogin(client=client, device_uuid=_needed(api.device_uuid))
        case "device-pin":
            return DevicePinLogin(
                client=client, device_uuid=_needed(api.device_uuid), device_pin=_needed(found.device_pin)
            )
        case _:
            assert_never(api.login)


async def serve(
    settings: Settings,
    stop: Callable[[], Awaitable[object]],
    *,
    environment: Mapping[str, str],
    ready: Callable[[str | None], None],
    outside: Outside | None = None,
) -> None:
    """Run the agent until `stop()` is there. `ready` is told the address of the page, None without one.

    On a damaged journal it stays up, does no business and says why. Raises WrongConfig, CannotListen, and what else
    the journal raises.
    """
    outside = outside or Outside()
    try:
        async with AsyncExitStack() as stack:
            begun = beginning(settings, outside.wall(), outside.seed, outside.settling_s)
            recording = await stack.enter_async_context(open_recording(outside.record, settings, begun))
            agent = await _build(stack, settings, login_of(settings, environment), outside, recording)
            await _work(agent, _kiosk_settings(settings), stop, ready)
    except (Damaged, ExceptionGroup) as ended:
        errors = list(_errors_in(ended))
        if found := [error for error in errors if isinstance(error, Damaged)]:
            await _serve_damaged(settings, found[0], stop, ready, outside)
        elif known := [error for error in errors if isinstance(error, CannotListen | JournalError)]:
            raise known[0] from None
        else:
            raise


async def _serve_damaged(
    settings: Settings,
    damaged: Damaged,
    stop: Callable[[], Awaitable[object]],
    ready: Callable[[str | None], None],
    outside: Outside,
) -> None:
    directory = settings.state.directory
    await asyncio.to_thread(keep_copy, directory / FILE_NAME)
    cards = till_settings(settings, outside.settling_s).cards
    reason = reason_of(damaged, directory)
    beside = outside.beside_no_till(reason)
    await serve_out_of_order(reason, directory, cards, _kiosk_settings(settings), stop, ready=ready, beside=beside)


def _errors_in(error: Exception) -> Iterator[Exception]:
    """Yield what went wrong: a task group's error is a bundle of them."""
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _errors_in(each)
    else:
        yield error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agent:
    """Everything that runs, and does not yet."""

    till: Till
    kiosk: Kiosk
    devices: ChosenDevices
    api: SmartTransactions
    beside: Iterable[Coroutine[None, None, None]]
    report: Receiver
    retention: Coroutine[None, None, None]

    def works(self) -> Iterator[Coroutine[None, None, None]]:
        yield self.till.run()
        yield self.api.access.keep_fresh(LOGIN_AHEAD_S, lambda _failure: None)
        yield from (run(self.report) for run in self.devices.runs)
        yield self.retention
        yield from self.beside


async def _work(
    agent: _Agent, kiosk: KioskSettings, stop: Callable[[], Awaitable[object]], ready: Callable[[str | None], None]
) -> None:
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(work) for work in agent.works()]
        async with serve_kiosk(agent.kiosk, kiosk):
            await agent.till.ready.wait()
            ready(agent.kiosk.page_url)
            await stop()
        for task in working:
            task.cancel()


async def _build(
    stack: AsyncExitStack, settings: Settings, login: Login, outside: Outside, recording: Recording
) -> _Agent:
    plugging = stack.enter_context(watch_plugging())
    devices = outside.choose(settings, Tools(plugging=plugging, opener=outside.opener))
    metrics = Metrics(asyncio.get_running_loop().time)
    journal = await stack.enter_async_context(_journal(settings.state.directory, outside, metrics))
    api = await stack.enter_async_context(_api(settings, login, _both(metrics.exchanged, recording.exchanged)))
    decisions = till_settings(settings, outside.settling_s)
    clock = asyncio.get_running_loop().time
    stream = EventStream(journal.id, journal.latest_sequence)
    till = Till(
        decisions,
        journal=journal,
        calls=Calls(api, is_demo=settings.api.is_demo, clock=clock),
        drawer=recording.drawer(devices.drawer),
        listener=outside.listening(recording.listener(Listeners((stream, metrics)))),
        outlets=choose_outlets(settings, devices),
        wall=outside.wall,
        new_id=outside.new_id,
        jitter=random.Random(outside.seed).random,  # noqa: S311 - no secret: a pause
    )
    tokens = await asyncio.to_thread(load_tokens, settings.state.directory / "tokens")
    kiosk = Kiosk(
        till=till,
        stream=stream,
        cards=decisions.cards,
        tokens=tokens,
        why_not_ready=tuple,
        clock=clock,
        metrics=metrics,
        observer=recording.called,
    )
    return _Agent(
        till=till,
        kiosk=kiosk,
        devices=devices,
        api=api,
        report=recording.receiver(_timed(metrics, till.report)),
        retention=keep_for(settings.state.keep_days, settings.state.directory, journal, till, outside.wall),
        beside=outside.beside(till),
    )


@asynccontextmanager
async def _journal(directory: Path, outside: Outside, metrics: Metrics) -> AsyncIterator[Journal]:
    with outside.executor() as executor:
        journal = await open_journal(directory / FILE_NAME, executor, committed=metrics.committed)
        try:
            yield journal
        finally:
            await journal.close()


@asynccontextmanager
async def _api(settings: Settings, login: Login, observer: Observer | None) -> AsyncIterator[SmartTransactions]:
    timeouts = Timeouts(connect_s=settings.api.connect_timeout_s, request_s=settings.api.request_timeout_s)
    store = CredentialStore(settings.state.directory)
    async with connect(
        settings.api.base_url, login, store, timeouts=timeouts, ca_file=settings.api.ca_file, observer=observer
    ) as api:
        yield api


def _both(first: Observer, second: Observer | None) -> Observer:
    if second is None:
        return first

    def tell(exchange: Exchange) -> None:
        first(exchange)
        second(exchange)

    return tell


def _timed(metrics: Metrics, receive: Receiver) -> Receiver:
    def tell(report: Report) -> None:
        metrics.reported(report)
        receive(report)

    return tell


def _kiosk_settings(settings: Settings) -> KioskSettings:
    kiosk, address = settings.kiosk, settings.kiosk.address
    tls = None
    if kiosk.tls_certificate_file is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(kiosk.tls_certificate_file, kiosk.tls_key_file)
    return KioskSettings(
        listen=Path(address.path) if isinstance(address, UnixAddress) else (address.host, address.port),
        control_socket=settings.control_socket,
        allowed_origins=frozenset(kiosk.allowed_origins),
        allowed_hosts=frozenset(kiosk.allowed_hosts),
        tls=tls,
        page=kiosk.page,
    )


def _needed(value: T | None) -> T:
    """The configuration was checked: with this login it is there."""
    if value is None:
        raise AssertionError("the configuration was not checked")
    return value
