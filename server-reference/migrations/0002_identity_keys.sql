-- API keys, and what there is one of per deployment.

-- A key is found by the public part of its text; of the rest only the SHA-256 is kept. Scopes are separated by spaces.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    lookup_id TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL,
    operator BIGINT NOT NULL,
    name TEXT NOT NULL,
    key_prefix TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    replaced_by TEXT
);

-- Lists are of one tenant, newest first; ids sort by time.
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);

-- Such as the platform's own tenant.
CREATE TABLE deployment (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
