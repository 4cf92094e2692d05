//! The frame of every page: head, landmarks, navigation, and the small pieces that pages share.

use std::fmt::Write as _;

use maud::{DOCTYPE, Markup, html};

use super::assets::href;

/// Where a page stands in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Home,
    Runs,
    Educators,
    Schools,
    Nowhere,
}

const LINKS: [(Place, &str, &str); 4] = [
    (Place::Home, "/", "Home"),
    (Place::Runs, "/runs", "Runs"),
    (Place::Educators, "/educators", "Educators"),
    (Place::Schools, "/schools", "Schools"),
];

/// htmx without what the Content-Security-Policy forbids.
const HTMX: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true}"#;

/// What a page needs beside its body.
pub struct Page<'p> {
    pub title: &'p str,
    pub place: Place,
    /// Seconds after which a browser without scripts loads the page again.
    pub reload: Option<u32>,
    /// Scripts beside htmx.
    pub scripts: &'p [&'p str],
}

impl<'p> Page<'p> {
    pub fn new(title: &'p str, place: Place) -> Self {
        Self { title, place, reload: None, scripts: &[] }
    }

    pub fn show(&self, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en-US" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="htmx-config" content=(HTMX);
                    title { (self.title) " · Bellwether" }
                    link rel="icon" type="image/svg+xml" href=(href("icon.svg"));
                    link rel="stylesheet" href=(href("bellwether.css"));
                    link rel="stylesheet" href=(href("grid.css"));
                    script src=(href("htmx.js")) defer {}
                    @for script in self.scripts { script src=(href(script)) defer {} }
                    @if let Some(seconds) = self.reload {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        a.brand href="/" { img src=(href("icon.svg")) alt="" width="28" height="28"; "Bellwether" }
                        nav aria-label="Main" {
                            @for (place, address, name) in LINKS {
                                a href=(address) aria-current=[(place == self.place).then_some("page")] { (name) }
                            }
                        }
                    }
                    main #main tabindex="-1" { (body) }
                    footer.bottom {
                        p {
                            "Bellwether " (env!("CARGO_PKG_VERSION")) " · " a href="/api/docs" { "API" }
                            " · on this machine only, until there are accounts"
                        }
                    }
                }
            }
        }
    }
}

/// A number with what it counts.
pub fn figure(number: &str, what: &str) -> Markup {
    html! { div { dt { (what) } dd { (number) } } }
}

/// What to say where there is nothing, and what to do about it.
pub fn empty(title: &str, what_to_do: &Markup) -> Markup {
    html! { div.empty { h2 { (title) } (what_to_do) } }
}

/// Links to the first and the next page of a long list.
pub fn pager(first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(first) = first { a.button.quiet href=(first) { "Back to the start" } }
                @if let Some(next) = next { a.button.quiet href=(next) rel="next" { "Next page" } }
            }
        }
    }
}

/// One part of a query string, escaped.
pub fn escaped(text: &str) -> String {
    let mut query = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
    }
    query
}
