-- One row each time that the database has become another one: restored, recovered or promoted.
-- `world` says which it is: PostgreSQL's identifier of the system, timeline and database.

CREATE TABLE epochs (
    number   bigint PRIMARY KEY,
    world    text NOT NULL,
    doubted  integer NOT NULL DEFAULT 0,
    began_at timestamptz NOT NULL DEFAULT now()
);
