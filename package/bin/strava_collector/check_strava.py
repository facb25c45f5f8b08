"""What the set-up check says of Strava's side: applications, athletes, quota, and Strava's clock."""

from __future__ import annotations

from collections.abc import Collection

from strava_collector.application_check import PAGE
from strava_collector.check_facts import Access, ApplicationFacts, AthleteFacts, Facts, Standing
from strava_collector.check_line import Line, failed, passed, unseen, warned
from strava_collector.check_words import in_words
from strava_collector.profile import DETAILS

#: Seconds by which the host's clock may differ from Strava's. The headers have whole seconds and travel for one or two.
CLOCK_WELL = 5.0
CLOCK_BEARABLE = 300.0
#: So many lines are named where others say why.
_A_FEW = 3
#: Of a window's reads, when it is worth a warning.
MUCH = 0.9

_FIRST_APPLICATION = (
    f"Register one at Strava ({PAGE}), then enter its client ID and secret on Configuration → Applications."
)
_AFTERWARDS = "Its rate limit, and this host's clock against Strava's, are looked at once there is one."
_CLOCK = "Have the host's clock set by the network (NTP, chrony); a virtual machine may need it after it slept."


def applications(facts: Facts) -> list[Line]:
    """Say of each application whether Strava accepts it."""
    if not facts.applications:
        if facts.applications is None or facts.no_secrets:
            seen = (
                "Which applications there are could not be seen, and so neither could their rate limit and the clock."
            )
            return [unseen("application", "", seen)]
        return [failed("application", "", f"There is no application yet. {_AFTERWARDS}", _FIRST_APPLICATION)]
    return [_application(one) for one in facts.applications]


def _application(one: ApplicationFacts) -> Line:
    if one.fault:
        seen = f"{one.fault} Its rate limit is looked at afterwards."
        return failed("application", one.name, seen, "Correct the row on Configuration → Applications.")
    if one.standing is Standing.VERIFIED:
        return passed("application", one.name, "Strava accepts the client ID and the client secret.")
    if one.standing is Standing.REFUSED:
        return failed("application", one.name, one.why, "Correct the row on Configuration → Applications.")
    if one.standing is Standing.INACTIVE:
        return failed("application", one.name, one.why, f"See {PAGE}, or write to Strava's developer support.")
    return warned(
        "application",
        one.name,
        f"Whether Strava accepts the application is not known: {one.why or 'Strava was not asked.'}",
        "Check again later. If it stays so, look at the host's way to the internet (Configuration → Proxy).",
    )


def athletes(facts: Facts) -> list[Line]:
    """Say of each athlete whether activities can be fetched."""
    if not facts.athletes:
        if facts.athletes is None or facts.no_secrets:
            return [unseen("athlete", "", "Which athletes there are could not be seen.")]
        to_do = "Add one on Configuration → Athletes, and connect with Strava."
        if not facts.applications:
            to_do = "First enter your API application (Configuration → Applications), then connect the athlete."
        return [failed("athlete", "", "No athlete is connected yet.", to_do)]
    collecting = {one.application for one in facts.inputs or () if one.enabled}
    return [_athlete(facts, one, collecting) for one in facts.athletes]


