-- The service log: what became of each session, one entry for each student. Amended in place; the audit trail keeps
-- what an entry said before. What the session was to be stays here, whatever is published later.
-- The same tables and columns, by the same names, in both folders of this directory.

CREATE TABLE service_log (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    service_id BLOB NOT NULL REFERENCES service (id) ON DELETE RESTRICT,
    student_id BLOB NOT NULL REFERENCES student (id) ON DELETE RESTRICT,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    session_id BLOB CHECK (length(session_id) = 16),
    held_on TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'partly', 'missed')),
    reason TEXT,
    starts TEXT,
    ends TEXT,
    planned_minutes INTEGER NOT NULL CHECK (planned_minutes BETWEEN 0 AND 1440),
    delivered_minutes INTEGER NOT NULL CHECK (delivered_minutes BETWEEN 0 AND 1440),
    "grouping" TEXT NOT NULL CHECK ("grouping" IN ('individual', 'group')),
    makes_up BLOB REFERENCES service_log (id),
    logged_by TEXT NOT NULL,
    CHECK ((outcome = 'delivered') = (reason IS NULL)),
    CHECK ((outcome = 'missed') = (starts IS NULL)),
    CHECK ((starts IS NULL) = (ends IS NULL)),
    UNIQUE (session_id, service_id)
) STRICT;
CREATE INDEX service_log_service ON service_log (service_id, held_on);
CREATE INDEX service_log_student ON service_log (student_id);
CREATE INDEX service_log_educator ON service_log (educator_id, held_on);
CREATE INDEX service_log_district ON service_log (district_id);
CREATE INDEX service_log_makes_up ON service_log (makes_up);
