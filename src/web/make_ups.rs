//! What is to be made up, on the page of a student's minutes: free times, each a button that books it, and what is booked.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::{minutes, words};
use crate::api::{State, error::Error, extract::NoQuery, extract::Path};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{LogId, SessionId, StudentId};
use crate::domain::ledger::Ledger;
use crate::domain::log::LogEntry;
use crate::domain::makeup::Slot;
use crate::domain::records::Educator;
use crate::domain::session::SessionStatus;
use crate::domain::time::{Clock, Date};
use crate::store::makeup::{self, Booking};
use crate::store::minutes::Account;
use crate::store::{self, Tx};

/// Missed sessions of a line for which times are looked for, the oldest first: each takes a search.
const LOOKED_FOR: usize = 5;
/// Times offered for one.
const OFFERED: usize = 3;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/students/{id}/minutes/log/{log}/make-up", post(book))
        .route("/students/{id}/minutes/make-ups/{session}/cancel", post(cancel))
}

/// Of one line.
#[derive(Debug, Default)]
pub struct MakeUps {
    pub open: Vec<Open>,
    /// Further ones, for which no times were looked for.
    pub further: usize,
    /// Not logged yet.
    pub booked: Vec<Booking>,
    pub may_book: bool,
}

/// Minutes still to be made up of one session.
#[derive(Debug)]
pub struct Open {
    pub entry: LogEntry,
    pub minutes: i64,
    /// Who would hold them.
    pub educator: String,
    pub slots: Vec<Slot>,
}

impl MakeUps {
    /// Of a line; nothing is looked for where the actor may book nothing.
    pub async fn read(tx: &mut Tx, actor: &Actor, account: &Account) -> Result<Self, Error> {
        let may_book = actor.may(Verb::Write, Thing::ServiceSessions);
        let ids: Vec<LogId> = account.log.iter().map(|entry| entry.id).collect();
        let mut booked = makeup::of_entries(tx, &ids).await?;
        booked.retain(|one| !one.logged);
        let mut found = Self { booked, may_book, ..Self::default() };
        if !may_book {
            return Ok(found);
        }
        for entry in account.log.iter().filter(|entry| lacks(entry, &account.ledger)) {
            let minutes = makeup::open_minutes(tx, entry).await?;
            if minutes == 0 {
                continue;
            }
            if found.open.len() == LOOKED_FOR {
                found.further += 1;
                continue;
            }
            let now = tx.at;
            let slots = makeup::proposals(tx, entry, now, OFFERED).await?;
            let who = slots.first().map_or(entry.educator_id, |slot| slot.educator_id);
            let educator = store::get::<Educator>(tx, who).await?.body.display_name;
            found.open.push(Open { entry: entry.clone(), minutes, educator, slots });
        }
        Ok(found)
    }

    /// The part of the page; nothing where nothing is missing or booked.
    pub fn show(&self, student: StudentId) -> Markup {
        let page = format!("/students/{student}/minutes");
        html! {
            @if !self.booked.is_empty() {
                h3 { "Booked to make up" }
                ul.day-list { @for one in &self.booked { li id=(format!("b{}", one.session_id)) {
                    (words::meeting(one.meeting.tz, one.held_on, one.starts, one.ends)) span.soft { " · " (one.educator_name) " · " (one.minutes) " min" }
                    @if one.status == SessionStatus::Uncovered { " " span.badge.bad { "educator away" } }
                    @if self.may_book {
                        form.plain method="post" action=(format!("{page}/make-ups/{}/cancel", one.session_id)) { button.quiet type="submit" { "Cancel" } }
                    }
                } } }
            }
            @if !self.open.is_empty() && self.may_book {
                h3 { "To make up" }
                ul.day-list { @for one in &self.open { li id=(format!("m{}", one.entry.id)) {
                    (one.minutes) " min of " (words::day(one.entry.held_on))
                    @if let Some(reason) = one.entry.reason { span.soft { " · " (reason.title().to_lowercase()) } }
                    @if one.slots.is_empty() {
                        div.soft.small { "No time in the next weeks is free for the student and " (one.educator) ", inside the service’s windows." }
                    } @else {
                        form.plain method="post" action=(format!("{page}/log/{}/make-up", one.entry.id)) {
                            div.soft.small { "Book with " (one.educator) ":" }
                            div.weeks { @for slot in &one.slots {
                                button.quiet type="submit" name="at" value=(format!("{}T{}", slot.held_on, slot.starts)) { (words::meeting(slot.tz, slot.held_on, slot.starts, slot.ends)) }
                            } }
                        }
                    }
                } } }
                @if self.further > 0 { p.soft.small { "and " (words::plural(self.further, "later session")) "; book these first" } }
            }
        }
    }
}

