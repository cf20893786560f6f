-- Adapters of tenants, and the calls of theirs that have begun and not ended.

CREATE TABLE adapters (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    family TEXT NOT NULL,
    region TEXT NOT NULL,
    -- JSON.
    settings TEXT NOT NULL,
    -- JSON of the secrets by name, sealed for this adapter.
    secrets BLOB NOT NULL,
    -- The names, separated by spaces.
    secret_names TEXT NOT NULL,
    -- Of identity adapters: whose tokens they judge.
    issuer TEXT,
    version BIGINT NOT NULL,
    -- JSON of the last test of this version.
    report TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (tenant_id, name)
);

CREATE INDEX adapters_by_tenant ON adapters (tenant_id, id);

CREATE INDEX adapters_by_issuer ON adapters (issuer);

-- An intent receipt whose outcome is still to come. What a crash leaves here is closed as unknown.
CREATE TABLE adapter_calls (
    receipt_id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    policy TEXT NOT NULL,
    actor TEXT NOT NULL,
    begun_at BIGINT NOT NULL
);

CREATE INDEX adapter_calls_by_age ON adapter_calls (begun_at);
