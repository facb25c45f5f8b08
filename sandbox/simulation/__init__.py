"""Thirty days of 200 athletes in seconds: the production modules in virtual time, without sockets and threads.

Run it with ``make simulate``, or one case with ``make simulate CASE="--seed 7"``. The same case gives the same
result each time. What happens:

* ``habits``: what the athletes do; ``world`` does it at the stand-in for Strava and keeps a journal.
* ``post``: Strava's notifications, sent three times at most; ``misfortunes``: what goes wrong meanwhile.
* ``host`` runs the input's process and lets it die; ``input_process`` puts the production modules together as the
  service does; ``wire`` is their transport, ``index`` takes their events.
* ``timeline`` is the virtual time; what takes time lets the rest go on.
* ``judge`` compares the collected events with what Strava has; ``oracle`` says how fast anybody could have been,
  ``pollers`` what others would have cost; ``table`` prints all of it, and ``shrink`` looks for the smallest case that
  fails.

The only parts of the collector that are not here: the listener with its TLS (a notification is committed by
``inbox.add`` in a transaction of its own), the settings loop, and splunkd.
"""
