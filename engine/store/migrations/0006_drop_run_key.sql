-- Keys are kept in idempotency_keys, with the digest of the body that they came with.

ALTER TABLE runs DROP COLUMN idempotency_key;
