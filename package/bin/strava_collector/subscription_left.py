"""What the user is told about a subscription that was to be removed with its input, and is still at Strava.

The message outlives the input, so it goes by the application's name: whoever finds the subscription gone, or an input
of the application running again, takes it back.
"""

from __future__ import annotations

import re
from typing import Optional

from strava_collector.ports import ERROR, Messages

#: What may not be part of a message's name.
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")


def tell(messages: Messages, *, input: str, application: str, why: str, subscription_id: Optional[int]) -> None:
    """Show it. ``why`` has whole sentences; ``subscription_id`` is None if nobody here knows which one it is."""
    text = left_message(why, application, subscription_id)
    messages.post(_name(application), f"{input}: {text}", ERROR)


def left_message(why: str, application: str, subscription_id: Optional[int]) -> str:
    """Return what the user is told."""
    what = (
        f"The subscription of the application “{application}” was to be removed, and as far as is known it is still "
        f"there: {why}"
    )
    if subscription_id is None:
        return (
            f"{what} Delete it, or Strava keeps calling: “strava_admin.py subscriptions list” shows its number, and "
            "“strava_admin.py subscriptions delete …” takes it."
        )
    return (
        f"{what} Delete it, or Strava keeps calling, with the command “strava_admin.py subscriptions delete "
        f"{subscription_id}”."
    )


def take_back(messages: Messages, application: str) -> None:
    """It is gone, or an input is there for it again."""
    messages.clear(_name(application))


def _name(application: str) -> str:
    return _UNNAMEABLE.sub("_", f"ta_strava_webhook_subscription_left_{application}")
