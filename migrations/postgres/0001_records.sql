-- The records: what is kept of districts, needs, educators and the choices made about them.
-- The same tables and columns, by the same names, in both folders of this directory (a test compares them).

-- A planning horizon and the prices of a schedule made for it.
CREATE TABLE term (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL,
    first_on date NOT NULL,
    last_on date NOT NULL,
    grid_minutes bigint NOT NULL CHECK (grid_minutes BETWEEN 1 AND 720),
    unserved_cents_per_minute bigint NOT NULL CHECK (unserved_cents_per_minute >= 0),
    change_cents bigint NOT NULL CHECK (change_cents >= 0),
    source text,
    source_id text,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
);

CREATE TABLE district (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL,
    state text NOT NULL,
    tz text NOT NULL,
    source text,
    source_id text,
    UNIQUE (source, source_id)
);

CREATE TABLE school (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    name text NOT NULL,
    tz text,
    source text,
    source_id text,
    UNIQUE (source, source_id)
);
CREATE INDEX school_district ON school (district_id);

-- Of a district, or (school_id) of one school of it: at most one each for a term.
CREATE TABLE calendar (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE CASCADE,
    school_id uuid REFERENCES school (id) ON DELETE CASCADE,
    first_on date NOT NULL,
    last_on date NOT NULL,
    weekdays jsonb NOT NULL,
    closed jsonb NOT NULL,
    cycle jsonb NOT NULL,
    bell_schedule jsonb NOT NULL,
    source text,
    source_id text,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
);
CREATE INDEX calendar_district ON calendar (district_id);
CREATE UNIQUE INDEX calendar_district_once ON calendar (term_id, district_id) WHERE school_id IS NULL;
CREATE UNIQUE INDEX calendar_school_once ON calendar (term_id, school_id) WHERE school_id IS NOT NULL;

CREATE TABLE bell_schedule (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    school_id uuid NOT NULL REFERENCES school (id) ON DELETE CASCADE,
    key text NOT NULL,
    periods jsonb NOT NULL,
    source text,
    source_id text,
    UNIQUE (school_id, key),
    UNIQUE (source, source_id)
);

CREATE TABLE course (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL,
    areas jsonb NOT NULL,
    sced text,
    source text,
    source_id text,
    UNIQUE (source, source_id)
);

-- A district's posting.
CREATE TABLE vacancy (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    title text NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'open', 'closed')),
    opened_at timestamptz,
    source text,
    source_id text,
    UNIQUE (source, source_id)
);
CREATE INDEX vacancy_district ON vacancy (district_id);
CREATE INDEX vacancy_term ON vacancy (term_id);

-- A need at fixed times.
CREATE TABLE section (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    school_id uuid NOT NULL REFERENCES school (id) ON DELETE RESTRICT,
    course_id uuid NOT NULL REFERENCES course (id) ON DELETE RESTRICT,
    vacancy_id uuid REFERENCES vacancy (id) ON DELETE RESTRICT,
    grades jsonb NOT NULL,
    meets jsonb NOT NULL,
    first_on date,
    last_on date,
    priority bigint NOT NULL CHECK (priority >= 0),
    students bigint CHECK (students >= 0),
    bundle text,
    languages jsonb NOT NULL,
    source text,
    source_id text,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
);
CREATE INDEX section_term_school ON section (term_id, school_id);
CREATE INDEX section_school ON section (school_id);
CREATE INDEX section_course ON section (course_id);
CREATE INDEX section_vacancy ON section (vacancy_id);

-- A pseudonymous key; no column of this table may ever hold a name.
CREATE TABLE student (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    key text NOT NULL,
    source text,
    source_id text,
    UNIQUE (district_id, key),
    UNIQUE (source, source_id)
);

