"""The command line for operators: jobs, subscriptions and the set-up check.

``$SPLUNK_HOME/bin/splunk cmd python $SPLUNK_HOME/etc/apps/TA_strava_webhook/bin/strava_admin.py <group> <verb> …``
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Before anything is imported: the wrong user, who is refused, must leave no compiled files behind.
    sys.dont_write_bytecode = True
    from strava_admin_command import main

    sys.exit(main(sys.argv[1:]))
