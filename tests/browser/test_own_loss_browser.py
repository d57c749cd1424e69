"""A loss of one's own in a real browser: picked, trained, dragged, saved again, and wrong for a while."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.playground import BUS, run
from tests.browser.waiting import visit
from tests.conftest import PATIENCE, uncaught
from tests.serving import ROOT, Server, start_server, stop_server

EXAMPLE = ROOT / "docs" / "examples" / "my_cql.py"
ALGORITHM = f"{BUS}?.connected && {BUS}.hello?.run?.config.lanes[0].algorithm"
NOW = f"{BUS}?.hello?.run?.id"
TRAINED = f"{BUS}?.state?.step > 20"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the server was started with."""
    return Path(shutil.copy(EXAMPLE, tmp_path_factory.mktemp("own") / "my_cql.py"))


@pytest.fixture(scope="module")
def own_server(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app, given that file and one that cannot be used."""
    broken = place.with_name("broken.py")
    broken.write_text("import torch\n\nclass Broken(\n")
    log = tmp_path_factory.mktemp("own server") / "server.log"
    running = start_server(log, "--", "--algorithm", str(place), "--algorithm", str(broken))
    yield running
    stop_server(running)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of its own, because the server is."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    errors = uncaught(page)
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()
    assert not errors, errors


def test_it_is_picked_trained_dragged_saved_and_wrong_for_a_while(page: Page, own_server: Server, place: Path) -> None:
    visit(page, f"{own_server.url}/?v=1&data=double-crossing&algo=cql&seeds=1")
    page.wait_for_function(f"({ALGORITHM}) === 'cql'")
    # What cannot be used is said from the beginning, with its line; it is no reason not to start.
    expect(page.get_by_text("broken.py, line 3: SyntaxError: '(' was never closed")).to_be_visible()
    page.locator(".picker").get_by_text("My CQL", exact=True).click()
    page.wait_for_function(f"({ALGORITHM}) === 'my-cql'")
    expect(page.locator(".stage")).to_contain_text("My CQL on Double crossing")
    page.wait_for_url(lambda url: "algo=my-cql" in url and "file=my_cql.py" in url)
    # It trains, and its slider acts on the running loss.
    page.evaluate(f"void {BUS}.send({{ cmd: 'play' }})")
    page.wait_for_function(TRAINED)
    first = run(page)
    alpha = page.locator('.settings [data-name="alpha"]').first
    alpha.locator(".number").fill("3")
    alpha.locator(".number").press("Enter")
    page.wait_for_function(f"{BUS}.hyperparameters(0).find((h) => h.name === 'alpha').value === 3")
    assert run(page) == first
    # Another loss with one number more is saved: a new run with the values of now, and the old curve as a ghost.
    text = place.read_text()
    place.write_text(
        text.replace("(GAMMA, *TARGET_NETWORK, *INITIAL, alpha)", "(GAMMA, *TARGET_NETWORK, *INITIAL, alpha, scale)")
        .replace(
            "    hyperparameters",
            '    scale = orl.Hyperparameter("scale", "c", 1.0, "Steeper.", low=0.0, high=9.0)\n    hyperparameters',
        )
        .replace("(0.5 * (taken - y) ** 2", "(hp.scale * (taken - y) ** 2")
    )
    expect(page.locator(".refused")).to_have_text("my_cql.py was saved: trained anew.")
    page.wait_for_function(f"{NOW} && {NOW} !== '{first}' && {TRAINED}")
    second = run(page)
    values = page.evaluate(f"Object.fromEntries({BUS}.hyperparameters(0).map((h) => [h.name, h.value]))")
    assert (values["alpha"], values["scale"]) == (3, 1)
    expect(page.locator('.settings [data-name="scale"]').first).to_be_visible()
    expect(page.locator(".stage")).to_contain_text("the previous run")
    assert run(page) == second  # the page, which has been drawn anew, stays with it
    # A mistake is told with its line, while that run goes on; put right, it is gone.
    place.write_text(text.replace("hp.gamma * rows", "hp.gama * rows"))
    expect(page.locator(".mistake")).to_contain_text("my_cql.py, line 22: unknown hyperparameter 'gama'")
    step = page.evaluate(f"{BUS}.state.step")
    page.wait_for_function(f"{BUS}?.state?.step > {step}")
    assert run(page) == second
    place.write_text(text)
    expect(page.locator(".mistake")).to_be_hidden()
    page.wait_for_function(f"{NOW} && {NOW} !== '{second}' && {TRAINED}")
    # The picture on its card is that of a trained policy by now.
    page.reload()
    expect(page.locator(".picker img[alt*='my-cql: return'], .picker [aria-label*='my-cql: return']")).to_have_count(1)


def test_a_link_to_an_algorithm_that_is_not_here_names_its_file(page: Page, own_server: Server) -> None:
    visit(page, f"{own_server.url}/?v=1&data=double-crossing&algo=your-cql&file=your_cql.py")
    said = (
        "this server does not know it. It is in the file 'your_cql.py', which must be named when the server is started"
    )
    expect(page.get_by_text(said)).to_be_visible()
    page.wait_for_function(f"({ALGORITHM}) === 'bcq'")
