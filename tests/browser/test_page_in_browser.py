"""The page in a real browser: hostile logs are harmless, ten thousand findings are light."""

import re

import pytest

from amiss import read_sessions, scan
from amiss.present.page import MOST_BYTES, render_page
from amiss.run.page import write_page

PHONE, SMALL, DESK = (390, 844), (360, 640), (1280, 900)
TRICKS = {
    "script": "<script>window.pwned = 1; alert(1)</script>",
    "close": "</script></template></style><script>window.pwned = 2</script>",
    "event": '<img src=x onerror="window.pwned = 3"> <svg onload=alert(2)>',
    "link": "<a href='javascript:alert(3)'>click</a> <iframe src=https://example.invalid>",
    "style": "<style>body { display: none }</style><link rel=stylesheet href=//example.invalid>",
    "quotes": '" onmouseover="alert(4)" x=\' autofocus onfocus=\'alert(5)',
    "braces": "{{constructor.constructor('alert(6)')()}} ${alert(7)} #{x} <%= y %>",
    "escape": "\x1b[31mred\x1b[0m \x1b]0;owned\x07 \x1b]8;;http://example.invalid\x1b\\x\x1b]8;;\x1b\\",
    "bidi": "user \u202eexe.txt\u202c \u2066isolate\u2069",
    "invisible": "pass\u200bword\u2060 soft\u00adhyphen",
    "nul": "nul\0byte \x08\x08 and \x7f",
    "entity": "&lt;script&gt;alert(8)&lt;/script&gt; &#60;b&#62; <!-- -->",
    "long": "<b>" + "x" * 100_000 + "<script>alert(9)</script>",
}
NAME = "<img src=x onerror=alert(10)>\"'{{7*7}}\u202e.log"


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    """Return the page of a log in which each trick is a session of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    log = folder / NAME
    rows = [f"{event} id={i}" for i in range(150) for event in ("open", "close")]
    for i, (name, trick) in enumerate(TRICKS.items()):
        key = f"id={9000 + i}"
        rows[i * 12 : i * 12] = [f"open {key}", f"{name} {key} {trick}", f"close {key}"]
    log.write_bytes(("\n".join(rows) + "\n").encode())
    found = scan(read_sessions(log, session_key=r"id=(\S+)"), detector="event-counts")
    assert len(found) == len(TRICKS)
    path = folder / "report.html"
    write_page(found, path)
    return path


def test_a_hostile_log_is_shown_harmlessly(visit, hostile_page):
    seen = visit(hostile_page)
    page = seen.page
    for summary in page.query_selector_all("details:not([open]) > summary"):
        summary.click()
    for button in page.query_selector_all("button.toggle"):
        button.click()
    shown = page.inner_text("body")
    for text in (
        "<script>window.pwned = 1; alert(1)</script>",
        "</script></template></style>",
        '<img src=x onerror="window.pwned = 3">',
        "javascript:alert(3)",
        "{{constructor.constructor('alert(6)')()}}",
        r"user \u202eexe.txt\u202c",
        r"\x08\x08 and \x7f",
        "&lt;script&gt;alert(8)&lt;/script&gt;",
        "<img src=x onerror=alert(10)>",
    ):
        assert text in shown
    assert re.search(r"… 9\d,\d{3} more characters", shown)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200b\u2060]", shown)
    assert page.evaluate("window.pwned") is None
    foreign = (
        "img, iframe, object, embed, link, [style], [onerror], [onload], [onfocus], a[href^=j]"
    )
    assert page.query_selector_all(foreign) == []
    assert len(page.query_selector_all("script, style")) == 2
    assert seen.overflow == 0
    seen.assert_quiet()


def test_the_policy_stops_what_is_put_in(visit, hostile_page):
    seen = visit(hostile_page)
    seen.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 1';"
        " document.body.append(s); const i = new Image(); i.src = 'https://example.invalid/x';"
        " document.body.setAttribute('style', 'display: none');"
        " return fetch('https://example.invalid').catch(() => 0); }"
    )
    assert seen.page.evaluate("window.pwned") is None
    assert seen.page.is_visible("h1")
    blocked = {violation.split()[0] for violation in seen.page.evaluate("window.violations")}
    assert blocked >= {"script-src-elem", "style-src-attr", "img-src", "connect-src"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desktop"])
def test_axe_finds_nothing_serious(visit, small_page, tmp_path, size, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    seen = visit(_written(small_page, tmp_path), size=size, scheme=scheme)
    for summary in seen.page.query_selector_all("details:not([open]) > summary"):
        summary.click()
    seen.page.click("button.toggle")
    found = axe.run(seen.page).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"]) for v in serious] == []
    seen.assert_quiet()


@pytest.mark.parametrize("size", [PHONE, SMALL], ids=["390", "360"])
def test_a_phone_does_not_scroll_sideways(visit, small_page, tmp_path, size):
    seen = visit(_written(small_page, tmp_path), size=size)
    assert seen.overflow == 0
    for summary in seen.page.query_selector_all("details:not([open]) > summary"):
        summary.click()
    for button in seen.page.query_selector_all("button.toggle")[:5]:
        button.click()
    assert seen.overflow == 0
    seen.assert_quiet()


def test_dark_by_the_system_light_by_the_button(visit, small_page, tmp_path):
    seen = visit(_written(small_page, tmp_path), scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = seen.page.evaluate(ground)
    seen.page.click("#theme")
    light = seen.page.evaluate(ground)
    assert sum(map(int, re.findall(r"\d+", dark))) < 120 < 600
    assert sum(map(int, re.findall(r"\d+", light))) > 600
    seen.page.click("#theme")
    assert seen.page.evaluate(ground) == dark
    seen.assert_quiet()


def test_a_finding_opens_and_closes_by_keyboard_alone(visit, small_page, tmp_path):
    seen = visit(_written(small_page, tmp_path))
    page = seen.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Skip")
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('toggle')"):
            break
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowDown")
    second = page.evaluate("document.activeElement.textContent")
    assert second != first
    page.keyboard.press("Enter")
    assert page.locator(".finding").count() == 1
    assert page.get_attribute(".finding", "aria-label").endswith(second)
    page.keyboard.press("Tab")  # into the events
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".finding .readout").startswith("event 2")
    page.keyboard.press("Escape")
    assert page.locator(".finding").count() == 0
    assert page.evaluate("document.activeElement.textContent") == second
    seen.assert_quiet()


def test_a_finding_shows_its_events_beside_the_nearest_normal_one(visit, small_page, tmp_path):
    seen = visit(_written(small_page, tmp_path))
    seen.page.fill("#findings-table input", "id=901")
    assert seen.page.inner_text("#findings-table [role=status]") == "1–1 of 1"
    seen.page.click("button.toggle")
    strip = seen.page.locator(".finding .strip .column")
    assert [column.inner_text().split() for column in strip.all()] == [
        ["A", "A"], ["B"], ["C", "C"],
    ]  # fmt: skip
    marked = seen.page.locator(".finding .strip .marked")
    assert marked.count() == 1
    assert "disk failed" in seen.page.inner_text(".finding .surprises pre")
    seen.assert_quiet()


def test_a_link_to_a_finding_opens_it(visit, many, tmp_path):
    seen = visit(_written(many(300), tmp_path), fragment="#finding-60")
    assert seen.page.get_attribute(".finding", "aria-label").endswith("id=59")
    assert "51–75 of 300" in seen.page.inner_text("#findings-table [role=status]")
    seen.assert_quiet()


def test_an_incident_leads_to_its_findings(visit, small_page, tmp_path):
    seen = visit(_written(small_page, tmp_path))
    seen.page.click("details[open] a[href^='#finding-']")
    assert seen.page.locator(".finding").count() == 1
    assert seen.page.evaluate("document.activeElement.classList.contains('toggle')")
    seen.assert_quiet()


def test_ten_thousand_findings_are_paged_and_small(visit, many, tmp_path):
    path = _written(many(10_000), tmp_path)
    assert path.stat().st_size <= MOST_BYTES
    seen = visit(path)
    page = seen.page
    assert page.inner_text("#findings-table [role=status]") == "1–25 of 10,000"
    assert seen.nodes < 2000
    page.click("#findings-table .pager button:has-text('Next')")
    assert page.inner_text("#findings-table [role=status]") == "26–50 of 10,000"
    page.click("#findings-table th button:has-text('score')")
    page.click("#findings-table th button:has-text('score')")
    assert page.inner_text("button.toggle") == "id=9999"
    page.click("button.toggle")
    assert "200 most anomalous only" in page.inner_text(".finding")
    page.fill("#findings-table input", "id=1234")
    assert page.inner_text("#findings-table [role=status]") == "1–1 of 1"
    assert seen.nodes < 2000
    seen.assert_quiet()


def test_the_table_of_templates_is_sorted_and_searched(visit, small_page, tmp_path):
    seen = visit(_written(small_page, tmp_path))
    table = seen.page.locator("#templates-table")
    table.locator("th button:has-text('lines')").click()
    counts = [int(cell.replace(",", "")) for cell in table.locator("td.right").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    table.locator("input").fill("disk")
    assert table.locator("tbody tr").count() == 1
    seen.assert_quiet()


def test_on_paper_incidents_and_the_first_findings_are_open(visit, small_page, tmp_path):
    seen = visit(_written(small_page, tmp_path))
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert seen.page.locator("details.incident:not([open])").count() == 0
    assert seen.page.locator(".finding").count() == 3
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert seen.page.locator(".finding").count() == 0
    assert seen.page.pdf()[:4] == b"%PDF"


def test_without_scripts_the_verdict_the_timeline_and_the_incidents_are_there(
    visit, small_page, tmp_path
):
    page = visit(_written(small_page, tmp_path), scripted=False)
    assert "anomalous" in page.inner_text("h1")
    assert page.is_visible(".timeline svg")
    assert "disk failed" in page.inner_text("#incidents")
    assert page.locator("a[href^='#finding-']").count() == 0
    assert "id=901" in page.inner_text("#findings")
    assert page.is_visible("#findings .needs-script")
    assert not page.is_visible("#theme")


def _written(content, folder):
    path = folder / "report.html"
    path.write_text(render_page(content), encoding="utf-8", newline="\n")
    return path
