//! Random problems small enough to try every schedule, with every feature of the format in play.

use bellwether::engine::outcome::{Schedule, SectionAssignment, ServiceAssignment, WeeklySession};
use bellwether::engine::problem::{self, Problem, Service};
use bellwether::engine::verify::verify;
use serde_json::{Value, json};

use crate::shared::Dice;

/// A problem of two or three educators, up to three sections and two services over three weeks.
pub fn problem(seed: u64) -> Problem {
    let mut dice = Dice(seed);
    let d = &mut dice;
    let cycle = d.one_in(3);
    let mut calendar = json!({"first": "2026-10-19", "last": "2026-11-13", "closed": ["2026-11-11"],
        "bell_schedule": {"default": "r", "dates": {"2026-10-28": "early"}}});
    if cycle {
        calendar["cycle"] = json!(["A", "B"]);
    }
    let bell = |scale: usize| -> Vec<Value> {
        (0..3)
            .map(|n| {
                let at = 540 + n * (scale + 10);
                json!({"id": format!("P{n}"), "start": clock(at), "end": clock(at + scale)})
            })
            .collect()
    };
    let zones = ["America/New_York", "America/Phoenix", "America/Denver"];
    let schools: Vec<Value> = (0..2)
        .map(|n| {
            json!({"id": format!("sc{n}"), "district": "d", "tz": zones[n],
        "bell_schedules": [{"id": "r", "periods": bell(50)}, {"id": "early", "periods": bell(30)}]})
        })
        .collect();
    let sections: Vec<Value> = (0..=d.below(3)).map(|n| {
        let mut meet = json!({"period": format!("P{}", d.below(3))});
        if cycle && d.one_in(2) {
            meet["cycle_days"] = json!(["A"]);
        } else if d.one_in(2) {
            meet["days"] = json!(["mon", "wed"]);
        }
        let mut row = json!({"id": format!("s{n}"), "school": word(d, &["sc0", "sc1"]), "course": word(d, &["c0", "c1"]),
            "grades": ["09"], "meets": [meet], "priority": 1 + d.below(3)});
        if d.one_in(3) {
            row["bundle"] = json!("b");
        }
        row
    }).collect();
    let services: Vec<Value> = (0..=d.below(3)).map(|n| {
        let per = if cycle { "cycle" } else { word(d, &["week", "week", "month"]) };
        let days: Vec<&str> = if cycle { vec!["A", "B"] } else if d.one_in(2) { vec!["mon", "tue"] } else { vec!["tue"] };
        let times = if per == "month" { 1 + d.below(4) } else { 1 + d.below(2) };
        let start = 540 + 30 * d.below(3);
        json!({"id": format!("i{n}"), "student": word(d, &["st0", "st1"]), "school": word(d, &["sc0", "sc0", "sc1"]), "service": "speech",
            "areas": ["slp"], "grade": word(d, &["02", "03", "09"]), "minutes": 30, "times": times, "per": per,
            "max_group": 1 + d.below(3), "grade_span": 1 + d.below(7), "priority": 1 + d.below(2),
            "windows": [{"days": days, "start": clock(start), "end": clock(start + 30 + 30 * d.below(2))}]})
    }).collect();
    let educators: Vec<Value> = (0..2 + d.below(2)).map(|n| educator(d, n)).collect();
    let mut needs: Vec<String> = (0..sections.len()).map(|n| format!("s{n}")).collect();
    needs.extend((0..services.len()).map(|n| format!("i{n}")));
    let mut document = json!({"format": "staffing-problem/1", "name": "tiny", "term": {"first": "2026-10-19", "last": "2026-11-13"},
        "grid_minutes": 30, "weights": {"unserved_cents_per_minute": 20 + d.below(200), "change_cents": 5000},
        "districts": [{"id": "d", "name": "d", "state": "NY", "tz": "America/New_York", "calendar": calendar}],
        "schools": schools, "courses": [{"id": "c0", "areas": ["math"]}, {"id": "c1", "areas": ["math", "slp"]}],
        "sections": sections, "services": services, "educators": educators,
        "together": [{"id": "t", "needs": needs, "cents": 4000}]});
    let is_bundled = |section: &&Value| section["bundle"] == "b";
    let bundled: Vec<Value> =
        document["sections"].as_array().into_iter().flatten().filter(is_bundled).cloned().collect();
    let mut of_bundle = None;
    for need in &needs {
        if d.one_in(4) {
            push(&mut document, "incumbents", json!({"need": need, "educator": word(d, &["e0", "e1"])}));
        }
        if d.one_in(12) {
            let mut educator = word(d, &["e0", "e1"]);
            if bundled.iter().any(|section| section["id"] == **need) {
                // Pins of one bundle to two educators are bad input, and no problem.
                educator = *of_bundle.get_or_insert(educator);
            }
            push(&mut document, "pins", json!({"need": need, "educator": educator}));
        }
    }
    // A pin against a veto is bad input, and no problem.
    let pinned = document["pins"].as_array().is_some_and(|pins| pins.iter().any(|pin| pin["educator"] == "e1"));
    if d.one_in(6) && !pinned {
        push(&mut document, "vetoes", json!({"educator": "e1", "school": "sc1"}));
    }
    problem::read(document.to_string().as_bytes()).unwrap_or_else(|issues| panic!("seed {seed}: {issues:?}"))
}

