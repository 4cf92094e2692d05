-- Where an educator's sessions are joined, and the clock on which somebody reads what belongs to no school.
ALTER TABLE educator ADD COLUMN join_url text;
ALTER TABLE account ADD COLUMN tz text;

-- Which sections are taught, and what takes place on some days, among the sessions of a vendor's whole year.
CREATE INDEX session_section ON session (section_id);
CREATE INDEX session_day ON session (term_id, held_on);

-- All that a ledger needs of a service's sessions, in the index itself.
DROP INDEX session_student_service;
CREATE INDEX session_student_service ON session_student (service_id, serves, starts_at, ends_at, session_id);
