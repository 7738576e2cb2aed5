-- What runs should hold to: `objectives` of a run as they stand, and `watch_at`, the instant at
-- which somebody has to look at them again, whether the run has an owner or not.
ALTER TABLE runs ADD COLUMN objectives json, ADD COLUMN watch_at timestamptz;
ALTER TABLE runs ADD CONSTRAINT watched_for_something
    CHECK (watch_at IS NULL OR objectives IS NOT NULL);
CREATE INDEX runs_watched ON runs (watch_at) WHERE watch_at IS NOT NULL;

-- Steps that wait for a slot of their group stand in it, for all workers to see: `taken_at` is NULL
-- until they have one. A worker of the version before takes its slot with the row, by the default.
-- The verdict is that of a step that came later and takes their place.
ALTER TABLE slots
    ADD COLUMN level smallint NOT NULL DEFAULT 1,
    ADD COLUMN fair_key text NOT NULL DEFAULT '',
    ADD COLUMN turn bigint NOT NULL DEFAULT 0,
    ADD COLUMN slot_limit integer NOT NULL DEFAULT 1,
    ADD COLUMN asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN verdict text CHECK (verdict IN ('refused', 'cancelled')),
    ALTER COLUMN taken_at DROP NOT NULL;
