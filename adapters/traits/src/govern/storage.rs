//! An object store, governed.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Call, Facts, Governed};
use crate::storage::{
    CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions, ListOptions, ListPage, Object, ObjectKey,
    ObjectMeta, ObjectStorage, PresignOptions, Presigned, PresignedMethod, PutMode, PutOptions, operations,
};
use crate::{Context, Descriptor, Error};

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: ObjectStorage> ObjectStorage for Governed<A> {
    fn descriptor(&self) -> &Descriptor {
        self.adapter.descriptor()
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        let mut facts = vec![("size", body.len().to_string())];
        match &options.mode {
            PutMode::Overwrite => facts.push(("mode", "overwrite".to_owned())),
            PutMode::Create => facts.push(("mode", "create".to_owned())),
            PutMode::Update(etag) => {
                facts.push(("mode", "update".to_owned()));
                facts.push(("if_match", etag.to_string()));
            }
        }
        let effect = || self.adapter.put(ctx, key, body, options);
        self.run(ctx, self.call(operations::PUT, key.as_str(), facts), effect, version).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        let effect = || self.adapter.get(ctx, key, options);
        let found = |object: &Object| {
            let mut facts = version(&object.meta);
            facts.push(("range", format!("{}-{}", object.range.start, object.range.end)));
            facts
        };
        self.run(ctx, self.call(operations::GET, key.as_str(), Facts::new()), effect, found).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        let effect = || self.adapter.head(ctx, key, options);
        let found = |head: &Head| version(&head.meta);
        self.run(ctx, self.call(operations::HEAD, key.as_str(), Facts::new()), effect, found).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        let effect = || self.adapter.delete(ctx, key, options);
        let found = |_: &()| Facts::new();
        self.run(ctx, self.call(operations::DELETE, key.as_str(), Facts::new()), effect, found).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let effect = || self.adapter.list(ctx, options);
        let found = |page: &ListPage| vec![("objects", page.objects.len().to_string())];
        self.run(ctx, self.call(operations::LIST, &options.prefix, Facts::new()), effect, found).await
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        let facts = vec![("from", from.to_string())];
        let effect = || self.adapter.copy(ctx, from, to, options);
        self.run(ctx, self.call(operations::COPY, to.as_str(), facts), effect, version).await
    }

    async fn presign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        let method = match options.method {
            PresignedMethod::Get => "get",
            PresignedMethod::Put => "put",
        };
        let facts = vec![
            ("method", method.to_owned()),
            ("expires_in_seconds", options.expires_in.as_secs().to_string()),
        ];
        let effect = || self.adapter.presign(ctx, key, options);
        let found = |_: &Presigned| Facts::new();
        self.run(ctx, self.call(operations::PRESIGN, key.as_str(), facts), effect, found).await
    }
}

impl<A: ObjectStorage> Governed<A> {
    fn call<'a>(&'a self, action: &'static str, resource: &'a str, facts: Facts) -> Call<'a> {
        Call { descriptor: self.adapter.descriptor(), action, resource, facts }
    }
}

fn version(meta: &ObjectMeta) -> Facts {
    vec![("etag", meta.etag.to_string()), ("size", meta.size.to_string())]
}
