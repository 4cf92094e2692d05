//! What befell a term since its schedule was made, as far as a repair has to mend it: facts between two problems, for
//! people to read. Knows neither names nor costs; every difference, for programs, is `changes`' business.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Calendar, Educator, Problem, Service};
use crate::domain::calendar::DateSpan;
use crate::domain::time::Date;

/// One thing that befell. Ids are those of the problem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// A day of school that is none any more; of a district, or of a school with a calendar of its own.
    Closed {
        place: String,
        on: Date,
    },
    /// A closed day that is a day of school after all.
    Opened {
        place: String,
        on: Date,
    },
    /// A day that rings other bells than it did: an early release, a late start, or back to the usual.
    OtherBells {
        place: String,
        on: Date,
        bells: String,
    },
    /// Anything else of a calendar: its span, weekdays, cycle or usual bells.
    Calendar {
        place: String,
    },
    /// The periods of a school begin or end at other times.
    Periods {
        school: String,
    },
    Need {
        need: String,
        became: Became,
    },
    /// Nothing is owed to a student any more to whom this many services were.
    StudentLeft {
        student: String,
        services: usize,
    },
    Educator {
        educator: String,
        became: Became,
    },
    /// Days off that were not known.
    Away {
        educator: String,
        first: Date,
        last: Date,
    },
    /// Days off that were taken back.
    Back {
        educator: String,
        first: Date,
        last: Date,
    },
    /// Licenses or clearances.
    Papers {
        educator: String,
    },
    /// Availability.
    Hours {
        educator: String,
    },
    /// Limits, languages or pay.
    Terms {
        educator: String,
    },
    /// Locks, bans and needs that belong together.
    Decided,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Became {
    New,
    Ended,
    Changed,
}

/// Everything that befell between two problems of a term, each thing once, in the order of [`News`]. Who serves what
/// is no news.
#[must_use]
pub fn between(before: &Problem, after: &Problem) -> Vec<News> {
    let mut news = BTreeSet::new();
    places(before, after, &mut news);
    let course = |problem: &Problem, id: &String| problem.courses.iter().find(|course| course.id == *id).cloned();
    let sections = |problem: &Problem| -> BTreeMap<String, _> {
        let with = |section: &super::problem::Section| (section.clone(), course(problem, &section.course));
        problem.sections.iter().map(|section| (section.id.clone(), with(section))).collect()
    };
    let need = |need: String, became| News::Need { need, became };
    compared(&sections(before), &sections(after), |id, became| news.insert(need(id, became)));
    services(before, after, &mut news);
    educators(before, after, &mut news);
    if (&before.pins, &before.vetoes, &before.together) != (&after.pins, &after.vetoes, &after.together) {
        news.insert(News::Decided);
    }
    news.into_iter().collect()
}

/// Tells what is new, ended or changed of rows by id.
fn compared<T: PartialEq>(
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    mut tell: impl FnMut(String, Became) -> bool,
) {
    for (id, old) in before {
        match after.get(id) {
            None => tell(id.clone(), Became::Ended),
            Some(new) if new != old => tell(id.clone(), Became::Changed),
            Some(_) => false,
        };
    }
    for id in after.keys().filter(|id| !before.contains_key(*id)) {
        tell(id.clone(), Became::New);
    }
}

fn places(before: &Problem, after: &Problem, news: &mut BTreeSet<News>) {
    for new in &after.districts {
        if let Some(old) = before.districts.iter().find(|old| old.id == new.id) {
            calendars(&new.id, &old.calendar, &new.calendar, news);
        }
    }
    for new in &after.schools {
        let Some(old) = before.schools.iter().find(|old| old.id == new.id) else { continue };
        match (&old.calendar, &new.calendar) {
            (Some(old), Some(new_one)) => calendars(&new.id, old, new_one, news),
            (None, None) => {}
            _ => drop(news.insert(News::Calendar { place: new.id.clone() })),
        }
        if old.bell_schedules != new.bell_schedules || old.tz != new.tz {
            news.insert(News::Periods { school: new.id.clone() });
        }
    }
}

