"""What the set-up check says of this host: its indexes, the macro that searches begin with, and the disk."""

from __future__ import annotations

from strava_collector.check_facts import Facts
from strava_collector.check_line import Line, failed, passed, unseen, warned
from strava_collector.check_words import names
from strava_collector.macro import NAME, indexes_of

_MB = 1_000_000
#: More than so many are told in GB.
_MANY_MB = 10_000
#: Times the least free disk space, when it is worth a warning.
_SOON = 2

_MACRO_PAGE = f"Settings → Advanced search → Search macros, {NAME}"


def wanted(facts: Facts) -> list[str]:
    """Return the indexes that inputs and athletes name, by name."""
    found = {one.index for one in facts.inputs or () if one.enabled}
    return sorted(filter(None, found | {one.index for one in facts.athletes or ()}))


def indexes(facts: Facts) -> list[Line]:
    """Say of each index whether events find it; without an enabled input none may be named yet."""
    if facts.forwards:
        return [
            warned(
                "index",
                index,
                f"This instance forwards its events, so the index “{index}” need not be here, and cannot be seen.",
                f"See that every indexer has an index “{index}”; events for a missing one are dropped.",
            )
            for index in wanted(facts)
        ]
    if facts.indexes is None:
        return [
            unseen("index", index, f"Whether there is an index “{index}” could not be seen.") for index in wanted(facts)
        ]
    return [
        passed("index", index, f"The index “{index}” is here and takes events.")
        if index in facts.indexes
        else failed(
            "index",
            index,
            f"There is no index “{index}” on this host, or it is disabled or for metrics; events for it are dropped.",
            "Create it in Settings → Indexes, or choose another one in the input or the athlete's row.",
        )
        for index in wanted(facts)
    ]


def macro(facts: Facts) -> list[Line]:
    """Say whether searches look into these indexes."""
    if facts.macro is None:
        return [unseen("macro", "", f"The macro {NAME} could not be read.")]
    if not facts.macro.strip():
        return [
            failed(
                "macro",
                "",
                f"There is no macro {NAME}, or it is empty; every search of the add-on's events begins with it.",
                f"Define it ({_MACRO_PAGE}): {_definition(wanted(facts) or ['strava'])}",
            )
        ]
    if not wanted(facts):
        return []
    covered = indexes_of(facts.macro)
    if covered is None:
        return [
            warned(
                "macro",
                "",
                f"The macro {NAME} is no plain list of indexes, so it is left alone; whether it covers "
                f"{names(wanted(facts))} is not known.",
                f"If dashboards stay empty, look at it ({_MACRO_PAGE}).",
            )
        ]
    missing = [index for index in wanted(facts) if index not in covered]
    if not missing:
        return [passed("macro", "", f"The macro {NAME} covers {names(wanted(facts))}.")]
    by_itself = (
        "A running input adds it within a minute (Configuration → Advanced, “Keep the macro strava_index in step”)."
        if facts.keep_macro
        else f"Add it ({_MACRO_PAGE}): {_definition([*covered, *missing])}"
    )
    make = warned if len(missing) < len(wanted(facts)) or facts.keep_macro else failed
    return [
        make(
            "macro", "", f"The macro {NAME} does not cover {names(missing)}: dashboards show nothing of it.", by_itself
        )
    ]


def disk(facts: Facts) -> list[Line]:
    """Say whether there is room for the store."""
    if facts.disk_free is None:
        return [unseen("disk", "", "How much room there is on the disk with the store could not be seen.")]
    free = facts.disk_free // _MB
    least = _size(facts.least_disk_mb)
    seen = f"The disk with the store ({facts.folder}) has {_size(free)} left"
    to_do = "Free some space, or lower “Least free disk space” on Configuration → Advanced."
    if free < facts.least_disk_mb:
        return [failed("disk", "", f"{seen}, less than {least}: notifications are refused.", to_do)]
    if free < _SOON * facts.least_disk_mb:
        return [warned("disk", "", f"{seen}; below {least} notifications are refused.", to_do)]
    return [passed("disk", "", f"The disk with the store has {_size(free)} left.")]


def _definition(covered: list[str]) -> str:
    return "(" + " OR ".join(f"index={index}" for index in covered) + ")"


def _size(mb: int) -> str:
    return f"{mb // 1000} GB" if mb > _MANY_MB else f"{mb} MB"
