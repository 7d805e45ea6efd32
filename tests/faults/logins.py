"""How the till of a run logs in: as a paired device, with the device's PIN, or as the vendor."""

from typing import assert_never

from pydantic import SecretStr

from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.smart.credentials import CredentialStore, DeviceCredentials
from agent.smart.login import Client, ClientCredentialsLogin, DeviceLogin, DevicePinLogin, Login
from tests.faults.world import EPOCH, World

CLIENT = Client(client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET))
PIN = "4711"


async def log_in_by(world: World, store: CredentialStore) -> Login:
    """Let the API know this till as the plan says, and say how the till logs in."""
    logins, device = world.simulator.api.logins, world.simulator.api.world.devices[-1]
    match world.plan.login:
        case "client-credentials":
            return ClientCredentialsLogin(client=CLIENT)
        case "device-pin":
            logins.device_pins[device.id] = PIN
            return DevicePinLogin(client=CLIENT, device_uuid=device.uuid, device_pin=SecretStr(PIN))
        case "device":
            await store.store(_paired(world, device.uuid))
            return DeviceLogin(client=CLIENT, device_uuid=device.uuid)
        case never:
            assert_never(never)


def _paired(world: World, uuid: str) -> DeviceCredentials:
    """The pairing that a person has made at the installation."""
    logins = world.simulator.api.logins
    code = logins.answer(CLIENT.grant("device", uuid=uuid), EPOCH)
    assert logins.confirm(str(code["user_code"]), EPOCH)
    return DeviceCredentials(
        base_url=world.simulator.base_url,
        client_id=CLIENT_ID,
        device_uuid=uuid,
        device_code=SecretStr(str(code["device_code"])),
    )
