-- Which workflows start when a run of another has ended, and how long a chain of runs is.

CREATE TABLE follows (
    namespace text NOT NULL,
    workflow  text NOT NULL,
    follower  text NOT NULL,
    PRIMARY KEY (namespace, workflow, follower),
    FOREIGN KEY (namespace, follower) REFERENCES workflows (namespace, name) ON DELETE CASCADE
);
CREATE INDEX follows_by_follower ON follows (namespace, follower);

INSERT INTO follows (namespace, workflow, follower)
SELECT DISTINCT namespace, told->'settings'->>'workflow', name
  FROM workflows JOIN plans ON digest = plan,
       json_array_elements(coalesce(body->'triggers', '[]')) AS told
 WHERE told->>'type' = 'workflow';

-- A run that another has started, by its end, an event or a call, is one more of its chain.
ALTER TABLE runs ADD COLUMN chain smallint NOT NULL DEFAULT 1 CHECK (chain > 0);

ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN ('emitted', 'started', 'ended', 'watched', 'asked', 'unwatched'));
