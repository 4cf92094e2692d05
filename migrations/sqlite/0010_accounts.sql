-- Who may sign in, with what, and what they may see: accounts, links to claim them, logins, tokens.
-- The same tables and columns, by the same names, in both folders of this directory.

-- A person who may sign in. `districts` and `educator_id` bound what their role sees.
CREATE TABLE account (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE CHECK (email = lower(email)),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('administrator', 'coordinator', 'district_hr', 'special_education', 'educator')),
    districts TEXT NOT NULL CHECK (json_valid(districts)),
    educator_id BLOB REFERENCES educator (id) ON DELETE RESTRICT,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    password_hash TEXT,
    CHECK ((role = 'educator') = (educator_id IS NOT NULL))
) STRICT;
CREATE INDEX account_educator ON account (educator_id);

-- A link that works once: to claim a new account, or to come back to one. Only the hash of its token is kept.
CREATE TABLE invitation (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    ended_at TEXT
) STRICT;
CREATE INDEX invitation_account ON invitation (account_id);

-- A signed-in browser. The cookie holds the token, this row its hash.
CREATE TABLE login (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    token_sha256 TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    ended_at TEXT
) STRICT;
CREATE INDEX login_account ON login (account_id);

-- A program's key to an account, for some scopes, until a date.
CREATE TABLE api_token (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL CHECK (json_valid(scopes)),
    token_sha256 TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    last_used_at TEXT,
    ended_at TEXT
) STRICT;
CREATE INDEX api_token_account ON api_token (account_id);

-- A feed ends with the access of whoever made it.
ALTER TABLE feed ADD COLUMN account_id BLOB REFERENCES account (id) ON DELETE CASCADE;
CREATE INDEX feed_account ON feed (account_id);

-- An authenticator app. The password alone does not let in any more once it is confirmed.
CREATE TABLE totp (
    account_id BLOB NOT NULL PRIMARY KEY CHECK (length(account_id) = 16) REFERENCES account (id) ON DELETE CASCADE,
    secret BLOB NOT NULL,
    created_at TEXT NOT NULL,
    confirmed_at TEXT,
    last_step INTEGER NOT NULL
) STRICT;

-- Codes that stand in for a lost app, each once.
CREATE TABLE recovery_code (
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    code_sha256 TEXT NOT NULL,
    PRIMARY KEY (account_id, code_sha256)
) STRICT;

-- A password was given, a code is owed: such a login opens nothing else.
ALTER TABLE login ADD COLUMN awaits_second INTEGER NOT NULL DEFAULT 0 CHECK (awaits_second IN (0, 1));
