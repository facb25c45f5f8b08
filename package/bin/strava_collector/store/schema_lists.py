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
    # With once: before it, the activity was marked as deleted after a 404 although a list had shown this entry.
    "ALTER TABLE activity ADD COLUMN given_up TEXT",
    # Digest of what the samples depend on, as of those that were collected last.
    "ALTER TABLE activity ADD COLUMN stream_key TEXT",
    "CREATE INDEX activity_start ON activity (athlete_id, start_date) WHERE deleted = 0 AND start_date IS NOT NULL",
)

#: How far the lists of each athlete have been walked through, and what they showed that nobody had announced.
WALKS: tuple[str, ...] = (
    # For each athlete: the spans of starts that have been listed, and when the last looks began (walk.py knows what is
    # in them); for people, who looks, who fetches, and how far history has come.
    """
    CREATE TABLE covered (
        athlete_id INTEGER PRIMARY KEY,
        connected_at TEXT NOT NULL,
        spans TEXT NOT NULL,
        window_at REAL CHECK (window_at IS NULL OR typeof(window_at) = 'real'),
        pass_at REAL CHECK (pass_at IS NULL OR typeof(pass_at) = 'real'),
        pass_in_full INTEGER NOT NULL DEFAULT 1 CHECK (pass_in_full IN (0, 1)),
        athlete TEXT NOT NULL,
        application TEXT NOT NULL,
        input TEXT NOT NULL,
        owner TEXT NOT NULL,
        interval REAL NOT NULL CHECK (typeof(interval) = 'real'),
        since REAL NOT NULL CHECK (typeof(since) = 'real'),
        wanted_from INTEGER NOT NULL CHECK (typeof(wanted_from) = 'integer'),
        said TEXT NOT NULL DEFAULT '',
        said_at REAL,
        trouble TEXT NOT NULL DEFAULT ''
    )
    """,
    # Walks that are under way.
    """
    CREATE TABLE walk (
        athlete_id INTEGER NOT NULL CHECK (typeof(athlete_id) = 'integer'),
        purpose TEXT NOT NULL CHECK (purpose IN ('window', 'pass', 'history')),
        began_at REAL NOT NULL CHECK (typeof(began_at) = 'real'),
        low INTEGER NOT NULL CHECK (typeof(low) = 'integer'),
        high INTEGER NOT NULL CHECK (typeof(high) = 'integer'),
        ascending INTEGER NOT NULL CHECK (ascending IN (0, 1)),
        edge INTEGER NOT NULL CHECK (typeof(edge) = 'integer'),
        page INTEGER NOT NULL CHECK (typeof(page) = 'integer' AND page >= 1),
        unordered INTEGER NOT NULL CHECK (unordered IN (0, 1)),
        PRIMARY KEY (athlete_id, purpose)
    )
    """,
    # What a list showed that no notification had announced. A deletion counts once a fetch has confirmed it.
    """
    CREATE TABLE miss (
        activity_id INTEGER NOT NULL CHECK (typeof(activity_id) = 'integer'),
        kind TEXT NOT NULL CHECK (kind IN ('new', 'changed', 'deleted')),
        athlete_id INTEGER NOT NULL CHECK (typeof(athlete_id) = 'integer'),
        input TEXT NOT NULL,
        found_at REAL NOT NULL CHECK (typeof(found_at) = 'real'),
        sure INTEGER NOT NULL CHECK (sure IN (0, 1)),
        -- How many notifications had arrived at the input by then.
        heard INTEGER NOT NULL CHECK (typeof(heard) = 'integer'),
        PRIMARY KEY (activity_id, kind)
    )
    """,
    "CREATE INDEX miss_input ON miss (input, found_at)",
)

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

#: What is known of those who were forgotten.
FORGOTTEN = (
    # consent: a hash of who it was and since when connected.
    """
    CREATE TABLE forgotten (
        consent TEXT PRIMARY KEY,
        at REAL NOT NULL CHECK (typeof(at) = 'real')
    )
    """,
)

LISTS = (*LEDGER, *WALKS, *HISTORY, *AROUND, *PRIVACY, *FORGOTTEN)
