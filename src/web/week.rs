//! The week of an educator, a school or a district on both clocks, and the address under which calendar programs read it.

use axum::Router;
use axum::extract::State as Axum;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::absences;
use super::calendar::{self, Entry};
use super::layout::{Page, Place, empty};
use super::words;
use crate::api::access::origin;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::{DistrictId, EducatorId, FeedId, SchoolId};
use crate::domain::records::{District, Educator, School};
use crate::domain::session::Purpose;
use crate::domain::time::{self, Date, Tz};
use crate::store::absences as reported;
use crate::store::feeds::{self, Feed, Owner};
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::{Tx, directory};

/// Sessions that one page shows at most.
const MOST: i64 = 2000;
/// Absences that are listed.
const ABSENCES: i64 = 20;
/// Weeks that can be asked for.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2200;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/educators/{id}/week", get(educator_week))
        .route("/schools/{id}/week", get(school_week))
        .route("/districts/{id}/week", get(district_week))
        .route("/educators/{id}/feeds", post(educator_feed))
        .route("/schools/{id}/feeds", post(school_feed))
        .route("/districts/{id}/feeds", post(district_feed))
        .route("/districts/{id}/feeds/{feed}/revoke", post(revoke_district_feed))
        .route("/educators/{id}/feeds/{feed}/revoke", post(revoke_educator_feed))
        .route("/schools/{id}/feeds/{feed}/revoke", post(revoke_school_feed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// A date in the week; none is the next one with sessions.
    on: Option<Date>,
}

/// Whose week it is.
struct Subject {
    owner: Owner,
    name: String,
    /// Beside the name: a district, or nothing.
    of: Option<String>,
    tz: Tz,
    /// Where an educator's sessions are joined.
    join: Option<String>,
}

impl Subject {
    /// Whoever may not see their week learns nothing of them.
    async fn find(tx: &mut Tx, actor: &Actor, owner: Owner) -> Result<Self, Error> {
        Ok(match owner {
            Owner::Educator(id) => {
                if !directory::on_roster(tx, &actor.reach(Verb::Read, Thing::Roster), id).await? {
                    return Err(Error::NotFound { kind: "educator", id: id.to_string() });
                }
                let educator = crate::store::get::<Educator>(tx, id).await?.body;
                Self { owner, name: educator.display_name, of: None, tz: educator.tz, join: educator.join_url }
            }
            Owner::School(id) => {
                let school = crate::store::get_for::<School>(tx, actor, id).await?.body;
                let district = crate::store::get::<District>(tx, school.district_id).await?.body;
                Self {
                    owner,
                    name: school.name,
                    of: Some(district.name),
                    tz: school.tz.unwrap_or(district.tz),
                    join: None,
                }
            }
            Owner::District(id) => {
                let district = crate::store::get_for::<District>(tx, actor, id).await?.body;
                Self { owner, name: district.name, of: Some(district.state), tz: district.tz, join: None }
            }
        })
    }

    /// The address of their pages.
    fn path(&self) -> String {
        match self.owner {
            Owner::Educator(id) => format!("/educators/{id}"),
            Owner::School(id) => format!("/schools/{id}"),
            Owner::District(id) => format!("/districts/{id}"),
        }
    }

    fn place(&self) -> Place {
        if matches!(self.owner, Owner::Educator(_)) { Place::Educators } else { Place::Schools }
    }

    fn wanted(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Wanted {
        let (educator_id, school_id, district_id) = match self.owner {
            Owner::Educator(id) => (Some(id), None, None),
            Owner::School(id) => (None, Some(id), None),
            Owner::District(id) => (None, None, Some(id)),
        };
        Wanted { from, to, educator_id, school_id, district_id }
    }

    fn midnight(&self, date: Date) -> DateTime<Utc> {
        time::instant(time::to_utc(self.tz, date, 0))
    }

    fn date(&self, at: DateTime<Utc>) -> Date {
        Date(at.with_timezone(&self.tz).date_naive())
    }

    /// The Monday of the next week with sessions, else of the last one, else of this week.
    async fn nearest_week(&self, tx: &mut Tx, visible: &Visible, now: DateTime<Utc>) -> Result<Date, Error> {
        let monday = self.date(now).monday();
        let ahead = self.wanted(self.midnight(monday), now + TimeDelta::days(1000));
        if let Some(next) = sessions::list(tx, visible, ahead, None, 1).await?.first() {
            return Ok(self.date(next.session.meeting.starts_at).monday());
        }
        // The last one of all may lie where this reader does not look.
        if matches!(visible.reach, Reach::Districts(_)) {
            return Ok(monday);
        }
        Ok(directory::last_session(tx, self.owner).await?.map_or(monday, |at| self.date(at).monday()))
    }

    /// The session on this subject's clock, with the other's beside it.
    fn entry(&self, listed: &Listed) -> Entry {
        let meeting = &listed.session.meeting;
        let (other_tz, with) = match self.owner {
            Owner::Educator(_) => (meeting.tz, listed.school_name.clone()),
            Owner::School(_) => (listed.educator_tz, listed.educator_name.clone()),
            Owner::District(_) => (listed.educator_tz, format!("{}, {}", listed.educator_name, listed.school_name)),
        };
        let own = words::times(meeting.starts_at, meeting.ends_at, self.tz);
        let other = words::times(meeting.starts_at, meeting.ends_at, other_tz);
        let begins = meeting.starts_at.with_timezone(&self.tz);
        let students = meeting.students.len();
        let students = matches!(meeting.purpose, Purpose::Service(_)).then_some(students);
        Entry {
            date: Date(begins.date_naive()),
            from: u16::try_from(begins.hour() * 60 + begins.minute()).unwrap_or(0),
            minutes: u16::try_from((meeting.ends_at - meeting.starts_at).num_minutes()).unwrap_or(time::DAY_MINUTES),
            title: words::session(listed),
            other: (other != own).then_some(other),
            own,
            with,
            students,
            // An educator has it once, above the week.
            join: listed.join_url.clone().filter(|_| !matches!(self.owner, Owner::Educator(_))),
            status: meeting.status,
        }
    }
}

async fn educator_week(
    state: Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    which: Query<Which>,
) -> Result<Markup, Error> {
    week(&state, &actor, Owner::Educator(id), which.0.on).await
}

async fn school_week(
    state: Axum<State>,
    actor: Actor,
    Path(id): Path<SchoolId>,
    which: Query<Which>,
) -> Result<Markup, Error> {
    week(&state, &actor, Owner::School(id), which.0.on).await
}

async fn district_week(
    state: Axum<State>,
    actor: Actor,
    Path(id): Path<DistrictId>,
    which: Query<Which>,
) -> Result<Markup, Error> {
    week(&state, &actor, Owner::District(id), which.0.on).await
}

async fn week(state: &State, actor: &Actor, owner: Owner, on: Option<Date>) -> Result<Markup, Error> {
    use chrono::Datelike as _;
    if on.is_some_and(|on| !YEARS.contains(&on.year())) {
        return Err(Error::parameter("on", format!("give a date from {} to {}", YEARS.start(), YEARS.end())));
    }
    let (now, mut tx) = (time::now(), state.db.read().await?);
    let (subject, visible) = (Subject::find(&mut tx, actor, owner).await?, Visible::to(actor));
    let monday = match on {
        Some(on) => on.monday(),
        None => subject.nearest_week(&mut tx, &visible, now).await?,
    };
    let wanted = subject.wanted(subject.midnight(monday), subject.midnight(monday.plus_days(7)));
    let listed = sessions::list(&mut tx, &visible, wanted, None, MOST).await?;
    let entries: Vec<Entry> = listed.iter().map(|listed| subject.entry(listed)).collect();
    let feeds = match feeds::permit(&mut tx, actor, owner, Verb::Write).await {
        Ok(()) => Some(feeds::list(&mut tx, owner).await?),
        Err(_) => None,
    };
    let own = actor.educator.is_some();
    let away = match (owner, listed.first()) {
        (Owner::Educator(id), Some(listed)) if actor.may(Verb::Write, Thing::Absences) => {
            let known = reported::of_educator(&mut tx, id, subject.date(now), ABSENCES).await?;
            Some(absences::form(id, listed.session.term_id, monday, &known, own))
        }
        _ => None,
    };
    let extras = html! {
        @if let Some(away) = away { (away) }
        @if let Some(feeds) = &feeds { (subscription(&subject, feeds, actor.tz)) }
    };
    Ok(page(actor, &subject, monday, subject.date(now), &entries, &extras))
}

fn page(actor: &Actor, subject: &Subject, monday: Date, today: Date, entries: &[Entry], extras: &Markup) -> Markup {
    let to = |date: Date| format!("{}/week?on={date}", subject.path());
    let title = format!("{}, week of {}", subject.name, words::week(monday));
    let zone = words::zone(subject.midnight(monday) + TimeDelta::hours(12), subject.tz);
    let other = if matches!(subject.owner, Owner::Educator(_)) { "the school’s" } else { "the educator’s" };
    Page::new(&title, subject.place(), actor).show(&html! {
        div.head {
            div {
                h1 { (subject.name) }
                p.soft { @if let Some(of) = &subject.of { (of) " · " } (words::week(monday)) " · " (subject.tz.name()) " (" (zone) ")" }
                @if let Owner::Educator(id) = subject.owner {
                    p { @if let Some(address) = &subject.join { a href=(address) rel="noreferrer" { "Join" } " · " } a href=(format!("/educators/{id}/profile")) { "Licenses and link" } }
                }
            }
            nav.weeks aria-label="Weeks" {
                a.button.quiet href=(to(monday.plus_days(-7))) rel="prev" aria-label="Previous week" { "← Previous" }
                a.button.quiet href=(to(today)) { "Today" }
                a.button.quiet href=(to(monday.plus_days(7))) rel="next" aria-label="Next week" { "Next →" }
            }
        }
        @if entries.is_empty() {
            (empty("No published sessions in this week", &html! {
                p { "Look at the weeks beside it, or at the " a href=(format!("{}/week", subject.path())) { "nearest week with sessions" } ". Sessions appear when a run is published." }
            }))
        } @else {
            p.soft.small { (words::plural(entries.len(), "session")) ". Each time stands on this clock first, then on " (other) " where that reads differently." }
            (calendar::legend(entries))
            (calendar::week(monday, today, entries))
        }
        (extras)
    })
}

fn subscription(subject: &Subject, feeds: &[Feed], tz: Tz) -> Markup {
    html! {
        section.card.noprint aria-labelledby="subscribe" {
            h2 #subscribe { "Subscribe" }
            p { "A secret address for calendar programs (Google, Apple, Outlook). It follows every publication, names no student, and can be taken back at any time." }
            form.plain method="post" action=(format!("{}/feeds", subject.path())) { button type="submit" { "Make a calendar address" } }
            @if !feeds.is_empty() {
                table {
                    caption { "Addresses in use" }
                    thead { tr { th scope="col" { "Made" } th scope="col" { span.unseen { "Action" } } } }
                    tbody { @for feed in feeds {
                        tr {
                            td { (words::instant(feed.created_at, tz)) }
                            td.number {
                                form.plain method="post" action=(format!("{}/feeds/{}/revoke", subject.path(), feed.id)) {
                                    button.danger type="submit" { "Take back" }
                                }
                            }
                        }
                    } }
                }
            }
        }
    }
}

async fn educator_feed(
    state: Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    feed(&state, &actor, Owner::Educator(id), &headers).await
}

async fn school_feed(
    state: Axum<State>,
    actor: Actor,
    Path(id): Path<SchoolId>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    feed(&state, &actor, Owner::School(id), &headers).await
}

async fn district_feed(
    state: Axum<State>,
    actor: Actor,
    Path(id): Path<DistrictId>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    feed(&state, &actor, Owner::District(id), &headers).await
}

/// The address is shown in this answer and never again: only its hash is kept.
async fn feed(state: &State, actor: &Actor, owner: Owner, headers: &HeaderMap) -> Result<Response, Error> {
    let subject = Subject::find(&mut state.db.read().await?, actor, owner).await?;
    let (_, path) = state.make_feed(actor, owner).await?;
    let page = feed_page(actor, &subject, &format!("{}{path}", origin(state, headers)));
    Ok(([(header::CACHE_CONTROL, "no-store")], page).into_response())
}

fn feed_page(actor: &Actor, subject: &Subject, address: &str) -> Markup {
    let title = format!("Calendar address of {}", subject.name);
    Page::new(&title, subject.place(), actor).show(&html! {
        h1 { (title) }
        div.note.warn { p { strong { "Copy it now: it is shown only this once. " } "Whoever has it can read the times and places of these sessions." } }
        div.card {
            div.field { label for="address" { "Address" } input.address #address readonly value=(address); }
            ul {
                li { "Google Calendar: Other calendars, From URL" }
                li { "Apple Calendar: File, New Calendar Subscription" }
                li { "Outlook: Add calendar, Subscribe from web" }
            }
        }
        a.button href=(format!("{}/week", subject.path())) { "Back to the week" }
    })
}

async fn revoke_educator_feed(
    state: Axum<State>,
    actor: Actor,
    Path((id, feed)): Path<(EducatorId, FeedId)>,
) -> Result<Redirect, Error> {
    revoke(&state, &actor, feed, &format!("/educators/{id}/week")).await
}

async fn revoke_school_feed(
    state: Axum<State>,
    actor: Actor,
    Path((id, feed)): Path<(SchoolId, FeedId)>,
) -> Result<Redirect, Error> {
    revoke(&state, &actor, feed, &format!("/schools/{id}/week")).await
}

async fn revoke_district_feed(
    state: Axum<State>,
    actor: Actor,
    Path((id, feed)): Path<(DistrictId, FeedId)>,
) -> Result<Redirect, Error> {
    revoke(&state, &actor, feed, &format!("/districts/{id}/week")).await
}

async fn revoke(state: &State, actor: &Actor, feed: FeedId, back: &str) -> Result<Redirect, Error> {
    state.revoke_feed(actor, feed).await?;
    Ok(Redirect::to(back))
}
