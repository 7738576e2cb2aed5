-- The journal is cut by the ids of runs, which sort by time: what is over goes as a whole table.
-- Partitions are made and dropped by the controller (engine/retention.py); the default one takes
-- what has none. What there is already becomes the first one.
ALTER TABLE journal RENAME TO journal_before;
ALTER TABLE journal_before RENAME CONSTRAINT journal_pkey TO journal_before_pkey;

CREATE TABLE journal (LIKE journal_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (run_id);
ALTER TABLE journal ADD CONSTRAINT journal_pkey PRIMARY KEY (run_id, seq);

CREATE TABLE journal_default (
    run_id  uuid NOT NULL,
    seq     integer NOT NULL,
    at      timestamptz NOT NULL,
    kind    text NOT NULL,
    path    text NOT NULL,
    attempt integer NOT NULL,
    data    json NOT NULL,
    PRIMARY KEY (run_id, seq)
);
ALTER TABLE journal ATTACH PARTITION journal_default DEFAULT;

DO $$
DECLARE
    -- The lowest id of the day after tomorrow: a version 7 begins with its milliseconds.
    bound uuid := rpad(lpad(to_hex((extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC')
                                                      + interval '2 days') * 1000)::bigint),
                            12, '0'), 32, '0')::uuid;
BEGIN
    -- Runs that others have started had ids by no time.
    WITH timeless AS (DELETE FROM journal_before WHERE run_id >= bound RETURNING *)
    INSERT INTO journal_default SELECT * FROM timeless;
    IF EXISTS (SELECT FROM journal_before) THEN
        EXECUTE format('ALTER TABLE journal ATTACH PARTITION journal_before '
                       'FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    ELSE
        DROP TABLE journal_before;
    END IF;
END
$$;

-- A key is taken as long as its run is there.
CREATE INDEX idempotency_keys_by_run ON idempotency_keys (run);
