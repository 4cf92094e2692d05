-- Cautions that somebody overrode when they locked a need to an educator.
ALTER TABLE pin ADD COLUMN overrides TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(overrides));
