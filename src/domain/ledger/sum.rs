//! Puts every entry and every session into its period once, and adds up.

use std::collections::BTreeMap;

use super::{Beyond, Ledger, Line, Logged, PeriodSums, Scheduled, School, Sums, period, periods};
use crate::domain::id::LogId;
use crate::domain::log::MissReason;
use crate::domain::policy::{Figure, MinutesPolicy, Obligation};
use crate::domain::time::Date;

/// Minutes of one period before they are held against what it owes.
#[derive(Clone, Debug, Default)]
struct Gross {
    delivered: i64,
    made_up: i64,
    missed: BTreeMap<MissReason, i64>,
    scheduled: i64,
    /// Of `scheduled`, by booked make-up sessions.
    booked: i64,
    unlogged: i64,
    /// Of sessions before today that nobody held.
    unheld: i64,
    /// Of make-up sessions, what was more than there was to make up.
    surplus: i64,
    /// Of booked ones, what is more than there is left to make up.
    overbooked: i64,
}

/// The ledger of a line as it stands on `today`.
#[must_use]
pub fn ledger(line: &Line<'_>, school: &School<'_>, today: Date) -> Ledger {
    let periods = periods(line.form, line.span, school, line.policies);
    let (gross, outside) = gross(line, &periods, today);
    let mut rows = Vec::new();
    let mut total = Sums { beyond: outside.beyond(), ..Sums::default() };
    let mut pace = 0;
    let mut figures: Option<&[Figure]> = None;
    for (period, gross) in periods.iter().zip(&gross) {
        let begins = period.span.first.max(line.span.first);
        let policy = line.policies.on(begins);
        let sums = gross.against(period.owed, policy);
        let row = PeriodSums {
            period: period.id.clone(),
            first_on: begins,
            last_on: period.span.last.min(line.span.last),
            days: period.days,
            why: period.why,
            pace: pace_of(&sums, period, begins, school, today),
            sums,
        };
        pace += row.pace;
        total.add(&row.sums);
        if begins <= today || figures.is_none() {
            figures = Some(&policy.figures);
        }
        rows.push(row);
    }
    Ledger {
        line: line.form.to_string(),
        first_on: line.span.first,
        last_on: line.span.last,
        today,
        periods: rows,
        short_by: total.short(),
        total,
        pace,
        policy: figures.unwrap_or(&line.policies.on(line.span.first).figures).to_vec(),
    }
}

/// Delivered and excused, less what an even pace over the period's school days would have given before today.
fn pace_of(sums: &Sums, period: &period::Period, begins: Date, school: &School<'_>, today: Date) -> i64 {
    if today <= begins || period.days == 0 {
        return 0;
    }
    let last = period.span.last.min(today.plus_days(-1));
    let gone = school.open(crate::domain::calendar::DateSpan { first: begins, last }).min(period.days);
    sums.delivered + sums.excused - sums.owed * gone / period.days
}

