"""The stored presets are the ones that the program declares, and say what they show."""

import gzip
import struct

import numpy as np
import pytest

from offrl_live.runs import wire
from offrl_live.runs.export import messages_of
from offrl_live.runs.recorder import record, schedule
from offrl_ui.gallery.presets import presets
from offrl_ui.playground.replay_file import replay_html


def _last_frame(recording):
    """Header and fields of the last frame; a recording's frames come together, their fields in one payload."""
    raw, at, last = gzip.decompress(recording), 0, None
    while at < len(raw):
        binary, length = struct.unpack_from("<BI", raw, at)
        if binary:
            last = raw[at + 5 : at + 5 + length]
        at += 5 + length
    header, payload = wire.split(last)
    frame = header["frames"][-1]
    return frame, wire.unpack(frame["fields"], payload)


def _final(name):
    preset = presets()[name]
    export = record(preset.config, schedule(preset.steps, 20))
    names = [metric["name"] for metric in export.hello["metrics"]]
    return export, {n: export.frames[-1].metrics[:, i] for i, n in enumerate(names)}


def test_there_is_a_preset_for_every_part_and_each_is_stored_small():
    assert len(presets()) >= 12
    assert len({preset.part for preset in presets().values()}) >= 4
    for preset in presets().values():
        assert len(preset.stored) < 1_500_000, preset.id
        assert gzip.decompress(preset.stored)[0] == 0


def test_no_recorded_policy_is_worth_more_than_the_best():
    """What stands beside each other on screen keeps its order: `Q^π ≤ Q*`, at every frame, state and action."""
    seen = 0
    for preset in presets().values():
        binary = [wire.split(m) for m in messages_of(preset.stored) if isinstance(m, bytes)]
        (best,) = [wire.unpack(h["fields"], payload)["q_star"] for h, payload in binary if h["kind"] == "static"]
        for header, payload in binary:
            for frame in header.get("frames", []):
                fields = wire.unpack(frame["fields"], payload)
                assert (fields["q_pi"] <= best).all(), (preset.id, frame["step"])
                seen += 1
    assert seen > 1000


@pytest.mark.parametrize("name", ["stitching", "rwr-temperature", "marwil-beta", "deadly-triad"])
def test_stored_recordings_are_what_the_script_computes(name):
    preset = presets()[name]
    stored, fresh = (_last_frame(data) for data in (preset.stored, preset.compute()))
    assert stored[0]["step"] == fresh[0]["step"]
    newer = {"reads", "reads_share"}  # a recording made before frames had them goes on without
    assert fresh[1].keys() - newer == stored[1].keys() >= {"metrics", "policy"}
    for field, values in stored[1].items():  # another processor may round exp() differently in the last bit
        np.testing.assert_allclose(values, fresh[1][field], rtol=2e-3, atol=1e-3, err_msg=field)


def test_what_the_sentences_claim():
    _, m = _final("stitching")
    np.testing.assert_allclose(m["return"], 0.5688, atol=1e-4)
    _, m = _final("cloning-copies")
    assert m["return"][0] == pytest.approx(0.2304, abs=1e-3)
    export, _ = _final("emrl-runaway")
    assert export.frames[-1].fields["policy"][0, 0, 0] > 0.999
    export, _ = _final("wrong-weight")
    np.testing.assert_allclose(export.frames[-1].fields["policy"][0, 0], [1 / 3, 2 / 3], atol=1e-3)
    _, m = _final("rwr-temperature")
    assert (np.diff(m["return"]) < 0).all()
    _, m = _final("rwr-overflow")
    assert m["weight_max"][0] < 1e-30
    _, m = _final("marwil-beta")
    assert m["return"][0] == pytest.approx(0.2304, abs=1e-3)
    assert 0.3 < m["return"].max() < 0.5
    _, m = _final("iql-expectile")
    assert (np.diff(m["return"]) > 0).all()
    assert m["value_start"][0] == pytest.approx(0.2304, abs=1e-3)
    _, m = _final("naive-q")
    assert (m["return"] == 0).all()
    assert (m["value_start"] > 0.5688).all()
    export, _ = _final("deadly-triad")
    assert export.state == "diverged"
    _, m = _final("triad-border")
    assert (np.abs(m["q_data"][:3]) < 1e-6).all()
    assert m["q_data"][3] > 1e12
    _, m = _final("bcq-rho")
    assert m["return"][:2].max() < 0.01
    np.testing.assert_allclose(m["return"][2:12], 0.5688, atol=1e-4)
    np.testing.assert_allclose(m["return"][12:], 0.2321, atol=1e-4)
    _, m = _final("cql-forms")
    np.testing.assert_allclose(m["return"], [0, 0, 0, 0.5688], atol=1e-4)
    assert m["q_missing"][0] < -20
    _, m = _final("side-by-side")
    np.testing.assert_allclose(m["return"][::2], [0.2304, 0.2449, 0, 0.5688], atol=1e-3)
    export, m = _final("icu")
    assert m["return"][0] == pytest.approx(0.814, abs=0.005)
    assert export.hello["truth"]["behavior"] == pytest.approx(0.782, abs=5e-4)


def test_a_replay_refuses_what_is_no_recording_and_escapes_its_title():
    with pytest.raises(ValueError, match="gzipped"):
        replay_html(b"no", "x")
    page = replay_html(presets()["stitching"].stored, "</title><script>", charts=False, mode="q").decode()
    assert "</title><script>" not in page
    with pytest.raises(ValueError, match="mode"):
        replay_html(presets()["stitching"].stored, "x", mode="nonsense")
