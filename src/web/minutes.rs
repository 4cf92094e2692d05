//! Service minutes at risk, and what one student is owed line by line.

use std::sync::Arc;

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, figure, pager};
use super::make_ups::MakeUps;
use super::words;
use crate::api::{AtRisk, State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{DistrictId, StudentId, TermId};
use crate::domain::ledger::{Ledger, Sums};
use crate::domain::log::{LogEntry, MissReason, Outcome, ToLog};
use crate::domain::policy::Standing;
use crate::domain::time::{self, Date};
use crate::store::directory::{self, TermNumbers};
use crate::store::minutes::{self, Account, Wanted};

/// Lines on one page.
const PAGE: usize = 50;
/// Schools and kinds of service that are shown unless all are asked for.
const WORST: usize = 40;
/// Sessions to log that are named of one line.
const TO_LOG: usize = 200;
/// Terms to choose from.
const TERMS: i64 = 12;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/minutes", get(at_risk))
        .route("/students/{id}/minutes", get(student))
        .route("/students/{id}/minutes/export", post(export))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    term: Option<TermId>,
    /// Of the lines; counts from 1.
    page: Option<usize>,
    /// Every school, not only the worst.
    #[serde(default)]
    all: bool,
}

/// What somebody may see of minutes.
struct View {
    terms: Vec<TermNumbers>,
    term: Option<TermId>,
    /// By school and kind of service, of whoever may know no more.
    totals: Option<Vec<AtRisk>>,
    lines: Option<Arc<Vec<Account>>>,
    page: usize,
    all: bool,
}

async fn at_risk(Axum(state): Axum<State>, actor: Actor, Query(which): Query<Which>) -> Result<Markup, Error> {
    let today = Date(time::now().date_naive());
    let mut tx = state.db.read().await?;
    let terms = directory::terms(&mut tx, TERMS).await?;
    // The term that runs, else the latest.
    let running = terms.iter().find(|term| term.first_on <= today && today <= term.last_on);
    let term = which.term.or_else(|| running.or(terms.first()).map(|term| term.id));
    let wanted = Wanted { term, ..Wanted::default() };
    drop(tx);
    let lines =
        if actor.may(Verb::Read, Thing::ServiceLog) { Some(state.ledgers(&actor, wanted, today).await?) } else { None };
    // Whoever reads every line needs no second count of the same.
    let same = actor.reach(Verb::Read, Thing::ServiceLog) == actor.reach(Verb::Read, Thing::MinutesAtRisk);
    let totals = match &lines {
        Some(lines) if same => Some(AtRisk::of(lines)),
        _ if actor.may(Verb::Read, Thing::MinutesAtRisk) => Some(state.at_risk(&actor, wanted, today).await?),
        _ => None,
    };
    let pages = lines.as_ref().map_or(0, |lines| lines.len()).div_ceil(PAGE).max(1);
    let number = which.page.unwrap_or(1).clamp(1, pages);
    Ok(page(&actor, &View { terms, term, totals, lines, page: number, all: which.all }))
}

fn page(actor: &Actor, view: &View) -> Markup {
    let nothing =
        view.lines.as_ref().is_none_or(|lines| lines.is_empty()) && view.totals.as_ref().is_none_or(Vec::is_empty);
    Page::new("Service minutes", Place::Minutes, actor).show(&html! {
        div.head {
            h1 { @if actor.educator.is_some() { "Minutes owed" } @else { "Service minutes at risk" } }
            @if let Some(educator) = actor.educator { a.button href=(format!("/educators/{educator}/log")) { "Log today’s sessions" } }
        }
        @if view.terms.len() > 1 {
            nav.weeks aria-label="Terms" {
                @for term in &view.terms {
                    a.button.quiet href=(format!("/minutes?term={}", term.id)) aria-current=[(view.term == Some(term.id)).then_some("page")] { (term.name) }
                }
            }
        }
        @if nothing && actor.educator.is_some() {
            (empty("You serve no student in this term", &html! { p { "When sessions of services are published for you, what each student is owed stands here by the student’s key." } }))
        } @else if nothing {
            (empty("No service lines in this term", &html! {
                p { "Write them down as the IEP says them, through the " a href="/api/docs" { "API" } " at " code { "/api/v1/service-lines" } "." }
            }))
        }
        @if let Some(totals) = view.totals.as_ref().filter(|totals| !totals.is_empty()) { (by_school(totals, view)) }
        @if let Some(lines) = view.lines.as_ref().filter(|lines| !lines.is_empty()) { (by_line(lines, view)) }
    })
}

