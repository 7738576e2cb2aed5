-- Starts under a key, denied events, failing runs by page, and an audit log that only grows.

-- The same Idempotency-Key with the same body gives the same run; another body is refused.
CREATE TABLE idempotency_keys (
    namespace  text NOT NULL,
    workflow   text NOT NULL,
    key        text NOT NULL,
    digest     text NOT NULL,
    run        uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, workflow, key)
);

ALTER TABLE decisions
    DROP CONSTRAINT decisions_said_check,
    ADD CONSTRAINT decisions_said_check CHECK (said IN (
        'started', 'unmatched', 'filtered', 'invalid', 'denied', 'error')),
    ADD CONSTRAINT started_has_a_run CHECK ((run_id IS NOT NULL) = (said = 'started')),
    ADD FOREIGN KEY (route, delivery) REFERENCES deliveries ON DELETE CASCADE;
CREATE INDEX decisions_in_error ON decisions (route, delivery) WHERE said = 'error';

-- Runs that did not simply succeed, newest first, for lists that ask for one status.
CREATE INDEX runs_by_odd_status ON runs (status, id DESC)
    WHERE status NOT IN ('queued', 'running', 'succeeded');

ALTER TABLE audit ADD COLUMN request_id text NOT NULL DEFAULT '';
CREATE FUNCTION audit_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is appended to, never changed' USING ERRCODE = '42501';
END
$$;
CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_keeps();
CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_keeps();
