-- The service log: what became of each session, one entry for each student. Amended in place; the audit trail keeps
-- what an entry said before. What the session was to be stays here, whatever is published later.
-- The same tables and columns, by the same names, in both folders of this directory.

CREATE TABLE service_log (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    service_id uuid NOT NULL REFERENCES service (id) ON DELETE RESTRICT,
    student_id uuid NOT NULL REFERENCES student (id) ON DELETE RESTRICT,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    session_id uuid,
    held_on date NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'partly', 'missed')),
    reason text,
    starts text,
    ends text,
    planned_minutes bigint NOT NULL CHECK (planned_minutes BETWEEN 0 AND 1440),
    delivered_minutes bigint NOT NULL CHECK (delivered_minutes BETWEEN 0 AND 1440),
    "grouping" text NOT NULL CHECK ("grouping" IN ('individual', 'group')),
    makes_up uuid REFERENCES service_log (id),
    logged_by text NOT NULL,
    CHECK ((outcome = 'delivered') = (reason IS NULL)),
    CHECK ((outcome = 'missed') = (starts IS NULL)),
    CHECK ((starts IS NULL) = (ends IS NULL)),
    UNIQUE (session_id, service_id)
);
CREATE INDEX service_log_service ON service_log (service_id, held_on);
CREATE INDEX service_log_student ON service_log (student_id);
CREATE INDEX service_log_educator ON service_log (educator_id, held_on);
CREATE INDEX service_log_district ON service_log (district_id);
CREATE INDEX service_log_makes_up ON service_log (makes_up);
