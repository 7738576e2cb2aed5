-- What came in at the edge, what was decided on it, starts under a key, and who was denied.

CREATE TABLE deliveries (
    id          uuid PRIMARY KEY,
    route       text NOT NULL,
    delivery    text NOT NULL,
    kind        text NOT NULL,
    body        json NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (route, delivery)
);

-- One for each trigger that a delivery was meant for. `run` is set exactly when it started one.
CREATE TABLE decisions (
    delivery  uuid NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    namespace text NOT NULL,
    workflow  text NOT NULL,
    trigger   text NOT NULL,
    said      text NOT NULL CHECK (said IN (
        'started', 'unmatched', 'filtered', 'invalid', 'denied', 'error')),
    reason    text NOT NULL DEFAULT '',
    run       uuid,
    PRIMARY KEY (delivery, namespace, workflow, trigger),
    CONSTRAINT started_has_a_run CHECK ((run IS NOT NULL) = (said = 'started'))
);
CREATE INDEX decisions_in_error ON decisions (delivery) WHERE said = 'error';

-- Idempotency-Key of the API: the same key and body give the same run, another body gives 422.
CREATE TABLE idempotency_keys (
    namespace  text NOT NULL,
    workflow   text NOT NULL,
    key        text NOT NULL,
    digest     text NOT NULL,
    run        uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, workflow, key)
);

-- Runs that did not simply succeed, newest first, for pages that ask for one status.
CREATE INDEX runs_by_odd_status ON runs (status, id DESC)
    WHERE status NOT IN ('queued', 'running', 'succeeded');

CREATE TABLE audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    action     text NOT NULL,
    resource   text NOT NULL,
    allowed    boolean NOT NULL,
    reason     text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT ''
);

CREATE FUNCTION audit_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is appended to, never changed' USING ERRCODE = '42501';
END
$$;
CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_keeps();
CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_keeps();
