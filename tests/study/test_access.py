"""The built book by keyboard, by ear and on paper: WCAG 2.2 AA on each type of page."""

from importlib.resources import files

import pytest

from helpers.browser import BOOK, built, show_on

PAGES = {  # of each type one
    "prose": "book/method.html",
    "front": "book/intro.html",
    "a searched table": "book/provenance.html",
    "checklists": "book/reporting.html",
    "a leaky chapter": "book/smoke/04_evaluation-proposed-oversample_first.html",
    "a chapter of real images": "book/inbreast/10_leakage_audit.html",
    "things to touch": "book/smoke/16_touch.html",
    "search": "search.html",
}
AXE = """
const [rules, done] = arguments;
const still = document.createElement("style");  // no colour is measured on its way
still.textContent = "* { transition: none !important; animation: none !important; }";
document.head.append(still);
for (const body of document.querySelectorAll("tbody")) {  // rows of a long table are alike
  [...body.rows].slice(10).forEach((row) => row.remove());
}
const told = ({ id, nodes: [first, ...others] }) =>
  `${id}, ${1 + others.length} times: ${first.html} ${first.failureSummary}`;
axe.run({ runOnly: rules }).then(({ violations }) => done(violations.map(told)));
"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {  # of each mode; in the dark only colours differ
    "light": {"type": "tag", "values": WCAG},
    "dark": {"type": "rule", "values": ["color-contrast"]},
}
THEME = """
const [mode, done] = arguments;
const began = performance.now();
const answer = () => document.documentElement.dataset.theme === mode
  || performance.now() - began > 5000
  ? done(document.documentElement.dataset.theme) : requestAnimationFrame(answer);
answer();
"""
PAPER = """
const seen = (names) => [...document.querySelectorAll(names)].filter((e) => e.checkVisibility());
const wide = seen("main table, main figure, main pre")
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
const aside = seen(".bd-sidebar, .bd-header-article, .touch, button");
return [wide, aside].map((found) => found.map((e) => e.outerHTML.slice(0, 80)));
"""


def opened(browser, address, name):
    """Open a page on a desktop, or skip where the book lacks it."""
    if not (BOOK / PAGES[name]).is_file():
        pytest.skip("the built book has no such page")
    show_on(browser, 1280, 900)
    browser.get(f"{address}/{PAGES[name]}")
    return browser


def prefer(page, mode):
    """Set the browser's preference to light or dark colours, and wait until the page has them."""
    scheme = {"name": "prefers-color-scheme", "value": mode}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [scheme]})
    assert page.execute_async_script(THEME, mode) == mode


def on_paper(page):
    """Return what is cut off on a sheet of A4, and what of the screen is left on it."""
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    show_on(page, 718, 1047)  # without its margins
    found = page.execute_script(PAPER)
    show_on(page, 1280, 900)
    return found


def violations(page):
    """Return the rules of WCAG that a page violates, as it is now, by the colours asked for."""
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-core")
    if not page.execute_script("return window.axe"):
        page.execute_script(files(axe).joinpath("axe.min.js").read_text())
    found = {}
    for mode, rules in RULES.items():
        prefer(page, mode)
        found[mode] = page.execute_async_script(AXE, rules)
    return found


@pytest.fixture(autouse=True)
def no_media_after(browser):
    yield
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


@built
@pytest.mark.parametrize("name", PAGES)
def test_a_page_type_shows_all_its_text_on_paper_and_violates_no_rule(browser, address, name):
    page = opened(browser, address, name)
    assert on_paper(page) == [[], []]
    assert violations(page) == {mode: [] for mode in RULES}


@built
def test_the_first_key_leads_past_the_contents(browser, address):
    page = opened(browser, address, "prose")
    page.switch_to.active_element.send_keys("\ue004")  # Tab
    first = page.switch_to.active_element
    assert first.get_property("textContent").strip() == "Skip to main content"
    first.send_keys("\ue007")  # Enter
    assert page.current_url.endswith("#main-content")


SHOWN = (".term > a", ".term [role=tooltip]")  # a term's link and its definition


@built
def test_a_term_tells_its_definition_by_keyboard_and_escape_hides_it(browser, address):
    page = opened(browser, address, "prose")
    link, tooltip = (page.find_element("css selector", name) for name in SHOWN)
    assert link.get_attribute("aria-describedby") == tooltip.get_attribute("id")
    assert not tooltip.is_displayed()
    page.execute_script("arguments[0].focus()", link)
    assert tooltip.is_displayed()
    link.send_keys("\ue00c")  # Escape
    assert not tooltip.is_displayed()
    page.execute_script("arguments[0].blur(); arguments[0].focus()", link)
    assert tooltip.is_displayed()


@built
def test_a_shown_definition_violates_no_rule(browser, address):
    page = opened(browser, address, "prose")
    page.execute_script(f"document.querySelector('{SHOWN[0]}').focus()")
    assert violations(page) == {mode: [] for mode in RULES}
