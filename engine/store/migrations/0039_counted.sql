-- An outcome with references that say how long lists are is of a kind of its own.
ALTER TABLE inbox DROP CONSTRAINT inbox_kind_check;
ALTER TABLE inbox ADD CONSTRAINT inbox_kind_check CHECK (kind IN (
    'arrived', 'decided', 'succeeded', 'produced', 'spilled', 'counted', 'failed', 'orphaned',
    'severed', 'pause', 'resume'));
