-- Runs are told, as well, that somebody wants them to pause or to go on.
ALTER TABLE inbox DROP CONSTRAINT inbox_kind_check;
ALTER TABLE inbox ADD CONSTRAINT inbox_kind_check CHECK (
    kind IN ('arrived', 'decided', 'succeeded', 'produced', 'failed', 'orphaned', 'severed',
             'pause', 'resume'));
