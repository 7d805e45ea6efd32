"""A recorded day again: the agent against what it was answered and what its devices delivered (docs/recording.md)."""
