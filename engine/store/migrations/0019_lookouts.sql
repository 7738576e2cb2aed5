-- What `file` triggers have seen: when each is looked at next, and its files as they were last.

-- `definition` is the digest of what says which files are meant, `begun` whether there was a first
-- look at them; `faults` are the looks in a row that failed, `fault` is how.
CREATE TABLE lookouts (
    namespace  text NOT NULL,
    workflow   text NOT NULL,
    trigger    text NOT NULL,
    definition text NOT NULL,
    begun      boolean NOT NULL DEFAULT false,
    due_at     timestamptz NOT NULL,
    faults     integer NOT NULL DEFAULT 0,
    fault      text NOT NULL DEFAULT '',
    PRIMARY KEY (namespace, workflow, trigger),
    CHECK ((faults = 0) = (fault = ''))
);

-- A path may be too long for an index, so `digest` stands for it. `version` is empty once the file
-- is not there, `told` until it was told of. A `change` is to be told under the name `delivery`.
CREATE TABLE sightings (
    namespace text NOT NULL,
    workflow  text NOT NULL,
    trigger   text NOT NULL,
    digest    text NOT NULL,
    path      text NOT NULL,
    size      bigint NOT NULL,
    modified  text NOT NULL,
    version   text NOT NULL,
    told      text NOT NULL,
    change    text,
    delivery  text,
    PRIMARY KEY (namespace, workflow, trigger, digest),
    FOREIGN KEY (namespace, workflow, trigger) REFERENCES lookouts ON DELETE CASCADE,
    CHECK (change IN ('created', 'changed', 'deleted')),
    CHECK ((change IS NULL) = (delivery IS NULL))
);
CREATE INDEX sightings_to_tell ON sightings (namespace, delivery) WHERE delivery IS NOT NULL;
