"""Who allowed what to whom: consent, codes, access tokens, refresh tokens that rotate.

An access token lives six hours. A refresh returns the same tokens while the access token has more than an
hour left; otherwise it makes a new pair, and the old refresh token is dead from that moment.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from sandbox.strava.accounts import Accounts, Application, Athlete, refuse_inactive, summary_athlete
from sandbox.strava.exchange import Call, JsonObject, Refused, bad_parameter, refused
from strava_collector.clock import Clock

SCOPES = frozenset(
    {
        "read",
        "read_all",
        "profile:read_all",
        "profile:write",
        "activity:read",
        "activity:read_all",
        "activity:write",
    }
)
ACCESS_TOKEN_SECONDS = 21_600
REFRESH_RENEWS_BELOW_SECONDS = 3_600
CODE_SECONDS = 600


@dataclass(frozen=True)
class TokenPair:
    """What the token endpoint gives out."""

    access_token: str
    refresh_token: str
    #: Epoch seconds.
    expires_at: int


@dataclass
class Grant:
    """One athlete's permission for one application."""

    application: Application
    athlete: Athlete
    scope: frozenset[str]
    tokens: TokenPair
    #: Refresh tokens that were rotated away or revoked.
    dead_refresh_tokens: set[str] = field(default_factory=set)

    @property
    def reads_activities(self) -> bool:
        return bool(self.scope & {"activity:read", "activity:read_all"})

    @property
    def reads_hidden_activities(self) -> bool:
        return "activity:read_all" in self.scope


@dataclass
class _Code:
    application: Application
    athlete: Athlete
    scope: frozenset[str]
    expires_at: float


@dataclass(frozen=True)
class AuthorizeRequest:
    """A checked request for an athlete's consent."""

    application: Application
    redirect_uri: str
    scope: tuple[str, ...]
    state: str | None
    #: Do not ask again for what was granted before.
    auto: bool


@dataclass(frozen=True)
class AtBrowser:
    """Who sits at the browser, and what they will answer when asked."""

    athlete: Athlete
    untick: frozenset[str] = frozenset()
    refuse: bool = False


