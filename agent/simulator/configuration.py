"""How a simulator is set up: a TOML file, and what the command line adds to it."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.simulator.cards import Card
from agent.simulator.faults import Fault, fault_from, fault_from_text
from agent.simulator.identifiers import Identifiers
from agent.simulator.switches import Switches, UnknownSetting, setting_from, switches_from
from agent.simulator.world import Device, World, default_world, new_card

_CONFIGURED_SEED = 2  # the ids of cards and devices that the file adds


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class CardSection(_Section):
    """`[[card]]`: a card of the world; one with a number of the default world takes its place. Balances in cents."""

    number: Annotated[str, Field(min_length=1, max_length=40)] = Field(repr=False)
    cash_balance: Annotated[int, Field(ge=0)] = 0
    bonus_balance: Annotated[int, Field(ge=0)] = 0
    locked: bool = False
    stored: bool = False
    csc: str | None = None


class DeviceSection(_Section):
    """`[[device]]`: a cash register that may log in."""

    uuid: str


class ClientSection(_Section):
    """`[client]`: the credentials that the login expects."""

    id: str
    secret: str = Field(repr=False)


class ConfigurationFile(_Section):
    """The whole file."""

    seed: int | None = None
    switches: dict[str, str | int | float] = {}
    fault: list[dict[str, object]] = []
    card: list[CardSection] = []
    device: list[DeviceSection] = []
    client: ClientSection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that a simulator is made from."""

    world: World
    switches: Switches
    faults: tuple[Fault, ...]
    seed: int | None


def configured(file: Path | None, switches: Iterable[str], faults: Iterable[str]) -> Configuration:
    """The file's settings, then those of the command line. Raises UnknownSetting with a line for each problem."""
    section = _read(file) if file else ConfigurationFile()
    settings: dict[str, object] = {**section.switches, **dict(setting_from(text) for text in switches)}
    return Configuration(
        world=_world(section),
        switches=switches_from(settings),
        faults=(*map(fault_from, section.fault), *map(fault_from_text, faults)),
        seed=section.seed,
    )


def _read(file: Path) -> ConfigurationFile:
    try:
        return ConfigurationFile.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise UnknownSetting(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        lines = (f"{file}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise UnknownSetting("\n".join(lines)) from None
    except ValueError as error:  # not TOML, not UTF-8
        raise UnknownSetting(f"{file}: {error}") from None


def _world(section: ConfigurationFile) -> World:
    identifiers = Identifiers(_CONFIGURED_SEED)
    world = default_world()
    if section.client:
        world = replace(world, client_id=section.client.id, client_secret=section.client.secret)
    devices = (Device(id=identifiers.object_id("SDV"), uuid=each.uuid) for each in section.device)
    cards = {card.number: card for card in world.cards}
    for each in section.card:
        cards[each.number] = _card(each, cards.get(each.number) or new_card(each.number, identifiers, 0))
    return replace(world, devices=(*world.devices, *devices), cards=tuple(cards.values()))


def _card(section: CardSection, card: Card) -> Card:
    return replace(
        card,
        cash_balance=section.cash_balance,
        bonus_balance=section.bonus_balance,
        locked=section.locked,
        stock_status="stored" if section.stored else "active",
        csc=section.csc or card.csc,
    )
