"""A headless browser, and the built book as a server gives it to one.

The folder of the book comes from BIRADS_BOOK, else the smoke study's book is taken.
"""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.project import ROOT

BOOK = Path(os.environ.get("BIRADS_BOOK", ROOT / "_build" / "smoke" / "_build" / "html"))
built = pytest.mark.skipif(
    not (BOOK / "index.html").is_file(),
    reason=f"no built book at {BOOK}: run `make book STUDY=smoke` or set BIRADS_BOOK",
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def headless(profile: Path):
    """Start a browser with its profile in an empty folder; skip the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("needs chromium (or Chrome) and chromedriver on the path")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_argument(f"--user-data-dir={profile}")
    for name in (
        "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        "disable-dev-shm-usage",
    ):  # fmt: skip
        options.add_argument(f"--{name}")
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chrome.set_page_load_timeout(30)
    chrome.set_script_timeout(30)
    yield chrome
    chrome.quit()


def show_on(browser, width: int, height: int) -> None:
    """Set the browser's screen to that of a phone or a desktop, in CSS pixels."""
    device = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
