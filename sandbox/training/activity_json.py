"""An activity as Strava would describe it, computed from its track: SummaryActivity and DetailedActivity."""

from __future__ import annotations

import random
from functools import cache

from sandbox.strava.activities import iso
from sandbox.strava.exchange import JsonObject
from sandbox.strava.gear import summary_gear
from sandbox.strava.route import encode_polyline
from sandbox.training.body import relative_effort
from sandbox.training.done import Done
from sandbox.training.efforts import best_efforts, segment_efforts
from sandbox.training.personal_records import PersonalRecords
from sandbox.training.recording import Track
from sandbox.training.roads import Course
from sandbox.training.stretches import MILE, laps, splits

#: What has splits, and its energy from the way.
ON_FOOT = ("Run", "Walk", "Hike")
#: One point in so many is in a summary's polyline.
_SUMMARY_STEP = 6
#: What only ``GET /activities/{id}`` tells, not a list.
DETAIL_ONLY = frozenset(
    {
        "description",
        "calories",
        "perceived_exertion",
        "prefer_perceived_exertion",
        "segment_efforts",
        "splits_metric",
        "splits_standard",
        "laps",
        "best_efforts",
        "gear",
        "photos",
        "stats_visibility",
        "hide_from_home",
        "embed_token",
        "similar_activities",
        "available_zones",
    }
)


def summary_of(detail: JsonObject) -> JsonObject:
    """What a list shows of an activity."""
    found = {name: value for name, value in detail.items() if name not in DETAIL_ONLY}
    route = detail["map"]
    assert isinstance(route, dict)
    found["map"] = {"id": route["id"], "summary_polyline": route["summary_polyline"], "resource_state": 2}
    found["resource_state"] = 2
    return found


def describe(done: Done, records: PersonalRecords, gone: float, rng: random.Random) -> JsonObject:
    """The answer of ``GET /activities/{id}``; ``gone`` are the metres of its gear so far, with this activity."""
    session, track, athlete = done.session, done.track, done.person.athlete
    offset = done.offset
    outdoors = session.course is not None
    line, short_line = ("", "") if session.course is None else _polylines(session.course)
    points = [] if session.course is None else session.course.points
    efforts = segment_efforts(done, records, rng)
    best = best_efforts(done, records, rng)
    ranks = [one["pr_rank"] for one in (*efforts, *best) if one["pr_rank"] is not None]
    speed = done.distance / done.moving_time
    speeds = _speeds(track)
    manual = session.manual
    heart = session.heartrate and not manual
    on_foot = session.type in ON_FOOT
    social = rng.randrange(30, 160) if session.race else max(0, round(rng.gauss(3 if session.commute else 14, 6)))
    visibility = "only_me" if session.private else "everyone"
    content: JsonObject = {
        "resource_state": 3,
        "athlete": {"id": athlete.id, "resource_state": 1},
        "name": session.title,
        "distance": done.distance,
        "moving_time": done.moving_time,
        "elapsed_time": done.elapsed_time,
        "total_elevation_gain": round(track.climb(), 1) if outdoors else 0,
        "type": session.type,
        "sport_type": session.sport_type,
        "workout_type": session.workout_type,
        "device_name": session.device,
        "id": done.activity_id,
        "start_date": iso(done.start),
        "start_date_local": iso(done.start + offset),
        "timezone": session.town.zone_label,
        "utc_offset": float(offset),
        "location_city": None,
        "location_state": None,
        "location_country": session.town.country or None,
        "achievement_count": len(ranks),
        "kudos_count": social,
        "comment_count": min(social, rng.randrange(0, 12 if session.race else 3)),
        "athlete_count": rng.randrange(1, 60) if session.race else 1,
        "photo_count": 0,
        "map": {
            "id": f"a{done.activity_id}",
            "polyline": line,
            "resource_state": 3,
            "summary_polyline": short_line,
        },
        "trainer": session.trainer,
        "commute": session.commute,
        "manual": manual,
        "private": session.private,
        "visibility": visibility,
        "flagged": False,
        "gear_id": None if session.gear is None else session.gear.id,
        "start_latlng": list(points[0]) if points else [],
        "end_latlng": list(points[-1]) if points else [],
        "average_speed": round(speed, 3),
        "max_speed": round(max([*speeds, speed]), 3),
        "has_heartrate": heart,
        "heartrate_opt_out": False,
        "display_hide_heartrate_option": heart,
        "upload_id": None if manual else done.activity_id + 777,
        "upload_id_str": None if manual else str(done.activity_id + 777),
        "external_id": None if manual else f"sample_{done.activity_id}.fit",
        "from_accepted_tag": False,
        "pr_count": sum(rank == 1 for rank in ranks),
        "total_photo_count": 0,
        "has_kudoed": False,
    }
    if not manual:
        content.update(_measured(done, rng, heart=heart))
    content.update(
        {
            "description": session.description,
            "calories": round(_calories(done), 1),
            "perceived_exertion": None,
            "prefer_perceived_exertion": False,
            "segment_efforts": list(efforts),
            "splits_metric": splits(done, 1_000.0) if on_foot else [],
            "splits_standard": splits(done, MILE) if on_foot else [],
            "laps": laps(done),
            "best_efforts": list(best),
            "gear": None if session.gear is None else summary_gear(session.gear, gone),
            "photos": {"primary": None, "count": 0},
            "stats_visibility": [{"type": name, "visibility": "everyone"} for name in ("heart_rate", "pace", "power")],
            "hide_from_home": False,
            "embed_token": f"{rng.getrandbits(160):040x}",
            "available_zones": [name for name, has in (("heartrate", heart), ("power", session.power)) if has],
        }
    )
    return content


