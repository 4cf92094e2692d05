-- Runs of the engine, what was published of them, and the dated sessions that follow.
-- The same tables and columns, by the same names, in both folders of this directory.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- One execution of the engine. `attempt` is the fencing token: every claim raises it, and whoever holds an
-- older one can write nothing more. `problem` is kept as text, byte for byte, because it is hashed.
CREATE TABLE run (
    id UUID NOT NULL PRIMARY KEY,
    term_id UUID NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    districts JSONB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    settings JSONB NOT NULL,
    engine_version TEXT NOT NULL,
    problem TEXT NOT NULL,
    problem_sha256 TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    queued_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    worker TEXT,
    lease_until TIMESTAMPTZ,
    cancel_asked BOOLEAN NOT NULL DEFAULT FALSE,
    spent_ms BIGINT NOT NULL DEFAULT 0,
    last_event BIGINT NOT NULL DEFAULT 0,
    progress JSONB,
    schedule TEXT,
    schedule_sha256 TEXT,
    report JSONB,
    status TEXT,
    cause TEXT,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL))
);
CREATE INDEX run_term ON run (term_id, id);
CREATE INDEX run_open ON run (state, queued_at) WHERE state IN ('queued', 'running');

-- What a run told the world, in order; the last is `final`.
CREATE TABLE run_event (
    run_id UUID NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('queued', 'started', 'progress', 'incumbent', 'retry', 'final')),
    body JSONB NOT NULL,
    PRIMARY KEY (run_id, seq)
);

-- A published schedule; versions count up within a term.
CREATE TABLE schedule (
    id UUID NOT NULL PRIMARY KEY,
    term_id UUID NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    run_id UUID NOT NULL UNIQUE REFERENCES run (id) ON DELETE RESTRICT,
    version BIGINT NOT NULL,
    problem_sha256 TEXT NOT NULL,
    schedule TEXT NOT NULL,
    schedule_sha256 TEXT NOT NULL,
    cost JSONB NOT NULL,
    tzdb TEXT NOT NULL,
    published_by TEXT NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    UNIQUE (term_id, version)
);

-- Which districts a schedule covers; at most one schedule is current for a district and term.
CREATE TABLE schedule_district (
    schedule_id UUID NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
    district_id UUID NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    term_id UUID NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    is_current BOOLEAN NOT NULL,
    PRIMARY KEY (schedule_id, district_id)
);
CREATE UNIQUE INDEX schedule_district_current ON schedule_district (term_id, district_id) WHERE is_current;

-- Who serves what in a published schedule. `sessions` is the weekly pattern of a service.
CREATE TABLE assignment (
    id UUID NOT NULL PRIMARY KEY,
    schedule_id UUID NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
    district_id UUID NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    section_id UUID REFERENCES section (id) ON DELETE RESTRICT,
    service_id UUID REFERENCES service (id) ON DELETE RESTRICT,
    educator_id UUID NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    sessions JSONB NOT NULL,
    CHECK ((section_id IS NULL) <> (service_id IS NULL)),
    UNIQUE (schedule_id, section_id),
    UNIQUE (schedule_id, service_id)
);
CREATE INDEX assignment_educator ON assignment (educator_id);

-- One dated meeting. `key` says which meeting it is, from one publication to the next; the id, and so the
-- calendar UID, stays with the key. `held`: the slot is reserved, nobody is owed; `uncovered`: educator away.
CREATE TABLE session (
    id UUID NOT NULL PRIMARY KEY,
    term_id UUID NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    schedule_id UUID NOT NULL REFERENCES schedule (id) ON DELETE RESTRICT,
    educator_id UUID NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    school_id UUID NOT NULL REFERENCES school (id) ON DELETE RESTRICT,
    district_id UUID NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    section_id UUID REFERENCES section (id) ON DELETE RESTRICT,
    service TEXT,
    key TEXT NOT NULL,
    held_on DATE NOT NULL,
    starts TEXT NOT NULL,
    ends TEXT NOT NULL,
    tz TEXT NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    tzdb TEXT NOT NULL,
    minutes BIGINT NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    status TEXT NOT NULL CHECK (status IN ('planned', 'uncovered', 'held')),
    sequence BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK (starts_at < ends_at),
    CHECK ((section_id IS NULL) <> (service IS NULL)),
    UNIQUE (term_id, key)
);
CREATE INDEX session_educator ON session (educator_id, starts_at);
CREATE INDEX session_school ON session (school_id, starts_at);
CREATE INDEX session_district ON session (district_id, starts_at);
CREATE INDEX session_starts ON session (starts_at, id);
CREATE INDEX session_term ON session (term_id, district_id);

-- A student of a service session, with the session's time beside it, so that the database can refuse overlaps.
CREATE TABLE session_student (
    session_id UUID NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    service_id UUID NOT NULL REFERENCES service (id) ON DELETE RESTRICT,
    student_id UUID NOT NULL REFERENCES student (id) ON DELETE RESTRICT,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    serves BOOLEAN NOT NULL,
    PRIMARY KEY (session_id, service_id),
    CHECK (starts_at < ends_at)
);
CREATE INDEX session_student_time ON session_student (student_id, starts_at);
CREATE INDEX session_student_service ON session_student (service_id);

-- Nobody is in two places.
ALTER TABLE session ADD CONSTRAINT session_never_overlaps
    EXCLUDE USING gist (educator_id WITH =, tstzrange(starts_at, ends_at) WITH &&);
ALTER TABLE session_student ADD CONSTRAINT session_student_never_overlaps
    EXCLUDE USING gist (student_id WITH =, tstzrange(starts_at, ends_at) WITH &&);

-- The secret address of a calendar. Only the hash of its token is kept.
CREATE TABLE feed (
    id UUID NOT NULL PRIMARY KEY,
    educator_id UUID REFERENCES educator (id) ON DELETE CASCADE,
    school_id UUID REFERENCES school (id) ON DELETE CASCADE,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    CHECK ((educator_id IS NULL) <> (school_id IS NULL))
);
CREATE INDEX feed_educator ON feed (educator_id);
CREATE INDEX feed_school ON feed (school_id);
