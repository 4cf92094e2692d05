-- A session that makes up for one that was missed names the entry it makes up. It belongs to no schedule's pattern: a
-- publication leaves it where it is.
-- The same tables and columns, by the same names, in both folders of this directory.

ALTER TABLE session ADD COLUMN makes_up BLOB REFERENCES service_log (id) ON DELETE SET NULL;
CREATE INDEX session_makes_up ON session (makes_up) WHERE makes_up IS NOT NULL;
