"""Every shipped module imports with nothing but the add-on's own ``bin`` and ``lib`` on the path."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tools import environments, interpreters

#: Modules of libraries that need what is not shipped and that nothing here imports, with what they miss.
OPTIONAL = {
    "defusedxml.lxml": "lxml",
    "splunktaucclib.alert_actions_base": "splunk.clilib.cli_common",
    "splunktaucclib.cim_actions": "splunk.clilib.cli_common",
    "urllib3.contrib._securetransport.bindings": "macOS",
    "urllib3.contrib._securetransport.low_level": "macOS",
    "urllib3.contrib.ntlmpool": "ntlm",
    "urllib3.contrib.pyopenssl": "pyOpenSSL",
    "urllib3.contrib.securetransport": "macOS",
}


@pytest.mark.parametrize("python_version", interpreters.SERVED)
def test_every_module_imports_in_a_bare_python(python_version: str, addon: Path) -> None:
    python = interpreters.find(python_version)
    if python is None:
        pytest.skip(f"there is no Python {python_version} on this host")
    script = Path(__file__).with_name("import_all.py")
    stand_ins = environments.ROOT / "sandbox" / "splunk_modules"  # splunk, splunk.admin: part of Splunk's own Python
    home = addon.parents[2]
    (home / "var" / "log" / "splunk").mkdir(parents=True, exist_ok=True)
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    finished = subprocess.run(
        [str(python), "-E", "-s", "-S", "-B", str(script), str(addon), str(stand_ins)],
        cwd=addon,
        env={**surroundings, "SPLUNK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    faults = {name: fault for name, fault in answer["faults"].items() if name not in OPTIONAL}
    assert faults == {}
    assert answer["outside"] == []
    assert {"strava_webhook", "strava_webhook_helper", "strava_collector.service", "solnlib.log"} <= set(
        answer["modules"]
    )
