-- Why somebody locked a need to an educator, or banned one from a school.
ALTER TABLE pin ADD COLUMN reason TEXT;
ALTER TABLE veto ADD COLUMN reason TEXT;
