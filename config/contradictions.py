"""Keys that are right one by one and do not go together.

Asked of the tables as they were written, completed with the defaults, so that a wrong key elsewhere hides nothing. A
value of the wrong type contradicts nothing: it is a problem already.
"""

from collections.abc import Iterator, Mapping, Sequence

from config.addresses import TcpAddress, checked_socket_path, parse_listen
from config.problems import Finding

Table = Mapping[str, object]


def contradictions(tables: Mapping[str, Table], scanners: Sequence[Table]) -> Iterator[Finding]:
    """Find what the sections `tables`, by name, and the `[[scanner]]`s say against each other."""
    yield from _login(tables["api"])
    yield from _card_lengths(tables["cards"])
    yield from _scanner_names(scanners)
    yield from _ports(tables, scanners)
    yield from _drawer(tables["drawer"])
    yield from _printer(tables["printer"], tables["drawer"])
    yield from _cash(tables["cash"], tables["drawer"])
    yield from _listen(tables["kiosk"])
    yield from _control_socket(tables["kiosk"], tables["state"])


def _login(api: Table) -> Iterator[Finding]:
    if api["login"] in ("device", "device-pin") and not api["device_uuid"]:
        yield Finding(("api", "device_uuid"), f'is missing: login = "{api["login"]}" needs it')
    if api["login"] == "device-pin" and not api["device_pin_file"]:
        yield Finding(("api", "device_pin_file"), 'is missing: login = "device-pin" needs it')


def _card_lengths(cards: Table) -> Iterator[Finding]:
    lengths = [length for length in _list(cards["lengths"]) if isinstance(length, int)]
    for number, prefix in enumerate(_list(cards["prefixes"])):
        if isinstance(prefix, str) and lengths and len(prefix) >= min(lengths):
            yield Finding(("cards", "prefixes", number), "is as long as a whole number")


def _scanner_names(scanners: Sequence[Table]) -> Iterator[Finding]:
    for number in _repeated([scanner.get("name") for scanner in scanners]):
        yield Finding(("scanner", number, "name"), "is the name of another scanner")


def _ports(tables: Mapping[str, Table], scanners: Sequence[Table]) -> Iterator[Finding]:
    """One port has one owner, as the ports are written; a till's paid message may come on the drawer's."""
    drawer, printer, paid = tables["drawer"], tables["printer"], _paid_message(tables["cash"])
    owners: list[tuple[tuple[str | int, ...], object]] = [(("drawer", "port"), drawer["port"])]
    owners += [(("scanner", number, "port"), scanner.get("port")) for number, scanner in enumerate(scanners)]
    if printer["connection"] == "serial" and printer["port"] != drawer["port"]:  # the drawer's: see _printer
        owners.append((("printer", "port"), printer["port"]))
    if paid.get("port") != drawer["port"]:
        owners.append((("cash", "paid_message", "port"), paid.get("port")))
    for number in _repeated([port for _, port in owners]):
        yield Finding(owners[number][0], "is the port of another device")


def _repeated(values: Sequence[object]) -> Iterator[int]:
    """Number the values that stand further in front too."""
    for number, value in enumerate(values):
        if value is not None and value in values[:number]:
            yield number


def _drawer(drawer: Table) -> Iterator[Finding]:
    if drawer["profile"] != "none" and not drawer["port"]:
        yield Finding(("drawer", "port"), "is missing: a drawer needs it")


_NEEDED = {"serial": "port", "network": "address", "usb": "match"}


def _printer(printer: Table, drawer: Table) -> Iterator[Finding]:
    connection = printer["connection"]
    needed = _NEEDED.get(str(connection))
    if needed is not None and not printer[needed]:
        yield Finding(("printer", needed), f'is missing: connection = "{connection}" needs it')
    if connection == "drawer" and drawer["profile"] == "none":
        yield Finding(("printer", "connection"), '"drawer" needs a drawer that hangs on it: set drawer.profile')
    if connection == "serial" and printer["port"] and printer["port"] == drawer["port"]:
        yield Finding(("printer", "port"), 'is the drawer\'s: write connection = "drawer"')


def _cash(cash: Table, drawer: Table) -> Iterator[Finding]:
    methods = _list(cash["confirmed_by"])
    key = ("cash", "confirmed_by")
    if drawer["profile"] == "none" and any(method in methods for method in ("drawer-closed", "drawer-opened")):
        yield Finding(key, 'needs a drawer: set drawer.profile, or confirm by "operator" or "paid-message"')
    if "drawer-opened" in methods and drawer["opened_by"] == "tillwire":
        yield Finding(
            key, '"drawer-opened" needs drawer.opened_by = "register": an opening by our own pulse proves no payment'
        )
    if "paid-message" in methods and not cash["paid_message"]:
        yield Finding(("cash", "paid_message"), 'is missing: "paid-message" in confirmed_by needs it')
    paid = _paid_message(cash)
    if drawer["profile"] != "none" and paid.get("booked_message") and paid.get("port") == drawer["port"]:
        yield Finding(
            ("cash", "paid_message", "booked_message"),
            "would be written to the drawer, and many a drawer opens at any byte: it needs a port of its own",
        )


def _paid_message(cash: Table) -> Table:
    written = cash["paid_message"]
    return written if isinstance(written, Mapping) else {}


def _listen(kiosk: Table) -> Iterator[Finding]:
    tls = ("tls_certificate_file", "tls_key_file")
    missing = [name for name in tls if not kiosk[name]]
    if len(missing) == 1:
        yield Finding(("kiosk", missing[0]), "is missing: a certificate and its key come together")
    if not _is_reached_from_outside(kiosk["listen"]):
        return
    if len(missing) == len(tls):
        yield Finding(("kiosk", "listen"), f"is reached from other machines and needs {' and '.join(tls)}")
    if not kiosk["allowed_hosts"]:
        yield Finding(("kiosk", "allowed_hosts"), "is missing: an address that other machines reach needs it")


def _is_reached_from_outside(listen: object) -> bool:
    try:
        address = parse_listen(str(listen))
    except ValueError:
        return False
    return isinstance(address, TcpAddress) and not address.is_loopback


def _control_socket(kiosk: Table, state: Table) -> Iterator[Finding]:
    if kiosk["control_socket"] or not str(state["directory"]).startswith("/"):
        return
    try:
        checked_socket_path(f"{state['directory']}/tillwire.sock")
    except ValueError:
        yield Finding(("state", "directory"), "is too long for the control socket in it: set kiosk.control_socket")


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
