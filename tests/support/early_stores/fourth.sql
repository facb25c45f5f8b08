-- The first one taken over: its tables have the shape that the number 4 stands for, and no change in place may alter it.
BEGIN TRANSACTION;
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
    , detailed INTEGER NOT NULL DEFAULT 1 CHECK (detailed IN (0, 1)), fingerprint TEXT, listed TEXT, listed_at REAL, suspicion TEXT CHECK (suspicion IN ('differs', 'missing')), unlisted INTEGER NOT NULL DEFAULT 0 CHECK (unlisted IN (0, 1)), given_up TEXT, stream_key TEXT, streams_ms INTEGER);
INSERT INTO "activity" VALUES(11,134815,'2026-06-01T06:00:00Z',1780293605000,0,1780293600,NULL,1780293600.0,'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','rides',1780293602.0,1780293605.0,1,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO "activity" VALUES(12,134815,'2026-05-31T06:00:00Z',1780293610000,1,1780293609,1780293609,NULL,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','rides',1780293602.0,1780293610.0,1,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
CREATE TABLE application (
        client_id TEXT PRIMARY KEY NOT NULL,
        quota TEXT,
        circuit TEXT,
        updated_at REAL NOT NULL CHECK (typeof(updated_at) = 'real')
    );
CREATE TABLE athlete (
        athlete_id INTEGER PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('needs to reconnect', 'deauthorized')),
        since REAL NOT NULL CHECK (typeof(since) = 'real'),
        reason TEXT NOT NULL,
        -- The connection (its time) whose tokens were refused: with another one the athlete is in good standing.
        connected_at TEXT NOT NULL,
        -- When to try whether the refusal still holds.
        probe_at REAL NOT NULL CHECK (typeof(probe_at) = 'real')
    );
INSERT INTO "athlete" VALUES(227615,'needs to reconnect',1780293630.0,'Strava refuses the tokens.','',1780293630.0);
INSERT INTO "athlete" VALUES(330001,'deauthorized',1780293631.0,'The permission was withdrawn.','',1780293631.0);
CREATE TABLE challenge (
        digest TEXT PRIMARY KEY NOT NULL CHECK (length(digest) = 64),
        input TEXT NOT NULL,
        at REAL NOT NULL CHECK (typeof(at) = 'real')
    );
CREATE TABLE counter (
        input TEXT NOT NULL,
        name TEXT NOT NULL,
        value INTEGER NOT NULL CHECK (typeof(value) = 'integer'),
        PRIMARY KEY (input, name)
    );
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
    );
CREATE TABLE forgotten (
        consent TEXT PRIMARY KEY,
        at REAL NOT NULL CHECK (typeof(at) = 'real')
    );
CREATE TABLE former_callback (
        input TEXT NOT NULL,
        callback_url TEXT NOT NULL,
        left_at REAL NOT NULL CHECK (typeof(left_at) = 'real'),
        PRIMARY KEY (input, callback_url)
    );
CREATE TABLE former_subscription (
        subscription_id INTEGER PRIMARY KEY,
        client_id TEXT NOT NULL,
        replaced_at REAL NOT NULL CHECK (typeof(replaced_at) = 'real')
    );
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
    );
CREATE TABLE heartbeat (
        input TEXT NOT NULL,
        part TEXT NOT NULL,
        at REAL NOT NULL CHECK (typeof(at) = 'real'),
        said TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (input, part)
    );
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
    );
INSERT INTO "job" VALUES(1,'activity',11,134815,'rides','webhook',0,0,'done','collected',0,0,5,1780293603.25,NULL,'ee204d57b5e7',NULL,1780293602.0,1780293605.0,1,1,1780293604.0,NULL,NULL);
INSERT INTO "job" VALUES(2,'activity',13,227615,'rides','webhook',0,0,'failed','dead letter',0,0,5,1780293603.0,'Strava does not know the activity.','a11603fbf595',NULL,1780293602.0,1780293605.0,1,1,1780293604.0,NULL,NULL);
INSERT INTO "job" VALUES(3,'activity',14,134815,'rides','webhook',0,0,'working',NULL,0,0,5,1780293603.0,NULL,'b12f7a8b11e8',NULL,1780293602.0,1780293604.0,1,1,1780293604.0,'03ef78e31fe74f969cb62d1061b1811c',1780293904.0);
INSERT INTO "job" VALUES(4,'activity',15,227615,'rides','webhook',2,0,'pending',NULL,2,0,5,1780293650.0,'Strava answered 503.','1196ab30c415',NULL,1780293602.0,1780293602.0,1,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(5,'activity',16,134815,'rides','manual',0,1,'pending',NULL,0,0,5,1780296600.0,NULL,'f809914c4575',NULL,1780293602.0,1780293603.0,2,NULL,NULL,NULL,NULL);
CREATE TABLE lease (
        name TEXT PRIMARY KEY NOT NULL,
        holder TEXT NOT NULL,
        expires_at REAL NOT NULL CHECK (typeof(expires_at) = 'real')
    );
INSERT INTO "lease" VALUES('token 134815','4711',1780293660.0);
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
    );
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
        updated_at REAL NOT NULL CHECK (typeof(updated_at) = 'real'), kept_digest TEXT,
        CHECK ((state IN ('held', 'dead letter')) = (reason IS NOT NULL))
    );
