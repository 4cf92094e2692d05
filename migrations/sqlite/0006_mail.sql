-- Mail that is owed to people, what their calendars were told last, and calendar addresses of districts.
-- The same tables and columns, by the same names, in both folders of this directory.

-- One mail. Written in the transaction of what it tells; a worker delivers it. The id is in its Message-ID. `letter` is
-- what it says: none for a digest that nobody has begun to send, so that what changes until then goes into the same one.
-- `attempts` is the fencing token, as in `run`. Accounts come in a later migration, so theirs is no reference.
CREATE TABLE mail (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('digest', 'notice')),
    educator_id BLOB REFERENCES educator (id) ON DELETE CASCADE,
    account_id BLOB,
    term_id BLOB REFERENCES term (id) ON DELETE CASCADE,
    letter TEXT CHECK (json_valid(letter)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'dropped')),
    address TEXT,
    attempts INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    lease_until TEXT,
    ended_at TEXT,
    cause TEXT,
    CHECK ((educator_id IS NULL) <> (account_id IS NULL)),
    CHECK (kind <> 'digest' OR (educator_id IS NOT NULL AND term_id IS NOT NULL)),
    CHECK (kind = 'digest' OR letter IS NOT NULL),
    CHECK ((state = 'queued') = (ended_at IS NULL))
) STRICT;
CREATE INDEX mail_due ON mail (due_at, id) WHERE state = 'queued';
CREATE UNIQUE INDEX mail_digest_once ON mail (term_id, educator_id) WHERE kind = 'digest' AND state = 'queued' AND letter IS NULL;
CREATE INDEX mail_educator ON mail (educator_id);

-- A run of meetings that an educator's calendar was told of. The id is its calendar UID, `sequence` counts what was told,
-- `body` is what was told last; none once it was taken back.
CREATE TABLE series (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    term_id BLOB NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    body TEXT CHECK (json_valid(body)),
    UNIQUE (term_id, educator_id, key)
) STRICT;
CREATE INDEX series_educator ON series (educator_id);

-- Addresses that get no more mail: none at all where they were found not to exist, no digests where somebody asked so.
CREATE TABLE mail_refusal (
    address TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('digest', 'all')),
    cause TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (address, scope)
) STRICT;

-- As `feed`, of a district.
CREATE TABLE district_feed (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    district_id BLOB NOT NULL REFERENCES district (id) ON DELETE CASCADE,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    revoked_at TEXT,
    account_id BLOB
) STRICT;
CREATE INDEX district_feed_district ON district_feed (district_id);
CREATE INDEX district_feed_account ON district_feed (account_id);
