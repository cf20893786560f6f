-- Tenants, and the files they are imported from.

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    -- The platform's own tenant owns itself.
    owner_id TEXT NOT NULL REFERENCES tenants (id),
    external_id TEXT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    status TEXT NOT NULL,
    contact_email TEXT,
    -- JSON in the canonical form of RFC 8785, so that equal labels are equal texts.
    labels TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The import that created it. While that import is `running` the tenant is out of everybody's sight.
    import_id TEXT,
    -- In this order the index also answers who has an external id, whoever the owner is.
    UNIQUE (external_id, owner_id)
);

CREATE INDEX tenants_by_owner ON tenants (owner_id, id);

-- One per file. `receiving` while the file arrives; touched_at is then the sign of life.
CREATE TABLE tenant_imports (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    status TEXT NOT NULL,
    dry_run BIGINT NOT NULL,
    format TEXT NOT NULL,
    rows_total BIGINT NOT NULL,
    rows_create BIGINT NOT NULL,
    rows_unchanged BIGINT NOT NULL,
    rows_error BIGINT NOT NULL,
    content_digest TEXT NOT NULL,
    plan_digest TEXT,
    rows_root TEXT,
    operation_id TEXT,
    receipt_id TEXT,
    created_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    completed_at BIGINT,
    -- 0 once its rows have been kept long enough.
    rows_kept BIGINT NOT NULL
);

CREATE INDEX tenant_imports_by_tenant ON tenant_imports (tenant_id, id);
CREATE INDEX tenant_imports_receiving ON tenant_imports (touched_at) WHERE status = 'receiving';
CREATE INDEX tenant_imports_with_rows ON tenant_imports (completed_at) WHERE rows_kept = 1;

-- An owner's imports are applied one after the other. It also answers which tenants are out of sight.
CREATE UNIQUE INDEX tenant_imports_running ON tenant_imports (tenant_id) WHERE status = 'running';

-- Every row of a file, what is done with it, and what is wrong with it: some thousand rows in one value, because a row
-- of the database costs more than a row of a file. Written while the file arrives, in file order; nobody sees it before
-- its import has been recorded.
CREATE TABLE tenant_import_blocks (
    import_id TEXT NOT NULL,
    -- Its rows are first_row to last_row, none left out.
    first_row BIGINT NOT NULL,
    last_row BIGINT NOT NULL,
    rows_create BIGINT NOT NULL,
    rows_unchanged BIGINT NOT NULL,
    rows_error BIGINT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (import_id, last_row)
);
