"""The local interface: checkouts over HTTP for a screen or a register, the event stream, and the page."""
