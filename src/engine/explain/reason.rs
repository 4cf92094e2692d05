//! The sentence that says why: it names the step at which nobody was left and the figures that matter, and
//! never a student.

use std::collections::{BTreeMap, BTreeSet};

use super::Inquiry;
use super::change::{Window, need_name};
use super::offers::Offers;
use super::waterfall::Fall;
use crate::domain::time::Weekday;
use crate::engine::grid::{EducatorIx, Need, ServiceIx};
use crate::engine::pairing::{Asked, Filter};
use crate::engine::problem::Date;
use crate::engine::rule::Rule;

/// `a`, `a or b`, `a, b or c`.
pub fn listed(items: impl IntoIterator<Item = String>, last: &str) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    match items.pop() {
        None => String::new(),
        Some(only) if items.is_empty() => only,
        Some(end) => format!("{} {last} {end}", items.join(", ")),
    }
}

/// `mon, wed 10:00–10:45 and fri 11:00–11:45`.
pub fn days_and_times(windows: &[Window]) -> String {
    let mut by_time: BTreeMap<(i64, i64), BTreeSet<Weekday>> = BTreeMap::new();
    for &(start, end, day) in windows {
        by_time.entry((start, end)).or_default().insert(day);
    }
    let clock = |at: i64| format!("{:02}:{:02}", at / 60, at % 60);
    let row = |((start, end), days): ((i64, i64), BTreeSet<Weekday>)| {
        let days: Vec<&str> = days.into_iter().map(Weekday::name).collect();
        format!("{} {}–{}", days.join(", "), clock(start), clock(end))
    };
    listed(by_time.into_iter().map(row), "and")
}

fn people(n: usize, what: &str) -> String {
    if n == 1 { format!("1 educator is {what}") } else { format!("{n} educators are {what}") }
}

