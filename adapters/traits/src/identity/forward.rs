//! A pointer to a provider is a provider.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions, DeviceAuthorization,
    DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions, EndSessionOptions, ExchangeOptions,
    IdentityProvider, IntrospectOptions, Introspection, IssuerMetadata, PendingAuthorization, RefreshOptions,
    RevokeOptions, TokenSet, UserInfo, UserinfoOptions, VerifyOptions,
};
use crate::{Context, Descriptor, Error, Secret};

macro_rules! forward {
    ($pointer:ty) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: IdentityProvider + ?Sized> IdentityProvider for $pointer {
            fn descriptor(&self) -> &Descriptor {
                (**self).descriptor()
            }

            fn issuer(&self) -> &str {
                (**self).issuer()
            }

            fn client_id(&self) -> &str {
                (**self).client_id()
            }

            async fn discover(
                &self,
                ctx: &Context,
                options: &DiscoverOptions,
            ) -> Result<IssuerMetadata, Error> {
                (**self).discover(ctx, options).await
            }

            async fn verify_token(
                &self,
                ctx: &Context,
                token: &Secret,
                options: &VerifyOptions,
            ) -> Result<Claims, Error> {
                (**self).verify_token(ctx, token, options).await
            }

            async fn authorization_url(
                &self,
                ctx: &Context,
                options: &AuthorizationOptions,
            ) -> Result<AuthorizationRequest, Error> {
                (**self).authorization_url(ctx, options).await
            }

            async fn exchange(
                &self,
                ctx: &Context,
                code: &Secret,
                pending: &PendingAuthorization,
                options: &ExchangeOptions,
            ) -> Result<TokenSet, Error> {
                (**self).exchange(ctx, code, pending, options).await
            }

            async fn refresh(
                &self,
                ctx: &Context,
                refresh_token: &Secret,
                options: &RefreshOptions,
            ) -> Result<TokenSet, Error> {
                (**self).refresh(ctx, refresh_token, options).await
            }

            async fn userinfo(
                &self,
                ctx: &Context,
                access_token: &Secret,
                options: &UserinfoOptions,
            ) -> Result<UserInfo, Error> {
                (**self).userinfo(ctx, access_token, options).await
            }

            async fn introspect(
                &self,
                ctx: &Context,
                token: &Secret,
                options: &IntrospectOptions,
            ) -> Result<Introspection, Error> {
                (**self).introspect(ctx, token, options).await
            }

            async fn revoke(
                &self,
                ctx: &Context,
                token: &Secret,
                options: &RevokeOptions,
            ) -> Result<(), Error> {
                (**self).revoke(ctx, token, options).await
            }

            async fn end_session_url(
                &self,
                ctx: &Context,
                options: &EndSessionOptions,
            ) -> Result<Secret, Error> {
                (**self).end_session_url(ctx, options).await
            }

            async fn client_credentials(
                &self,
                ctx: &Context,
                options: &ClientCredentialsOptions,
            ) -> Result<TokenSet, Error> {
                (**self).client_credentials(ctx, options).await
            }

            async fn device_start(
                &self,
                ctx: &Context,
                options: &DeviceStartOptions,
            ) -> Result<DeviceAuthorization, Error> {
                (**self).device_start(ctx, options).await
            }

            async fn device_poll(
                &self,
                ctx: &Context,
                device_code: &Secret,
                options: &DevicePollOptions,
            ) -> Result<DevicePoll, Error> {
                (**self).device_poll(ctx, device_code, options).await
            }
        }
    };
}

forward!(Arc<A>);
forward!(Box<A>);
