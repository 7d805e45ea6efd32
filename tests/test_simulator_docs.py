"""docs/simulator.md is true: its tables are the code's, and its examples give the answers that it prints."""

import asyncio
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.simulator.documentation import with_tables

PAGE = Path(__file__).parent.parent / "docs" / "simulator.md"
SOURCES = Path(__file__).parent.parent / "agent" / "simulator"
PRINTED_ADDRESS = "http://127.0.0.1:8378"
END_OF_OUTPUT = "--- end of output ---"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Example:
    """A command of the page and the output that the page prints below it."""

    command: str
    output: str


def examples(page: str) -> list[Example]:
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    texts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [_example(text.splitlines()) for text in texts]


def _example(lines: list[str]) -> Example:
    length = 1 + next((at for at, line in enumerate(lines[1:]) if not line.startswith("> ")), len(lines) - 1)
    command = [lines[0], *(line.removeprefix("> ") for line in lines[1:length])]
    return Example("\n".join(command), "\n".join(lines[length:]))


async def outputs(commands: list[str], address: str) -> list[str]:
    """What the commands print in one shell, each by itself."""
    script = "".join(f"{command}\nprintf '\\n{END_OF_OUTPUT}\\n'\n" for command in commands)
    shell = await asyncio.create_subprocess_exec(
        "bash",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "no_proxy": "*"},
    )
    printed, _ = await shell.communicate(script.replace(PRINTED_ADDRESS, address).encode())
    return [part.strip("\n") for part in printed.decode().split(END_OF_OUTPUT)[:-1]]


def without_times(text: str) -> str:
    return TIME.sub("TIME", text)


def test_the_tables_are_those_of_the_code() -> None:
    page = PAGE.read_text("utf-8")
    assert with_tables(page) == page, "run: python -m agent.simulator.documentation docs/simulator.md"


def test_the_page_names_its_bounds_as_the_code_has_them() -> None:
    source = {name: (SOURCES / name).read_text("utf-8") for name in ("state.py", "record.py")}
    assert "_MAX_TRANSACTIONS: Final = 10_000" in source["state.py"]
    assert "_MAX_REQUESTS: Final = 20_000" in source["record.py"]
    assert "10,000 transactions and 20,000 recorded requests" in PAGE.read_text("utf-8")


@pytest.mark.system_too
@pytest.mark.skipif(not shutil.which("curl"), reason="the examples of the page use curl")
async def test_the_examples_give_what_the_page_prints(tmp_path: Path) -> None:
    page = examples(PAGE.read_text("utf-8"))
    assert len(page) > 10
    (tmp_path / "simulator.toml").write_text("seed = 1\n")
    simulator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.simulator", "--port", "0", "--config", str(tmp_path / "simulator.toml")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert simulator.stdout is not None
    address = (await simulator.stdout.readline()).decode().split(" at ")[1].split()[0]
    printed = await outputs([example.command for example in page], address)
    simulator.terminate()
    assert await simulator.wait() == 0
    assert [without_times(each) for each in printed] == [without_times(example.output) for example in page]


SELLS = """
import urllib.error
from contextlib import suppress
from http.client import RemoteDisconnected

SALE = {"idents": [{"type": "card", "value": "9276004429942845"}],
        "basket": {"products": [{"id": 1, "quantity": 1, "priceOne": 796, "tax": 7}]},
        "basket_info": {"sum": 796, "currency": "EUR"}}


def post(api, path, body, token=""):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{api.base_url}{path}", json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def sell_something(api):
    token = post(api, "/oauth/token", {"grant_type": "client_credentials"} | api.client)["access_token"]
    path = "/api/v2/Smart/Transactions/" + post(api, "/api/v2/Smart/Transactions", SALE, token)["id"]
    post(api, f"{path}/preTransaction", {}, token)
    with suppress(RemoteDisconnected):
        post(api, f"{path}/start/cash", {}, token)
"""
"""What a reader of the page has of their own: a program that sells."""


async def test_the_fixture_for_pytest_works_as_it_stands_on_the_page(tmp_path: Path) -> None:
    [fixture] = [
        block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL) if "Popen" in block
    ]
    (tmp_path / "test_page.py").write_text(fixture + SELLS)
    pytest_run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_page.py"),
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "no_proxy": "*"},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await pytest_run.communicate()
    assert pytest_run.returncode == 0, said.decode()
    assert "1 passed" in said.decode()
