"""Who exists at the stand-in: API applications and athletes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sandbox.strava.exchange import JsonObject, refused

#: A town for those athletes who were given none: name, state, country, latitude and longitude of its centre.
_TOWNS = (
    ("Göteborg", "Västra Götaland", "Sweden", 57.7089, 11.9746),
    ("Innsbruck", "Tirol", "Austria", 47.2692, 11.4041),
    ("São Paulo", "São Paulo", "Brazil", -23.5505, -46.6333),
    ("京都市", "京都府", "Japan", 35.0116, 135.7681),
    ("Reykjavík", "Höfuðborgarsvæðið", "Iceland", 64.1466, -21.9426),
)


@dataclass
class Application:
    """An API application as its owner sees it at Strava's settings page."""

    name: str
    client_id: int
    client_secret: str
    #: The "Authorization Callback Domain"; localhost and 127.0.0.1 are allowed besides.
    callback_domain: str
    #: Strava has switched it off: 403 on everything.
    inactive: bool = False


@dataclass
class Profile:
    """What an athlete may change about themselves."""

    city: str
    state: str
    country: str
    sex: str
    #: Kilograms.
    weight: float | None = 64.5
    #: Watts.
    ftp: int | None = 231
    #: Where one zone of the heart rate ends and the next begins.
    heart_rate_limits: tuple[int, ...] = (115, 133, 152, 171)
    #: Whether they chose those themselves.
    custom_zones: bool = False


@dataclass(frozen=True)
class Athlete:
    """A person with an account at Strava."""

    id: int
    first_name: str
    last_name: str
    city: str
    state: str
    country: str
    #: Where their routes start.
    latitude: float
    longitude: float
    profile: Profile = field(compare=False)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Accounts:
    """All applications and athletes, found by their ids."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"accounts {seed}")
        self.applications: dict[int, Application] = {}
        self.athletes: dict[int, Athlete] = {}

    def add_application(
        self,
        name: str,
        *,
        callback_domain: str = "localhost",
        client_id: int | None = None,
        client_secret: str | None = None,
    ) -> Application:
        application = Application(
            name=name,
            client_id=client_id or 100_000 + len(self.applications) * 1_111 + self._random.randrange(1_000),
            client_secret=client_secret or f"{self._random.getrandbits(160):040x}",
            callback_domain=callback_domain,
        )
        if application.client_id in self.applications:
            raise ValueError(f"There is an application {application.client_id} already.")
        self.applications[application.client_id] = application
        return application

    def add_athlete(
        self,
        first_name: str,
        last_name: str,
        *,
        athlete_id: int | None = None,
        city: str | None = None,
        country: str | None = None,
    ) -> Athlete:
        town = _TOWNS[len(self.athletes) % len(_TOWNS)]
        athlete = Athlete(
            id=athlete_id or 20_000_000 + len(self.athletes) * 1_000_003 + self._random.randrange(1_000_000),
            first_name=first_name,
            last_name=last_name,
            city=city or town[0],
            state=town[1],
            country=country or town[2],
            latitude=town[3],
            longitude=town[4],
            profile=Profile(city or town[0], town[1], country or town[2], self._random.choice("FM")),
        )
        if athlete.id in self.athletes:
            raise ValueError(f"There is an athlete {athlete.id} already.")
        self.athletes[athlete.id] = athlete
        return athlete

    def application(self, client_id: str | None) -> Application:
        """The application that calls itself ``client_id``; refuses unknown ones as Strava does."""
        application = None
        if client_id is not None and client_id.isascii() and client_id.isdigit():
            application = self.applications.get(int(client_id))
        if application is None:
            raise refused(400, "Bad Request", "Application", "client_id", "invalid")
        return application

    def authenticated(self, client_id: str | None, client_secret: str | None) -> Application:
        """The application, once its secret has been checked too."""
        application = self.application(client_id)
        if client_secret != application.client_secret:
            raise refused(401, "Authorization Error", "Application", "", "invalid")
        return application


def refuse_inactive(application: Application) -> None:
    """Raise what Strava answers to an application that it has switched off."""
    if application.inactive:
        raise refused(403, "Forbidden", "Application", "Status", "Inactive")


def summary_athlete(athlete: Athlete) -> JsonObject:
    """The athlete as the token exchange and ``GET /athlete`` show them."""
    return {
        "id": athlete.id,
        "username": None,
        "resource_state": 2,
        "firstname": athlete.first_name,
        "lastname": athlete.last_name,
        "bio": "",
        "city": athlete.profile.city,
        "state": athlete.profile.state,
        "country": athlete.profile.country,
        "sex": athlete.profile.sex,
        "premium": True,
        "summit": True,
        "created_at": "2017-05-14T08:12:33Z",
        "updated_at": "2026-10-30T19:45:02Z",
        "badge_type_id": 1,
        "weight": athlete.profile.weight,
        "profile_medium": f"https://pictures.invalid/athletes/{athlete.id}/medium.jpg",
        "profile": f"https://pictures.invalid/athletes/{athlete.id}/large.jpg",
        "friend": None,
        "follower": None,
    }
