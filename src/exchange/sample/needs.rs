//! Made-up needs: course sections and IEP services, in the mix that districts post and students are owed.

use super::draw::Draw;
use super::places::{Level, Place, clock};
use crate::domain::license::Grade;
use crate::domain::need::{Meet, Per, ServiceWindow};
use crate::domain::time::{Date, Weekday};
use crate::engine::problem::{Course, Section, Service, Together};

/// A line of the course catalogue: name, SCED code where there is one, license areas, grades, weight.
type Line = (&'static str, Option<&'static str>, &'static [&'static str], &'static [&'static str], usize);

pub const COURSES: &[Line] = &[
    ("Algebra I", Some("02052"), &["mathematics"], &["09"], 9),
    ("Geometry", Some("02072"), &["mathematics"], &["10"], 7),
    ("Algebra II", Some("02056"), &["mathematics"], &["11"], 6),
    ("AP Calculus AB", Some("02124"), &["mathematics"], &["12"], 2),
    ("Middle School Math", None, &["mathematics", "middle-grades-math"], &["07"], 6),
    ("English 9", Some("01001"), &["english"], &["09"], 5),
    ("English 11", Some("01003"), &["english"], &["11"], 4),
    ("Biology", Some("03051"), &["biology", "science"], &["09", "10"], 6),
    ("Chemistry", Some("03101"), &["chemistry", "science"], &["10", "11"], 6),
    ("Physics", Some("03151"), &["physics", "science"], &["11", "12"], 4),
    ("AP Computer Science A", Some("10157"), &["computer-science"], &["10", "11", "12"], 3),
    ("Spanish I", None, &["spanish"], &["09", "10"], 7),
    ("Spanish II", None, &["spanish"], &["10", "11"], 4),
    ("French I", None, &["french"], &["09", "10"], 2),
    ("ASL I", None, &["american-sign-language"], &["09", "10"], 2),
    ("US History", Some("04101"), &["social-studies"], &["11"], 3),
    ("Special Education Resource", None, &["special-education"], &["09", "10"], 6),
    ("ESL", None, &["esl"], &["09", "10"], 3),
    ("Middle School Science", None, &["science", "middle-grades-science"], &["06", "07", "08"], 3),
    ("Preschool Special Education", None, &["early-childhood-special-education"], &["PK"], 2),
];

/// A kind of service: name, license areas, weight, usual minutes, usual times a week (0: monthly), usual largest group.
type Kind = (&'static str, &'static [&'static str], usize, &'static [i64], &'static [i64], i64);

pub const SERVICES: &[Kind] = &[
    ("speech-language", &["speech-language-pathology"], 10, &[20, 30, 30, 30], &[1, 2, 2, 0], 4),
    ("occupational-therapy", &["occupational-therapy"], 5, &[30], &[1, 1, 0], 2),
    ("counseling", &["school-counseling", "school-social-work", "school-psychology"], 4, &[30, 30, 45], &[1, 1, 0], 3),
    ("specialized-reading", &["special-education"], 6, &[30, 45], &[2, 3, 4, 5], 5),
    ("specialized-math", &["special-education"], 5, &[30, 45], &[2, 3, 4, 5], 5),
    ("high-dosage-tutoring", &["mathematics", "english", "elementary"], 4, &[30], &[3], 4),
];

#[must_use]
pub fn courses() -> Vec<Course> {
    let course = |(n, (name, sced, areas, ..)): (usize, &Line)| Course {
        id: format!("c{n:02}"),
        name: (*name).into(),
        areas: owned(areas),
        sced: sced.map(Into::into),
    };
    COURSES.iter().enumerate().map(course).collect()
}

#[must_use]
pub fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.into()).collect()
}

#[must_use]
pub fn grades(names: &[&str]) -> Vec<Grade> {
    names.iter().map(|name| name.parse().expect("a grade of the table")).collect()
}

fn level_of(grades: &[&str]) -> Level {
    match grades[0] {
        "PK" => Level::Elementary,
        "06" | "07" => Level::Middle,
        _ => Level::High,
    }
}

/// Sections in vacancies of one to five, until there are `count`; unbundled vacancies become `together` rows.
pub fn sections(draw: &mut Draw, places: &[Place], count: usize) -> (Vec<Section>, Vec<Together>) {
    let (mut sections, mut together) = (Vec::new(), Vec::new());
    let numbered: Vec<(usize, &Line)> = COURSES.iter().enumerate().collect();
    while sections.len() < count {
        let &(course, &(_, _, _, for_grades, _)) = draw.weighted(&numbered, |(_, line)| line.4);
        let fitting: Vec<&Place> = places.iter().filter(|place| place.level == level_of(for_grades)).collect();
        let place = draw.pick(&fitting);
        let linked = draw.pick(&[1, 1, 2, 3, 5]).min(place.periods.len() - 1);
        let periods = draw.sample(&place.periods, linked);
        let vacancy = format!("v{:05}", sections.len());
        let (bundled, grouped) = (periods.len() > 1 && draw.chance(50), draw.chance(40));
        let (half, priority) = (draw.below(100), draw.pick(&[1, 1, 1, 2, 3]));
        let mut ids = Vec::new();
        for period in periods.into_iter().take(count - sections.len()) {
            let id = format!("s{:05}", sections.len());
            ids.push(id.clone());
            sections.push(Section {
                id,
                school: place.school.id.clone(),
                course: format!("c{course:02}"),
                grades: grades(for_grades),
                meets: vec![meet(draw, place, period)],
                first: (12..22).contains(&half).then(|| Date::ymd(2027, 1, 18)),
                last: (half < 12).then(|| Date::ymd(2027, 1, 15)),
                priority,
                students: Some(draw.between(8, 30)),
                bundle: bundled.then(|| vacancy.clone()),
                languages: if draw.chance(3) { vec!["es".into()] } else { Vec::new() },
            });
        }
        if grouped && !bundled && ids.len() > 1 {
            together.push(Together { id: format!("t-{vacancy}"), needs: ids, cents: 10_000 });
        }
    }
    (sections, together)
}

