"""What the local interface answers when it cannot do what was asked."""

from agent.kiosk.answer import Answer, SparseAnswer
from agent.kiosk.checkout_answers import CheckoutAnswer, ErrorAnswer


class FieldProblem(Answer):
    field: str
    message: str


class ProblemAnswer(SparseAnswer):
    """An RFC 9457 problem document. `type` is stable; programs decide by it alone."""

    type: str
    title: str
    status: int
    detail: str | None = None
    checkout: CheckoutAnswer | None = None
    error: ErrorAnswer | None = None
    problems: tuple[FieldProblem, ...] | None = None
