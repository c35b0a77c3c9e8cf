"""Headless Chromium, spoken to over its devtools pipe: what a page looks like, says and asks for.

The protocol is JSON ended by NUL over two file descriptors; no port is opened and no client library needed.
"""

import base64
import json
import os
import select
import shutil
import time
from pathlib import Path
from typing import Any

from .paths import DEPS
from .process import Child

AXE = DEPS / "axe" / "axe.min.js"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-extensions", "--hide-scrollbars", "--mute-audio",
         "--force-color-profile=srgb", "--remote-debugging-pipe"]  # fmt: skip

SHOT_MAX = 12000  # CSS pixels: taller pictures are more than the browser draws at once


class DevtoolsError(Exception):
    """The browser refused a command, or a script in the page threw."""


class Chromium:
    """One browser process; `page()` opens a tab in it."""

    def __init__(self, run_dir: Path, name: str = "chromium"):
        self._home = run_dir / name
        self._home.mkdir()
        self._logs = run_dir
        self._name = name
        self._next = 0
        self._buffer = b""
        self._events: list[dict] = []
        self._child: Child | None = None

    def __enter__(self) -> "Chromium":
        program = shutil.which("chromium")
        if program is None:
            raise RuntimeError("chromium is missing: run `make deps-test`")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # The browser reads descriptor 3 and writes 4.
        shell = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        argv = ["/bin/bash", "-c", shell, program, *FLAGS, f"--user-data-dir={self._home}", "about:blank"]
        self._child = Child(self._name, argv, self._logs, pass_fds=(theirs_in, theirs_out),
                            env={**os.environ, "HOME": str(self._home)})  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        return self

    def __exit__(self, *_exc) -> None:
        os.close(self._out)
        os.close(self._in)
        self._child.terminate(limit_s=10.0)

    def _receive(self, deadline: float) -> dict:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise TimeoutError(f"chromium did not answer\n{self._child.tail()}")
            piece = os.read(self._in, 1 << 16)
            if not piece:
                raise DevtoolsError(f"chromium ended\n{self._child.tail()}")
            self._buffer += piece
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method: str, session: str | None = None, limit_s: float = 60.0, **params: Any) -> dict:
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + limit_s
        while True:
            answer = self._receive(deadline)
            if answer.get("id") != self._next:
                self._events.append(answer)
                continue
            if "error" in answer:
                raise DevtoolsError(f"{method}: {answer['error']}")
            return answer["result"]

    def wait_event(self, session: str, method: str, limit_s: float = 60.0) -> dict:
        deadline = time.monotonic() + limit_s
        seen = 0
        while True:
            for event in self._events[seen:]:
                seen += 1
                if event.get("method") == method and event.get("sessionId") == session:
                    self._events.remove(event)
                    return event["params"]
            self._events.append(self._receive(deadline))

    def events(self, session: str) -> list[dict]:
        return [e for e in self._events if e.get("sessionId") == session]

    def page(self, width: int = 1280, height: int = 900, scale: float = 1.0, private: bool = False) -> "Page":
        """A private page shares no cookies with others."""
        jar = {"browserContextId": self.call("Target.createBrowserContext")["browserContextId"]} if private else {}
        target = self.call("Target.createTarget", url="about:blank", **jar)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, width, height, scale)


class Page:
    """A tab: what it logs and asks the network for is kept from the start."""

    def __init__(self, browser: Chromium, session: str, width: int, height: int, scale: float):
        self._browser = browser
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                  mobile=width < 600)  # fmt: skip

    def call(self, method: str, **params: Any) -> dict:
        return self._browser.call(method, self._session, **params)

    def open(self, place: Path | str) -> None:
        """A file, or an address."""
        self.call("Page.navigate", url=place if isinstance(place, str) else place.resolve().as_uri())
        self._browser.wait_event(self._session, "Page.loadEventFired")

    # Hands: what a person does, without any script in the page.

    def forbid_scripts(self) -> None:
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def type(self, selector: str, text: str) -> None:
        self.call("DOM.focus", nodeId=self._node(selector))
        self.call("Input.insertText", text=text)

    def click(self, selector: str, limit_s: float = 60.0) -> None:
        """On what leads to another page; returns when that is there."""
        node = self._node(selector)
        self.call("DOM.scrollIntoViewIfNeeded", nodeId=node)
        x1, y1, _, _, x2, y2, _, _ = self.call("DOM.getContentQuads", nodeId=node)["quads"][0]
        spot = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "button": "left", "clickCount": 1}
        for what in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=what, **spot)
        self._browser.wait_event(self._session, "Page.loadEventFired", limit_s)

    def _node(self, selector: str) -> int:
        root = self.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        if node == 0:
            raise DevtoolsError(f"the page has no {selector}")
        return node

    def evaluate(self, script: str, limit_s: float = 120.0) -> Any:
        """The script's value; it runs past the page's own policy, as devtools do."""
        result = self._browser.call("Runtime.evaluate", self._session, limit_s, expression=script,
                                    awaitPromise=True, returnByValue=True)  # fmt: skip
        if "exceptionDetails" in result:
            raise DevtoolsError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def complaints(self) -> list[str]:
        """Console messages, log entries and exceptions."""
        found = []
        for event in self._browser.events(self._session):
            method, params = event["method"], event["params"]
            if method == "Runtime.consoleAPICalled":
                found.append(json.dumps(params["args"])[:500])
            elif method == "Log.entryAdded":
                found.append(params["entry"]["text"])
            elif method == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"])[:500])
        return found

    def dialogs(self) -> list[str]:
        """What scripts said in boxes of their own."""
        return [event["params"]["message"] for event in self._browser.events(self._session)
                if event["method"] == "Page.javascriptDialogOpening"]  # fmt: skip

    def requests(self) -> list[str]:
        return [event["params"]["request"]["url"] for event in self._browser.events(self._session)
                if event["method"] == "Network.requestWillBeSent"]  # fmt: skip

    def blocked(self) -> list[tuple[str, str]]:
        """Requests that the browser did not send, and why."""
        events = self._browser.events(self._session)
        urls = {e["params"]["requestId"]: e["params"]["request"]["url"] for e in events
                if e["method"] == "Network.requestWillBeSent"}  # fmt: skip
        return [(urls[e["params"]["requestId"]], e["params"].get("blockedReason", "")) for e in events
                if e["method"] == "Network.loadingFailed"]  # fmt: skip

    def screenshot(self, path: Path, top: int = 0, height: int | None = None) -> Path:
        """The page from `top` on, down to its end or `height`, at most SHOT_MAX of it."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        tall = min(height or SHOT_MAX, SHOT_MAX, size["height"] - top)
        clip = {"x": 0, "y": top, "width": size["width"], "height": tall, "scale": 1}
        made = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(made["data"]))
        return path

    def pdf(self, path: Path) -> Path:
        made = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(made["data"]))
        return path

    def axe(self) -> dict:
        """What axe-core finds, by all its WCAG 2.2 A and AA rules and its best practices."""
        self.evaluate(AXE.read_text() + "\n;undefined")
        return self.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],"
            " resultTypes: ['violations', 'incomplete']})"
            ".then(r => ({violations: r.violations.map(v => ({id: v.id, impact: v.impact,"
            " nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 200))})),"
            " incomplete: r.incomplete.map(v => v.id), passes: r.passes.length}))"
        )
