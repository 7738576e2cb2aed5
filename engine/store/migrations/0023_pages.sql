-- A page of runs is read from these, whatever it is filtered by: newest first for each status. Of
-- what has ended each run has one entry in either, for its row changes no more.
DROP INDEX runs_by_workflow, runs_by_odd_status;
CREATE INDEX runs_live ON runs (namespace, status, id DESC) INCLUDE (workflow)
    WHERE ended_at IS NULL;
CREATE INDEX runs_ended ON runs (namespace, status, id DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_ended_by_workflow ON runs (namespace, workflow, status, id DESC)
    WHERE ended_at IS NOT NULL;
