"""The optional section `[fleet]`: the broker that the fleet meets at, and what it may ask of this till."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from config.table import Table
from config.values import DeviceName, Host, OptionalPath, Switch, Text, TopicPrefix, Whole

FleetCommand = Literal["check", "read-state", "list-waiting", "retry", "log-level", "restart", "change"]
"""What can be allowed at all. Opening a drawer and confirming cash are not among them, and never will be."""
CHANGEABLE_SECTIONS = frozenset({"offline"})
"""The only sections whose keys the fleet may be allowed to change: one that is new is not exposed by an oversight."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _changeable(key: str) -> str:
    section, _, name = key.partition(".")
    if section not in CHANGEABLE_SECTIONS or not name:
        named = ", ".join(f"{each}.…" for each in sorted(CHANGEABLE_SECTIONS))
        raise ValueError(f"can never be changed by the fleet: only {named} can")
    return key


ChangeableKey = Annotated[str, AfterValidator(_changeable)]


class Fleet(Table):
    """An MQTT 5 broker that is there already."""

    host: Host
    port: Annotated[Whole, Field(ge=1, le=65535)] = 8883
    till: DeviceName = Field(description="this till's name in the fleet: its client id, and a level of its topics")
    topic_prefix: TopicPrefix = "tillwire"
    tls: Switch = Field(default=True, description="false only to a broker on this very box")
    ca_file: OptionalPath = Field(None, description="the CA of the broker's certificate; none: those of the system")
    certificate_file: OptionalPath = Field(None, description="the till's own certificate, with key_file")
    key_file: OptionalPath = None
    username: Text | None = Field(None, description="with a password instead of a certificate, or as well")
    password_file: OptionalPath = Field(None, description='or a systemd credential "mqtt_password"')
    senders: tuple[DeviceName, ...] = Field((), description="who may send commands, as the broker knows them")
    commands: tuple[FleetCommand, ...] = Field((), description="what they may ask for; nothing else is done")
    may_change: tuple[ChangeableKey, ...] = Field((), description='keys that the command "change" may set')

    @model_validator(mode="after")
    def _goes_together(self) -> "Fleet":
        if (self.certificate_file is None) is not (self.key_file is None):
            raise ValueError("certificate_file and key_file come together")
        if not self.tls and self.host not in LOOPBACK:
            raise ValueError("tls = false is for a broker on this box alone (127.0.0.1)")
        if self.commands and not self.senders:
            raise ValueError("commands need senders: who may send them")
        if ("change" in self.commands) is not bool(self.may_change):
            raise ValueError('"change" in commands and may_change come together')
        return self
