//! Ten thousand random histories of two service lines: every minute is counted once, and every period adds up.

use bellwether::domain::calendar::{Calendar, DateSpan};
use bellwether::domain::id::{DistrictId, LogId, RecordId as _};
use bellwether::domain::ledger::{Ledger, Line, Logged, Scheduled, School, Sums, Uncovered, ledger};
use bellwether::domain::line::{Form, Interval, Minutes};
use bellwether::domain::log::MissReason;
use bellwether::domain::policy::{Policies, SetFigure, Standing};
use bellwether::domain::time::Date;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

const HISTORIES: u64 = 10_000;

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

fn figures(rng: &mut StdRng) -> Policies {
    let district = DistrictId::fresh();
    let short = ["full", "prorate", "weeks_in_session"];
    let mut set = Vec::new();
    let mut say = |key: String, value: &str| {
        set.push(SetFigure {
            key,
            value: value.into(),
            state: None,
            district_id: Some(district),
            effective_on: Date::ymd(2026, 7, 1),
            ends_on: None,
            standing: Standing::DistrictPolicy,
            citation: "a test".into(),
        });
    };
    say("short_period".into(), pick(rng, &short));
    say("partial_period".into(), pick(rng, &short));
    say("week_start".into(), pick(rng, &["mon", "sun", "wed"]));
    say("period_anchor".into(), pick(rng, &["calendar", "anchored"]));
    for reason in MissReason::ALL {
        say(format!("make_up.{}", reason.name()), pick(rng, &["owed", "not_owed", "review"]));
    }
    Policies::of(&set, "AZ", district)
}

fn school_year(rng: &mut StdRng) -> Calendar {
    let first = Date::ymd(2026, 8, 3);
    let closed: Vec<Date> = (0..rng.random_range(0..40)).map(|_| first.plus_days(rng.random_range(0..300))).collect();
    let cycle: Vec<&str> = ["A", "B", "C", "D", "E", "F"][..rng.random_range(0..=6)].to_vec();
    let body = json!({"first": first, "last": "2027-06-04", "closed": closed, "cycle": cycle, "bell_schedule": {"default": "x"}});
    serde_json::from_value(body).expect("a calendar")
}

fn form(rng: &mut StdRng) -> Form {
    use Interval::{Cycle, Day, Month, Quarter, Semester, Week, Year};
    let interval = pick(rng, &[Day, Week, Week, Week, Cycle, Month, Month, Quarter, Semester, Year]);
    let least = rng.random_range(5..=60);
    let minutes = Minutes { least, most: least + rng.random_range(0..=15) };
    if rng.random_bool(0.5) {
        Form::sessions(rng.random_range(1..=6), interval, minutes)
    } else {
        Form::minutes(Minutes::exactly(rng.random_range(10..=1200)), interval)
    }
}

/// What befell a line.
struct History {
    logged: Vec<Logged>,
    scheduled: Vec<Scheduled>,
    uncovered: Vec<Uncovered>,
}

/// Entries and sessions, some of them on days that are no day of the line or of the school, some of them booked to make up
/// for an entry, for a make-up, for one of the other line (which older versions kept), or for nothing known.
fn history(rng: &mut StdRng, span: DateSpan, other: &[Logged]) -> History {
    let days = span.last.number() - span.first.number();
    let date = |rng: &mut StdRng| span.first.plus_days(rng.random_range(-5..=days + 5));
    let mut logged: Vec<Logged> = Vec::new();
    for _ in 0..rng.random_range(0..60) {
        let planned = pick(rng, &[0, 15, 20, 30, 30, 45]);
        let delivered = if rng.random_bool(0.6) { planned } else { rng.random_range(0..=60) };
        let reason = (delivered < planned && rng.random_bool(0.9)).then(|| pick(rng, &MissReason::ALL));
        // Also make-ups of make-ups, of nothing known, and of what lacks nothing.
        let makes_up = match rng.random_range(0..11) {
            0 => Some(LogId::fresh()),
            1..4 if !logged.is_empty() => Some(logged[rng.random_range(0..logged.len())].id),
            4 if !other.is_empty() => Some(other[rng.random_range(0..other.len())].id),
            _ => None,
        };
        logged.push(Logged { id: LogId::fresh(), held_on: date(rng), planned, delivered, reason, makes_up });
    }
    let sessions = rng.random_range(0..60);
    let scheduled = (0..sessions).map(|_| {
        let makes_up = match rng.random_range(0..11) {
            0 => Some(LogId::fresh()),
            1..4 if !logged.is_empty() => Some(logged[rng.random_range(0..logged.len())].id),
            4 if !other.is_empty() => Some(other[rng.random_range(0..other.len())].id),
            _ => None,
        };
        Scheduled { held_on: date(rng), minutes: pick(rng, &[15, 20, 30, 45]), makes_up }
    });
    let scheduled = scheduled.collect();
    let uncovered =
        (0..rng.random_range(0..10)).map(|_| Uncovered { held_on: date(rng), minutes: pick(rng, &[20, 30]) });
    let uncovered = uncovered.collect();
    History { logged, scheduled, uncovered }
}

