-- The database as all migrations together make it, for reading; nothing runs this file but a test.
-- Made by: pg_dump --schema-only --no-owner --exclude-table=migrations

CREATE FUNCTION audit_keeps() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is appended to, never changed' USING ERRCODE = '42501';
END
$$;

CREATE TABLE activation (
    one boolean DEFAULT true NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT activation_one_check CHECK (one)
);

CREATE TABLE approvals (
    run_id uuid NOT NULL,
    path text NOT NULL,
    namespace text NOT NULL,
    workflow text NOT NULL,
    body json NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    decided jsonb DEFAULT '{}'::jsonb NOT NULL
);

CREATE TABLE audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    allowed boolean NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    request_id text DEFAULT ''::text NOT NULL
);

ALTER TABLE audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE cache (
    key bytea NOT NULL,
    outputs json NOT NULL,
    artifacts json NOT NULL,
    kept_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    spilled json DEFAULT '{}'::json NOT NULL
);

CREATE TABLE callbacks (
    run_id uuid NOT NULL,
    path text NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    schema json NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone
);

CREATE UNLOGGED TABLE circuits (
    namespace text NOT NULL,
    name text NOT NULL,
    state text DEFAULT 'closed'::text NOT NULL,
    round bigint DEFAULT 0 NOT NULL,
    until timestamp with time zone,
    slices json DEFAULT '[]'::json NOT NULL,
    trials integer DEFAULT 0 NOT NULL,
    passed integer DEFAULT 0 NOT NULL,
    told_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT circuits_state_check CHECK ((state = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text]))),
    CONSTRAINT closed_has_no_end CHECK (((until IS NULL) = (state = 'closed'::text)))
);

CREATE TABLE commits (
    source text NOT NULL,
    sha text NOT NULL,
    state text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    author text DEFAULT ''::text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    history jsonb DEFAULT '[]'::jsonb NOT NULL,
    findings jsonb DEFAULT '[]'::jsonb NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    committed_at timestamp with time zone,
    changed text DEFAULT ''::text NOT NULL,
    CONSTRAINT commits_state_check CHECK ((state = ANY (ARRAY['Seen'::text, 'Fetched'::text, 'Verified'::text, 'Compiled'::text, 'Authorised'::text, 'Held'::text, 'Rejected'::text, 'Superseded'::text, 'Active'::text, 'Replaced'::text])))
);

CREATE TABLE decisions (
    route text NOT NULL,
    delivery text NOT NULL,
    namespace text NOT NULL,
    workflow text NOT NULL,
    trigger text NOT NULL,
    said text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    run_id uuid,
    item integer DEFAULT 0 NOT NULL,
    id bigint NOT NULL,
    CONSTRAINT decisions_said_check CHECK ((said = ANY (ARRAY['started'::text, 'unmatched'::text, 'filtered'::text, 'invalid'::text, 'denied'::text, 'error'::text, 'duplicate'::text, 'limited'::text, 'held'::text, 'superseded'::text, 'skipped'::text]))),
    CONSTRAINT started_has_a_run CHECK (((run_id IS NOT NULL) = (said = 'started'::text)))
);

