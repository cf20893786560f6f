-- Transparency logs, receipts and idempotency records.
--
-- One dialect for both engines: TEXT, BIGINT and BLOB only (BLOB becomes BYTEA on PostgreSQL). Times are microseconds
-- since 1970.

-- One log per tenant and region. The row is its head: what the next append needs and the checkpoint last signed.
CREATE TABLE logs (
    log_id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    region TEXT NOT NULL,
    origin TEXT NOT NULL,
    size BIGINT NOT NULL,
    frontier BLOB NOT NULL,
    checkpoint TEXT NOT NULL,
    salt_key BLOB NOT NULL,
    UNIQUE (tenant_id, region)
);

-- Keyed by log and index only, plus the id: every further index would cost more than all the rest of the insert.
CREATE TABLE receipts (
    log_id TEXT NOT NULL REFERENCES logs (log_id),
    idx BIGINT NOT NULL,
    receipt_id TEXT NOT NULL,
    action TEXT NOT NULL,
    phase TEXT NOT NULL,
    outcome TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    jwt TEXT NOT NULL,
    disclosures TEXT NOT NULL,
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (log_id, idx)
);

CREATE UNIQUE INDEX receipts_by_id ON receipts (receipt_id);

-- Roots of complete tiles: (level, idx) is the node over leaves idx * 256^level and up. Leaf hashes are in receipts.
CREATE TABLE log_tiles (
    log_id TEXT NOT NULL REFERENCES logs (log_id),
    level BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (log_id, level, idx)
);

-- Replies to replay, sealed. created_at lets an expired record be replaced by the statement that finds it.
CREATE TABLE idempotency (
    key BLOB NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    response BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
