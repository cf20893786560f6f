//! What `Governed` promises about identity: nothing without policy and receipts, and no secret in either.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use companyos_adapter_traits::govern::{
    Decision, Phase, PolicyHook, Question, REGION_RULE, ReceiptDraft, ReceiptId, ReceiptSink, Verdict,
};
use companyos_adapter_traits::identity::{
    AuthenticationRequirement, AuthorizationOptions, ClientCredentialsOptions, DevicePoll, DevicePollOptions,
    DeviceStartOptions, DiscoverOptions, EndSessionOptions, ExchangeOptions, IdentityProvider,
    IdentityProviderExt, IntrospectOptions, MemoryIdentity, RefreshOptions, RevokeOptions, User,
    UserinfoOptions, VerifyOptions, amr,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Governed, Outcome, Secret, TokenFault};

/// Receipts in memory; the sink fails from the call with the number `down_at` on.
#[derive(Default)]
struct Sink {
    down_at: Option<usize>,
    receipts: Mutex<Vec<ReceiptDraft>>,
}

impl Sink {
    fn receipts(&self) -> Vec<ReceiptDraft> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The facts of the last receipt.
    fn last(&self) -> Vec<(&'static str, String)> {
        self.receipts().pop().map(|receipt| receipt.facts).unwrap_or_default()
    }
}

#[async_trait]
impl ReceiptSink for Sink {
    async fn record(&self, _: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        if self.down_at.is_some_and(|down| receipts.len() + 1 >= down) {
            return Err(Error::new(ErrorKind::Unavailable, "the sink is down"));
        }
        receipts.push(draft.clone());
        Ok(ReceiptId(format!("rcp_{}", receipts.len())))
    }
}

/// Keeps what it was asked; denies client credentials.
#[derive(Default)]
struct Policy(Mutex<Vec<String>>);

#[async_trait]
impl PolicyHook for Policy {
    async fn decide(&self, _: &Context, question: &Question<'_>) -> Result<Decision, Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{question:?}"));
        Ok(match question.action {
            "identity.client-credentials" => Decision::deny("no-robots", "sha256:ab"),
            _ => Decision::allow("people-may-sign-in", "sha256:ab"),
        })
    }
}

struct House {
    memory: MemoryIdentity,
    governed: Governed<MemoryIdentity>,
    sink: Arc<Sink>,
    policy: Arc<Policy>,
}

fn house(sink: Sink) -> House {
    let ada = User::new("ada").signing_in_with([amr::PWD, amr::OTP]).acr("gold");
    let memory = MemoryIdentity::new().with_region("eu").with_user(ada);
    let (sink, policy) = (Arc::new(sink), Arc::new(Policy::default()));
    let governed = Governed::new(memory.clone(), Arc::clone(&policy) as _, Arc::clone(&sink) as _);
    House { memory, governed, sink, policy }
}

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn error<T>(result: Result<T, Error>) -> Result<Error, String> {
    result.err().ok_or_else(|| "the call succeeded".to_owned())
}

