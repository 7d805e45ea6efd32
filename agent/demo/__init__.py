"""The seed's checkout without account or hardware: a stage, and the story that is played on it.

The agent of the demo is `tillwire run` with a configuration file like any other. Only its surroundings are made: the
API is the simulator in a process of its own, reader and drawer sit on pseudo-terminals.
"""
