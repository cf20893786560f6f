//! Signing in on a device without a browser, confirmed in a browser elsewhere.

use companyos_adapters::oidc::{ClientAuthentication, OidcProvider};
use companyos_adapters::traits::identity::{
    AuthenticationRequirement, DeviceAuthorization, DevicePoll, DevicePollOptions, DeviceStartOptions,
    IdentityProvider,
};
use companyos_adapters::traits::{ErrorKind, Secret, TokenFault};
use serde_json::json;

use crate::support::{Browser, Realm, ctx, plain, realm};

async fn connect(realm: &Realm) -> OidcProvider {
    realm.connect(realm.config("device", ClientAuthentication::Public)).await
}

async fn start(provider: &OidcProvider) -> DeviceAuthorization {
    let options = DeviceStartOptions::default().scopes(["offline_access".to_owned()]);
    provider.device_start(&ctx(), &options).await.unwrap()
}

async fn poll(provider: &OidcProvider, device: &DeviceAuthorization) -> DevicePoll {
    provider.device_poll(&ctx(), &device.device_code, &DevicePollOptions::default()).await.unwrap()
}

/// What the person does, or does not want to.
pub(crate) async fn answer(device: &DeviceAuthorization, choice: (&str, &str)) {
    let mut browser = Browser::new();
    let url = device.verification_uri_complete.as_ref().unwrap();
    let entered = browser.visit(url.expose()).await.page();
    let asked = browser.submit(&entered, &[]).await.page();
    browser.submit(&asked, &[choice]).await.page();
}

#[tokio::test]
async fn a_device_waits_until_the_person_confirms() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = connect(&realm).await;
    let device = start(&provider).await;
    assert!(device.verification_uri.starts_with(&realm.issuer));
    assert!(device.expires_in.as_secs() > 0 && device.interval.as_secs() > 0);
    let pending = poll(&provider, &device).await;
    assert!(matches!(pending, DevicePoll::Pending { slow_down: false }), "{pending:?}");

    answer(&device, ("confirm", "yes")).await;
    let DevicePoll::Done(tokens) = poll(&provider, &device).await else { panic!("not done") };
    let claims = tokens.claims.unwrap();
    assert_eq!((claims.sub.as_str(), claims.aud.as_slice()), ("alice", ["device".to_owned()].as_slice()));

    let options = DevicePollOptions::default();
    let error = provider.device_poll(&ctx(), &device.device_code, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused, "a device code is good once");
}

#[tokio::test]
async fn a_person_who_says_no_ends_the_flow() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = connect(&realm).await;
    let device = start(&provider).await;
    answer(&device, ("abort", "yes")).await;
    let options = DevicePollOptions::default();
    let error = provider.device_poll(&ctx(), &device.device_code, &options).await.unwrap_err();
    assert_eq!((error.kind(), error.provider_code()), (&ErrorKind::PermissionDenied, Some("access_denied")));
}

#[tokio::test]
async fn a_device_code_expires_and_an_invented_one_was_never_good() {
    let Some(realm) = realm(json!({ "ttl": { "DeviceCode": 1 } })).await else { return };
    let provider = connect(&realm).await;
    let device = start(&provider).await;
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    for code in [device.device_code, Secret::new("invented")] {
        let error = provider.device_poll(&ctx(), &code, &DevicePollOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::GrantRefused, "{error}");
    }
}

#[tokio::test]
async fn a_device_can_insist_on_how_the_person_signed_in() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = connect(&realm).await;
    let device = start(&provider).await;
    answer(&device, ("confirm", "yes")).await;
    let options = DevicePollOptions::default().authentication(AuthenticationRequirement::multi_factor([]));
    let error = provider.device_poll(&ctx(), &device.device_code, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::InsufficientAuthentication));
}
