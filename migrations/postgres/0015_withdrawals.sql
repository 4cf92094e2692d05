-- An absence that was taken back: by whom and when.
ALTER TABLE absence ADD COLUMN withdrawn_by text;
ALTER TABLE absence ADD COLUMN withdrawn_at timestamptz;
