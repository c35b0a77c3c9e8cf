"""The console in a real browser: every page on a desktop and a phone, by hand without scripts, with names that would like to be markup.

Pictures of the run are kept in build/looks/console.
"""

import json
import re
import urllib.parse
from pathlib import Path
from typing import Iterator

import pytest

from tests.harness.chromium import Chromium, Page
from tests.harness.paths import BUILD
from tests.harness.rundir import make_run_dir
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker
from tests.scenarios.shop_world import now
from tests.scenarios.test_console import TOKEN, port_of
from tests.scenarios.week_world import LEVEL, WeekWorld

LOOKS = BUILD / "looks" / "console"
DESKTOP, PHONE = (1280, 900, 1.0), (390, 844, 2.0)
HOSTILE = ["<SCRIPT>ALERT(1)</SCRIPT>", "\"><IMG SRC=X ONERROR=ALERT(2)>", "</TABLE></STYLE><H1>X", "' ONFOCUS='ALERT(3)", "J\u202eAVA"]
PATIENT = {"sources": [{"name": "wms", "rank": 1, "state": "available", "max_age_seconds": 3600}]}


class Scene:
    """A morning at a shop: a baseline, differences of which one waits for a person, one oversold."""

    def __init__(self, world: WeekWorld, folder: Path):
        self.world = world
        self.skus = world.open(6)
        self.hostile = self._hostile()
        world.sell(self.skus[2], 1)
        world.ordered(self.skus[2], 1, now())
        for sku in self.skus[:2]:
            world.edit(sku, available=LEVEL + 9)
        world.drift(expect=1)
        world.baseline("capture", "--days", "1", "--note", "before")
        world.automate()
        for sku in [*self.skus[2:5], *self.hostile[:2]]:
            world.edit(sku, available=LEVEL + 9)
        world.drift(expect=1)
        world.wait_settled()
        self.proposal = self._incident(self.hostile[0])
        worker = Worker("console", world.env() | {"PARSTOCK_CONSOLE_TOKEN": TOKEN, "PARSTOCK_CONSOLE_LISTEN": "127.0.0.1:0"}, folder)
        world.workers.append(worker)
        worker.start(wait_ready=True)
        self.home = f"http://127.0.0.1:{wait_until(lambda: port_of(worker), 'the console to listen', 30)}"

    def _hostile(self) -> list[str]:
        """As the shop's catalogue and a feed spell them; they are kept as they are normalised."""
        world = self.world
        items = [{"sku": sku, "levels": {"501": {"available": LEVEL}}} for sku in HOSTILE]
        world.items.update(zip(HOSTILE, world.control("catalog", {"items": items})["ids"]))
        world.counts(dict.fromkeys(HOSTILE, LEVEL), 600)
        world.sync()
        return HOSTILE

    def _incident(self, sku: str) -> str:
        listed = lambda: [i for i in self.world.incidents("drift") if i["sku"] == sku]  # noqa: E731
        return wait_until(listed, f"an incident of {sku}", 60)[0]["incident_id"]

    def path_of(self, name: str) -> str:
        sku = urllib.parse.urlencode({"sku": self.hostile[0]})
        return {"login": "/login", "shops": "/", "incidents": "/incidents", "incident": f"/incidents/{self.proposal}",
                "sku-none": "/sku", "sku": f"/sku?{sku}", "sku-plain": f"/sku?sku={self.skus[2]}",
                "week": "/week", "trouble": "/week?week=2999-W01"}[name]  # fmt: skip


PAGES = ["login", "shops", "incidents", "incident", "sku-none", "sku", "sku-plain", "week", "trouble"]


@pytest.fixture(scope="module")
def run_folder() -> Path:
    LOOKS.mkdir(parents=True, exist_ok=True)
    return make_run_dir()


@pytest.fixture(scope="module")
def scene(run_folder: Path, kafka, postgres) -> Iterator[Scene]:
    with WeekWorld(run_folder, kafka, postgres, risk={"skus": HOSTILE}, **PATIENT) as world:
        yield Scene(world, run_folder)


@pytest.fixture(scope="module")
def browser(run_folder: Path) -> Iterator[Chromium]:
    with Chromium(run_folder) as running:
        yield running


