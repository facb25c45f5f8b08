"""What a fetch of an activity brings: Strava's SummaryActivity and DetailedActivity with plausible content.

The content depends on the seed, the activity and nothing else: the same one looks the same on every fetch,
and an edit changes just what was edited.
"""

from __future__ import annotations

import random
from typing import cast

from sandbox.strava.activities import UTC_OFFSET, Activity, iso
from sandbox.strava.exchange import JsonObject
from sandbox.strava.gear import summary_gear
from sandbox.strava.route import Route, encode_polyline, make_route
from sandbox.strava.segments import best_efforts, laps, segment_efforts, splits

#: Without ``include_all_efforts`` Strava leaves out the less important half of a ride's segment efforts.
_IMPORTANT_EFFORTS_SHARE = 0.5

#: How exactly a summary's polyline shows the way; few, so that a page of 200 takes no seconds.
_SUMMARY_POINTS = 200


def route_of(activity: Activity, seed: int) -> Route:
    """The activity's way; empty for what happens indoors."""
    return _route(activity, seed, activity.shape.points)


def summary(activity: Activity, seed: int) -> JsonObject:
    """An entry of ``GET /athlete/activities``."""
    route = _route(activity, seed, min(_SUMMARY_POINTS, activity.shape.points))
    rng = _rng(activity, seed, "summary")
    shape = activity.shape
    moving = activity.moving_time
    outdoors = bool(route.points)
    climb = sum(max(0.0, there - here) for here, there in zip(route.altitudes, route.altitudes[1:]))
    content: JsonObject = {
        "resource_state": 2,
        "athlete": {"id": activity.athlete.id, "resource_state": 1},
        "name": activity.title,
        "distance": activity.distance,
        "moving_time": moving,
        "elapsed_time": moving + (0 if activity.manual else rng.randrange(20, 900)),
        "total_elevation_gain": round(climb, 1),
        "type": activity.type,
        "sport_type": activity.sport_type,
        "workout_type": None,
        "device_name": activity.device_name,
        "id": activity.id,
        "start_date": iso(activity.start_date),
        "start_date_local": iso(activity.start_date + UTC_OFFSET),
        "timezone": "(GMT+02:00) Europe/Helsinki",
        "utc_offset": float(UTC_OFFSET),
        "location_city": None,
        "location_state": None,
        "location_country": activity.athlete.country,
        "achievement_count": shape.segment_efforts // 7,
        "kudos_count": rng.randrange(0, 40),
        "comment_count": rng.randrange(0, 4),
        "athlete_count": 1,
        "photo_count": 0,
        "map": {
            "id": f"a{activity.id}",
            "summary_polyline": encode_polyline(route.points),
            "resource_state": 2,
        },
        "trainer": shape.indoors and not activity.manual,
        "commute": False,
        "manual": activity.manual,
        "private": activity.private,
        "visibility": "only_me" if activity.private else "everyone",
        "flagged": False,
        "gear_id": activity.gear_id,
        "start_latlng": list(route.points[0]) if outdoors else [],
        "end_latlng": list(route.points[-1]) if outdoors else [],
        "average_speed": round(shape.speed, 3),
        "max_speed": round(shape.speed * 1.9, 3),
        "has_heartrate": not activity.manual,
        "heartrate_opt_out": False,
        "display_hide_heartrate_option": not activity.manual,
        "upload_id": None if activity.manual else activity.id + 777,
        "upload_id_str": None if activity.manual else str(activity.id + 777),
        "external_id": None if activity.manual else f"garmin_ping_{activity.id}",
        "from_accepted_tag": False,
        "pr_count": shape.segment_efforts // 15,
        "total_photo_count": 2 if outdoors else 0,
        "has_kudoed": False,
    }
    if not activity.manual:
        content.update(_measured(rng, activity, route))
    return content


