//! Who this server is, whether it is well, what it counts, and the keys its receipts are signed with.
//!
//! Owns nothing; it shows what the kernel and the store know.

mod http;

use std::sync::Arc;

use companyos_receipt::key::Signer;
use companyos_types::ops;

use crate::kernel::routes::Routes;

/// The operations of this area.
#[must_use]
pub fn routes(signer: Arc<dyn Signer>) -> Routes {
    let ready_signer = Arc::clone(&signer);
    Routes::new()
        .op(&ops::GET_LIVEZ, http::livez)
        .op(&ops::GET_READYZ, move |ctx| http::readyz(ctx, Arc::clone(&ready_signer)))
        .op(&ops::GET_STARTUPZ, http::startupz)
        .op(&ops::GET_METRICS, http::metrics)
        .op(&ops::GET_OPENAPI, http::openapi)
        .op(&ops::GET_META, http::meta)
        .op(&ops::GET_WELL_KNOWN, http::well_known)
        .op(&ops::GET_JWKS, move |ctx| http::jwks(ctx, Arc::clone(&signer)))
}
