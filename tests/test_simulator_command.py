"""`tillwire simulator`: a process of its own, its options, its file, its TLS."""

import argparse
import asyncio
import json
import re
import ssl
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from agent.simulator import CARD_NUMBER, CLIENT_ID, DEVICE_UUID, SimulatorServer, Switches, TcpNetwork
from agent.simulator.certificates import CertificateError, server_context
from agent.simulator.command import add_arguments, run
from agent.simulator.configuration import configured
from agent.simulator.faults import Fault, Kind
from agent.simulator.switches import UnknownSetting

FILE = """
seed = 7
[switches]
second-start = "executes-again"
stale-read-seconds = 2
[[fault]]
call = "start/cash"
kind = "executed-late"
seconds = 10
[[card]]
number = "9276004429942845"
cash_balance = 796
[[card]]
number = "9276000000000001"
stored = true
csc = "1111"
[[device]]
uuid = "/vendor/bakery/cashier/7"
[client]
id = "shop"
secret = "shop-secret"
"""


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command, and the line it prints when it is ready."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.simulator", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    try:
        yield running, (await running.stdout.readline()).decode()
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


async def test_it_says_where_it_is_and_ends_well_when_asked() -> None:
    async with process("--port", "0", "--json") as (running, line):
        ready = json.loads(line)
        assert (ready["client_id"], ready["device_uuid"], ready["ca_file"]) == (CLIENT_ID, DEVICE_UUID, None)
        assert ready["control_url"] == f"{ready['base_url']}/simulator"
        async with aiohttp.ClientSession() as session, session.get(ready["control_url"]) as answer:
            assert answer.status == 200
            running.terminate()  # with a connection still open
            assert await running.wait() == 0


async def test_it_imports_nothing_of_the_agent_but_itself() -> None:
    """It can be trusted to test the agent, and it starts quickly."""
    script = "import sys, agent.simulator.command; print(*(name for name in sys.modules if name.startswith('agent.')))"
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    imported = (await running.communicate())[0].decode().split()
    assert [name for name in imported if not name.startswith("agent.simulator")] == []


async def test_without_json_the_line_is_for_people() -> None:
    async with process("--port", "0") as (_, line):
        assert line.startswith("Smart Transactions API simulator at http://127.0.0.1:")


async def test_with_tls_its_own_ca_is_all_a_client_needs(tmp_path: Path) -> None:
    async with process("--port", "0", "--json", "--tls", str(tmp_path / "ca")) as (_, line):
        ready = json.loads(line)
        trusting = ssl.create_default_context(cafile=ready["ca_file"])
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        async with aiohttp.ClientSession() as session:
            async with session.get(ready["control_url"], ssl=trusting) as answer:
                assert answer.status == 200
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(ready["control_url"])


def test_switches_and_faults_are_taken_from_the_command_line_after_the_file(tmp_path: Path) -> None:
    file = tmp_path / "simulator.toml"
    file.write_text(FILE)
    configuration = configured(file, ["second-start=repeats-answer"], ["read:not-json:2"])
    assert configuration.switches == Switches(second_start="repeats-answer", stale_read_seconds=2)
    assert configuration.faults == (
        Fault(kind=Kind.EXECUTED_LATE, call="start/cash", seconds=10),
        Fault(kind=Kind.NOT_JSON, call="read", count=2),
    )
    assert configuration.seed == 7