type Test = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
async fn every_operation_leaves_an_intent_and_its_outcome_and_none_a_secret() -> Test {
    let House { memory, governed, sink, policy } = house(Sink::default());
    let ctx = ctx();
    governed.discover(&ctx, &DiscoverOptions::default()).await?;
    let options =
        AuthorizationOptions::default().scopes(["offline_access".to_owned()]).login_hint("ada@example.test");
    let request = governed.authorization_url(&ctx, &options).await?;
    let response = memory.sign_in(&request.url, "ada")?;
    let first = governed.complete(&ctx, &request.pending, &response, &ExchangeOptions::default()).await?;
    let (Some(id), Some(refresh)) = (first.id_token.clone(), first.refresh_token.clone()) else {
        return Err("the provider in memory issues both".into());
    };
    let expected = VerifyOptions::id_token()
        .nonce(request.pending.nonce.clone())
        .issued_with(first.access_token.clone());
    governed.verify_token(&ctx, &id, &expected).await?;
    let second = governed.refresh(&ctx, &refresh, &RefreshOptions::default().subject("ada")).await?;
    let access = &second.access_token;
    governed.userinfo(&ctx, access, &UserinfoOptions::default().subject("ada")).await?;
    governed.introspect(&ctx, access, &IntrospectOptions::default()).await?;
    governed.revoke(&ctx, access, &RevokeOptions::default()).await?;
    let logout = EndSessionOptions::default().id_token_hint(id.clone()).state(Secret::new("logout-state"));
    governed.end_session_url(&ctx, &logout).await?;
    let flow = governed.device_start(&ctx, &DeviceStartOptions::default()).await?;
    governed.device_poll(&ctx, &flow.device_code, &DevicePollOptions::default()).await?;
    memory.approve_device(&flow.user_code, "ada")?;
    let poll = governed.device_poll(&ctx, &flow.device_code, &DevicePollOptions::default()).await?;
    let DevicePoll::Done(third) = poll else { return Err("the flow was approved".into()) };

    let receipts = sink.receipts();
    let actions: Vec<_> = receipts.iter().step_by(2).map(|receipt| receipt.action).collect();
    let expected = [
        "identity.discover",
        "identity.authorization-url",
        "identity.exchange",
        "identity.verify-token",
        "identity.refresh",
        "identity.userinfo",
        "identity.introspect",
        "identity.revoke",
        "identity.end-session-url",
        "identity.device-start",
        "identity.device-poll",
        "identity.device-poll",
    ];
    assert_eq!(actions, expected);
    for pair in receipts.chunks(2) {
        assert_eq!((pair[0].phase, pair[0].verdict), (Phase::Intent, Verdict::Allow));
        assert_eq!((pair[1].phase, pair[1].verdict), (Phase::Outcome, Verdict::Ok), "{}", pair[0].action);
        assert_eq!(pair[1].resource, "https://identity.test");
        assert_eq!(pair[0].facts.first(), Some(&("client_id", "client".to_owned())));
    }

    let told = format!("{receipts:?}{:?}", policy.0.lock().unwrap_or_else(PoisonError::into_inner));
    let pending = &request.pending;
    let secrets = [&pending.state, &pending.nonce, &pending.verifier, &response.code, &id, &refresh, access];
    let more = [&first.access_token, &flow.device_code, &flow.user_code, &third.access_token, &request.url];
    for secret in secrets.into_iter().chain(more).map(Secret::expose) {
        assert!(!secret.is_empty() && !told.contains(secret), "{secret} was told to policy or the sink");
    }
    assert!(!told.contains("ada@example.test"), "who is expected was told");
    assert!(!told.contains("logout-state"), "the state was told");
    Ok(())
}

