-- The records: what is kept of districts, needs, educators and the choices made about them.
-- The same tables and columns, by the same names, in both folders of this directory (a test compares them).

-- A planning horizon and the prices of a schedule made for it.
CREATE TABLE term (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    name TEXT NOT NULL,
    first_on TEXT NOT NULL,
    last_on TEXT NOT NULL,
    grid_minutes INTEGER NOT NULL CHECK (grid_minutes BETWEEN 1 AND 720),
    unserved_cents_per_minute INTEGER NOT NULL CHECK (unserved_cents_per_minute >= 0),
    change_cents INTEGER NOT NULL CHECK (change_cents >= 0),
    source TEXT,
    source_id TEXT,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
) STRICT;

CREATE TABLE district (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    tz TEXT NOT NULL,
    source TEXT,
    source_id TEXT,
    UNIQUE (source, source_id)
) STRICT;

CREATE TABLE school (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    tz TEXT,
    source TEXT,
    source_id TEXT,
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX school_district ON school (district_id);

-- Of a district, or (school_id) of one school of it: at most one each for a term.
CREATE TABLE calendar (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE CASCADE,
    school_id BLOB REFERENCES school (id) ON DELETE CASCADE,
    first_on TEXT NOT NULL,
    last_on TEXT NOT NULL,
    weekdays TEXT NOT NULL CHECK (json_valid(weekdays)),
    closed TEXT NOT NULL CHECK (json_valid(closed)),
    cycle TEXT NOT NULL CHECK (json_valid(cycle)),
    bell_schedule TEXT NOT NULL CHECK (json_valid(bell_schedule)),
    source TEXT,
    source_id TEXT,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX calendar_district ON calendar (district_id);
CREATE UNIQUE INDEX calendar_district_once ON calendar (term_id, district_id) WHERE school_id IS NULL;
CREATE UNIQUE INDEX calendar_school_once ON calendar (term_id, school_id) WHERE school_id IS NOT NULL;

CREATE TABLE bell_schedule (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    school_id BLOB NOT NULL REFERENCES school (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    periods TEXT NOT NULL CHECK (json_valid(periods)),
    source TEXT,
    source_id TEXT,
    UNIQUE (school_id, key),
    UNIQUE (source, source_id)
) STRICT;

CREATE TABLE course (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    name TEXT NOT NULL,
    areas TEXT NOT NULL CHECK (json_valid(areas)),
    sced TEXT,
    source TEXT,
    source_id TEXT,
    UNIQUE (source, source_id)
) STRICT;

-- A district's posting.
CREATE TABLE vacancy (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('draft', 'open', 'closed')),
    opened_at TEXT,
    source TEXT,
    source_id TEXT,
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX vacancy_district ON vacancy (district_id);
CREATE INDEX vacancy_term ON vacancy (term_id);

-- A need at fixed times.
CREATE TABLE section (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE RESTRICT,
    school_id BLOB NOT NULL REFERENCES school (id) ON DELETE RESTRICT,
    course_id BLOB NOT NULL REFERENCES course (id) ON DELETE RESTRICT,
    vacancy_id BLOB REFERENCES vacancy (id) ON DELETE RESTRICT,
    grades TEXT NOT NULL CHECK (json_valid(grades)),
    meets TEXT NOT NULL CHECK (json_valid(meets)),
    first_on TEXT,
    last_on TEXT,
    priority INTEGER NOT NULL CHECK (priority >= 0),
    students INTEGER CHECK (students >= 0),
    bundle TEXT,
    languages TEXT NOT NULL CHECK (json_valid(languages)),
    source TEXT,
    source_id TEXT,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX section_term_school ON section (term_id, school_id);
CREATE INDEX section_school ON section (school_id);
CREATE INDEX section_course ON section (course_id);
CREATE INDEX section_vacancy ON section (vacancy_id);

-- A pseudonymous key; no column of this table may ever hold a name.
CREATE TABLE student (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE RESTRICT,
    key TEXT NOT NULL,
    source TEXT,
    source_id TEXT,
    UNIQUE (district_id, key),
    UNIQUE (source, source_id)
) STRICT;

-- A need whose times are chosen inside windows.
CREATE TABLE service (
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
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    times INTEGER NOT NULL CHECK (times BETWEEN 1 AND 31),
    per TEXT NOT NULL CHECK (per IN ('week', 'month', 'cycle')),
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
CREATE INDEX service_term_school ON service (term_id, school_id);
CREATE INDEX service_school ON service (school_id);
CREATE INDEX service_student ON service (student_id);

CREATE TABLE educator (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    display_name TEXT NOT NULL,
    email TEXT,
    tz TEXT NOT NULL,
    max_minutes_per_week INTEGER NOT NULL CHECK (max_minutes_per_week >= 0),
    max_minutes_per_day INTEGER NOT NULL CHECK (max_minutes_per_day >= 0),
    max_preps INTEGER NOT NULL CHECK (max_preps >= 0),
    max_sections INTEGER NOT NULL CHECK (max_sections >= 0),
    max_students INTEGER CHECK (max_students >= 0),
    buffer_minutes INTEGER NOT NULL CHECK (buffer_minutes >= 0),
    languages TEXT NOT NULL CHECK (json_valid(languages)),
    pay_cents_per_minute INTEGER NOT NULL CHECK (pay_cents_per_minute >= 0),
    activation_cents INTEGER NOT NULL CHECK (activation_cents >= 0),
    prep_cents INTEGER NOT NULL CHECK (prep_cents >= 0),
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    source TEXT,
    source_id TEXT,
    UNIQUE (source, source_id)
) STRICT;

CREATE TABLE license (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    area TEXT NOT NULL,
    grades TEXT NOT NULL CHECK (json_valid(grades)),
    issued_on TEXT NOT NULL,
    expires_on TEXT NOT NULL,
    source TEXT,
    source_id TEXT,
    CHECK (issued_on <= expires_on),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX license_educator ON license (educator_id);

CREATE TABLE clearance (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    source TEXT,
    source_id TEXT,
    UNIQUE (educator_id, state),
    UNIQUE (source, source_id)
) STRICT;

-- On the educator's own clock.
CREATE TABLE availability (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    days TEXT NOT NULL CHECK (json_valid(days)),
    start TEXT NOT NULL,
    "end" TEXT NOT NULL,
    source TEXT,
    source_id TEXT,
    CHECK (start < "end"),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX availability_educator ON availability (educator_id);

CREATE TABLE time_off (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    first_on TEXT NOT NULL,
    last_on TEXT NOT NULL,
    source TEXT,
    source_id TEXT,
    CHECK (first_on <= last_on),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX time_off_educator ON time_off (educator_id);

-- This need must be served by this educator.
CREATE TABLE pin (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    section_id BLOB REFERENCES section (id) ON DELETE CASCADE,
    service_id BLOB REFERENCES service (id) ON DELETE CASCADE,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE RESTRICT,
    source TEXT,
    source_id TEXT,
    CHECK ((section_id IS NULL) <> (service_id IS NULL)),
    UNIQUE (section_id),
    UNIQUE (service_id),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX pin_term ON pin (term_id);
CREATE INDEX pin_educator ON pin (educator_id);

-- This educator may not be matched at this school.
CREATE TABLE veto (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    school_id BLOB NOT NULL REFERENCES school (id) ON DELETE CASCADE,
    source TEXT,
    source_id TEXT,
    UNIQUE (educator_id, school_id),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX veto_school ON veto (school_id);

-- Needs (ids of sections and services) better served by one educator.
CREATE TABLE together (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    needs TEXT NOT NULL CHECK (json_valid(needs)),
    cents INTEGER NOT NULL CHECK (cents >= 0),
    source TEXT,
    source_id TEXT,
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX together_term ON together (term_id);

-- Who serves a need now, as an imported file says; a published schedule goes before it.
CREATE TABLE incumbent (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    section_id BLOB REFERENCES section (id) ON DELETE CASCADE,
    service_id BLOB REFERENCES service (id) ON DELETE CASCADE,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    source TEXT,
    source_id TEXT,
    CHECK ((section_id IS NULL) <> (service_id IS NULL)),
    UNIQUE (section_id),
    UNIQUE (service_id),
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX incumbent_term ON incumbent (term_id);
CREATE INDEX incumbent_educator ON incumbent (educator_id);

-- Who changed what, in the transaction that changed it. Rows are only ever added.
-- Each line carries a hash over itself and the hash of the line before it.
CREATE TABLE audit (
    id BLOB NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE CHECK (seq >= 1),
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id BLOB NOT NULL,
    body_before TEXT CHECK (json_valid(body_before)),
    body_after TEXT CHECK (json_valid(body_after)),
    previous_sha256 TEXT NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX audit_entity ON audit (entity, entity_id);

CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

-- The answer to a creation that carried an Idempotency-Key, to be given again when it is repeated.
CREATE TABLE idempotency_key (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status INTEGER,
    headers TEXT CHECK (json_valid(headers)),
    body TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT;