fn word(d: &mut Dice, of: &[&'static str]) -> &'static str {
    d.pick(of).copied().expect("not empty")
}

fn push(document: &mut Value, key: &str, row: Value) {
    if document[key].is_null() {
        document[key] = json!([]);
    }
    document[key].as_array_mut().expect("a list").push(row);
}

fn educator(d: &mut Dice, n: usize) -> Value {
    let mut row = json!({"id": format!("e{n}"), "tz": word(d, &["America/New_York", "America/Phoenix", "America/Denver"]),
        "licenses": [], "clearances": ["NY"], "availability": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "06:00", "end": clock(720 + 60 * d.below(6))}],
        "max_minutes_per_week": 30 * (2 + d.below(20)), "max_minutes_per_day": 30 * (2 + d.below(6)), "max_preps": 1 + d.below(2),
        "max_sections": 1 + d.below(3), "max_students": 1 + d.below(2), "buffer_minutes": 10 * d.below(3),
        "pay_cents_per_minute": 10 + d.below(60), "activation_cents": 1000 * d.below(10), "prep_cents": 1000 * d.below(6)});
    for area in ["math", "slp"] {
        if !d.one_in(4) {
            push(
                &mut row,
                "licenses",
                json!({"state": "NY", "area": area, "grades": ["02", "03", "09"], "issued": "2020-07-01",
                "expires": if d.one_in(8) { "2026-11-01" } else { "2030-06-30" }}),
            );
        }
    }
    if d.one_in(3) {
        row["time_off"] = json!([{"first": "2026-10-20", "last": "2026-10-27"}]);
    }
    row
}

fn clock(minute: usize) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The least cost of any valid schedule, by trying them all; none where pins contradict the rules.
pub fn brute_force(problem: &Problem) -> Option<i64> {
    let educators: Vec<&str> = problem.educators.iter().map(|e| e.id.as_str()).collect();
    let mut best = None;
    let mut schedule = Schedule::default();
    try_sections(problem, &educators, 0, &mut schedule, &mut best);
    best
}

fn try_sections(problem: &Problem, educators: &[&str], n: usize, schedule: &mut Schedule, best: &mut Option<i64>) {
    let Some(section) = problem.sections.get(n) else { return try_services(problem, educators, 0, schedule, best) };
    try_sections(problem, educators, n + 1, schedule, best);
    for educator in educators {
        schedule.sections.push(SectionAssignment { section: section.id.clone(), educator: (*educator).into() });
        try_sections(problem, educators, n + 1, schedule, best);
        schedule.sections.pop();
    }
}

fn try_services(problem: &Problem, educators: &[&str], n: usize, schedule: &mut Schedule, best: &mut Option<i64>) {
    let Some(service) = problem.services.get(n) else {
        let verdict = verify(problem, schedule);
        if verdict.valid && best.is_none_or(|known| verdict.cost.total < known) {
            *best = Some(verdict.cost.total);
        }
        return;
    };
    try_services(problem, educators, n + 1, schedule, best);
    let slots = slots(problem, service);
    let wanted = if service.times == 1 || format!("{:?}", service.per) == "Month" { 1 } else { 2 };
    let mut choices: Vec<Vec<WeeklySession>> = slots.iter().map(|s| vec![s.clone()]).collect();
    if wanted == 2 {
        for (k, a) in slots.iter().enumerate() {
            choices.extend(slots[k + 1..].iter().filter(|b| b.day != a.day).map(|b| vec![a.clone(), b.clone()]));
        }
    }
    for educator in educators {
        for sessions in &choices {
            schedule.services.push(ServiceAssignment {
                service: service.id.clone(),
                educator: (*educator).into(),
                sessions: sessions.clone(),
            });
            try_services(problem, educators, n + 1, schedule, best);
            schedule.services.pop();
        }
    }
}

/// What its window offers. A session for which no month of the term is long enough is none: the reference model has none
/// either, and it would keep an incumbent in name only.
fn slots(problem: &Problem, service: &Service) -> Vec<WeeklySession> {
    let window = &service.windows[0];
    let days = problem.districts[0].calendar.instructional_days(problem.term);
    let held = |day: &str, weeks: &Option<Vec<u8>>| {
        let of_day = || days.iter().filter(|d| d.date.weekday().to_string().eq_ignore_ascii_case(day));
        weeks.as_ref().is_none_or(|weeks| of_day().any(|d| weeks.contains(&d.nth)))
    };
    let patterns: Vec<Option<Vec<u8>>> = match (format!("{:?}", service.per).as_str(), service.times) {
        ("Month", 1) => (1..=4).map(|k| Some(vec![k])).collect(),
        ("Month", 2) => vec![Some(vec![1, 3]), Some(vec![2, 4])],
        ("Month", 3) => vec![Some(vec![1, 2, 3])],
        ("Month", _) => vec![Some(vec![1, 2, 3, 4])],
        _ => vec![None],
    };
    let mut found = Vec::new();
    for day in &window.days {
        let mut at = usize::from(window.start.minutes());
        while at + 30 <= usize::from(window.end.minutes()) {
            let start = clock(at).parse().expect("a clock time");
            let patterns = patterns.iter().filter(|weeks| held(day, weeks));
            found.extend(patterns.map(|weeks| WeeklySession { day: day.clone(), start, weeks: weeks.clone() }));
            at += 30;
        }
    }
    found
}
