"""What tests of all kinds share."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.certificates import Certificates
from tests.support import built


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate authority, made once: keys take their time."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def built_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built add-on, to be put into sandboxes. Without it a test fails: nothing of the core is skipped."""
    try:
        return built.compiled(tmp_path_factory.mktemp("built"))
    except FileNotFoundError as missing:
        pytest.fail(str(missing))
