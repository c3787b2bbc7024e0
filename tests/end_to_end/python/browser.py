"""Firefox with a push service of this machine, driven by lines on standard input; what happens is said on standard output.

    open URL            loads a page                                     {"is": "opened", "title": …}
    browser             clicks the button of this browser                {"is": "browser", "state": …, "text": …}
    popups N            waits until N notifications are shown            {"is": "popups", "popups": [{title, body, tag}]}
    click TITLE         clicks the popup with that title               {"is": "clicked", "address": what opens}
    press TEXT          clicks the button with that text                 {"is": "opened", "title": …}
    tick VALUE          clicks the box with that value                   {"is": "ticked"}
    keys                walks through the page by Tab                    {"is": "keys", "focused": [names]}
    axe FILE SCHEME     accessibility of the page, light or dark         {"is": "axe", "violations": […]}
    width PIXELS        makes the page so wide                          {"is": "width", "page": how wide its content is}
    shot FILE           a picture of the page                            {"is": "shot"}
    subscription        makes one that is read here                      {"is": "subscription", "subscription": …}
    refuse NAME STATUS  answers the next push to a subscription so       {"is": "ready"}

The push service says {"is": "push", …} for each that came. Firefox starts with the first line that needs it, and speaks
Marionette, its own protocol.
"""

import base64
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from push_service import PushService

WAIT_SECONDS = 60
writing = threading.Lock()


def tell(line):
    with writing:
        print(json.dumps(line, ensure_ascii=False), flush=True)


