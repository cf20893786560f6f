//! Lists.

use futures_util::TryStreamExt as _;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::*;

fn page(names: &[&str], next_cursor: Option<&str>) -> ResponseTemplate {
    let items: Vec<_> = names.iter().map(|name| tenant_json(name)).collect();
    status(200).set_body_json(json!({ "items": items, "next_cursor": next_cursor }))
}

#[tokio::test]
async fn items_come_from_all_pages_an_empty_one_included() {
    let server = script([page(&["a", "b"], Some("c1")), page(&[], Some("c2")), page(&["c"], None)]).await;
    let (client, _timer) = client(&server);
    let tenants: Vec<_> = client.tenants().list().limit(2).by_item().try_collect().await.expect("all items");
    assert_eq!(tenants.iter().map(|tenant| tenant.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let queries: Vec<_> =
        seen(&server).await.iter().map(|r| r.url.query().unwrap_or_default().to_owned()).collect();
    assert_eq!(queries, ["limit=2", "limit=2&cursor=c1", "limit=2&cursor=c2"]);
}

#[tokio::test]
async fn pages_are_answers_and_are_fetched_when_asked_for() {
    let server = script([page(&["a"], Some("c 1&x")), page(&["b"], None)]).await;
    let (client, _timer) = client(&server);
    let mut pages = client.tenants().list().by_page();
    let first = pages.try_next().await.expect("a page").expect("the first");
    assert_eq!((first.items.len(), first.status().as_u16()), (1, 200));
    assert_eq!(seen(&server).await.len(), 1, "the second page was fetched before it was asked for");
    assert_eq!(pages.try_next().await.expect("a page").expect("the second").items[0].name, "b");
    assert!(pages.try_next().await.expect("the end").is_none());
    assert_eq!(seen(&server).await[1].url.query(), Some("cursor=c%201%26x"));
}

#[tokio::test]
async fn each_page_is_retried_for_itself_and_an_error_ends_the_list() {
    let server = script([
        page(&["a"], Some("c1")),
        status(503),
        page(&["b"], Some("c2")),
        problem(400, "invalid-cursor", false),
    ])
    .await;
    let (client, _timer) = client(&server);
    let mut items = client.tenants().list().by_item();
    assert_eq!(items.try_next().await.expect("an item").expect("the first").name, "a");
    assert_eq!(items.try_next().await.expect("an item").expect("the second").name, "b");
    assert!(items.try_next().await.expect_err("an error").is_problem("invalid-cursor"));
    assert!(items.try_next().await.expect("the end").is_none());
    assert_eq!(seen(&server).await.len(), 4);
}

#[tokio::test]
async fn a_cursor_that_comes_twice_ends_the_list() {
    let server = always(page(&["a"], Some("again"))).await;
    let (client, _timer) = client(&server);
    let mut items = client.tenants().list().by_item();
    assert!(items.try_next().await.expect("an item").is_some());
    let error = items.try_next().await.expect_err("a loop");
    assert_eq!(error.code(), "cursor-repeated");
    assert!(error.is_unexpected_answer());
}
