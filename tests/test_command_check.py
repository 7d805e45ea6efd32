"""`tillwire check` as it is typed: on a box that is ready, and on one that is broken in each way."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from errno import EACCES
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.chosen_devices import Tools
from agent.commands.check_api import compare_clocks
from agent.commands.check_box import check_secrecy
from agent.commands.check_devices import Looked, Seen, device_findings
from agent.commands.findings import is_ready, note, wrong
from agent.control import JsonObject
from agent.journal.opening import lock
from agent.simulator import CLIENT_SECRET
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from config.settings import load
from device.drawer_profile_file import load_profile
from device.simulated_drawer import SimulatedDrawer
from device.tty import PortSettings, Tty, open_tty
from tests.command_bench import DRAWER, NO_DRAWER, NOWHERE, Box, connection_is, device_is
from tests.journal_entries import journal_at, new
from tests.smart_server import Reply, http, make_certificate, raw, served_with, smart_server

OWNER = 54321
AS_THE_OWNER = """
import sys
from pathlib import Path
from agent.commands.check_box import check_configuration, check_secrecy
from agent.commands.common import become_owner_of
from config.settings import Settings
state, config, in_closed = map(Path, sys.argv[1:])
settings = Settings.model_validate({"api": {"base_url": "http://127.0.0.1:9", "client_id": "x"}})
become_owner_of(state)
print(check_configuration(config).text)
print(check_configuration(in_closed).text)
print(check_configuration(state).text, list(check_secrecy(config, settings, {in_closed})))
"""
KEYBOARD_READER = '[[scanner]]\nname = "counter"\ndriver = "evdev"\nmatch = { id_vendor = "0c2e" }\n'
SEEN_WITHOUT_LEVEL = Looked({"drawer": Seen(state="present")})
SEEN_WITH_ANOTHER_LAYOUT = Looked({"counter": Seen(state="present", reason="another layout")})


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with SimulatorServer() as simulator:
        yield simulator


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str], simulator: Simulator) -> Box:
    box = Box(tmp_path, capsys)
    box.write(base_url=simulator.base_url)
    return box


@pytest.fixture
async def drawer(box: Box) -> AsyncIterator[SimulatedDrawer]:
    box.write(rest=DRAWER.format(port=box.directory / "drawer0"))
    profile = load_profile("escpos", overrides={"open_level": "low", "debounce_s": 0, "recharge_s": 0})
    async with SimulatedDrawer(profile, box.directory / "drawer0") as drawer:
        yield drawer


async def checked(box: Box) -> tuple[int, dict[str, tuple[str, str]]]:
    """Check for a program; of several findings about a thing the worst counts."""
    said = await box.types("check", "--json")
    findings = said.json["findings"]
    assert isinstance(findings, list)
    assert said.json["ready"] is (said.code == 0)
    worst_last = sorted(findings, key=lambda each: ["ok", "note", "wrong"].index(each["verdict"]))
    return said.code, {each["about"]: (each["verdict"], each["text"]) for each in worst_last}


# Ready


async def test_a_box_that_is_ready(box: Box, drawer: SimulatedDrawer) -> None:
    said = await box.types("check")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[-1] == "This till is ready."
    assert {line.split()[0] for line in lines[:-2]} == {"OK", "NOTE"}
    assert any(line.startswith("OK     drawer          escpos at ") and line.endswith(" is closed") for line in lines)
    assert drawer.pulses == 0


async def test_the_merchant_is_named(box: Box) -> None:
    _, found = await checked(box)
    verdict, text = found["merchant"]
    assert verdict == "ok"
    assert text.startswith("John's Bakery (MRC_")


async def test_a_login_by_client_credentials_is_warned_about(box: Box) -> None:
    code, found = await checked(box)
    assert code == 0
    assert found["login"] == ("note", 'the API derives the SDV from the device login: a till wants login = "device"')


async def test_without_a_running_agent_the_journal_is_tried_and_closed_again(box: Box) -> None:
    _, found = await checked(box)
    typed = f"tillwire run --config {box.config}"
    assert found["agent"] == ("note", f"does not run: start it with `{typed}`, or as a service")
    assert found["journal"] == ("ok", "can be read and written")
    async with box.agent():
        pass


# Configuration and files


async def test_every_problem_of_the_configuration_is_a_finding(box: Box) -> None:
    box.write(rest='[cash]\nconfirmed_by = ["operater"]\n[offline]\nmax_paymentz = 1\n')
    said = await box.types("check")
    assert said.code == 1
    assert len([line for line in said.out.splitlines() if line.startswith("WRONG  configuration")]) == 2
    assert said.out.endswith("This till is not ready: 2 to put right.\n")


@pytest.mark.system_too
@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads more than the agent's user")
def test_a_configuration_that_root_can_read_and_the_agent_cannot() -> None:
    """As after step 2 of docs/install.md by a root with umask 077; the whole command: tests/installed/test_check.py."""
    with TemporaryDirectory() as folder:  # pytest's own directories are for root alone
        closed, state, config = Path(folder, "closed"), Path(folder, "state"), Path(folder, "tillwire.toml")
        closed.mkdir(0o700)
        state.mkdir()
        config.touch(0o600)
        for path in (folder, state):
            os.chown(path, OWNER, OWNER)
        command = (sys.executable, "-c", AS_THE_OWNER, state, config, closed / "tillwire.toml")
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said == [
        f"{config} cannot be read by user {OWNER}: chgrp tillwire {config}; chmod g+r {config}",
        f"{closed}/tillwire.toml is in a folder that user {OWNER} may not pass: chmod o+x {closed}",
        f"{state} []",
    ]


async def test_a_drawer_that_tells_no_level_cannot_confirm(box: Box) -> None:
    box.write(rest='[drawer]\nprofile = "escpos"\nport = "/dev/null"\nopen_level = "unknown"\n')
    code, found = await checked(box)
    assert code == 1
    assert found["drawer profile"][0] == "wrong"
    assert "open_level" in found["drawer profile"][1]


async def test_a_state_directory_that_is_not_there(box: Box) -> None:
    box.state.rmdir()
    code, found = await checked(box)
    assert code == 1
    assert found["state"] == (
        "wrong",
        f"{box.state} is not there: make it for the agent's user, or correct [state] directory",
    )
    assert "journal" not in found


async def test_a_state_directory_that_anybody_can_write_into(box: Box) -> None:
    box.state.chmod(0o777)
    code, found = await checked(box)
    assert (code, found["state"][0]) == (1, "wrong")
    assert f"chmod o-w {box.state}" in found["state"][1]


async def test_too_little_space(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system of its own would need root: the threshold is raised instead."""
    monkeypatch.setattr("agent.commands.check_box.LEAST_FREE_BYTES", shutil.disk_usage(box.state).total)
    code, found = await checked(box)
    assert (code, found["disk"][0]) == (1, "wrong")
    assert "is full" in found["disk"][1]


