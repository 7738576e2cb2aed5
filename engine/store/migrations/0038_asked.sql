-- Who asked for a look at a source last, so that a commit can say why it was seen when it was.
ALTER TABLE sources ADD COLUMN asked_by text NOT NULL DEFAULT '';
