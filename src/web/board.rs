//! The board: a week of published sessions, educator by educator, with what no longer fits marked where it stands. A block
//! that is dragged, or carried with the keyboard, to another educator opens its need with that educator chosen: nothing
//! changes until somebody decides there. In time it snaps back to the school's bell, which no educator can move.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State as Axum;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::cautions::overridden;
use super::fit::{self, Facts, Fit, Misfit};
use super::layout::{Page, Place, empty, escaped, pager};
use super::words;
use crate::api::error::Error;
use crate::api::{State, access::Planner, extract::Query};
use crate::domain::actor::{Actor, Reach};
use crate::domain::id::{DistrictId, EducatorId, RunId, ScheduleId};
use crate::domain::record::Stored;
use crate::domain::records::District;
use crate::domain::session::{Purpose, SessionStatus};
use crate::domain::time::{self, Date};
use crate::store::directory::{self, EducatorEntry};
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::{self, Tx, schedules};

/// Educators on one page.
const PAGE: usize = 15;
/// Sessions of one educator in a week, at most.
const OF_ONE: i64 = 200;
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2200;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/board", get(board))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A date in the week; none is the next one with sessions.
    on: Option<Date>,
    /// Part of an educator's name.
    #[serde(default)]
    q: String,
    /// Only educators with published sessions in this district.
    #[serde(default, deserialize_with = "chosen")]
    district: Option<DistrictId>,
    /// The last educator of the page before.
    after: Option<EducatorId>,
}

impl Asked {
    /// The address of the same board with some of this changed.
    fn address(&self, monday: Date, after: Option<EducatorId>) -> String {
        let after = after.map_or(String::new(), |after| format!("&after={after}"));
        let district = self.district.map_or(String::new(), |id| format!("&district={id}"));
        format!("/board?on={monday}&q={}{district}{after}", escaped(self.q.trim()))
    }

    fn reach(&self) -> Reach {
        self.district.map_or(Reach::All, |id| Reach::Districts([id].into()))
    }
}

/// Of a list whose first choice is none in particular.
fn chosen<'d, D: serde::Deserializer<'d>>(field: D) -> Result<Option<DistrictId>, D::Error> {
    let text = String::deserialize(field)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
}

/// One session as it stands on the board.
struct Block {
    need: Option<String>,
    title: String,
    place: String,
    /// On the educator's clock, and on the school's where that reads differently.
    clock: String,
    bell: String,
    status: SessionStatus,
    misfits: Vec<Misfit>,
    /// Cautions that whoever locked it overrode, and why.
    overridden: Option<(Vec<String>, String)>,
}

struct Row {
    educator: EducatorEntry,
    days: BTreeMap<Date, Vec<Block>>,
    misfits: usize,
}

async fn board(Axum(state): Axum<State>, Planner(actor): Planner, Query(asked): Query<Asked>) -> Result<Markup, Error> {
    use chrono::Datelike as _;
    if asked.on.is_some_and(|on| !YEARS.contains(&on.year())) {
        return Err(Error::parameter("on", format!("give a date from {} to {}", YEARS.start(), YEARS.end())));
    }
    let mut tx = state.db.read().await?;
    let today = Date(time::now().date_naive());
    let monday = match asked.on {
        Some(on) => on.monday(),
        None => nearest(&mut tx, today).await?,
    };
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1;
    let found = directory::educators(&mut tx, &asked.reach(), asked.q.trim(), asked.after, limit).await?;
    let next = found.get(PAGE - 1).filter(|_| found.len() > PAGE).map(|last| last.id);
    let (mut runs, mut facts) = (BTreeMap::new(), Facts::default());
    let mut rows = Vec::new();
    for educator in found.into_iter().take(PAGE) {
        rows.push(row(&mut tx, educator, monday, &mut runs, &mut facts).await?);
    }
    let mut districts = store::every::<District>(&mut tx).await?;
    districts.sort_by_cached_key(|district| district.body.name.to_lowercase());
    Ok(page(&actor, &View { asked, monday, today, districts, rows, next }))
}