def _athlete(facts: Facts, one: AthleteFacts, collecting: Collection[str]) -> Line:
    again = "Edit the row on Configuration → Athletes to connect with Strava again."
    if one.athlete_id is None:
        return failed("athlete", one.name, "Nobody has been connected in this row.", again)
    if one.half_deleted:
        return warned("athlete", one.name, "The deletion of this row was interrupted.", "Delete it again.")
    if one.withdrawn:
        return warned(
            "athlete",
            one.name,
            "The athlete has withdrawn the permission at Strava, so nothing is collected for this row any more.",
            "Edit the row on Configuration → Athletes to connect with Strava again, or delete it.",
        )
    if one.has_tokens is False:
        return failed("athlete", one.name, "There are no tokens for this athlete, so nothing can be fetched.", again)
    if one.refused:
        return failed("athlete", one.name, one.refused, f"{again} What waits is fetched then.")
    if one.access is Access.REFUSED:
        return failed("athlete", one.name, "Strava refuses the athlete's token.", again)
    if one.access is Access.ANOTHER:
        return failed("athlete", one.name, "Strava says that the token of this row is another athlete's.", again)
    if not one.scopes & {"activity:read", "activity:read_all"}:
        return failed(
            "athlete",
            one.name,
            "The athlete has not permitted to see activities (activity:read), so Strava tells of none.",
            f"{again} Leave the boxes for activities ticked.",
        )
    # While no input is enabled, that is the fault, and no athlete's.
    if collecting and not facts.no_secrets and one.application not in collecting:
        return failed(
            "athlete",
            one.name,
            f"No enabled input collects for the athlete's application “{one.application}”.",
            "Create or enable an input for it on the page Inputs.",
        )
    if "activity:read_all" not in one.scopes and "activity:read_all" in one.wanted:
        return warned(
            "athlete",
            one.name,
            "Connected, but the box for private activities was unticked at Strava, so those are not collected.",
            f"{again} Or choose the smaller permission there, if it is meant so.",
        )
    if DETAILS in one.wanted and DETAILS not in one.scopes:
        return warned(
            "athlete",
            one.name,
            "Connected, but the box for the complete profile was unticked at Strava, so FTP, zones, bikes and shoes "
            "are not collected.",
            f"{again} Or choose another permission there, if it is meant so.",
        )
    which = "all activities" if "activity:read_all" in one.scopes else "all activities but private ones"
    if one.access is Access.GOOD:
        return passed("athlete", one.name, f"Strava accepts the athlete's token; {which} can be fetched.")
    if one.has_tokens is None and one.why:
        return unseen("athlete", one.name, f"Connected for {which}; whether the token works was not asked. {one.why}")
    return passed("athlete", one.name, f"Connected for {which}. {one.why or 'Strava was not asked just now.'}")


def quota(facts: Facts) -> list[Line]:
    """Say of each application how many reads are left."""
    return [_quota(facts, one) for one in facts.applications or () if not one.fault]


def _quota(facts: Facts, one: ApplicationFacts) -> Line:
    found = one.quota
    if found is None:
        if facts.has_store is False and not facts.no_store:
            return passed("quota", one.name, "The add-on has not used any of the application's reads yet.")
        return unseen("quota", one.name, "How many reads are left could not be seen.")
    seen = (
        f"{found.quarter_used} of {found.quarter_allowed} reads used in this quarter of an hour, "
        f"{found.day_used} of {found.day_allowed} today (UTC)."
    )
    to_do = (
        "Fetching goes on by itself when the window ends. If this happens often: does somebody else use the "
        "application, or is much history being fetched? Strava raises limits on request."
    )
    if found.pause is not None:
        return warned("quota", one.name, f"{seen} Fetching is {found.pause}.", to_do)
    if found.quarter_used >= MUCH * found.quarter_allowed or found.day_used >= MUCH * found.day_allowed:
        return warned("quota", one.name, seen, to_do)
    return passed("quota", one.name, seen)


def clock(facts: Facts) -> list[Line]:
    """Compare this host's clock with Strava's."""
    if not facts.applications:
        return []
    told = [one.ahead for one in facts.applications if one.ahead is not None]
    if not told:
        seen = "Strava's time is not known, because it did not answer or was not asked."
        if facts.no_secrets:
            return [unseen("clock", "", seen)]
        lines = " and ".join(f"application:{one.name}" for one in facts.applications[:_A_FEW])
        return [warned("clock", "", seen, f"See {lines} above: what stands there is the reason.")]
    ahead = min(told, key=abs)
    if abs(ahead) <= CLOCK_WELL:
        return [passed("clock", "", "The clock of this host is right, by Strava's.")]
    seen = f"The clock of this host is {in_words(abs(ahead))} {'slow' if ahead > 0 else 'fast'}, by Strava's."
    if abs(ahead) <= CLOCK_BEARABLE:
        return [warned("clock", "", seen, _CLOCK)]
    return [failed("clock", "", f"{seen} Certificates and tokens are judged by it.", _CLOCK)]