/// The same page with another part of its lists.
fn address(view: &View, page: usize, all: bool) -> String {
    let term = view.term.map_or(String::new(), |term| format!("&term={term}"));
    format!("/minutes?page={page}&all={all}{term}")
}

fn by_school(totals: &[AtRisk], view: &View) -> Markup {
    let most = if view.all { totals.len() } else { WORST };
    let sum = |of: fn(&AtRisk) -> i64| words::count(totals.iter().map(of).sum::<i64>());
    html! {
        section.card aria-labelledby="schools" {
            h2 #schools { "By school" }
            dl.figures {
                (figure(&sum(|row| row.lines), "lines"))
                (figure(&sum(|row| row.falling_short), "fall short"))
                (figure(&sum(|row| row.short_by), "minutes short"))
                (figure(&sum(|row| row.unlogged), "minutes to log"))
            }
            table.stack {
                caption.unseen { "Lines and minutes by school and kind of service, worst first" }
                thead { tr {
                    th scope="col" { "School" } th scope="col" { "Service" } th.number scope="col" { "Lines" } th.number scope="col" { "Fall short" }
                    th.number scope="col" { "Owed" } th.number scope="col" { "Delivered" } th.number scope="col" { "Minutes short" } th.number scope="col" { "To log" }
                } }
                tbody { @for row in totals.iter().take(most) {
                    tr {
                        th scope="row" { (row.school_name) br; span.soft.small { (row.district_name) } }
                        td data-label="Service" { (words::kind(&row.service)) }
                        @for (label, number) in [("Lines", row.lines), ("Fall short", row.falling_short), ("Owed", row.owed), ("Delivered", row.delivered), ("Minutes short", row.short_by), ("To log", row.unlogged)] {
                            td.number data-label=(label) { (words::count(number)) }
                        }
                    }
                } }
            }
            @if totals.len() > most {
                p { "The " (most) " that are worst off. " a href=(address(view, view.page, true)) { "All " (words::count(totals.len())) } }
            }
        }
    }
}

fn by_line(lines: &[Account], view: &View) -> Markup {
    let pages = lines.len().div_ceil(PAGE).max(1);
    let shown = lines.iter().skip((view.page - 1) * PAGE).take(PAGE);
    let to = |page: usize| format!("{}#lines", address(view, page, view.all));
    html! {
        section.card aria-labelledby="lines" {
            h2 #lines { "By line" }
            p.soft { (words::plural(lines.len(), "line")) ", those that will fall short by most first." }
            table.stack {
                caption.unseen { "Service lines, those that will fall short by most first" }
                thead { tr {
                    th scope="col" { "Student" } th scope="col" { "Line" } th.number scope="col" { "Owed" } th.number scope="col" { "Delivered" }
                    th.number scope="col" { "To make up" } th.number scope="col" { "Scheduled" } th.number scope="col" { "Pace" } th.number scope="col" { "Short by" }
                } }
                tbody { @for Account { subject, ledger, .. } in shown {
                    tr {
                        th scope="row" { a href=(format!("/students/{}/minutes", subject.student_id)) { (subject.student_key) } br; span.soft.small { (subject.school_name) } }
                        td { (words::kind(&subject.service)) br; span.soft.small { (subject.written.as_ref().unwrap_or(&ledger.line)) } }
                        @for (label, number) in [("Owed", ledger.total.owed), ("Delivered", ledger.total.delivered), ("To make up", ledger.total.to_make_up), ("Scheduled", ledger.total.scheduled)] {
                            td.number data-label=(label) { (words::count(number)) }
                        }
                        td.number data-label="Pace" { (signed(ledger.pace)) }
                        td.number data-label="Short by" { @if ledger.short_by > 0 { span.badge.bad { (words::count(ledger.short_by)) } } @else { span.badge.good { "0" } } }
                    }
                } }
            }
            @if pages > 1 {
                p.soft.small { "Page " (view.page) " of " (pages) }
                (pager((view.page > 1).then(|| to(1)).as_deref(), (view.page < pages).then(|| to(view.page + 1)).as_deref()))
            }
        }
    }
}