/// The Monday of the next week with sessions, else of this one.
async fn nearest(tx: &mut Tx, today: Date) -> Result<Date, Error> {
    let from = time::instant(time::to_utc(time::Tz::America__Chicago, today.monday(), 0));
    let to = from + chrono::TimeDelta::days(1000);
    let wanted = Wanted { from, to, educator_id: None, school_id: None, district_id: None };
    let first = sessions::list(tx, &Visible::ALL, wanted, None, 1).await?;
    Ok(first.first().map_or(today, |one| one.session.meeting.held_on).monday())
}

async fn row(
    tx: &mut Tx,
    educator: EducatorEntry,
    monday: Date,
    runs: &mut BTreeMap<ScheduleId, RunId>,
    facts: &mut Facts,
) -> Result<Row, Error> {
    let midnight = |date: Date| time::instant(time::to_utc(educator.tz, date, 0));
    let wanted = Wanted {
        from: midnight(monday),
        to: midnight(monday.plus_days(7)),
        educator_id: Some(educator.id),
        school_id: None,
        district_id: None,
    };
    let listed = sessions::list(tx, &Visible::ALL, wanted, None, OF_ONE).await?;
    let fit = if listed.is_empty() { None } else { Some(Fit::read(tx, educator.id).await?) };
    let mut days: BTreeMap<Date, Vec<Block>> = BTreeMap::new();
    let mut misfits = 0;
    for one in listed {
        let schedule = one.session.schedule_id;
        if let std::collections::btree_map::Entry::Vacant(place) = runs.entry(schedule) {
            place.insert(schedules::get(tx, schedule).await?.run_id);
        }
        let found = match &fit {
            Some(fit) => fit.of(tx, facts, &one.session.meeting).await?,
            None => Vec::new(),
        };
        misfits += usize::from(!found.is_empty());
        let date = Date(one.session.meeting.starts_at.with_timezone(&educator.tz).date_naive());
        let overriding = fit::need(&one.session.meeting).and_then(|need| facts.overriding(need));
        let overriding = overriding.filter(|lock| lock.educator_id == educator.id);
        let overridden = overriding.map(|lock| (lock.overrides.clone(), lock.reason.clone().unwrap_or_default()));
        let block = Block { misfits: found, overridden, ..block(&one, &educator, runs[&schedule]) };
        days.entry(date).or_default().push(block);
    }
    Ok(Row { educator, days, misfits })
}

fn block(one: &Listed, educator: &EducatorEntry, run: RunId) -> Block {
    let meeting = &one.session.meeting;
    let title = match &meeting.purpose {
        Purpose::Service(service) if meeting.students.len() > 1 => {
            format!("{}, group of {}", words::kind(service), meeting.students.len())
        }
        _ => words::session(one),
    };
    Block {
        // A make-up stays with whoever it was booked with, or is cancelled.
        need: fit::need(meeting)
            .filter(|_| one.session.makes_up.is_none())
            .map(|need| format!("/runs/{run}/needs/{need}")),
        title,
        place: one.school_name.clone(),
        clock: words::times(meeting.starts_at, meeting.ends_at, educator.tz),
        bell: words::times(meeting.starts_at, meeting.ends_at, meeting.tz),
        status: meeting.status,
        misfits: Vec::new(),
        overridden: None,
    }
}

/// Everything that the page shows.
struct View {
    asked: Asked,
    monday: Date,
    today: Date,
    districts: Vec<Stored<District>>,
    rows: Vec<Row>,
    next: Option<EducatorId>,
}