-- A need whose times are chosen inside windows.
CREATE TABLE service (
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
    minutes bigint NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    times bigint NOT NULL CHECK (times BETWEEN 1 AND 31),
    per text NOT NULL CHECK (per IN ('week', 'month', 'cycle')),
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
CREATE INDEX service_term_school ON service (term_id, school_id);
CREATE INDEX service_school ON service (school_id);
CREATE INDEX service_student ON service (student_id);

CREATE TABLE educator (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    display_name text NOT NULL,
    email text,
    tz text NOT NULL,
    max_minutes_per_week bigint NOT NULL CHECK (max_minutes_per_week >= 0),
    max_minutes_per_day bigint NOT NULL CHECK (max_minutes_per_day >= 0),
    max_preps bigint NOT NULL CHECK (max_preps >= 0),
    max_sections bigint NOT NULL CHECK (max_sections >= 0),
    max_students bigint CHECK (max_students >= 0),
    buffer_minutes bigint NOT NULL CHECK (buffer_minutes >= 0),
    languages jsonb NOT NULL,
    pay_cents_per_minute bigint NOT NULL CHECK (pay_cents_per_minute >= 0),
    activation_cents bigint NOT NULL CHECK (activation_cents >= 0),
    prep_cents bigint NOT NULL CHECK (prep_cents >= 0),
    active boolean NOT NULL,
    source text,
    source_id text,
    UNIQUE (source, source_id)
);

CREATE TABLE license (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    state text NOT NULL,
    area text NOT NULL,
    grades jsonb NOT NULL,
    issued_on date NOT NULL,
    expires_on date NOT NULL,
    source text,
    source_id text,
    CHECK (issued_on <= expires_on),
    UNIQUE (source, source_id)
);
CREATE INDEX license_educator ON license (educator_id);

CREATE TABLE clearance (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    state text NOT NULL,
    source text,
    source_id text,
    UNIQUE (educator_id, state),
    UNIQUE (source, source_id)
);

-- On the educator's own clock.
CREATE TABLE availability (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    days jsonb NOT NULL,
    start text NOT NULL,
    "end" text NOT NULL,
    source text,
    source_id text,
    CHECK (start < "end"),
    UNIQUE (source, source_id)
);
CREATE INDEX availability_educator ON availability (educator_id);

CREATE TABLE time_off (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    first_on date NOT NULL,
    last_on date NOT NULL,
    source text,
    source_id text,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
);
CREATE INDEX time_off_educator ON time_off (educator_id);

-- This need must be served by this educator.
CREATE TABLE pin (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    section_id uuid REFERENCES section (id) ON DELETE CASCADE,
    service_id uuid REFERENCES service (id) ON DELETE CASCADE,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    source text,
    source_id text,
    CHECK ((section_id IS NULL) <> (service_id IS NULL)),
    UNIQUE (section_id),
    UNIQUE (service_id),
    UNIQUE (source, source_id)
);
CREATE INDEX pin_term ON pin (term_id);
CREATE INDEX pin_educator ON pin (educator_id);

-- This educator may not be matched at this school.
CREATE TABLE veto (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    school_id uuid NOT NULL REFERENCES school (id) ON DELETE CASCADE,
    source text,
    source_id text,
    UNIQUE (educator_id, school_id),
    UNIQUE (source, source_id)
);
CREATE INDEX veto_school ON veto (school_id);

-- Needs (ids of sections and services) better served by one educator.
CREATE TABLE together (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    needs jsonb NOT NULL,
    cents bigint NOT NULL CHECK (cents >= 0),
    source text,
    source_id text,
    UNIQUE (source, source_id)
);
CREATE INDEX together_term ON together (term_id);

-- Who serves a need now, as an imported file says; a published schedule goes before it.
CREATE TABLE incumbent (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    section_id uuid REFERENCES section (id) ON DELETE CASCADE,
    service_id uuid REFERENCES service (id) ON DELETE CASCADE,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    source text,
    source_id text,
    CHECK ((section_id IS NULL) <> (service_id IS NULL)),
    UNIQUE (section_id),
    UNIQUE (service_id),
    UNIQUE (source, source_id)
);
CREATE INDEX incumbent_term ON incumbent (term_id);
CREATE INDEX incumbent_educator ON incumbent (educator_id);

-- Who changed what, in the transaction that changed it. Rows are only ever added.
-- Each line carries a hash over itself and the hash of the line before it.
CREATE TABLE audit (
    id uuid NOT NULL PRIMARY KEY,
    seq bigint NOT NULL UNIQUE CHECK (seq >= 1),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    entity text NOT NULL,
    entity_id uuid NOT NULL,
    body_before jsonb,
    body_after jsonb,
    previous_sha256 text NOT NULL,
    sha256 text NOT NULL
);
CREATE INDEX audit_entity ON audit (entity, entity_id);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

-- The answer to a creation that carried an Idempotency-Key, to be given again when it is repeated.
CREATE TABLE idempotency_key (
    principal text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    status bigint,
    headers jsonb,
    body text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (principal, key)
);
