//! Forms, read by a decoder of the tests' own, and the property that whatever goes in comes out.

use companyos_adapters::traits::payment::CustomerOptions;
use companyos_adapters::traits::{ErrorKind, PaymentProvider};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::stripe_double::{Double, order};

/// The pairs of `application/x-www-form-urlencoded`, by the rules and not by the library that wrote them.
pub(crate) fn pairs(form: &str) -> Vec<(String, String)> {
    form.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn whatever_a_caller_says_arrives_as_it_was_said() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let double = runtime.block_on(async {
        let customer = ResponseTemplate::new(200).set_body_json(json!({ "id": "cus_1" }));
        Double::answering(customer).await
    });
    let stripe = double.stripe();
    let name = "[^\\[\\]\u{0}-\u{1f}]{1,40}";
    let strategy = (any::<String>(), proptest::collection::btree_map(name, "\\PC{1,500}", 0..8));
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let result = runner.run(&strategy, |(email, metadata)| {
        let mut options = CustomerOptions::default().email(email.clone());
        options.metadata = metadata.clone();
        let sent = runtime.block_on(async {
            stripe.create_customer(&order("a"), &options).await.unwrap();
            double.requests().await.pop().unwrap()
        });
        let mut expected = vec![("email".to_owned(), email)];
        expected.extend(metadata.into_iter().map(|(name, value)| (format!("metadata[{name}]"), value)));
        prop_assert_eq!(pairs(std::str::from_utf8(&sent.body).unwrap()), expected);
        Ok(())
    });
    result.unwrap();
}

#[tokio::test]
async fn metadata_that_stripe_would_take_for_something_else_is_refused() {
    let double = Double::answering(ResponseTemplate::new(500)).await;
    let many = (0..51).map(|number| (number.to_string(), "x".to_owned())).collect();
    let one = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into_iter().collect();
    let refused = [
        many,
        one("", "x"),
        one("a[b]", "x"),
        one("a]", "x"),
        one(&"n".repeat(41), "x"),
        one("empty", ""),
        one("long", &"v".repeat(501)),
    ];
    for metadata in refused {
        let mut options = CustomerOptions::default();
        options.metadata = metadata;
        let error = double.stripe().create_customer(&order("a"), &options).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{:?}", options.metadata);
    }
    assert_eq!(double.requests().await.len(), 0);
}
