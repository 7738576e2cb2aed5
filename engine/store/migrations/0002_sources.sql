-- What the sources have shown, and which workflows are active because of it.

CREATE TABLE sources (
    name        text PRIMARY KEY,
    namespace   text NOT NULL,
    environment text NOT NULL,
    url         text NOT NULL,
    ref         text NOT NULL,
    root        text NOT NULL,
    observed    text,
    attempted   text,
    active      text,
    conditions  jsonb NOT NULL DEFAULT '[]',
    wanted      bigint NOT NULL DEFAULT 1,
    handled     bigint NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE commits (
    source   text NOT NULL,
    sha      text NOT NULL,
    state    text NOT NULL CHECK (state IN (
        'Seen', 'Fetched', 'Compiled', 'Held', 'Rejected', 'Superseded', 'Active', 'Replaced')),
    reason   text NOT NULL DEFAULT '',
    author   text NOT NULL DEFAULT '',
    subject  text NOT NULL DEFAULT '',
    history  jsonb NOT NULL DEFAULT '[]',
    findings jsonb NOT NULL DEFAULT '[]',
    seen_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, sha)
);
CREATE INDEX commits_by_sha ON commits (sha text_pattern_ops);

-- The active set. Only an activation writes it, whole, in one transaction.
CREATE TABLE workflows (
    namespace  text NOT NULL,
    name       text NOT NULL,
    source     text NOT NULL,
    commit_sha text NOT NULL,
    plan       text NOT NULL,
    file       text NOT NULL,
    title      text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, name)
);
CREATE INDEX workflows_by_source ON workflows (source);

-- Counts activations, so that whoever keeps the active set in memory knows when it is old.
CREATE TABLE activation (one boolean PRIMARY KEY DEFAULT true CHECK (one), number bigint NOT NULL);
INSERT INTO activation (number) VALUES (1);
