-- Who a student is, where a district chose to keep it: sealed, each showing of it recorded, and gone with the student.
-- The same tables and columns, by the same names, in both folders of this directory.

-- Name and birth date under a key of the student's own, which is wrapped by the key that `key_id` names.
CREATE TABLE student_identity (
    student_id uuid PRIMARY KEY REFERENCES student (id) ON DELETE CASCADE,
    key_id text NOT NULL,
    wrapped bytea NOT NULL,
    sealed bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL
);

-- Who was shown what of whom, when and for what purpose (34 CFR 99.32, 300.614): kept as long as the record.
CREATE TABLE student_showing (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    student_id uuid NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE CASCADE,
    fields jsonb NOT NULL,
    purpose text NOT NULL
);
CREATE INDEX student_showing_student ON student_showing (student_id, id);
CREATE INDEX student_showing_district ON student_showing (district_id, id);

-- What was destroyed, by whom and why. It names nobody.
CREATE TABLE purge (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    district_id uuid NOT NULL,
    body jsonb NOT NULL
);
CREATE INDEX purge_district ON purge (district_id, id);
