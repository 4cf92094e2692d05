-- Service lines as IEPs write them, and the policies by which their minutes are counted.
-- The same tables and columns, by the same names, in both folders of this directory.

CREATE TABLE service_line (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    student_id BLOB NOT NULL REFERENCES student (id) ON DELETE RESTRICT,
    school_id BLOB NOT NULL REFERENCES school (id) ON DELETE RESTRICT,
    service TEXT NOT NULL,
    areas TEXT NOT NULL CHECK (json_valid(areas)),
    grade TEXT NOT NULL,
    written TEXT NOT NULL,
    session_minutes INTEGER NOT NULL CHECK (session_minutes BETWEEN 5 AND 480),
    group_consent INTEGER NOT NULL CHECK (group_consent IN (0, 1)),
    windows TEXT NOT NULL CHECK (json_valid(windows)),
    max_group INTEGER NOT NULL CHECK (max_group >= 1),
    grade_span INTEGER NOT NULL CHECK (grade_span >= 0),
    first_on TEXT,
    last_on TEXT,
    priority INTEGER NOT NULL CHECK (priority >= 0),
    languages TEXT NOT NULL CHECK (json_valid(languages)),
    source TEXT,
    source_id TEXT,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX service_line_term_school ON service_line (term_id, school_id);
CREATE INDEX service_line_school ON service_line (school_id);
CREATE INDEX service_line_student ON service_line (student_id);

-- The line that a service delivers part of; none where the service itself is what is owed.
ALTER TABLE service ADD COLUMN line_id BLOB REFERENCES service_line (id) ON DELETE RESTRICT;
CREATE INDEX service_line_part ON service (line_id);

-- Dated, cited figures of a state or a district.
CREATE TABLE policy (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    state TEXT,
    district_id BLOB REFERENCES district (id) ON DELETE CASCADE,
    effective_on TEXT NOT NULL,
    ends_on TEXT,
    standing TEXT NOT NULL CHECK (standing IN ('law', 'guidance', 'district_policy', 'assumption')),
    citation TEXT NOT NULL,
    source TEXT,
    source_id TEXT,
    CHECK ((state IS NULL) <> (district_id IS NULL)),
    CHECK (effective_on <= ends_on),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX policy_district ON policy (district_id);
-- Two figures of one key cannot begin on one day at one place.
CREATE UNIQUE INDEX policy_once_district ON policy (district_id, key, effective_on) WHERE district_id IS NOT NULL;
CREATE UNIQUE INDEX policy_once_state ON policy (state, key, effective_on) WHERE state IS NOT NULL;
