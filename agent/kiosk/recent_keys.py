"""The idempotency keys of requests that no entry of the journal answers: receipts that a person asks for."""

from agent.till.refusals import KeyReused

MOST_KEYS = 64
"""A person asks for a receipt some times an hour, and a program repeats itself within seconds."""


class RecentKeys:
    """Keys that were used since the agent was started, the newest of them."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def was_used(self, key: str, digest: str) -> bool:
        """Say whether this very request was made before; if not, remember it. Raises KeyReused."""
        known = self._digests.get(key)
        if known is not None and known != digest:
            raise KeyReused(key)
        if known is None and len(self._digests) >= MOST_KEYS:
            del self._digests[next(iter(self._digests))]
        self._digests[key] = digest
        return known is not None

    def forget(self, key: str) -> None:
        """Nothing came of it: it may be tried again."""
        self._digests.pop(key, None)
