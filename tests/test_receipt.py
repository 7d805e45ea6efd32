import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.receipt import (
    FEED,
    FEED_AND_CUT,
    MAX_CHARACTERS,
    MAX_LINES,
    Alignment,
    CodePage,
    NameValue,
    Separator,
    Space,
    TextLine,
    as_escpos,
    as_html,
    as_json,
    as_text,
    parse_lines,
)

GOLDEN = Path(__file__).parent / "golden"

# The answer to start/cash on the seed page.
SEED: list[object] = [
    {"type": "separator", "value": {"caption": "Kundenkarte"}},
    {"type": "name-value", "value": {"name": "Kartennummer: ", "value": "9276004429942845", "decoration": []}},
    {"type": "name-value", "value": {"name": "TA Code: ", "value": "29187332", "decoration": []}},
    {"type": "space"},
    {"type": "textline", "value": {"text": "Umsatz erfasst:", "decoration": []}},
    {"type": "textline", "value": {"text": "7,96 EUR", "decoration": ["important"]}},
    {"type": "space"},
    {"type": "textline", "value": {"text": "Aktuelles Guthaben", "decoration": []}},
    {"type": "textline", "value": {"text": "10,00 EUR", "decoration": ["important"]}},
]

# Two blocks with umlauts, the euro sign, every decoration, and texts that do not fit.
UMLAUTS: list[object] = [
    {"type": "textline", "value": {"text": "Händlerbeleg", "decoration": ["align-center", "important"]}},
    {"type": "separator", "value": {"caption": "Kundenkarte Aufladung für Stammgäste"}},
    {"type": "name-value", "value": {"name": "Terminal-ID:", "value": "VT000124", "decoration": []}},
    {"type": "name-value", "value": {"name": "Datum:", "value": "24.09.2020 14:40:58", "decoration": []}},
    {"type": "name-value", "value": {"name": "Kartennummer:", "value": "9276 0044 2994 2845", "decoration": []}},
    {"type": "name-value", "value": {"name": "Zahlung über:", "value": "20,00 €", "decoration": ["important"]}},
    {
        "type": "name-value",
        "value": {
            "name": "Gewährter Rabatt auf alle Süßwaren:",
            "value": "im Namen der Bäckerei Großmann, Köln",
            "decoration": [],
        },
    },
    {"type": "space"},
    {
        "type": "textline",
        "value": {"text": "Das Guthaben ist übertragbar und verfällt nicht; Änderungen vorbehalten.", "decoration": []},
    },
    {"type": "textline", "value": {"text": "Donaudampfschifffahrtsgesellschaftskapitänsmützenband"}},
    {"type": "textline", "value": {"text": "rechts: 5,00 €", "decoration": ["align-right"]}},
    {"type": "separator", "value": {}},
    {"type": "textline", "value": {"text": "Vielen Dank!", "decoration": ["align-center"]}},
]


@pytest.mark.parametrize("width", [32, 42, 48])
@pytest.mark.parametrize(("name", "receipt"), [("receipt", SEED), ("receipt-umlauts", UMLAUTS)])
def test_a_receipt_is_set_as_in_its_golden_file(name: str, receipt: list[object], width: int) -> None:
    golden = (GOLDEN / f"{name}-{width}.txt").read_text(encoding="utf-8")
    assert golden == as_text(parse_lines(receipt), width)
    assert max(map(len, golden.splitlines())) <= width


# Reading


def test_the_four_types_of_lines_are_read() -> None:
    expected = (
        Separator("Kundenkarte"),
        NameValue("Kartennummer:", "9276********2845"),
        NameValue("TA Code:", "29187332"),
        Space(),
        TextLine("Umsatz erfasst:"),
        TextLine("7,96 EUR", important=True),
        Space(),
        TextLine("Aktuelles Guthaben"),
        TextLine("10,00 EUR", important=True),
    )
    assert expected == parse_lines(SEED)


