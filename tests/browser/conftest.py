"""One browser for all pages: Debian's Chromium, driven by Playwright."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# In a container there is no sandbox to nest in, and little shared memory.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
DESK = (1280, 900)


def _skip_or_fail(reason):
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    """Return a running browser; without one skip, but not where CI is set."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _skip_or_fail("playwright is not installed; type: pip install playwright")
    if CHROMIUM is None:
        _skip_or_fail("chromium is not installed; type: apt-get install chromium")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


class Visit:
    """A page that was opened, and whatever it did that it must not."""

    def __init__(self, page):
        self.page = page
        self.complaints = []
        page.on("dialog", lambda dialog: self._note("dialog", dialog.message, dialog.dismiss))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("console", self._said)
        page.on("request", self._requested)
        page.add_init_script(
            "window.violations = []; document.addEventListener('securitypolicyviolation',"
            " (e) => window.violations.push(`${e.violatedDirective} ${e.sample}`))"
        )

    def _note(self, kind, what, then=lambda: None):
        self.complaints.append(f"{kind}: {what}")
        then()

    def _said(self, message):
        if message.type in ("error", "warning"):
            self._note(message.type, message.text)

    def _requested(self, request):
        if not request.is_navigation_request():
            self._note("request", request.url)

    def open(self, path, fragment=""):
        self.page.goto(Path(path).as_uri() + fragment)
        self.page.wait_for_selector("html.scripted")
        return self

    def assert_quiet(self):
        assert self.complaints == []
        assert self.page.evaluate("window.violations") == []

    @property
    def nodes(self):
        return self.page.evaluate("document.querySelectorAll('*').length")

    @property
    def overflow(self):
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@pytest.fixture
def visit(browser):
    """Return a function that opens a file at some size, in light or dark."""
    contexts = []

    def open_page(path, *, size=DESK, scheme="light", fragment="", scripted=True):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=scripted,
        )
        contexts.append(context)
        if not scripted:
            page = context.new_page()
            page.goto(Path(path).as_uri())
            return page
        return Visit(context.new_page()).open(path, fragment)

    yield open_page
    for context in contexts:
        context.close()
