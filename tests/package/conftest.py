"""The built package, as it is handed to Splunk Web."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tools import environments, package


@pytest.fixture(scope="session")
def version() -> str:
    """The version as it stands in the sources."""
    return package.version_of(environments.ROOT)


@pytest.fixture(scope="session")
def tarball(version: str) -> Path:
    """What ``make package`` wrote; ``make test`` builds it before these tests."""
    path = environments.ROOT / "dist" / f"{package.ADDON}-{version}.tar.gz"
    assert path.is_file(), f"{path} is missing: run `make package`"
    return path


@pytest.fixture(scope="session")
def addon(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The add-on's folder after the tarball was unpacked where Splunk Web unpacks it."""
    apps = tmp_path_factory.mktemp("splunk") / "etc" / "apps"
    apps.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        archive.extractall(apps, filter="fully_trusted")
    return apps / package.ADDON
