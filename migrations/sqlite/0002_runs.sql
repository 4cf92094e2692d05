-- Runs of the engine, what was published of them, and the dated sessions that follow.
-- The same tables and columns, by the same names, in both folders of this directory.

-- One execution of the engine. `attempt` is the fencing token: every claim raises it, and whoever holds an
-- older one can write nothing more. `problem` is kept as text, byte for byte, because it is hashed.
CREATE TABLE run (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    districts TEXT NOT NULL CHECK (json_valid(districts)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    engine_version TEXT NOT NULL,
    problem TEXT NOT NULL,
    problem_sha256 TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    lease_until TEXT,
    cancel_asked INTEGER NOT NULL DEFAULT 0 CHECK (cancel_asked IN (0, 1)),
    spent_ms INTEGER NOT NULL DEFAULT 0,
    last_event INTEGER NOT NULL DEFAULT 0,
    progress TEXT CHECK (json_valid(progress)),
    schedule TEXT,
    schedule_sha256 TEXT,
    report TEXT CHECK (json_valid(report)),
    status TEXT,
    cause TEXT,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL))
) STRICT;
CREATE INDEX run_term ON run (term_id, id);
CREATE INDEX run_open ON run (state, queued_at) WHERE state IN ('queued', 'running');

-- What a run told the world, in order; the last is `final`.
CREATE TABLE run_event (
    run_id BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('queued', 'started', 'progress', 'incumbent', 'retry', 'final')),
    body TEXT NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (run_id, seq)
) STRICT;

-- A published schedule; versions count up within a term.
CREATE TABLE schedule (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    run_id BLOB NOT NULL UNIQUE REFERENCES run (id) ON DELETE RESTRICT,
    version INTEGER NOT NULL,
    problem_sha256 TEXT NOT NULL,
    schedule TEXT NOT NULL,
    schedule_sha256 TEXT NOT NULL,
    cost TEXT NOT NULL CHECK (json_valid(cost)),
    tzdb TEXT NOT NULL,
    published_by TEXT NOT NULL,
    published_at TEXT NOT NULL,
    UNIQUE (term_id, version)
) STRICT;

-- Which districts a schedule covers; at most one schedule is current for a district and term.
CREATE TABLE schedule_district (
    schedule_id BLOB NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
    PRIMARY KEY (schedule_id, district_id)
) STRICT;
CREATE UNIQUE INDEX schedule_district_current ON schedule_district (term_id, district_id) WHERE is_current = 1;

-- Who serves what in a published schedule. `sessions` is the weekly pattern of a service.
CREATE TABLE assignment (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    schedule_id BLOB NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    section_id BLOB REFERENCES section (id) ON DELETE RESTRICT,
    service_id BLOB REFERENCES service (id) ON DELETE RESTRICT,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    sessions TEXT NOT NULL CHECK (json_valid(sessions)),
    CHECK ((section_id IS NULL) <> (service_id IS NULL)),
    UNIQUE (schedule_id, section_id),
    UNIQUE (schedule_id, service_id)
) STRICT;
CREATE INDEX assignment_educator ON assignment (educator_id);

-- One dated meeting. `key` says which meeting it is, from one publication to the next; the id, and so the
-- calendar UID, stays with the key. `held`: the slot is reserved, nobody is owed; `uncovered`: educator away.
CREATE TABLE session (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    schedule_id BLOB NOT NULL REFERENCES schedule (id) ON DELETE RESTRICT,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    school_id BLOB NOT NULL REFERENCES school (id) ON DELETE RESTRICT,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    section_id BLOB REFERENCES section (id) ON DELETE RESTRICT,
    service TEXT,
    key TEXT NOT NULL,
    held_on TEXT NOT NULL,
    starts TEXT NOT NULL,
    ends TEXT NOT NULL,
    tz TEXT NOT NULL,
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:00.000000Z'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:00.000000Z'),
    tzdb TEXT NOT NULL,
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    status TEXT NOT NULL CHECK (status IN ('planned', 'uncovered', 'held')),
    sequence INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    CHECK (starts_at < ends_at),
    CHECK ((section_id IS NULL) <> (service IS NULL)),
    UNIQUE (term_id, key)
) STRICT;
CREATE INDEX session_educator ON session (educator_id, starts_at);
CREATE INDEX session_school ON session (school_id, starts_at);
CREATE INDEX session_district ON session (district_id, starts_at);
CREATE INDEX session_starts ON session (starts_at, id);
CREATE INDEX session_term ON session (term_id, district_id);

