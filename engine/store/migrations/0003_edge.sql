-- What came in over HTTP, and what was decided because of it.

CREATE TABLE deliveries (
    route       text NOT NULL,
    delivery    text NOT NULL,
    event       text NOT NULL,
    body        json NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (route, delivery)
);

CREATE TABLE decisions (
    route     text NOT NULL,
    delivery  text NOT NULL,
    namespace text NOT NULL,
    workflow  text NOT NULL,
    trigger   text NOT NULL,
    said      text NOT NULL CHECK (said IN (
        'started', 'unmatched', 'filtered', 'invalid', 'error')),
    reason    text NOT NULL DEFAULT '',
    run_id    uuid,
    PRIMARY KEY (route, delivery, namespace, workflow, trigger)
);

CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    action   text NOT NULL,
    resource text NOT NULL,
    allowed  boolean NOT NULL,
    reason   text NOT NULL DEFAULT ''
);
