//! What the first page tells somebody of their day: an educator their next session and today's, a district what takes
//! place in its schools this week and what does not.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::layout::figure;
use super::words;
use crate::api::error::Error;
use crate::domain::actor::Actor;
use crate::domain::id::{DistrictId, EducatorId};
use crate::domain::records::Educator;
use crate::domain::session::{Purpose, SessionStatus};
use crate::domain::time::{self, Date, Tz};
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::{self, Tx};

/// How far the next session is looked for.
const AHEAD: TimeDelta = TimeDelta::days(60);
/// Sessions read for an educator's day, and for a district's week.
const OF_A_DAY: i64 = 40;
const OF_A_WEEK: i64 = 5000;
/// How far the next week with sessions is looked for: over the longest holidays.
const MONTHS: TimeDelta = TimeDelta::days(120);
/// Sessions without an educator that are listed.
const LISTED: usize = 8;

/// An educator's sessions from today on, on their clock.
pub struct Day {
    educator: EducatorId,
    tz: Tz,
    ahead: Vec<Listed>,
}

impl Day {
    pub async fn read(tx: &mut Tx, actor: &Actor, educator: EducatorId, now: DateTime<Utc>) -> Result<Self, Error> {
        let tz = store::get_for::<Educator>(tx, actor, educator).await?.body.tz;
        let midnight = time::instant(time::to_utc(tz, Date(now.with_timezone(&tz).date_naive()), 0));
        let wanted =
            Wanted { from: midnight, to: now + AHEAD, educator_id: Some(educator), school_id: None, district_id: None };
        let ahead = sessions::list(tx, &Visible::to(actor), wanted, None, OF_A_DAY).await?;
        Ok(Self { educator, tz, ahead })
    }

    fn date(&self, at: DateTime<Utc>) -> Date {
        Date(at.with_timezone(&self.tz).date_naive())
    }

    pub fn show(&self, now: DateTime<Utc>) -> Markup {
        let today = self.date(now);
        let planned = |one: &&Listed| one.session.meeting.status == SessionStatus::Planned;
        let next = self.ahead.iter().filter(planned).find(|one| one.session.meeting.ends_at > now);
        let todays: Vec<&Listed> =
            self.ahead.iter().filter(|one| self.date(one.session.meeting.starts_at) == today).collect();
        html! {
            div.pair {
                // Fetched anew each minute: the countdown is the server’s.
                section.card #next-session aria-labelledby="next" hx-get="/" hx-select="#next-session" hx-swap="outerHTML" hx-trigger="every 60s" {
                    h2 #next { "Next session" }
                    @match next {
                        Some(next) => { (self.next(next, now)) }
                        None => { p { "Nothing is planned for you in the coming weeks. What is published appears here by itself." } }
                    }
                    div.weeks {
                        a.button.quiet href=(format!("/educators/{}/week", self.educator)) { "My week" }
                        a.button.quiet href=(format!("/educators/{}/availability", self.educator)) { "My availability" }
                        a.button.quiet href=(format!("/educators/{}/week#subscribe", self.educator)) { "Calendar address" }
                        a.button.quiet href=(format!("/educators/{}/profile", self.educator)) { "Licenses and link" }
                    }
                }
                section.card aria-labelledby="today" {
                    h2 #today { "Today, " (words::day(today)) }
                    @if todays.is_empty() { p.soft { "No sessions today." } }
                    ul.day-list { @for one in todays { li { (self.line(one)) } } }
                }
            }
        }
    }

    fn next(&self, next: &Listed, now: DateTime<Utc>) -> Markup {
        let meeting = &next.session.meeting;
        html! {
            p.verdict {
                strong { (words::session(next)) } ", "
                @if meeting.starts_at <= now { "now, until " (words::time(meeting.ends_at, self.tz)) }
                @else { (until(meeting.starts_at - now)) }
            }
            p { (words::day(self.date(meeting.starts_at))) " · " (self.clocks(next)) br; span.soft { (next.school_name) } }
            p {
                @match &next.join_url {
                    Some(room) => { a.button href=(room) rel="noreferrer" { "Join" } }
                    None => { a href=(format!("/educators/{}/profile#join", self.educator)) { "Say where your sessions are joined" } }
                }
            }
        }
    }

    fn line(&self, one: &Listed) -> Markup {
        html! {
            strong { (words::session(one)) }
            @if one.session.meeting.status == SessionStatus::Uncovered { " " span.badge.bad { "you are away" } }
            @if one.session.meeting.status == SessionStatus::Held { " " span.badge.soft { "kept free" } }
            div.small { (self.clocks(one)) " · " span.soft { (one.school_name) } }
        }
    }

    /// On this educator's clock, and on the school's where that reads differently.
    fn clocks(&self, one: &Listed) -> Markup {
        let meeting = &one.session.meeting;
        let own = words::times(meeting.starts_at, meeting.ends_at, self.tz);
        let school = words::times(meeting.starts_at, meeting.ends_at, meeting.tz);
        html! { (own) @if school != own { span.soft { " · there " (school) } } }
    }
}