fn page(actor: &Actor, view: &View) -> Markup {
    let View { asked, monday, today, districts, rows, next } = view;
    let (monday, today, next) = (*monday, *today, *next);
    let busy = |date: Date| rows.iter().any(|row| row.days.contains_key(&date));
    let days: Vec<Date> = (0..7)
        .map(|n| monday.plus_days(n))
        .enumerate()
        .filter(|(n, date)| *n < 5 || busy(*date))
        .map(|(_, date)| date)
        .collect();
    let misfits: usize = rows.iter().map(|row| row.misfits).sum();
    let page = Page { scripts: &["board.js"], ..Page::new("Board", Place::Board, actor) };
    page.show(&html! {
        div.head {
            div {
                h1 { "Board" }
                p.soft { (words::week(monday)) " · as published, each row on its educator’s clock" }
            }
            nav.weeks aria-label="Weeks" {
                a.button.quiet href=(asked.address(monday.plus_days(-7), asked.after)) rel="prev" aria-label="Previous week" { "← Previous" }
                a.button.quiet href=(asked.address(today, asked.after)) { "Today" }
                a.button.quiet href=(asked.address(monday.plus_days(7), asked.after)) rel="next" aria-label="Next week" { "Next →" }
            }
        }
        form.search role="search" action="/board" {
            input type="hidden" name="on" value=(monday);
            div { label for="q" { "Educators whose name contains" } input #q type="search" name="q" value=(asked.q) autocomplete="off"; }
            div {
                label for="district" { "With sessions in" }
                select #district name="district" {
                    option value="" { "any district" }
                    @for district in districts { option value=(district.id) selected[asked.district == Some(district.id)] { (district.body.name) } }
                }
            }
            button type="submit" { "Show" }
        }
        @if misfits > 0 {
            div.note.warn { p { strong { (words::plural(misfits, "session")) " no longer fit" @if misfits == 1 { "s" } } " what the records say; each is marked below, and stays marked until it fits." } }
        }
        @if rows.is_empty() {
            (empty("No educator is like that", &html! { p { "Try a shorter part of the name or another district, or " a href=(format!("/board?on={monday}")) { "show all" } "." } }))
        } @else {
            p.soft.small #board-help {
                "Drag a session to another educator, or press " kbd { "M" } " on one, choose with " kbd { "↑" } " " kbd { "↓" } " and press " kbd { "Enter" }
                ": you see what it would cost, and decide there. Its time stays with the school’s bell."
            }
            p.unseen role="status" data-said {}
            div.card.scroll tabindex="0" role="group" aria-label="Board" {
                table.board {
                    caption.unseen { "Sessions by educator and day" }
                    thead { tr { th scope="col" { "Educator" } @for date in &days { th scope="col" { time datetime=(date) { (words::day(*date)) } } } } }
                    tbody { @for row in rows { (line(row, &days, today)) } }
                }
            }
            (pager(asked.after.map(|_| asked.address(monday, None)).as_deref(), next.map(|next| asked.address(monday, Some(next))).as_deref()))
        }
    })
}

fn line(row: &Row, days: &[Date], today: Date) -> Markup {
    let none = Vec::new();
    html! {
        tr data-educator=(row.educator.id) data-name=(row.educator.name) {
            th scope="row" {
                a href=(format!("/educators/{}/week", row.educator.id)) { (row.educator.name) }
                @if !row.educator.active { div.small { span.badge.soft { "not active" } } }
                @if row.misfits > 0 { div.small { span.badge.bad { (row.misfits) " to look at" } } }
            }
            @for date in days {
                td.today[*date == today] { @for block in row.days.get(date).unwrap_or(&none) { (cell(block)) } }
            }
        }
    }
}

fn cell(block: &Block) -> Markup {
    let kind = match block.status {
        _ if !block.misfits.is_empty() => "misfit",
        SessionStatus::Uncovered => "uncovered",
        SessionStatus::Held => "held",
        SessionStatus::Planned => "planned",
    };
    let inside = html! {
        strong { (block.title) }
        span.clocks { (block.clock) @if block.bell != block.clock { span.soft { " · there " (block.bell) } } }
        span.with { (block.place) }
        @if block.status == SessionStatus::Uncovered { span.badge.bad { "educator away" } }
        @for misfit in &block.misfits { span.badge.bad title=(misfit.what_to_do) { (misfit.said) } }
        @if let Some((codes, reason)) = &block.overridden { (overridden(codes)) span.with { "“" (reason) "”" } }
    };
    html! {
        @match &block.need {
            Some(need) => { a.slot.(kind) href=(need) draggable="true" data-need data-bell=(block.bell) aria-describedby="board-help" { (inside) } }
            None => { div.slot.(kind) { (inside) } }
        }
    }
}