def detail(activity: Activity, seed: int, route: Route, *, all_efforts: bool = True) -> JsonObject:
    """The answer of ``GET /activities/{id}``."""
    rng = _rng(activity, seed, "detail")
    content = summary(activity, seed)
    short_polyline = cast("dict[str, str]", content["map"])["summary_polyline"]
    efforts = segment_efforts(rng, activity, route)
    if not all_efforts:
        efforts = efforts[: round(len(efforts) * _IMPORTANT_EFFORTS_SHARE)]
    content.update(
        {
            "resource_state": 3,
            "map": {
                "id": f"a{activity.id}",
                "polyline": encode_polyline(route.points),
                "resource_state": 3,
                "summary_polyline": short_polyline,
            },
            "description": activity.description,
            "calories": round(activity.moving_time * rng.uniform(0.1, 0.2), 1),
            "perceived_exertion": None,
            "prefer_perceived_exertion": False,
            "segment_efforts": efforts,
            "splits_metric": splits(rng, activity, route, 1_000.0),
            "splits_standard": splits(rng, activity, route, 1_609.344),
            "laps": laps(rng, activity),
            "best_efforts": best_efforts(rng, activity),
            "gear": _gear(activity),
            "photos": _photos(rng, outdoors=bool(route.points)),
            "stats_visibility": [
                {"type": name, "visibility": "everyone"}
                for name in ("heart_rate", "pace", "power", "speed", "calories")
            ],
            "hide_from_home": False,
            "embed_token": f"{rng.getrandbits(160):040x}",
            "similar_activities": {
                "effort_count": 1,
                "average_speed": round(activity.shape.speed, 3),
                "min_average_speed": round(activity.shape.speed, 3),
                "mid_average_speed": round(activity.shape.speed, 3),
                "max_average_speed": round(activity.shape.speed, 3),
                "pr_rank": None,
                "frequency_milestone": None,
                "trend": {
                    "speeds": [round(activity.shape.speed, 3)],
                    "current_activity_index": 0,
                    "min_speed": round(activity.shape.speed, 3),
                    "mid_speed": round(activity.shape.speed, 3),
                    "max_speed": round(activity.shape.speed, 3),
                    "direction": 0,
                },
                "resource_state": 2,
            },
            "available_zones": [] if activity.manual else ["heartrate"],
        }
    )
    return content


def _route(activity: Activity, seed: int, points: int) -> Route:
    """The same way for any number of points."""
    if not points:
        return Route((), (), activity.distance)
    centre = (activity.athlete.latitude, activity.athlete.longitude)
    return make_route(_rng(activity, seed, "route"), centre, activity.distance, points)


def _measured(rng: random.Random, activity: Activity, route: Route) -> JsonObject:
    values: JsonObject = {
        "average_heartrate": round(rng.uniform(118.0, 152.0), 1),
        "max_heartrate": float(rng.randrange(160, 188)),
        "suffer_score": float(rng.randrange(12, 190)),
        "average_cadence": round(rng.uniform(72.0, 90.0), 1),
    }
    if route.points:
        values.update(
            {
                "elev_high": max(route.altitudes),
                "elev_low": min(route.altitudes),
                "average_temp": rng.randrange(-4, 29),
            }
        )
    if activity.type == "Ride":
        watts = rng.uniform(130.0, 240.0)
        values.update(
            {
                "average_watts": round(watts, 1),
                "max_watts": rng.randrange(500, 1_100),
                "weighted_average_watts": round(watts * 1.12),
                "device_watts": True,
                "kilojoules": round(watts * activity.moving_time / 1_000, 1),
            }
        )
    return values


def _gear(activity: Activity) -> JsonObject | None:
    """With its distance of long ago: otherwise no activity would look the same after the next one."""
    return None if activity.gear is None else summary_gear(activity.gear, 0.0)


def _photos(rng: random.Random, *, outdoors: bool) -> JsonObject:
    if not outdoors:
        return {"primary": None, "count": 0}
    unique = f"{rng.getrandbits(128):032x}"
    return {
        "primary": {
            "unique_id": unique,
            "urls": {
                "600": f"https://pictures.invalid/{unique}-600x450.jpg",
                "100": f"https://pictures.invalid/{unique}-128x96.jpg",
            },
            "source": 1,
            "media_type": 1,
        },
        "use_primary_photo": False,
        "count": 2,
    }


def _rng(activity: Activity, seed: int, part: str) -> random.Random:
    return random.Random(f"{part} {seed} {activity.id}")