#[tokio::test]
async fn a_receipt_says_who_signed_in_for_whom_and_how() -> Test {
    let House { memory, governed, sink, .. } = house(Sink::default());
    let request = governed.authorization_url(&ctx(), &AuthorizationOptions::default()).await?;
    let response = memory.sign_in(&request.url, "ada")?;
    let options = ExchangeOptions::default().authentication(AuthenticationRequirement::multi_factor([]));
    let tokens = governed.exchange(&ctx(), &response.code, &request.pending, &options).await?;
    let facts = sink.last();
    let has = |name, value: &str| assert!(facts.contains(&(name, value.to_owned())), "{name}: {facts:?}");
    has("sub", "ada");
    has("aud", "client");
    has("acr", "gold");
    has("amr", "pwd otp");
    has("scope", "openid");
    has("refreshable", "false");
    let asked = &sink.receipts()[2].facts;
    assert!(asked.contains(&("required_multi_factor", "true".to_owned())), "{asked:?}");

    let id = tokens.id_token.ok_or("an ID token")?;
    let scopes = ["write".to_owned()];
    let strict = VerifyOptions::access_token().audience("https://api.test").scopes(scopes);
    let refused = error(governed.verify_token(&ctx(), &id, &strict).await)?;
    assert_eq!(*refused.kind(), ErrorKind::Token(TokenFault::Malformed));
    let receipts = sink.receipts();
    let [.., intent, outcome] = receipts.as_slice() else { return Err("two receipts".into()) };
    let asked = [("token", "access"), ("audience", "https://api.test"), ("required_scope", "write")];
    for (name, value) in asked {
        assert!(intent.facts.contains(&(name, value.to_owned())), "{:?}", intent.facts);
    }
    assert_eq!(outcome.verdict, Verdict::Error);
    assert_eq!(outcome.facts, [("error", "token_malformed".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn a_denied_call_is_not_made_and_leaves_its_receipt() -> Test {
    let House { governed, sink, .. } = house(Sink::default());
    let denied = error(governed.client_credentials(&ctx(), &ClientCredentialsOptions::default()).await)?;
    assert_eq!(*denied.kind(), ErrorKind::PolicyDenied { rule: "no-robots".to_owned() });
    assert_eq!(denied.receipt_id(), Some("rcp_1"));
    let receipts = sink.receipts();
    assert_eq!((receipts.len(), receipts[0].verdict), (1, Verdict::Deny));
    Ok(())
}

#[tokio::test]
async fn a_code_is_not_used_up_while_the_sink_is_down() -> Test {
    let House { memory, governed, .. } = house(Sink { down_at: Some(1), ..Sink::default() });
    let request = memory.authorization_url(&ctx(), &AuthorizationOptions::default()).await?;
    let response = memory.sign_in(&request.url, "ada")?;
    let options = ExchangeOptions::default();
    let refused = error(governed.exchange(&ctx(), &response.code, &request.pending, &options).await)?;
    assert_eq!((refused.kind(), refused.outcome()), (&ErrorKind::ReceiptUnavailable, Outcome::NotSent));
    memory.exchange(&ctx(), &response.code, &request.pending, &options).await?;
    Ok(())
}

#[tokio::test]
async fn tokens_whose_issue_is_not_recorded_are_not_handed_out() -> Test {
    let House { memory, governed, .. } = house(Sink { down_at: Some(2), ..Sink::default() });
    let request = memory.authorization_url(&ctx(), &AuthorizationOptions::default()).await?;
    let response = memory.sign_in(&request.url, "ada")?;
    let options = ExchangeOptions::default();
    let refused = error(governed.exchange(&ctx(), &response.code, &request.pending, &options).await)?;
    assert_eq!((refused.kind(), refused.outcome()), (&ErrorKind::ReceiptUnavailable, Outcome::MaybeSent));
    Ok(())
}

#[tokio::test]
async fn another_region_is_refused_before_policy_is_asked() -> Test {
    let House { governed, sink, policy, .. } = house(Sink::default());
    let abroad = Context::builder("acme", "us").build();
    let token = Secret::new("token");
    let refused = error(governed.verify_token(&abroad, &token, &VerifyOptions::id_token()).await)?;
    assert_eq!(*refused.kind(), ErrorKind::WrongRegion);
    assert_eq!(sink.receipts()[0].rule, REGION_RULE);
    assert!(policy.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
    Ok(())
}

#[tokio::test]
async fn an_id_token_refused_after_the_exchange_is_recorded_as_unknown() -> Test {
    let House { memory, governed, sink, .. } = house(Sink::default());
    let request = memory.authorization_url(&ctx(), &AuthorizationOptions::default()).await?;
    let response = memory.sign_in(&request.url, "ada")?;
    memory.set_keys_available(false);
    let options = ExchangeOptions::default();
    let refused = error(governed.exchange(&ctx(), &response.code, &request.pending, &options).await)?;
    assert_eq!((refused.kind(), refused.outcome()), (&ErrorKind::KeysUnavailable, Outcome::MaybeSent));
    let receipts = sink.receipts();
    assert_eq!(receipts[1].verdict, Verdict::Unknown, "tokens were issued, though nobody has them");
    assert_eq!(sink.last(), [("error", "keys_unavailable".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn what_the_adapter_does_not_offer_stays_unsupported() -> Test {
    let memory = MemoryIdentity::new().with_capabilities([]);
    let governed = Governed::new(memory, Arc::new(Policy::default()), Arc::new(Sink::default()));
    let options = UserinfoOptions::default();
    let late = Context::builder("acme", "eu").deadline(std::time::Instant::now() + Duration::from_secs(60));
    let refused = error(governed.userinfo(&late.build(), &Secret::new("token"), &options).await)?;
    let expected = ErrorKind::Unsupported { operation: "identity.userinfo", adapter: "memory".to_owned() };
    assert_eq!(*refused.kind(), expected);
    Ok(())
}