ALTER TABLE decisions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME decisions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE dedupe_keys (
    namespace text NOT NULL,
    workflow text NOT NULL,
    trigger text NOT NULL,
    key text NOT NULL,
    delivery text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE deliveries (
    route text NOT NULL,
    delivery text NOT NULL,
    event text NOT NULL,
    body json NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE epochs (
    number bigint NOT NULL,
    world text NOT NULL,
    doubted integer DEFAULT 0 NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE events (
    id uuid NOT NULL,
    namespace text NOT NULL,
    type text NOT NULL,
    subject text,
    source text NOT NULL,
    data json NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    identity text DEFAULT ''::text NOT NULL
);

CREATE TABLE follows (
    namespace text NOT NULL,
    workflow text NOT NULL,
    follower text NOT NULL
);

CREATE TABLE handouts (
    id bigint NOT NULL,
    run_id uuid NOT NULL,
    path text NOT NULL,
    attempt integer NOT NULL,
    namespace text NOT NULL,
    plan text NOT NULL,
    pool text NOT NULL,
    labels jsonb NOT NULL,
    parallelism integer NOT NULL,
    body json NOT NULL,
    handed_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    worker bigint,
    taken_at timestamp with time zone,
    marked boolean DEFAULT false NOT NULL,
    revoked boolean DEFAULT false NOT NULL,
    place timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT marked_by_a_worker CHECK (((worker IS NOT NULL) OR (NOT marked))),
    CONSTRAINT taken_by_a_worker CHECK (((worker IS NULL) = (taken_at IS NULL)))
);

ALTER TABLE handouts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME handouts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE held (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    bunch uuid NOT NULL,
    namespace text NOT NULL,
    workflow text NOT NULL,
    trigger text NOT NULL,
    key text NOT NULL,
    route text NOT NULL,
    delivery text NOT NULL,
    item integer NOT NULL,
    actor text NOT NULL,
    chain integer NOT NULL,
    names json NOT NULL,
    size integer NOT NULL,
    since timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL
);

ALTER TABLE held ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME held_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE idempotency_keys (
    namespace text NOT NULL,
    workflow text NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    run uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE inbox (
    id bigint NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    key text NOT NULL,
    data json NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    CONSTRAINT inbox_kind_check CHECK ((kind = ANY (ARRAY['arrived'::text, 'decided'::text, 'succeeded'::text, 'produced'::text, 'spilled'::text, 'counted'::text, 'failed'::text, 'orphaned'::text, 'severed'::text, 'pause'::text, 'resume'::text])))
);

ALTER TABLE inbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE journal (
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    attempt integer NOT NULL,
    data json NOT NULL
)
PARTITION BY RANGE (run_id);

CREATE TABLE journal_default (
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    attempt integer NOT NULL,
    data json NOT NULL
);

CREATE TABLE lookouts (
    namespace text NOT NULL,
    workflow text NOT NULL,
    trigger text NOT NULL,
    definition text NOT NULL,
    begun boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone NOT NULL,
    faults integer DEFAULT 0 NOT NULL,
    fault text DEFAULT ''::text NOT NULL,
    CONSTRAINT lookouts_check CHECK (((faults = 0) = (fault = ''::text)))
);

CREATE TABLE outbox (
    id bigint NOT NULL,
    run_id uuid,
    namespace text NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    data json NOT NULL,
    refused text,
    CONSTRAINT outbox_kind_check CHECK ((kind = ANY (ARRAY['emitted'::text, 'started'::text, 'ended'::text, 'watched'::text, 'asked'::text, 'unwatched'::text])))
);

ALTER TABLE outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE overrides (
    source text NOT NULL,
    kind text NOT NULL,
    value text DEFAULT ''::text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    until timestamp with time zone,
    CONSTRAINT overrides_check CHECK (((value <> ''::text) = (kind = ANY (ARRAY['confirm'::text, 'rollback'::text, 'pin'::text])))),
    CONSTRAINT overrides_check1 CHECK (((until IS NOT NULL) OR (kind = ANY (ARRAY['rollback'::text, 'pin'::text])))),
    CONSTRAINT overrides_check2 CHECK ((until > since)),
    CONSTRAINT overrides_kind_check CHECK ((kind = ANY (ARRAY['suspend'::text, 'thaw'::text, 'confirm'::text, 'rollback'::text, 'pin'::text]))),
    CONSTRAINT overrides_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE plans (
    digest text NOT NULL,
    format integer NOT NULL,
    body json NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE rates (
    namespace text NOT NULL,
    name text NOT NULL,
    allowed timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    idle_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE retired (
    source text NOT NULL,
    name text NOT NULL,
    plan text NOT NULL,
    file text NOT NULL,
    title text NOT NULL,
    since bigint NOT NULL,
    until bigint NOT NULL,
    CONSTRAINT retired_check CHECK ((until > since))
);

CREATE TABLE review_approvals (
    source text NOT NULL,
    number integer NOT NULL,
    rule text NOT NULL,
    team text NOT NULL,
    digest text NOT NULL,
    by text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE review_commands (
    source text NOT NULL,
    comment bigint NOT NULL,
    number integer NOT NULL,
    author text NOT NULL,
    body text NOT NULL,
    heard boolean DEFAULT false NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE reviews (
    source text NOT NULL,
    ref text NOT NULL,
    number integer NOT NULL,
    wanted bigint DEFAULT 1 NOT NULL,
    handled bigint DEFAULT 0 NOT NULL,
    not_before timestamp with time zone NOT NULL,
    faults integer DEFAULT 0 NOT NULL,
    fault text DEFAULT ''::text NOT NULL,
    is_open boolean DEFAULT true NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    author text DEFAULT ''::text NOT NULL,
    head text DEFAULT ''::text NOT NULL,
    base text DEFAULT ''::text NOT NULL,
    conclusion text,
    digest text DEFAULT ''::text NOT NULL,
    workflows text[] DEFAULT '{}'::text[] NOT NULL,
    asks jsonb DEFAULT '{}'::jsonb NOT NULL,
    check_id bigint,
    checked text DEFAULT ''::text NOT NULL,
    annotated text DEFAULT ''::text NOT NULL,
    comment_id bigint,
    said text DEFAULT ''::text NOT NULL,
    body text DEFAULT ''::text NOT NULL,
    notes text DEFAULT ''::text NOT NULL,
    merged text DEFAULT ''::text NOT NULL,
    landed text DEFAULT ''::text NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    trusted text DEFAULT ''::text NOT NULL,
    previews jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT reviews_conclusion_check CHECK ((conclusion = ANY (ARRAY['success'::text, 'failure'::text, 'action_required'::text, 'neutral'::text])))
);

CREATE TABLE revisions (
    source text NOT NULL,
    sha text NOT NULL,
    binding text NOT NULL,
    number bigint NOT NULL,
    digest text NOT NULL
);

CREATE TABLE runs (
    id uuid NOT NULL,
    namespace text NOT NULL,
    workflow text NOT NULL,
    source text DEFAULT ''::text NOT NULL,
    commit_sha text DEFAULT ''::text NOT NULL,
    plan text NOT NULL,
    trigger json NOT NULL,
    inputs json NOT NULL,
    pool text DEFAULT 'default'::text NOT NULL,
    priority smallint DEFAULT 1 NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    flags text[] DEFAULT '{}'::text[] NOT NULL,
    outputs json,
    error json,
    cancel json,
    owner bigint,
    lost boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    wake_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    unheard integer DEFAULT 0 NOT NULL,
    slot_group text,
    slot_rules json,
    admitted_at timestamp with time zone,
    chain smallint DEFAULT 1 NOT NULL,
    objectives json,
    watch_at timestamp with time zone,
    fair_key text,
    suspect boolean DEFAULT false NOT NULL,
    CONSTRAINT ended CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text, 'compensated'::text])))),
    CONSTRAINT ended_is_unowned CHECK (((ended_at IS NULL) OR (owner IS NULL))),
    CONSTRAINT priority_is_a_level CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT rules_of_a_group CHECK (((slot_group IS NULL) = (slot_rules IS NULL))),
    CONSTRAINT runs_chain_check CHECK ((chain > 0)),
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text, 'paused'::text, 'cancelling'::text, 'compensating'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text, 'compensated'::text]))),
    CONSTRAINT runs_unheard_check CHECK ((unheard >= 0)),
    CONSTRAINT watched_for_something CHECK (((watch_at IS NULL) OR (objectives IS NOT NULL)))
)
WITH (fillfactor='80');