fn calendars(place: &str, old: &Calendar, new: &Calendar, news: &mut BTreeSet<News>) {
    let place = || place.to_owned();
    let only = |here: &[Date], there: &[Date]| -> Vec<Date> {
        here.iter().filter(|on| !there.contains(on)).copied().collect()
    };
    news.extend(only(&new.closed, &old.closed).into_iter().map(|on| News::Closed { place: place(), on }));
    news.extend(only(&old.closed, &new.closed).into_iter().map(|on| News::Opened { place: place(), on }));
    let (rang, rings) = (&old.bell_schedule.dates, &new.bell_schedule.dates);
    let days: BTreeSet<&Date> = rang.keys().chain(rings.keys()).collect();
    for on in days.into_iter().filter(|on| rang.get(on) != rings.get(on)) {
        let usual = || new.bell_schedule.weekdays.get(&on.weekday()).unwrap_or(&new.bell_schedule.default);
        let bells = rings.get(on).unwrap_or_else(usual).clone();
        news.insert(News::OtherBells { place: place(), on: *on, bells });
    }
    let rest = |calendar: &Calendar| {
        let mut calendar = calendar.clone();
        calendar.closed.clear();
        calendar.bell_schedule.dates.clear();
        calendar
    };
    if rest(old) != rest(new) {
        news.insert(News::Calendar { place: place() });
    }
}

fn services(before: &Problem, after: &Problem, news: &mut BTreeSet<News>) {
    let by_id = |problem: &Problem| -> BTreeMap<String, Service> {
        problem.services.iter().map(|service| (service.id.clone(), service.clone())).collect()
    };
    let (old, new) = (by_id(before), by_id(after));
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for service in old.values() {
        *left.entry(&service.student).or_default() += 1;
    }
    for service in new.values() {
        left.remove(service.student.as_str());
    }
    let gone = |id: &str| old.get(id).is_some_and(|service| left.contains_key(service.student.as_str()));
    compared(&old, &new, |id, became| {
        !(became == Became::Ended && gone(&id)) && news.insert(News::Need { need: id, became })
    });
    let student = |(student, services): (&str, usize)| News::StudentLeft { student: student.to_owned(), services };
    news.extend(left.iter().map(|(id, count)| student((id, *count))));
}