@pytest.mark.parametrize(
    ("decoration", "line"),
    [
        (["align-center", "important"], TextLine("x", important=True, alignment=Alignment.CENTER)),
        (["align-right"], TextLine("x", alignment=Alignment.RIGHT)),
        (["align-left"], TextLine("x")),
        (["blinking", {}, 7, None], TextLine("x")),
        ("important", TextLine("x")),
        (None, TextLine("x")),
    ],
)
def test_decorations_are_read_and_unknown_ones_passed_over(decoration: object, line: TextLine) -> None:
    assert (line,) == parse_lines([{"type": "textline", "value": {"text": "x", "decoration": decoration}}])


@pytest.mark.parametrize("value", [{}, {"caption": None}, {"caption": ""}, [], None])
def test_a_separator_needs_no_caption(value: object) -> None:
    assert (Separator(),) == parse_lines([{"type": "separator", "value": value}])


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        "space",
        [],
        {},
        {"type": "qrcode", "value": {"text": "x"}},
        {"type": ["textline"], "value": {"text": "x"}},
        {"type": "textline"},
        {"type": "textline", "value": "x"},
        {"type": "textline", "value": {"text": None}},
        {"type": "textline", "value": {"text": True}},
        {"type": "textline", "value": {"text": ["x"]}},
        {"type": "name-value", "value": {"name": "x"}},
        {"type": "name-value", "value": {"name": None, "value": "x"}},
    ],
)
def test_an_unknown_or_broken_line_is_passed_over_and_the_rest_printed(broken: object) -> None:
    assert (Space(), TextLine("after")) == parse_lines(
        [{"type": "space"}, broken, {"type": "textline", "value": {"text": "after"}}]
    )


@pytest.mark.parametrize("receipt", [None, {}, "receipt", 7, {"header": [], "body": []}])
def test_what_is_not_a_list_has_no_lines(receipt: object) -> None:
    assert parse_lines(receipt) == ()


def test_a_whole_number_is_taken_as_its_digits() -> None:
    line = {"type": "name-value", "value": {"name": "TA Code:", "value": 29187332}}
    assert (NameValue("TA Code:", "29187332"),) == parse_lines([line])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b@b\x07\x1cc", "a@b c"),
        ("92760044\r\n29942845", "9276**** ****2845"),
        ("92760044 \u200b 29942845", "9276**** ****2845"),
        ("\x10\x14\x01\x00", ""),
        ("zwei\r\nZeilen\tund\u2028drei", "zwei Zeilen und drei"),
        ("\u202eabc\u200b\ufeff", "abc"),
        ("20,00\u00a0\u20ac", "20,00 \u20ac"),
        ("Ha\u0308ndler", "Händler"),
        ("  9276\u200b0044\x002994\u00ad2845 ", "9276********2845"),
        ("\ud800x", "x"),
    ],
)
def test_control_characters_are_removed_before_numbers_are_masked(text: str, shown: str) -> None:
    assert (TextLine(shown),) == parse_lines([{"type": "textline", "value": {"text": text}}])


def test_texts_and_receipts_are_capped_after_masking() -> None:
    number = "9276004429942845"
    text = "x" * (MAX_CHARACTERS - 6) + number
    lines = parse_lines([{"type": "textline", "value": {"text": text}}] * (MAX_LINES + 1))
    assert (TextLine("x" * (MAX_CHARACTERS - 6) + "9276**"),) * MAX_LINES == lines


def test_lines_are_given_back_in_the_shape_of_the_api() -> None:
    lines = parse_lines(UMLAUTS)
    given = json.loads(json.dumps(as_json(lines)))
    assert lines == parse_lines(given)
    assert as_json([Space(), Separator()]) == [{"type": "space"}, {"type": "separator", "value": {}}]
    assert "9276004429942845" not in json.dumps(as_json(parse_lines(SEED)))


# Text


