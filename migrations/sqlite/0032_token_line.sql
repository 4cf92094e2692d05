-- The token with which a token was made: it ends with that one.
ALTER TABLE api_token ADD COLUMN made_by BLOB REFERENCES api_token (id) ON DELETE CASCADE;
CREATE INDEX api_token_made_by ON api_token (made_by) WHERE made_by IS NOT NULL;
