-- Long operations: what a 202 promised, and how far it is.

CREATE TABLE operations (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- What the kind works on, such as the id of an import.
    subject TEXT NOT NULL,
    status TEXT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    unit TEXT NOT NULL,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    -- JSON: what the outcome receipt needs of the request that was accepted.
    mandate TEXT NOT NULL,
    -- 1 once the outcome receipt exists.
    settled BIGINT NOT NULL,
    -- Who runs it, and until when it is taken to be alive.
    claim TEXT,
    claimed_until BIGINT,
    attempts BIGINT NOT NULL,
    result TEXT,
    problem TEXT,
    receipt_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX operations_by_tenant ON operations (tenant_id, id);
CREATE INDEX operations_open ON operations (id) WHERE settled = 0;