def test_cards_devices_and_the_client_are_taken_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "simulator.toml"
    file.write_text(FILE)
    world = configured(file, [], []).world
    cards = {card.number: card for card in world.cards}
    assert (cards[CARD_NUMBER].balance, cards[CARD_NUMBER].csc) == (796, "4471")
    assert (cards["9276000000000001"].stock_status, cards["9276000000000001"].csc) == ("stored", "1111")
    assert world.devices[-1].uuid == "/vendor/bakery/cashier/7"
    assert (world.client_id, world.client_secret) == ("shop", "shop-secret")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed = ", "simulator.toml: "),
        ("sed = 1", "simulator.toml: sed: Extra inputs are not permitted"),
        ("[[card]]\ncash_balance = 1", "simulator.toml: card.0.number: Field required"),
        ("[switches]\nsecond-start = 1", "switch second-start: "),
        ('[[fault]]\nkind = "latensy"', "fault latensy: there is none of this name; did you mean latency?"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_key(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "simulator.toml"
    file.write_text(text)
    with pytest.raises(UnknownSetting) as refused:
        configured(file, [], [])
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--switch", "second-strat=refuses"], "did you mean second-start?"),
        (["--fault", "start/cash"], "write it as CALL:KIND"),
        (["--fault", "start/cash:nothing"], "fault nothing: there is none of this name; there are latency, "),
        (
            ["--fault", "strat/cash:latency"],
            "fault latency: it strikes no call named strat/cash; did you mean start/cash?",
        ),
        (["--fault", "read:latency:second=1"], "fault latency: it has no option second; there are seconds"),
        (["--fault", "read:latency:seconds=x"], "fault latency: seconds: input should be a valid number"),
        (["--config", "/nonexistent.toml"], "/nonexistent.toml: No such file or directory"),
        (["--port", "0", "--host", "192.0.2.1"], "can't listen on 192.0.2.1:0: "),
        (["--port", "0", "--tls", "/proc/nothing"], "can't write to /proc/nothing: "),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(parsed(*arguments)) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_is_a_port(port: str) -> None:
    with pytest.raises(SystemExit) as refused:
        parsed("--port", port)
    assert refused.value.code == 2


async def test_the_ca_stays_and_the_servers_certificate_is_renewed_only_when_it_must(tmp_path: Path) -> None:
    await server_context(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in ("ca.pem", "server.pem")}
    await server_context(tmp_path)
    assert before == {name: (tmp_path / name).read_bytes() for name in before}
    (tmp_path / "server.pem").write_text("damaged")
    await server_context(tmp_path)
    assert (tmp_path / "ca.pem").read_bytes() == before["ca.pem"]
    assert (tmp_path / "server.pem").read_bytes() not in {before["server.pem"], b"damaged"}


async def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    await server_context(tmp_path / "ca")
    modes = {stat.S_IMODE((tmp_path / "ca" / name).stat().st_mode) for name in ("ca-key.pem", "server-key.pem")}
    assert modes == {0o600}


async def test_without_openssl_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CertificateError, match="install the package openssl"):
        await server_context(tmp_path)


async def test_a_broken_ca_is_reported_with_the_words_of_openssl(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("damaged")
    with pytest.raises(CertificateError, match="openssl can't make the certificates in "):
        await server_context(tmp_path)


async def test_a_client_that_does_not_trust_the_ca_does_not_stop_the_simulator(tmp_path: Path) -> None:
    network = TcpNetwork(tls=await server_context(tmp_path))
    async with SimulatorServer(network=network) as simulator, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(simulator.base_url)
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with session.get(simulator.base_url, ssl=trusting) as answer:
            assert answer.status == 403


async def test_a_slow_handshake_is_slow_for_tls(tmp_path: Path) -> None:
    """The client gives up while the handshake waits; the next connection is served."""
    network = TcpNetwork(tls=await server_context(tmp_path))
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    server = SimulatorServer(network=network, faults=["connect:slow-tls:1:seconds=3600"])
    async with server as simulator, aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.get(simulator.base_url, ssl=trusting))
        while simulator.faults.left:  # noqa: ASYNC110 - a connection that waits for its handshake tells nobody
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        async with session.get(simulator.base_url, ssl=trusting) as answer:
            assert answer.status == 403


async def test_the_port_stays_taken_while_connections_are_refused() -> None:
    async with SimulatorServer() as simulator:
        address = simulator.base_url
        simulator.network.refuse()
        simulator.network.accept()
        simulator.network.accept()
        assert simulator.base_url == address
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            assert answer.status == 403


async def test_an_address_of_ip_version_6_is_written_in_brackets() -> None:
    network = TcpNetwork("::1")
    assert network.base_url.startswith("http://[::1]:")
    await network.close()


async def test_requests_are_printed_on_demand_with_their_faults_and_without_cards() -> None:
    arguments = ("--port", "0", "--log", "--fault", "cards:no-answer-before-executing")
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent.simulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert running.stdout is not None
    address = (await running.stdout.readline()).decode().split(" at ")[1].split()[0]
    async with aiohttp.ClientSession() as session:
        with suppress(aiohttp.ClientError):
            await session.post(f"{address}/api/v2/Loyalty/MerchantCards/{CARD_NUMBER}/checkCsc")
        with suppress(aiohttp.ClientError):
            await session.get(f"{address}/api/v2/Loyalty/MerchantCards")
    running.terminate()
    _, said = await running.communicate()
    lines = [re.sub(r"^[0-9:.]{12} ", "", line) for line in said.decode().splitlines()]
    assert lines[:2] == [
        "request 1: checkCsc POST /api/v2/Loyalty/MerchantCards/9276********2845/checkCsc",
        "request 1: 403",
    ]
    assert "request 2: cards GET /api/v2/Loyalty/MerchantCards [no-answer-before-executing]" in lines
    assert "request 2: no answer" in lines
