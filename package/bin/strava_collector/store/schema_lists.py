"""The third migration: what lists of activities tell, and what is collected around an activity.

Statements of ``schema``, in a file of their own because they have a subject of their own.
"""

from __future__ import annotations

#: What the ledger knows beside notifications and fetches.
LEDGER = (
    # Whether the newest version is the activity in full; 0 is what a list says of it.
    "ALTER TABLE activity ADD COLUMN detailed INTEGER NOT NULL DEFAULT 1 CHECK (detailed IN (0, 1))",
    # Fingerprint of the newest version written (see fingerprint.py), and of the newest entry seen in a list, and when.
    "ALTER TABLE activity ADD COLUMN fingerprint TEXT",
    "ALTER TABLE activity ADD COLUMN listed TEXT",
    "ALTER TABLE activity ADD COLUMN listed_at REAL",
    # Why a list makes a fetch necessary; null when none does.
    "ALTER TABLE activity ADD COLUMN suspicion TEXT CHECK (suspicion IN ('differs', 'missing'))",
    # A fetch has shown that it exists although lists do not have it.
    "ALTER TABLE activity ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0 CHECK (unlisted IN (0, 1))",
    # The entry (its fingerprint) whose activity could not be fetched for good: not tried again until it is another one.
    "ALTER TABLE activity ADD COLUMN given_up TEXT",
    # Digest of what the samples depend on, as of those that were collected last.
    "ALTER TABLE activity ADD COLUMN stream_key TEXT",
    "CREATE INDEX activity_start ON activity (athlete_id, start_date) WHERE deleted = 0 AND start_date IS NOT NULL",
)

#: How far the lists of each athlete have been walked through, and what they showed that nobody had announced.
WALKS: tuple[str, ...] = ()

#: What history has written on a day.
HISTORY: tuple[str, ...] = (
    # By the number of the UTC day since the epoch: what history has written, and how many calls brought it.
    """
    CREATE TABLE volume (
        day INTEGER PRIMARY KEY,
        bytes INTEGER NOT NULL CHECK (typeof(bytes) = 'integer'),
        calls INTEGER NOT NULL CHECK (typeof(calls) = 'integer')
    )
    """,
)

#: Profiles and gear, and what they were when they were last written.
AROUND: tuple[str, ...] = (
    # The newest collected_at given out to an activity's samples, in milliseconds.
    "ALTER TABLE activity ADD COLUMN streams_ms INTEGER",
    # digest: of the profile as it was written last, without what changes all the time.
    """
    CREATE TABLE profile (
        athlete_id INTEGER PRIMARY KEY,
        looked_at REAL,
        digest TEXT,
        collected_ms INTEGER
    )
    """,
    # shown: digest of what the athlete's profile says of it, null if it says nothing; seen: what that was when the gear
    # was looked at last. used_at: when an activity with it was collected last, for profiles that show no gear.
    """
    CREATE TABLE gear (
        athlete_id INTEGER NOT NULL,
        gear_id TEXT NOT NULL,
        shown TEXT,
        seen TEXT,
        used_at REAL,
        looked_at REAL,
        digest TEXT,
        collected_ms INTEGER,
        PRIMARY KEY (athlete_id, gear_id)
    )
    """,
)

#: What is kept of notifications.
PRIVACY = (
    # The hash of the body, if something was left out of what `digest` is the hash of.
    "ALTER TABLE notification ADD COLUMN kept_digest TEXT",
)

LISTS = (*LEDGER, *WALKS, *HISTORY, *AROUND, *PRIVACY)
