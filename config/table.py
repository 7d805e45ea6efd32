"""What every table of the configuration is: frozen, and without keys that nobody knows."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)
