//! The term of the demo: four made-up districts in four zones, and a roster that can serve nearly all of them.
//!
//! What cannot be served is there on purpose, so that a newcomer sees the reasons: a license that ends in March, a state in
//! which nobody is cleared, a language that nobody speaks, and more physics at one hour than there are physicists.

use super::draw::Draw;
use super::needs::{COURSES, courses, grades, owned};
use super::places::{bell_day, clock, term};
use super::supply::every_grade;
use crate::domain::calendar::{BellChoice, Calendar, DateSpan};
use crate::domain::educator::Availability;
use crate::domain::license::License;
use crate::domain::need::{Meet, Per, ServiceWindow};
use crate::domain::time::{Date, Tz, Weekday};
use crate::engine::problem::{District, Educator, FORMAT, Problem, School, Section, Service, Together, Veto, Weights};

/// Id, name, state, zone, and its high, middle and elementary school.
const DISTRICTS: [(&str, &str, &str, Tz, [&str; 3]); 4] = [
    (
        "mesa-verde",
        "Mesa Verde Unified",
        "AZ",
        Tz::America__Phoenix,
        ["Saguaro High", "Ocotillo Middle", "Palo Verde Elementary"],
    ),
    (
        "hudson-falls",
        "Hudson Falls Central",
        "NY",
        Tz::America__New_York,
        ["Hudson Falls High", "Orchard Middle", "Maple Hill Elementary"],
    ),
    (
        "rio-seco",
        "Rio Seco ISD",
        "TX",
        Tz::America__Chicago,
        ["Rio Seco High", "Bluebonnet Middle", "Live Oak Elementary"],
    ),
    (
        "cedar-sound",
        "Cedar Sound Public Schools",
        "WA",
        Tz::America__Los_Angeles,
        ["Cedar Sound High", "Alder Middle", "Fern Hollow Elementary"],
    ),
];

/// What a district posts: a line of the course catalogue and how many sections of it.
const POSTED: [(&str, usize); 15] = [
    ("Algebra I", 4),
    ("Geometry", 3),
    ("Algebra II", 2),
    ("AP Calculus AB", 1),
    ("Middle School Math", 3),
    ("English 9", 2),
    ("Biology", 2),
    ("Chemistry", 2),
    ("Physics", 1),
    ("AP Computer Science A", 1),
    ("Spanish I", 3),
    ("ASL I", 1),
    ("US History", 2),
    ("Special Education Resource", 2),
    ("ESL", 1),
];

/// Names of the roster, and what they are licensed for; states are dealt out below.
const ROSTER: [(&str, &str, usize); 15] = [
    (
        "amara-okafor beth-lindqvist carlos-mendez dana-whitfield elif-aydin frank-oduya grace-tanaka hector-ruiz ines-carvalho jonas-berg",
        "mathematics",
        3,
    ),
    ("kavya-raman liam-doherty mina-park", "english", 4),
    ("noah-feldman olga-petrenko", "biology", 4),
    ("priya-nair quentin-moss", "chemistry", 4),
    ("rosa-delgado", "physics", 4),
    ("samir-haddad tess-van-dyke", "computer-science", 2),
    ("ursula-reyes victor-salas wendy-ibarra", "spanish", 3),
    ("xavier-cole", "american-sign-language", 4),
    ("yara-mansour zoe-lambert", "social-studies", 4),
    (
        "adam-kowalski bianca-russo chidi-eze delia-ortega emil-novak fatima-zahra gwen-harper hugo-martins iris-chen jamal-brooks",
        "special-education",
        3,
    ),
    ("keiko-mori luis-herrera", "esl", 3),
    (
        "maya-goldberg nadia-rahman oscar-lind paula-vega quinn-abbott rita-kaur stefan-ilic tara-mbeki",
        "speech-language-pathology",
        3,
    ),
    ("uma-shah vince-romano willa-frost yusuf-demir", "occupational-therapy", 3),
    ("zara-quist abel-tesfaye carmen-solis drew-hanley", "school-counseling", 3),
    ("elena-popov felix-grant gloria-ames henry-adeyemi isla-macrae jorge-pinto", "elementary", 3),
];

/// Kind of service, its area, minutes, times and per, largest group, share.
const OWED: [(&str, &str, i64, i64, Per, i64, usize); 7] = [
    ("speech-language", "speech-language-pathology", 30, 2, Per::Week, 4, 5),
    ("speech-language", "speech-language-pathology", 20, 1, Per::Week, 3, 4),
    ("occupational-therapy", "occupational-therapy", 30, 1, Per::Week, 2, 4),
    ("counseling", "school-counseling", 30, 2, Per::Month, 1, 3),
    ("specialized-reading", "special-education", 30, 3, Per::Week, 5, 5),
    ("specialized-math", "special-education", 30, 2, Per::Week, 5, 4),
    ("high-dosage-tutoring", "elementary", 30, 3, Per::Week, 4, 3),
];

