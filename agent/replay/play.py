"""Plays one start of the agent again, in the time of the recording, and says where it does something else."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from pydantic import SecretStr

from agent.checkout.state import Checkout
from agent.chosen_devices import ChosenDevices
from agent.outside import Outside, new_checkout_id
from agent.recording.records import Asked, Begun, Exchanged, Happened, Told
from agent.replay.api import RecordedApi, serving
from agent.replay.clock import InlineExecutor, ReplayLoop
from agent.replay.devices import ReplayedDevices, ReplayedDrawer
from agent.replay.differences import Difference, Differences, of_checkouts
from agent.replay.screen import ReplayedScreen
from agent.service import serve
from agent.smart.credentials import CredentialStore, DeviceCredentials
from agent.till.listener import Listeners
from config.settings import Settings

AFTERWARDS_S: Final = 1.0
"""What the last event of a recording leads to is waited for so long."""
_STAND_IN: Final = "replayed"
"""Client id, secret and PIN of a replay. They open nothing."""

H = TypeVar("H")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of one start."""

    started: datetime
    checkouts: int
    exchanges: int
    differences: Sequence[Difference]


def play(begun: Begun, happened: Sequence[Happened]) -> Replayed:
    """Run the agent against it. Raises what `agent.service.serve` raises, and ValidationError for its settings."""
    with (
        asyncio.Runner(loop_factory=ReplayLoop) as runner,
        tempfile.TemporaryDirectory(prefix="tillwire-replay-") as at,
    ):
        return runner.run(_play(begun, happened, Path(at)))


async def _play(begun: Begun, happened: Sequence[Happened], directory: Path) -> Replayed:
    differences = Differences()
    now_told: list[Told] = []
    until = max((each.at for each in happened), default=0.0) + AFTERWARDS_S
    api = RecordedApi(_of(Exchanged, happened), differences)
    async with serving(api) as base_url:
        settings = await _settings(begun, base_url, directory)
        api.begin()
        began = asyncio.get_running_loop().time()
        drawer = ReplayedDrawer(happened, differences, lambda: api.now)
        devices = ReplayedDevices(happened, began)
        screen = ReplayedScreen(_of(Asked, happened), began, differences)
        outside = Outside(
            executor=InlineExecutor,
            settling_s=begun.settling_s,
            choose=lambda settings, _tools: _chosen(settings, devices, drawer),
            wall=lambda: begun.started + timedelta(seconds=api.now),
            new_id=_recorded_ids(_of(Told, happened)),
            seed=begun.seed,
            listening=lambda listener: Listeners(
                listener, of_checkouts=lambda checkout: now_told.append(_told(checkout, api.now))
            ),
        )
        await _run_agent(settings, outside, screen, lambda: until - api.now)
    recorded_told = _of(Told, happened)
    drawer.tell_what_was_not_asked(until - AFTERWARDS_S)
    api.tell_what_was_not_asked(until - AFTERWARDS_S)
    differences.found += of_checkouts(recorded_told, [told for told in now_told if told.at <= until])
    return Replayed(
        started=begun.started,
        checkouts=len({told.checkout for told in recorded_told}),
        exchanges=len(_of(Exchanged, happened)),
        differences=differences.in_order(),
    )


async def _run_agent(settings: Settings, outside: Outside, screen: ReplayedScreen, left_s: Callable[[], float]) -> None:
    """Until the recording is over, also where a call is not answered by then."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def to_the_end() -> None:
        tokens = settings.state.directory / "tokens"
        asking = asyncio.create_task(screen.run(settings.control_socket, await ready, tokens))
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left_s())):
                await asyncio.shield(asking)
                await asyncio.Event().wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    await serve(settings, to_the_end, environment={}, ready=lambda url: ready.set_result(str(url)), outside=outside)


async def _settings(begun: Begun, base_url: str, directory: Path) -> Settings:
    """The recorded configuration, with everything outside in this directory."""
    recorded = Settings.model_validate(begun.settings | {"api": _recorded_api(begun, base_url)})
    secret = directory / "pin"
    secret.write_text(_STAND_IN, encoding="ascii")
    state = directory / "state"
    state.mkdir(mode=0o700)
    api = recorded.api.model_copy(update={"ca_file": None, "device_pin_file": secret})
    if api.login == "device":
        await CredentialStore(state).store(_pairing(base_url, str(api.device_uuid)))
    return recorded.model_copy(
        update={
            "api": api,
            "kiosk": recorded.kiosk.model_copy(
                update={
                    "listen": "127.0.0.1:0",
                    "page": True,
                    "control_socket": None,
                    "tls_certificate_file": None,
                    "tls_key_file": None,
                }
            ),
            "state": recorded.state.model_copy(update={"directory": state}),
        }
    )


def _recorded_api(begun: Begun, base_url: str) -> dict[str, object]:
    api = begun.settings.get("api")
    known = dict(api) if isinstance(api, dict) else {}
    return known | {
        "base_url": base_url,
        "client_id": _STAND_IN,
        "client_secret": _STAND_IN,
        "client_secret_file": None,
    }


def _pairing(base_url: str, device_uuid: str) -> DeviceCredentials:
    return DeviceCredentials(
        base_url=base_url,
        client_id=_STAND_IN,
        device_uuid=device_uuid,
        device_code=SecretStr(_STAND_IN),
        refresh_token=SecretStr(_STAND_IN),
    )


def _chosen(settings: Settings, devices: ReplayedDevices, drawer: ReplayedDrawer) -> ChosenDevices:
    has_drawer = settings.drawer.profile != "none"
    return ChosenDevices(runs=[devices.run], drawer=drawer if has_drawer else None, printer=None, paid=None)


def _recorded_ids(told: Sequence[Told]) -> Callable[[], str]:
    """The ids of the checkouts in the order in which they began; new ones where there are more now."""
    ids = iter(dict.fromkeys(each.checkout for each in told))
    return lambda: next(ids, None) or new_checkout_id()


def _told(checkout: Checkout, at: float) -> Told:
    return Told(
        at=at,
        checkout=checkout.id,
        phase=checkout.phase.value,
        reason=checkout.reason,
        amount_due=checkout.amount_due,
    )


def _of(kind: type[H], happened: Sequence[Happened]) -> list[H]:
    return [each for each in happened if isinstance(each, kind)]
