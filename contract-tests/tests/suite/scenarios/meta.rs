//! Who the server is and how it fares.

use bytes::Bytes;
use companyos_receipt::key::KeySet;
use http::Request;

use crate::watch::{REGION, Watched};

pub(crate) async fn walk() {
    let watched = Watched::start().await;
    let client = watched.operator();
    let meta = client.meta();
    assert_eq!(meta.livez().send().await.unwrap().status.as_str(), "ok");
    assert_eq!(meta.readyz().send().await.unwrap().status.as_str(), "ok");
    assert_eq!(meta.startupz().send().await.unwrap().status.as_str(), "ok");
    let facts = meta.get().send().await.unwrap();
    assert_eq!((facts.region.as_str(), facts.mode.as_str()), (REGION, "development"));
    assert_eq!(facts.api_version, companyos_sdk::CONTRACT_VERSION);
    let discovery = meta.well_known().send().await.unwrap();
    assert_eq!(discovery.issuer, facts.issuer);
    let keys = serde_json::to_vec(&meta.jwks().send().await.unwrap().into_inner()).unwrap();
    KeySet::from_jwks(&keys).expect("the keys are those of receipts");
    let served = meta.openapi().send().await.unwrap();
    assert_eq!(&*served, crate::watch::CONTRACT.document(), "the server serves another contract");
    let metrics = meta.metrics().send().await.unwrap();
    for metric in ["flow_latency_ms_bucket", "provenance_receipts_total"] {
        assert!(metrics.contains(metric), "there is no {metric}");
    }

    // A server that is told to stop is alive and takes no traffic.
    watched.server.app().dispatcher().kernel().health.drain();
    for (path, status) in [("/livez", 200), ("/readyz", 503)] {
        let answer = watched.call(Request::get(path).body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status(), status, "{path}");
    }
}
