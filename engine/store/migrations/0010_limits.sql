-- What the workers share about calls: earlier outputs, breakers, rates, slots.

-- Losing a row loses nothing, so nothing of these two goes through the log of PostgreSQL.
CREATE UNLOGGED TABLE cache (
    key        bytea PRIMARY KEY,
    outputs    json NOT NULL,
    artifacts  json NOT NULL,
    kept_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX cache_by_end ON cache (expires_at);
CREATE INDEX cache_by_age ON cache (kept_at DESC);

CREATE UNLOGGED TABLE circuits (
    namespace text NOT NULL,
    name      text NOT NULL,
    state     text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
    round     bigint NOT NULL DEFAULT 0,
    until     timestamptz,
    slices    json NOT NULL DEFAULT '[]',
    trials    integer NOT NULL DEFAULT 0,
    passed    integer NOT NULL DEFAULT 0,
    told_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, name),
    CONSTRAINT closed_has_no_end CHECK ((until IS NULL) = (state = 'closed'))
);
CREATE INDEX circuits_by_time ON circuits (told_at);

-- The instants at which calls of a group were allowed, oldest first.
CREATE TABLE rates (
    namespace text NOT NULL,
    name      text NOT NULL,
    allowed   timestamptz[] NOT NULL DEFAULT '{}',
    idle_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, name)
);
CREATE INDEX rates_by_end ON rates (idle_at);

-- A slot counts only while its run lives and still has the owner that took the slot.
CREATE TABLE slots (
    id         uuid PRIMARY KEY,
    namespace  text NOT NULL,
    slot_group text NOT NULL,
    run_id     uuid NOT NULL,
    path       text NOT NULL,
    owner      bigint NOT NULL,
    taken_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX slots_by_group ON slots (namespace, slot_group);
