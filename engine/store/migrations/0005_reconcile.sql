-- What a pass needs to know after a restart, and what `sark why` tells of times.

ALTER TABLE sources
    ADD COLUMN configured   boolean NOT NULL DEFAULT true,
    ADD COLUMN judged       text NOT NULL DEFAULT '',
    ADD COLUMN active_since timestamptz,
    ADD CHECK (active_since IS NULL OR active IS NOT NULL);

ALTER TABLE commits ADD COLUMN committed_at timestamptz;
CREATE INDEX commits_by_time ON commits (source, seen_at);
