-- Service lines as IEPs write them, and the policies by which their minutes are counted.
-- The same tables and columns, by the same names, in both folders of this directory.

CREATE TABLE service_line (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    student_id uuid NOT NULL REFERENCES student (id) ON DELETE RESTRICT,
    school_id uuid NOT NULL REFERENCES school (id) ON DELETE RESTRICT,
    service text NOT NULL,
    areas jsonb NOT NULL,
    grade text NOT NULL,
    written text NOT NULL,
    session_minutes bigint NOT NULL CHECK (session_minutes BETWEEN 5 AND 480),
    group_consent boolean NOT NULL,
    windows jsonb NOT NULL,
    max_group bigint NOT NULL CHECK (max_group >= 1),
    grade_span bigint NOT NULL CHECK (grade_span >= 0),
    first_on date,
    last_on date,
    priority bigint NOT NULL CHECK (priority >= 0),
    languages jsonb NOT NULL,
    source text,
    source_id text,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
);
CREATE INDEX service_line_term_school ON service_line (term_id, school_id);
CREATE INDEX service_line_school ON service_line (school_id);
CREATE INDEX service_line_student ON service_line (student_id);

-- The line that a service delivers part of; none where the service itself is what is owed.
ALTER TABLE service ADD COLUMN line_id uuid REFERENCES service_line (id) ON DELETE RESTRICT;
CREATE INDEX service_line_part ON service (line_id);

-- Dated, cited figures of a state or a district.
CREATE TABLE policy (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    state text,
    district_id uuid REFERENCES district (id) ON DELETE CASCADE,
    effective_on date NOT NULL,
    ends_on date,
    standing text NOT NULL CHECK (standing IN ('law', 'guidance', 'district_policy', 'assumption')),
    citation text NOT NULL,
    source text,
    source_id text,
    CHECK ((state IS NULL) <> (district_id IS NULL)),
    CHECK (effective_on <= ends_on),
    UNIQUE (source, source_id)
);
CREATE INDEX policy_district ON policy (district_id);
-- Two figures of one key cannot begin on one day at one place.
CREATE UNIQUE INDEX policy_once_district ON policy (district_id, key, effective_on) WHERE district_id IS NOT NULL;
CREATE UNIQUE INDEX policy_once_state ON policy (state, key, effective_on) WHERE state IS NOT NULL;
