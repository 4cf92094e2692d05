-- `body` is what was told and arrived. Where `doubt`, it may not have: the mail came back or was given up, or the address
-- is another one since. `sequence` counts what letters said, whatever became of them.
ALTER TABLE series ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0 CHECK (doubt IN (0, 1));

-- The digests of an educator: they go in order.
CREATE INDEX mail_digest ON mail (term_id, educator_id) WHERE kind = 'digest';
