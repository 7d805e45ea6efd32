"""`tillwire simulator`: the simulated API as a process of its own."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Final

from agent.simulator.certificates import CA_FILE, CertificateError, server_context
from agent.simulator.configuration import Configuration, configured
from agent.simulator.control import PREFIX
from agent.simulator.faults import Kind
from agent.simulator.network import TcpNetwork
from agent.simulator.server import SimulatorServer
from agent.simulator.switches import UnknownSetting, switch_names

DEFAULT_PORT: Final = 8378
LAST_PORT: Final = 65535
_WRONG_USE: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.description = "The Smart Transactions API simulated from its documentation: docs/simulator.md."
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="port, 0 for any free one (%(default)s)")
    parser.add_argument("--tls", type=Path, metavar="DIR", help="serve https; the CA to trust is written to DIR/ca.pem")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with cards, devices, switches, faults")
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"how an undocumented question is answered: {', '.join(switch_names())}",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="CALL:KIND[:COUNT][:OPTION=VALUE]",
        help=f"what goes wrong, and when: {', '.join(Kind)}",
    )
    parser.add_argument("--log", action="store_true", help="print each request to stderr, with its faults and answer")
    parser.add_argument("--json", action="store_true", help="print the line that says it is ready as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT. 0 good; 2 wrong options, or an address that can't be had."""
    if arguments.log:
        _print_requests()
    try:
        configuration = configured(arguments.config, arguments.switch, arguments.fault)
        asyncio.run(_serve(configuration, arguments))
    except (UnknownSetting, CertificateError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"can't listen on {arguments.host}:{arguments.port}: {error.strerror}")
    return 0


def _print_requests() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("tillwire.simulator")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _refuse(problems: str) -> int:
    for problem in problems.splitlines():
        sys.stderr.write(f"tillwire simulator: {problem}\n")
    return _WRONG_USE


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to {LAST_PORT}, 0 for any free one")
    return int(text)


async def _serve(configuration: Configuration, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tls = await server_context(arguments.tls) if arguments.tls else None
    server = SimulatorServer(
        switches=configuration.switches,
        faults=configuration.faults,
        world=configuration.world,
        seed=configuration.seed,
        network=TcpNetwork(arguments.host, arguments.port, tls),
    )
    async with server as simulator:
        sys.stdout.write(_ready_line(simulator.base_url, configuration, arguments) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _ready_line(base_url: str, configuration: Configuration, arguments: argparse.Namespace) -> str:
    ca_file = str(arguments.tls / CA_FILE) if arguments.tls else None
    if not arguments.json:
        trusting = f", CA {ca_file}" if ca_file else ""
        return f"Smart Transactions API simulator at {base_url} (control {base_url}{PREFIX}{trusting})"
    ready = {
        "base_url": base_url,
        "control_url": f"{base_url}{PREFIX}",
        "ca_file": ca_file,
        "client_id": configuration.world.client_id,
        "client_secret": configuration.world.client_secret,
        "device_uuid": configuration.world.devices[0].uuid,
    }
    return json.dumps(ready)
