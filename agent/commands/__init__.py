"""One file a command of `tillwire`: its arguments, and what it does."""
