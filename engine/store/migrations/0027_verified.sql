-- A commit is verified, then compiled, then authorised; a source may ask for signatures.

ALTER TABLE commits DROP CONSTRAINT commits_state_check;
ALTER TABLE commits ADD CONSTRAINT commits_state_check CHECK (state IN (
    'Seen', 'Fetched', 'Verified', 'Compiled', 'Authorised', 'Held', 'Rejected', 'Superseded',
    'Active', 'Replaced'));

ALTER TABLE sources
    ADD COLUMN verify text NOT NULL DEFAULT 'none' CHECK (verify IN ('none', 'head', 'range'));
