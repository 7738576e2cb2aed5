-- What stands between an event and a run: a decision for each item, keys, rates, and who waits.

ALTER TABLE decisions
    ADD item integer NOT NULL DEFAULT 0,
    ADD id bigint GENERATED ALWAYS AS IDENTITY,
    DROP CONSTRAINT decisions_pkey,
    ADD PRIMARY KEY (route, delivery, namespace, workflow, trigger, item),
    DROP CONSTRAINT decisions_said_check,
    ADD CONSTRAINT decisions_said_check CHECK (said IN (
        'started', 'unmatched', 'filtered', 'invalid', 'denied', 'error', 'duplicate', 'limited',
        'held', 'superseded'));

-- Decisions are listed newest first; the words that are looked for are the rare ones.
DROP INDEX decisions_in_error;
CREATE INDEX decisions_by_time ON decisions (namespace, id DESC);
CREATE INDEX decisions_by_odd_word ON decisions (namespace, said, id DESC)
    WHERE said NOT IN ('started', 'unmatched', 'filtered');

-- The event that counts for a key, until it is forgotten.
CREATE TABLE dedupe_keys (
    namespace  text NOT NULL,
    workflow   text NOT NULL,
    trigger    text NOT NULL,
    key        text NOT NULL,
    delivery   text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, workflow, trigger, key)
);
CREATE INDEX dedupe_keys_by_end ON dedupe_keys (expires_at);

-- When a trigger's events of a group were let through, oldest first, and how many each time.
CREATE TABLE trigger_rates (
    namespace text NOT NULL,
    workflow  text NOT NULL,
    trigger   text NOT NULL,
    name      text NOT NULL,
    uses      json NOT NULL,
    idle_at   timestamptz NOT NULL,
    PRIMARY KEY (namespace, workflow, trigger, name)
);
CREATE INDEX trigger_rates_by_end ON trigger_rates (idle_at);

-- Events that wait for others, each with the names that its run will read. Those of one bunch
-- leave together, once one of them is due.
CREATE TABLE held (
    id        uuid PRIMARY KEY,
    seq       bigint GENERATED ALWAYS AS IDENTITY,
    bunch     uuid NOT NULL,
    namespace text NOT NULL,
    workflow  text NOT NULL,
    trigger   text NOT NULL,
    key       text NOT NULL,
    route     text NOT NULL,
    delivery  text NOT NULL,
    item      integer NOT NULL,
    actor     text NOT NULL,
    chain     integer NOT NULL,
    names     json NOT NULL,
    size      integer NOT NULL,
    since     timestamptz NOT NULL,
    due_at    timestamptz NOT NULL
);
CREATE INDEX held_by_time ON held (due_at);
CREATE INDEX held_by_bunch ON held (bunch, seq);
CREATE INDEX held_by_key ON held (namespace, workflow, trigger, key, bunch);
