-- Who a student is, where a district chose to keep it: sealed, each showing of it recorded, and gone with the student.
-- The same tables and columns, by the same names, in both folders of this directory.

-- Name and birth date under a key of the student's own, which is wrapped by the key that `key_id` names.
CREATE TABLE student_identity (
    student_id BLOB NOT NULL PRIMARY KEY CHECK (length(student_id) = 16) REFERENCES student (id) ON DELETE CASCADE,
    key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    sealed BLOB NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;

-- Who was shown what of whom, when and for what purpose (34 CFR 99.32, 300.614): kept as long as the record.
CREATE TABLE student_showing (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    student_id BLOB NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE CASCADE,
    fields TEXT NOT NULL CHECK (json_valid(fields)),
    purpose TEXT NOT NULL
) STRICT;
CREATE INDEX student_showing_student ON student_showing (student_id, id);
CREATE INDEX student_showing_district ON student_showing (district_id, id);

-- What was destroyed, by whom and why. It names nobody.
CREATE TABLE purge (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    district_id BLOB NOT NULL,
    body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE INDEX purge_district ON purge (district_id, id);
