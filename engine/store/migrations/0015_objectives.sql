-- What runs should hold to: `objectives` of a run as they stand, and `watch_at`, the instant at
-- which somebody has to look at them again, whether the run has an owner or not.
ALTER TABLE runs ADD COLUMN objectives json, ADD COLUMN watch_at timestamptz;
ALTER TABLE runs ADD CONSTRAINT watched_for_something
    CHECK (watch_at IS NULL OR objectives IS NOT NULL);
CREATE INDEX runs_watched ON runs (watch_at) WHERE watch_at IS NOT NULL;
