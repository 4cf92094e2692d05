-- Passkeys (WebAuthn), and authenticator secrets under the key of the installation.
-- The same tables and columns, by the same names, in both folders of this directory.

-- A passkey of an account. What is kept of it is public: the key that verifies, never one that signs.
CREATE TABLE passkey (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    credential BLOB NOT NULL UNIQUE,
    fixed BLOB NOT NULL,
    changing BLOB NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT
) STRICT;
CREATE INDEX passkey_account ON passkey (account_id);

-- A challenge that a browser has yet to answer: good once, for minutes. Without an account it is to sign in.
CREATE TABLE ceremony (
    challenge BLOB NOT NULL PRIMARY KEY,
    account_id BLOB REFERENCES account (id) ON DELETE CASCADE,
    state BLOB NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX ceremony_expiry ON ceremony (expires_at);

-- The secret of an app is sealed as names are: where `key_id` stands, `secret` is what was sealed. Those of before are
-- sealed by `bellwether privacy rotate` and by the worker's rounds.
ALTER TABLE totp ADD COLUMN key_id TEXT;
ALTER TABLE totp ADD COLUMN wrapped BLOB;