def log_in(page: Page, scene: Scene, limit_s: float = 60.0) -> None:
    page.open(scene.home + "/login")
    page.type("input[name=name]", "anna")
    page.type("input[name=token]", TOKEN)
    page.click("main button", limit_s)


def opened(browser: Chromium, scene: Scene, name: str, form: tuple) -> Page:
    page = browser.page(*form, private=True)
    if name != "login":
        log_in(page, scene)
    page.open(scene.home + scene.path_of(name))
    return page


def text_of(page: Page) -> str:
    return page.evaluate("document.body.innerText")


def path_of(page: Page) -> str:
    return page.evaluate("location.pathname")


def wrong_with(page: Page, scene: Scene) -> list[str]:
    """All that there is to complain of. What the browser tells by itself is asked last: it may take a moment."""
    found = [f"axe {violation['id']}: {violation['nodes']}" for violation in page.axe()["violations"]]
    if not page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"):
        found.append("wider than the screen")
    foreign = page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => ['script', 'img', 'iframe', 'object', 'svg'].includes(e.localName)"
        " || e.getAttributeNames().some(n => n.startsWith('on'))).map(e => e.outerHTML)"
    )
    found += [f"made {element}" for element in foreign]
    if page.evaluate("document.querySelectorAll('h1').length") != 1:
        found.append("made another heading")
    found += [f"asked {url}" for url in page.requests() if not url.startswith(scene.home + "/")]
    found += [f"says {said}" for said in page.complaints() if "status of 400" not in said]
    found += [f"speaks {said}" for said in page.dialogs()]
    return found


