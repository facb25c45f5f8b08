"""What the set-up check makes of the facts: a line for each thing, pass, warn or fail, and what to do.

Pure. What can only be looked at after something else has been done has no line until then: the line of what is missing
is the one fault, says what to do, and names what is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from strava_collector.certificate_expiry import stage
from strava_collector.check_facts import Facts, InputFacts
from strava_collector.check_history import history, listing, missed
from strava_collector.check_host import disk, indexes, macro
from strava_collector.check_line import TOPICS, Line, failed, passed, unseen, warned
from strava_collector.check_privacy import privacy
from strava_collector.check_strava import applications, athletes, clock, quota
from strava_collector.check_subscription import subscriptions
from strava_collector.check_words import in_words, inputs_unseen, log_of
from strava_collector.check_work import dead_letters, listener, queue, worker

#: What is looked at of an enabled input, in words.
_OF_AN_INPUT = {
    "listener": "listener",
    "certificate": "certificate",
    "callback": "callback URL",
    "subscription": "subscription",
    "worker": "workers",
    "queue": "queue",
    "index": "index",
    "macro": "search macro",
}


def judge(facts: Facts) -> list[Line]:
    """Return all lines, by topic in the order of TOPICS."""
    running = [one for one in facts.inputs or () if one.enabled]
    lines = [
        *configuration(facts),
        *applications(facts),
        *athletes(facts),
        *indexes(facts),
        *macro(facts),
        *quota(facts),
        *clock(facts),
        *disk(facts),
        *dead_letters(facts),
        *history(facts),
        *missed(facts),
        *listing(facts),
        *privacy(facts),
    ]
    for one in running:
        found = [worker(facts, one), queue(facts, one)]
        if one.listens:
            found += [listener(facts, one), certificate(facts, one), callback(one)]
        lines += [line for line in found if line.topic not in _not_yet(one)]
    lines += processes(facts, later=_in_words(set(_OF_AN_INPUT) - {line.topic for line in lines}))
    lines += subscriptions(facts)
    return sorted(lines, key=lambda line: TOPICS.index(line.topic))  # sorting is stable


def configuration(facts: Facts) -> list[Line]:
    """Say what is wrong with the tabs, and what could not be read at all."""
    lines = [failed("configuration", "", fault, "Correct it on the page Configuration.") for fault in facts.faults]
    if facts.no_splunkd:
        lines.append(
            warned(
                "configuration",
                "",
                f"Not everything could be read from Splunk: {facts.no_splunkd}",
                "Check again in a minute. If it stays so, ask an administrator of this Splunk to run the check.",
            )
        )
    if facts.no_secrets:
        lines.append(
            warned(
                "configuration",
                "",
                f"Secrets could not be read, so neither Strava nor the callback URL was asked: {facts.no_secrets}",
                "Have an administrator of this Splunk run the check; it needs the capability list_storage_passwords.",
            )
        )
    if facts.no_store:
        lines.append(
            warned(
                "configuration",
                "",
                f"The add-on's store could not be looked into: {facts.no_store}",
                "Run the check as the user that Splunk runs as, or see to what stands here; what depends on the store "
                "is not known.",
            )
        )
    return _numbered(lines) if lines else [passed("configuration", "", "The settings can be read and make sense.")]


def processes(facts: Facts, *, later: str) -> list[Line]:
    """Say of each input whether somebody works for it; ``later`` is what has no line while no input is enabled."""
    if inputs_unseen(facts):
        return [unseen("process", "", f"Which inputs there are could not be seen, and so neither could their {later}.")]
    afterwards = f"{later[:1].upper()}{later[1:]} are looked at once an input runs."
    if not facts.inputs:
        to_do = "Create one on the page Inputs."
        if not facts.applications:
            to_do = "First enter your API application (Configuration → Applications), then create one (page Inputs)."
        return [failed("process", "", f"There is no input yet. {afterwards}", to_do)]
    if any(one.enabled for one in facts.inputs):
        return [_process(one) if one.enabled else warned(*_disabled(one)) for one in facts.inputs]
    first, *others = (failed(*_disabled(one)) for one in facts.inputs)
    return [replace(first, seen=f"{first.seen} {afterwards}"), *others]


def _disabled(one: InputFacts) -> tuple[str, str, str, str]:
    return (
        "process",
        one.name,
        "The input is disabled, so it collects nothing.",
        "Enable it on the page Inputs, or delete it if it is not needed.",
    )


def _process(one: InputFacts) -> Line:
    not_yet = _not_yet(one)
    afterwards = f" Its {_in_words(not_yet)} are looked at once it runs." if not_yet else ""
    if one.faults:
        seen = " ".join(one.faults) + afterwards
        return failed("process", one.name, seen, "Open the input on the page Inputs and correct it.")
    if one.rivals:
        return failed("process", one.name, " ".join(one.rivals) + afterwards, "Mend it on the page Inputs.")
    if one.runs is None:
        return unseen("process", one.name, "Whether the input's process runs could not be seen.")
    if not one.runs:
        pause = "restart pause (60 s unless changed)" if one.listens else "interval (4 hours unless changed)"
        return failed(
            "process",
            one.name,
            f"No process works for this input, although it is enabled.{afterwards}",
            f"Splunk starts it again after the input's {pause}. If it does not stay, "
            f"look at {log_of(one.name)}; disabling and enabling it on the page Inputs starts it at once.",
        )
    return passed("process", one.name, "The input's process runs.")


def certificate(facts: Facts, one: InputFacts) -> Line:
    """Say whether Strava would accept the certificate, and for how long."""
    if one.plain:
        return passed("certificate", one.name, "The input needs none: TLS ends at the proxy in front of it.")
    if one.certificate_faults:
        return failed(
            "certificate",
            one.name,
            " ".join(one.certificate_faults),
            "Mend the files that the input names; they are read again by themselves. See docs/certificates.md.",
        )
    if one.certificate_valid is None:
        return unseen("certificate", one.name, "How long the certificate lasts could not be seen.")
    left = max(one.certificate_valid[1] - facts.now, 0.0)
    if stage(one.certificate_valid, facts.now) is not None:
        return warned(
            "certificate",
            one.name,
            f"The certificate ends in {in_words(left)}.",
            "Renew it now, and see why that was not done by itself (certbot renew). The new files are noticed within "
            "seconds; no restart is needed. See docs/certificates.md.",
        )
    return passed("certificate", one.name, f"The certificate is complete and good for {in_words(left)}.")


def callback(one: InputFacts) -> Line:
    """Say whether the public URL leads here."""
    if one.probe is None:
        return unseen("callback", one.name, "The callback URL was not tried.")
    return Line("callback", one.name, one.probe.grade, one.probe.seen, one.probe.to_do)


def _not_yet(one: InputFacts) -> set[str]:
    """What cannot be looked at, because nobody works for the input or its fields make no sense."""
    not_yet = {"certificate", "callback"} if one.faults else set()
    not_yet |= {"listener", "callback", "worker"} if one.runs is False else set()
    return not_yet if one.listens else not_yet & {"worker"}


def _in_words(topics: Collection[str]) -> str:
    """Name what is looked at of an input."""
    *others, last = [word for topic, word in _OF_AN_INPUT.items() if topic in topics] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _numbered(lines: list[Line]) -> list[Line]:
    """Give each a name of its own."""
    if len(lines) < 2:
        return lines
    return [
        Line(line.topic, str(number), line.status, line.seen, line.to_do) for number, line in enumerate(lines, start=1)
    ]
