-- Mail that is owed to people, what their calendars were told last, and calendar addresses of districts.
-- The same tables and columns, by the same names, in both folders of this directory.

-- One mail. Written in the transaction of what it tells; a worker delivers it. The id is in its Message-ID. `letter` is
-- what it says: none for a digest that nobody has begun to send, so that what changes until then goes into the same one.
-- `attempts` is the fencing token, as in `run`. Accounts come in a later migration, so theirs is no reference.
CREATE TABLE mail (
    id uuid NOT NULL PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('digest', 'notice')),
    educator_id uuid REFERENCES educator (id) ON DELETE CASCADE,
    account_id uuid,
    term_id uuid REFERENCES term (id) ON DELETE CASCADE,
    letter jsonb,
    state text NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'dropped')),
    address text,
    attempts bigint NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    ended_at timestamptz,
    cause text,
    CHECK ((educator_id IS NULL) <> (account_id IS NULL)),
    CHECK (kind <> 'digest' OR (educator_id IS NOT NULL AND term_id IS NOT NULL)),
    CHECK (kind = 'digest' OR letter IS NOT NULL),
    CHECK ((state = 'queued') = (ended_at IS NULL))
);
CREATE INDEX mail_due ON mail (due_at, id) WHERE state = 'queued';
CREATE UNIQUE INDEX mail_digest_once ON mail (term_id, educator_id) WHERE kind = 'digest' AND state = 'queued' AND letter IS NULL;
CREATE INDEX mail_educator ON mail (educator_id);

-- A run of meetings that an educator's calendar was told of. The id is its calendar UID, `sequence` counts what was told,
-- `body` is what was told last; none once it was taken back.
CREATE TABLE series (
    id uuid NOT NULL PRIMARY KEY,
    term_id uuid NOT NULL REFERENCES term (id) ON DELETE CASCADE,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    key text NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    body jsonb,
    UNIQUE (term_id, educator_id, key)
);
CREATE INDEX series_educator ON series (educator_id);

-- Addresses that get no more mail: none at all where they were found not to exist, no digests where somebody asked so.
CREATE TABLE mail_refusal (
    address text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('digest', 'all')),
    cause text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (address, scope)
);

-- As `feed`, of a district.
CREATE TABLE district_feed (
    id uuid NOT NULL PRIMARY KEY,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE CASCADE,
    token_sha256 text NOT NULL UNIQUE,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    account_id uuid
);
CREATE INDEX district_feed_district ON district_feed (district_id);
CREATE INDEX district_feed_account ON district_feed (account_id);
