"""The console over plain HTTP: who gets in, what a form must carry, and that no text of an event becomes markup."""

import http.client
import json
import re
import time
import urllib.parse
from html.parser import HTMLParser

import pytest

from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.model.generate import Message
from tests.scenarios.stage import Stage

TOKEN = "console-token-0123456789"
HOSTILE = "<SCRIPT>ALERT('X')</SCRIPT>\"><IMG SRC=X ONERROR=ALERT(1)>"
VOID = {"meta", "input", "link", "br"}


class Page(HTMLParser):
    """Well-formed, and which elements and texts it has."""

    def __init__(self, body: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words, self._open = set(), [], [], []
        self.feed(body)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


class Browser:
    def __init__(self, port: int):
        self.port, self.cookie, self.headers = port, "", {}

    def ask(self, method: str, path: str, form: dict | None = None, **more: str) -> tuple[int, str]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = ({"Cookie": self.cookie} if self.cookie else {}) | more
        body = urllib.parse.urlencode(form) if form is not None else None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        client.request(method, path, body, headers)
        answer = client.getresponse()
        text = answer.read().decode()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        client.close()
        if "set-cookie" in self.headers:
            self.cookie = self.headers["set-cookie"].partition(";")[0]
        return answer.status, text

    def get(self, path: str, status: int = 200) -> Page:
        got, text = self.ask("GET", path)
        assert got == status, text
        return Page(text)

    def log_in(self, name: str = "anna", token: str = TOKEN) -> int:
        return self.ask("POST", "/login", {"name": name, "token": token})[0]

    def form_token(self, path: str) -> str:
        return re.search(r'name="form" value="([^"]+)"', self.ask("GET", path)[1])[1]


def counted(sku: str, quantity: int, identity: str) -> Message:
    event = {"type": "stock.counted", "source": "wms", "id": identity, "sku": sku, "location": "BER",
             "quantity": quantity, "occurred_at": "2026-01-05T08:00:00Z"}  # fmt: skip
    return Message(key=sku.encode(), value=json.dumps(event).encode(), headers=(), timestamp_ms=int(time.time() * 1000))


@pytest.fixture(scope="module")
def scene(kafka, postgres, session_dir):
    with Stage(kafka, postgres, session_dir) as stage:
        stage.set_up()
        stage.worker()
        stage.produce([counted(HOSTILE, 7, HOSTILE), counted(HOSTILE, 8, HOSTILE), counted("AB-1", 3, "e1")])
        stage.wait_settled()
        env = stage.env | {"PARSTOCK_CONSOLE_TOKEN": TOKEN, "PARSTOCK_CONSOLE_LISTEN": "127.0.0.1:0"}
        with Worker("console", env, session_dir, name=f"{stage.schema}-console") as worker:
            stage.console = worker.start(wait_ready=True) or worker
            yield stage, wait_until(lambda: port_of(worker), "the console to listen", 30)


def port_of(worker: Worker) -> int:
    return next((int(r["listen"].rpartition(":")[2]) for r in worker.log() if r["msg"] == "console"), 0)


@pytest.fixture
def browser(scene) -> Browser:
    browser = Browser(scene[1])
    assert browser.log_in() == 303
    return browser


def test_nobody_gets_in_without_the_token(scene):
    stranger = Browser(scene[1])
    for path in ("/", "/incidents", "/incidents/x", "/sku", "/week"):
        assert stranger.ask("GET", path)[0] == 303 and stranger.headers["location"] == "/login"
    assert stranger.ask("POST", "/incidents/x", {"verb": "ack"})[0] == 401
    assert stranger.ask("POST", "/logout", {})[0] == 401
    for token in ("", "console-token-0123456788", TOKEN + " ", TOKEN[:-1]):
        assert stranger.log_in(token=token) == 401 and "set-cookie" not in stranger.headers
    assert stranger.log_in(name="a\nb") == 401
    for cookie in ("parstock_console=", "parstock_console=1.2.3.4", f"parstock_console={TOKEN}"):
        stranger.cookie = cookie
        assert stranger.ask("GET", "/")[0] == 303
    assert stranger.ask("GET", "/no-such-page")[0] == 404


def test_a_session_can_not_be_changed(browser):
    name, _, value = browser.cookie.partition("=")
    ends, nonce, person, mac = value.split(".")
    browser.get("/")
    for changed in ([str(int(ends) + 9999), nonce, person, mac], [ends, nonce, person.replace("61", "62", 1), mac],
                    [ends, nonce[::-1], person, mac], [ends, nonce, person, mac[::-1]]):  # fmt: skip
        browser.cookie = f"{name}={'.'.join(changed)}"
        assert browser.ask("GET", "/")[0] == 303
    attributes = "HttpOnly; SameSite=Strict"
    assert browser.log_in() == 303 and attributes in browser.headers["set-cookie"]


def test_every_page_says_what_a_browser_may_do(browser):
    for path in ("/", "/incidents", "/sku", "/week", "/login"):
        browser.ask("GET", path)
        policy = browser.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script" not in policy
        assert browser.headers["x-content-type-options"] == "nosniff" and browser.headers["cache-control"] == "no-store"
    page = browser.get("/")
    assert "demo" in page.text and "nobody writes it" in page.text and "applied" in page.text


def test_no_text_of_an_event_becomes_markup(scene, browser):
    (incident,) = json.loads(scene[0].run("incidents", "list", "-o", "json"))
    paths = ["/incidents", f"/incidents/{incident['incident_id']}", "/sku?" + urllib.parse.urlencode({"sku": HOSTILE}),
             "/sku?sku=%3Cscript%3E", "/incidents/%3Cscript%3E"]  # fmt: skip
    for path in paths:
        status, text = browser.ask("GET", path)
        page = Page(text)
        assert status in (200, 404)
        assert not {"script", "img"} & page.tags, path
        assert not [name for name in page.attributes if name.startswith("on")], path
        assert "<SCRIPT" not in text and "<script" not in text
    assert HOSTILE in browser.get(paths[2]).text.replace("  ", " ")
    hostile = Browser(scene[1])
    assert hostile.log_in(name="<b>eve</b>") == 303
    assert "b" not in hostile.get("/").tags
    assert browser.ask("GET", "/sku?sku=%zz")[0] == 400
    assert browser.ask("GET", "/sku?sku=" + "A" * 300)[0] == 400


def test_a_form_of_another_session_is_refused(scene, browser):
    (incident,) = json.loads(scene[0].run("incidents", "list", "-o", "json"))
    path = f"/incidents/{incident['incident_id']}"
    other = Browser(scene[1])
    assert other.log_in() == 303
    for token in (None, "", "nonsense", other.form_token("/"), TOKEN):
        form = {"verb": "resolve", "note": ""} | ({"form": token} if token is not None else {})
        assert browser.ask("POST", path, form)[0] == 403
    (same,) = json.loads(scene[0].run("incidents", "list", "-o", "json"))
    assert same["state"] == "opened"


def test_an_incident_is_acknowledged_and_resolved(scene, browser):
    stage, _ = scene
    (incident,) = json.loads(stage.run("incidents", "list", "-o", "json"))
    path = f"/incidents/{incident['incident_id']}"
    text = browser.get(path).text
    assert "Acknowledge" in text and "Resolve" in text and "Approve" not in text and "Reopen" not in text
    token = browser.form_token(path)
    assert browser.ask("POST", path, {"form": token, "verb": "shout", "note": ""})[0] == 400
    assert browser.ask("POST", path, {"form": token, "verb": "approve", "note": ""})[0] == 409
    assert browser.ask("POST", "/incidents/none", {"form": token, "verb": "ack", "note": ""})[0] == 404
    assert browser.ask("POST", path, {"form": token, "verb": "ack", "note": "I have it"})[0] == 303
    assert browser.ask("POST", path, {"form": token, "verb": "resolve", "note": "a <b>bold</b> one"})[0] == 303
    shown = json.loads(stage.run("incidents", "show", incident["incident_id"], "-o", "json"))
    assert shown["state"] == "resolved"
    assert [(e["state"], e["actor"], e["note"]) for e in shown["log"][-2:]] == [
        ("acknowledged", "anna", "I have it"), ("resolved", "anna", "a <b>bold</b> one")]  # fmt: skip
    page = browser.get(path)
    assert "a <b>bold</b> one" in page.text and "b" not in page.tags and "Reopen" in page.text
    assert "No incident is open" in browser.get("/incidents").text
    week = browser.get("/week").text
    assert "not_decidable, by the rule no_baseline" in week and "interventions" in week


def test_a_sku_and_its_events(browser):
    text = browser.get("/sku?sku=+ab-1+").text
    assert "AB-1" in text and "stock.counted; change: what is known has changed" in text and "applied" in text
    events = browser.get("/sku?" + urllib.parse.urlencode({"sku": HOSTILE})).words
    times = [word for word in events if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", word)]
    assert "incident" in events and "rejected" not in events and len(times) >= 3
    assert "Nothing is known" in browser.get("/sku?sku=NONE").text
    assert browser.ask("POST", "/logout", {"form": browser.form_token("/")})[0] == 303
    assert browser.ask("GET", "/")[0] == 303


def test_guessing_is_slowed_down(scene):
    stranger = Browser(scene[1])
    answers = [stranger.log_in(token=f"guess-number-{n:05}") for n in range(12)]
    assert 429 in answers and set(answers) <= {401, 429}


@pytest.mark.parametrize("token", [None, "short"])
def test_it_does_not_start_without_a_token(scene, token):
    env = scene[0].env | ({"PARSTOCK_CONSOLE_TOKEN": token} if token else {})
    done = run_parstock("console", env=env, limit_s=30)
    assert done.returncode == 78 and b"PARSTOCK_CONSOLE_TOKEN" in done.stderr