fn dollars(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// What the parts of a need ask for, in words.
struct Wording {
    states: String,
    areas: String,
    grades: String,
    languages: String,
    schools: String,
    first: String,
    last: String,
}

impl Inquiry<'_, '_> {
    pub(super) fn reason(&self, need: Need, fall: &Fall, offers: &Offers) -> String {
        let text = match self.book.roster.educator(need) {
            None => self.why_nobody(need, fall, offers),
            Some(educator) => self.why_partly(need, educator, offers),
        };
        match need {
            Need::Block(block) if self.grid.blocks[block].sections.len() > 1 => {
                format!("{} moves as a whole, to one educator or to none: {text}", need_name(self.grid, need))
            }
            _ => text,
        }
    }

    fn why_nobody(&self, need: Need, fall: &Fall, offers: &Offers) -> String {
        let Some((filter, before)) = fall.emptied_at(self.grid.educators.len()) else {
            let allowed = self.pairing.of(need).len();
            let held = || {
                format!(
                    "{} qualified and available, but as things stand {}",
                    people(allowed, "").trim_end(),
                    clashes(offers)
                )
            };
            return self.price(need, offers).unwrap_or_else(held);
        };
        let w = self.wording(&self.rules.asked(need));
        let licensed = || people(before, &format!("licensed for {} in {}", w.areas, w.states));
        let qualified = || people(before, &format!("qualified for {} in {}", w.areas, w.states));
        match filter {
            Filter::State => format!("none of the {before} educators is licensed in {}", w.states),
            Filter::Area => {
                format!("{}, but none for {}", people(before, &format!("licensed in {}", w.states)), w.areas)
            }
            Filter::Grade => format!("{}, but none for {}", licensed(), w.grades),
            Filter::Validity => {
                format!("{} and {}, but none from {} through {}", licensed(), w.grades, w.first, w.last)
            }
            Filter::Clearance => format!("{}, but none is cleared there", licensed()),
            Filter::Language => format!("{} and cleared there, but none has {}", licensed(), w.languages),
            Filter::Veto => format!("{}, but every one is vetoed at {}", qualified(), w.schools),
            Filter::Availability => format!("{}, but none is available {}", qualified(), self.when(need)),
            Filter::Load => format!(
                "{} and available, but none could carry it even with nothing else to do: {}",
                qualified(),
                self.burden(need)
            ),
        }
    }

    fn wording(&self, asked: &[Asked<'_>]) -> Wording {
        let all = |texts: Vec<String>, last: &str| listed(texts.into_iter().collect::<BTreeSet<_>>(), last);
        let grades: BTreeSet<_> = asked.iter().flat_map(|a| a.grades).collect();
        let plural = if grades.len() == 1 { "grade" } else { "grades" };
        let school = |a: &Asked<'_>| self.grid.problem.schools[a.school].id.clone();
        let date = |date: Option<Date>| date.map(|d| d.to_string()).unwrap_or_default();
        Wording {
            states: all(asked.iter().map(|a| a.state.to_owned()).collect(), "and"),
            areas: all(asked.iter().map(|a| listed(a.areas.iter().cloned(), "or")).collect(), "and"),
            grades: format!("{plural} {}", listed(grades.into_iter().map(ToString::to_string), "and")),
            languages: all(asked.iter().flat_map(|a| a.languages.iter().cloned()).collect(), "and"),
            schools: all(asked.iter().map(school).collect(), "and"),
            first: date(asked.iter().map(|a| a.first).min()),
            last: date(asked.iter().map(|a| a.last).max()),
        }
    }

    fn when(&self, need: Need) -> String {
        let Need::Service(service) = need else { return "at all of its meetings".into() };
        let windows = &self.grid.problem.services[service].windows;
        let row = |w: &crate::engine::problem::ServiceWindow| format!("{} {}–{}", w.days.join(", "), w.start, w.end);
        format!("for a session inside its windows ({} at the school)", listed(windows.iter().map(row), "and"))
    }

    fn burden(&self, need: Need) -> String {
        match need {
            Need::Block(block) => {
                let row = &self.grid.blocks[block];
                let minutes = self.grid.hold(row.hold).minutes;
                let (sections, courses) = (row.sections.len(), row.courses.len());
                format!(
                    "{minutes} minutes of meetings, {sections} section(s), {courses} prep(s) against their limits and buffers"
                )
            }
            Need::Service(service) => {
                let row = &self.grid.problem.services[service];
                format!("a session of {} minutes against their limits on minutes and students", row.minutes)
            }
        }
    }

    /// Somebody is free: what serving would cost, and what it would save.
    fn price(&self, need: Need, offers: &Offers) -> Option<String> {
        let best = offers.free.iter().min_by_key(|offer| (offer.delta, offer.educator))?;
        let saved = match need {
            Need::Block(block) => {
                let row = &self.grid.blocks[block];
                let today =
                    self.book.roster.blocks[block].map_or(row.owed_cents, |e| self.grid.block_away_cents(block, e));
                today - self.grid.block_away_cents(block, best.educator)
            }
            Need::Service(service) => self.grid.services[service].weight * best.minutes,
        };
        let (free, id, minutes) = (people(offers.free.len(), "free for it"), self.id(best.educator), best.minutes);
        let (saved, spent) = (dollars(saved), dollars(best.delta + saved));
        Some(if best.delta >= 0 {
            format!(
                "{free}, but it costs more than it saves: the cheapest, {id}, would add {spent} to save {saved} ({minutes} minutes)"
            )
        } else {
            format!(
                "{free}: {id} would save {saved} ({minutes} minutes) for {spent}; the search ended before that was found, run it longer"
            )
        })
    }

    fn why_partly(&self, need: Need, educator: EducatorIx, offers: &Offers) -> String {
        let mut parts = Vec::new();
        if let Need::Service(service) = need {
            parts.extend(self.missing_sessions(service));
        }
        let (id, away) = (self.id(educator), self.away_minutes(need, educator));
        if away > 0 {
            parts.push(format!("{away} minutes fall on the time off of {id} ({})", self.time_off(need, educator)));
        }
        if parts.is_empty() {
            parts.push("its sessions fall on days on which the school is closed more often than it owes less".into());
        }
        let more = self.price(need, offers).unwrap_or_else(|| match clashes(offers) {
            text if text.is_empty() => "no educator whom the rules allow could serve more of it".into(),
            text => format!("nobody could serve more of it as things stand: {text}"),
        });
        format!("served by {id}, but {}; {more}", listed(parts, "and"))
    }

    fn missing_sessions(&self, service: ServiceIx) -> Option<String> {
        let wanted = self.grid.services[service].wanted;
        let placed = self.book.roster.services[service].as_ref().map_or(0, |placed| placed.1.len());
        (placed < wanted).then(|| format!("{} of {wanted} sessions found no slot", wanted - placed))
    }

    /// Minutes that the placed meetings or sessions lose to time off.
    fn away_minutes(&self, need: Need, educator: EducatorIx) -> i64 {
        match need {
            Need::Block(block) => self.grid.blocks[block].owed_minutes - self.block_minutes(block, educator),
            Need::Service(service) => {
                let slots = self.book.roster.services[service].iter().flat_map(|placed| &placed.1);
                slots.map(|&slot| self.grid.away_minutes(service, slot, educator)).sum()
            }
        }
    }

    /// The spans of time off that touch the need, at most four of them.
    fn time_off(&self, need: Need, educator: EducatorIx) -> String {
        let asked = self.rules.asked(need);
        let touches = |first: Date, last: Date| asked.iter().any(|a| a.first <= last && first <= a.last);
        let spans: Vec<String> = self
            .grid
            .educator(educator)
            .time_off
            .iter()
            .filter(|span| touches(span.first, span.last))
            .map(|s| if s.first == s.last { s.first.to_string() } else { format!("{} to {}", s.first, s.last) })
            .collect();
        let rest = spans.len().saturating_sub(4);
        let more = (rest > 0).then(|| format!("{rest} more"));
        listed(spans.into_iter().take(4).chain(more), "and")
    }
}

/// `5 are busy at its times and 1 is at the weekly limit`.
fn clashes(offers: &Offers) -> String {
    let row = |(&rule, &n): (&Rule, &usize)| {
        let (is, has) = if n == 1 { ("is", "has") } else { ("are", "have") };
        match rule {
            Rule::Preps => format!("{n} {is} at the limit of preps or sections"),
            Rule::Week => format!("{n} {is} at the weekly limit"),
            Rule::Day => format!("{n} {is} at the daily limit"),
            Rule::Caseload => format!("{n} {is} at the caseload limit"),
            Rule::Group => format!("{n} {has} only group sessions that it cannot join"),
            Rule::Student => format!("{n} {is} free only when the student is not"),
            _ => format!("{n} {is} busy at its times"),
        }
    };
    listed(offers.held_back.iter().map(row), "and")
}
