"""The search after each test finds what it is there to find; `make test` runs it over everything."""

import logging
from pathlib import Path

import pytest

from agent.simulator import CARD_NUMBER, CLIENT_SECRET, SimulatorServer
from tests.secret_search import Needles, belongs, cards, found_in_files, kept_log, kept_tokens, passes_luhn

pytest_plugins = ["pytester"]

BANK_CARD = "4111111111111111"
TOKEN = "a-token-of-the-screen"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Karte {CARD_NUMBER}.", "card"),
        (f"\x00{BANK_CARD}\x00", "card"),
        (CLIENT_SECRET, "secret"),
        ('{"contact": {"name": "Max Mustermann"}}', "person"),
        ('"dob": "2018-02-14T00:00:00+00:00"', "person"),
    ],
)
def test_a_file_with_what_no_one_may_see_is_found_and_named(tmp_path: Path, text: str, kind: str) -> None:
    folder = tmp_path / "searched"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "journal.sqlite-wal").write_bytes(text.encode())
    assert found_in_files(folder, Needles()) == [f"deep/journal.sqlite-wal: {kind}"]
    (folder / "deep" / "journal.sqlite-wal").unlink()  # this test leaves none behind itself


def test_the_token_of_an_agent_is_looked_for_everywhere_but_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "screen").write_text(TOKEN)
    assert found_in_files(tmp_path, Needles()) == []
    support = tmp_path / "support.json"
    support.write_text(f'{{"authorization": "Bearer {TOKEN}"}}')
    assert found_in_files(tmp_path, Needles()) == ["support.json: token"]
    support.unlink()


def test_what_is_masked_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text("9276********2845;411111******1111")
    assert found_in_files(tmp_path, Needles()) == []


async def test_every_token_that_a_simulator_makes_is_known() -> None:
    needles = Needles()
    with kept_tokens(needles):
        async with SimulatorServer() as simulator:
            made = simulator.api.identifiers.access_token()
    assert needles.kinds_in(f"Bearer {made}".encode()) == ["token"]


def test_records_are_kept_from_debug_on_with_their_traceback() -> None:
    with kept_log() as log:
        logging.getLogger("tillwire.smart").debug("something", exc_info=ValueError("the cause"))
    assert "ValueError: the cause" in log.lines[0]


def test_the_cards_of_tests_and_simulator_are_known_and_articles_are_none() -> None:
    assert {CARD_NUMBER, BANK_CARD} <= cards()
    assert "4999012345678" not in cards()
    assert passes_luhn(BANK_CARD)


def test_no_file_of_an_agent_is_free_from_the_search_but_its_credentials() -> None:
    searched = ("journal.sqlite", "journal.sqlite-wal", "journal.pads", "day.jsonl", "support.tar", "tillwire.log")
    assert not [name for name in searched if belongs(Path("/state") / name)]


LEAVES = {
    "trace: card": f"(tmp_path / 'trace').write_text('{CARD_NUMBER}')",
    "the log: person": "logging.getLogger('tillwire.x').debug('%s', 'Mustermann')",
    "was printed: secret": f"print('{CLIENT_SECRET}')",
    "was printed: card": f"sys.stderr.write('{BANK_CARD}')",
    "what was printed and looked at: card": f"print('{CARD_NUMBER}'); capsys.readouterr()",
}


def test_a_test_that_leaves_something_behind_fails(pytester: pytest.Pytester) -> None:
    """The hooks of conftest.py at work, on tests that do what none may do."""
    here = Path(__file__).parent
    pytester.makeconftest((here / "conftest.py").read_text("utf-8"))
    tests = "".join(
        f"def test_{number}(tmp_path{', capsys' if 'capsys' in body else ''}):\n    {body}\n"
        for number, body in enumerate(LEAVES.values())
    )
    pytester.makepyfile(f"import logging, sys\n\n{tests}\ndef test_good(tmp_path):\n    print('9276********2845')\n")
    pytester.makepyprojecttoml(f'[tool.pytest.ini_options]\npythonpath = ["{here.parent}"]\nasyncio_mode = "auto"\n')
    said = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--show-capture=no").stdout.str()
    assert not [told for told in LEAVES if told not in said]
    assert "::test_good" not in said