def test_a_value_that_does_not_fit_goes_to_the_right_of_the_next_row() -> None:
    assert as_text([NameValue("Kartennummer:", "9276 2845 12345")], 17) == "Kartennummer:\n  9276 2845 12345\n"
    assert as_text([NameValue("Nummer:", "92762845")], 16) == "Nummer: 92762845\n"
    assert as_text([NameValue("Nummer:", "927628450")], 16) == "Nummer:\n       927628450\n"


def test_long_text_wraps_at_words_and_breaks_what_is_longer_than_a_row() -> None:
    assert as_text([TextLine("eins zwei drei vier")], 16) == "eins zwei drei\nvier\n"
    assert f"{'x' * 16}\n{'x' * 4}\n" == as_text([TextLine("x" * 20)], 16)


def test_lines_are_placed_as_their_decoration_says() -> None:
    lines = [TextLine("ab", alignment=place) for place in Alignment]
    assert as_text(lines, 16) == "ab\n       ab\n              ab\n"


def test_a_later_block_has_space_above_and_below_its_caption() -> None:
    assert as_text([TextLine("a"), Separator("Beleg"), TextLine("b")], 16) == "a\n\n     Beleg\n\nb\n"


def test_a_row_that_holds_no_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 columns"):
        as_text([Space()], 15)


# HTML


def test_html_has_a_section_for_each_separator_and_a_list_for_the_pairs() -> None:
    expected = (
        '<article class="receipt">\n'
        "<section>\n"
        "<h2>Kundenkarte</h2>\n"
        "<dl>\n"
        "<dt>Kartennummer:</dt>\n<dd>9276********2845</dd>\n"
        "<dt>TA Code:</dt>\n<dd>29187332</dd>\n"
        "</dl>\n"
        '<div class="space"></div>\n'
        '<p class="align-left">Umsatz erfasst:</p>\n'
        '<p class="align-left"><strong>7,96 EUR</strong></p>\n'
        '<div class="space"></div>\n'
        '<p class="align-left">Aktuelles Guthaben</p>\n'
        '<p class="align-left"><strong>10,00 EUR</strong></p>\n'
        "</section>\n"
        "</article>\n"
    )
    assert expected == as_html(parse_lines(SEED))


def test_html_begins_a_section_without_caption_with_a_rule() -> None:
    html = as_html([TextLine("a", alignment=Alignment.RIGHT), Separator(), NameValue("n", "v", important=True)])
    expected = (
        '<article class="receipt">\n'
        '<section>\n<p class="align-right">a</p>\n</section>\n'
        "<section>\n<hr>\n<dl>\n<dt><strong>n</strong></dt>\n<dd><strong>v</strong></dd>\n</dl>\n</section>\n"
        "</article>\n"
    )
    assert expected == html


# ESC/POS


def test_escpos_says_table_style_and_size_and_ends_with_a_cut() -> None:
    plain, bold = b"\x1ba\x00\x1bE\x00\x1d!\x00", b"\x1ba\x00\x1bE\x01\x1d!\x00"
    expected = (
        b"\x1bt\x10\x1bR\x00"
        b"\x1ba\x01\x1bE\x01\x1d!\x11Kundenkarte\n"
        + plain
        + b"\nKartennummer:   9276********2845\nTA Code:                29187332\n\nUmsatz erfasst:\n"
        + bold
        + b"7,96 EUR\n"
        + plain
        + b"\nAktuelles Guthaben\n"
        + bold
        + b"10,00 EUR\n"
        + plain
        + b"\x1dVB\x00"
    )
    assert expected == as_escpos(parse_lines(SEED), 32)


@pytest.mark.parametrize("ending", [b"", FEED, FEED_AND_CUT])
def test_escpos_ends_as_the_printer_needs_it(ending: bytes) -> None:
    assert b"\x1bt\x10\x1bR\x00\x1ba\x00\x1bE\x00\x1d!\x00" + ending == as_escpos([], 42, ending=ending)


