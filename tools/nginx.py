"""The nginx that an integration test puts in front of the listener."""

from __future__ import annotations

from tools.debian import Program

HOW_TO_GET_IT = (
    "there is no nginx on this host (Debian: apt-get install nginx, macOS: brew install nginx; or name another "
    "one's path in the variable NGINX)"
)

_NGINX = Program(
    title="nginx",
    # Debian puts it where only root's PATH leads; macOS's brew does not.
    names=("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"),
    variable="NGINX",
    packages=("nginx",),
)
find, ready = _NGINX.find, _NGINX.ready
