//! The frame of every page: head, landmarks, navigation, and the small pieces that pages share.

use std::fmt::Write as _;

use maud::{DOCTYPE, Markup, html};

use super::assets::href;
use crate::domain::actor::{Actor, Thing, Verb};

/// Where a page stands in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Home,
    Runs,
    Board,
    /// Everybody's weeks; to an educator their own.
    Educators,
    Schools,
    Absences,
    Repairs,
    Minutes,
    /// What became of an educator's sessions.
    Log,
    /// When an educator can teach.
    Hours,
    Vacancies,
    Offers,
    Mail,
    Accounts,
    Account,
    Nowhere,
}

/// Where each link leads, and to whom it is of use.
const LINKS: &[(Place, &str, &str, Option<Thing>)] = &[
    (Place::Home, "/", "Home", None),
    (Place::Runs, "/runs", "Runs", Some(Thing::Planning)),
    (Place::Board, "/board", "Board", Some(Thing::Planning)),
    (Place::Educators, "/educators", "Educators", Some(Thing::Roster)),
    (Place::Schools, "/schools", "Schools", Some(Thing::Record("school"))),
    (Place::Absences, "/absences", "Absences", Some(Thing::Planning)),
    (Place::Repairs, "/repairs", "Repairs", Some(Thing::Planning)),
    (Place::Minutes, "/minutes", "Minutes", Some(Thing::MinutesAtRisk)),
    (Place::Vacancies, "/vacancies", "Vacancies", Some(Thing::Record("vacancy"))),
    (Place::Mail, "/mail", "Mail", Some(Thing::Planning)),
    (Place::Accounts, "/accounts", "Accounts", Some(Thing::Accounts)),
];

/// The same for an educator, for whom most of it is about themselves.
const OWN: &[(Place, &str, &str)] = &[
    (Place::Home, "/", "Home"),
    (Place::Educators, "/educators/{id}/week", "Week"),
    (Place::Log, "/educators/{id}/log", "Log"),
    (Place::Offers, "/offers", "Offers"),
    (Place::Hours, "/educators/{id}/availability", "Availability"),
];

/// htmx without what the Content-Security-Policy forbids.
const HTMX: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true}"#;

/// What a page needs beside its body.
pub struct Page<'p> {
    pub title: &'p str,
    pub place: Place,
    /// Who reads it; none on the way in.
    pub reader: Option<&'p Actor>,
    /// Seconds after which a browser without scripts loads the page again.
    pub reload: Option<u32>,
    /// An address on another server, to which the page leads on by itself.
    pub elsewhere: Option<&'p str>,
    /// Scripts beside htmx.
    pub scripts: &'p [&'p str],
}

impl<'p> Page<'p> {
    pub fn new(title: &'p str, place: Place, reader: &'p Actor) -> Self {
        Self { title, place, reader: Some(reader), reload: None, elsewhere: None, scripts: &[] }
    }

    /// For whoever comes, before they are known.
    pub fn open(title: &'p str) -> Self {
        Self { title, place: Place::Nowhere, reader: None, reload: None, elsewhere: None, scripts: &[] }
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
                    @if let Some(address) = self.elsewhere { meta http-equiv="refresh" content=(format!("0; url={address}")); }
                    @if let Some(seconds) = self.reload {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        a.brand href="/" { img src=(href("icon.svg")) alt="" width="28" height="28"; span { "Bellwether" } }
                        @if let Some(reader) = self.reader { (navigation(reader, self.place)) }
                    }
                    main #main tabindex="-1" { (body) }
                    footer.bottom {
                        p {
                            "Bellwether " (env!("CARGO_PKG_VERSION")) " · " a href="/api/docs" { "API" }
                        }
                    }
                }
            }
        }
    }
}

fn navigation(reader: &Actor, here: Place) -> Markup {
    let links: Vec<(Place, String, &str)> = match reader.educator {
        Some(id) => OWN.iter().map(|(place, to, name)| (*place, to.replace("{id}", &id.to_string()), *name)).collect(),
        // Districts and the office find what is offered on the pages of their vacancies.
        None => LINKS
            .iter()
            .filter(|(.., thing)| thing.is_none_or(|thing| reader.may(Verb::Read, thing)))
            .map(|(place, to, name, _)| (*place, (*to).to_owned(), *name))
            .collect(),
    };
    let here = match here {
        Place::Log if reader.educator.is_none() => Place::Minutes,
        Place::Hours if reader.educator.is_none() => Place::Educators,
        here => here,
    };
    html! {
        nav aria-label="Main" {
            @for (place, address, name) in &links {
                a href=(address) aria-current=[(*place == here).then_some("page")] { (name) }
            }
        }
        nav.who aria-label="You" {
            a href="/account" aria-current=[(here == Place::Account).then_some("page")] title=(reader.role.title()) { (reader.name) }
            form.plain method="post" action="/sign-out" { button.quiet type="submit" { "Sign out" } }
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
