"""What tests of all kinds share."""

from __future__ import annotations

import pytest

from sandbox.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate authority, made once: keys take their time."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
