-- Sign-in through an identity provider (OpenID Connect), and how long a district keeps its students' records.
-- The same tables and columns, by the same names, in both folders of this directory.

-- Who an account is to a provider. A subject is nobody else's, and never given to another person by its issuer.
CREATE TABLE provider_link (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    issuer text NOT NULL,
    subject text NOT NULL,
    shown text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    UNIQUE (issuer, subject)
);
CREATE INDEX provider_link_account ON provider_link (account_id);

-- A browser that was sent to a provider and has yet to come back: good once, for minutes. With an account it is to link.
CREATE TABLE provider_visit (
    state_sha256 text PRIMARY KEY,
    browser_sha256 text NOT NULL,
    provider text NOT NULL,
    account_id uuid REFERENCES account (id) ON DELETE CASCADE,
    nonce text NOT NULL,
    verifier text NOT NULL,
    onward text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX provider_visit_expiry ON provider_visit (expires_at);

-- Full years after the end of a student's last term until the worker destroys what is kept of them; none: never by itself.
ALTER TABLE district ADD COLUMN retention_years bigint CHECK (retention_years BETWEEN 1 AND 100);
