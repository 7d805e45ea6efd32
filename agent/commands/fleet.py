"""`tillwire fleet`: for head office. A live table of all tills, a command to one of them, and the AsyncAPI document."""

import argparse
import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field, TypeAdapter, ValidationError

from agent.chosen_fleet import broker_of, check_installed
from agent.commands.asking import Failed, answered, checked
from agent.commands.common import GOOD, NO, add_json, complain, say
from agent.commands.table import table
from agent.fleet.admission import LONGEST_LIFE
from agent.fleet.asyncapi import documents
from agent.fleet.payloads import COMMAND, Answer, Command, LogLevel
from agent.fleet.topics import Topics
from config.fleet import Fleet, FleetCommand
from config.problems import Problem, WrongConfig, findings, locate
from config.values import DeviceName

if TYPE_CHECKING:
    from agent.fleet.broker import Broker, Session

LIFE_S = 60
_LIFE: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=LONGEST_LIFE.total_seconds())])
_NAME: TypeAdapter[str] = TypeAdapter(DeviceName)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="watch|send|asyncapi")
    watch = actions.add_parser("watch", help="a live table of all tills, those that need somebody first")
    watch.add_argument("--once", action="store_true", help="print what is known now, and end")
    send = actions.add_parser("send", help="ask one till for something that its own file allows")
    send.add_argument("till", type=checked(_NAME), metavar="TILL")
    send.add_argument("what", choices=get_args(FleetCommand), metavar="COMMAND", help=", ".join(get_args(FleetCommand)))
    send.add_argument(
        "--sender", type=checked(_NAME), required=True, metavar="NAME", help="your name, as broker and till know you"
    )
    send.add_argument("--checkout", metavar="ID", help="of retry")
    send.add_argument("--level", choices=get_args(LogLevel), help="of log-level")
    send.add_argument("--set", action="append", metavar="KEY=VALUE", dest="values", help="of change; may be repeated")
    send.add_argument(
        "--within", type=checked(_LIFE), default=LIFE_S, metavar="SECONDS", help="else not at all (%(default)s)"
    )
    add_json(send)
    for action in (watch, send):
        _add_broker(action)
    asyncapi = actions.add_parser("asyncapi", help="print the AsyncAPI document of topics and payloads")
    asyncapi.add_argument("--directory", type=Path, metavar="DIRECTORY", help="write it there, with the JSON schemas")


def _add_broker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", required=True, metavar="HOST[:PORT]", help="port 8883 where none is given")
    parser.add_argument("--topic-prefix", metavar="PREFIX", help="default: tillwire")
    for name, what in (
        ("--ca-file", "the CA of the broker's certificate; none: those of the system"),
        ("--certificate-file", "your own certificate, with --key-file"),
        ("--key-file", "its key"),
        ("--password-file", "with --username"),
    ):
        parser.add_argument(name, type=Path, metavar="FILE", help=what)
    parser.add_argument("--username", metavar="NAME")
    parser.add_argument("--no-tls", action="store_true", help="only to a broker on this machine")


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "asyncapi":
            return _asyncapi(arguments.directory)
        case "watch":
            return answered(_watch(arguments), interrupted=GOOD)
        case _:
            return answered(_send(arguments))


def _asyncapi(directory: Path | None) -> int:
    made = documents(version("tillwire"))
    if directory is None:
        say(as_text(made["asyncapi.json"]).rstrip())
        return GOOD
    try:
        for name, document in made.items():
            (directory / name).write_text(as_text(document), encoding="utf-8")
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return NO
    return GOOD


