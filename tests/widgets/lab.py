"""A real JupyterLab in a real Chromium, for tests."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Locator, Page, Route, sync_playwright

from steering.machine.ports import free_port

CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# As `steering lab` starts it: without what compiles a grammar for a second.
_SERVER = """
from steering.machine.loading import loading
with loading():
    from jupyterlab.labapp import main
main()
"""
# Said by JupyterLab itself or by the browser about things that are none of ours.
_HARMLESS = ("favicon", "ResizeObserver loop", "Download the React DevTools", "service worker", "Service Worker")
# What anywidget and JupyterLab give up where a machine is busy, and what the page says once it has mended that.
_MENDED = {
    "[anywidget] Failed to initialize model.": "A widget came late and is now heard",
    "Could not process update msg for model id": "A widget that heard the kernel no more does so again",
}
_READY = (
    "() => { const w = [...jupyterapp.shell.widgets('main')].find((panel) => panel.sessionContext);"
    " return w && w.sessionContext && w.sessionContext.session && w.sessionContext.session.kernel"
    " && w.sessionContext.session.kernel.status === 'idle'; }"
)
# On a machine so busy that a press takes two seconds the page asks whether it still holds; whoever pressed meant it.
_MEANT = """setInterval(() => {
  [...document.querySelectorAll('.st-choice')].find((one) => one.textContent === 'Do it now')?.click();
}, 200)"""
# The states of the command bar that say that a press has done what it should.
_REACHED = {"pause": ["paused"], "resume": ["running"], "finish": ["idle"], "abort": ["aborting", "idle"]}
# Which of them the bar is in; "not done" if it says that the press came to nothing, else nothing yet.
_CAME_OF_IT = """(reached) => {
  const bar = document.querySelector('.st-direct-bar');
  if (reached.includes(bar.dataset.state)) return bar.dataset.state;
  const said = bar.querySelector('.st-direct-text').textContent;
  return /was not (sent|answered|carried out)/.test(said) && bar.dataset.link === 'live' ? 'not done' : '';
}"""
# Whether BokehJS has come, when it was last asked for, and how far each plot is.
_PLOTS = """() => ({
  bokeh: globalThis.Bokeh?.version, asked: globalThis.__steering_bokeh_loading__, now: Date.now(),
  plots: [...document.querySelectorAll('.st-plot')].map((el) => ({
    label: el.getAttribute("aria-label"), state: { ...el.dataset }, parts: el.childElementCount,
    shown: el.offsetParent !== null,
  })),
})"""


def settled_box(locator: Locator) -> dict[str, float]:
    """Say where an element is once it stays there: a page that was just filled moves what is taken hold of."""
    return locator.evaluate(
        """(element) => new Promise((resolve) => {
          let [before, same] = ["", 0];
          const look = () => {
            const { x, y, width, height } = element.getBoundingClientRect();
            const now = [x, y, width, height].join();
            same = now === before ? same + 1 : 0;
            before = now;
            if (same >= 30) resolve({ x, y, width, height });
            else requestAnimationFrame(look);
          };
          look();
        })"""
    )


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def settings_of(folder: Path) -> Path:
    """Give a server's pages the settings of the first day; nothing asks whether there is news. Return their folder."""
    settings = folder / ".jupyter-state" / "settings"
    shutil.rmtree(settings, ignore_errors=True)
    notifications = settings / "@jupyterlab" / "apputils-extension"
    notifications.mkdir(parents=True)
    (notifications / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    return settings


@contextmanager
def jupyter(folder: Path, environment: dict[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Run a JupyterLab server over a folder; gives its URL and token, and ends it with all its kernels."""
    port, token = free_port(), secrets.token_hex(16)
    state = folder / ".jupyter-state"
    settings = settings_of(folder)
    variables = os.environ | {
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "IPYTHONDIR": str(state / "ipython"),
    }
    command = [
        sys.executable, "-c", _SERVER, "--no-browser", "--allow-root", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    log = (state / "server.log").open("wb")
    # The environment named last wins, so that a test may add a path.
    with log, subprocess.Popen(command, env=variables | (environment or {}), stdout=log, stderr=log) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url, token, server, state / "server.log")
            yield url, token
        except BaseException:
            _tell("JupyterLab and its kernels said", (state / "server.log").read_text().splitlines()[-60:])
            raise
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


class Lab:
    """A browser on a JupyterLab server.

    Attributes:
        page: The first page.
        said: All that the console said, each with seconds since the browser was opened.
        external: Requests that went elsewhere; they are blocked.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        width: int = 1400,
        height: int = 900,
        folder: str = "",
        failure: Path | None = None,
        insists: bool = True,
    ) -> None:
        """Open a browser; when a test fails within it, each page is shot into the folder ``failure``.

        The notebooks that are opened lie in a ``folder`` below the server's, or in that itself.
        What the console said, and what has become of the plots, is then told with the test's output. Who insists
        answers a page that asks whether a press still holds: "Do it now".
        """
        self._failure = failure
        self.url = url
        self._token = token
        self._folder = f"{folder}/" if folder else ""
        self._errors: list[str] = []
        self.said: list[str] = []
        self._opened = time.monotonic()
        self.external: list[str] = []
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        self.context = self._browser.new_context(viewport={"width": width, "height": height})
        self.context.route("**/*", self._route)
        if insists:
            self.context.add_init_script(_MEANT)
        self.page = self.new_page()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._failure is not None:
            self._failure.mkdir(parents=True, exist_ok=True)
            for index, page in enumerate(self.context.pages):
                test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition("::")[2].partition(" ")[0]
                page.screenshot(path=self._failure / f"failure-{test}-{index}.png")
                _tell(f"plots of page {index}", [json.dumps(page.evaluate(_PLOTS))])
            _tell("the browser's console said", _once(self.said)[-60:])
        self._browser.close()
        self._playwright.stop()

    @property
    def errors(self) -> list[str]:
        """What the console complained about, save for what was mended; of that the test's summary tells."""
        mended = {fault: [said for said in self.said if words in said] for fault, words in _MENDED.items()}
        left = [error for error in self._errors if not any(mended[fault] for fault in _MENDED if fault in error)]
        if len(left) < len(self._errors):
            warnings.warn("; ".join(said for told in mended.values() for said in told), stacklevel=2)
        return left

    def forgive(self, words: str) -> None:
        """Forget the complaints with some words: what they complain about was meant."""
        self._errors = [error for error in self._errors if words not in error]

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))
        page.set_default_timeout(180_000)
        return page

    def open(self, notebook: str, page: Page | None = None) -> None:
        """Open a notebook and wait until its kernel is idle."""
        page = page or self.page
        page.goto(
            f"{self.url}/lab/tree/{self._folder}{notebook}?reset&token={self._token}", wait_until="domcontentloaded"
        )
        page.wait_for_function("() => window.jupyterapp && window.jupyterapp.started", timeout=240_000)
        page.evaluate("() => window.jupyterapp.restored")
        page.wait_for_selector(".jp-NotebookPanel")
        page.wait_for_function(_READY, timeout=240_000)

    def command(self, name: str, arguments: dict[str, Any] | None = None, page: Page | None = None) -> None:
        """Run one of JupyterLab's commands without waiting for its end."""
        (page or self.page).evaluate(
            "([name, values]) => { jupyterapp.commands.execute(name, values || {}); }", [name, arguments]
        )

    def run_all(self, page: Page | None = None) -> None:
        """Run all cells and wait for them."""
        (page or self.page).evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")

    def execute(self, code: str, page: Page | None = None) -> str:
        """Run code in the notebook's kernel, past the notebook; return what it printed."""
        return (page or self.page).evaluate(
            """async (code) => {
              const panels = [...jupyterapp.shell.widgets('main')];
              const kernel = panels.find((panel) => panel.sessionContext).sessionContext.session.kernel;
              const future = kernel.requestExecute({ code, store_history: false });
              let out = '';
              future.onIOPub = (message) => {
                if (message.header.msg_type === 'stream') out += message.content.text;
                if (message.header.msg_type === 'error') out += message.content.traceback.join('\\n');
              };
              await future.done;
              return out;
            }""",
            code,
        )

    @contextmanager
    def busy_kernel(self) -> Iterator[None]:
        """Keep the kernel busy with a cell for as long as the block lasts, on a machine of any speed."""
        with tempfile.TemporaryDirectory() as folder:
            over = Path(folder) / "over"
            code = f"import pathlib, time\nwhile not pathlib.Path({str(over)!r}).exists(): time.sleep(0.02)"
            self.page.evaluate(
                """(code) => {
                  const panel = [...jupyterapp.shell.widgets('main')].find((panel) => panel.sessionContext);
                  const kernel = panel.sessionContext.session.kernel;
                  window.busy = true;
                  kernel.requestExecute({ code }).done.then(() => { window.busy = false; }); }""",
                code,
            )
            try:
                yield
                assert self.page.evaluate("() => window.busy")
            finally:
                over.touch()
            self.page.wait_for_function("() => !window.busy")

    def press(self, name: str, page: Page | None = None, *, key: str = "") -> None:
        """Pause, resume, finish or abort in the command bar; again where the page says that it was not done.

        A page on a machine that is slower than its link is patient says so, and does nothing later. A person presses
        again then. With a key, that is pressed instead of the button.
        """
        page = page or self.page
        button = page.locator(f".st-direct-{name}").first
        push = (lambda: page.keyboard.press(key)) if key else button.click
        page.locator(".st-direct-bar[data-link=live]").first.wait_for()
        while True:
            push()
            if name == "abort":
                # It is asked whether that is meant, and the question can be read.
                page.locator(".st-direct-abort.st-armed").first.wait_for()
                push()
            if page.wait_for_function(_CAME_OF_IT, arg=_REACHED[name]).json_value() != "not done":
                return

    def value(self, expression: str, page: Page | None = None) -> Any:
        """Evaluate an expression in the kernel; it comes back through JSON."""
        printed = self.execute(f"import json; print(json.dumps({expression}))", page)
        return json.loads(printed)

    def wait_for_value(self, expression: str, timeout: float = 180.0, page: Page | None = None) -> None:
        """Wait until an expression in the kernel is true."""
        end = time.monotonic() + timeout
        while not self.value(f"bool({expression})", page):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} did not become true within {timeout:g} s")
            (page or self.page).wait_for_timeout(100)

    def save(self, page: Page | None = None) -> None:
        """Save the notebook, outputs included."""
        (page or self.page).evaluate(
            "() => [...jupyterapp.shell.widgets('main')].find((panel) => panel.sessionContext).context.save()"
        )

    def theme(self, name: str, page: Page | None = None) -> None:
        """Change the theme and wait for it, ``"JupyterLab Light"`` or ``"JupyterLab Dark"``."""
        page = page or self.page
        page.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        page.wait_for_function(
            "(name) => document.body.dataset.jpThemeName === name && !document.getElementById('jupyterlab-splash')",
            arg=name,
        )

    def collapse_sidebar(self, page: Page | None = None) -> None:
        """Give the notebook the whole width."""
        (page or self.page).evaluate("() => jupyterapp.shell.collapseLeft()")

    def _route(self, route: Route) -> None:
        where = urlsplit(route.request.url)
        if where.scheme in ("data", "blob") or where.hostname == "127.0.0.1":
            route.continue_()
        else:
            self.external.append(route.request.url)
            route.abort()

    def _heard(self, kind: str, text: str) -> None:
        self.said.append(f"{time.monotonic() - self._opened:7.2f} s {kind}: {text[:600]}")
        if kind == "error" and not any(word in text for word in _HARMLESS):
            self._errors.append(text[:600])


def _once(said: list[str]) -> list[str]:
    """Leave out what was said before in the same words."""
    return list({line.partition(" s ")[2]: line for line in reversed(said)}.values())[::-1]


def _tell(title: str, lines: list[str]) -> None:
    """Say something with the output of a test that has failed."""
    sys.stderr.write("\n".join([f"-- {title}:", *lines, ""]))


def _wait_for(url: str, token: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with {server.returncode}:\n{log.read_text()[-3000:]}")
        try:
            request = urllib.request.Request(f"{url}/api/status", headers={"Authorization": f"token {token}"})
            with urllib.request.urlopen(request, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)  # between two asks of a server that is just starting
    raise TimeoutError(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")
