//! Identity providers, retried and limited.
//!
//! What asks, verifies or revokes can be repeated, and a token or a device code that was issued and lost harms nobody. A
//! code and a refresh token are good once: repeating after an answer that was lost would look like theft.

use async_trait::async_trait;

use super::{Limited, Repeat, Retrying};
use crate::identity::{
    AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions, DeviceAuthorization,
    DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions, EndSessionOptions, ExchangeOptions,
    IdentityProvider, IntrospectOptions, Introspection, IssuerMetadata, PendingAuthorization, RefreshOptions,
    RevokeOptions, TokenSet, UserInfo, UserinfoOptions, VerifyOptions,
};
use crate::{Context, Descriptor, Error, Secret};

macro_rules! wrap {
    ($wrapper:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: IdentityProvider> IdentityProvider for $wrapper<A> {
            fn descriptor(&self) -> &Descriptor {
                self.adapter().descriptor()
            }

            fn issuer(&self) -> &str {
                self.adapter().issuer()
            }

            fn client_id(&self) -> &str {
                self.adapter().client_id()
            }

            async fn discover(
                &self,
                ctx: &Context,
                options: &DiscoverOptions,
            ) -> Result<IssuerMetadata, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().discover(ctx, options)).await
            }

            async fn verify_token(
                &self,
                ctx: &Context,
                token: &Secret,
                options: &VerifyOptions,
            ) -> Result<Claims, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().verify_token(ctx, token, options)).await
            }

            async fn authorization_url(
                &self,
                ctx: &Context,
                options: &AuthorizationOptions,
            ) -> Result<AuthorizationRequest, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().authorization_url(ctx, options)).await
            }

            async fn exchange(
                &self,
                ctx: &Context,
                code: &Secret,
                pending: &PendingAuthorization,
                options: &ExchangeOptions,
            ) -> Result<TokenSet, Error> {
                self.run(ctx, Repeat::Never, || self.adapter().exchange(ctx, code, pending, options)).await
            }

            async fn refresh(
                &self,
                ctx: &Context,
                refresh_token: &Secret,
                options: &RefreshOptions,
            ) -> Result<TokenSet, Error> {
                self.run(ctx, Repeat::Never, || self.adapter().refresh(ctx, refresh_token, options)).await
            }

            async fn userinfo(
                &self,
                ctx: &Context,
                access_token: &Secret,
                options: &UserinfoOptions,
            ) -> Result<UserInfo, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().userinfo(ctx, access_token, options)).await
            }

            async fn introspect(
                &self,
                ctx: &Context,
                token: &Secret,
                options: &IntrospectOptions,
            ) -> Result<Introspection, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().introspect(ctx, token, options)).await
            }

            async fn revoke(
                &self,
                ctx: &Context,
                token: &Secret,
                options: &RevokeOptions,
            ) -> Result<(), Error> {
                self.run(ctx, Repeat::Always, || self.adapter().revoke(ctx, token, options)).await
            }

            async fn end_session_url(
                &self,
                ctx: &Context,
                options: &EndSessionOptions,
            ) -> Result<Secret, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().end_session_url(ctx, options)).await
            }

            async fn client_credentials(
                &self,
                ctx: &Context,
                options: &ClientCredentialsOptions,
            ) -> Result<TokenSet, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().client_credentials(ctx, options)).await
            }

            async fn device_start(
                &self,
                ctx: &Context,
                options: &DeviceStartOptions,
            ) -> Result<DeviceAuthorization, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().device_start(ctx, options)).await
            }

            async fn device_poll(
                &self,
                ctx: &Context,
                device_code: &Secret,
                options: &DevicePollOptions,
            ) -> Result<DevicePoll, Error> {
                self.run(ctx, Repeat::Never, || self.adapter().device_poll(ctx, device_code, options)).await
            }
        }
    };
}

wrap!(Retrying);
wrap!(Limited);
