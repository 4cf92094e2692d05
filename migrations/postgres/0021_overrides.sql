-- Cautions that somebody overrode when they locked a need to an educator.
ALTER TABLE pin ADD COLUMN overrides jsonb NOT NULL DEFAULT '[]';
