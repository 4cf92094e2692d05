//! The educator's log: the sessions of a day, each said in a tap or two.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty};
use super::words;
use crate::api::{State, error::Error, extract::Path, extract::Query};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{EducatorId, ServiceId, SessionId, StudentId};
use crate::domain::log::{LogEntry, MissReason, Outcome, Said};
use crate::domain::records::{Educator, Student};
use crate::domain::session::{Purpose, Session};
use crate::domain::time::{self, Clock, Date, Tz};
use crate::store::log::{self, LogStudent};
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::{self, Tx, directory};

/// Sessions of one day.
const MOST: i64 = 200;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/educators/{id}/log", get(day).post(say))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// On the educator's clock; none is today.
    on: Option<Date>,
}

/// A session with what is known of it.
struct Card {
    listed: Listed,
    students: Vec<Attendee>,
    entries: Vec<LogEntry>,
}

/// A student of a session.
struct Attendee {
    service: ServiceId,
    student: StudentId,
    key: String,
    /// The session owes them minutes.
    due: bool,
    /// What is said of all is said of them: of everybody where nobody is due.
    meant: bool,
}

/// The educator, if the actor may read the log of their sessions.
async fn educator(tx: &mut Tx, actor: &Actor, id: EducatorId) -> Result<Educator, Error> {
    if !directory::on_roster(tx, &actor.reach(Verb::Read, Thing::ServiceLog), id).await? {
        return Err(Error::NotFound { kind: "educator", id: id.to_string() });
    }
    Ok(store::get::<Educator>(tx, id).await?.body)
}

async fn day(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    Query(which): Query<Which>,
) -> Result<Markup, Error> {
    let mut tx = state.db.read().await?;
    let educator = educator(&mut tx, &actor, id).await?;
    let now = time::now();
    let today = Date(now.with_timezone(&educator.tz).date_naive());
    let on = which.on.unwrap_or(today);
    let midnight = |date: Date| time::instant(time::to_utc(educator.tz, date, 0));
    let visible = Visible { reach: actor.reach(Verb::Read, Thing::ServiceLog), services: true };
    let wanted = Wanted {
        from: midnight(on),
        to: midnight(on.plus_days(1)),
        educator_id: Some(id),
        school_id: None,
        district_id: None,
    };
    let listed = sessions::list(&mut tx, &visible, wanted, None, MOST).await?;
    let listed: Vec<Listed> =
        listed.into_iter().filter(|l| matches!(l.session.meeting.purpose, Purpose::Service(_))).collect();
    let ids: Vec<SessionId> = listed.iter().map(|l| l.session.id).collect();
    let entries = log::of_sessions(&mut tx, &ids).await?;
    let mut cards = Vec::new();
    for listed in listed {
        let logged = log::session(&mut tx, &actor, Verb::Read, listed.session.id).await?;
        let meant = logged.due();
        let mut students = Vec::new();
        for &LogStudent { service_id, student_id, due } in &logged.students {
            let key = store::get::<Student>(&mut tx, student_id).await?.body.key;
            let meant = meant.contains(&service_id);
            students.push(Attendee { service: service_id, student: student_id, key, due, meant });
        }
        let of = |entry: &&LogEntry| entry.session_id == Some(listed.session.id);
        let entries = entries.iter().filter(of).cloned().collect();
        cards.push(Card { listed, students, entries });
    }
    let may_write = actor.may(Verb::Write, Thing::ServiceLog);
    Ok(page(&actor, id, &educator, on, &cards, now, may_write))
}

fn page(
    actor: &Actor,
    id: EducatorId,
    educator: &Educator,
    on: Date,
    cards: &[Card],
    now: DateTime<Utc>,
    may_write: bool,
) -> Markup {
    let to = |date: Date| format!("/educators/{id}/log?on={date}");
    let title = format!("Log of {}, {}", educator.display_name, words::long_date(on));
    Page::new(&title, Place::Log, actor).show(&html! {
        div.head {
            div {
                h1 { "Service log" }
                p.soft { (educator.display_name) " · " (words::long_date(on)) " · " (educator.tz.name()) " (" (words::zone(now, educator.tz)) ")" }
            }
            nav.weeks aria-label="Days" {
                a.button.quiet href=(to(on.plus_days(-1))) rel="prev" { "← Previous" }
                a.button.quiet href=(format!("/educators/{id}/log")) { "Today" }
                a.button.quiet href=(to(on.plus_days(1))) rel="next" { "Next →" }
            }
        }
        @if cards.is_empty() {
            (empty("No service sessions on this day", &html! { p { "What became of a session is logged for services; sections need no log. Look at the days beside it, or at the " a href=(format!("/educators/{id}/week")) { "week" } "." } }))
        }
        @for card in cards { (session(id, on, educator.tz, card, now, may_write)) }
    })
}

