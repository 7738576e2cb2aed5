-- Reviews of pull requests and merge groups: what is wanted, what was found, what was said of it.

-- `ref` is what is fetched, as `refs/pull/482/head`; that of a merge group is a branch, and its
-- `number` 0 and its `title` the branch that it goes into. `wanted` counts reasons to look, `handled` those that were served; `faults` are the
-- looks in a row that failed. `conclusion` and `digest` are of the plan that was found last, with
-- `head` and `base`; `check_id` is the check on the commit `checked`, `comment_id` the one comment,
-- `said` the digest of what both say, `annotated` that of what the check says of lines. `asks` are
-- the teams that rules ask for, by the names of the rules. `notes` are answers to commands. `merged` is the commit that
-- the base has got by it, `landed` what became of that.
CREATE TABLE reviews (
    source     text NOT NULL,
    ref        text NOT NULL,
    number     integer NOT NULL,
    wanted     bigint NOT NULL DEFAULT 1,
    handled    bigint NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL,
    faults     integer NOT NULL DEFAULT 0,
    fault      text NOT NULL DEFAULT '',
    is_open    boolean NOT NULL DEFAULT true,
    title      text NOT NULL DEFAULT '',
    author     text NOT NULL DEFAULT '',
    head       text NOT NULL DEFAULT '',
    base       text NOT NULL DEFAULT '',
    conclusion text,
    digest     text NOT NULL DEFAULT '',
    workflows  text[] NOT NULL DEFAULT '{}',
    asks       jsonb NOT NULL DEFAULT '{}',
    check_id   bigint,
    checked    text NOT NULL DEFAULT '',
    annotated  text NOT NULL DEFAULT '',
    comment_id bigint,
    said       text NOT NULL DEFAULT '',
    body       text NOT NULL DEFAULT '',
    notes      text NOT NULL DEFAULT '',
    merged     text NOT NULL DEFAULT '',
    landed     text NOT NULL DEFAULT '',
    asked_at   timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, ref),
    CHECK (conclusion IN ('success', 'failure', 'action_required', 'neutral'))
);
CREATE INDEX reviews_wanted ON reviews (not_before) WHERE wanted > handled;
CREATE UNIQUE INDEX reviews_number ON reviews (source, number) WHERE number > 0;
CREATE INDEX reviews_digest ON reviews (source, digest) WHERE conclusion = 'success';

-- Who has approved what a rule asks for; it counts while the plan has this digest.
CREATE TABLE review_approvals (
    source text NOT NULL,
    number integer NOT NULL,
    rule   text NOT NULL,
    team   text NOT NULL,
    digest text NOT NULL,
    by     text NOT NULL,
    at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, number, rule, team, digest, by)
);

-- New comments that begin as a command, as they were signed when they were written.
CREATE TABLE review_commands (
    source  text NOT NULL,
    comment bigint NOT NULL,
    number  integer NOT NULL,
    author  text NOT NULL,
    body    text NOT NULL,
    heard   boolean NOT NULL DEFAULT false,
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, comment)
);
CREATE INDEX review_commands_unheard ON review_commands (source, number) WHERE NOT heard;

-- The digest of what the activation of a commit has changed, as a review of it has one.
ALTER TABLE commits ADD COLUMN changed text NOT NULL DEFAULT '';