def as_text(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


# The broker


def _section(arguments: argparse.Namespace) -> Fleet:
    """Return what the command line says of the broker, held to the rules of `[fleet]`. Raises WrongConfig."""
    host, colon, port = arguments.broker.rpartition(":")
    given = {
        "host": host if colon else arguments.broker,
        "port": (int(port) if port.isdecimal() else port) if colon else 8883,
        "till": "head-office",
        "tls": not arguments.no_tls,
        "topic_prefix": arguments.topic_prefix,
        "username": arguments.username,
        **{
            name: file.absolute()
            for name in ("ca_file", "certificate_file", "key_file", "password_file")
            if (file := getattr(arguments, name)) is not None
        },
    }
    try:
        return Fleet.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = locate(list(findings(error, Fleet)), "the command line", {}, {})
        raise WrongConfig([Problem(each.file, each.key, each.message) for each in problems]) from None


async def _broker(arguments: argparse.Namespace) -> tuple["Broker", str]:
    """Return the broker and the prefix of the topics. Somebody who watches has a client id of a moment."""
    check_installed()
    section = _section(arguments)
    broker = await asyncio.to_thread(broker_of, section, os.environ)
    return replace(broker, client_id=f"tillwire-{secrets.token_hex(8)}"), section.topic_prefix


# watch


async def _watch(arguments: argparse.Namespace) -> int:
    broker, prefix = await _broker(arguments)
    from agent.commands.fleet_watch import known_now, watch  # noqa: PLC0415 - the library is only where a fleet is

    await (known_now(broker, prefix) if arguments.once else watch(broker, prefix))
    return GOOD


# send


async def _send(arguments: argparse.Namespace) -> int:
    from agent.fleet.broker import Publication, Unusable, connected  # noqa: PLC0415 - as above

    command = _command(arguments)
    broker, prefix = await _broker(arguments)
    topics = Topics(prefix, arguments.till)
    try:
        async with connected(broker) as session, asyncio.timeout(arguments.within):
            await session.subscribe(topics.answer)
            payload = command.model_dump_json().encode()
            await session.publish(Publication(topic=topics.command_of(arguments.sender), payload=payload))
            answer = await _answer(session, command.id)
    except Unusable as error:
        raise Failed(str(error)) from None
    except TimeoutError:
        raise Failed(f"{arguments.till} did not answer: is it online? see `tillwire fleet watch`") from None
    say(answer.model_dump_json(exclude_none=True) if arguments.json else "\n".join(_told(answer)))
    return GOOD if answer.outcome == "done" else NO


def _command(arguments: argparse.Namespace) -> Command:
    """Return what is asked, with an id and a time of its own. Raises Failed."""
    now = datetime.now(UTC)
    given = {"checkout": arguments.checkout, "level": arguments.level, "values": _values(arguments.values or [])}
    try:
        return COMMAND.validate_python(
            {
                "id": secrets.token_hex(16),
                "command": arguments.what,
                "issued": now,
                "expires": now + timedelta(seconds=arguments.within),
                **{name: value for name, value in given.items() if value},
            }
        )
    except ValidationError as error:
        wrong = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
        raise Failed(f"{arguments.what}: {wrong}") from None


def _values(written: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for each in written:
        key, _, text = each.partition("=")
        try:
            values[key] = json.loads(text)
        except ValueError:
            values[key] = text
    return values


async def _answer(session: "Session", command_id: str) -> Answer:
    async for message in session.messages():
        try:
            answer = Answer.model_validate_json(message.payload if isinstance(message.payload, bytes) else b"")
        except ValidationError:
            continue
        if answer.id == command_id:
            return answer
    raise Failed("the broker ended the connection")


def _told(answer: Answer) -> list[str]:
    """Write an answer for a person."""
    lines = [f"{answer.command}: {answer.outcome}" + (f", {answer.reason}" if answer.reason else "")]
    if answer.ready is not None:
        lines.append("This till is ready." if answer.ready else "This till is not ready.")
    lines += answer.findings or ()
    if answer.state is not None:
        lines.append(answer.state.model_dump_json(indent=1))
    waiting = [
        (each.id, each.phase, str(each.confirmed_amount), str(each.waiting_since)) for each in answer.waiting or ()
    ]
    return lines + list(table(waiting, right=(2,)))
