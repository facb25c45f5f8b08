"""What the set-up check makes of the facts: a line for each thing, pass, warn or fail, and what to do.

Pure. Every topic has a line at least, also when there is nothing to look at yet: then it says what to do first.
"""

from __future__ import annotations

from strava_collector.certificate_expiry import WARN_AT_DAYS
from strava_collector.check_facts import Facts, InputFacts
from strava_collector.check_host import disk, indexes, macro
from strava_collector.check_line import TOPICS, Line, failed, passed, unseen, warned
from strava_collector.check_strava import applications, athletes, clock, quota, subscriptions
from strava_collector.check_words import after_process, in_words, log_of
from strava_collector.check_work import dead_letters, queue, worker
from strava_collector.heartbeat import LISTENER, LONGEST_SILENCE

_DAY = 86_400.0


def judge(facts: Facts) -> list[Line]:
    """Return all lines, by topic in the order of TOPICS."""
    running = [one for one in facts.inputs or () if one.enabled]
    lines = [
        *configuration(facts),
        *applications(facts),
        *athletes(facts),
        *processes(facts),
        *indexes(facts),
        *macro(facts),
        *quota(facts),
        *clock(facts),
        *disk(facts),
        *dead_letters(facts),
    ]
    if running:
        for one in running:
            lines += [
                listener(facts, one),
                certificate(facts, one),
                callback(one),
                worker(facts, one),
                queue(facts, one),
            ]
        lines += subscriptions(facts)
    else:
        for topic in ("listener", "certificate", "callback", "subscription", "worker", "queue"):
            lines.append(_nothing_yet(facts, topic))
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


def processes(facts: Facts) -> list[Line]:
    """Say of each input whether somebody works for it."""
    if not facts.inputs:
        return [_nothing_yet(facts, "process")]
    others = any(one.enabled for one in facts.inputs)
    return [_process(facts, one, others) for one in facts.inputs]


def _process(facts: Facts, one: InputFacts, others: bool) -> Line:
    if not one.enabled:
        seen = "The input is disabled, so it collects nothing."
        to_do = "Enable it on the page Inputs, or delete it if it is not needed."
        return warned("process", one.name, seen, to_do) if others else failed("process", one.name, seen, to_do)
    if one.faults:
        return failed("process", one.name, " ".join(one.faults), "Open the input on the page Inputs and correct it.")
    if one.rivals:
        return failed("process", one.name, " ".join(one.rivals), "Mend it on the page Inputs.")
    if one.runs is None:
        return unseen("process", one.name, "Whether the input's process runs could not be seen.")
    if not one.runs:
        return failed(
            "process",
            one.name,
            "No process works for this input, although it is enabled.",
            "Splunk starts it again after the input's restart pause (60 s unless changed). If it does not stay, "
            f"look at {log_of(one.name)}; disabling and enabling it on the page Inputs starts it at once.",
        )
    return passed("process", one.name, "The input's process runs.")


def listener(facts: Facts, one: InputFacts) -> Line:
    """Say whether the input listens."""
    if one.runs is False:
        return after_process("listener", one.name)
    beat = one.heartbeats.get(LISTENER)
    if one.runs is None and beat is None:
        return unseen("listener", one.name, "Whether the input listens could not be seen.")
    if beat is None:
        return warned(
            "listener",
            one.name,
            "The input has not said yet whether it listens; it may have just been started.",
            f"Check again in a minute. If it stays so, look at {log_of(one.name)}.",
        )
    if beat.said:
        return failed("listener", one.name, beat.said, "Mend what stands here; the input tries again by itself.")
    silence = facts.now - beat.at
    if silence > LONGEST_SILENCE:
        return failed(
            "listener",
            one.name,
            f"The listener has given no sign of life for {in_words(silence)}.",
            f"Disable and enable the input on the page Inputs, and look at {log_of(one.name)}.",
        )
    return passed("listener", one.name, "The input listens.")


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
    if one.certificate_ends is None:
        return unseen("certificate", one.name, "How long the certificate lasts could not be seen.")
    days = (one.certificate_ends - facts.now) / _DAY
    if days <= WARN_AT_DAYS[0]:
        return warned(
            "certificate",
            one.name,
            f"The certificate ends in {in_words(max(days, 0.0) * _DAY)}.",
            "Renew it now, and see why that was not done by itself (certbot renew). The new files are noticed within "
            "seconds; no restart is needed. See docs/certificates.md.",
        )
    return passed("certificate", one.name, f"The certificate is complete and good for {int(days)} days.")


def callback(one: InputFacts) -> Line:
    """Say whether the public URL leads here."""
    if one.runs is False:
        return after_process("callback", one.name)
    if one.probe is None:
        return unseen("callback", one.name, "The callback URL was not tried.")
    return Line("callback", one.name, one.probe.grade, one.probe.seen, one.probe.to_do)


def _nothing_yet(facts: Facts, topic: str) -> Line:
    if facts.inputs is None or (not facts.inputs and facts.no_secrets):
        return unseen(topic, "", "Which inputs there are could not be seen.")
    if facts.inputs:
        return failed(topic, "", "There is nothing to look at: no input is enabled.", "Enable one on the page Inputs.")
    if not facts.applications:
        return failed(
            topic,
            "",
            "There is nothing to look at: there is no input yet.",
            "First enter your API application (Configuration → Applications), then create an input (page Inputs).",
        )
    return failed(topic, "", "There is nothing to look at: there is no input yet.", "Create one on the page Inputs.")


def _numbered(lines: list[Line]) -> list[Line]:
    """Give each a name of its own."""
    if len(lines) < 2:
        return lines
    return [
        Line(line.topic, str(number), line.status, line.seen, line.to_do) for number, line in enumerate(lines, start=1)
    ]
