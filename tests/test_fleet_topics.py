"""Topics: whose they are, and who sends a command."""

import pytest

from agent.fleet.topics import Topics, till_and_kind

TOPICS = Topics("shops/tillwire", "till-3")


def test_each_topic_of_a_till_begins_with_its_name() -> None:
    topics = (TOPICS.presence, TOPICS.state, TOPICS.event, TOPICS.answer, TOPICS.commands)
    assert [topic.removeprefix("shops/tillwire/till-3/") for topic in topics] == [
        "presence",
        "state",
        "event",
        "answer",
        "command/+",
    ]


def test_the_sender_of_a_command_is_the_last_level_of_its_topic() -> None:
    assert TOPICS.sender_in(TOPICS.command_of("head-office")) == "head-office"


@pytest.mark.parametrize("signed", ["", "head office", "x" * 33, "a\nb", "-"])
def test_whoever_signs_with_no_name_is_nobody(signed: str) -> None:
    assert TOPICS.sender_in(TOPICS.command_of(signed)) == "?"


@pytest.mark.parametrize(
    "topic",
    [
        "shops/tillwire/till-4/command/head-office",
        "shops/tillwire/till-3/command/a/b",
        "shops/tillwire/till-3/state",
        "",
    ],
)
def test_another_topic_is_no_command_to_this_till(topic: str) -> None:
    assert TOPICS.sender_in(topic) is None


def test_who_watches_learns_the_till_and_what_it_tells() -> None:
    assert till_and_kind("shops/tillwire", TOPICS.state) == ("till-3", "state")
    assert till_and_kind("tillwire", TOPICS.state) is None
    assert till_and_kind("shops/tillwire", TOPICS.command_of("x")) is None
    assert till_and_kind("shops/tillwire", "shops/tillwire/\x1b[2J/state") is None
