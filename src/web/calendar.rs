//! A week as a time grid: which hours it shows, and where each session stands when several meet at once.
//! Knows nothing of where sessions come from; clocks are already read.

use maud::{Markup, html};

use super::assets::{LANES, ROW_MINUTES};
use super::words;
use crate::domain::session::SessionStatus;
use crate::domain::time::{DAY_MINUTES, Date};

/// Hours that are always shown.
const USUAL: (u16, u16) = (8, 16);
/// What is shorter gets a single line.
const SHORT_MINUTES: u16 = 20;

/// A session on the clock of the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub date: Date,
    /// Minutes after midnight, and how long it lasts.
    pub from: u16,
    pub minutes: u16,
    pub title: String,
    /// On the reader's clock: `1:00–1:30 PM EST`.
    pub own: String,
    /// On the other's clock, where that reads differently.
    pub other: Option<String>,
    /// Where or with whom.
    pub with: String,
    /// Students of a service session; none for a section.
    pub students: Option<usize>,
    /// Where it is joined.
    pub join: Option<String>,
    pub status: SessionStatus,
}

/// An entry with its first and last line among the lanes of its day.
#[derive(Debug, PartialEq, Eq)]
struct Placed<'e> {
    entry: &'e Entry,
    first: usize,
    end: usize,
}

/// The week that begins on `monday`. Saturday and Sunday appear only with sessions.
pub fn week(monday: Date, today: Date, entries: &[Entry]) -> Markup {
    let (first_hour, last_hour) = hours(entries);
    let height = format!("h{}", last_hour - first_hour);
    let days = (0..7).map(|n| monday.plus_days(n)).map(|date| (date, place(entries, date)));
    let days: Vec<_> = days.enumerate().filter(|(n, (_, placed))| *n < 5 || !placed.is_empty()).collect();
    html! {
        @if !entries.is_empty() {
            ul.chips.days aria-label="Days" {
                @for (_, (date, placed)) in &days { li { a href=(format!("#{}", anchor(*date))) { (short(*date)) @if !placed.is_empty() { " " span.soft { (placed.len()) } } } } }
            }
        }
        div.week role="group" aria-label=(format!("Week of {}", words::week(monday))) tabindex="0" {
            ol.axis.(height) aria-hidden="true" {
                @for hour in first_hour..last_hour {
                    li.(format!("r{} s{}", (hour - first_hour) * 60 / ROW_MINUTES, 60 / ROW_MINUTES)) { (words::hour(hour)) }
                }
            }
            @for (_, (date, placed)) in &days {
                section.day.today[*date == today] id=(anchor(*date)) {
                    h3 { time datetime=(date) { (words::day(*date)) } @if *date == today { span.unseen { " (today)" } } }
                    @if placed.is_empty() { p.none { "No sessions" } }
                    ol.(height) { @for one in placed { (block(one, first_hour)) } }
                }
            }
        }
    }
}

/// Where a day stands on its page: a week is wider than most screens where a school has many sessions at once, and longer.
fn anchor(date: Date) -> String {
    format!("day-{date}")
}

/// Of `Mon, Nov 30`: `Mon 30`.
fn short(date: Date) -> String {
    let day = words::day(date);
    let (weekday, rest) = day.split_once(',').unwrap_or((&day, ""));
    format!("{weekday} {}", rest.rsplit(' ').next().unwrap_or_default())
}

fn block(placed: &Placed<'_>, first_hour: u16) -> Markup {
    let entry = placed.entry;
    let row = (entry.from - first_hour * 60) / ROW_MINUTES;
    let rows = (entry.from % ROW_MINUTES + entry.minutes).div_ceil(ROW_MINUTES).max(1);
    let kind = match (entry.status, entry.students) {
        (SessionStatus::Uncovered, _) => "uncovered",
        (SessionStatus::Held, _) => "held",
        (SessionStatus::Planned, Some(_)) => "service",
        (SessionStatus::Planned, None) => "section",
    };
    let short = if entry.minutes <= SHORT_MINUTES { " short" } else { "" };
    let class = format!("{kind} r{row} s{rows} l{} e{}{short}", placed.first, placed.end);
    html! {
        li.block.(class) title=(format!("{} · {} · {}", entry.title, clocks(entry), entry.with)) {
            strong { (entry.title) @if let Some(note) = note(entry) { " · " (note) } }
            " "
            span.clocks { span.own { (entry.own) } @if let Some(other) = &entry.other { " " span.other { "(" (other) ")" } } }
            " "
            span.with { @if let Some(group) = group(entry) { (group) " · " } (entry.with) @if let Some(room) = &entry.join { " · " a href=(room) rel="noreferrer" { "Join" } } }
        }
    }
}

fn clocks(entry: &Entry) -> String {
    entry.other.as_ref().map_or(entry.own.clone(), |other| format!("{} · {other}", entry.own))
}

/// How many, never who.
fn group(entry: &Entry) -> Option<String> {
    entry.students.map(|students| match students {
        1 => "1 student".into(),
        n => format!("group of {n}"),
    })
}

fn note(entry: &Entry) -> Option<&'static str> {
    match entry.status {
        SessionStatus::Planned => None,
        SessionStatus::Uncovered => Some("educator away"),
        SessionStatus::Held => Some("kept free"),
    }
}

