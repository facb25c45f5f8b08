"""What Strava tells about an athlete who allowed it: the detailed profile and the zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.strava.accounts import Athlete, Profile, summary_athlete
from sandbox.strava.exchange import JsonObject
from sandbox.strava.gear import Gear, gear_in_profile

#: Where one zone of power ends and the next begins, as parts of the FTP.
_POWER_LIMITS = (0.55, 0.75, 0.9, 1.05, 1.2, 1.5)


def detailed_athlete(athlete: Athlete, gear: list[Gear], gone: Mapping[str, float]) -> JsonObject:
    """The answer of ``GET /athlete`` with the scope ``profile:read_all``; ``gone``: metres by id of the gear."""
    return {
        **summary_athlete(athlete),
        "resource_state": 3,
        "blocked": False,
        "can_follow": True,
        "follower_count": 12,
        "friend_count": 9,
        "mutual_friend_count": 0,
        "athlete_type": 1,
        "date_preference": "%d/%m/%Y",
        "measurement_preference": "meters",
        "clubs": [],
        "ftp": athlete.profile.ftp,
        "is_winback_via_upload": False,
        "is_winback_via_view": False,
        **gear_in_profile(gear, gone),
    }


def zones(athlete: Athlete) -> JsonObject:
    """The answer of ``GET /athlete/zones``; without an FTP there are no zones of power."""
    profile = athlete.profile
    found: JsonObject = {
        "heart_rate": {"custom_zones": profile.custom_zones, "zones": _between(profile.heart_rate_limits)}
    }
    if profile.ftp is not None:
        found["power"] = {
            "zones": _between([round(profile.ftp * share) for share in (0.55, 0.75, 0.9, 1.05, 1.2, 1.5)])
        }
    return found


def edit(profile: Profile, fields: Mapping[str, object]) -> None:
    """Change values of a profile; refuses names that it has not."""
    for name, value in fields.items():
        if not hasattr(profile, name):
            raise ValueError(f"A profile has no {name!r}.")
        setattr(profile, name, value)


def _between(limits: Sequence[int]) -> list[JsonObject]:
    """Zones between these limits; the last one has no end, which Strava writes as -1."""
    return [{"min": low, "max": high} for low, high in zip((0, *limits), (*limits, -1))]