@pytest.mark.parametrize("form", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_page(browser, scene, name, form):
    page = opened(browser, scene, name, form)
    page.screenshot(LOOKS / f"{name}-{'phone' if form is PHONE else 'desktop'}.png")
    assert wrong_with(page, scene) == []
    # The style sheet is let in by its digest: without it no table scrolls in itself.
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(e => getComputedStyle(e).overflowX === 'auto')")


def test_hostile_names_are_shown_as_text(browser, scene):
    page = opened(browser, scene, "incidents", DESKTOP)
    assert HOSTILE[0] in text_of(page) and HOSTILE[1] in text_of(page)
    for sku in scene.hostile:
        page.open(f"{scene.home}/sku?{urllib.parse.urlencode({'sku': sku})}")
        assert page.evaluate("document.querySelector('h2').innerText") == sku.replace("\u202e", "")
        assert wrong_with(page, scene) == []


def test_one_line_of_time_has_all_that_happened(browser, scene):
    page = opened(browser, scene, "sku", DESKTOP)
    cells = page.evaluate("[...document.querySelectorAll('[aria-label^=\"What happened\"] tbody tr')]"
                          ".map(r => [...r.cells].map(c => c.innerText))")  # fmt: skip
    assert {"applied", "finding", "incident"} <= {row[2] for row in cells}
    times = [row[0] for row in cells]
    assert times == sorted(times, reverse=True) and len(set(row[1] for row in cells)) == 1
    page.click("[aria-label^='What happened'] a")
    assert path_of(page) == f"/incidents/{scene.proposal}"
    page = opened(browser, scene, "sku-plain", DESKTOP)
    assert "shop.ordered" in text_of(page) and {"write", "action", "finding", "applied"} <= set(page.evaluate(
        "[...document.querySelectorAll('[aria-label^=\"What happened\"] tbody tr')].map(r => r.cells[2].innerText)"))  # fmt: skip


def test_the_week_is_what_the_command_says(browser, scene):
    page = opened(browser, scene, "week", DESKTOP)
    said, words = scene.world.command("week", "show"), text_of(page)
    for name in ("verdict", "hand-off", "decision"):
        assert re.search(rf"^{name}: (.*)$", said, re.M)[1] in words, name
    assert said.splitlines()[0] in words
    shown = json.loads(scene.world.command("week", "show", "-o", "json"))
    rows = page.evaluate("[...document.querySelectorAll('[aria-label=\"By location\"] tbody tr')].map(r => [...r.cells].map(c => c.innerText))")
    lines = [line.split() for line in said.splitlines() if line.startswith(("demo ", "all "))]
    assert [" ".join(" ".join(row).split()) for row in rows] == [" ".join(line) for line in lines] and len(rows) == 3
    assert shown["inputs"]["baseline"]["id"] == 1
    rule = page.evaluate("[...document.querySelectorAll('tr')].filter(r => r.cells[0].innerText === 'decides').map(r => r.cells[1].innerText)")
    assert rule == [shown["judged"]["rule"]]
    # Another week by name; none of what lies ahead.
    page.type("input[name=week]", "2026-01-05")
    page.click("main button")
    assert "2026-W02" in text_of(page) and "no_baseline" in text_of(page)
    page.open(scene.home + "/week?week=nonsense")
    assert "ISO week" in text_of(page)


def test_a_ruling_that_was_changed_is_told(browser, scene):
    world = scene.world
    world.week("decide", "--why", "to see", code=75)
    page = opened(browser, scene, "week", DESKTOP)
    assert "ruling 1" in text_of(page) and "the row was changed" not in text_of(page)
    world.db.execute("UPDATE decisions SET verdict = 'pass', rule = 'better'")
    page.open(scene.home + "/week")
    assert "the row was changed" in text_of(page) and "ruling 1" in text_of(page)


def approve(page: Page, scene: Scene, limit_s: float = 60.0) -> None:
    """In by the login, to the incident, approved, and out again: with the hands alone."""
    log_in(page, scene, limit_s)
    page.click("a[href='/incidents']", limit_s)
    page.click(f"a[href='/incidents/{scene.proposal}']", limit_s)
    page.type("input[name=note]", "as it was <agreed>")
    page.click("button[value=approve]", limit_s)
    assert path_of(page) == f"/incidents/{scene.proposal}"
    said = text_of(page)
    page.click("header button", limit_s)
    assert path_of(page) == "/login" and "as it was <agreed>" in said


def test_all_of_it_works_without_scripts(browser, scene):
    page = browser.page(*PHONE, private=True)
    page.forbid_scripts()
    approve(page, scene)
    assert page.complaints() == []
    (state,) = scene.world.db.execute("SELECT actor, note FROM incident_log WHERE note LIKE '%%agreed%%'").fetchall()
    assert state[0] == "anna" and state[1].startswith("action approved")
    page.open(scene.home + "/")
    assert path_of(page) == "/login", "whoever is out stays out"


# ---- the checks themselves: each sees the fault that it is there for


def test_what_needs_a_script_is_noticed(browser, scene):
    page = browser.page(*PHONE, private=True)
    page.open(scene.home + "/login")
    page.forbid_scripts()
    page.evaluate("document.querySelector('main button').type = 'button'")
    page.type("input[name=token]", TOKEN)
    with pytest.raises(TimeoutError):
        page.click("main button", 1.0)


FAULTS = [
    ("axe html-has-lang", "document.documentElement.removeAttribute('lang')"),
    ("axe label", "document.querySelectorAll('label').forEach(l => l.replaceWith(...l.querySelectorAll('input')))"),
    ("axe color-contrast", "document.querySelector('caption').style.color = '#ccc'"),
    ("axe scrollable-region-focusable", "document.querySelectorAll('.scroll').forEach(s => s.removeAttribute('tabindex'))"),
    ("axe button-name", "document.querySelector('main button').textContent = ''"),
    ("wider than the screen", "document.querySelectorAll('.scroll').forEach(s => s.className = '')"),
    ("asked https://example.org/", "document.body.append(Object.assign(new Image(), {src: 'https://example.org/'}))"),
    ("says", "document.querySelector('main').innerHTML += '<p style=\"color:red\">x</p>'"),
    ("made <svg", "document.querySelector('td').innerHTML = '<svg></svg>'"),
    ("made <b onfocus", "document.querySelector('td').innerHTML = '<b onfocus=1></b>'"),
    ("made another heading", "document.querySelector('td').innerHTML = '<h1>X</h1>'"),
]  # fmt: skip


@pytest.mark.parametrize("sign, fault", FAULTS, ids=[sign for sign, _ in FAULTS])
def test_the_check_sees(browser, scene, sign, fault):
    page = opened(browser, scene, "week", PHONE)
    page.evaluate(f"{fault}; undefined")
    assert any(found.startswith(sign) for found in wrong_with(page, scene)), sign