/// Whether minutes are missing that policy does not let go.
fn lacks(entry: &LogEntry, ledger: &Ledger) -> bool {
    let key = entry.reason.map(|reason| format!("make_up.{}", reason.name()));
    let excused = ledger.policy.iter().any(|figure| Some(&figure.key) == key.as_ref() && figure.value == "not_owed");
    entry.makes_up.is_none() && entry.delivered_minutes < entry.planned_minutes && !excused
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// `2026-09-08T09:30`, on the school's clock.
    at: String,
}

async fn book(
    Axum(state): Axum<State>,
    actor: Actor,
    Path((id, log)): Path<(StudentId, LogId)>,
    _: NoQuery,
    form: Result<Form<Wish>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Wish { at }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let wrong = |message: String| Error::field("/at", message);
    let (on, starts) = at.split_once('T').ok_or_else(|| wrong("give a date and a time: 2026-09-08T09:30".into()))?;
    let (on, starts): (Date, Clock) = (on.parse().map_err(wrong)?, starts.parse().map_err(wrong)?);
    let done = state.book_make_up(&actor, log, on, starts).await.map(drop);
    settled(&state, &actor, id, done).await
}

async fn cancel(
    Axum(state): Axum<State>,
    actor: Actor,
    Path((id, session)): Path<(StudentId, SessionId)>,
    _: NoQuery,
) -> Result<Response, Error> {
    let done = state.cancel_make_up(&actor, session).await;
    settled(&state, &actor, id, done).await
}

/// Back to the page; with what is wrong, where the time was taken meanwhile.
async fn settled(state: &State, actor: &Actor, id: StudentId, done: Result<(), Error>) -> Result<Response, Error> {
    let why = match done {
        Ok(()) => return Ok(Redirect::to(&format!("/students/{id}/minutes")).into_response()),
        Err(Error::Fields(issues)) => issues.into_iter().map(|issue| issue.message).collect::<Vec<_>>().join("; "),
        Err(Error::Conflict(why)) => why,
        Err(other) => return Err(other),
    };
    let page = minutes::of_student(state, actor, id, Some(&why)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{DistrictId, EducatorId, RecordId as _, ServiceId};
    use crate::domain::line::Grouping;
    use crate::domain::log::{MissReason, Outcome};
    use crate::domain::time::Tz;
    use crate::web::samples;

    #[test]
    fn a_missed_session_offers_its_times_as_buttons_and_only_to_whoever_may_book() {
        let (student, id) = (StudentId::fresh(), LogId::fresh());
        let entry = LogEntry {
            id,
            version: 1,
            service_id: ServiceId::fresh(),
            student_id: student,
            district_id: DistrictId::fresh(),
            educator_id: EducatorId::fresh(),
            session_id: None,
            held_on: Date::ymd(2026, 9, 1),
            outcome: Outcome::Missed,
            reason: Some(MissReason::ProviderAbsent),
            starts: None,
            ends: None,
            planned_minutes: 30,
            delivered_minutes: 0,
            grouping: Grouping::Individual,
            makes_up: None,
            logged_by: "x".into(),
            updated_at: samples::now(),
        };
        let slot = Slot {
            educator_id: entry.educator_id,
            held_on: Date::ymd(2026, 9, 8),
            starts: "09:30".parse().expect("a clock"),
            ends: "10:00".parse().expect("a clock"),
            tz: Tz::America__Phoenix,
            starts_at: samples::now(),
        };
        let open = |slots| Open { entry: entry.clone(), minutes: 30, educator: "<i>Ana</i>".into(), slots };
        let view = |slots, may_book| {
            MakeUps { open: vec![open(slots)], may_book, ..MakeUps::default() }.show(student).into_string()
        };
        let text = view(vec![slot.clone()], true);
        assert!(text.contains("value=\"2026-09-08T09:30\">Tue, Sep 8, 9:30–10:00 AM MST</button>"), "{text}");
        assert!(text.contains(&format!("/minutes/log/{id}/make-up\"")) && text.contains("&lt;i&gt;Ana"), "{text}");
        assert!(view(Vec::new(), true).contains("No time in the next weeks"));
        assert!(!view(vec![slot], false).contains("<button"));
    }
}
