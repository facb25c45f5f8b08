"""Thirty days of 200 athletes in seconds: the production modules in virtual time, without sockets and threads.

Run it with ``make simulate``, or one case with ``make simulate CASE="--seed 7"``. With ``CASE="--history"`` 20
athletes have 20,000 activities already, an input *Strava Activities* lists them, and 1 % of the notifications are lost.
The same case gives the same result each time. What happens:

* ``habits``: what the athletes do; ``world`` does it at the stand-in for Strava and keeps a journal.
* ``past``: what there was before, and what becomes of it; only with a history.
* ``post``: Strava's notifications, sent three times at most; ``misfortunes``: what goes wrong meanwhile.
* ``host`` has all that outlives a process; a ``runner`` starts the process of an input and lets it die, each
  ``life`` alone. ``input_process`` and ``listing_process`` put the production modules together as the services do;
  ``wire`` is their transport, ``index`` takes their events.
* ``timeline`` is the virtual time; what takes time lets the rest go on.
* ``judge`` compares the collected events with what Strava has, and makes the figures of a ``result``; ``oracle`` says
  how fast anybody could have been, ``pollers`` what others would have cost; ``gaps`` are what nobody told, and
  ``judge_history`` says how soon they were closed, and what became of a history; ``content`` is what is compared;
  ``table`` prints all of it, and ``shrink`` looks for the smallest case that fails.

The only parts of the collector that are not here: the listener with its TLS (a notification is committed by
``inbox.add`` in a transaction of its own), the settings loop, and splunkd. Profiles and gear are looked at only with a
history: for 200 athletes that would take twice the time.
"""