-- A student of a service session, with the session's time beside it, so that the database can refuse overlaps.
CREATE TABLE session_student (
    session_id BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    service_id BLOB NOT NULL REFERENCES service (id) ON DELETE RESTRICT,
    student_id BLOB NOT NULL REFERENCES student (id) ON DELETE RESTRICT,
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:00.000000Z'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:00.000000Z'),
    serves INTEGER NOT NULL CHECK (serves IN (0, 1)),
    PRIMARY KEY (session_id, service_id),
    CHECK (starts_at < ends_at)
) STRICT;
CREATE INDEX session_student_time ON session_student (student_id, starts_at);
CREATE INDEX session_student_service ON session_student (service_id);

-- Nobody is in two places. A session lasts a day at most, so what can overlap began within the day before.
CREATE TRIGGER session_never_overlaps_insert BEFORE INSERT ON session WHEN EXISTS (
    SELECT 1 FROM session s WHERE s.educator_id = NEW.educator_id AND s.starts_at < NEW.ends_at AND s.ends_at > NEW.starts_at
        AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%S.000000Z', NEW.starts_at, '-2 days')
) BEGIN SELECT RAISE(ABORT, 'overlap: the educator has another session at that time'); END;
CREATE TRIGGER session_never_overlaps_update BEFORE UPDATE OF educator_id, starts_at, ends_at ON session WHEN EXISTS (
    SELECT 1 FROM session s WHERE s.educator_id = NEW.educator_id AND s.starts_at < NEW.ends_at AND s.ends_at > NEW.starts_at
        AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%S.000000Z', NEW.starts_at, '-2 days') AND s.id <> NEW.id
) BEGIN SELECT RAISE(ABORT, 'overlap: the educator has another session at that time'); END;
CREATE TRIGGER session_student_never_overlaps_insert BEFORE INSERT ON session_student WHEN EXISTS (
    SELECT 1 FROM session_student s WHERE s.student_id = NEW.student_id AND s.starts_at < NEW.ends_at AND s.ends_at > NEW.starts_at
        AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%S.000000Z', NEW.starts_at, '-2 days')
) BEGIN SELECT RAISE(ABORT, 'overlap: the student has another session at that time'); END;
CREATE TRIGGER session_student_never_overlaps_update BEFORE UPDATE OF student_id, starts_at, ends_at ON session_student WHEN EXISTS (
    SELECT 1 FROM session_student s WHERE s.student_id = NEW.student_id AND s.starts_at < NEW.ends_at AND s.ends_at > NEW.starts_at
        AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%S.000000Z', NEW.starts_at, '-2 days')
        AND (s.session_id <> NEW.session_id OR s.service_id <> NEW.service_id)
) BEGIN SELECT RAISE(ABORT, 'overlap: the student has another session at that time'); END;

-- The secret address of a calendar. Only the hash of its token is kept.
CREATE TABLE feed (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    educator_id BLOB REFERENCES educator (id) ON DELETE CASCADE,
    school_id BLOB REFERENCES school (id) ON DELETE CASCADE,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    revoked_at TEXT,
    CHECK ((educator_id IS NULL) <> (school_id IS NULL))
) STRICT;
CREATE INDEX feed_educator ON feed (educator_id);
CREATE INDEX feed_school ON feed (school_id);
