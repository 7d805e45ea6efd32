"""`tillwire kiosk url`: lets the browser of the screen or of the operator in."""

import argparse
import json
import sys

from agent.commands.asking import Failed, answered
from agent.commands.common import GOOD, add_config, add_json, become_owner_of, load_settings, say
from agent.control import agent_at, in_shape
from agent.kiosk.roles import Role
from agent.kiosk.till_answers import TicketAnswer
from config.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="url")
    url = actions.add_parser("url", help="a one-time address: the browser that opens it is the screen")
    url.add_argument("--operator", action="store_true", help="let it be the operator's page instead")
    add_config(url)
    add_json(url)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    become_owner_of(settings.state.directory)
    role = Role.OPERATOR if arguments.operator else Role.SCREEN
    return answered(_url(settings, role, in_json=arguments.json))


async def _url(settings: Settings, role: Role, *, in_json: bool) -> int:
    """Say the address and nothing else on stdout, so that it can be handed to a browser as it is."""
    async with agent_at(settings) as agent:
        if agent is None:
            raise Failed("no agent runs here: start it with `tillwire run`, or as a service")
        ticket = in_shape(TicketAnswer, await agent.post("/v1/tickets", {"role": role}))
    if in_json:
        say(json.dumps(ticket.model_dump()))
    else:
        say(ticket.url)
        sys.stderr.write(f"It lets one browser in, within {ticket.valid_s / 60:g} minutes.\n")
    return GOOD
