-- What is to be said of commits at the forge of their source, and what has been.

-- The context of its statuses, as in `sark/production`; empty where a source has no forge.
ALTER TABLE sources ADD COLUMN status_context text NOT NULL DEFAULT '';

-- Each change of the words is another `version`, of all sources in one order. `said` is the one
-- that was said last, 0 while there is none.
CREATE SEQUENCE status_versions;
CREATE TABLE statuses (
    source  text NOT NULL,
    sha     text NOT NULL,
    context text NOT NULL,
    state   text NOT NULL CHECK (state IN ('pending', 'success', 'failure')),
    words   text NOT NULL,
    version bigint NOT NULL DEFAULT nextval('status_versions'),
    said    bigint NOT NULL DEFAULT 0,
    due_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, sha, context),
    CHECK (said <= version)
);
CREATE INDEX statuses_unsaid ON statuses (source, version) WHERE said < version;
