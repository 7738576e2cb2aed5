-- What people put between a commit and its being live: one of each kind for a source, until when.
-- A `rollback` is asked for; once its commit is live it is a `pin`.

CREATE TABLE overrides (
    source text NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('suspend', 'thaw', 'confirm', 'rollback', 'pin')),
    value  text NOT NULL DEFAULT '',
    reason text NOT NULL CHECK (reason <> ''),
    actor  text NOT NULL,
    since  timestamptz NOT NULL DEFAULT now(),
    until  timestamptz,
    PRIMARY KEY (source, kind),
    CHECK ((value <> '') = (kind IN ('confirm', 'rollback', 'pin'))),
    CHECK (until IS NOT NULL OR kind IN ('rollback', 'pin')),
    CHECK (until > since)
);

-- The commits that were active last, each by the number of its activation, and the workflows that
-- have been replaced since: the active set of a commit is what stood at its number. `digest` is of
-- that set and of what is derived from it, as the activation has left them.
CREATE TABLE revisions (
    source  text NOT NULL,
    sha     text NOT NULL,
    binding text NOT NULL,
    number  bigint NOT NULL,
    digest  text NOT NULL,
    PRIMARY KEY (source, sha)
);

ALTER TABLE workflows ADD COLUMN since bigint NOT NULL DEFAULT 0;

CREATE TABLE retired (
    source text NOT NULL,
    name   text NOT NULL,
    plan   text NOT NULL,
    file   text NOT NULL,
    title  text NOT NULL,
    since  bigint NOT NULL,
    until  bigint NOT NULL CHECK (until > since),
    PRIMARY KEY (source, name, since)
);