@pytest.mark.parametrize(
    ("code_page", "table", "text"),
    [
        (CodePage.WPC1252, b"\x1bt\x10", b"\xc4\xd6\xdc\xe4\xf6\xfc\xdf \x80 ?\n"),
        (CodePage.PC858, b"\x1bt\x13", b"\x8e\x99\x9a\x84\x94\x81\xe1 \xd5 ?\n"),
    ],
)
def test_escpos_has_umlauts_and_euro_in_both_code_pages(code_page: CodePage, table: bytes, text: bytes) -> None:
    printed = as_escpos([TextLine("ÄÖÜäöüß € 猫")], 42, code_page)
    assert printed.startswith(table)
    assert text in printed


def test_escpos_leaves_the_place_of_a_text_to_the_printer() -> None:
    printed = as_escpos([TextLine("a", alignment=Alignment.RIGHT)], 32)
    assert b"\x1ba\x02\x1bE\x00\x1d!\x00a\n\x1ba\x00" in printed


def test_escpos_wraps_a_caption_at_half_the_columns() -> None:
    printed = as_escpos([Separator("Kundenkarte Aufladung")], 32)
    assert b"\x1d!\x11Kundenkarte\nAufladung\n" in printed


# Whatever comes in

_texts = st.text(max_size=40) | st.text("0123456789 -", max_size=40) | st.integers()
_values = st.dictionaries(st.sampled_from(["text", "caption", "name", "value"]), _texts).flatmap(
    lambda fields: st.lists(st.sampled_from(["important", *Alignment, "?"])).map(
        lambda words: {**fields, "decoration": words}
    )
)
_lines = st.fixed_dictionaries(
    {"type": st.sampled_from(["separator", "textline", "name-value", "space", "image"])}, optional={"value": _values}
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | _lines,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_json | st.lists(_lines | _json, max_size=8))
def test_any_json_gives_printable_masked_lines_that_read_back_the_same(receipt: object) -> None:
    lines = parse_lines(receipt)
    assert lines == parse_lines(json.loads(json.dumps(as_json(lines))))
    for item in as_json(lines):
        value = item.get("value", {})
        assert isinstance(value, dict)
        for text in (text for text in value.values() if isinstance(text, str)):
            assert text.isprintable()
            assert not re.search(r"\d{12}", text)


@given(st.lists(_lines, max_size=8), st.integers(16, 60))
def test_no_row_is_wider_than_the_paper(receipt: list[object], width: int) -> None:
    assert all(len(row) <= width for row in as_text(parse_lines(receipt), width).split("\n"))


_COMMAND = re.compile(rb"\x1bt[\x10\x13]|\x1bR\x00|\x1ba[\x00-\x02]|\x1bE[\x00\x01]|\x1d![\x00\x11]|\x1dVB\x00|\n")


@given(st.lists(_lines, max_size=8), st.sampled_from(CodePage))
def test_no_text_commands_the_printer_or_opens_a_drawer(receipt: list[object], code_page: CodePage) -> None:
    printed = as_escpos(parse_lines(receipt), 32, code_page)
    assert not re.search(rb"[\x00-\x1f\x7f]", _COMMAND.sub(b"", printed))
    assert not re.search(rb"\x10[\x04\x05\x14]|\x1b[p@]", printed)


class Reader(HTMLParser):
    """What a browser makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert all(name == "class" for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@given(st.text(max_size=30), st.sampled_from(["<script>alert(1)</script>", '" onclick="x', "&lt;", "</p>", "<!--"]))
def test_no_text_becomes_html(around: str, attack: str) -> None:
    lines = parse_lines(
        [
            {"type": "separator", "value": {"caption": f"{around}{attack}"}},
            {"type": "textline", "value": {"text": f"{attack}{around}", "decoration": ["important"]}},
            {"type": "name-value", "value": {"name": attack, "value": f"{around}{attack}"}},
        ]
    )
    reader = Reader()
    reader.feed(as_html(lines))
    reader.close()
    assert reader.tags == ["article", "section", "h2", "p", "strong", "dl", "dt", "dd"]
    assert "".join(reader.texts).count(attack) >= 4
