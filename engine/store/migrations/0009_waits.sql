-- What people and senders need of the waits of runs.

-- Who has decided what on an approval, by name; and approvals by age, as they are listed.
ALTER TABLE approvals ADD COLUMN decided jsonb NOT NULL DEFAULT '{}';
CREATE INDEX approvals_by_age ON approvals (asked_at, run_id, path);

-- Steps that wait for a signed request; `id` is in its address and ends with the wait.
CREATE TABLE callbacks (
    run_id   uuid NOT NULL,
    path     text NOT NULL,
    id       uuid NOT NULL DEFAULT gen_random_uuid(),
    schema   json NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    used_at  timestamptz,
    PRIMARY KEY (run_id, path)
);

-- What the sender calls an event: its own id follows from that, the namespace and the source.
ALTER TABLE events ADD COLUMN identity text NOT NULL DEFAULT '';
