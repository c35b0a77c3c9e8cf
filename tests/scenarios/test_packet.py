"""The packet's page in a real browser: what it looks like, whether all can use it, and that it asks nobody for anything.

Pictures of the run are kept in build/looks/packet.
"""

from pathlib import Path
from typing import Iterator

import pytest

from tests.harness.chromium import Chromium, Page
from tests.harness.paths import BUILD
from tests.harness.rundir import make_run_dir
from tests.scenarios import packet_data as data

LOOKS = BUILD / "looks" / "packet"
DESKTOP, PHONE, PAPER = (1280, 900, 1.0), (390, 844, 2.0), (688, 1000, 1.0)


@pytest.fixture(scope="module")
def run_folder() -> Path:
    return make_run_dir()


@pytest.fixture(scope="module")
def browser(run_folder: Path) -> Iterator[Chromium]:
    with Chromium(run_folder) as running:
        yield running


@pytest.fixture(scope="module")
def good(run_folder: Path) -> Path:
    return data.good_packet(run_folder / "good") / "packet.html"


@pytest.fixture(scope="module")
def hostile(run_folder: Path) -> Path:
    return data.good_packet(run_folder / "hostile", hostile=True) / "packet.html"


@pytest.fixture(scope="module", autouse=True)
def looks() -> Path:
    LOOKS.mkdir(parents=True, exist_ok=True)
    return LOOKS


def opened(browser: Chromium, path: Path, form: tuple) -> Page:
    page = browser.page(*form)
    page.open(path)
    return page


@pytest.mark.parametrize("name", ["good", "hostile"])
@pytest.mark.parametrize("form", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_page(browser, name, form, request):
    path = request.getfixturevalue(name)
    page = opened(browser, path, form)
    width = "phone" if form is PHONE else "desktop"

    # Nothing is loaded but the file, and the browser has nothing to say.
    assert page.requests() == [path.as_uri()]
    assert page.complaints() == []

    # The page is as wide as the screen: tables scroll in themselves.
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
    assert page.evaluate("document.querySelectorAll('svg.chart').length") >= 6
    assert page.evaluate("document.querySelectorAll('svg.chart line.baseline').length") >= 4
    assert page.evaluate("document.querySelectorAll('script, img, iframe, form').length") == 0
    # The style sheet is let in by its digest: without it the page would have no width.
    assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "1216px"
    # Every picture has its numbers in a table beside it.
    assert page.evaluate("[...document.querySelectorAll('figure')].every(f => f.querySelector('table'))")

    found = page.axe()
    assert found["violations"] == [], found
    assert found["passes"] > 20
    page.screenshot(LOOKS / f"{name}-{width}.png")


def test_print(browser, good):
    page = opened(browser, good, DESKTOP)
    paper = page.pdf(LOOKS / "good-print.pdf").read_bytes()
    assert paper.startswith(b"%PDF-") and paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") > 2
    # As wide as A4 between its margins: nothing is cut off.
    page = opened(browser, good, PAPER)
    page.call("Emulation.setEmulatedMedia", media="print")
    page.screenshot(LOOKS / "good-print.png")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


FAULTS = [
    ("html-has-lang", "document.documentElement.removeAttribute('lang')"),
    ("image-alt", "document.querySelector('main').append(document.createElement('img'))"),
    ("color-contrast", "document.querySelector('main p').style.color = '#ccc'"),
    ("scrollable-region-focusable", "document.querySelectorAll('.scroll').forEach(s => {"
     " s.removeAttribute('tabindex'); s.style.width = '100px'; })"),
    ("svg-img-alt", "document.querySelector('svg').removeAttribute('aria-labelledby');"
     " document.querySelector('svg title').remove()"),
]  # fmt: skip


@pytest.mark.parametrize("rule, fault", FAULTS, ids=[rule for rule, _ in FAULTS])
def test_the_accessibility_check_sees(browser, good, rule, fault):
    page = opened(browser, good, PHONE)
    page.evaluate(f"{fault}; undefined")
    assert rule in [violation["id"] for violation in page.axe()["violations"]]


def test_the_policy_forbids_scripts_and_loads(browser, good):
    page = opened(browser, good, DESKTOP)
    page.evaluate("""(() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = 1';
        document.body.append(script);
        const image = document.createElement('img');
        image.src = 'https://example.org/x.png';
        document.body.append(image);
    })()""")
    assert page.evaluate("window.ran === undefined")
    assert page.evaluate("new Promise(done => setTimeout(() => done(1), 200))") == 1
    assert page.blocked() == [("https://example.org/x.png", "csp")]
    assert len(page.complaints()) >= 2  # the check of complaints sees some
