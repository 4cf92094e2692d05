-- Passkeys (WebAuthn), and authenticator secrets under the key of the installation.
-- The same tables and columns, by the same names, in both folders of this directory.

-- A passkey of an account. What is kept of it is public: the key that verifies, never one that signs.
CREATE TABLE passkey (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name text NOT NULL,
    credential bytea NOT NULL UNIQUE,
    fixed bytea NOT NULL,
    changing bytea NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX passkey_account ON passkey (account_id);

-- A challenge that a browser has yet to answer: good once, for minutes. Without an account it is to sign in.
CREATE TABLE ceremony (
    challenge bytea PRIMARY KEY,
    account_id uuid REFERENCES account (id) ON DELETE CASCADE,
    state bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ceremony_expiry ON ceremony (expires_at);

-- The secret of an app is sealed as names are: where `key_id` stands, `secret` is what was sealed. Those of before are
-- sealed by `bellwether privacy rotate` and by the worker's rounds.
ALTER TABLE totp ADD COLUMN key_id text;
ALTER TABLE totp ADD COLUMN wrapped bytea;
