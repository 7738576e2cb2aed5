-- Outputs that are too large for a journal are passed by reference, and an outcome with such is of a
-- kind of its own; a cache keeps the references beside the outputs.
ALTER TABLE inbox DROP CONSTRAINT inbox_kind_check;
ALTER TABLE inbox ADD CONSTRAINT inbox_kind_check CHECK (kind IN (
    'arrived', 'decided', 'succeeded', 'produced', 'spilled', 'failed', 'orphaned', 'severed',
    'pause', 'resume'));
ALTER TABLE cache ADD COLUMN spilled json NOT NULL DEFAULT '{}';