class OAuth:
    """Codes, grants and tokens."""

    def __init__(self, accounts: Accounts, clock: Clock, seed: int) -> None:
        self._accounts = accounts
        self._clock = clock
        self._random = random.Random(f"oauth {seed}")
        self._codes: dict[str, _Code] = {}
        self._grants: dict[tuple[int, int], Grant] = {}
        #: Every access token ever made, with its own expiry: a refresh leaves the old one its hour.
        self._access_tokens: dict[str, tuple[Grant, float]] = {}
        self.at_browser: AtBrowser | None = None
        #: How often a refresh token came that had been rotated away: a client that lost the new one.
        self.dead_refresh_tokens_presented = 0
        self.refreshes = 0
        self.rotations = 0

    # Consent

    def authorize_request(self, call: Call) -> AuthorizeRequest:
        """Check what ``/oauth/authorize`` was given; refuses as Strava does, without redirecting."""
        application = self._accounts.application(call.parameter("client_id"))
        refuse_inactive(application)
        redirect_uri = call.parameter("redirect_uri") or ""
        if not _callback_allowed(application, redirect_uri):
            raise bad_parameter("Application", "redirect_uri")
        if call.parameter("response_type") != "code":
            raise bad_parameter("Authorize", "response_type")
        scope = tuple((call.parameter("scope") or "").split(","))
        if not set(scope) <= SCOPES:
            raise bad_parameter("Authorize", "scope")
        prompt = call.parameter("approval_prompt") or "auto"
        if prompt not in ("auto", "force"):
            raise bad_parameter("Authorize", "approval_prompt")
        return AuthorizeRequest(application, redirect_uri, scope, call.parameter("state"), prompt == "auto")

    def decided_by_browser(self, request: AuthorizeRequest) -> str | None:
        """The address to redirect to when somebody is signed in, else None: the page must be shown."""
        if self.at_browser is None:
            return None
        athlete = self.at_browser.athlete
        before = self.granted_before(request, athlete)
        if before is not None:
            return before
        if self.at_browser.refuse:
            return self.refused(request)
        granted = [scope for scope in request.scope if scope not in self.at_browser.untick]
        return self.consented(request, athlete, granted)

    def granted_before(self, request: AuthorizeRequest, athlete: Athlete) -> str | None:
        """The redirect for an athlete who need not be asked again; None if they must be."""
        if request.auto and set(request.scope) <= self.granted_scope(request.application, athlete):
            return self.consented(request, athlete, request.scope)
        return None

    def consented(self, request: AuthorizeRequest, athlete: Athlete, granted: Collection[str]) -> str:
        """Make a code and return the redirect that carries it; only what was asked for can be granted."""
        scope = [name for name in request.scope if name in granted]
        code = self._token()
        self._codes[code] = _Code(request.application, athlete, frozenset(scope), self._clock.now() + CODE_SECONDS)
        return _redirect(request, {"code": code, "scope": ",".join(scope)})

    def refused(self, request: AuthorizeRequest) -> str:
        """The redirect after the athlete said no."""
        return _redirect(request, {"error": "access_denied"})

    # Tokens

    def token(self, call: Call) -> JsonObject:
        """``POST /oauth/token``."""
        application = self._accounts.authenticated(call.parameter("client_id"), call.parameter("client_secret"))
        refuse_inactive(application)
        grant_type = call.parameter("grant_type")
        if grant_type == "authorization_code":
            grant = self._exchange(application, call.parameter("code"))
            return {**self._token_body(grant), "athlete": summary_athlete(grant.athlete)}
        if grant_type == "refresh_token":
            return self._token_body(self._refresh(application, call.parameter("refresh_token")))
        raise bad_parameter("OAuth", "grant_type")

    def connect(self, application: Application, athlete: Athlete, scope: frozenset[str]) -> Grant:
        """Consent and exchange in one step. A new exchange ends the refresh token of an earlier one."""
        if not scope <= SCOPES:
            raise ValueError(f"Strava knows no scope {sorted(scope - SCOPES)}.")
        earlier = self._grants.get((application.client_id, athlete.id))
        grant = Grant(application, athlete, scope, self._new_pair())
        if earlier is not None:
            grant.dead_refresh_tokens = earlier.dead_refresh_tokens | {earlier.tokens.refresh_token}
        self._grants[application.client_id, athlete.id] = grant
        self._remember(grant)
        return grant

    def grant_of(self, access_token: str | None) -> Grant | None:
        """The permission behind an access token that is alive, else None."""
        grant, expires_at = self._access_tokens.get(access_token or "", (None, 0.0))
        if grant is None or expires_at <= self._clock.now():
            return None
        return self._grants.get((grant.application.client_id, grant.athlete.id))

    def application_behind(self, access_token: str | None) -> Application | None:
        """Whose token it is or was, for the limits that a call with a dead token counts against."""
        grant, _ = self._access_tokens.get(access_token or "", (None, 0.0))
        return None if grant is None else grant.application

    # What athletes and test authors do

    def grants(self, athlete: Athlete) -> list[Grant]:
        return [grant for grant in self._grants.values() if grant.athlete == athlete]

    def tokens_given_out(self) -> frozenset[str]:
        refresh_tokens = (grant.dead_refresh_tokens | {grant.tokens.refresh_token} for grant in self._grants.values())
        return frozenset(self._access_tokens).union(*refresh_tokens)

    def granted_scope(self, application: Application, athlete: Athlete) -> frozenset[str]:
        grant = self._grants.get((application.client_id, athlete.id))
        return grant.scope if grant else frozenset()

    def end_grant(self, grant: Grant) -> None:
        """All tokens are dead at once, and stay so when the athlete connects again."""
        self.expire_access_tokens(grant)
        self._grants.pop((grant.application.client_id, grant.athlete.id), None)

    def expire_access_tokens(self, grant: Grant) -> None:
        now = self._clock.now()
        for token, (owner, expires_at) in list(self._access_tokens.items()):
            if owner.athlete == grant.athlete and owner.application == grant.application:
                self._access_tokens[token] = (owner, min(expires_at, now))
        grant.tokens = TokenPair(grant.tokens.access_token, grant.tokens.refresh_token, int(now))

    def revoke_refresh_token(self, grant: Grant) -> None:
        """The refresh token is dead though nobody was told; access tokens live out their time."""
        grant.dead_refresh_tokens.add(grant.tokens.refresh_token)

    def grant_to_revoke(self, application: Application, token: str | None) -> Grant | None:
        """The permission that ``POST /oauth/revoke`` with an access or refresh token ends."""
        for grant in self._grants.values():
            if grant.application == application and (
                token == grant.tokens.refresh_token or self.grant_of(token) is grant
            ):
                return grant
        return None

    def _exchange(self, application: Application, code: str | None) -> Grant:
        found = self._codes.get(code or "")
        if code is None or found is None or found.application != application:
            raise _bad_code()
        del self._codes[code]
        if found.expires_at <= self._clock.now():
            raise _bad_code()
        return self.connect(application, found.athlete, found.scope)

    def _refresh(self, application: Application, refresh_token: str | None) -> Grant:
        for grant in self._grants.values():
            if grant.application != application:
                continue
            if refresh_token in grant.dead_refresh_tokens:
                self.dead_refresh_tokens_presented += 1
            elif refresh_token == grant.tokens.refresh_token:
                self._renew(grant)
                return grant
        raise refused(400, "Bad Request", "RefreshToken", "refresh_token", "invalid")

    def _renew(self, grant: Grant) -> None:
        self.refreshes += 1
        if grant.tokens.expires_at - self._clock.now() > REFRESH_RENEWS_BELOW_SECONDS:
            return
        self.rotations += 1
        grant.dead_refresh_tokens.add(grant.tokens.refresh_token)
        grant.tokens = self._new_pair()
        self._remember(grant)

    def _remember(self, grant: Grant) -> None:
        self._access_tokens[grant.tokens.access_token] = (grant, grant.tokens.expires_at)

    def _new_pair(self) -> TokenPair:
        return TokenPair(self._token(), self._token(), int(self._clock.now()) + ACCESS_TOKEN_SECONDS)

    def _token(self) -> str:
        return f"{self._random.getrandbits(160):040x}"

    def _token_body(self, grant: Grant) -> JsonObject:
        return {
            "token_type": "Bearer",
            "expires_at": grant.tokens.expires_at,
            "expires_in": max(0, grant.tokens.expires_at - int(self._clock.now())),
            "refresh_token": grant.tokens.refresh_token,
            "access_token": grant.tokens.access_token,
        }


def bad_access_token() -> Refused:
    """The token is wrong, expired, revoked or missing; Strava does not say which."""
    return refused(401, "Authorization Error", "Athlete", "access_token", "invalid")


def missing_scope(scope: str) -> Refused:
    """The athlete never granted ``scope``, or unticked it."""
    return refused(401, "Authorization Error", "AccessToken", f"{scope}_permission", "missing")


def _bad_code() -> Refused:
    return refused(400, "Bad Request", "AuthorizationCode", "code", "invalid")


def _callback_allowed(application: Application, redirect_uri: str) -> bool:
    try:
        parts = urlsplit(redirect_uri)
    except ValueError:
        return False
    host, domain = (parts.hostname or "").lower(), application.callback_domain.lower()
    if parts.scheme not in ("http", "https") or not host:
        return False
    return host in ("localhost", "127.0.0.1", domain) or host.endswith("." + domain)


def _redirect(request: AuthorizeRequest, outcome: dict[str, str]) -> str:
    parts = urlsplit(request.redirect_uri)
    query = urlencode({"state": request.state or "", **outcome})
    return parts._replace(query=f"{parts.query}&{query}" if parts.query else query, fragment="").geturl()
