-- Educators who are away, and who stands in for them, meeting by meeting.
-- The same tables and columns, by the same names, in both folders of this directory.

-- Reported; the days are also time off, so that every later run knows of them. Approved once it is decided who stands in.
CREATE TABLE absence (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    first_on TEXT NOT NULL,
    last_on TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    approved_by TEXT,
    approved_at TEXT,
    CHECK (first_on <= last_on),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL))
) STRICT;
CREATE INDEX absence_educator ON absence (educator_id);
CREATE INDEX absence_term ON absence (term_id, id);

-- Who takes one meeting (by its key) of somebody who is away; nobody is an adult in the room. It outlives publications:
-- as long as the meeting is that educator's, whoever stands in keeps it.
CREATE TABLE cover (
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    session_key TEXT NOT NULL,
    absence_id BLOB NOT NULL REFERENCES absence (id) ON DELETE CASCADE,
    away_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    educator_id BLOB REFERENCES educator (id) ON DELETE CASCADE,
    PRIMARY KEY (term_id, session_key)
) STRICT;
CREATE INDEX cover_absence ON cover (absence_id);
CREATE INDEX cover_away ON cover (away_id);
CREATE INDEX cover_educator ON cover (educator_id);
