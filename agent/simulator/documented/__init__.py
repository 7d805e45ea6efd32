"""Answers as the documentation prints them, kept literally."""

import json
from importlib import resources
from typing import Final

START_CASH: Final[dict[str, object]] = json.loads(
    resources.files(__name__).joinpath("start_cash.json").read_text("utf-8")
)
"""The answer of `start/cash` on the page "Pay the Missing Sum at the Cash Register" (the seed)."""
