"""The tables of docs/hardware.md say what the shipped profiles say."""

from pathlib import Path

from device.drawer_profile import (
    AsbStatus,
    DrawerProfile,
    LineStatus,
    NoStatus,
    QueryStatus,
    StreamStatus,
    keys_of,
)
from device.drawer_profile_file import load_profile, profile_files

HARDWARE = Path(__file__).parent.parent / "docs" / "hardware.md"


def test_the_table_of_drawers_is_made_of_the_profiles() -> None:
    """When it fails, put the expected table between the two comments."""
    begin, end = "<!-- drawers: made of config/drawers -->\n", "<!-- end of drawers -->"
    text = HARDWARE.read_text(encoding="utf-8")
    shown = text[text.index(begin) + len(begin) : text.index(end)]
    assert shown == drawers_table()


def test_every_key_of_a_profile_is_explained() -> None:
    text = HARDWARE.read_text(encoding="utf-8")
    tables = (DrawerProfile, NoStatus, QueryStatus, StreamStatus, AsbStatus, LineStatus)
    missing = {key for table in tables for key in keys_of(table) if f"`{key}`" not in text}
    assert missing == set()


def drawers_table() -> str:
    rows = [
        ("Profile", "Model", "Wire", "Opened by", "Status", "A cut status wire", "Cannot tell"),
        ("---",) * 7,
        *(row(name, load_profile(name)) for name in sorted(profile_files(None))),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def row(name: str, profile: DrawerProfile) -> tuple[str, ...]:
    return (
        f"`{name}`",
        profile.model,
        profile.wiring,
        opening(profile),
        status(profile),
        {"closed": "looks closed", "open": "looks open", "unknown": "not documented"}[profile.cut_wire],
        profile.limits,
    )


def opening(profile: DrawerProfile) -> str:
    command = profile.pulse_bytes.hex(" ").upper()
    waits = [f"{profile.charge_s:g} s after the port was opened"] if profile.charge_s else []
    waits.append(f"{profile.recharge_s:g} s apart")
    real_time = ", in real time" if profile.realtime_open_bytes else ""
    return f"{f'`{command}`' if command else 'your code'}{real_time}; {', '.join(waits)}"


def status(profile: DrawerProfile) -> str:
    means = {"high": "on = open", "low": "off = open", "unknown": "polarity to be learned"}[profile.open_level]
    match profile.status:
        case NoStatus():
            return "none"
        case LineStatus(line=line):
            return f"line {line.upper()}, {means}"
        case QueryStatus(question=question):
            return f"asked with `{question.hex(' ').upper()}`"
        case StreamStatus(byte=byte):
            return f"`{byte:02X}` again and again while open"
        case AsbStatus(printer=printer):
            told = "pin 3" if printer == "escpos" else "switch bit"
            return f"printer status, {told} {profile.open_level} = open"
