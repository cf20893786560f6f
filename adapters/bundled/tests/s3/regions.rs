//! The bucket is in the region the host has pinned.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use companyos_adapter_traits::{ErrorKind, ObjectStorage, ObjectStorageExt, Outcome, RetryClass};
use companyos_adapters::s3::{AMAZON, S3Credentials, S3Storage};

use super::served::{KEY_ID, SECRET, Served, moto, refusal, vendor};
use super::{Test, ctx, key, kind};

#[tokio::test]
async fn a_bucket_in_another_region_is_not_opened() -> Test {
    let Some(url) = moto() else { return Ok(()) };
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1);
    let bucket = vendor(&url).create_bucket().bucket("in-ireland");
    bucket.create_bucket_configuration(place.build()).send().await?;
    let open = |region: &str| {
        S3Storage::builder("in-ireland", region)
            .endpoint(&url)
            .credentials(S3Credentials::new(KEY_ID, SECRET))
            .claims(AMAZON)
            .connect()
    };
    let error = open("us-east-1").await.err().ok_or("it was opened")?;
    assert_eq!(
        (error.kind(), error.outcome(), error.retry()),
        (&ErrorKind::WrongRegion, Outcome::Answered, RetryClass::Permanent)
    );
    assert!(error.to_string().contains("eu-west-1"), "{error}");
    assert_eq!(open("eu-west-1").await?.descriptor().region.as_deref(), Some("eu-west-1"));
    Ok(())
}

#[tokio::test]
async fn a_provider_that_sends_us_elsewhere_is_not_followed() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    let table = [
        (301, "PermanentRedirect", "The bucket you are attempting to access must be addressed otherwise."),
        (307, "TemporaryRedirect", "Please re-send this request to the specified temporary endpoint."),
        (400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'"),
        (400, "IllegalLocationConstraintException", "The constraint is incompatible with the region."),
    ];
    for (status, code, message) in table {
        served.script(move |_| {
            let mut answer = refusal(status, code, message);
            let elsewhere = hyper::header::HeaderValue::from_static("http://127.0.0.1:1/");
            answer.headers_mut().insert("location", elsewhere);
            Some(answer)
        });
        assert_eq!(kind(store.write(&ctx(), &key("k")?, "a").await), Some(ErrorKind::WrongRegion), "{code}");
        assert_eq!(
            kind(store.exists(&ctx(), &key("k")?).await),
            Some(ErrorKind::WrongRegion),
            "{code} of a HEAD"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_host_may_have_names_of_its_own_for_regions() -> Test {
    let served = Served::start().await?;
    let store = served.builder().serves("eu-central").claims(AMAZON).connect().await?;
    assert_eq!(store.descriptor().region.as_deref(), Some("eu-central"));
    assert_eq!(kind(served.builder().serves("").connect().await), Some(ErrorKind::InvalidInput));
    Ok(())
}
