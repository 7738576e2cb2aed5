-- A page of runs is read from one of these, whatever it is filtered by: newest first for each status.
DROP INDEX runs_by_workflow, runs_by_odd_status;
CREATE INDEX runs_by_workflow ON runs (namespace, workflow, status, id DESC);
CREATE INDEX runs_by_status ON runs (namespace, status, id DESC);