CREATE TABLE schedules (
    namespace text NOT NULL,
    workflow text NOT NULL,
    trigger text NOT NULL,
    definition text NOT NULL,
    since timestamp with time zone NOT NULL,
    upto timestamp with time zone NOT NULL,
    waiting timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    run_id uuid
);

CREATE TABLE sightings (
    namespace text NOT NULL,
    workflow text NOT NULL,
    trigger text NOT NULL,
    digest text NOT NULL,
    path text NOT NULL,
    size bigint NOT NULL,
    modified text NOT NULL,
    version text NOT NULL,
    told text NOT NULL,
    change text,
    delivery text,
    CONSTRAINT sightings_change_check CHECK ((change = ANY (ARRAY['created'::text, 'changed'::text, 'deleted'::text]))),
    CONSTRAINT sightings_check CHECK (((change IS NULL) = (delivery IS NULL)))
);

CREATE TABLE slots (
    id uuid NOT NULL,
    namespace text NOT NULL,
    slot_group text NOT NULL,
    run_id uuid NOT NULL,
    path text NOT NULL,
    owner bigint NOT NULL,
    taken_at timestamp with time zone DEFAULT now(),
    level smallint DEFAULT 1 NOT NULL,
    fair_key text DEFAULT ''::text NOT NULL,
    turn bigint DEFAULT 0 NOT NULL,
    slot_limit integer DEFAULT 1 NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    verdict text,
    CONSTRAINT slots_verdict_check CHECK ((verdict = ANY (ARRAY['refused'::text, 'cancelled'::text])))
);

