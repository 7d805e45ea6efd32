"""How fast and how small: the real `tillwire run`, from outside, beside the floor. `make bench`, docs/bench.md."""
