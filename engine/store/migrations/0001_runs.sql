-- Plans, runs, their journal, and the workers that own them.

CREATE TABLE plans (
    digest     text PRIMARY KEY,
    format     integer NOT NULL,
    body       json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A worker's id is its fence: never used again, and locked by every transaction of its owner.
CREATE TABLE workers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool       text NOT NULL,
    host       text NOT NULL,
    pid        integer NOT NULL,
    backend    integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE runs (
    id              uuid PRIMARY KEY,
    namespace       text NOT NULL,
    workflow        text NOT NULL,
    source          text NOT NULL DEFAULT '',
    commit_sha      text NOT NULL DEFAULT '',
    plan            text NOT NULL,
    trigger         json NOT NULL,
    inputs          json NOT NULL,
    idempotency_key text,
    pool            text NOT NULL DEFAULT 'default',
    priority        smallint NOT NULL DEFAULT 1,
    status          text NOT NULL DEFAULT 'queued' CHECK (status IN (
        'queued', 'running', 'waiting', 'paused', 'cancelling', 'compensating',
        'succeeded', 'failed', 'cancelled', 'compensated')),
    flags           text[] NOT NULL DEFAULT '{}',
    outputs         json,
    error           json,
    cancel          json,
    owner           bigint,
    lost            boolean NOT NULL DEFAULT false,
    -- From when on, and in which order, a run without an owner may be claimed.
    due_at          timestamptz NOT NULL DEFAULT now(),
    wake_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    ended_at        timestamptz,
    CONSTRAINT ended CHECK ((ended_at IS NOT NULL)
        = (status IN ('succeeded', 'failed', 'cancelled', 'compensated'))),
    CONSTRAINT ended_is_unowned CHECK (ended_at IS NULL OR owner IS NULL)
) WITH (fillfactor = 80);

-- What wants an owner: the run's own row is the queue.
CREATE INDEX runs_claimable ON runs (pool, due_at) WHERE owner IS NULL AND ended_at IS NULL;
CREATE INDEX runs_owned ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_unheard ON runs (owner) WHERE owner IS NOT NULL AND cancel IS NOT NULL;
CREATE INDEX runs_by_workflow ON runs (namespace, workflow, id DESC);
CREATE UNIQUE INDEX runs_once ON runs (namespace, workflow, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- json, not jsonb: what a step said is kept to the letter, NUL included.
CREATE TABLE journal (
    run_id  uuid NOT NULL,
    seq     integer NOT NULL,
    at      timestamptz NOT NULL,
    kind    text NOT NULL,
    path    text NOT NULL,
    attempt integer NOT NULL,
    data    json NOT NULL,
    PRIMARY KEY (run_id, seq)
);