fn session(id: EducatorId, on: Date, tz: Tz, card: &Card, now: DateTime<Utc>, may_write: bool) -> Markup {
    let Session { id: session, meeting, .. } = &card.listed.session;
    let kind = words::session(&card.listed);
    let own = words::times(meeting.starts_at, meeting.ends_at, tz);
    let school = words::times(meeting.starts_at, meeting.ends_at, meeting.tz);
    let begun = meeting.starts_at <= now;
    let action = format!("/educators/{id}/log?on={on}");
    html! {
        section.card id=(format!("s{session}")) aria-label=(format!("{kind}, {own}")) {
            div.head {
                h2 { (own) " " (kind) }
                p.soft { (card.listed.school_name) @if school != own { " · " (school) } }
            }
            ul {
                @for attendee in &card.students {
                    li {
                        a href=(format!("/students/{}/minutes", attendee.student)) { (attendee.key) }
                        " "
                        @match card.entries.iter().find(|entry| entry.service_id == attendee.service) {
                            Some(entry) => (said(entry)),
                            None if !attendee.due => span.badge.soft { "not due" },
                            None => span.badge.soft { "not logged" },
                        }
                    }
                }
            }
            @if may_write {
                @if begun {
                    form.plain method="post" action=(action) {
                        input type="hidden" name="session" value=(session);
                        button type="submit" name="outcome" value="delivered" { "Delivered" }
                    }
                }
                details {
                    summary { "Missed" }
                    form.plain method="post" action=(action) {
                        input type="hidden" name="session" value=(session);
                        input type="hidden" name="outcome" value="missed";
                        (whom(card))
                        div.weeks { @for reason in MissReason::ALL {
                            button.quiet type="submit" name="reason" value=(reason.name()) { (reason.title()) }
                        } }
                    }
                }
                @if begun {
                    details {
                        summary { "Partly, or at other times" }
                        form method="post" action=(action) {
                            input type="hidden" name="session" value=(session);
                            (whom(card))
                            div.field { label for=(format!("b{session}")) { "Began (school’s clock)" } input id=(format!("b{session}")) type="time" name="starts" value=(meeting.starts) required; }
                            div.field { label for=(format!("e{session}")) { "Ended" } input id=(format!("e{session}")) type="time" name="ends" value=(meeting.ends) required; }
                            div.field {
                                label for=(format!("r{session}")) { "Why minutes are missing" }
                                select id=(format!("r{session}")) name="reason" {
                                    option value="" { "None are" }
                                    @for reason in MissReason::ALL { option value=(reason.name()) { (reason.title()) } }
                                }
                            }
                            button type="submit" { "Save" }
                        }
                    }
                }
            }
        }
    }
}

/// Of a group, whether it is said of all or of one. Whoever is not due is left out, unless an entry of theirs can be amended.
fn whom(card: &Card) -> Markup {
    let logged = |service| card.entries.iter().any(|entry| entry.service_id == service);
    let open: Vec<&Attendee> = card.students.iter().filter(|one| one.meant || logged(one.service)).collect();
    html! {
        @if open.len() > 1 {
            @let id = format!("w{}", card.listed.session.id);
            div.field {
                label for=(id) { "Of whom" }
                select id=(id) name="service" {
                    option value="" { "All students" }
                    @for one in open { option value=(one.service) { (one.key) } }
                }
            }
        }
    }
}

fn said(entry: &LogEntry) -> Markup {
    let minutes = format!("{} of {} min", entry.delivered_minutes, entry.planned_minutes);
    html! {
        @match entry.outcome {
            Outcome::Delivered => span.badge.good { "Delivered" },
            Outcome::Partly => span.badge.warn { "Partly" },
            Outcome::Missed => span.badge.bad { "Missed" },
        }
        " " span.soft.small {
            (minutes)
            @if let Some(reason) = entry.reason { ", " (reason.title().to_lowercase()) }
            @if entry.version > 1 { ", amended" }
        }
    }
}

/// The form of one session.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    session: SessionId,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    starts: String,
    #[serde(default)]
    ends: String,
}

impl Told {
    /// As the log takes it. Without an outcome it follows from the times and the reason.
    fn said(&self) -> Result<Said, Error> {
        let reason = match self.reason.as_str() {
            "" => None,
            text => Some(text.parse::<MissReason>().map_err(|why| Error::field("/reason", why))?),
        };
        let clock = |name: &str, text: &str| match text {
            "" => Ok(None),
            text => text.parse::<Clock>().map(Some).map_err(|why| Error::field(format!("/{name}"), why)),
        };
        let outcome = match (self.outcome.as_str(), reason) {
            ("", Some(_)) => Outcome::Partly,
            ("", None) => Outcome::Delivered,
            (text, _) => text.parse().map_err(|why: String| Error::field("/outcome", why))?,
        };
        let (starts, ends) = (clock("starts", &self.starts)?, clock("ends", &self.ends)?);
        Ok(Said { outcome, reason, starts, ends, grouping: None, makes_up: None })
    }
}

async fn say(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    Query(which): Query<Which>,
    form: Result<Form<Told>, FormRejection>,
) -> Result<Response, Error> {
    educator(&mut state.db.read().await?, &actor, id).await?;
    let Form(told) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let said = told.said()?;
    match told.service.as_str() {
        "" => state.log_whole_session(&actor, told.session, &said).await?,
        service => {
            let service: ServiceId = service.parse().map_err(|why: String| Error::field("/service", why))?;
            state.log_session(&actor, told.session, &[(service, said)]).await?
        }
    };
    let day = which.on.map(|on| format!("?on={on}")).unwrap_or_default();
    Ok(Redirect::to(&format!("/educators/{id}/log{day}#s{}", told.session)).into_response())
}