fn signed(minutes: i64) -> String {
    if minutes > 0 { format!("+{}", words::count(minutes)) } else { words::count(minutes) }
}

async fn student(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
) -> Result<Markup, Error> {
    of_student(&state, &actor, id, None).await
}

/// The page of a student, with what was wrong about what was asked of it.
pub(super) async fn of_student(
    state: &State,
    actor: &Actor,
    id: StudentId,
    wrong: Option<&str>,
) -> Result<Markup, Error> {
    let mut tx = state.db.read().await?;
    let wanted = Wanted { student: Some(id), ..Wanted::default() };
    let subjects = minutes::subjects(&mut tx, actor, wanted).await?;
    if subjects.is_empty() {
        return Err(Error::NotFound { kind: "student with service lines", id: id.to_string() });
    }
    let accounts = minutes::accounts(&mut tx, subjects, Date(time::now().date_naive())).await?;
    let mut lines = Vec::new();
    for account in accounts {
        let make_ups = MakeUps::read(&mut tx, actor, &account).await?;
        let to_log = minutes::to_log(&mut tx, &account.subject.service_ids, account.ledger.today).await?;
        lines.push((account, make_ups, to_log));
    }
    Ok(student_page(actor, id, &lines, wrong))
}

fn student_page(actor: &Actor, id: StudentId, lines: &[(Account, MakeUps, Vec<ToLog>)], wrong: Option<&str>) -> Markup {
    let key = lines.first().map_or("", |(account, ..)| &*account.subject.student_key);
    let title = format!("Minutes of {key}");
    Page::new(&title, Place::Minutes, actor).show(&html! {
        h1 { "Service minutes of " (key) }
        @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
        @for (account, make_ups, to_log) in lines { (line(account, &html! { (unsaid(actor, account.subject.district_id, to_log)) (make_ups.show(id)) })) }
        @if lines.is_empty() {
            (empty("No calendar to count by", &html! { p { "The district keeps no calendar in the terms of these lines; add one." } }))
        }
        section.card.noprint aria-labelledby="report" {
            h2 #report { "Fidelity report" }
            p { "With every period, the log, and the policies it was counted by. Who made one, when and why, is recorded in the access report of the student." }
            form method="post" action=(format!("/students/{id}/minutes/export")) {
                div.field { label for="purpose" { "Purpose" } input #purpose name="purpose" required minlength="3" maxlength="200"; }
                div.weeks {
                    button type="submit" name="format" value="pdf" { "PDF" }
                    button.quiet type="submit" name="format" value="xlsx" { "Excel" }
                    button.quiet type="submit" name="format" value="csv" { "CSV" }
                }
            }
        }
    })
}

/// Sessions that are over and of which nothing is said; the way to the log where the actor may write in it.
fn unsaid(actor: &Actor, district: DistrictId, to_log: &[ToLog]) -> Markup {
    let reach = actor.reach(Verb::Write, Thing::ServiceLog);
    html! {
        @if !to_log.is_empty() {
            h3 { "To log" }
            ul.day-list { @for one in to_log.iter().take(TO_LOG) { li {
                (words::meeting(one.tz, one.held_on, one.starts, one.ends)) span.soft { " · " (one.educator_name) " · " (one.minutes) " min" }
                @if one.unheld { " " span.badge.bad { "nobody held it" } }
                @if reach.covers(one.educator_id, district) { " " a href=(format!("/educators/{}/log?on={}", one.educator_id, one.held_on)) { "Log it" } }
            } } }
            @if to_log.len() > TO_LOG { p.soft.small { "and " (words::plural(to_log.len() - TO_LOG, "later session")) } }
        }
    }
}

fn line(account: &Account, parts: &Markup) -> Markup {
    let Account { subject, ledger, log } = account;
    html! {
        section.card aria-label=(words::kind(&subject.service)) {
            div.head {
                div {
                    h2 { (words::kind(&subject.service)) ": " (subject.written.as_ref().unwrap_or(&ledger.line)) }
                    p.soft { (subject.school_name) " · " (subject.term_name) " · " (words::long_date(ledger.first_on)) " – " (words::long_date(ledger.last_on)) }
                }
                @if ledger.short_by > 0 { p { span.badge.bad { "falls short by " (words::count(ledger.short_by)) " min" } } }
                @else { p { span.badge.good { "on course" } } }
            }
            dl.figures {
                (figure(&words::count(ledger.total.owed), "owed"))
                (figure(&words::count(ledger.total.delivered), "delivered"))
                (figure(&words::count(ledger.total.to_make_up), "to make up"))
                (figure(&words::count(ledger.total.scheduled), "scheduled"))
                @if ledger.total.booked > 0 { (figure(&words::count(ledger.total.booked), "of it make-ups")) }
                (figure(&words::count(ledger.total.unscheduled), "not scheduled"))
                @if ledger.total.to_log() > 0 { (figure(&words::count(ledger.total.to_log()), "to log")) }
                (figure(&signed(ledger.pace), "pace"))
            }
            (parts)
            details open { summary { "Periods" } (periods(ledger)) }
            @if !log.is_empty() { details { summary { "Log, " (words::plural(log.len(), "session")) } (entries(log)) } }
            details { summary { "Policies it is counted by" } (policies(ledger)) }
        }
    }
}

fn periods(ledger: &Ledger) -> Markup {
    let row = |sums: &Sums| -> [i64; 7] {
        [sums.owed, sums.delivered, sums.missed(), sums.scheduled, sums.unscheduled, sums.to_make_up, sums.remaining]
    };
    html! {
        div.scroll tabindex="0" role="group" aria-label="Minutes by period" { table {
            caption.unseen { "Minutes by period: owed is delivered, missed, scheduled and not scheduled together" }
            thead { tr { th scope="col" { "Period" } @for name in ["Owed", "Delivered", "Missed", "Scheduled", "Not scheduled", "To make up", "Remaining"] { th.number scope="col" { (name) } } } }
            tbody { @for period in &ledger.periods {
                tr {
                    th scope="row" { (words::day(period.first_on)) " – " (words::day(period.last_on)) @if period.why != "whole" { br; span.soft.small { (period.why) } } }
                    @for number in row(&period.sums) { td.number { (words::count(number)) } }
                }
            } }
            tfoot { tr { th scope="row" { "All" } @for number in row(&ledger.total) { td.number { (words::count(number)) } } } }
        } }
        @let missed: Vec<_> = MissReason::ALL.iter().filter_map(|reason| Some((reason, *ledger.total.missed.get(reason)?))).collect();
        @if !missed.is_empty() {
            p.soft.small { "Missed: " @for (n, (reason, minutes)) in missed.iter().enumerate() { @if n > 0 { ", " } (reason.title().to_lowercase()) " " (words::count(*minutes)) } }
        }
    }
}

fn entries(log: &[LogEntry]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Sessions logged" { table {
            caption.unseen { "What became of each session" }
            thead { tr { th scope="col" { "Day" } th scope="col" { "Times" } th scope="col" { "Outcome" } th.number scope="col" { "Minutes" } } }
            tbody { @for entry in log {
                tr {
                    th scope="row" { (words::day(entry.held_on)) }
                    td { @if let (Some(starts), Some(ends)) = (entry.starts, entry.ends) { (starts) "–" (ends) } }
                    td {
                        (match entry.outcome { Outcome::Delivered => "Delivered", Outcome::Partly => "Partly", Outcome::Missed => "Missed" })
                        @if let Some(reason) = entry.reason { ", " (reason.title().to_lowercase()) }
                        @if entry.makes_up.is_some() { ", makes up another" }
                        @if entry.version > 1 { " " span.badge.soft { "amended" } }
                    }
                    td.number { (entry.delivered_minutes) " of " (entry.planned_minutes) }
                }
            } }
        } }
    }
}

