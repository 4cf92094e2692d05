//! What differs between two schedules of one term, by need and by educator. Knows neither costs nor dates.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::outcome::{Schedule, WeeklySession};

/// What became of a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nobody served it, now somebody does.
    Added,
    /// Somebody else serves it.
    Moved,
    /// The same educator serves it at other times.
    Retimed,
    /// Somebody served it, now nobody does.
    Dropped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeedChange {
    pub need: String,
    pub change: Change,
    /// Who served it.
    pub before: Option<String>,
    /// Who serves it now.
    pub after: Option<String>,
}

/// What changes for one educator: ids of needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PersonChange {
    pub educator: String,
    pub gains: Vec<String>,
    pub loses: Vec<String>,
    pub retimed: Vec<String>,
}

/// Needs in the order of their ids, educators in that of theirs; whatever stays the same is only counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub needs: Vec<NeedChange>,
    pub people: Vec<PersonChange>,
    pub unchanged: usize,
}

/// From one schedule to another. The order of rows and of sessions means nothing.
#[must_use]
pub fn between(before: &Schedule, after: &Schedule) -> Difference {
    let (before, after) = (served(before), served(after));
    let mut found = Difference::default();
    let mut people: BTreeMap<&str, PersonChange> = BTreeMap::new();
    let ids: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    for need in ids {
        let (old, new) = (before.get(need), after.get(need));
        let change = match (old, new) {
            (Some((one, _)), Some((other, _))) if one != other => Change::Moved,
            (Some((_, one)), Some((_, other))) if one != other => Change::Retimed,
            (Some(_), Some(_)) => {
                found.unchanged += 1;
                continue;
            }
            (None, _) => Change::Added,
            (_, None) => Change::Dropped,
        };
        let who = |row: Option<&Served<'_>>| row.map(|(educator, _)| (*educator).to_owned());
        found.needs.push(NeedChange { need: need.to_owned(), change, before: who(old), after: who(new) });
        for (row, lost) in [(old, true), (new, false)] {
            let Some((educator, _)) = row else { continue };
            let person = people.entry(educator).or_default();
            match (change, lost) {
                (Change::Retimed, true) => person.retimed.push(need.to_owned()),
                (Change::Retimed, false) => {}
                (_, true) => person.loses.push(need.to_owned()),
                (_, false) => person.gains.push(need.to_owned()),
            }
        }
    }
    let named = people.into_iter().map(|(educator, change)| PersonChange { educator: educator.to_owned(), ..change });
    found.people = named.collect();
    found
}

/// Who serves a need, and when, if its times are chosen.
type Served<'s> = (&'s str, BTreeSet<&'s WeeklySession>);

fn served(schedule: &Schedule) -> BTreeMap<&str, Served<'_>> {
    let sections = schedule.sections.iter().map(|row| (row.section.as_str(), (row.educator.as_str(), BTreeSet::new())));
    let services = schedule.services.iter().filter(|row| !row.sessions.is_empty());
    let services = services.map(|row| (row.service.as_str(), (row.educator.as_str(), row.sessions.iter().collect())));
    sections.chain(services).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::outcome::{SectionAssignment, ServiceAssignment};

    fn schedule(sections: &[(&str, &str)], services: &[(&str, &str, &[&str])]) -> Schedule {
        let session =
            |day: &&str| WeeklySession { day: (*day).into(), start: "09:00".parse().expect("a clock"), weeks: None };
        Schedule {
            sections: sections
                .iter()
                .map(|(section, educator)| SectionAssignment {
                    section: (*section).into(),
                    educator: (*educator).into(),
                })
                .collect(),
            services: services
                .iter()
                .map(|(service, educator, days)| ServiceAssignment {
                    service: (*service).into(),
                    educator: (*educator).into(),
                    sessions: days.iter().map(session).collect(),
                })
                .collect(),
            ..Schedule::default()
        }
    }

    #[test]
    fn what_is_added_moved_retimed_and_dropped_is_told_by_need_and_by_person() {
        let before =
            schedule(&[("a", "x"), ("b", "x"), ("c", "y")], &[("s", "y", &["mon", "tue"]), ("t", "y", &["mon"])]);
        let after =
            schedule(&[("a", "x"), ("b", "y"), ("d", "x")], &[("s", "y", &["tue", "mon"]), ("t", "y", &["wed"])]);
        let found = between(&before, &after);
        let told: Vec<_> = found.needs.iter().map(|n| (n.need.as_str(), n.change)).collect();
        assert_eq!(told, [("b", Change::Moved), ("c", Change::Dropped), ("d", Change::Added), ("t", Change::Retimed)]);
        assert_eq!(found.unchanged, 2);
        let person = |educator: &str, gains: &[&str], loses: &[&str], retimed: &[&str]| PersonChange {
            educator: educator.into(),
            gains: gains.iter().map(ToString::to_string).collect(),
            loses: loses.iter().map(ToString::to_string).collect(),
            retimed: retimed.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(found.people, [person("x", &["d"], &["b"], &[]), person("y", &["b"], &["c"], &["t"])]);
    }

    #[test]
    fn a_schedule_does_not_differ_from_itself_and_backwards_is_the_mirror() {
        let one = schedule(&[("a", "x")], &[("s", "y", &["mon"])]);
        assert_eq!(between(&one, &one), Difference { unchanged: 2, ..Difference::default() });
        let other = schedule(&[("a", "y")], &[]);
        let (there, back) = (between(&one, &other), between(&other, &one));
        let mirrored: Vec<_> = back.needs.iter().map(|n| (&n.need, &n.after, &n.before)).collect();
        assert_eq!(there.needs.iter().map(|n| (&n.need, &n.before, &n.after)).collect::<Vec<_>>(), mirrored);
    }
}