INSERT INTO "notification" VALUES(1,'rides','374a35b894ed209de5ef2f6cc7914708b8ac9ae0e6e01335caff5425e910a16b',134815,'activity',11,120475,'{"object_type":"activity","object_id":11,"aspect_type":"create","owner_id":134815,"subscription_id":120475,"event_time":1780293600,"updates":{}}',1780293601.25,'374a35b894ed','dispatched',NULL,1,1,0,0,1780293602.0,NULL);
INSERT INTO "notification" VALUES(2,'rides','14ced31f17fe2f524498f383f5293b4db7558319360f5c6f38b95a3a3c7386a5',134815,'activity',17,120475,'{"object_type":"activity","object_id":17,"aspect_type":"create","owner_id":134815,"subscription_id":120475,"event_time":1780293600,"updates":{}}',1780293620.5,'14ced31f17fe','pending',NULL,0,1,0,0,1780293620.5,NULL);
INSERT INTO "notification" VALUES(3,'rides','ef264f7dc587bf77714d201bf12871efa1f33a104ab1b85f91b73df1efae386b',134815,'activity',18,120475,'{"object_type":"activity","object_id":18,"aspect_type":"update","owner_id":134815,"subscription_id":120475,"event_time":1780293600,"updates":{"title":"Morning ride"}}',1780293621.5,'ef264f7dc587','dispatching',NULL,0,1,0,0,1780293622.0,NULL);
INSERT INTO "notification" VALUES(4,'rides','689e14b9fdcad1375a2e9b97eb92d70a9482a86c1deffe28d69efca9d0def052',999,'activity',19,120475,'{"object_type":"activity","object_id":19,"aspect_type":"create","owner_id":999,"subscription_id":120475,"event_time":1780293600,"updates":{}}',1780293623.5,'689e14b9fdca','held','unknown athlete',1,1,0,0,1780293624.0,NULL);
CREATE TABLE pace (
        athlete_id INTEGER PRIMARY KEY,
        paid_until REAL NOT NULL CHECK (typeof(paid_until) = 'real'),
        busy_until REAL NOT NULL CHECK (typeof(busy_until) = 'real')
    );
CREATE TABLE place (
        activity_id INTEGER NOT NULL CHECK (typeof(activity_id) = 'integer'),
        start_date TEXT NOT NULL,
        index_name TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('current', 'leaving', 'left')),
        tombstone_ms INTEGER CHECK (tombstone_ms IS NULL OR typeof(tombstone_ms) = 'integer'),
        replay INTEGER NOT NULL DEFAULT 0 CHECK (replay IN (0, 1)),
        PRIMARY KEY (activity_id, start_date, index_name),
        CHECK (state = 'current' OR tombstone_ms IS NOT NULL)
    );
INSERT INTO "place" VALUES(11,'2026-06-01T06:00:00Z','strava','current',NULL,0);
INSERT INTO "place" VALUES(12,'2026-05-31T06:00:00Z','strava','left',1780293610000,0);
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at REAL NOT NULL);
CREATE TABLE profile (
        athlete_id INTEGER PRIMARY KEY,
        looked_at REAL,
        digest TEXT,
        collected_ms INTEGER
    );
CREATE TABLE reservation (
        lease_id TEXT PRIMARY KEY NOT NULL,
        client_id TEXT NOT NULL,
        background INTEGER NOT NULL CHECK (background IN (0, 1)),
        made_at REAL NOT NULL CHECK (typeof(made_at) = 'real')
    );
