"""All pictures that the browser's tests left, on three sheets for the documentation: the screen on a wide display in
English and on a tall one in German, and the operator's page.

    python -m tests.browser.contact_sheets
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, async_playwright

from tests.browser.till_browser import CHROMIUM, SCREENSHOTS, SWITCHES

IMAGES = Path("docs/images")
JPEG_QUALITY = 80
STYLE = """
body { margin: 0; padding: 16px; background: #cfcabf; font: 15px sans-serif; }
main { display: grid; grid-template-columns: repeat(var(--columns), var(--width)); gap: 14px; }
figure { margin: 0; } img { width: 100%; display: block; } figcaption { padding-top: 4px; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Which pictures: `of` is the size and language that their names end with; widths are pixels."""

    name: str
    of: str
    shows_operator: bool
    columns: int
    width: int

    @property
    def pictures(self) -> list[Path]:
        found = sorted(SCREENSHOTS.glob(f"*-{self.of}.png"))
        return [each for each in found if each.name.startswith("operator_") == self.shows_operator]


SHEETS = (
    Sheet(name="screens-wide", of="1280x800-en", shows_operator=False, columns=4, width=400),
    Sheet(name="screens-tall", of="1080x1920-de", shows_operator=False, columns=6, width=260),
    Sheet(name="operator-states", of="1280x800-en", shows_operator=True, columns=3, width=540),
)


def page_of(sheet: Sheet, pictures: Sequence[Path]) -> str:
    figures = (
        f'<figure><img src="{escape(picture.absolute().as_uri())}" alt="">'
        f"<figcaption>{escape(picture.name.split('-')[0].replace('_', ' '))}</figcaption></figure>"
        for picture in pictures
    )
    sizes = f"--columns: {sheet.columns}; --width: {sheet.width}px"
    return f'<!DOCTYPE html><style>{STYLE}</style><main style="{sizes}">{"".join(figures)}</main>'


async def draw(browser: Browser, sheet: Sheet, directory: Path) -> None:
    document = directory / f"{sheet.name}.html"
    document.write_text(page_of(sheet, sheet.pictures), encoding="utf-8")
    page = await browser.new_page(viewport={"width": sheet.columns * (sheet.width + 14) + 18, "height": 400})
    await page.goto(document.as_uri())
    await page.screenshot(path=IMAGES / f"{sheet.name}.jpg", full_page=True, type="jpeg", quality=JPEG_QUALITY)
    await page.close()


async def main() -> None:
    with TemporaryDirectory() as directory:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
            for sheet in SHEETS:
                await draw(browser, sheet, Path(directory))
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
