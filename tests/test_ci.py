"""What CI does with its parts' names. That it runs them is seen where it runs."""

import re
import subprocess
from pathlib import Path

CLONE = Path(__file__).parents[1]


def test_a_misspelt_part_is_refused_with_the_names_of_all() -> None:
    ran = subprocess.run([CLONE / ".ci/run", "vm-imgae"], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    names = ran.stderr.partition("no part is called vm-imgae; there are:")[2].split()
    begun = re.findall(r"\bpart ([a-z-]+) \d+ ", (CLONE / ".ci/run").read_text())
    assert names == begun
    assert {"test", "packages", "installed", "vm-image"} <= set(names)
