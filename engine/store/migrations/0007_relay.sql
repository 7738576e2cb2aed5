-- What runs say to the world and the world to runs: both ways durable, and in one place each.

-- Written by a run's owner in the turn that owes it; taken by the relay.
CREATE TABLE outbox (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    uuid,
    namespace text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('emitted', 'started', 'watched', 'asked', 'unwatched')),
    path      text NOT NULL,
    data      json NOT NULL
);

-- Written by the relay and the edge; taken by a run's owner in the turn that journals it.
CREATE TABLE inbox (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('arrived', 'decided')),
    path   text NOT NULL,
    key    text NOT NULL,
    data   json NOT NULL,
    UNIQUE (run_id, path, key)
);

-- How many rows of the inbox its owner has not taken yet.
ALTER TABLE runs ADD COLUMN unheard integer NOT NULL DEFAULT 0 CHECK (unheard >= 0);
CREATE INDEX runs_told ON runs (owner) WHERE owner IS NOT NULL AND unheard > 0;

CREATE TABLE events (
    id        uuid PRIMARY KEY,
    namespace text NOT NULL,
    type      text NOT NULL,
    subject   text,
    source    text NOT NULL,
    data      json NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_by_type ON events (namespace, type, at);
CREATE INDEX events_by_time ON events (at);

CREATE TABLE watches (
    run_id    uuid NOT NULL,
    path      text NOT NULL,
    namespace text NOT NULL,
    event     text NOT NULL,
    at        text NOT NULL,
    key       jsonb,
    PRIMARY KEY (run_id, path, event)
);
CREATE INDEX watches_by_event ON watches (namespace, event, at, key);

CREATE TABLE approvals (
    run_id     uuid NOT NULL,
    path       text NOT NULL,
    namespace  text NOT NULL,
    workflow   text NOT NULL,
    body       json NOT NULL,
    expires_at timestamptz NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, path)
);
CREATE INDEX approvals_by_time ON approvals (namespace, expires_at);
