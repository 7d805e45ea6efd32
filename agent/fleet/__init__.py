"""Hundreds of tills over an MQTT broker: docs/fleet.md."""
