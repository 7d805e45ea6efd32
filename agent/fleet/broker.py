"""The one funnel to the broker: MQTT 5, one session at a time, each message acknowledged or the session is over.

The library is aiomqtt on paho-mqtt. Three things of it are taken care of here:

- it connects in a thread, which a cancelled caller would leave behind with an open socket: a connection under way is
  waited for and closed;
- it does not look at what a PUBACK says: a message that the access list refuses would count as sent;
- it throws away what no longer fits into its queue of incoming messages: right for commands, whose senders get no
  answer and ask again.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiomqtt import Client, Message, MqttError, ProtocolVersion, Will
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import SecretStr

logger = logging.getLogger("tillwire.fleet")

KEEPALIVE_S = 15
"""A broker or a network that went silent is noticed within twice this. It bounds the TLS handshake, too, which paho
does in a thread: so long at most stopping the agent waits, for a broker that went silent in the middle of it."""
ANSWER_TIMEOUT_S = 10.0
"""A broker on another continent answers in a tenth of this."""
GOODBYE_TIMEOUT_S = 1.0
"""So long stopping the agent waits for a broker that answered until now."""
MOST_IN_FLIGHT = 20
"""Events sent before the first is acknowledged: a day is caught up in minutes over a slow line, and stays in order."""
MOST_COMMANDS_WAITING = 16
MOST_FOLLOWED = 50_000
"""Messages that wait for somebody who watches the whole fleet: all that is retained comes at once."""
MOST_PACKET_BYTES = 64 * 1024
"""What the broker may send us at all; it throws away what is larger (MQTT 5, 3.1.2.11.4)."""


class Unusable(Exception):
    """The broker is not there, or does not take what is sent. The text is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is, and who we are to it. `tls` is None only for a broker on this box."""

    host: str
    port: int
    client_id: str
    tls: ssl.SSLContext | None
    username: str | None
    password: SecretStr | None
    answer_timeout_s: float = ANSWER_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One message to be published, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class Session:
    """A connection that stands. Each call raises Unusable, and the session is over then."""

    def __init__(self, client: "_Client") -> None:
        self._client = client

    async def publish(self, *publications: Publication) -> None:
        """Return when the broker has taken all of them; they arrive in this order."""
        for begin in range(0, len(publications), MOST_IN_FLIGHT):
            await self._publish(publications[begin : begin + MOST_IN_FLIGHT])

    async def _publish(self, publications: Sequence[Publication]) -> None:
        sent = [
            asyncio.ensure_future(self._client.publish(each.topic, each.payload, qos=1, retain=each.retain))
            for each in publications
        ]
        try:
            await asyncio.gather(*sent)
        except MqttError as error:
            raise Unusable(f"the broker does not answer: {error}") from None
        finally:
            for each in sent:
                each.cancel()
            await asyncio.gather(*sent, return_exceptions=True)
        if self._client.refused is not None:
            raise Unusable(f"the broker does not take it: {self._client.refused}; see its access list")

    async def subscribe(self, topic: str) -> None:
        try:
            answers = await self._client.subscribe(topic, qos=1)
        except MqttError as error:
            raise Unusable(f"the broker does not answer: {error}") from None
        for answer in answers:
            if isinstance(answer, ReasonCode) and answer.is_failure:
                raise Unusable(f"the broker lets nobody listen to {topic}: {answer}; see its access list")

    async def messages(self) -> AsyncIterator[Message]:
        try:
            async for message in self._client.messages:
                yield message
        except MqttError as error:
            raise Unusable(f"the connection is lost: {error}") from None


class _Client(Client):
    """A client that remembers what the broker refused."""

    refused: str | None = None

    def _on_publish(
        self, client: PahoClient, userdata: object, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self.refused = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    async def abandon(self) -> None:
        """Leave nothing behind. The library leaves its socket open where no answer came in time."""
        if self._client.socket() is not None:
            self._client.disconnect()
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # looked at, so that asyncio does not complain that nobody did
        if self._misc_task is not None:
            self._misc_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._misc_task


@asynccontextmanager
async def connected(
    broker: Broker, will: Publication | None = None, *, most_waiting: int = MOST_COMMANDS_WAITING
) -> AsyncIterator[Session]:
    """Be connected until the end of the block. Of messages that come, so many are kept. Raises Unusable."""
    client = _client(broker, will, most_waiting)
    await _connect(client)
    try:
        yield Session(client)
    finally:
        client.timeout = GOODBYE_TIMEOUT_S
        with suppress(MqttError):
            await client.__aexit__(None, None, None)
        await client.abandon()


async def _connect(client: _Client) -> None:
    connecting = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(connecting)
    except MqttError as error:
        await client.abandon()
        raise Unusable(f"the broker cannot be reached: {error}") from None
    except asyncio.CancelledError:
        await asyncio.wait([connecting])
        if connecting.exception() is None:
            client.timeout = GOODBYE_TIMEOUT_S
            with suppress(MqttError):
                await client.__aexit__(None, None, None)
        await client.abandon()
        raise


def _client(broker: Broker, will: Publication | None, most_waiting: int) -> _Client:
    offers = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho annotates all but this
    offers.MaximumPacketSize = MOST_PACKET_BYTES
    offers.ReceiveMaximum = MOST_COMMANDS_WAITING
    client = _Client(
        broker.host,
        broker.port,
        identifier=broker.client_id,
        protocol=ProtocolVersion.V5,
        username=broker.username,
        password=broker.password.get_secret_value() if broker.password else None,
        tls_context=broker.tls,
        clean_start=True,  # commands to a till that is away are lost on purpose: nobody waits for them any more
        will=None if will is None else Will(will.topic, will.payload, qos=1, retain=will.retain),
        keepalive=KEEPALIVE_S,
        timeout=broker.answer_timeout_s,
        max_queued_incoming_messages=most_waiting,
        max_inflight_messages=MOST_IN_FLIGHT,
        properties=offers,
        logger=logger.getChild("mqtt"),
    )
    client.pending_calls_threshold = 2 * MOST_IN_FLIGHT
    return client


def tls_context(ca_file: Path | None, certificate_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    """Return how the broker is verified, and how we prove who we are. Reads files. Raises OSError and ssl.SSLError."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file is not None:
        context.load_cert_chain(certificate_file, key_file)
    return context
