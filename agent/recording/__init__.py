"""Recorded days: what went in and out of a running agent, without a secret, a card or a person (docs/recording.md)."""
