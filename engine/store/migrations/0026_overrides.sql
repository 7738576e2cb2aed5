-- What people put between a commit and its being live: one of each kind for a source, until when.

CREATE TABLE overrides (
    source text NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('suspend', 'thaw', 'confirm', 'pin')),
    value  text NOT NULL DEFAULT '',
    reason text NOT NULL CHECK (reason <> ''),
    actor  text NOT NULL,
    since  timestamptz NOT NULL DEFAULT now(),
    until  timestamptz,
    PRIMARY KEY (source, kind),
    CHECK ((value <> '') = (kind IN ('confirm', 'pin'))),
    CHECK (until IS NOT NULL OR kind = 'pin'),
    CHECK (until > since)
);
