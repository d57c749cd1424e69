"""The stage's modules by themselves, in the browser that runs them, against numpy."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from playwright.sync_api import Page

from offrl_core.evaluation.statistics import interquartile_mean
from offrl_live.runs import wire
from offrl_ui.stage import asset_root
from tests.browser.stage_host import Host


@pytest.fixture
def modules(page: Page, host: Host):
    """A page of the host's origin; `call(module, body, argument)` runs `body` with the module as `m`."""
    page.goto(f"{host.url}{asset_root()}shared/format.js")

    def call(module: str, body: str, argument=None):
        code = f"async (x) => {{ const m = await import('{asset_root()}{module}.js'); {body} }}"
        return page.evaluate(code, argument)

    return call


def test_wire_reads_what_python_wrote(modules):
    rng = np.random.default_rng(0)
    fields = {
        "whole": rng.normal(size=(3, 5)).astype(np.float32),
        "half": np.array([0.0, -1.5, 65504.0, 6e-8, np.inf, -np.inf, np.nan], np.float16),
        "byte": np.array([[0.0, np.nan, 2.5], [-3.0, 1.0, 0.125]]),
        "count": np.array([1, -7, 2**31 - 1], np.int32),
        "mask": np.array([True, False, True]),
    }
    sent = {**fields, "byte": wire.quantise(fields["byte"])}
    message = wire.encode({"kind": "frame", "step": 3}, sent)
    got = modules(
        "run/wire",
        """const bytes = Uint8Array.from(atob(x), (c) => c.charCodeAt(0)).buffer;
           const message = m.decode(bytes);
           const { values } = m.fieldsOf(message);
           const texts = Object.entries(values).map(([name, v]) => [name, [...v].map(String)]);
           return [message.kind, message.header.step, Object.fromEntries(texts)];""",
        base64.b64encode(message).decode(),
    )
    _, decoded = wire.decode(message)
    assert got[:2] == ["frame", 3]
    for name, array in decoded.items():
        seen = np.array([float({"Infinity": "inf", "-Infinity": "-inf"}.get(v, v)) for v in got[2][name]])
        np.testing.assert_allclose(seen, array.astype(float).ravel(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\xff\xff\xff\x7f{}", b"\x02\x00\x00\x00{]"])
def test_damaged_messages_raise(modules, damage):
    text = modules(
        "run/wire",
        "try { m.decode(Uint8Array.from(x).buffer); return 'read'; } catch (error) { return error.message; }",
        list(damage),
    )
    assert text != "read"


def test_interquartile_mean_is_the_cores_and_its_interval_covers(modules):
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 4, 5, 8, 13):
        values = rng.normal(size=n)
        assert modules("shared/statistics", "return m.interquartileMean(x)", values.tolist()) == pytest.approx(
            float(interquartile_mean(values)), abs=1e-9
        )
    values = rng.normal(size=10).tolist()
    low, high = modules("shared/statistics", "return m.bootstrapInterval(x)", values)
    assert (
        min(values) <= low < modules("shared/statistics", "return m.interquartileMean(x)", values) < high <= max(values)
    )
    again = modules("shared/statistics", "return m.bootstrapInterval(x)", values)
    assert [low, high] == again


def test_decimation_keeps_every_extreme_and_the_order(modules):
    rng = np.random.default_rng(2)
    steps = np.cumsum(rng.integers(1, 9, 5000))
    values = rng.normal(size=5000).cumsum()
    values[rng.integers(0, 5000, 40)] = np.nan
    out = modules(
        "curves/series",
        "return m.decimate(x[0], x[1].map((v) => v ?? NaN))",
        [steps.tolist(), [None if np.isnan(v) else v for v in values]],
    )
    assert len(out["x"]) <= 420
    assert out["x"] == sorted(out["x"])
    assert max(out["y"]) == pytest.approx(np.nanmax(values))
    assert min(out["y"]) == pytest.approx(np.nanmin(values))
    table = dict(zip(steps.tolist(), values, strict=True))
    assert all(table[x] == pytest.approx(y) for x, y in zip(out["x"], out["y"], strict=True))


def test_points_once_drawn_stay_while_the_curve_grows(modules):
    steps, values = list(range(0, 4000, 5)), np.random.default_rng(3).normal(size=800).tolist()
    shorter = modules("curves/series", "return m.decimate(x[0].slice(0, 790), x[1].slice(0, 790))", [steps, values])
    longer = modules("curves/series", "return m.decimate(x[0], x[1])", [steps, values])
    n = len(shorter["x"]) - 2
    assert longer["x"][:n] == shorter["x"][:n]


@pytest.mark.parametrize("kind", ["linear", "log", "symlog"])
def test_axis_scales_return_what_they_were_given(modules, kind):
    values = [0.001, 0.5, 3.0, 1e6] + ([] if kind == "log" else [-2.0, 0.0, -1e4])
    back = modules(
        "curves/series",
        f"const s = new m.AxisScale('{kind}', 2); return x.map((v) => s.backward(s.forward(v)))",
        values,
    )
    assert back == pytest.approx(values, rel=1e-9)
    ticks = modules(
        "curves/series", f"const s = new m.AxisScale('{kind}', 2); return s.ticks([s.forward(0.003), s.forward(4e4)])"
    )
    assert 2 <= len(ticks["values"]) == len(ticks["texts"]) <= 12
    assert ticks["values"] == sorted(ticks["values"]) or kind == "symlog"


DIRECTIONS = {
    "four": [[-1, 0], [0, 1], [1, 0], [0, -1]],
    "two": [[0, -1], [0, 1]],
    "five": [[-1, 0], [0, 1], [1, 0], [0, -1], [0, 0]],
    "eight": [[-1, 0], [-1, 1], [0, 1], [1, 1], [1, 0], [1, -1], [0, -1], [-1, -1]],
    "corner": [[-1, 0], [0, 1]],
    "one": [[1, 0]],
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_wedges_share_the_cell_and_lie_in_their_direction(modules, name):
    directions = DIRECTIONS[name]
    shapes = modules("world/grid", "return m.wedges(x)", directions)
    areas, centres = [], []
    for shape in shapes:
        x, y = np.array(shape).T
        cross = x * np.roll(y, -1) - np.roll(x, -1) * y
        areas.append(abs(cross.sum()) / 2)
        centres.append(np.array([x.mean(), y.mean()]) - 0.5)
        assert np.all((np.array(shape) >= -1e-9) & (np.array(shape) <= 1 + 1e-9))
    moving = [i for i, d in enumerate(directions) if d != [0, 0]]
    assert sum(areas[i] for i in moving) == pytest.approx(1)
    if len(moving) > 1:
        for i in moving:
            row, col = directions[i]
            assert centres[i] @ np.array([col, row]) > 0, f"wedge {i} points elsewhere"


@pytest.mark.parametrize("directions", [[[0, 1], [0, 1]], [[0, 0], [0, 0], [1, 0]], [[0, 0]]])
def test_actions_without_own_directions_become_bars(modules, directions):
    assert modules("world/grid", "return m.wedges(x)", directions) is None


def test_numbers_read_as_they_are(modules):
    cases = {
        0: "0",
        0.5688: "0.569",
        -12.34: "−12.3",
        1240: "1\u2009240",
        3.14e7: "3.1·10⁷",
        2e-9: "2.0·10⁻⁹",
        1e10: "10¹⁰",
    }
    for value, text in cases.items():
        assert modules("shared/format", "return m.number(x)", value) == text
    assert modules(
        "shared/format", "return [m.number(NaN), m.number(Infinity), m.number(-Infinity), m.number(null)]"
    ) == [
        "–",
        "∞",
        "−∞",
        "–",
    ]
    assert modules("shared/format", "return m.symbol(x)", "\\rho") == "ρ"
    assert modules("shared/format", "return m.niceBeyond(x)", -0.73) == pytest.approx(-0.8)


def test_scale_only_grows_and_remembers_when(modules):
    out = modules(
        "shared/scale",
        """const s = new m.Scale({ kind: "value", low: 0, high: 1 });
           s.include(0.2, 0.9, 0); const first = [s.low, s.high, s.grew];
           s.include(-0.3, 4.2, 120); const second = [s.low, s.high, s.grew.step, s.grew.from.high];
           s.include(0, 1, 130); s.clip([-5, 2]);
           const third = [s.low, s.high, s.grew.step];
           return [first, second, third, s.tickText(s.low), s.tickText(s.high), s.at(-1), s.at(99)];""",
    )
    assert out[0] == [0, 1, None]
    assert out[1] == [pytest.approx(-0.3), 5, 120, 1]
    assert out[2][2] == 120
    assert out[3].startswith("≤ ")
    assert not out[4].startswith("≥")
    assert out[5:] == [0, 1]


def test_a_few_wild_values_do_not_take_the_colours_away(modules):
    values = [*np.linspace(0, 1, 200).tolist(), 1e9, 1e12]
    low, high = modules("shared/scale", "return m.robustExtent(Float32Array.from(x), () => true)", values)
    assert low >= 0
    assert high <= 1


@pytest.mark.parametrize("last", [1, 2, 3, 12, 700, 40_000])
def test_steps_are_whole_numbers(modules, last):
    texts = modules("curves/series", "return new m.StepScale(false).ticks(x, 5).values", last)
    assert texts[0] == 0
    assert len(texts) >= 2
    assert all(value == int(value) for value in texts)
