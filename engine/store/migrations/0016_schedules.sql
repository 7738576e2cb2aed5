-- What the clock sets off: schedules, and events that may be absent.

-- `since` is when it became active, or when the event came last; `upto` the last instant that was
-- decided on; `waiting` are instants that are due and not yet started; `run_id` is the last run.
CREATE TABLE schedules (
    namespace  text NOT NULL,
    workflow   text NOT NULL,
    trigger    text NOT NULL,
    definition text NOT NULL,
    since      timestamptz NOT NULL,
    upto       timestamptz NOT NULL,
    waiting    timestamptz[] NOT NULL DEFAULT '{}',
    run_id     uuid,
    PRIMARY KEY (namespace, workflow, trigger)
);

-- A time at which a run was to start, and did not.
ALTER TABLE decisions DROP CONSTRAINT decisions_said_check;
ALTER TABLE decisions ADD CONSTRAINT decisions_said_check CHECK (
    said IN ('started', 'unmatched', 'filtered', 'invalid', 'denied', 'error', 'duplicate',
             'limited', 'held', 'superseded', 'skipped'));
