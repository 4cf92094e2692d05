-- Booked make-ups that have not begun, among the sessions of a vendor's whole year.
CREATE INDEX session_to_come ON session (term_id, starts_at) WHERE makes_up IS NOT NULL;