fn policies(ledger: &Ledger) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Policies" { table {
            caption.unseen { "Policy figures, who set them, and where they come from" }
            thead { tr { th scope="col" { "Policy" } th scope="col" { "Value" } th scope="col" { "Set by" } th scope="col" { "Source" } } }
            tbody { @for figure in &ledger.policy {
                tr {
                    th scope="row" { code { (figure.key) } }
                    td { (figure.value) }
                    td { (figure.scope) @if let Some(since) = figure.effective_on { " since " (since) } }
                    td.small { @if figure.standing == Standing::Assumption { span.badge.warn { "assumption" } " " } (figure.citation) }
                }
            } }
        } }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    format: String,
    purpose: String,
}

async fn export(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
    form: Result<Form<Wish>, FormRejection>,
) -> Result<Response, Error> {
    let Form(wish) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let file = state.fidelity(&actor, id, &wish.format, &wish.purpose).await?;
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let headers = [
        (header::CONTENT_TYPE, file.media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".into()),
    ];
    Ok((headers, file.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::Role;
    use crate::domain::id::{EducatorId, RecordId as _, SchoolId, ServiceId, SessionId};

    #[test]
    fn the_way_to_the_log_stands_only_where_the_log_is_theirs_to_write() {
        let (own, district) = (EducatorId::fresh(), DistrictId::fresh());
        let of = |educator_id| ToLog {
            service_id: ServiceId::fresh(),
            session_id: SessionId::fresh(),
            educator_id,
            educator_name: "Ana".into(),
            held_on: Date::ymd(2026, 9, 1),
            starts: "10:00".parse().expect("a clock"),
            ends: "10:50".parse().expect("a clock"),
            tz: time::Tz::UTC,
            minutes: 50,
            unheld: false,
        };
        let links = |actor: &Actor, educator| {
            let text = unsaid(actor, district, &[of(educator)]).into_string();
            assert!(text.contains("Ana"), "the session is named: {text}");
            text.contains(&format!("href=\"/educators/{educator}/log?on=2026-09-01\""))
        };
        let everybody = Actor::program("office");
        let teacher = Actor { role: Role::Educator, educator: Some(own), ..everybody.clone() };
        let special = |districts: &[DistrictId]| Actor {
            role: Role::SpecialEducation,
            districts: districts.iter().copied().collect(),
            ..everybody.clone()
        };
        assert!(links(&everybody, own) && links(&teacher, own) && links(&special(&[district]), own));
        assert!(!links(&teacher, EducatorId::fresh()), "another educator's");
        assert!(!links(&special(&[DistrictId::fresh()]), own), "another district's");
    }

    #[test]
    fn the_worst_schools_are_shown_until_all_are_asked_for() {
        let row = |n: i64| AtRisk {
            district_id: DistrictId::fresh(),
            district_name: "Mesa <b>Unified</b>".into(),
            school_id: SchoolId::fresh(),
            school_name: format!("School {n}"),
            service: "speech-language".into(),
            lines: 1,
            falling_short: 1,
            owed: 600,
            delivered: 0,
            short_by: 600 - n,
            unlogged: 0,
        };
        let totals: Vec<AtRisk> = (0..45).map(row).collect();
        let view = |all: bool| View { terms: Vec::new(), term: None, totals: None, lines: None, page: 1, all };
        let worst = by_school(&totals, &view(false)).into_string();
        assert!(worst.contains("School 39<") && !worst.contains("School 40<"), "{worst}");
        assert!(worst.contains("href=\"/minutes?page=1&amp;all=true\"") && worst.contains("All 45"), "{worst}");
        // What is left out of the rows is still in the sums.
        assert!(worst.contains("<dd>45</dd>"), "{worst}");
        let all = by_school(&totals, &view(true)).into_string();
        assert!(all.contains("School 44<") && !all.contains("All 45"), "{all}");
    }
}
