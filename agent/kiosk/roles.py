"""Who calls: the screen that a customer stands before, or a person of the staff."""

from enum import StrEnum


class Role(StrEnum):
    """What a caller may do. The operator may do everything that the screen may."""

    SCREEN = "screen"
    OPERATOR = "operator"

    def may_act_as(self, needed: "Role") -> bool:
        return self is needed or self is Role.OPERATOR
