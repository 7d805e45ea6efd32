"""What the API's states of a Smart transaction mean for its payment (smart-api 4.2). Pure."""

CANCELLED = "cancelled"
"""The client gives both spellings of the API as this one."""
EXECUTED = frozenset({"ok", "finished"})
RUNNING = frozenset({"pending", "approved"})
REFUSED = frozenset({"failed", "aborted", CANCELLED, "canceled", "timeout", "deleted"})
PAYABLE = frozenset({"created", "processing"})
"""Not executed, if nothing else about the transaction changed."""
