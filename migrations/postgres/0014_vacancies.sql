-- The way of a vacancy: its steps, who was proposed and offered it, and what the district has readied.
-- The same tables and columns, by the same names, in both folders of this directory.

-- Rows are only ever added; the last is where the vacancy stands.
CREATE TABLE vacancy_step (
    vacancy_id uuid NOT NULL REFERENCES vacancy (id) ON DELETE CASCADE,
    number bigint NOT NULL,
    stage text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (vacancy_id, number)
);
-- Vacancies that are there already stand where their record says.
INSERT INTO vacancy_step (vacancy_id, number, stage, at, actor, reason)
SELECT id, 1, status, COALESCE(opened_at, created_at), 'migration', '' FROM vacancy;

-- A proposal is answered by the district, an offer by the educator. At most one of them waits for an answer.
CREATE TABLE offer (
    id uuid NOT NULL PRIMARY KEY,
    vacancy_id uuid NOT NULL REFERENCES vacancy (id) ON DELETE RESTRICT,
    educator_id uuid NOT NULL REFERENCES educator (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('proposal', 'offer')),
    state text NOT NULL CHECK (state IN ('waiting', 'accepted', 'declined', 'expired', 'withdrawn')),
    terms jsonb NOT NULL,
    deadline_at timestamptz NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    answered_by text,
    answered_at timestamptz,
    reason text,
    CHECK ((state = 'waiting') = (answered_at IS NULL))
);
CREATE UNIQUE INDEX offer_waits_once ON offer (vacancy_id) WHERE state = 'waiting';
CREATE INDEX offer_vacancy ON offer (vacancy_id, id);
CREATE INDEX offer_educator ON offer (educator_id, id);
CREATE INDEX offer_deadline ON offer (deadline_at) WHERE state = 'waiting';

-- What the district has readied before a class begins.
CREATE TABLE vacancy_readiness (
    vacancy_id uuid NOT NULL REFERENCES vacancy (id) ON DELETE CASCADE,
    item text NOT NULL,
    done_by text NOT NULL,
    done_at timestamptz NOT NULL,
    PRIMARY KEY (vacancy_id, item)
);
