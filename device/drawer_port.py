"""How the port of a drawer is opened, and whether text may come on it."""

from device.drawer_profile import DrawerProfile
from device.port import PortSettings


def port_settings(profile: DrawerProfile, path: str) -> PortSettings:
    """How a drawer's port is opened: DTR and RTS on, they may be its supply; a line that opens the drawer at rest."""
    rest_high = profile.open_line_level == "low"
    return PortSettings(
        path=path,
        baudrate=profile.baudrate,
        bytesize=profile.bytesize,
        parity=profile.parity,
        stopbits=profile.stopbits,
        xonxoff=profile.xonxoff,
        rtscts=profile.rtscts,
        dtr=rest_high if profile.open_line == "dtr" else True,
        rts=rest_high if profile.open_line == "rts" else True,
    )


def can_carry_messages(profile: DrawerProfile) -> bool:
    """Whether text may come on the drawer's port: there are no status bytes that it could be taken for."""
    return profile.keep_port_open and profile.status.source in ("none", "line")
