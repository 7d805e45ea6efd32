"""Builds everything from the settings, runs it until it is told to stop, and takes it down again.

Settings are read, and devices are picked, only for this: every part is handed what agent/configured.py says to it. What
reaches the machine comes in as agent/outside.py, so that a test can put something else in its place.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.chosen_devices import ChosenDevices, Tools
from agent.chosen_outlets import choose_outlets
from agent.configured import kiosk_settings, login_of, till_settings, trust_of
from agent.journal.errors import Damaged, JournalError
from agent.journal.journal import FILE_NAME, Journal, open_journal
from agent.journal.opening import keep_copy
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.server import CannotListen, KioskSettings
from agent.kiosk.server import serve as serve_kiosk
from agent.kiosk.stream import EventStream
from agent.kiosk.tokens import load_tokens
from agent.metrics.metrics import Metrics
from agent.out_of_order import reason_of, serve_out_of_order
from agent.outside import Outside
from agent.recording.recording import Recording, beginning, open_recording
from agent.retention import keep_for
from agent.side_by_side import side_by_side
from agent.smart.client import SmartTransactions, connect
from agent.smart.credentials import CredentialStore
from agent.smart.login import Login
from agent.smart.transport import Exchange, Observer, Timeouts
from agent.till.api_calls import Calls
from agent.till.listener import Listeners
from agent.till.till import Till
from config.settings import Settings
from device.interface import Receiver, Report
from device.plugging import watch_plugging

LOGIN_AHEAD_S = 160.0
"""The token is renewed so long before it is too short: longer than the longest call may last, a terminal's."""


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
    kiosk = await asyncio.to_thread(kiosk_settings, settings)
    try:
        async with AsyncExitStack() as stack:
            begin = partial(beginning, settings, outside.wall(), outside.seed, outside.settling_s)
            recording = await stack.enter_async_context(open_recording(outside.record, settings, begin))
            agent = await _build(stack, settings, environment, outside, recording)
            await _work(agent, kiosk, stop, ready)
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
    kiosk = await asyncio.to_thread(kiosk_settings, settings)
    reason = reason_of(damaged, directory)
    beside = outside.beside_no_till(reason)
    await serve_out_of_order(reason, directory, cards, kiosk, stop, ready=ready, beside=beside)


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
    restart: asyncio.Event  # the fleet asks for it

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
            await side_by_side(stop(), agent.restart.wait())
        for task in working:
            task.cancel()


async def _build(
    stack: AsyncExitStack, settings: Settings, environment: Mapping[str, str], outside: Outside, recording: Recording
) -> _Agent:
    login = login_of(settings, environment)
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
        listener=outside.listening(recording.listener(Listeners(stream, metrics))),
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
    restart = asyncio.Event()
    beside = list(outside.beside(till))
    if settings.fleet is not None:
        from agent.chosen_fleet import FleetTools, fleet_works  # noqa: PLC0415 - a tenth of the start, for few tills

        tools = FleetTools(
            till=till, journal=journal, stream=stream, outside=outside, environment=environment, restart=restart.set
        )
        beside += await fleet_works(settings, tools)
    return _Agent(
        till=till,
        kiosk=kiosk,
        devices=devices,
        api=api,
        report=recording.receiver(_timed(metrics, till.report)),
        retention=keep_for(
            settings.state.keep_days,
            settings.state.directory,
            journal,
            till,
            outside.wall,
            forgotten=stream.begin_anew,
        ),
        beside=beside,
        restart=restart,
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
    timeouts = Timeouts(
        connect_s=settings.api.connect_timeout_s,
        request_s=settings.api.request_timeout_s,
        blocking_s=settings.api.terminal_timeout_s,
    )
    store = CredentialStore(settings.state.directory)
    trust = await asyncio.to_thread(trust_of, settings)
    async with connect(settings.api.base_url, login, store, timeouts=timeouts, trust=trust, observer=observer) as api:
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
