"""The static edition in a headless Chromium, beside the same training here: `python benchmarks/browser_edition.py`.

Figures are ratios where that is possible: updates a second in the tab and here are measured in turn, three times each,
and their medians compared. Seconds depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, Page, sync_playwright

import offrl_core as orl
from offrl_web import supply
from offrl_web.build import build

BUS = "globalThis.offrlBus"
READY = "document.querySelector('.status')?.dataset.state === 'ready'"
CASES = {
    "CQL, table, one seed": ("cql", "table", {}),
    "CQL, MLP 64-64, batch 256": ("cql", "mlp", {"batch_size": 256}),
    "CQL, MLP 64-64, batch 32": ("cql", "mlp", {"batch_size": 32}),
}
SECONDS = 4.0


class Plain(http.server.SimpleHTTPRequestHandler):
    """A file server without a word."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Plain, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def packed_size(folder: Path, names: set[str]) -> int:
    """Bytes of these files of a site as a host sends them, text and WebAssembly gzipped."""
    total = 0
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() in names:
            data = path.read_bytes()
            total += min(len(data), len(gzip.compress(data, 6)))
    return total


def visit(page: Page, url: str) -> dict[str, float]:
    """Seconds until the recording stands, and until the first frame that was computed in the tab."""
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(f"{BUS}?.last?.frame && document.querySelector('.stage-host')", polling=30)
    picture = time.perf_counter() - began
    page.wait_for_function(f"{BUS}?.hello?.run?.id && {BUS}.last.frame", polling=30)
    return {"first picture": picture, "first live frame": time.perf_counter() - began}


def here(algorithm: str, approximator: str, values: dict[str, Any]) -> float:
    """Updates a second of the same training in this process."""
    dataset = orl.load_dataset("double-crossing")
    learner = orl.Learner(dataset, algorithm, approximator=approximator, seeds=1, **values)
    learner.advance(20)
    began, first = time.perf_counter(), learner.step
    while time.perf_counter() - began < SECONDS:
        learner.advance(10)
    return (learner.step - first) / (time.perf_counter() - began)


def there(page: Page, site: str, algorithm: str, approximator: str, values: dict[str, Any]) -> dict[str, float]:
    """Updates and frames a second in the tab, and seconds from a slider to the first frame computed with it."""
    parts = "&".join(f"{name}={value}" for name, value in {**values, "budget": 1_000_000}.items())
    link = f"{site}/?algo={algorithm}&net={approximator}&seeds=1&{parts}"
    page.evaluate(
        "(link) => { history.pushState(null, '', link); dispatchEvent(new PopStateEvent('popstate')); }", link
    )
    page.wait_for_function(
        f"(wanted) => {BUS}?.hello?.run?.id && {BUS}.hello.lanes[0].algorithm === wanted[0] "
        f"&& {BUS}.hello.lanes[0].approximator === wanted[1] && {BUS}.state",
        arg=[algorithm, approximator],
    )
    page.evaluate(f"{BUS}.send({{ cmd: 'speed', value: 0 }}), {BUS}.send({{ cmd: 'play' }})")
    page.wait_for_timeout(6500)  # training begins slowly, by design
    counted: dict[str, float] = page.evaluate(
        """async (seconds) => {
          const bus = globalThis.offrlBus;
          const first = bus.state.step, from = performance.now();
          let frames = 0, drawn = 0;
          const off = bus.on("frame", () => { frames += 1; });
          const count = () => {
            drawn += 1;
            if (performance.now() - from < 1000 * seconds) requestAnimationFrame(count);
          };
          requestAnimationFrame(count);
          const step = () => bus.last.frame.step;
          const [began, start] = [performance.now(), step()];
          await new Promise((done) => setTimeout(done, 1000 * seconds));
          const passed = (performance.now() - began) / 1000;
          off();
          const rate = (step() - start) / passed;
          const waited = [];
          for (const value of [0.2, 0.4, 0.6, 0.8, 0.3]) {
            const at = performance.now();
            const next = (name, is) => new Promise((done) => {
              const stop = bus.on(name, (what) => {
                if (!is(what)) return;
                queueMicrotask(() => stop());
                done(what.step);
              });
            });
            const marked = next("mark", () => true);
            bus.send({ cmd: "set", lane: 0, values: { alpha: value } });
            const step = await marked;
            await next("frame", (frame) => frame.step > step);
            waited.push((performance.now() - at) / 1000);
          }
          waited.sort((a, b) => a - b);
          return { rate, frames: frames / passed, canvas: drawn / passed, slider: waited[2] };
        }""",
        SECONDS,
    )
    page.evaluate(f"{BUS}.send({{ cmd: 'pause' }})")
    return counted


def main() -> None:
    """Build, visit, train, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=50, help="how often a run is begun again to watch the heap")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place) / "site"
        built = build(folder, supply.find())
        own = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        with served(Path(place)) as host:
            measure(browser, f"{host}/site", folder, built.version, given.restarts)
        browser.close()


def measure(browser: Browser, site: str, folder: Path, version: str, restarts: int) -> None:
    """Everything that is measured of a served site."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(180_000)
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.split("?")[0]))
    cold = visit(page, f"{site}/")
    page.wait_for_function(READY)
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_timeout(3000)
    kept = "caches.open('offrl').then((kept) => kept.keys()).then((keys) => keys.map(({ url }) => url))"
    urls: list[str] = page.evaluate(kept)
    names = {url.removeprefix(f"{site}/") for url in (*asked, *urls) if url.startswith(site)}
    warm_page = context.new_page()
    warm_page.set_default_timeout(180_000)
    warm = visit(warm_page, f"{site}/")
    warm_page.close()
    for name, seconds in cold.items():
        print(f"{name}, cold / warm: {seconds:.1f} s / {warm[name]:.1f} s")
    print(f"first visit, compressed: {packed_size(folder, names) / 1e6:.1f} MB in {len(names)} files")
    without = {name for name in names if not name.startswith("pyodide/") and "/python/" not in name}
    print(f"of it without Python: {packed_size(folder, without) / 1e6:.1f} MB")
    print(f"requests to other hosts: {sum(not url.startswith((site, 'blob:', 'data:')) for url in asked)}")
    for title, (algorithm, approximator, values) in CASES.items():
        native, tab = [], []
        for _ in range(3):
            native.append(here(algorithm, approximator, values))
            tab.append(there(page, site, algorithm, approximator, values))
        rate = statistics.median(one["rate"] for one in tab)
        share = rate / statistics.median(native)
        more = {name: statistics.median(one[name] for one in tab) for name in ("frames", "canvas", "slider")}
        print(
            f"{title}: {rate:.0f} updates/s, {share:.0%} of native; {more['frames']:.1f} frames/s, "
            f"canvas {more['canvas']:.0f}/s, slider to frame {more['slider']:.2f} s"
        )
    heap = []
    for number in range(restarts + 1):
        if number in (3, restarts):
            heap.append(page.workers[0].evaluate("offrlPython._module.HEAP8.length"))
        run = page.evaluate(f"{BUS}.hello.run.id")
        page.evaluate(f"{BUS}.send({{ cmd: 'reset' }})")
        page.wait_for_function(f"(run) => {BUS}.hello?.run?.id && {BUS}.hello.run.id !== run", arg=run)
    print(f"heap after 3 and after {restarts} restarts: {' and '.join(f'{size / 1e6:.0f} MB' for size in heap)}")
    context.close()


if __name__ == "__main__":
    main()