fn adds_up(sums: &Sums, what: &str) {
    assert_eq!(sums.owed, sums.delivered + sums.missed() + sums.scheduled + sums.unscheduled, "{what}: {sums:?}");
    assert_eq!(sums.missed(), sums.to_make_up + sums.to_review + sums.excused, "{what}: {sums:?}");
    assert_eq!(sums.remaining, sums.short() + sums.scheduled, "{what}: {sums:?}");
    let figures = [
        sums.owed,
        sums.delivered,
        sums.made_up,
        sums.scheduled,
        sums.booked,
        sums.unlogged,
        sums.unscheduled,
        sums.unheld,
        sums.beyond.delivered,
        sums.beyond.missed,
        sums.beyond.scheduled,
    ];
    assert!(figures.iter().chain(sums.missed.values()).all(|minutes| *minutes >= 0), "{what}: {sums:?}");
    assert!(sums.made_up <= sums.delivered && sums.unlogged <= sums.scheduled, "{what}: {sums:?}");
    assert!(sums.booked <= sums.scheduled && sums.unheld <= sums.unscheduled, "{what}: {sums:?}");
}

#[test]
fn every_minute_of_ten_thousand_histories_is_counted_once() {
    for seed in 0..HISTORIES {
        let mut rng = StdRng::seed_from_u64(seed);
        let policies = figures(&mut rng);
        let calendar = school_year(&mut rng);
        let form = form(&mut rng);
        let first = Date::ymd(2026, 8, 3).plus_days(rng.random_range(0..200));
        let span = DateSpan { first, last: first.plus_days(rng.random_range(0..110)) };
        let one = history(&mut rng, span, &[]);
        let other = history(&mut rng, span, &one.logged);
        let today = first.plus_days(rng.random_range(-3..120));
        let around = DateSpan { first: span.first.plus_days(-366), last: span.last.plus_days(366) };
        let school = School::new(&calendar, around);
        for (n, history) in [one, other].iter().enumerate() {
            let History { logged, scheduled, uncovered } = history;
            let line = Line { form: &form, span, logged, scheduled, uncovered, policies: &policies };
            let what = format!("history {seed}, line {n}, of {form} over {span:?}");
            counted_once(&line, &ledger(&line, &school, today), &what);
        }
    }
}

fn counted_once(line: &Line<'_>, found: &Ledger, what: &str) {
    let Line { form, logged, scheduled, uncovered, .. } = line;
    for period in &found.periods {
        adds_up(&period.sums, what);
        assert!(period.sums.owed <= form.total.least, "{what}: no period owes more than the line says");
    }
    adds_up(&found.total, what);
    let owed: i64 = found.periods.iter().map(|period| period.sums.owed).sum();
    assert_eq!(owed, found.total.owed, "{what}");
    for pair in found.periods.windows(2) {
        assert!(pair[0].last_on < pair[1].first_on, "{what}: {pair:?}");
    }

    // What went in comes out: delivered and scheduled to the minute.
    let total = &found.total;
    let delivered: i64 = logged.iter().map(|entry| entry.delivered).sum();
    assert_eq!(total.delivered + total.beyond.delivered, delivered, "{what}");
    let sessions: i64 = scheduled.iter().map(|session| session.minutes).sum();
    assert_eq!(total.scheduled + total.beyond.scheduled, sessions, "{what}");
    // What nobody held before today, as far as nothing else gave it.
    let nobody = uncovered.iter().filter(|session| session.held_on < found.today).map(|session| session.minutes);
    assert!(total.unheld <= nobody.sum(), "{what}");
    // Missing minutes are those of sessions that make nothing up, less what was made up or is booked to be: each once,
    // and never more of an entry than it lacks.
    let known = |id: LogId| logged.iter().find(|entry| entry.id == id).is_some_and(|entry| entry.makes_up.is_none());
    let regular = logged.iter().filter(|entry| !entry.makes_up.is_some_and(known));
    let lacks = |entry: &Logged| (entry.planned - entry.delivered).max(0);
    let missing: i64 = regular.clone().map(lacks).sum();
    let made_up = |entry: &Logged| {
        let of = |id: Option<LogId>| id == Some(entry.id) && known(entry.id);
        let logged: i64 = logged.iter().filter(|late| of(late.makes_up)).map(|late| late.delivered).sum();
        let booked: i64 = scheduled.iter().filter(|late| of(late.makes_up)).map(|late| late.minutes).sum();
        (logged + booked).min(lacks(entry))
    };
    let credited: i64 = regular.map(made_up).sum();
    assert_eq!(missing - credited, total.missed() + total.beyond.missed, "{what}");
    assert!(total.made_up + total.booked <= credited, "{what}: {total:?}");
}

#[test]
fn the_order_of_entries_changes_nothing() {
    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..200 {
        let (policies, calendar, form) = (figures(&mut rng), school_year(&mut rng), form(&mut rng));
        let span = DateSpan { first: Date::ymd(2026, 9, 2), last: Date::ymd(2026, 12, 11) };
        let History { mut logged, mut scheduled, mut uncovered } = history(&mut rng, span, &[]);
        let around = DateSpan { first: Date::ymd(2025, 8, 1), last: Date::ymd(2027, 12, 31) };
        let school = School::new(&calendar, around);
        let today = Date::ymd(2026, 10, 14);
        let of = |logged: &[Logged], scheduled: &[Scheduled], uncovered: &[Uncovered]| {
            ledger(&Line { form: &form, span, logged, scheduled, uncovered, policies: &policies }, &school, today)
        };
        let before = of(&logged, &scheduled, &uncovered);
        logged.reverse();
        scheduled.reverse();
        uncovered.reverse();
        assert_eq!(of(&logged, &scheduled, &uncovered), before);
    }
}
