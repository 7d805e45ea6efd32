"""What is written into the configuration of the kiosk: the API outside, its readers, its drawer."""

from agent.simulator import CLIENT_ID
from agent.simulator.world import DEVICE_UUID

API_PORT = 18443
"""Of this machine, always the same (a kept kiosk has it in its configuration), and below those that Linux gives out."""
USB_KEYBOARD = ("0627", "0001")
USB_SERIAL = ("0403", "6001")
HONEYWELL_KEYBOARD, HONEYWELL_POS = ("0c2e", "0b61"), ("0c2e", "0ca1")
MAGTEK = ("0801", "0001")


def api(host: str) -> str:
    """Return the part about the API. Where a processor is emulated beside other work, nothing answers quickly."""
    return f"""\
[api]
base_url = "https://{host}:{API_PORT}"
login = "client-credentials"
client_id = "{CLIENT_ID}"
client_secret_file = "/etc/tillwire/client_secret"
device_uuid = "{DEVICE_UUID}"
ca_file = "/etc/tillwire/simulator.pem"
connect_timeout_s = 60
request_timeout_s = 60
late_window_s = 5
"""


def reader(name: str, driver: str, ids: tuple[str, str], more: str = "") -> str:
    vendor, model = ids
    return f"""\
[[scanner]]
name = "{name}"
driver = "{driver}"
match = {{ id_vendor = "{vendor}", id_model = "{model}"{more} }}
"""


READERS = "".join(
    (
        reader("counter", "evdev", USB_KEYBOARD),
        reader("hand", "evdev", HONEYWELL_KEYBOARD),
        reader("pos", "hidpos", HONEYWELL_POS),
        reader("stripe", "evdev", MAGTEK),
    )
)
DRAWER = f"""\
[drawer]
profile = "escpos"
port = "/dev/tillwire/drawer0"
match = {{ id_vendor = "{USB_SERIAL[0]}", id_model = "{USB_SERIAL[1]}" }}
open_level = "low"
open_timeout_s = 60
"""
