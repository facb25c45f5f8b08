"""A stand-in for Splunk Web, in front of the stand-in for splunkd.

It serves what a browser needs to work with the built pages of an add-on: the log-in, the app's views and static
files, the scripts that those pages expect of Splunk Web, and splunkd's REST interface under `splunkd/__raw`, with the
session's key and as far as web.conf exposes it.

    with Splunkd(app=…, home=…, python=…) as splunkd, SplunkWeb(splunkd, certificates) as web:
        print(web.url, splunkd.sessions.USER, splunkd.sessions.password)
        …
        assert not web.unknown

Written from the open-source packages that the pages are built of and from Splunk's public documentation. What it does
not know it answers with 404, writes into splunkd.log, and lists in `unknown`.
"""

from .splunk_web import SplunkWeb

__all__ = ["SplunkWeb"]