class Firefox:
    def __init__(self, service):
        self.profile = pathlib.Path(tempfile.mkdtemp(prefix="tidings-firefox-"))
        prefs = {
            "dom.push.serverURL": f"ws://127.0.0.1:{service.socket}/",
            "dom.push.testing.allowInsecureServerURL": True,
            "permissions.default.desktop-notification": 1,
            # What Marionette recommends for tests switches pushes off.
            "remote.prefs.recommended": False,
            # Popups of its own: there may be no desktop that shows them.
            "alerts.useSystemBackend": False,
            "marionette.port": 0,
            # Nothing leaves this machine: every other address is behind a proxy that is not there.
            "network.proxy.type": 1,
            "network.proxy.http": "127.0.0.1",
            "network.proxy.http_port": 9,
            "network.proxy.ssl": "127.0.0.1",
            "network.proxy.ssl_port": 9,
            "browser.aboutwelcome.enabled": False,
            "app.update.auto": False,
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "toolkit.telemetry.reportingpolicy.firstRun": False,
            "intl.accept_languages": "en-US, en",
            "accessibility.tabfocus": 7,
        }
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items())
        (self.profile / "user.js").write_text("\n".join(lines))
        self.process = subprocess.Popen(
            ["firefox-esr", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", str(self.profile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**__import__("os").environ, "HOME": str(self.profile), "MOZ_HEADLESS": "1"},
        )
        port_file = self.profile / "MarionetteActivePort"
        port = until(lambda: port_file.exists() and port_file.read_text().strip(), "Firefox starts")
        self.socket = until(lambda: connected(int(port)), "Marionette listens")
        self.buffer, self.last = b"", 0
        self.read()
        self.call("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})

    def read(self):
        while b":" not in self.buffer:
            self.buffer += self.more()
        length, _, self.buffer = self.buffer.partition(b":")
        while len(self.buffer) < int(length):
            self.buffer += self.more()
        frame, self.buffer = self.buffer[: int(length)], self.buffer[int(length) :]
        return json.loads(frame)

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError("Firefox ended")
        return data

    def call(self, command, parameters=None):
        self.last += 1
        frame = json.dumps([0, self.last, command, parameters or {}]).encode()
        self.socket.sendall(str(len(frame)).encode() + b":" + frame)
        _, _, error, result = self.read()
        if error:
            raise RuntimeError(f"{command}: {error['error']}: {error['message']}")
        return result.get("value", result) if isinstance(result, dict) else result

    def run(self, script, *arguments, chrome=False):
        self.call("Marionette:SetContext", {"value": "chrome" if chrome else "content"})
        kind = "WebDriver:ExecuteAsyncScript"
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async (...given) => {{ {script} }})(...[...arguments].slice(0, -1))"
            ".then((value) => done([true, value]), (error) => done([false, String(error)]));"
        )
        good, value = self.call(kind, {"script": wrapped, "args": list(arguments), "scriptTimeout": WAIT_SECONDS * 1000})
        self.call("Marionette:SetContext", {"value": "content"})
        if not good:
            raise RuntimeError(value)
        return value

    def element(self, using, value):
        found = self.call("WebDriver:FindElement", {"using": using, "value": value})
        return next(iter(found.values()))

    def click(self, using, value):
        self.call("WebDriver:ElementClick", {"id": self.element(using, value)})

    def press(self, key):
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.call("WebDriver:PerformActions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.profile, ignore_errors=True)


def connected(port):
    try:
        return socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
    except OSError:
        return None


def until(found, what):
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError(what)


POPUPS = """
const all = await navigator.serviceWorker.getRegistrations();
const shown = await Promise.all(all.map((one) => one.getNotifications()));
return shown.flat().map((one) => ({ title: one.title, body: one.body, tag: one.tag }));
"""
# Firefox draws its popups itself here, each in a window of its own.
CLICK = """
for (const popup of Services.wm.getEnumerator("alert:alert")) {
    if (popup.document.getElementById("alertTitleLabel").getAttribute("value") !== given[0]) continue;
    const { gBrowser } = Services.wm.getMostRecentWindow("navigator:browser");
    const before = new Set(gBrowser.tabs);
    popup.document.getElementById("alertBox").click();
    for (let waited = 0; waited < 600; waited++) {
        const tab = [...gBrowser.tabs].find((one) => !before.has(one));
        if (tab && tab.linkedBrowser.currentURI.spec !== "about:blank") return tab.linkedBrowser.currentURI.spec;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("nothing was opened");
}
return null;
"""
FOCUSED = """
const one = document.activeElement;
const label = one.labels && one.labels[0] ? one.labels[0].textContent.trim() : one.textContent.trim();
return one === document.body ? null : one.tagName.toLowerCase() + " " + label;
"""
AXE = """
const found = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
return found.violations.map((one) => ({ id: one.id, impact: one.impact, targets: one.nodes.map((node) => node.target.join(" ")) }));
"""
# A window cannot be as narrow as a phone, but a page in it can.
WIDTH = """
const style = Services.wm.getMostRecentWindow("navigator:browser").gBrowser.selectedBrowser.style;
[style.width, style.minWidth, style.flex] = [given[0] + "px", "0", "none"];
"""
SCHEME = "Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', given[0]);"


def obey(line, service, firefox):
    word, _, rest = line.partition(" ")
    title = lambda: {"is": "opened", "title": firefox().call("WebDriver:GetTitle")}
    if word == "subscription":
        return {"is": "subscription", "subscription": service.subscription()}
    if word == "refuse":
        name, status, *more = rest.split()
        headers = {"retry-after": more[0]} if more else {}
        service.refuse.setdefault(name, []).append((int(status), headers))
        return {"is": "ready"}
    if word == "open":
        firefox().call("WebDriver:Navigate", {"url": rest})
        return title()
    if word == "press":
        page = firefox().run("return performance.timeOrigin")
        firefox().click("xpath", f"//button[normalize-space()={json.dumps(rest)}]")
        loaded = "return document.readyState === 'complete' && performance.timeOrigin"
        until(lambda: (now := firefox().run(loaded)) and now != page, "the next page is loaded")
        return title()
    if word == "tick":
        firefox().click("css selector", f"input[value={json.dumps(rest)}]")
        return {"is": "ticked"}
    if word == "browser":
        look = "const s = document.getElementById('browser-state'); return [s.dataset.state, s.textContent];"
        before = until(lambda: firefox().run(look)[0], "the page looked")
        firefox().click("css selector", "#browser")
        state, text = until(
            lambda: (found := firefox().run(look))[0] not in (before, "wait") and found, "the button did something"
        )
        return {"is": "browser", "state": state, "text": text}
    if word == "popups":
        shown = until(lambda: len(found := firefox().run(POPUPS)) >= int(rest) and found, "a popup is shown")
        return {"is": "popups", "popups": shown}
    if word == "click":
        return {"is": "clicked", "address": until(lambda: firefox().run(CLICK, rest, chrome=True), "the popup is there")}
    if word == "keys":
        focused = []
        for _ in range(200):
            firefox().press("\ue004")
            one = firefox().run(FOCUSED)
            if one is None or (focused and one == focused[0]):
                break
            focused.append(one)
        return {"is": "keys", "focused": focused}
    if word == "axe":
        file, scheme = rest.rsplit(" ", 1)
        firefox().run(SCHEME, {"dark": 0, "light": 1}[scheme], chrome=True)
        firefox().call("WebDriver:ExecuteScript", {"script": pathlib.Path(file).read_text() + "; window.axe = axe;", "sandbox": None, "args": []})
        return {"is": "axe", "violations": firefox().run(AXE)}
    if word == "width":
        firefox().run(WIDTH, int(rest), chrome=True)
        wide = "return window.innerWidth === given[0] && document.documentElement.scrollWidth"
        return {"is": "width", "page": until(lambda: firefox().run(wide, int(rest)), "the page is so wide")}
    if word == "shot":
        picture = firefox().call("WebDriver:TakeScreenshot", {"full": True, "hash": False})
        pathlib.Path(rest).write_bytes(base64.b64decode(picture))
        return {"is": "shot"}
    raise ValueError(f"no such word: {word}")


def main():
    service = PushService(tell)
    started = []

    def firefox():
        if not started:
            started.append(Firefox(service))
        return started[0]

    try:
        for line in sys.stdin:
            try:
                tell(obey(line.rstrip("\n"), service, firefox))
            except Exception as error:
                tell({"is": "failed", "line": line.strip(), "why": repr(error)})
    finally:
        for one in started:
            one.end()


main()