CREATE TABLE sources (
    name text NOT NULL,
    namespace text NOT NULL,
    environment text NOT NULL,
    url text NOT NULL,
    ref text NOT NULL,
    root text NOT NULL,
    observed text,
    attempted text,
    active text,
    conditions jsonb DEFAULT '[]'::jsonb NOT NULL,
    wanted bigint DEFAULT 1 NOT NULL,
    handled bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    configured boolean DEFAULT true NOT NULL,
    judged text DEFAULT ''::text NOT NULL,
    active_since timestamp with time zone,
    verify text DEFAULT 'none'::text NOT NULL,
    status_context text DEFAULT ''::text NOT NULL,
    asked_by text DEFAULT ''::text NOT NULL,
    CONSTRAINT sources_check CHECK (((active_since IS NULL) OR (active IS NOT NULL))),
    CONSTRAINT sources_verify_check CHECK ((verify = ANY (ARRAY['none'::text, 'head'::text, 'range'::text])))
);

CREATE SEQUENCE status_versions
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE statuses (
    source text NOT NULL,
    sha text NOT NULL,
    context text NOT NULL,
    state text NOT NULL,
    words text NOT NULL,
    version bigint DEFAULT nextval('status_versions'::regclass) NOT NULL,
    said bigint DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT statuses_check CHECK ((said <= version)),
    CONSTRAINT statuses_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'success'::text, 'failure'::text])))
);

CREATE TABLE trigger_rates (
    namespace text NOT NULL,
    workflow text NOT NULL,
    trigger text NOT NULL,
    name text NOT NULL,
    uses json NOT NULL,
    idle_at timestamp with time zone NOT NULL
);

CREATE TABLE watches (
    run_id uuid NOT NULL,
    path text NOT NULL,
    namespace text NOT NULL,
    event text NOT NULL,
    at text NOT NULL,
    key jsonb
);

CREATE TABLE workers (
    id bigint NOT NULL,
    pool text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    backend integer NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    beat_at timestamp with time zone DEFAULT now() NOT NULL,
    serves text[] DEFAULT '{}'::text[],
    labels jsonb DEFAULT '{}'::jsonb
);

ALTER TABLE workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE workflows (
    namespace text NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    commit_sha text NOT NULL,
    plan text NOT NULL,
    file text NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    since bigint DEFAULT 0 NOT NULL
);

ALTER TABLE ONLY journal ATTACH PARTITION journal_default DEFAULT;

ALTER TABLE ONLY activation
    ADD CONSTRAINT activation_pkey PRIMARY KEY (one);

ALTER TABLE ONLY approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (run_id, path);

ALTER TABLE ONLY audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY cache
    ADD CONSTRAINT cache_pkey PRIMARY KEY (key);

ALTER TABLE ONLY callbacks
    ADD CONSTRAINT callbacks_pkey PRIMARY KEY (run_id, path);

ALTER TABLE ONLY circuits
    ADD CONSTRAINT circuits_pkey PRIMARY KEY (namespace, name);

ALTER TABLE ONLY commits
    ADD CONSTRAINT commits_pkey PRIMARY KEY (source, sha);

ALTER TABLE ONLY decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (route, delivery, namespace, workflow, trigger, item);

ALTER TABLE ONLY dedupe_keys
    ADD CONSTRAINT dedupe_keys_pkey PRIMARY KEY (namespace, workflow, trigger, key);

ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (route, delivery);

ALTER TABLE ONLY epochs
    ADD CONSTRAINT epochs_pkey PRIMARY KEY (number);

ALTER TABLE ONLY events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY follows
    ADD CONSTRAINT follows_pkey PRIMARY KEY (namespace, workflow, follower);

ALTER TABLE ONLY handouts
    ADD CONSTRAINT handouts_of_a_run UNIQUE (run_id, path, attempt);

ALTER TABLE ONLY handouts
    ADD CONSTRAINT handouts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY held
    ADD CONSTRAINT held_pkey PRIMARY KEY (id);