const SERVICES_PER_DISTRICT: [usize; 4] = [38, 38, 37, 37];

/// The demo's problem, always the same one.
#[must_use]
pub fn problem() -> Problem {
    let mut draw = Draw::new(2026);
    let (mut sections, mut services, mut together) = (Vec::new(), Vec::new(), Vec::new());
    for (n, (id, ..)) in DISTRICTS.iter().enumerate() {
        sections.extend(posted(&mut draw, id));
        let owed = owed(&mut draw, id, SERVICES_PER_DISTRICT[n]);
        let students: Vec<&[Service]> = owed.chunk_by(|a, b| a.student == b.student).collect();
        together.extend(students.iter().filter(|rows| rows.len() > 1).map(|rows| Together {
            id: format!("together-{}", rows[0].student),
            needs: rows.iter().map(|row| row.id.clone()).collect(),
            cents: 15_000,
        }));
        services.extend(owed);
    }
    // A language of instruction that nobody on the roster has.
    for service in services.iter_mut().filter(|service| service.school == "mesa-verde-elementary").take(2) {
        service.languages = owned(&["nv"]);
    }
    let educators: Vec<Educator> = ROSTER
        .iter()
        .flat_map(|(names, area, states)| names.split(' ').map(move |name| (name, *area, *states)))
        .enumerate()
        .map(|(n, (name, area, states))| educator(&mut draw, n, name, area, states))
        .collect();
    Problem {
        format: FORMAT.into(),
        name: "demo 2026-27".into(),
        term: term(),
        grid_minutes: 15,
        weights: Weights::default(),
        districts: DISTRICTS.iter().enumerate().map(|(n, row)| district(n, row)).collect(),
        schools: DISTRICTS.iter().enumerate().flat_map(|(n, row)| schools(n, row)).collect(),
        courses: courses(),
        sections,
        services,
        educators,
        incumbents: Vec::new(),
        pins: Vec::new(),
        vetoes: vec![Veto { educator: "ed-frank-oduya".into(), school: "rio-seco-high".into() }],
        together,
    }
}

fn district(n: usize, (id, name, state, tz, _): &(&str, &str, &str, Tz, [&str; 3])) -> District {
    let week = |first: Date, days: i64| (0..days).map(move |day| first.plus_days(day));
    // Two begin early in August, two on the day after Labor Day; all end on a Friday.
    let (first, last) = [(0, 0), (29, 28), (0, 0), (29, 28)][n];
    let (first, last) = (term().first.plus_days(first), Date::ymd(2027, 5, 21).plus_days(last));
    let mut closed = vec![Date::ymd(2026, 9, 7), Date::ymd(2026, 11, 11)];
    closed.extend(week(Date::ymd(2026, 11, 23), 5));
    closed.extend(week(Date::ymd(2026, 12, 21), 12));
    closed.extend([Date::ymd(2027, 1, 18), Date::ymd(2027, 2, 15)]);
    closed.extend(week(Date::ymd(2027, 3, 8).plus_days([1, 3, 0, 4][n] * 7), 5));
    closed.push(Date::ymd(2027, 5, 31));
    let mut bell_schedule = BellChoice { default: "regular".into(), weekdays: [].into(), dates: [].into() };
    if n == 3 {
        bell_schedule.weekdays.insert(Weekday::Wed, "early-release".into());
    }
    bell_schedule.dates.insert(Date::ymd(2026, 10, 14), "early-release".into());
    District {
        id: (*id).into(),
        name: (*name).into(),
        state: (*state).into(),
        tz: *tz,
        calendar: Calendar {
            first,
            last,
            weekdays: Weekday::ALL[..5].to_vec(),
            closed: closed.into_iter().filter(|day| (first..=last).contains(day)).collect(),
            cycle: Vec::new(),
            bell_schedule,
        },
    }
}

fn schools(n: usize, (id, _, _, _, names): &(&str, &str, &str, Tz, [&str; 3])) -> Vec<School> {
    let starts = [[450, 480, 485], [465, 480, 510], [500, 490, 465], [510, 480, 540]][n];
    let school = |(level, name): (usize, &&str)| School {
        id: format!("{id}-{}", ["high", "middle", "elementary"][level]),
        district: (*id).into(),
        name: (*name).into(),
        tz: None,
        calendar: None,
        bell_schedules: bell_day(starts[level], 50, 7),
    };
    names.iter().enumerate().map(school).collect()
}

