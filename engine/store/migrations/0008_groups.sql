-- A run whose idempotency key is taken is none.
ALTER TABLE decisions DROP CONSTRAINT decisions_said_check, ADD CONSTRAINT decisions_said_check
    CHECK (said IN ('started', 'unmatched', 'filtered', 'invalid', 'denied', 'error', 'duplicate'));

-- Runs of a group share slots. A slot is nothing but a live run's own row that was admitted.

ALTER TABLE runs
    ADD COLUMN slot_group text,
    ADD COLUMN slot_rules json,
    ADD COLUMN admitted_at timestamptz,
    ADD CONSTRAINT rules_of_a_group CHECK ((slot_group IS NULL) = (slot_rules IS NULL));

CREATE INDEX runs_unadmitted ON runs (slot_group, priority DESC, id)
    WHERE slot_group IS NOT NULL AND admitted_at IS NULL AND ended_at IS NULL;
CREATE INDEX runs_admitted ON runs (slot_group, id)
    WHERE slot_group IS NOT NULL AND admitted_at IS NOT NULL AND ended_at IS NULL;