fn meet(draw: &mut Draw, place: &Place, period: String) -> Meet {
    let mut meet = Meet { period, days: None, cycle_days: None };
    if place.cycle.len() == 2 {
        meet.cycle_days = Some(draw.sample(&place.cycle, 1));
    } else if !place.cycle.is_empty() && draw.chance(60) {
        let often = 1 + draw.below(place.cycle.len() - 1);
        meet.cycle_days = Some(draw.sample(&place.cycle, often));
    } else if draw.chance(12) {
        let days = [&[0, 2, 4][..], &[1, 3], &[0, 1, 3]];
        let days = draw.pick(&days).iter().map(|&n| Weekday::ALL[n]);
        meet.days = Some(days.filter(|day| place.weekdays.contains(day)).collect());
    }
    meet
}

/// Services of one to three kinds a student, until there are `count`; a student's services become a `together` row.
pub fn services(draw: &mut Draw, places: &[Place], count: usize, grid_minutes: i64) -> (Vec<Service>, Vec<Together>) {
    let (mut services, mut together): (Vec<Service>, Vec<Together>) = (Vec::new(), Vec::new());
    while services.len() < count {
        let place = draw.weighted(places, |place| match place.level {
            Level::Elementary => 3,
            Level::Middle => 2,
            Level::High => 1,
        });
        let among: &[&str] = match place.level {
            Level::Elementary => &["PK", "KG", "01", "02", "03", "04", "05"],
            Level::Middle => &["06", "07", "08"],
            Level::High => &["09", "10", "11", "12"],
        };
        let (student, grade) = (format!("st{:06}", services.len()), grades(&[draw.pick(among)])[0]);
        let windows = windows(draw, place, grid_minutes);
        let kinds = draw.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 2, 3]);
        let from = services.len();
        for kind in draw.sample(SERVICES, kinds).into_iter().take(count - services.len()) {
            if draw.below(10) >= kind.2 {
                continue;
            }
            let (times, per) = frequency(draw, place, kind.4);
            services.push(Service {
                id: format!("i{:06}", services.len()),
                student: student.clone(),
                school: place.school.id.clone(),
                service: kind.0.into(),
                areas: owned(kind.1),
                grade,
                minutes: draw.pick(kind.3),
                times,
                per,
                windows: windows.clone(),
                max_group: draw.pick(&[1, kind.5, kind.5]),
                grade_span: draw.pick(&[1, 3, 3, 3]),
                first: draw.chance(15).then(|| Date::ymd(2026, 9, 1).plus_days(draw.between(0, 150))),
                last: draw.chance(5).then(|| Date::ymd(2027, 3, 1).plus_days(draw.between(0, 60))),
                priority: draw.pick(&[2, 2, 3]),
                languages: if draw.chance(4) { vec!["es".into()] } else { Vec::new() },
            });
        }
        if services.len() > from + 1 {
            let needs = services[from..].iter().map(|service| service.id.clone()).collect();
            together.push(Together { id: format!("t-{student}"), needs, cents: 15_000 });
        }
    }
    (services, together)
}

fn frequency(draw: &mut Draw, place: &Place, usual: &[i64]) -> (i64, Per) {
    let often = draw.pick(usual);
    if place.cycle.is_empty() {
        if often == 0 {
            (draw.pick(&[1, 1, 2, 3, 4]), Per::Month)
        } else {
            (often.min(i64::try_from(place.weekdays.len()).unwrap_or(7)), Per::Week)
        }
    } else {
        (often.clamp(1, i64::try_from(place.cycle.len()).unwrap_or(1)), Per::Cycle)
    }
}

fn windows(draw: &mut Draw, place: &Place, grid_minutes: i64) -> Vec<ServiceWindow> {
    let step = usize::try_from(grid_minutes.clamp(5, 60)).expect("a small number");
    let starts: Vec<usize> = (480..840).step_by(step).collect();
    let window = |draw: &mut Draw| {
        let start = u16::try_from(draw.pick(&starts)).expect("before midnight");
        let days = if place.cycle.is_empty() {
            let days = draw.pick(&[&[0, 1, 2, 3, 4][..], &[0, 2, 4], &[1, 3], &[0, 1, 3, 4]]);
            days.iter()
                .map(|&n| Weekday::ALL[n])
                .filter(|day| place.weekdays.contains(day))
                .map(|day| day.name().into())
                .collect()
        } else {
            let often = place.cycle.len() - draw.below(place.cycle.len().div_ceil(2));
            draw.sample(&place.cycle, often)
        };
        ServiceWindow { days, start: clock(start), end: clock(start + draw.pick(&[60, 75, 90, 120])) }
    };
    (0..draw.pick(&[1, 2, 2, 3])).map(|_| window(draw)).collect()
}
