"""What the README promises, and the settings that the app relies on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from streamlit import config as streamlit_config

from offrl_ui.shared import colours

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_the_readme_has_two_commands_of_one_line():
    commands = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    assert [command.strip().count("\n") for command in commands] == [0, 0]
    environment = "python3 -m venv .venv && . .venv/bin/activate && "
    assert commands[0].strip() == f"{environment}pip install -e . && streamlit run app.py"
    assert commands[1].strip() == f'{environment}pip install -e ".[test]" && pytest'


def test_every_link_and_picture_in_the_readme_exists():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert "docs/map.md" in targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_the_readmes_python_runs(tmp_path: Path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL))
    kept = {**os.environ, "OFFRL_EXPERIMENTS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=kept, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "step" in done.stdout
    assert "?v=1&data=cliff" in done.stdout


def test_the_settings_that_the_app_relies_on():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
    assert settings["server"]["maxUploadSize"] == 200
    assert settings["server"]["showEmailPrompt"] is False
    assert settings["browser"]["gatherUsageStats"] is False
    for section, values in settings.items():
        for name, value in values.items():
            known = f"{section}.{name}" in streamlit_config._config_options_template
            assert known or isinstance(value, dict), f"{section}.{name} is no setting of this Streamlit"


def test_the_checks_are_a_script_that_bash_can_read():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_charts_and_stage_have_the_same_colours():
    palette = (ROOT / "offrl_ui" / "assets" / "shared" / "palette.js").read_text()
    for name, stops in (
        ("VIRIDIS", colours.VIRIDIS),
        ("CIVIDIS", colours.CIVIDIS),
        ("ACTIONS_LIGHT", colours.ACTIONS_LIGHT),
        ("ACTIONS_DARK", colours.ACTIONS_DARK),
        ("DIVERGING_LIGHT", colours.DIVERGING_LIGHT),
        ("DIVERGING_DARK", colours.DIVERGING_DARK),
    ):
        (found,) = re.findall(rf"const {name} = \[(.*?)\];", palette, flags=re.DOTALL)
        assert re.findall(r"#[0-9a-f]{6}", found) == list(stops), name


def test_the_changelog_has_a_section_for_what_is_not_released():
    assert re.search(r"^## \[Unreleased\]$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
