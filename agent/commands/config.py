"""`tillwire config`: what can be set, and what is in effect."""

import argparse
import json

from agent.commands.common import GOOD, add_config, add_json, load_settings, say
from config.schema import as_toml, json_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="schema|show")
    actions.add_parser("schema", help="the JSON schema of the file, for editors that complete and check TOML")
    show = actions.add_parser("show", help="file and environment together, with the defaults; secrets masked")
    add_config(show)
    add_json(show)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "schema":
        say(json.dumps(json_schema(), indent=2))
        return GOOD
    settings = load_settings(arguments)
    if arguments.json:
        say(json.dumps(settings.model_dump(mode="json", exclude_none=True), indent=2))
    else:
        say(as_toml(settings).removesuffix("\n"))
    return GOOD