CREATE TABLE subscription (
        client_id TEXT PRIMARY KEY NOT NULL,
        subscription_id INTEGER NOT NULL CHECK (typeof(subscription_id) = 'integer'),
        since REAL NOT NULL CHECK (typeof(since) = 'real')
    );
CREATE TABLE subscription_call (
        id INTEGER PRIMARY KEY,
        client_id TEXT NOT NULL,
        -- Strangers can cause those of the check: they must not use up what keeping the subscription needs.
        is_check INTEGER NOT NULL CHECK (is_check IN (0, 1)),
        at REAL NOT NULL CHECK (typeof(at) = 'real')
    );
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
    );
CREATE TABLE volume (
        day INTEGER PRIMARY KEY,
        bytes INTEGER NOT NULL CHECK (typeof(bytes) = 'integer'),
        calls INTEGER NOT NULL CHECK (typeof(calls) = 'integer')
    );
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
    );
CREATE INDEX activity_athlete ON activity (athlete_id);
CREATE UNIQUE INDEX notification_digest ON notification (object_id, digest, input);
CREATE INDEX notification_waiting ON notification (input, id) WHERE state IN ('pending', 'dispatching');
CREATE INDEX notification_dispatched ON notification (updated_at) WHERE state = 'dispatched';
CREATE INDEX notification_held_since ON notification (updated_at) WHERE state = 'held';
CREATE INDEX notification_dead ON notification (updated_at) WHERE state = 'dead letter';
CREATE INDEX notification_state ON notification (input, state, athlete_id);
CREATE INDEX notification_object ON notification (object_id);
CREATE TRIGGER notification_transition BEFORE UPDATE OF state ON notification
    WHEN NEW.state <> OLD.state AND OLD.state || ' > ' || NEW.state NOT IN (
        'pending > dispatching', 'pending > dead letter',
        'dispatching > dispatched', 'dispatching > held', 'dispatching > dead letter',
        'dispatched > pending', 'held > pending', 'held > dead letter', 'dead letter > pending'
    )
    BEGIN
        SELECT RAISE(ABORT, 'a notification does not go from this state to that one');
    END;
CREATE UNIQUE INDEX job_live ON job (kind, activity_id, athlete_id) WHERE status IN ('pending', 'working');
CREATE INDEX job_due ON job (input, priority, athlete_id, next_run_at) WHERE status = 'pending';
CREATE INDEX job_later ON job (input, next_run_at, status) WHERE status = 'pending';
CREATE INDEX job_leased ON job (lease_expires_at) WHERE status = 'working';
CREATE INDEX job_done ON job (updated_at) WHERE status = 'done';
CREATE INDEX job_failed ON job (updated_at) WHERE status = 'failed';
CREATE INDEX job_activity ON job (activity_id, claimed_at);
CREATE INDEX job_athlete ON job (athlete_id, created_at) WHERE status = 'pending';
CREATE TRIGGER job_transition BEFORE UPDATE OF status ON job
    WHEN NEW.status <> OLD.status AND OLD.status || ' > ' || NEW.status NOT IN (
        'pending > working', 'pending > done', 'pending > failed',
        'working > pending', 'working > done', 'working > failed'
    )
    BEGIN
        SELECT RAISE(ABORT, 'a finished job stays finished; to run it again is a new job');
    END;
CREATE INDEX activity_newest ON activity (athlete_id, collected_ms) WHERE deleted = 0 AND collected_ms IS NOT NULL;
CREATE INDEX activity_uncollected ON activity (updated_at) WHERE start_date IS NULL;
CREATE UNIQUE INDEX place_current ON place (activity_id) WHERE state = 'current';
CREATE INDEX place_left ON place (tombstone_ms) WHERE state = 'left';
CREATE INDEX place_replay ON place (activity_id) WHERE replay = 1;
CREATE INDEX reservation_application ON reservation (client_id);
CREATE INDEX subscription_call_at ON subscription_call (client_id, at);
CREATE INDEX challenge_input ON challenge (input, at);
CREATE INDEX job_group ON job (athlete_id, status, reason, outcome);
CREATE INDEX activity_start ON activity (athlete_id, start_date) WHERE deleted = 0 AND start_date IS NOT NULL;
CREATE INDEX miss_input ON miss (input, found_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('notification',5);
INSERT INTO "sqlite_sequence" VALUES('job',5);
COMMIT;
PRAGMA user_version = 4;