/// What the kinds of blocks mean, for those that occur.
pub fn legend(entries: &[Entry]) -> Markup {
    let has = |wanted: SessionStatus| entries.iter().any(|entry| entry.status == wanted);
    let planned =
        |service: bool| entries.iter().any(|e| e.status == SessionStatus::Planned && e.students.is_some() == service);
    let kinds = [
        (planned(false), "section", "Section"),
        (planned(true), "service", "Service"),
        (has(SessionStatus::Uncovered), "uncovered", "Educator away, nobody is served"),
        (has(SessionStatus::Held), "held", "Kept free, no minutes are owed"),
    ];
    html! {
        ul.legend {
            @for (_, kind, text) in kinds.iter().filter(|(occurs, ..)| *occurs) {
                li { span.block.(kind) aria-hidden="true" {} (text) }
            }
        }
    }
}

/// First and last hour shown: the usual ones, and whatever lies beyond them.
fn hours(entries: &[Entry]) -> (u16, u16) {
    let first = entries.iter().map(|entry| entry.from / 60).min().unwrap_or(USUAL.0);
    let last = entries.iter().map(|entry| (entry.from + entry.minutes).div_ceil(60)).max().unwrap_or(USUAL.1);
    (first.min(USUAL.0), last.clamp(USUAL.1, 2 * DAY_MINUTES / 60))
}

/// The sessions of a day in the order of their starts, each in the first free lane, widened over the lanes to its
/// right that nobody uses meanwhile.
fn place(entries: &[Entry], date: Date) -> Vec<Placed<'_>> {
    let mut day: Vec<&Entry> = entries.iter().filter(|entry| entry.date == date).collect();
    day.sort_by_key(|entry| (entry.from, std::cmp::Reverse(entry.minutes)));
    let until = |entry: &Entry| entry.from + entry.minutes;
    let mut free_at: Vec<u16> = Vec::new();
    let lanes: Vec<usize> = day
        .iter()
        .map(|entry| {
            let lane = free_at.iter().position(|&at| at <= entry.from).unwrap_or_else(|| {
                free_at.push(0);
                free_at.len() - 1
            });
            free_at[lane] = until(entry);
            lane
        })
        .collect();
    let placed = day.iter().zip(&lanes).map(|(&entry, &lane)| {
        let meets = |other: &Entry| other.from < until(entry) && entry.from < until(other);
        let right = day.iter().zip(&lanes).filter(|(other, to)| **to > lane && meets(other)).map(|(_, to)| *to).min();
        let (first, end) = (lane.min(LANES - 1) + 1, right.unwrap_or(free_at.len()).min(LANES) + 1);
        Placed { entry, first, end }
    });
    placed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: (i32, u32, u32) = (2026, 11, 9);

    fn entry(from: u16, minutes: u16, title: &str) -> Entry {
        Entry {
            date: Date::ymd(MONDAY.0, MONDAY.1, MONDAY.2),
            from,
            minutes,
            title: title.into(),
            own: "1:00–1:30 PM EST".into(),
            other: Some("11:00–11:30 AM MST".into()),
            with: "Lincoln Elementary".into(),
            students: Some(3),
            join: None,
            status: SessionStatus::Planned,
        }
    }

    fn shown(entries: &[Entry]) -> String {
        let monday = Date::ymd(MONDAY.0, MONDAY.1, MONDAY.2);
        week(monday, monday.plus_days(1), entries).into_string()
    }

    #[test]
    fn sessions_at_once_stand_side_by_side_and_the_last_lane_takes_what_is_free() {
        let day = [entry(480, 60, "a"), entry(480, 30, "b"), entry(510, 30, "c"), entry(600, 30, "d")];
        let placed = place(&day, day[0].date);
        let lines: Vec<_> = placed.iter().map(|p| (p.entry.title.as_str(), p.first, p.end)).collect();
        assert_eq!(lines, [("a", 1, 2), ("b", 2, 3), ("c", 2, 3), ("d", 1, 3)]);
    }

    #[test]
    fn more_sessions_at_once_than_there_are_lanes_stay_on_the_grid() {
        let day: Vec<Entry> = (0..LANES + 5).map(|_| entry(480, 30, "x")).collect();
        assert!(place(&day, day[0].date).iter().all(|p| p.first < p.end && p.end <= LANES + 1));
    }

    #[test]
    fn both_clocks_and_the_size_of_a_group_are_shown() {
        let text = shown(&[entry(780, 30, "Speech")]);
        for part in ["1:00–1:30 PM EST", "(11:00–11:30 AM MST)", "group of 3 · Lincoln Elementary", "r60 s6 l1 e2"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("style=") && !text.contains("Sat,"), "{text}");
        let way = "<a href=\"#day-2026-11-09\">Mon 9 <span class=\"soft\">1</span></a>";
        assert!(text.contains(way) && text.contains("id=\"day-2026-11-09\""), "{text}");
        assert!(
            text.contains("<li class=\"block service r60 "),
            "one class attribute, or the second is ignored: {text}"
        );
    }

    #[test]
    fn hours_outside_the_usual_and_days_of_the_weekend_appear_when_they_are_used() {
        assert_eq!(hours(&[]), USUAL);
        assert_eq!(hours(&[entry(330, 45, "early"), entry(1430, 40, "past midnight")]), (5, 25));
        let saturday = Entry { date: Date::ymd(2026, 11, 14), ..entry(600, 45, "x") };
        let text = shown(&[saturday]);
        assert!(text.contains("Sat, Nov 14") && !text.contains("Sun, Nov 15"), "{text}");
    }

    #[test]
    fn an_empty_week_says_so_on_each_day() {
        assert_eq!(shown(&[]).matches("No sessions").count(), 5);
    }
}
