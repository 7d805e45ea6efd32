"""`python -m agent` is `tillwire`."""

import sys

from agent.cli import main

sys.exit(main())
