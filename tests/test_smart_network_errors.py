"""Every error of the network is *not sent* or *unknown*, and none is forgotten."""

from collections.abc import Iterator

import aiohttp
import pytest

from agent.smart.errors import NotSent, Unknown
from agent.smart.network_errors import MEANINGS, Meaning, failure_of

NUMBER = "9276004429942845"


def client_errors(base: type[aiohttp.ClientError] = aiohttp.ClientError) -> Iterator[type[aiohttp.ClientError]]:
    yield base
    for each in base.__subclasses__():
        yield from client_errors(each)


@pytest.mark.parametrize("error", sorted(set(client_errors()), key=str))
def test_every_error_of_aiohttp_has_a_meaning(error: type[Exception]) -> None:
    """A new one in aiohttp must be read, and put into the table."""
    if error.__module__.startswith("aiohttp"):
        assert error in MEANINGS


@pytest.mark.parametrize("error", MEANINGS)
def test_once_a_byte_may_have_been_written_every_error_is_unknown(error: type[Exception]) -> None:
    assert Unknown is type(failure_of(error.__new__(error), begun=True))


@pytest.mark.parametrize(("error", "meaning"), MEANINGS.items())
def test_before_the_first_byte_an_error_is_not_sent_where_it_can_come_then(
    error: type[Exception], meaning: Meaning
) -> None:
    kind = NotSent if meaning.comes_before else Unknown
    assert kind is type(failure_of(error.__new__(error), begun=False))


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientPayloadError(),
        aiohttp.ClientResponseError.__new__(aiohttp.ClientResponseError),
    ],
)
def test_an_error_of_an_answer_is_unknown_even_if_no_byte_was_announced(error: Exception) -> None:
    """It contradicts the proof, so the proof does not count."""
    assert Unknown is type(failure_of(error, begun=False))


def test_an_error_takes_the_meaning_of_its_nearest_known_kind() -> None:
    assert "the connection broke" in str(failure_of(ConnectionResetError(), begun=True))
    assert "in time" in str(failure_of(TimeoutError(), begun=False))


def test_an_error_nobody_thought_of_is_unknown_and_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    failure = failure_of(KeyError(NUMBER), begun=False)
    assert Unknown is type(failure)
    assert "a bug" in caplog.text
    assert NUMBER not in caplog.text + str(failure)


def test_no_text_of_an_error_is_passed_on() -> None:
    """Aiohttp's own texts hold addresses, and the address of a card look-up holds the number."""
    for error in MEANINGS:
        if error not in {aiohttp.ClientResponseError, OSError} and not issubclass(error, aiohttp.ClientConnectorError):
            failure = failure_of(error.__new__(error, NUMBER), begun=True)
            assert NUMBER not in f"{failure!s} {failure!r}"
