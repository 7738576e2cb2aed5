-- Attempts that workers of a pool make, and not the owner of their run.

CREATE TABLE handouts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      uuid NOT NULL,
    path        text NOT NULL,
    attempt     integer NOT NULL,
    namespace   text NOT NULL,
    plan        text NOT NULL,
    pool        text NOT NULL,
    labels      jsonb NOT NULL,
    parallelism integer NOT NULL,
    body        json NOT NULL,
    handed_at   timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    worker      bigint,
    taken_at    timestamptz,
    marked      boolean NOT NULL DEFAULT false,
    revoked     boolean NOT NULL DEFAULT false,
    CONSTRAINT handouts_of_a_run UNIQUE (run_id, path, attempt),
    CONSTRAINT taken_by_a_worker CHECK ((worker IS NULL) = (taken_at IS NULL)),
    CONSTRAINT marked_by_a_worker CHECK (worker IS NOT NULL OR NOT marked)
);
CREATE INDEX handouts_waiting ON handouts (pool, namespace, id) WHERE worker IS NULL;
CREATE INDEX handouts_late ON handouts (expires_at) WHERE worker IS NULL;
CREATE INDEX handouts_withdrawn ON handouts (id) WHERE worker IS NULL AND revoked;
CREATE INDEX handouts_taken ON handouts (pool, namespace) WHERE worker IS NOT NULL;
CREATE INDEX handouts_by_worker ON handouts (worker) WHERE worker IS NOT NULL;

-- The outcome of an attempt that was handed out reaches its run by the inbox.
ALTER TABLE inbox
    ADD COLUMN attempt integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT inbox_kind_check,
    ADD CONSTRAINT inbox_kind_check CHECK
        (kind IN ('arrived', 'decided', 'succeeded', 'produced', 'failed', 'orphaned'));

-- Which pools a worker serves (NULL is every one), and the labels that it has (NULL is any).
ALTER TABLE workers
    ADD COLUMN serves text[] DEFAULT '{}',
    ADD COLUMN labels jsonb DEFAULT '{}';
