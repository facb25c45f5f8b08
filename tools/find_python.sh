#!/bin/sh
# Print the path of a Python that the build tools accept (ucc-gen 6.6.0: below 3.14; our pins: 3.10 and up) and that
# can make virtual environments. Each candidate is asked, not believed: a shim of pyenv may exist for a version that
# is not active, and Debian's python3 comes without ensurepip.
set -u
asked=""
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.10 python3 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-3]*/bin/python; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    found=$("$candidate" -c 'import sys
print("%d.%d" % sys.version_info[:2])
if (3, 10) <= sys.version_info[:2] <= (3, 13):
    import ensurepip, ssl, venv
    print(sys.executable)' 2>/dev/null)
    path=$(printf '%s\n' "$found" | sed -n 2p)
    if [ -n "$path" ]; then
        printf '%s\n' "$path"
        exit 0
    fi
    asked="$asked $candidate ($(printf '%s\n' "${found:-does not run}" | sed -n 1p))"
done
echo "A Python 3.10, 3.11, 3.12 or 3.13 with the modules venv, ensurepip and ssl is needed and none was found" \
    "(Debian: apt-get install python3 python3-venv; or name one with PYTHON=/path/to/python). Asked:${asked:- nothing}." >&2
exit 1