/// The sections of a district: each course's in periods that follow one another, so that one educator can take several.
fn posted(draw: &mut Draw, district: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    for (name, count) in POSTED {
        let (course, line) =
            COURSES.iter().enumerate().find(|(_, line)| line.0 == name).expect("posted courses are in the catalogue");
        let school = if line.3 == ["07"] { "middle" } else { "high" };
        // Physics is wanted at the very same hour everywhere in the east and the middle.
        let from = if name == "Physics" { 3 } else { 1 + draw.below(7) };
        for n in 0..count {
            let period = format!("P{}", (from + n - 1) % 7 + 1);
            sections.push(Section {
                id: format!("{district}-{}-{}", name.to_lowercase().replace(' ', "-"), n + 1),
                school: format!("{district}-{school}"),
                course: format!("c{course:02}"),
                grades: grades(line.3),
                meets: vec![Meet { period, days: None, cycle_days: None }],
                first: None,
                last: None,
                priority: if name == "AP Calculus AB" { 2 } else { 1 },
                students: Some(draw.between(14, 29)),
                bundle: (name == "Algebra II").then(|| format!("{district}-algebra-ii")),
                languages: Vec::new(),
            });
        }
    }
    sections
}

fn owed(draw: &mut Draw, district: &str, count: usize) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    let mut student = 0;
    while services.len() < count {
        student += 1;
        let level = draw.pick(&["elementary", "elementary", "elementary", "middle", "high"]);
        let among: &[&str] = match level {
            "elementary" => &["KG", "01", "02", "03", "04", "05"],
            "middle" => &["06", "07", "08"],
            _ => &["09", "10", "11"],
        };
        let grade = grades(&[draw.pick(among)])[0];
        let start = draw.pick(&[510, 540, 570, 600, 780]);
        let window = |start: u16, length: u16| ServiceWindow {
            days: Weekday::ALL[..5].iter().map(|day| day.name().into()).collect(),
            start: clock(start),
            end: clock(start + length),
        };
        let kinds = draw.pick(&[1, 1, 2]);
        for kind in draw.sample(&OWED, kinds).into_iter().take(count - services.len()) {
            let (service, area, minutes, times, per, max_group, _) = kind;
            if (area == "elementary" && level != "elementary") || !draw.chance(20 * kind.6) {
                continue;
            }
            services.push(Service {
                id: format!("{district}-iep-{:03}", services.len() + 1),
                student: format!("{district}-student-{student:03}"),
                school: format!("{district}-{level}"),
                service: service.into(),
                areas: owned(&[area]),
                grade,
                minutes,
                times,
                per,
                windows: vec![window(start, 120), window(start.max(660), 90)],
                max_group,
                grade_span: 2,
                first: draw.chance(10).then(|| Date::ymd(2026, 10, 5)),
                last: None,
                priority: 2,
                languages: Vec::new(),
            });
        }
    }
    services
}

fn educator(draw: &mut Draw, n: usize, name: &str, area: &str, states: usize) -> Educator {
    let home = n % 4;
    let licensed: Vec<&str> = (0..states).map(|step| DISTRICTS[(home + step) % 4].2).collect();
    let all = every_grade();
    let grades = match area {
        "elementary" => all[1..9].to_vec(),
        "special-education" | "speech-language-pathology" | "occupational-therapy" | "school-counseling" => all,
        _ => all[7..].to_vec(),
    };
    let license = |state: &&str| License {
        state: (*state).into(),
        area: area.into(),
        grades: grades.clone(),
        issued: Date::ymd(2022, 7, 1),
        // The only one for sign language: in New York the license ends before the term does.
        expires: Date::ymd(if area == "american-sign-language" && *state == "NY" { 2027 } else { 2030 }, 3, 31),
    };
    Educator {
        id: format!("ed-{name}"),
        tz: DISTRICTS[home].3,
        licenses: licensed.iter().map(license).collect(),
        // Nobody is cleared for computer science in Washington.
        clearances: owned(&licensed).into_iter().filter(|state| area != "computer-science" || state != "WA").collect(),
        availability: vec![Availability {
            days: Weekday::ALL[..5].to_vec(),
            start: clock(draw.pick(&[360, 390, 420])),
            end: clock(draw.pick(&[960, 1020, 1080])),
        }],
        time_off: if n % 9 == 4 {
            let first = Date::ymd(2026, 11, 2).plus_days(7 * i64::try_from(n % 20).unwrap_or(0));
            vec![DateSpan { first, last: first.plus_days(2) }]
        } else {
            Vec::new()
        },
        max_minutes_per_week: draw.pick(&[1200, 1500, 1500]),
        max_minutes_per_day: 330,
        max_preps: 3,
        max_sections: 6,
        max_students: Some(45),
        buffer_minutes: 5,
        languages: if area == "spanish" || n.is_multiple_of(7) { owned(&["es"]) } else { Vec::new() },
        pay_cents_per_minute: draw.between(70, 110),
        activation_cents: 30_000,
        prep_cents: 20_000,
    }
}