@cache
def _polylines(course: Course) -> tuple[str, str]:
    """Of the activity in full, and of its entry in a list."""
    points = course.points
    return encode_polyline(points), encode_polyline([*points[:-1:_SUMMARY_STEP], points[-1]])


def _measured(done: Done, rng: random.Random, *, heart: bool) -> JsonObject:
    session, track = done.session, done.track
    found: JsonObject = {}
    if heart:
        found["average_heartrate"] = round(track.mean(track.heartrate), 1)
        found["max_heartrate"] = float(round(max(track.heartrate)))
        zones = track.in_zones(done.person.constitution.heartrate_limits)
        found["suffer_score"] = float(round(relative_effort(zones)))
    if session.course is not None:
        found["elev_high"] = max(track.altitudes)
        found["elev_low"] = min(track.altitudes)
    if session.sport_type not in ("WeightTraining", "VirtualRide", "Swim"):
        found["average_temp"] = round(track.celsius)
    if any(track.cadence) and session.device != "Strava App":
        found["average_cadence"] = round(track.mean(track.cadence), 1)
    if session.type in ("Ride", "VirtualRide"):
        watts = track.mean(track.watts)
        found["average_watts"] = round(watts, 1)
        found["kilojoules"] = round(watts * done.moving_time / 1000, 1)
        found["device_watts"] = session.power
        if session.power:
            found["weighted_average_watts"] = round(track.mean([one**4 for one in track.watts]) ** 0.25)
            found["max_watts"] = round(max(track.watts) * rng.uniform(1.2, 1.9))
    return found


def _calories(done: Done) -> float:
    """Kilocalories: of work on a bike, of metres on foot, else of time."""
    weight = done.person.constitution.weight
    if any(done.track.watts):
        return done.track.mean(done.track.watts) * done.moving_time / 1000 * 1.1
    if done.session.type in ON_FOOT:
        return done.distance / 1000 * weight * 1.02
    return done.moving_time / 3600 * weight * (8.5 if done.session.type == "Swim" else 4.0)


def _speeds(track: Track) -> list[float]:
    """Metres a second between points."""
    return [
        (track.metres[index] - track.metres[index - 1]) / (track.moving[index] - track.moving[index - 1])
        for index in range(1, len(track))
    ]