/// `in 2 h 5 min`, `in 3 days`.
fn until(wait: TimeDelta) -> String {
    match (wait.num_days(), wait.num_hours(), wait.num_minutes()) {
        (_, 0, 0) => "in less than a minute".into(),
        (_, 0, minutes) => format!("in {minutes} min"),
        (0, hours, minutes) => format!("in {hours} h {} min", minutes % 60),
        (days, ..) => format!("in {}", words::plural(usize::try_from(days).unwrap_or(0), "day")),
    }
}

/// This week in the schools of somebody's districts, or the next one with sessions where this has none.
pub struct Week {
    monday: Date,
    /// It is not the present week, in which there is nothing.
    later: bool,
    sessions: usize,
    services: usize,
    educators: usize,
    uncovered: Vec<Listed>,
}

impl Week {
    /// Weeks begin on Monday; that of a district on any clock of ours begins within a day of another's.
    pub async fn read(tx: &mut Tx, actor: &Actor, now: DateTime<Utc>) -> Result<Self, Error> {
        let this = Date(now.with_timezone(&Self::TZ).date_naive()).monday();
        let week = Self::of(tx, actor, this).await?;
        if week.sessions > 0 || !week.uncovered.is_empty() {
            return Ok(week);
        }
        let wanted =
            Wanted { from: now, to: now + MONTHS, educator_id: None, school_id: None, district_id: one(actor) };
        let next = sessions::list(tx, &Visible::to(actor), wanted, None, 1).await?;
        match next.first() {
            Some(next) => Ok(Self { later: true, ..Self::of(tx, actor, next.session.meeting.held_on.monday()).await? }),
            None => Ok(week),
        }
    }

    const TZ: Tz = Tz::America__Chicago;

    async fn of(tx: &mut Tx, actor: &Actor, monday: Date) -> Result<Self, Error> {
        let tz = Self::TZ;
        let at = |date: Date| time::instant(time::to_utc(tz, date, 0));
        let wanted = Wanted {
            from: at(monday),
            to: at(monday.plus_days(7)),
            educator_id: None,
            school_id: None,
            district_id: one(actor),
        };
        let all = sessions::list(tx, &Visible::to(actor), wanted, None, OF_A_WEEK).await?;
        let is = |one: &Listed, status: SessionStatus| one.session.meeting.status == status;
        let planned: Vec<&Listed> = all.iter().filter(|one| is(one, SessionStatus::Planned)).collect();
        let mut educators: Vec<_> = planned.iter().map(|one| one.session.meeting.educator_id).collect();
        educators.sort_unstable();
        educators.dedup();
        Ok(Self {
            monday,
            later: false,
            sessions: planned.len(),
            services: planned.iter().filter(|one| matches!(one.session.meeting.purpose, Purpose::Service(_))).count(),
            educators: educators.len(),
            uncovered: all.iter().filter(|one| is(one, SessionStatus::Uncovered)).cloned().collect(),
        })
    }

    pub fn show(&self) -> Markup {
        html! {
            section.card aria-labelledby="week" {
                h2 #week { @if self.later { "The next school week in your schools" } @else { "This week in your schools" } }
                p.soft { (words::week(self.monday)) @if self.later { " · no session falls into the present week" } }
                dl.figures {
                    (figure(&words::count(self.sessions), "sessions planned"))
                    @if self.services > 0 { (figure(&words::count(self.services), "of them services")) }
                    (figure(&words::count(self.educators), "educators teach"))
                    (figure(&words::count(self.uncovered.len()), "without an educator"))
                }
                @if self.sessions == 0 && self.uncovered.is_empty() {
                    p { "No session is published for this week or a later one. As soon as the staffing office publishes a schedule, its weeks are here; until then " a href="/vacancies" { "Vacancies" } " says where each class stands." }
                }
                @if !self.uncovered.is_empty() {
                    h3 { "Nobody is there" }
                    ul.day-list { @for one in self.uncovered.iter().take(LISTED) {
                        @let meeting = &one.session.meeting;
                        li {
                            strong { (words::session(one)) } " at " a href=(format!("/schools/{}/week?on={}", meeting.school_id, meeting.held_on)) { (one.school_name) }
                            div.small { (words::day(meeting.held_on)) " · " (words::times(meeting.starts_at, meeting.ends_at, meeting.tz)) " · " (one.educator_name) " is away" }
                        }
                    } }
                    @if self.uncovered.len() > LISTED { p.soft { "and " (words::count(self.uncovered.len() - LISTED)) " more" } }
                }
            }
        }
    }
}

/// The one district of somebody who has one, as most have: of one the database finds the sessions at once.
fn one(actor: &Actor) -> Option<DistrictId> {
    actor.districts.first().copied().filter(|_| actor.districts.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_the_next_session_is_said_in_the_largest_units_that_matter() {
        let said: Vec<String> =
            [30, 60 * 59, 3600 * 2 + 300, 86_400, 86_400 * 4 + 5].map(|s| until(TimeDelta::seconds(s))).into();
        assert_eq!(said, ["in less than a minute", "in 59 min", "in 2 h 5 min", "in 1 day", "in 4 days"]);
    }
}
