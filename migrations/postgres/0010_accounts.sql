-- Who may sign in, with what, and what they may see: accounts, links to claim them, logins, tokens.
-- The same tables and columns, by the same names, in both folders of this directory.

-- A person who may sign in. `districts` and `educator_id` bound what their role sees.
CREATE TABLE account (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('administrator', 'coordinator', 'district_hr', 'special_education', 'educator')),
    districts jsonb NOT NULL,
    educator_id uuid REFERENCES educator (id) ON DELETE RESTRICT,
    active boolean NOT NULL,
    password_hash text,
    CHECK ((role = 'educator') = (educator_id IS NOT NULL))
);
CREATE INDEX account_educator ON account (educator_id);

-- A link that works once: to claim a new account, or to come back to one. Only the hash of its token is kept.
CREATE TABLE invitation (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    token_sha256 text NOT NULL UNIQUE,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX invitation_account ON invitation (account_id);

-- A signed-in browser. The cookie holds the token, this row its hash.
CREATE TABLE login (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    token_sha256 text NOT NULL UNIQUE,
    method text NOT NULL,
    agent text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX login_account ON login (account_id);

-- A program's key to an account, for some scopes, until a date.
CREATE TABLE api_token (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name text NOT NULL,
    scopes jsonb NOT NULL,
    token_sha256 text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX api_token_account ON api_token (account_id);

-- A feed ends with the access of whoever made it.
ALTER TABLE feed ADD COLUMN account_id uuid REFERENCES account (id) ON DELETE CASCADE;
CREATE INDEX feed_account ON feed (account_id);

-- An authenticator app. The password alone does not let in any more once it is confirmed.
CREATE TABLE totp (
    account_id uuid PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL
);

-- Codes that stand in for a lost app, each once.
CREATE TABLE recovery_code (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    code_sha256 text NOT NULL,
    PRIMARY KEY (account_id, code_sha256)
);

-- A password was given, a code is owed: such a login opens nothing else.
ALTER TABLE login ADD COLUMN awaits_second boolean NOT NULL DEFAULT FALSE;