/// What each period has, and what lies in none.
fn gross(line: &Line<'_>, periods: &[period::Period], today: Date) -> (Vec<Gross>, Gross) {
    let mut sums = vec![Gross::default(); periods.len()];
    let mut outside = Gross::default();
    let place = |date: Date| {
        let n = periods.partition_point(|period| period.span.last < date);
        let inside = line.span.contains(date) && periods.get(n).is_some_and(|period| period.span.contains(date));
        inside.then_some(n)
    };
    // What each entry that is no make-up itself still lacks.
    let mut open: BTreeMap<LogId, (Option<usize>, MissReason, i64)> = BTreeMap::new();
    let known: BTreeMap<LogId, &Logged> = line.logged.iter().map(|entry| (entry.id, entry)).collect();
    let makes_up = |entry: &Logged| entry.makes_up.and_then(|id| known.get(&id)).filter(|of| of.makes_up.is_none());
    for entry in line.logged.iter().filter(|entry| makes_up(entry).is_none()) {
        let n = place(entry.held_on);
        let sum = n.and_then(|n| sums.get_mut(n)).unwrap_or(&mut outside);
        sum.delivered += entry.delivered;
        let lacks = (entry.planned - entry.delivered).max(0);
        if lacks > 0 {
            let reason = entry.reason.unwrap_or(MissReason::Other);
            *sum.missed.entry(reason).or_default() += lacks;
            open.insert(entry.id, (n, reason, lacks));
        }
    }
    // A make-up counts where its session was missed, up to what was missed: the rest is more than was owed.
    let mut late: Vec<&Logged> = line.logged.iter().filter(|entry| makes_up(entry).is_some()).collect();
    late.sort_by_key(|entry| (entry.held_on, entry.id));
    for entry in late {
        let missed = entry.makes_up.and_then(|id| open.get_mut(&id));
        let credit = missed.as_ref().map_or(0, |(.., lacks)| entry.delivered.min(*lacks));
        if let Some((n, reason, lacks)) = missed {
            *lacks -= credit;
            let sum = n.and_then(|n| sums.get_mut(n)).unwrap_or(&mut outside);
            sum.delivered += credit;
            sum.made_up += credit;
            *sum.missed.entry(*reason).or_default() -= credit;
        }
        let sum = place(entry.held_on).and_then(|n| sums.get_mut(n)).unwrap_or(&mut outside);
        sum.surplus += entry.delivered - credit;
    }
    // A booked make-up counts there too, up to what is still missing; by date, so that their order changes nothing.
    let mut sessions: Vec<&Scheduled> = line.scheduled.iter().collect();
    sessions.sort_by_key(|session| (session.held_on, session.minutes, session.makes_up));
    for session in sessions {
        let unlogged = |minutes: i64| if session.held_on < today { minutes } else { 0 };
        let of = session.makes_up.and_then(|id| known.get(&id)).filter(|of| of.makes_up.is_none());
        let Some(of) = of else {
            let sum = place(session.held_on).and_then(|n| sums.get_mut(n)).unwrap_or(&mut outside);
            sum.scheduled += session.minutes;
            sum.unlogged += unlogged(session.minutes);
            continue;
        };
        let missed = open.get_mut(&of.id);
        let booked = missed.as_ref().map_or(0, |(.., lacks)| session.minutes.min(*lacks));
        if let Some((n, reason, lacks)) = missed {
            *lacks -= booked;
            let sum = n.and_then(|n| sums.get_mut(n)).unwrap_or(&mut outside);
            sum.scheduled += booked;
            sum.booked += booked;
            sum.unlogged += unlogged(booked);
            *sum.missed.entry(*reason).or_default() -= booked;
        }
        let sum = place(session.held_on).and_then(|n| sums.get_mut(n)).unwrap_or(&mut outside);
        sum.overbooked += session.minutes - booked;
    }
    for session in line.uncovered.iter().filter(|session| session.held_on < today) {
        if let Some(sum) = place(session.held_on).and_then(|n| sums.get_mut(n)) {
            sum.unheld += session.minutes;
        }
    }
    (sums, outside)
}

impl Gross {
    /// Holds the minutes against what is owed: first what was delivered, then what was missed, then what is scheduled.
    fn against(&self, owed: i64, policy: &MinutesPolicy) -> Sums {
        let mut left = owed;
        let mut take = |minutes: i64| {
            let taken = minutes.min(left);
            left -= taken;
            taken
        };
        let delivered = take(self.delivered);
        let regular = (self.delivered - self.made_up).min(delivered);
        let mut sums = Sums { owed, delivered, made_up: delivered - regular, ..Sums::default() };
        for (reason, minutes) in &self.missed {
            let taken = take(*minutes);
            sums.beyond.missed += minutes - taken;
            if taken == 0 {
                continue;
            }
            sums.missed.insert(*reason, taken);
            match policy.make_up.get(reason) {
                Some(Obligation::Owed) => sums.to_make_up += taken,
                Some(Obligation::NotOwed) => sums.excused += taken,
                Some(Obligation::Review) | None => sums.to_review += taken,
            }
        }
        sums.scheduled = take(self.scheduled);
        sums.booked = sums.scheduled - (self.scheduled - self.booked).min(sums.scheduled);
        sums.unlogged = self.unlogged.min(sums.scheduled);
        sums.unscheduled = left;
        sums.unheld = self.unheld.min(left);
        sums.remaining = owed - sums.delivered - sums.excused;
        sums.beyond.delivered = self.delivered - delivered + self.surplus;
        sums.beyond.scheduled = self.scheduled - sums.scheduled + self.overbooked;
        sums
    }

    /// All of it, where nothing is owed.
    fn beyond(&self) -> Beyond {
        Beyond {
            delivered: self.delivered + self.surplus,
            missed: self.missed.values().sum(),
            scheduled: self.scheduled + self.overbooked,
        }
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.owed += other.owed;
        self.delivered += other.delivered;
        self.made_up += other.made_up;
        for (reason, minutes) in &other.missed {
            *self.missed.entry(*reason).or_default() += minutes;
        }
        self.scheduled += other.scheduled;
        self.booked += other.booked;
        self.unlogged += other.unlogged;
        self.unscheduled += other.unscheduled;
        self.unheld += other.unheld;
        self.to_make_up += other.to_make_up;
        self.to_review += other.to_review;
        self.excused += other.excused;
        self.remaining += other.remaining;
        self.beyond.delivered += other.beyond.delivered;
        self.beyond.missed += other.beyond.missed;
        self.beyond.scheduled += other.beyond.scheduled;
    }
}
