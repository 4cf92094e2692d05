-- Sign-in through an identity provider (OpenID Connect), and how long a district keeps its students' records.
-- The same tables and columns, by the same names, in both folders of this directory.

-- Who an account is to a provider. A subject is nobody else's, and never given to another person by its issuer.
CREATE TABLE provider_link (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    shown TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT,
    UNIQUE (issuer, subject)
) STRICT;
CREATE INDEX provider_link_account ON provider_link (account_id);

-- A browser that was sent to a provider and has yet to come back: good once, for minutes. With an account it is to link.
CREATE TABLE provider_visit (
    state_sha256 TEXT NOT NULL PRIMARY KEY,
    browser_sha256 TEXT NOT NULL,
    provider TEXT NOT NULL,
    account_id BLOB REFERENCES account (id) ON DELETE CASCADE,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    onward TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX provider_visit_expiry ON provider_visit (expires_at);

-- Full years after the end of a student's last term until the worker destroys what is kept of them; none: never by itself.
ALTER TABLE district ADD COLUMN retention_years INTEGER CHECK (retention_years BETWEEN 1 AND 100);
