//! As much of a browser as signing in takes: cookies, redirects and forms.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, redirect};
use url::Url;

pub(crate) struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

/// Where a visit has led.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// To a page.
    Page { url: Url, status: u16, text: String },
    /// Back to the client, whose port nobody listens on.
    Back(Url),
}

impl Arrival {
    pub(crate) fn redirected(self) -> Url {
        match self {
            Self::Back(url) => url,
            Self::Page { url, status, text } => panic!("{url} answered {status}: {text}"),
        }
    }

    pub(crate) fn page(self) -> (Url, String) {
        match self {
            Self::Page { url, status: 200, text } => (url, text),
            other => panic!("not a page: {other:?}"),
        }
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, cookies: BTreeMap::new() }
    }

    pub(crate) async fn visit(&mut self, url: &str) -> Arrival {
        let url = Url::parse(url).unwrap();
        self.follow(url.clone(), self.client.get(url)).await
    }

    /// Sends the first form of a page, with its hidden members and `more`.
    pub(crate) async fn submit(&mut self, page: &(Url, String), more: &[(&str, &str)]) -> Arrival {
        let (url, text) = page;
        let form = attribute(tag(text, "<form").unwrap(), "action").unwrap();
        let action = url.join(&form.replace("&amp;", "&")).unwrap();
        let hidden = text.match_indices("<input").filter_map(|(at, _)| {
            let input = tag(&text[at..], "<input")?;
            Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
        });
        let mut members: BTreeMap<&str, &str> = hidden.collect();
        members.extend(more.iter().copied());
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish();
        let request = self.client.post(action.clone()).body(body);
        self.follow(action, request.header("content-type", "application/x-www-form-urlencoded")).await
    }

    async fn follow(&mut self, mut url: Url, mut request: RequestBuilder) -> Arrival {
        for _ in 0..20 {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = cookie.split_once('=').unwrap();
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let Some(location) = answer.headers().get(LOCATION) else {
                let status = answer.status().as_u16();
                return Arrival::Page { url, status, text: answer.text().await.unwrap() };
            };
            url = url.join(location.to_str().unwrap()).unwrap();
            if url.port() == Some(9) {
                return Arrival::Back(url);
            }
            request = self.client.get(url.clone());
        }
        panic!("redirected without end, last to {url}");
    }
}

fn tag<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let from = &text[text.find(start)?..];
    Some(&from[..from.find('>')?])
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let from = tag.split_once(&format!("{name}=\""))?.1;
    Some(from.split_once('"')?.0)
}
