"""The receipt printer: `[printer]`."""

from typing import Literal

from pydantic import Field

from config.addresses import TcpAddress, parse_printer
from config.match import ITS_NAME
from config.table import Table
from config.values import Baudrate, Columns, DeviceFile, PrinterAddress, Seconds, Switch, UdevName, UsbId

LONGEST_PROVISIONAL_S = 600  # seconds: nobody waits longer for any receipt


class PrinterMatch(Table):
    """Which USB printer it is."""

    id_vendor: UsbId
    id_model: UsbId
    serial: UdevName | None = Field(None, description="for two of the same model")


class Printer(Table):
    """Where receipts are printed, and which."""

    connection: Literal["none", "drawer", "serial", "network", "usb"] = Field(
        "none", description="drawer: the drawer hangs on the printer, and both share its port"
    )
    port: DeviceFile | None = Field(None, description='for connection = "serial"')
    baudrate: Baudrate = 9600
    address: PrinterAddress | None = Field(None, description='for connection = "network"')
    match: PrinterMatch | None = Field(None, description=f'for connection = "usb"; else {ITS_NAME}')
    answers: Switch = Field(default=True, description="it tells how it is; a silent printer is given no receipt")
    width: Columns = 42
    code_page: Literal["cp1252", "cp858"] = Field("cp1252", description="of the printer: umlauts and the euro sign")
    cut: Switch = Field(default=True, description="it has a cutter")
    receipts: tuple[Literal["customer", "merchant"], ...] = Field(
        ("customer",), min_length=1, description="printed by themselves when a checkout is completed"
    )
    provisional: Literal["automatic", "on-request"] = "automatic"
    provisional_after_s: Seconds = Field(
        15.0, le=LONGEST_PROVISIONAL_S, description="how long the customer waits for the booking before"
    )

    @property
    def network_address(self) -> TcpAddress | None:
        return None if self.address is None else parse_printer(self.address)
