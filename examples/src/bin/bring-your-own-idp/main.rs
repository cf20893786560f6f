//! A tenant brings its own identity provider, and calls the API with that provider's access tokens.
//!
//! ```console
//! cargo run -p companyos-examples --bin bring-your-own-idp
//! ```
//!
//! The server and a small OpenID Connect issuer (`issuer.rs`) run inside this process, on free loopback ports. No other
//! service, network or configuration is needed.

mod issuer;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use companyos_adapter_traits::identity::ClientCredentialsOptions;
use companyos_adapter_traits::{Context, IdentityProvider as _, Secret as IssuerSecret};
use companyos_adapters::oidc::{ClientAuthentication, OidcConfig, OidcProvider};
use companyos_examples::show::Show;
use companyos_sdk::types::adapters::{AdapterKind, AdapterRegister, AdapterTestOutcome};
use companyos_sdk::types::identity::ApiKeyCreate;
use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{Client, Secret};
use companyos_server::launch::{Launch, Running};
use serde_json::{Map, json};

use crate::issuer::{CLIENT_ID, CLIENT_SECRET, Issuer};

type Failure = Box<dyn Error + Send + Sync>;

/// Registers an identity provider for a tenant and calls the API with its access tokens.
#[derive(Debug, Parser)]
#[command(name = "bring-your-own-idp")]
struct Arguments {
    /// Print one JSON document instead of the story
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut show = Show::new("bring-your-own-idp", Arguments::parse().json);
    match story(&mut show).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show.failure(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn story(show: &mut Show) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("companyos-idp-").tempdir()?;
    let server = Launch::new(folder.path()).start().await?;
    let issuer = Issuer::start().await?;
    let below = format!("reference server on {}\nissuer on           {}", server.base_url(), issuer.url());
    show.title("A tenant brings its own identity provider", &below);

    let (tenant, admin) = tenant(&server, show).await?;
    // What a token for this tenant must name as its audience.
    let audience = format!("urn:companyos:tenant:{tenant}");
    register(&admin, &issuer, &audience, show).await?;
    let token = obtain(&issuer, &audience, show).await?;
    call(&server, &token, show).await?;
    refused(&server, &issuer, &audience, show).await?;
    receipts(&admin, show).await?;

    show.summary();
    show.next(&[
        "register your own: POST /adapters with kind `oidc`, your `issuer`, a `client_id` and the `audience` above".to_owned(),
        "have your issuer put that audience into access tokens (RFC 8707 `resource`, or an API of that name)".to_owned(),
        "cargo run -p companyos-examples --bin write-an-adapter     an adapter of your own".to_owned(),
        "docs/WRITING-AN-ADAPTER.md                                 the author guide".to_owned(),
    ]);
    server.stop().await;
    Ok(())
}

fn client(server: &Running, credential: Secret) -> Result<Client, Failure> {
    let builder = Client::builder().base_url(server.base_url()).api_key(credential);
    Ok(builder.user_agent("bring-your-own-idp/1").build()?)
}

/// Makes a tenant and a key of its administrator. Afterwards the operator is out of the story.
async fn tenant(server: &Running, show: &mut Show) -> Result<(String, Client), Failure> {
    show.step("Make a tenant and a key of its administrator");
    let operator = client(server, server.operator_key()?)?;
    let tenant = operator.tenants().create(&TenantCreate::new("acme", "Acme Inc.")).send().await?;
    let scopes = ["adapters:read", "adapters:write", "receipts:read"].map(str::to_owned).to_vec();
    let request = ApiKeyCreate::new("acme admin", scopes).with_tenant_id(&tenant.id);
    let issued = operator.identity().issue(&request).send().await?;
    show.result(format!("{} has an administrator, who may register adapters", tenant.id));
    Ok((tenant.id.clone(), client(server, issued.secret.clone())?))
}

/// Registers the issuer and has the server try it.
async fn register(admin: &Client, issuer: &Issuer, audience: &str, show: &mut Show) -> Result<(), Failure> {
    show.step("Register the issuer and test the connection");
    let settings = [("issuer", issuer.url()), ("client_id", CLIENT_ID), ("audience", audience)];
    let settings: Map<_, _> =
        settings.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let secrets = BTreeMap::from([("client_secret".to_owned(), Secret::new(CLIENT_SECRET))]);
    let wanted =
        AdapterRegister::new("workforce", AdapterKind::Oidc).with_settings(settings).with_secrets(secrets);
    let adapter = admin.adapters().register(&wanted).send().await?;
    show.say(format!(
        "{}: its secrets {} are sealed and never shown",
        adapter.id,
        adapter.secret_names.join(", ")
    ));
    let report = admin.adapters().test(&adapter.id).send().await?;
    let rows: Vec<[String; 3]> = report
        .checks
        .iter()
        .map(|check| {
            [check.name.clone(), check.verdict.to_string(), check.detail.clone().unwrap_or_default()]
        })
        .collect();
    show.table(["check", "verdict", "why"], &rows);
    if report.outcome != AdapterTestOutcome::Passed {
        return Err("the issuer did not pass; the column `why` says what it must do differently".into());
    }
    show.result(format!("{} passed {} checks", report.adapter, rows.len()));
    Ok(())
}

/// Asks the issuer for a token, as a program of the tenant would.
async fn obtain(issuer: &Issuer, audience: &str, show: &mut Show) -> Result<Secret, Failure> {
    show.step("Sign in at the issuer as a program (client credentials)");
    let authentication = ClientAuthentication::SecretBasic(IssuerSecret::new(CLIENT_SECRET));
    let ctx = Context::builder("acme", "us-east-1").build();
    let config = OidcConfig::new(issuer.url(), CLIENT_ID, authentication);
    let provider = OidcProvider::connect(&ctx, config).await?;
    let options = ClientCredentialsOptions::default().scopes(["adapters:read".to_owned()]).resource(audience);
    let tokens = provider.client_credentials(&ctx, &options).await?;
    show.result(format!("an access token for {audience}, with the scope adapters:read"));
    Ok(Secret::new(tokens.access_token.expose()))
}

/// Calls the API with the issuer's token: what its scope covers, and what it does not.
async fn call(server: &Running, token: &Secret, show: &mut Show) -> Result<(), Failure> {
    show.step("Call the API with the issuer's token");
    let program = client(server, token.clone())?;
    let page = program.adapters().list().send().await?;
    let rows: Vec<[String; 3]> = page
        .items
        .iter()
        .map(|adapter| [adapter.id.clone(), adapter.name.clone(), adapter.kind.to_string()])
        .collect();
    show.table(["adapter", "name", "kind"], &rows);
    let wanted = AdapterRegister::new("another", AdapterKind::Fs);
    let Err(denied) = program.adapters().register(&wanted).send().await else {
        return Err("a token without the scope adapters:write has registered an adapter".into());
    };
    if !denied.is_denied() {
        return Err(denied.into());
    }
    show.result(
        "it lists the tenant's adapters; registering one is refused, for want of the scope adapters:write",
    );
    Ok(())
}

/// Tokens that are not good: each is refused before anything is done.
async fn refused(server: &Running, issuer: &Issuer, audience: &str, show: &mut Show) -> Result<(), Failure> {
    show.step("Try tokens that are not good");
    let stranger = Issuer::start().await?;
    let (own, scope) = (issuer.url(), "adapters:read");
    let elsewhere = "urn:companyos:tenant:tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
    let tokens = [
        ("signed by somebody else in the issuer's name", stranger.token_as(own, audience, scope)?),
        ("of an issuer nobody registered", stranger.token_as(stranger.url(), audience, scope)?),
        ("for another tenant", issuer.token_as(own, elsewhere, scope)?),
    ];
    let mut rows = Vec::new();
    for (what, token) in tokens {
        let Err(error) = client(server, Secret::new(token))?.adapters().list().send().await else {
            return Err(format!("a token {what} was accepted").into());
        };
        let Some(status) = error.status().filter(|status| status.as_u16() == 401) else {
            return Err(error.into());
        };
        rows.push([what.to_owned(), status.to_string()]);
    }
    show.table(["token", "answer"], &rows);
    show.result(format!("{} of {} refused", rows.len(), rows.len()));
    Ok(())
}

/// What the server's log of the tenant says about all this.
async fn receipts(admin: &Client, show: &mut Show) -> Result<(), Failure> {
    show.step("Read the receipts");
    let page = admin.receipts().list().limit(100).send().await?;
    let rows: Vec<[String; 3]> = page
        .items
        .iter()
        .map(|receipt| [receipt.action.clone(), receipt.phase.to_string(), receipt.outcome.to_string()])
        .collect();
    show.table(["action", "phase", "outcome"], &rows);
    show.result(format!("{} receipts, of every privileged step and of the refusal", rows.len()));
    Ok(())
}