ALTER TABLE ONLY idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (namespace, workflow, key);

ALTER TABLE ONLY inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY inbox
    ADD CONSTRAINT inbox_run_id_path_key_key UNIQUE (run_id, path, key);

ALTER TABLE ONLY journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (run_id, seq);

ALTER TABLE ONLY journal_default
    ADD CONSTRAINT journal_default_pkey PRIMARY KEY (run_id, seq);

ALTER TABLE ONLY lookouts
    ADD CONSTRAINT lookouts_pkey PRIMARY KEY (namespace, workflow, trigger);

ALTER TABLE ONLY outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY overrides
    ADD CONSTRAINT overrides_pkey PRIMARY KEY (source, kind);

ALTER TABLE ONLY plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY rates
    ADD CONSTRAINT rates_pkey PRIMARY KEY (namespace, name);

ALTER TABLE ONLY retired
    ADD CONSTRAINT retired_pkey PRIMARY KEY (source, name, since);

ALTER TABLE ONLY review_approvals
    ADD CONSTRAINT review_approvals_pkey PRIMARY KEY (source, number, rule, team, digest, by);

ALTER TABLE ONLY review_commands
    ADD CONSTRAINT review_commands_pkey PRIMARY KEY (source, comment);

ALTER TABLE ONLY reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (source, ref);

ALTER TABLE ONLY revisions
    ADD CONSTRAINT revisions_pkey PRIMARY KEY (source, sha);

ALTER TABLE ONLY runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (namespace, workflow, trigger);

ALTER TABLE ONLY sightings
    ADD CONSTRAINT sightings_pkey PRIMARY KEY (namespace, workflow, trigger, digest);

ALTER TABLE ONLY slots
    ADD CONSTRAINT slots_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (name);

ALTER TABLE ONLY statuses
    ADD CONSTRAINT statuses_pkey PRIMARY KEY (source, sha, context);

ALTER TABLE ONLY trigger_rates
    ADD CONSTRAINT trigger_rates_pkey PRIMARY KEY (namespace, workflow, trigger, name);

ALTER TABLE ONLY watches
    ADD CONSTRAINT watches_pkey PRIMARY KEY (run_id, path, event);

ALTER TABLE ONLY workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY workflows
    ADD CONSTRAINT workflows_pkey PRIMARY KEY (namespace, name);

CREATE INDEX approvals_by_age ON approvals USING btree (asked_at, run_id, path);

CREATE INDEX approvals_by_time ON approvals USING btree (namespace, expires_at);

CREATE INDEX cache_by_age ON cache USING btree (kept_at DESC);

CREATE INDEX cache_by_end ON cache USING btree (expires_at);

CREATE INDEX circuits_by_time ON circuits USING btree (told_at);

CREATE INDEX commits_by_sha ON commits USING btree (sha text_pattern_ops);

CREATE INDEX commits_by_time ON commits USING btree (source, seen_at);

CREATE INDEX decisions_by_odd_word ON decisions USING btree (namespace, said, id DESC) WHERE (said <> ALL (ARRAY['started'::text, 'unmatched'::text, 'filtered'::text]));

CREATE INDEX decisions_by_time ON decisions USING btree (namespace, id DESC);

CREATE INDEX dedupe_keys_by_end ON dedupe_keys USING btree (expires_at);

CREATE INDEX deliveries_by_time ON deliveries USING btree (received_at);

CREATE INDEX events_by_time ON events USING btree (at);

CREATE INDEX events_by_type ON events USING btree (namespace, type, at);

CREATE INDEX follows_by_follower ON follows USING btree (namespace, follower);

CREATE INDEX handouts_by_worker ON handouts USING btree (worker) WHERE (worker IS NOT NULL);

CREATE INDEX handouts_late ON handouts USING btree (expires_at) WHERE (worker IS NULL);

CREATE INDEX handouts_line ON handouts USING btree (pool, namespace, place, id) WHERE (worker IS NULL);

CREATE INDEX handouts_taken ON handouts USING btree (pool, namespace) WHERE (worker IS NOT NULL);

CREATE INDEX handouts_withdrawn ON handouts USING btree (id) WHERE ((worker IS NULL) AND revoked);

CREATE INDEX held_by_bunch ON held USING btree (bunch, seq);

