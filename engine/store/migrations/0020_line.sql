-- Runs that have never begun stand in the line of their pool by `due_at`, and the earliest goes
-- first: now, less the lead of its level, or a turn behind the last of its tenant, which is its
-- `fair_key`. Of a run that has begun, `due_at` is when it may be claimed again.
ALTER TABLE runs
    ADD COLUMN fair_key text,
    ADD CONSTRAINT priority_is_a_level CHECK (priority BETWEEN 0 AND 3);
CREATE INDEX runs_line ON runs (pool, due_at) WHERE started_at IS NULL AND ended_at IS NULL;
CREATE INDEX runs_line_of_a_tenant ON runs (namespace, fair_key, pool, priority, due_at)
    WHERE fair_key IS NOT NULL AND started_at IS NULL AND ended_at IS NULL;
DROP INDEX runs_claimable;

-- What is handed out goes by its step's level, or else its run's: by `place`, which is the instant
-- of the handout less the lead of the level.
ALTER TABLE handouts ADD COLUMN place timestamptz NOT NULL DEFAULT now();
CREATE INDEX handouts_line ON handouts (pool, namespace, place, id) WHERE worker IS NULL;
DROP INDEX handouts_waiting;
