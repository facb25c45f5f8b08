"""The tables, and how an older database becomes a current one.

The database enforces what the code believes: states, kinds, who may hold a lease, one live job per activity.
A violation is a mistake of ours and shows in the test that makes it, not months later.

Only what SQLite 3.8 knows is used here and in the queries (no RETURNING, STRICT, UPSERT or window functions):
how old the SQLite in Splunk's Python is, nobody outside Splunk can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from strava_collector.errors import StoreUnusable
from strava_collector.store import early_shapes
from strava_collector.store.schema_lists import LISTS
from strava_collector.store.sqlite import Transaction, sqlite3

#: A migration is the list of statements that lead from the version before it to its own. Published ones are
#: never changed; a new one is appended.
Migration = Sequence[str]

_FIRST: Migration = (
    # Every notification that was acknowledged, until the time in which a redelivery must be recognised is
    # over.
    """
    CREATE TABLE notification (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        input TEXT NOT NULL,
        digest TEXT NOT NULL CHECK (length(digest) = 64),
        athlete_id INTEGER NOT NULL CHECK (typeof(athlete_id) = 'integer'),
        object_type TEXT NOT NULL,
        object_id INTEGER NOT NULL CHECK (typeof(object_id) = 'integer'),
        subscription_id INTEGER NOT NULL CHECK (typeof(subscription_id) = 'integer'),
        body TEXT NOT NULL,
        received_at REAL NOT NULL CHECK (typeof(received_at) = 'real'),
        trail TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'dispatching', 'dispatched', 'held', 'dead letter')),
        reason TEXT,
        recorded INTEGER NOT NULL DEFAULT 0 CHECK (recorded IN (0, 1)),
        deliveries INTEGER NOT NULL DEFAULT 1 CHECK (typeof(deliveries) = 'integer' AND deliveries >= 1),
        again INTEGER NOT NULL DEFAULT 0 CHECK (again IN (0, 1)),
        replay INTEGER NOT NULL DEFAULT 0 CHECK (replay IN (0, 1)),
        updated_at REAL NOT NULL CHECK (typeof(updated_at) = 'real'),
        CHECK ((state IN ('held', 'dead letter')) = (reason IS NOT NULL))
    )
    """,
    # The object comes first because ids ascend: what is inserted together lies together, and a batch touches few pages.
    "CREATE UNIQUE INDEX notification_digest ON notification (object_id, digest, input)",
    "CREATE INDEX notification_waiting ON notification (input, id) WHERE state IN ('pending', 'dispatching')",
    "CREATE INDEX notification_dispatched ON notification (updated_at) WHERE state = 'dispatched'",
    "CREATE INDEX notification_held_since ON notification (updated_at) WHERE state = 'held'",
    "CREATE INDEX notification_dead ON notification (updated_at) WHERE state = 'dead letter'",
    "CREATE INDEX notification_state ON notification (input, state, athlete_id)",
    "CREATE INDEX notification_object ON notification (object_id)",
    """
    CREATE TRIGGER notification_transition BEFORE UPDATE OF state ON notification
    WHEN NEW.state <> OLD.state AND OLD.state || ' > ' || NEW.state NOT IN (
        'pending > dispatching', 'pending > dead letter',
        'dispatching > dispatched', 'dispatching > held', 'dispatching > dead letter',
        'dispatched > pending', 'held > pending', 'held > dead letter', 'dead letter > pending'
    )
    BEGIN
        SELECT RAISE(ABORT, 'a notification does not go from this state to that one');
    END
    """,
    # The queue. A job is live while it is pending or working.
    """
    CREATE TABLE job (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('activity', 'streams', 'athlete', 'gear')),
        activity_id INTEGER NOT NULL CHECK (typeof(activity_id) = 'integer'),
        athlete_id INTEGER NOT NULL CHECK (typeof(athlete_id) = 'integer'),
        input TEXT NOT NULL,
        reason TEXT NOT NULL CHECK (reason IN ('webhook', 'polling', 'manual')),
        priority INTEGER NOT NULL CHECK (priority IN (0, 1, 2)),
        force INTEGER NOT NULL DEFAULT 0 CHECK (force IN (0, 1)),
        status TEXT NOT NULL CHECK (status IN ('pending', 'working', 'done', 'failed')),
        outcome TEXT CHECK (
            outcome IN ('collected', 'unchanged', 'deleted', 'cancelled', 'skipped', 'dead letter')
        ),
        attempts INTEGER NOT NULL DEFAULT 0 CHECK (typeof(attempts) = 'integer' AND attempts >= 0),
        crashes INTEGER NOT NULL DEFAULT 0 CHECK (typeof(crashes) = 'integer' AND crashes >= 0),
        max_attempts INTEGER NOT NULL CHECK (typeof(max_attempts) = 'integer' AND max_attempts >= 1),
        next_run_at REAL NOT NULL CHECK (typeof(next_run_at) = 'real'),
        error TEXT,
        trail TEXT NOT NULL,
        expected TEXT,
        created_at REAL NOT NULL CHECK (typeof(created_at) = 'real'),
        updated_at REAL NOT NULL CHECK (typeof(updated_at) = 'real'),
        generation INTEGER NOT NULL DEFAULT 1 CHECK (typeof(generation) = 'integer' AND generation >= 1),
        claimed_generation INTEGER,
        claimed_at REAL,
        lease_id TEXT,
        lease_expires_at REAL,
        -- A lease belongs to a working job and to no other, an outcome to a finished one and to no other.
        CHECK ((status = 'working') = (lease_id IS NOT NULL)),
        CHECK ((status = 'working') = (lease_expires_at IS NOT NULL)),
        CHECK ((status IN ('done', 'failed')) = (outcome IS NOT NULL)),
        CHECK (status <> 'working' OR (claimed_generation IS NOT NULL AND claimed_at IS NOT NULL)),
        CHECK (claimed_generation IS NULL OR claimed_generation <= generation)
    )
    """,
    "CREATE UNIQUE INDEX job_live ON job (kind, activity_id, athlete_id) WHERE status IN ('pending', 'working')",
    "CREATE INDEX job_due ON job (input, priority, athlete_id, next_run_at) WHERE status = 'pending'",
    "CREATE INDEX job_later ON job (input, next_run_at, status) WHERE status = 'pending'",
    "CREATE INDEX job_leased ON job (lease_expires_at) WHERE status = 'working'",
    "CREATE INDEX job_done ON job (updated_at) WHERE status = 'done'",
    "CREATE INDEX job_failed ON job (updated_at) WHERE status = 'failed'",
    "CREATE INDEX job_activity ON job (activity_id, claimed_at)",
    "CREATE INDEX job_athlete ON job (athlete_id, created_at) WHERE status = 'pending'",
    # A waiting job can be given up or cancelled without being worked on; a finished one stays finished.
    """
    CREATE TRIGGER job_transition BEFORE UPDATE OF status ON job
    WHEN NEW.status <> OLD.status AND OLD.status || ' > ' || NEW.status NOT IN (
        'pending > working', 'pending > done', 'pending > failed',
        'working > pending', 'working > done', 'working > failed'
    )
    BEGIN
        SELECT RAISE(ABORT, 'a finished job stays finished; to run it again is a new job');
    END
    """,
    # How far ahead an athlete's live fetches are of what the cooldown allows, and of what is usual.
    """
    CREATE TABLE pace (
        athlete_id INTEGER PRIMARY KEY,
        paid_until REAL NOT NULL CHECK (typeof(paid_until) = 'real'),
        busy_until REAL NOT NULL CHECK (typeof(busy_until) = 'real')
    )
    """,
    # What is known of each activity, and each place in the index that has or had a version of it.
    # Times that must grow are whole milliseconds, because sums of floats do not reliably grow by one of them.
    """
    CREATE TABLE activity (
        activity_id INTEGER PRIMARY KEY,
        athlete_id INTEGER NOT NULL CHECK (typeof(athlete_id) = 'integer'),
        start_date TEXT,
        collected_ms INTEGER CHECK (collected_ms IS NULL OR typeof(collected_ms) = 'integer'),
        deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
        event_time INTEGER CHECK (event_time IS NULL OR typeof(event_time) = 'integer'),
        delete_time INTEGER CHECK (delete_time IS NULL OR typeof(delete_time) = 'integer'),
        announced_at REAL,
        digest TEXT,
        input TEXT,
        created_at REAL NOT NULL CHECK (typeof(created_at) = 'real'),
        updated_at REAL NOT NULL CHECK (typeof(updated_at) = 'real')
    )
    """,
    "CREATE INDEX activity_athlete ON activity (athlete_id)",
    # Whose newest one is asked for by the page that lists athletes.
    "CREATE INDEX activity_newest ON activity (athlete_id, collected_ms)"
    " WHERE deleted = 0 AND collected_ms IS NOT NULL",
    "CREATE INDEX activity_uncollected ON activity (updated_at) WHERE start_date IS NULL",
    """
    CREATE TABLE place (
        activity_id INTEGER NOT NULL CHECK (typeof(activity_id) = 'integer'),
        start_date TEXT NOT NULL,
        index_name TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('current', 'leaving', 'left')),
        tombstone_ms INTEGER CHECK (tombstone_ms IS NULL OR typeof(tombstone_ms) = 'integer'),
        replay INTEGER NOT NULL DEFAULT 0 CHECK (replay IN (0, 1)),
        PRIMARY KEY (activity_id, start_date, index_name),
        CHECK (state = 'current' OR tombstone_ms IS NOT NULL)
    )
    """,
    "CREATE UNIQUE INDEX place_current ON place (activity_id) WHERE state = 'current'",
    "CREATE INDEX place_left ON place (tombstone_ms) WHERE state = 'left'",
    "CREATE INDEX place_replay ON place (activity_id) WHERE replay = 1",
    # Per application, by its client id: the state of its quota and of its circuit; quota.py and circuit.py know
    # what is in them.
    """
    CREATE TABLE application (
        client_id TEXT PRIMARY KEY NOT NULL,
        quota TEXT,
        circuit TEXT,
        updated_at REAL NOT NULL CHECK (typeof(updated_at) = 'real')
    )
    """,
    # Calls that are under way, or that may have been made when their process died. Each belongs to a job's lease.
    """
    CREATE TABLE reservation (
        lease_id TEXT PRIMARY KEY NOT NULL,
        client_id TEXT NOT NULL,
        background INTEGER NOT NULL CHECK (background IN (0, 1)),
        made_at REAL NOT NULL CHECK (typeof(made_at) = 'real')
    )
    """,
    "CREATE INDEX reservation_application ON reservation (client_id)",
    # The subscription of each application whose notifications are genuine.
    """
    CREATE TABLE subscription (
        client_id TEXT PRIMARY KEY NOT NULL,
        subscription_id INTEGER NOT NULL CHECK (typeof(subscription_id) = 'integer'),
        since REAL NOT NULL CHECK (typeof(since) = 'real')
    )
    """,
    # What was skipped, merged or refused, and how often.
    """
    CREATE TABLE counter (
        input TEXT NOT NULL,
        name TEXT NOT NULL,
        value INTEGER NOT NULL CHECK (typeof(value) = 'integer'),
        PRIMARY KEY (input, name)
    )
    """,
    # Short leases that hold across processes, for instance for refreshing one athlete's token.
    """
    CREATE TABLE lease (
        name TEXT PRIMARY KEY NOT NULL,
        holder TEXT NOT NULL,
        expires_at REAL NOT NULL CHECK (typeof(expires_at) = 'real')
    )
    """,
    # Athletes whose access does not work any more; one without a row here is in good standing.
    """
    CREATE TABLE athlete (
        athlete_id INTEGER PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('needs to reconnect', 'deauthorized')),
        since REAL NOT NULL CHECK (typeof(since) = 'real'),
        reason TEXT NOT NULL,
        -- The connection (its time) whose tokens were refused: with another one the athlete is in good standing.
        connected_at TEXT NOT NULL,
        -- When to try whether the refusal still holds.
        probe_at REAL NOT NULL CHECK (typeof(probe_at) = 'real')
    )
    """,
    # One row that the health check writes: only a write tells whether writing works.
    "CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at REAL NOT NULL)",
)

_SECOND: Migration = (
    # How keeping the subscription went last, and when to look again: a process that is started again and again must
    # not ask Strava each time. The subscription that is kept, with its callback URL and a digest of the verify token
    # of then, so that a changed one is noticed; null while none is. `wanted` is a digest of all that the input wanted
    # at the last look, `rival` the callback URL of a foreign subscription that was replaced as the user allowed.
    """
    CREATE TABLE subscription_watch (
        client_id TEXT PRIMARY KEY NOT NULL,
        input TEXT NOT NULL,
        state TEXT NOT NULL,
        said TEXT NOT NULL,
        wanted TEXT NOT NULL,
        subscription_id INTEGER CHECK (subscription_id IS NULL OR typeof(subscription_id) = 'integer'),
        callback_url TEXT,
        token_digest TEXT,
        rival TEXT,
        failures INTEGER NOT NULL DEFAULT 0 CHECK (typeof(failures) = 'integer' AND failures >= 0),
        looked_at REAL NOT NULL CHECK (typeof(looked_at) = 'real'),
        next_at REAL NOT NULL CHECK (typeof(next_at) = 'real'),
        CHECK ((subscription_id IS NULL) = (callback_url IS NULL)),
        CHECK ((subscription_id IS NULL) = (token_digest IS NULL))
    )
    """,
    # The calls about subscriptions of the last hour: there is a most, whatever goes wrong.
    """
    CREATE TABLE subscription_call (
        id INTEGER PRIMARY KEY,
        client_id TEXT NOT NULL,
        -- Strangers can cause those of the check: they must not use up what keeping the subscription needs.
        is_check INTEGER NOT NULL CHECK (is_check IN (0, 1)),
        at REAL NOT NULL CHECK (typeof(at) = 'real')
    )
    """,
    "CREATE INDEX subscription_call_at ON subscription_call (client_id, at)",
    # Subscriptions that were an application's before: what they announced may arrive, or be dispatched, afterwards.
    """
    CREATE TABLE former_subscription (
        subscription_id INTEGER PRIMARY KEY,
        client_id TEXT NOT NULL,
        replaced_at REAL NOT NULL CHECK (typeof(replaced_at) = 'real')
    )
    """,
    # Where subscriptions of an input led before: what is sent there for the first, second or third time is still taken.
    """
    CREATE TABLE former_callback (
        input TEXT NOT NULL,
        callback_url TEXT NOT NULL,
        left_at REAL NOT NULL CHECK (typeof(left_at) = 'real'),
        PRIMARY KEY (input, callback_url)
    )
    """,
    # Challenges that a listener has answered, by their hash: whoever asked finds out whom the callback URL reaches.
    """
    CREATE TABLE challenge (
        digest TEXT PRIMARY KEY NOT NULL CHECK (length(digest) = 64),
        input TEXT NOT NULL,
        at REAL NOT NULL CHECK (typeof(at) = 'real')
    )
    """,
    "CREATE INDEX challenge_input ON challenge (input, at)",
    # When a part of a running input was last seen at work, by the input itself.
    """
    CREATE TABLE heartbeat (
        input TEXT NOT NULL,
        part TEXT NOT NULL,
        at REAL NOT NULL CHECK (typeof(at) = 'real'),
        said TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (input, part)
    )
    """,
    # For operators: the jobs of each sort in the order in which they were made, and their number.
    "CREATE INDEX job_group ON job (athlete_id, status, reason, outcome)",
)

#: Changes nothing: a database with this number has the tables above as they stand there. One with a smaller number may
#: be from before the first release, when tables were changed in place.
_FOURTH: Migration = ()

#: All migrations in order; the version of a database is how many of them it has seen.
MIGRATIONS: Sequence[Migration] = (_FIRST, _SECOND, LISTS, _FOURTH)
#: Databases with a number up to this one may have tables of an earlier shape.
_UNSETTLED = 3


def version(connection: Transaction) -> int:
    """Return the schema version of the open database; 0 is an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def widths(table: str) -> frozenset[int]:
    """Return how many columns the table has, and had after each migration: rows are kept as they were written."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    found = set()
    try:
        for migration in MIGRATIONS:
            for statement in migration:
                connection.execute(statement)
            found.add(len(connection.execute(f"PRAGMA table_info({table})").fetchall()))
    finally:
        connection.close()
    return frozenset(found - {0})


def refuse_newer(connection: Transaction, path: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Raise :class:`StoreUnusable` if a newer release of the add-on made this database; change nothing."""
    found = version(connection)
    if found > len(migrations):
        raise StoreUnusable(
            f"The store {path} was written by a newer version of this add-on (schema {found}, this version "
            f"knows {len(migrations)}). Install that version again, or move the file away to start with an "
            "empty store."
        )


def migrate(connection: Transaction, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the database to the current version: all missing migrations in one transaction, or none of them.

    Several processes may try at once; those that come later find nothing left to do. Errors of SQLite are
    passed on.
    """
    if version(connection) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = version(connection)
        if 0 < found <= _UNSETTLED:
            early_shapes.bring_up(connection, migrations[:found])
        for migration in migrations[found:]:
            for statement in migration:
                connection.execute(statement)
        # No placeholder is possible in a PRAGMA; the number is ours.
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
