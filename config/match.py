"""Which plugged-in device is meant."""

from pydantic import Field, model_validator

from config.table import Table
from config.values import UdevName, UsbId

ITS_NAME = "which adapter gets the name of port, where that is under /dev/tillwire/ (tillwire udev-rules)"


class Match(Table):
    """Which plugged-in device it is, by the names that udev gives it."""

    id_vendor: UsbId | None = None
    id_model: UsbId | None = None
    serial: UdevName | None = None
    path: UdevName | None = Field(None, description="where it is plugged in, for two of the same kind")

    @model_validator(mode="after")
    def _says_something(self) -> "Match":
        if not self.model_fields_set:
            raise ValueError("must name a device: id_vendor and id_model, serial or path")
        return self
