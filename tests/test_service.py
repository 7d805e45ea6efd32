"""The agent as a process: it becomes ready, and it stops in time without losing anything."""

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from agent.simulator.certificates import CA_FILE, server_context
from tests.crashing_agent import Crash, start_agent
from tests.test_killing import Died, agent, fork_server, sell, shop
from tests.till_bench import SEED

__all__ = ["fork_server"]

STOP_S = 2.0
"""What the issue promises; systemd would wait for 90 s."""


async def test_sigterm_ends_the_agent_in_time_with_open_event_streams(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        process, connection = start_agent(the_shop.config, Crash())
        url = await asyncio.to_thread(connection.recv)
        token = (tmp_path / "shop" / "state" / "tokens" / "screen").read_text().strip()
        async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as session:
            streams = [await session.get("/v1/events") for _ in range(5)]
            for stream in streams:
                await stream.content.readline()
            process.terminate()
            await asyncio.to_thread(process.join, STOP_S)
            assert process.exitcode == 0
            for stream in streams:
                await stream.content.read()
        connection.close()
        process.close()


async def test_a_checkout_goes_on_where_it_stood_when_the_agent_is_stopped_and_started(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        async with agent(the_shop.config, Crash()) as (screen, _):
            checkout = await screen.kiosk.begin()
        async with agent(the_shop.config, Crash()) as (screen, _):
            assert (await screen.kiosk.checkout(checkout.id)).phase == "draft"
            await screen.kiosk.cancel(checkout.id)
            await sell(screen, the_shop)
        assert len(the_shop.simulator.ledger) == 1


async def test_a_second_agent_on_one_state_directory_does_not_start(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop, agent(the_shop.config, Crash()):
        with pytest.raises(Died):
            async with agent(the_shop.config, Crash()):
                pass


async def test_an_address_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        taken = the_shop.simulator.base_url.removeprefix("http://")
        config = the_shop.config
        config.write_text(config.read_text().replace("127.0.0.1:0", taken))
        run = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", "run", "--config", str(config), stderr=asyncio.subprocess.PIPE
        )
        _, said = await run.communicate()
        assert run.returncode == 1
        assert said.decode().splitlines()[-1].startswith(f"tillwire: cannot listen on {taken}")
        assert "Traceback" not in said.decode()


@pytest.mark.parametrize(
    ("section", "keys", "said"),
    [
        ("api", ["ca_file"], "[api]: ca_file {0} cannot be used as a CA: "),
        (
            "kiosk",
            ["tls_certificate_file", "tls_key_file"],
            "[kiosk]: tls_certificate_file {0} with its key {0} cannot be used: ",
        ),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_a_wrong_configuration(
    tmp_path: Path, section: str, keys: list[str], said: str
) -> None:
    """In one line, with the exit code after which systemd does not start it again."""
    async with shop(tmp_path / "shop") as the_shop:
        file = tmp_path / "is-not-there.pem"
        lines = "".join(f'{key} = "{file}"\n' for key in keys)
        config = the_shop.config
        config.write_text(config.read_text().replace(f"[{section}]\n", f"[{section}]\n{lines}"))
        run = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", "run", "--config", str(config), stderr=asyncio.subprocess.PIPE
        )
        _, told = await run.communicate()
        assert run.returncode == 2
        assert said.format(file) in told.decode().splitlines()[-1]
        assert "Traceback" not in told.decode()


async def test_without_api_reader_and_drawer_the_agent_runs_and_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        the_shop.scanner.unplug()
        the_shop.drawer.unplug()
        config = the_shop.config
        nobody = "http://127.0.0.1:9"  # the discard port: nothing listens there
        config.write_text(config.read_text().replace(the_shop.simulator.base_url, nobody))
        async with agent(config, Crash()) as (screen, _):
            await screen.told(devices={"counter": "missing", "drawer": "missing"}, api="offline")
            checkout = await screen.kiosk.begin(SEED.basket.products)
            assert (await screen.kiosk.pay(checkout.id, "cash", 796)).phase == "awaiting_cash"
            assert (await screen.kiosk.confirm(checkout.id, 796, by="Eva")).phase == "confirmed"


async def test_a_second_agent_says_so_in_one_line_and_exits_with_1(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop, agent(the_shop.config, Crash()):
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", "run", "--config", str(the_shop.config), stderr=asyncio.subprocess.PIPE
        )
        _, said = await second.communicate()
    assert second.returncode == 1
    assert said.decode().splitlines()[-1].startswith("tillwire: another agent has ")


Doors = Callable[[Path], Awaitable[tuple[str, aiohttp.BaseConnector]]]


async def _at_loopback(_directory: Path) -> tuple[str, aiohttp.BaseConnector]:
    return 'listen = "127.0.0.1:0"', aiohttp.TCPConnector()


async def _at_a_unix_socket(directory: Path) -> tuple[str, aiohttp.BaseConnector]:
    path = directory / "screen.sock"
    return f'listen = "unix:{path}"', aiohttp.UnixConnector(str(path))


async def _at_every_address_with_tls(directory: Path) -> tuple[str, aiohttp.BaseConnector]:
    await server_context(directory / "tls")
    files = f'tls_certificate_file = "{directory}/tls/server.pem"\ntls_key_file = "{directory}/tls/server-key.pem"'
    trusting = ssl.create_default_context(cafile=directory / "tls" / CA_FILE)
    return f'listen = "0.0.0.0:0"\nallowed_hosts = ["localhost"]\n{files}', aiohttp.TCPConnector(ssl=trusting)


@pytest.mark.parametrize("door", [_at_loopback, _at_a_unix_socket, _at_every_address_with_tls])
async def test_a_register_calls_where_the_configuration_says(door: Doors, tmp_path: Path) -> None:
    """Each door through the whole service: a token, a checkout, 409 beside it, and its key after a kill."""
    async with shop(tmp_path / "shop") as the_shop:
        lines, connector = await door(tmp_path)
        config = the_shop.config
        config.write_text(config.read_text().replace('listen = "127.0.0.1:0"', lines))
        answers = []
        async with aiohttp.ClientSession(connector=connector) as session:
            for _start in range(2):
                process, connection = start_agent(config, Crash())
                url = await asyncio.to_thread(connection.recv) or "http://till/"
                token = (tmp_path / "shop" / "state" / "tokens" / "screen").read_text().strip()
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "order-17"}
                async with session.post(f"{url}v1/checkouts", json={"merchantRef": "A-17"}) as refused:
                    assert refused.status == 401
                async with session.post(
                    f"{url}v1/checkouts", json={"merchantRef": "A-17"}, headers=headers
                ) as answered:
                    answers.append((answered.status, (await answered.json())["id"]))
                headers["Idempotency-Key"] = "order-18"
                async with session.post(
                    f"{url}v1/checkouts", json={"merchantRef": "A-17"}, headers=headers
                ) as conflict:
                    assert conflict.status == 409
                    told = await conflict.json(content_type="application/problem+json")
                    assert told["checkout"]["id"] == answers[0][1]
                process.kill()
                await asyncio.to_thread(process.join)
                connection.close()
                process.close()
        assert answers == [(201, answers[0][1]), (200, answers[0][1])]
