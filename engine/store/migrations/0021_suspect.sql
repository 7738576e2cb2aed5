-- A run is suspect whose worker has died in the midst of it, for one of its steps may be why. One
-- that was lost with PostgreSQL itself, or was handed back in good order, is lost and not suspect.
ALTER TABLE runs ADD COLUMN suspect boolean NOT NULL DEFAULT false;
CREATE INDEX runs_resting ON runs (pool, (CASE WHEN suspect THEN 4 ELSE priority END), due_at)
    WHERE started_at IS NOT NULL AND owner IS NULL AND ended_at IS NULL;

ALTER TABLE inbox DROP CONSTRAINT inbox_kind_check;
ALTER TABLE inbox ADD CONSTRAINT inbox_kind_check CHECK (
    kind IN ('arrived', 'decided', 'succeeded', 'produced', 'failed', 'orphaned', 'severed'));
