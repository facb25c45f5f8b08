"""The certificate is renewed again and again while notifications arrive, over real TLS."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

from sandbox.patience import patience
from strava_collector.clock import SystemClock
from tests.support.listening import notification, post
from tests.support.renewing import Club
from tests.support.waiting import until

RENEWALS = 100
#: So many notifications are answered at least between two renewals.
EACH_TIME = 10


def test_not_one_notification_fails_while_the_certificate_is_renewed_a_hundred_times(tmp_path: Path) -> None:
    club = Club(tmp_path, SystemClock())  # the listener's time limits are for clients, who live in real time
    club.look()
    stop = threading.Event()
    answered: list[int] = []
    failures: list[BaseException] = []

    def send(sender: int) -> None:
        """Send on a connection that is kept, and on a new one for each notification."""
        try:
            with club.connect() as kept:
                for number in range(1_000_000 * sender, 1_000_000 * (sender + 1), 2):
                    answered.append(kept.ask(post(notification(number + 1))).status)
                    with club.connect() as fresh:
                        answered.append(fresh.ask(post(notification(number + 2))).status)
                    if stop.is_set():
                        return
        except BaseException as error:
            failures.append(error)

    def more_than(enough: int) -> bool:
        return bool(failures) or len(answered) > enough

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(3)]
    for thread in threads:
        thread.start()
    try:
        for renewal in range(RENEWALS):
            issued = club.issue(f"renewal{renewal}")
            enough = len(answered) + EACH_TIME
            until(partial(more_than, enough))
            if renewal % 3 == 2:  # the key now, the certificate later, and looks in between
                club.files.store(issued)
                club.files.link("privkey")
                assert list(club.look(3)) == ["renewal"]
                club.files.link("fullchain")
            else:
                club.files.renew(issued)
            assert club.look(2) == {}
            assert club.served() == f"renewal{renewal}"
    finally:
        stop.set()
        for thread in threads:
            thread.join(patience(10))
        club.kept.stop(5.0)
    assert failures == []
    assert set(answered) == {200}
    assert len(club.store.stored) == len(answered)
