-- What cannot be followed is set aside, with why, and nobody waits for it.

ALTER TABLE outbox ADD COLUMN refused text;
