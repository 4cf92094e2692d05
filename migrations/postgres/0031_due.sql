-- Minutes of this session are owed to the student, whether or not its educator is there. `serves`: and somebody holds it.
ALTER TABLE session_student ADD COLUMN due boolean NOT NULL DEFAULT TRUE CHECK (due >= serves);
UPDATE session_student SET due = FALSE WHERE NOT serves AND NOT EXISTS (
    SELECT 1 FROM session n JOIN service v ON v.id = session_student.service_id WHERE n.id = session_student.session_id
        AND n.status = 'uncovered' AND (v.first_on IS NULL OR v.first_on <= n.held_on) AND (v.last_on IS NULL OR n.held_on <= v.last_on));
