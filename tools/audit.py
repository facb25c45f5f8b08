"""Asks whether a weakness is known of a library that is shipped: ``make audit``.

Not part of ``make lint``: the answer depends on the day, and needs a database on the internet. Where there is none,
pip-audit would leave out what it cannot find and call that a success; here this is a failure, with a sentence.
"""

from __future__ import annotations

from tools import environments
from tools.progress import exit_with, run, say

_SHIPPED = environments.ROOT / "package" / "lib" / "requirements.txt"

#: PyPI knows advisories of its own packages; OSV knows more and is asked if PyPI cannot be.
_DATABASES = ("pypi", "osv")
#: What pip-audit says when a database has not judged everything.
_UNANSWERED = ("could not be audited", "ConnectionError", "ServiceError", "ReadTimeout", "ConnectionFailed")


def main() -> int:
    try:
        python = environments.audit().ready()
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    for database in _DATABASES:
        command = [str(python), "-B", "-m", "pip_audit", "--strict", "--no-deps", "--disable-pip", "--progress-spinner"]
        command += ["off", "--timeout", "15", "-s", database, "-r", str(_SHIPPED)]
        finished = run(f"pip-audit ({database})", command, folder=environments.ROOT)
        if not any(words in finished.output for words in _UNANSWERED):
            say(finished.output.strip())
            return finished.status
        say(f"{database} could not be asked.")
    say("Nobody could be asked: whether a weakness is known of what is shipped is open. Ask again with a network.")
    return 1


if __name__ == "__main__":
    exit_with(main)