CREATE INDEX held_by_key ON held USING btree (namespace, workflow, trigger, key, bunch);

CREATE INDEX held_by_time ON held USING btree (due_at);

CREATE INDEX idempotency_keys_by_run ON idempotency_keys USING btree (run);

CREATE INDEX rates_by_end ON rates USING btree (idle_at);

CREATE INDEX review_commands_unheard ON review_commands USING btree (source, number) WHERE (NOT heard);

CREATE INDEX reviews_digest ON reviews USING btree (source, digest) WHERE (conclusion = 'success'::text);

CREATE UNIQUE INDEX reviews_number ON reviews USING btree (source, number) WHERE (number > 0);

CREATE INDEX reviews_wanted ON reviews USING btree (not_before) WHERE (wanted > handled);

CREATE INDEX runs_admitted ON runs USING btree (slot_group, id) WHERE ((slot_group IS NOT NULL) AND (admitted_at IS NOT NULL) AND (ended_at IS NULL));

CREATE INDEX runs_ended ON runs USING btree (namespace, status, id DESC) WHERE (ended_at IS NOT NULL);

CREATE INDEX runs_ended_by_workflow ON runs USING btree (namespace, workflow, status, id DESC) WHERE (ended_at IS NOT NULL);

CREATE INDEX runs_line ON runs USING btree (pool, due_at) WHERE ((started_at IS NULL) AND (ended_at IS NULL));

CREATE INDEX runs_line_of_a_tenant ON runs USING btree (namespace, fair_key, pool, priority, due_at) WHERE ((fair_key IS NOT NULL) AND (started_at IS NULL) AND (ended_at IS NULL));

CREATE INDEX runs_live ON runs USING btree (namespace, status, id DESC) INCLUDE (workflow) WHERE (ended_at IS NULL);

CREATE INDEX runs_owned ON runs USING btree (owner) WHERE (owner IS NOT NULL);

CREATE INDEX runs_resting ON runs USING btree (pool, (
CASE
    WHEN suspect THEN 4
    ELSE (priority)::integer
END), due_at) WHERE ((started_at IS NOT NULL) AND (owner IS NULL) AND (ended_at IS NULL));

CREATE INDEX runs_told ON runs USING btree (owner) WHERE ((owner IS NOT NULL) AND (unheard > 0));

CREATE INDEX runs_unadmitted ON runs USING btree (slot_group, priority DESC, id) WHERE ((slot_group IS NOT NULL) AND (admitted_at IS NULL) AND (ended_at IS NULL));

CREATE INDEX runs_unheard ON runs USING btree (owner) WHERE ((owner IS NOT NULL) AND (cancel IS NOT NULL));

CREATE INDEX runs_watched ON runs USING btree (watch_at) WHERE (watch_at IS NOT NULL);

CREATE INDEX sightings_to_tell ON sightings USING btree (namespace, delivery) WHERE (delivery IS NOT NULL);

CREATE INDEX slots_by_group ON slots USING btree (namespace, slot_group);

CREATE INDEX statuses_unsaid ON statuses USING btree (source, version) WHERE (said < version);

CREATE INDEX trigger_rates_by_end ON trigger_rates USING btree (idle_at);

CREATE INDEX watches_by_event ON watches USING btree (namespace, event, at, key);

CREATE INDEX workflows_by_source ON workflows USING btree (source);

ALTER INDEX journal_pkey ATTACH PARTITION journal_default_pkey;

CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_keeps();

CREATE TRIGGER audit_keeps_rows BEFORE DELETE OR UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_keeps();

ALTER TABLE ONLY decisions
    ADD CONSTRAINT decisions_route_delivery_fkey FOREIGN KEY (route, delivery) REFERENCES deliveries(route, delivery) ON DELETE CASCADE;

ALTER TABLE ONLY follows
    ADD CONSTRAINT follows_namespace_follower_fkey FOREIGN KEY (namespace, follower) REFERENCES workflows(namespace, name) ON DELETE CASCADE;

ALTER TABLE ONLY sightings
    ADD CONSTRAINT sightings_namespace_workflow_trigger_fkey FOREIGN KEY (namespace, workflow, trigger) REFERENCES lookouts(namespace, workflow, trigger) ON DELETE CASCADE;

-- What the migrations put in.
INSERT INTO activation (number) VALUES (1);
