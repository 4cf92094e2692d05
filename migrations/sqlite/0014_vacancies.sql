-- The way of a vacancy: its steps, who was proposed and offered it, and what the district has readied.
-- The same tables and columns, by the same names, in both folders of this directory.

-- Rows are only ever added; the last is where the vacancy stands.
CREATE TABLE vacancy_step (
    vacancy_id BLOB NOT NULL REFERENCES vacancy (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    stage TEXT NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (vacancy_id, number)
) STRICT;
-- Vacancies that are there already stand where their record says.
INSERT INTO vacancy_step (vacancy_id, number, stage, at, actor, reason)
SELECT id, 1, status, COALESCE(opened_at, created_at), 'migration', '' FROM vacancy;

-- A proposal is answered by the district, an offer by the educator. At most one of them waits for an answer.
CREATE TABLE offer (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    vacancy_id BLOB NOT NULL REFERENCES vacancy (id) ON DELETE RESTRICT,
    educator_id BLOB NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('proposal', 'offer')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'declined', 'expired', 'withdrawn')),
    terms TEXT NOT NULL CHECK (json_valid(terms)),
    deadline_at TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TEXT NOT NULL,
    answered_by TEXT,
    answered_at TEXT,
    reason TEXT,
    CHECK ((state = 'waiting') = (answered_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX offer_waits_once ON offer (vacancy_id) WHERE state = 'waiting';
CREATE INDEX offer_vacancy ON offer (vacancy_id, id);
CREATE INDEX offer_educator ON offer (educator_id, id);
CREATE INDEX offer_deadline ON offer (deadline_at) WHERE state = 'waiting';

-- What the district has readied before a class begins.
CREATE TABLE vacancy_readiness (
    vacancy_id BLOB NOT NULL REFERENCES vacancy (id) ON DELETE CASCADE,
    item TEXT NOT NULL,
    done_by TEXT NOT NULL,
    done_at TEXT NOT NULL,
    PRIMARY KEY (vacancy_id, item)
) STRICT;
