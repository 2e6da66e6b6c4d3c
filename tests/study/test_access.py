"""The built book by keyboard, by ear and on paper: WCAG 2.2 AA on each type of page."""

from importlib.resources import files

import pytest

from helpers.browser import BOOK, built, show_on

PAGES = {  # of each type one
    "prose": "book/method.html",
    "front": "book/intro.html",
    "a searched table": "book/provenance.html",
    "checklists": "book/reporting.html",
    "a chapter": "book/smoke/04_evaluation-proposed-patient.html",
    "a leaky chapter": "book/smoke/04_evaluation-proposed-oversample_first.html",
    "a chapter of real images": "book/inbreast/10_leakage_audit.html",
    "things to touch": "book/smoke/16_touch.html",
    "search": "search.html",
}
AXE = """
const [tags, done] = arguments;
axe.run({ runOnly: { type: "tag", values: tags } }).then(({ violations }) => done(
  violations.map((rule) => `${rule.id}: ${rule.nodes.length} times, first ${rule.nodes[0].html}`)));
"""
PAPER = """
const seen = (names) => [...document.querySelectorAll(names)].filter((e) => e.checkVisibility());
const wide = seen("main table, main figure, main pre")
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
const aside = seen(".bd-sidebar, .bd-header-article, .touch, button");
return [wide, aside].map((found) => found.map((e) => e.outerHTML.slice(0, 80)));
"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(params=PAGES)
def page(request, browser, address):
    """A page of each type, on a desktop."""
    if not (BOOK / PAGES[request.param]).is_file():
        pytest.skip("the built book has no such page")
    show_on(browser, 1280, 900)
    browser.get(f"{address}/{PAGES[request.param]}")
    return browser


@built
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_no_page_type_violates_wcag(page, mode):
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-core")
    page.execute_script("document.documentElement.dataset.theme = arguments[0]", mode)
    page.execute_script(files(axe).joinpath("axe.min.js").read_text())
    assert page.execute_async_script(AXE, WCAG) == []


@built
def test_paper_shows_the_text_alone_and_all_of_it(page):
    a4 = {"width": 718, "height": 1047, "deviceScaleFactor": 1, "mobile": False}  # less margins
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", a4)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert page.execute_script(PAPER) == [[], []]
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