async def test_a_slow_disk(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real write is timed; no disk is slow on purpose, so the limit is lowered instead."""
    monkeypatch.setattr("agent.commands.check_box.SLOWEST_WRITE_S", 0.0)
    said = await box.types("check")
    assert said.code == 0
    assert "NOTE   disk            is slow, a write takes 0." in said.out
    assert "use a faster one" in said.out


async def test_an_address_that_another_program_has(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        box.config.write_text(box.config.read_text().replace("127.0.0.1:0", listen))
        code, found = await checked(box)
    assert code == 1
    assert found["local interface"] == (
        "wrong",
        f"[kiosk] listen {listen}: address already in use: stop what has it, maybe a second agent, or change it",
    )


@pytest.mark.parametrize(("is_there", "why"), [(False, "No such file"), (True, "not a certificate in PEM")])
async def test_a_certificate_of_the_local_interface_that_cannot_be_used(
    box: Box, monkeypatch: pytest.MonkeyPatch, is_there: bool, why: str
) -> None:
    """Said while the agent runs, too: the next one would not start."""
    file = box.config if is_there else box.directory / "nowhere.pem"
    async with box.agent():
        monkeypatch.setenv("TILLWIRE_KIOSK__TLS_CERTIFICATE_FILE", str(file))
        monkeypatch.setenv("TILLWIRE_KIOSK__TLS_KEY_FILE", str(file))
        code, found = await checked(box)
    assert (code, found["local interface"][0]) == (1, "wrong")
    assert f"{file} with its key {file} cannot be used: {why}" in found["local interface"][1]


async def test_a_secret_file_that_others_can_read(box: Box) -> None:
    secret = box.directory / "client_secret"
    secret.write_text(CLIENT_SECRET)
    secret.chmod(0o644)
    box.config.write_text(
        box.config.read_text().replace(f'client_secret = "{CLIENT_SECRET}"', f'client_secret_file = "{secret}"')
    )
    code, found = await checked(box)
    assert (code, found["secrets"]) == (1, ("wrong", f"{secret} can be read by others: chmod o= {secret}"))
    secret.chmod(0o600)
    code, found = await checked(box)
    assert (code, found["secrets"]) == (0, ("ok", "can be read by the agent alone"))


async def test_a_secret_file_that_is_missing(box: Box) -> None:
    box.config.write_text(
        box.config.read_text().replace(f'client_secret = "{CLIENT_SECRET}"', 'client_secret_file = "/nowhere/secret"')
    )
    code, found = await checked(box)
    assert code == 1
    assert found["secrets"] == (
        "wrong",
        "/nowhere/secret: api.client_secret_file cannot be read: No such file or directory",
    )
    assert "login" not in found


async def test_a_secret_that_systemd_hands_over_is_no_fault(box: Box) -> None:
    box.config.write_text(box.config.read_text().replace(f'client_secret = "{CLIENT_SECRET}"', ""))
    code, found = await checked(box)
    assert (code, found["secrets"][0]) == (0, "note")
    assert "systemd credential" in found["secrets"][1]


async def test_a_configuration_with_a_secret_in_it_that_others_can_read(box: Box) -> None:
    box.config.chmod(0o644)
    code, found = await checked(box)
    assert (code, found["secrets"]) == (1, ("wrong", f"{box.config} can be read by others: chmod o= {box.config}"))
    box.config.write_text(box.config.read_text().replace(f'client_secret = "{CLIENT_SECRET}"', ""))
    code, found = await checked(box)
    assert (code, found["secrets"][0]) == (0, "note")


def test_a_file_that_systemd_hands_over_is_looked_at_though_the_configuration_does_not_name_it(box: Box) -> None:
    handed_over = box.directory / "handed_over"
    settings, files = load(box.config, {}), frozenset({handed_over, box.directory / "is-not-there"})
    handed_over.touch(0o600)
    assert list(check_secrecy(box.config, settings, files)) == []
    handed_over.chmod(0o644)
    found = list(check_secrecy(box.config, settings, files))
    assert found == [wrong("secrets", f"{handed_over} can be read by others: chmod o= {handed_over}")]


async def test_a_pairing_that_others_can_read(box: Box) -> None:
    credentials = box.state / "credentials.json"
    credentials.write_text("{}")
    credentials.chmod(0o644)
    code, found = await checked(box)
    assert (code, found["secrets"]) == (1, ("wrong", f"{credentials} can be read by others: chmod 600 {credentials}"))


async def test_a_journal_that_is_none(box: Box) -> None:
    box.journal.write_text("this is no database, and long enough to be looked at " * 100)
    code, found = await checked(box)
    assert (code, found["journal"][0]) == (1, "wrong")


@pytest.mark.parametrize("runs", [False, True])
async def test_a_clock_that_is_earlier_than_the_journal(box: Box, runs: bool) -> None:
    async with journal_at(box.journal) as journal:
        await journal.commit(new("co_1", datetime.now(UTC) + timedelta(days=3)))
    if runs:
        async with box.agent():
            said = await box.types("check")
    else:
        said = await box.types("check")
    about = "agent" if runs else "clock"
    assert f"WRONG  {about}           the clock is earlier than the newest entry of the journal" in said.out


async def test_a_journal_that_somebody_holds_without_answering(box: Box) -> None:
    with ExitStack() as held:
        lock(box.journal, held)
        code, found = await checked(box)
    assert (code, found["journal"][0]) == (1, "wrong")
    assert "login" not in found, "the token has one owner"


async def test_nothing_secret_is_said(box: Box) -> None:
    said = await box.types("check")
    assert CLIENT_SECRET not in said.out + said.err


# Devices


async def test_a_drawer_that_is_not_plugged_in(box: Box) -> None:
    port = box.directory / "drawer0"
    box.write(rest=DRAWER.format(port=port))
    code, found = await checked(box)
    assert (code, found["drawer"]) == (
        1,
        ("wrong", f"{port} is not there: plug the device in, or correct the path"),
    )


def drawer_closed(name: str, told: JsonObject) -> bool:
    return name == "drawer" and told["event"] == "closed"


async def test_a_drawer_that_stands_open(box: Box, drawer: SimulatedDrawer) -> None:
    drawer.open_by_key()
    code, found = await checked(box)
    mend = f"close it; if it is closed, its polarity is wrong: `tillwire learn drawer --config {box.config}`"
    assert (code, found["drawer"]) == (1, ("wrong", f"escpos at {drawer.path} is open: {mend}"))


async def test_a_drawer_that_does_not_answer(box: Box, drawer: SimulatedDrawer) -> None:
    drawer.faults.dead = True
    code, found = await checked(box)
    assert (code, found["drawer"][0]) == (1, "wrong")
    assert "no answer" in found["drawer"][1]


async def test_a_drawer_whose_opening_was_not_seen(box: Box, drawer: SimulatedDrawer) -> None:
    patient = box.rest
    box.soon_did_not_open()
    async with box.agent():
        await box.level_is_known()
        drawer.faults.stuck = True
        assert (await box.types("drawer", "open", "--reason", "a try")).code == 1
        _, running = await checked(box)
    code, stopped = await checked(box)
    assert code == 1
    assert running["drawer"] == stopped["drawer"]
    mend = f"if it did, mend its status line; `tillwire learn drawer --config {box.config}`"
    assert stopped["drawer"] == ("wrong", f"when last asked, it was not seen to open: {mend}")
    drawer.faults.stuck = False
    box.write(rest=patient)
    async with box.agent():
        await box.level_is_known()
        assert (await box.types("drawer", "open", "--reason", "mended")).code == 0
        async with box.hears(drawer_closed):
            drawer.close_drawer()
        assert (await checked(box))[0] == 0


@pytest.mark.usefixtures("drawer")
async def test_a_drawer_with_the_wrong_polarity(box: Box) -> None:
    box.write(rest=box.rest.replace('"low"', '"high"'))
    _, found = await checked(box)
    assert found["drawer"][1].endswith(f"its polarity is wrong: `tillwire learn drawer --config {box.config}`")
    async with box.agent():
        await box.level_is_known()
        async with box.hears(drawer_closed):
            assert (await box.types("drawer", "open", "--reason", "a try")).code == 0
        said = await box.types("check")
    assert said.code == 1
    learn = f"`tillwire learn drawer --config {box.config}`"
    seen = f"when last asked to open, it was seen to close: its polarity is wrong: {learn}"
    assert f"WRONG  drawer          {seen}" in said.out.splitlines()


@pytest.mark.usefixtures("drawer")
async def test_a_drawer_without_a_status_line(box: Box) -> None:
    level_unknown = list(device_findings(load(box.config, {}), SEEN_WITHOUT_LEVEL, None))
    assert [finding.verdict for finding in level_unknown] == ["wrong"]
    assert level_unknown[0].text.endswith(
        "tells no level and confirms no cash: connect its status line, then `tillwire learn drawer`"
    )


async def test_a_drawer_that_is_silent_while_it_is_closed_has_to_be_opened_once(box: Box) -> None:
    """Until then its silence may as well be a cut wire (config/drawers/acode-at10u3.toml)."""
    code = 'open_bytes = "41"\n'
    box.write(rest=f'[drawer]\nprofile = "acode-at10u3"\nport = "/dev/ttyACM0"\n{code}')
    settings = load(box.config, {})
    (silent,) = device_findings(settings, SEEN_WITHOUT_LEVEL, None)
    told = "tells no level while it is closed, until it was seen open: open it once"
    assert silent == note("drawer", f"acode-at10u3 at /dev/ttyACM0 {told}")
    assert is_ready(device_findings(settings, replace(SEEN_WITHOUT_LEVEL, level="closed"), None))
    assert not is_ready(device_findings(settings, SEEN_WITHOUT_LEVEL, "did_not_open"))


async def test_a_reader_with_the_wrong_layout_is_wrong_though_it_is_there(box: Box) -> None:
    box.write(rest=f"{NO_DRAWER}{KEYBOARD_READER}")
    found = device_findings(load(box.config, {}), SEEN_WITH_ANOTHER_LAYOUT, None)
    assert list(found) == [wrong("counter", "another layout")]


async def test_a_scanner_that_is_not_plugged_in(box: Box) -> None:
    port = box.directory / "scanner0"
    box.write(rest=f'{NO_DRAWER}[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "{port}"\n')
    code, found = await checked(box)
    assert (code, found["counter"][0]) == (1, "wrong")
    assert str(port) in found["counter"][1]


async def test_a_fault_of_a_reader_that_is_told_late_is_waited_for_beside_a_printer_on_the_drawers_port(
    box: Box, drawer: SimulatedDrawer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drawer's line tells of two devices. That udev gave no rights is told only when it lasts."""

    def opened(port: PortSettings) -> Tty:
        if port.path != drawer.path:
            raise PermissionError(EACCES, "Permission denied")
        return open_tty(port)

    monkeypatch.setattr("agent.commands.check_devices.Tools", partial(Tools, opener=opened))
    reader = '[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "/dev/null"\n'
    box.write(rest=f'{DRAWER.format(port=drawer.path)}[printer]\nconnection = "drawer"\n{reader}')
    code, found = await checked(box)
    assert (code, found["counter"][0], found["drawer"][0], found["printer"][0]) == (1, "wrong", "ok", "ok")
    assert "permission denied" in found["counter"][1]


async def test_a_scanner_that_is_there(box: Box, drawer: SimulatedDrawer) -> None:
    """Any port will do."""
    box.write(rest=f'{NO_DRAWER}[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "{drawer.path}"\n')
    code, found = await checked(box)
    assert (code, found["counter"]) == (0, ("ok", "is there and can be opened"))


# The API


async def test_an_api_that_is_not_reached(box: Box) -> None:
    box.write(base_url=NOWHERE)
    code, found = await checked(box)
    assert code == 1
    why = "not sent: no connection to the API (ClientConnectorError)"
    assert found["api"] == ("wrong", f"{NOWHERE}: {why}: check network, firewall and [api] base_url")
    assert "login" not in found, "without the API there is nothing to log in to"


async def test_a_network_that_wants_a_login_first(box: Box, simulator: Simulator) -> None:
    simulator.add_fault("*:captive-portal")
    code, found = await checked(box)
    assert (code, found["api"][0]) == (1, "wrong")
    assert "log in to the network" in found["api"][1]


@pytest.mark.parametrize("fault", ["not-json", "empty-body", "bare-server-error", "no-answer-before-executing:2"])
async def test_something_else_than_the_api(box: Box, simulator: Simulator, fault: str) -> None:
    simulator.add_fault(f"merchant:{fault}")
    code, found = await checked(box)
    assert (code, found["api"][0]) == (1, "wrong")


async def test_a_client_that_the_api_does_not_know(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLWIRE_API__CLIENT_SECRET", "another")
    code, found = await checked(box)
    assert (code, found["login"][0]) == (1, "wrong")
    assert "invalid_client" in found["login"][1]
    assert "another" not in found["login"][1]


async def test_a_device_that_was_never_paired(box: Box) -> None:
    box.write(login="device")
    code, found = await checked(box)
    pair = f"tillwire pair --config {box.config}"
    assert (code, found["login"]) == (1, ("wrong", f"this device is not paired: run `{pair}`"))


async def test_a_ca_file_that_is_none(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLWIRE_API__CA_FILE", str(box.config))
    code, found = await checked(box)
    assert (code, found["api"][0]) == (1, "wrong")
    assert "cannot be used as a CA" in found["api"][1]


def says(status: int, body: bytes = b"{}", **headers: str) -> Reply:
    return raw(http(status, body, headers))


SET_THE_CLOCK = "timedatectl set-ntp true, after apt install systemd-timesyncd where there is no time service"
ANSWERS = [
    (says(511), "api", "the network wants a login before it lets us to", "log in to it"),
    (
        says(302, Location="http://portal.invalid/"),
        "api",
        "log in to the network, if it wants that",
        "or correct [api] base_url",
    ),
    (says(407), "api", "a proxy on the way to", "let this box pass without one"),
    (
        says(404, b"<html>Not Found</html>"),
        "api",
        "something else than the API answers",
        "another [api] base_url is meant",
    ),
    (says(503, b"<html></html>"), "api", "is out of order (HTTP 503)", "wait, or ask the help desk"),
    (says(403, Date="Sat, 21 Nov 2020 12:00:00 GMT"), "clock", "s ahead of the API's", SET_THE_CLOCK),
]


@pytest.mark.parametrize(("reply", "about", "wrong", "mend"), ANSWERS)
async def test_whoever_answers_in_the_place_of_the_api_is_named(
    box: Box, reply: Reply, about: str, wrong: str, mend: str
) -> None:
    async with smart_server() as server:
        server.fallback = reply
        box.write(base_url=server.base_url)
        code, found = await checked(box)
    assert (code, found[about][0]) == (1, "wrong")
    assert wrong in found[about][1]
    assert found[about][1].endswith(mend)


async def test_somebody_who_looks_into_tls(box: Box, tmp_path: Path) -> None:
    make_certificate(tmp_path)
    async with smart_server(served_with(tmp_path)) as proxy:
        box.write(base_url=proxy.base_url)
        code, found = await checked(box)
        assert (code, found["api"][0]) == (1, "wrong")
        assert "certificate" in found["api"][1]
        assert found["api"][1].endswith("look at the clock; a proxy that looks into TLS needs [api] ca_file")
        assert proxy.requests == []


@pytest.mark.parametrize("runs", [False, True])
async def test_the_wrong_shop(box: Box, runs: bool) -> None:
    box.config.write_text(box.config.read_text().replace("[api]", '[api]\nmerchant_id = "MRC_OTHER"'))
    async with box.agent() if runs else nullcontext():
        code, found = await checked(box)
    assert (code, found["merchant"][0]) == (1, "wrong")
    assert "John's Bakery (MRC_" in found["merchant"][1]
    assert found["merchant"][1].endswith(
        "is the wrong shop, [api] merchant_id is MRC_OTHER: pair the till with the right shop, or correct it"
    )


NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("off_by", "verdict", "said"),
    [
        (timedelta(0), "ok", "as the API's"),
        (timedelta(seconds=60), "ok", "as the API's"),
        (timedelta(seconds=61), "wrong", "61 s ahead of the API's"),
        (timedelta(days=-1), "wrong", "86400 s behind the API's"),
    ],
)
def test_the_clock_is_compared_with_the_apis(off_by: timedelta, verdict: str, said: str) -> None:
    finding = compare_clocks("Sun, 22 Nov 2026 12:00:00 GMT", NOW + off_by)
    assert finding.verdict == verdict
    assert said in finding.text


NO_ZONE = ("Sun, 22 Nov 2026 12:00:00", "Sun, 22 Nov 2026 12:00:00 -0000")


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 22 Nov 2026", *NO_ZONE])
def test_an_api_that_tells_no_time(date: str | None) -> None:
    assert compare_clocks(date, NOW).verdict == "note"


# With a running agent


async def test_a_running_agent_is_asked_and_nothing_is_tried(
    box: Box, simulator: Simulator, drawer: SimulatedDrawer
) -> None:
    async with box.agent():
        await box.level_is_known()
        await simulator.request_arrived("merchant")
        logins = len(simulator.requests_of("login"))
        code, found = await checked(box)
        assert len(simulator.requests_of("login")) == logins, "a second login would take the agent's token away"
    assert code == 0
    assert found["agent"] == ("ok", "runs and is ready")
    assert found["drawer"] == ("ok", f"escpos at {drawer.path} is closed")
    assert found["login"] == ("ok", "the agent is logged in")


async def test_a_running_agent_that_misses_its_drawer(box: Box) -> None:
    port = box.directory / "drawer0"
    box.write(rest=DRAWER.format(port=port))
    async with box.agent():
        await box.heard(device_is("drawer", "missing"))
        code, found = await checked(box)
    assert (code, found["drawer"]) == (
        1,
        ("wrong", f"{port} is not there: plug the device in, or correct the path"),
    )


async def test_a_running_agent_that_the_api_does_not_accept(box: Box) -> None:
    box.write(login="device")
    async with box.agent():
        await box.heard(connection_is("not_authorised"))
        code, found = await checked(box)
    assert code == 1
    assert found["login"][0] == "wrong"


async def test_a_device_that_the_running_agent_has_not_heard_of(box: Box, drawer: SimulatedDrawer) -> None:
    box.write(rest=NO_DRAWER)
    async with box.agent():
        box.write(rest=DRAWER.format(port=drawer.path))
        code, found = await checked(box)
    assert (code, found["drawer"][0]) == (1, "wrong")
    assert "restart the agent" in found["drawer"][1]
