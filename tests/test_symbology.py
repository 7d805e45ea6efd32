"""AIM identifiers."""

import pytest

from device.symbology import name_of, split_identifier


@pytest.mark.parametrize(
    ("text", "identifier", "rest"),
    [
        ("]C09276004429942845", "]C0", "9276004429942845"),
        ("]d2010123", "]d2", "010123"),
        ("]E04006381333931", "]E0", "4006381333931"),
        ("9276", None, "9276"),
        ("a]C0", None, "a]C0"),
        ("]1x", None, "]1x"),
        ("]", None, "]"),
        ("", None, ""),
    ],
)
def test_an_identifier_stands_in_front(text: str, identifier: str | None, rest: str) -> None:
    assert split_identifier(text) == (identifier, rest)


@pytest.mark.parametrize(
    ("identifier", "name"), [("]C1", "Code 128"), ("]Q3", "QR Code"), ("]E4", "EAN/UPC"), ("]Z6", None)]
)
def test_the_letter_names_the_kind_of_code(identifier: str, name: str | None) -> None:
    assert name_of(identifier) == name
