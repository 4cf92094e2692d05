//! Indexes of educators and schools: search by name, page by page, and on to each one's week.

use std::fmt::Display;

use axum::Router;
use axum::extract::State as Axum;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, escaped, pager};
use crate::api::{State, error::Error, extract::Query};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::{EducatorId, SchoolId};
use crate::store::directory::{self, EducatorEntry, SchoolEntry};

const PAGE: usize = 50;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/educators", get(educators)).route("/schools", get(schools))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search<Id> {
    /// Part of a name.
    #[serde(default)]
    q: String,
    /// The last one of the page before.
    after: Option<Id>,
}

async fn educators(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(search): Query<Search<EducatorId>>,
) -> Result<Markup, Error> {
    let reach = within(&actor, Thing::Roster)?;
    let (text, mut tx) = (search.q.trim(), state.db.read().await?);
    let found = directory::educators(&mut tx, &reach, text, search.after, one_more()).await?;
    Ok(educators_page(&actor, text, &Listing::new(&found, text, search.after.is_some(), |educator| educator.id)))
}

async fn schools(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(search): Query<Search<SchoolId>>,
) -> Result<Markup, Error> {
    let reach = within(&actor, Thing::Record("school"))?;
    let (text, mut tx) = (search.q.trim(), state.db.read().await?);
    let found = directory::schools(&mut tx, &reach, text, search.after, one_more()).await?;
    Ok(schools_page(&actor, text, &Listing::new(&found, text, search.after.is_some(), |school| school.id)))
}

/// Whom the list may show; refused where that is nobody.
fn within(actor: &Actor, thing: Thing) -> Result<Reach, Error> {
    Some(actor.reach(Verb::Read, thing)).filter(|reach| !reach.is_nothing()).ok_or(Error::Forbidden)
}

/// One row more than is shown tells whether there is a next page.
fn one_more() -> i64 {
    i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1
}

/// A page of rows, and the addresses of the pages around it.
struct Listing<'l, T> {
    rows: &'l [T],
    first: Option<String>,
    next: Option<String>,
}

impl<'l, T> Listing<'l, T> {
    fn new<Id: Display>(found: &'l [T], text: &str, further: bool, id: impl Fn(&T) -> Id) -> Self {
        let rows = &found[..found.len().min(PAGE)];
        let q = escaped(text);
        let next = rows.last().filter(|_| found.len() > PAGE).map(|last| format!("?q={q}&after={}", id(last)));
        Self { rows, first: further.then(|| format!("?q={q}")), next }
    }
}

fn educators_page(actor: &Actor, text: &str, listing: &Listing<'_, EducatorEntry>) -> Markup {
    let table = html! {
        table {
            caption.unseen { "Educators by name" }
            thead { tr { th scope="col" { "Week of" } th scope="col" { "Own clock" } } }
            tbody {
                @for educator in listing.rows {
                    tr {
                        th scope="row" {
                            a href=(format!("/educators/{}/week", educator.id)) { (educator.name) }
                            @if !educator.active { " " span.badge.soft { "not active" } }
                        }
                        td.soft { (place_of(educator.tz.name())) }
                    }
                }
            }
        }
    };
    index(actor, "Educators", Place::Educators, text, listing, &table)
}

fn schools_page(actor: &Actor, text: &str, listing: &Listing<'_, SchoolEntry>) -> Markup {
    let table = html! {
        table.stack {
            caption.unseen { "Schools by name" }
            thead { tr {
                th scope="col" { "Week of" } th scope="col" { "District" } th scope="col" { "State" } th scope="col" { "Clock" }
            } }
            tbody {
                @for school in listing.rows {
                    tr {
                        th scope="row" { a href=(format!("/schools/{}/week", school.id)) { (school.name) } }
                        td data-label="District" { a href=(format!("/districts/{}/week", school.district_id)) { (school.district_name) } }
                        td data-label="State" { (school.state) }
                        td.soft data-label="Clock" { (place_of(school.tz.name())) }
                    }
                }
            }
        }
    };
    index(actor, "Schools", Place::Schools, text, listing, &table)
}

/// `America/New_York` as people say it.
fn place_of(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}

fn index<T>(actor: &Actor, title: &str, place: Place, text: &str, listing: &Listing<'_, T>, table: &Markup) -> Markup {
    let address = format!("/{}", title.to_lowercase());
    Page::new(title, place, actor).show(&html! {
        h1 { (title) }
        form.search role="search" action=(address) {
            div {
                label for="q" { "Search by name" }
                input #q type="search" name="q" value=(text) autocomplete="off"
                    hx-get=(address) hx-trigger="input changed delay:250ms, search" hx-target="#found"
                    hx-select="#found" hx-swap="outerHTML" hx-push-url="true";
            }
            button type="submit" { "Search" }
        }
        div #found aria-live="polite" {
            @if listing.rows.is_empty() && text.is_empty() {
                (empty("There is nobody here yet", &html! { p { "Import a problem file or use the " a href="/api/docs" { "API" } "; the " a href="/" { "first page" } " says how." } }))
            } @else if listing.rows.is_empty() {
                (empty("No name contains that", &html! { p { "Nothing was found for “" (text) "”. Try a shorter part of the name." } }))
            } @else {
                div.card { (table) }
                (pager(listing.first.as_deref(), listing.next.as_deref()))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::domain::time::Tz;
    use crate::web::samples;

    fn educator(name: &str) -> EducatorEntry {
        EducatorEntry { id: EducatorId::fresh(), name: name.into(), tz: Tz::America__New_York, active: name != "Away" }
    }

    #[test]
    fn educators_lead_to_their_weeks() {
        let rows = [educator("Dana <i>Cruz</i>"), educator("Away")];
        let text = educators_page(&samples::actor(), "", &Listing::new(&rows, "", false, |e| e.id)).into_string();
        for part in ["Dana &lt;i&gt;Cruz", &format!("/educators/{}/week", rows[0].id), "New York", "not active"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("Next page"));
    }

    #[test]
    fn a_long_list_has_a_next_page_that_keeps_the_search() {
        let rows: Vec<EducatorEntry> = (0..=PAGE).map(|n| educator(&format!("E{n}"))).collect();
        let listing = Listing::new(&rows, "é&x", true, |e| e.id);
        assert_eq!(listing.rows.len(), PAGE);
        assert_eq!(listing.first.as_deref(), Some("?q=%C3%A9%26x"));
        assert_eq!(listing.next, Some(format!("?q=%C3%A9%26x&after={}", rows[PAGE - 1].id)));
    }

    #[test]
    fn a_search_without_a_match_says_so() {
        let text = schools_page(&samples::actor(), "<zz>", &Listing::new(&[], "<zz>", false, |s: &SchoolEntry| s.id))
            .into_string();
        assert!(text.contains("Nothing was found for “&lt;zz&gt;”"), "{text}");
    }
}