fn educators(before: &Problem, after: &Problem, news: &mut BTreeSet<News>) {
    let by_id = |problem: &Problem| -> BTreeMap<String, Educator> {
        problem.educators.iter().map(|educator| (educator.id.clone(), educator.clone())).collect()
    };
    let (old, new) = (by_id(before), by_id(after));
    compared(&old, &new, |educator, became| {
        became != Became::Changed && news.insert(News::Educator { educator, became })
    });
    for (id, now) in &new {
        let Some(was) = old.get(id) else { continue };
        let educator = || id.clone();
        let only = |here: &[DateSpan], there: &[DateSpan]| -> Vec<DateSpan> {
            here.iter().filter(|span| !there.contains(span)).copied().collect()
        };
        let spans = only(&now.time_off, &was.time_off).into_iter();
        news.extend(spans.map(|span| News::Away { educator: educator(), first: span.first, last: span.last }));
        let spans = only(&was.time_off, &now.time_off).into_iter();
        news.extend(spans.map(|span| News::Back { educator: educator(), first: span.first, last: span.last }));
        if (&was.licenses, &was.clearances) != (&now.licenses, &now.clearances) {
            news.insert(News::Papers { educator: educator() });
        }
        if was.availability != now.availability || was.tz != now.tz {
            news.insert(News::Hours { educator: educator() });
        }
        let rest = |one: &Educator| Educator {
            licenses: Vec::new(),
            clearances: Vec::new(),
            availability: Vec::new(),
            time_off: Vec::new(),
            tz: now.tz,
            ..one.clone()
        };
        if rest(was) != rest(now) {
            news.insert(News::Terms { educator: educator() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::problem;
    use serde_json::{Value, json};

    fn document() -> Value {
        let educator = |id: &str| {
            json!({"id": id, "tz": "America/New_York", "clearances": ["NY"], "max_minutes_per_week": 1200,
                "licenses": [{"state": "NY", "area": "math", "grades": ["09"], "issued": "2020-07-01", "expires": "2060-06-30"}],
                "availability": [{"days": ["mon"], "start": "07:00", "end": "12:00"}]})
        };
        let service = |id: &str, student: &str| {
            json!({"id": id, "student": student, "school": "hs", "service": "speech", "areas": ["slp"], "grade": "09",
                "minutes": 30, "times": 1, "per": "week", "windows": [{"days": ["mon"], "start": "08:00", "end": "10:00"}]})
        };
        json!({
            "format": "staffing-problem/1", "term": {"first": "2026-08-31", "last": "2026-09-25"},
            "districts": [{"id": "ny", "state": "NY", "tz": "America/New_York", "calendar": {
                "first": "2026-08-31", "last": "2026-09-25", "closed": ["2026-09-07"], "bell_schedule": {"default": "regular"}}}],
            "schools": [{"id": "hs", "district": "ny", "bell_schedules": [
                {"id": "regular", "periods": [{"id": "P1", "start": "08:00", "end": "08:45"}]},
                {"id": "early", "periods": [{"id": "P1", "start": "08:00", "end": "08:30"}]}]}],
            "courses": [{"id": "alg", "areas": ["math"]}],
            "sections": [{"id": "s1", "school": "hs", "course": "alg", "grades": ["09"], "meets": [{"period": "P1"}]}],
            "services": [service("v1", "k1"), service("v2", "k2"), service("v3", "k2"), service("v4", "k3"), service("v5", "k3")],
            "educators": [educator("ana"), educator("bo"), educator("cy")],
        })
    }

    fn read(document: &Value) -> Problem {
        problem::read(document.to_string().as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"))
    }

    #[test]
    fn each_thing_that_a_repair_must_mend_is_told_once_and_nothing_else_is() {
        let before = read(&document());
        let mut served = before.clone();
        served.incumbents = vec![problem::Pair { need: "s1".into(), educator: "ana".into() }];
        assert_eq!(between(&before, &served), [], "who serves what is no news");

        let mut now = document();
        now["districts"][0]["calendar"]["closed"] = json!(["2026-09-10"]);
        now["districts"][0]["calendar"]["bell_schedule"]["dates"] = json!({"2026-09-11": "early"});
        now["schools"][0]["bell_schedules"][0]["periods"][0]["end"] = json!("08:50");
        now["courses"][0]["areas"] = json!(["math", "physics"]);
        // k2 has left; of k3 one service has ended, one has other minutes.
        let services = now["services"].as_array_mut().expect("a list");
        services.retain(|service| service["student"] != "k2" && service["id"] != "v4");
        services[1]["minutes"] = json!(20);
        let educators = now["educators"].as_array_mut().expect("a list");
        educators.remove(2);
        educators[0]["time_off"] = json!([{"first": "2026-09-14", "last": "2026-09-15"}]);
        educators[1]["licenses"] = json!([]);
        educators[1]["max_preps"] = json!(2);
        educators[1]["availability"][0]["end"] = json!("11:00");
        now["vetoes"] = json!([{"educator": "bo", "school": "hs"}]);

        let (on, id) = (|day| Date::ymd(2026, 9, day), ToOwned::to_owned);
        let need = |need: &str, became| News::Need { need: need.into(), became };
        let told = [
            News::Closed { place: id("ny"), on: on(10) },
            News::Opened { place: id("ny"), on: on(7) },
            News::OtherBells { place: id("ny"), on: on(11), bells: id("early") },
            News::Periods { school: id("hs") },
            need("s1", Became::Changed),
            need("v4", Became::Ended),
            need("v5", Became::Changed),
            News::StudentLeft { student: id("k2"), services: 2 },
            News::Educator { educator: id("cy"), became: Became::Ended },
            News::Away { educator: id("ana"), first: on(14), last: on(15) },
            News::Papers { educator: id("bo") },
            News::Hours { educator: id("bo") },
            News::Terms { educator: id("bo") },
            News::Decided,
        ];
        let after = read(&now);
        assert_eq!(between(&before, &after), told);
        // The way back tells of the same places and people.
        let back = between(&after, &before);
        assert!(back.contains(&News::Back { educator: id("ana"), first: on(14), last: on(15) }), "{back:?}");
        assert!(back.contains(&News::OtherBells { place: id("ny"), on: on(11), bells: id("regular") }), "{back:?}");
        assert!(back.contains(&News::Educator { educator: id("cy"), became: Became::New }), "{back:?}");
    }
}
