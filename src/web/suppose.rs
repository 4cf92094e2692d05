//! What a run may suppose of its supply, on the form that asks for one: educators who are not there, more hours. And what a
//! run has supposed, in words.

use maud::{Markup, html};

use super::settings::ZONES;
use super::words;
use crate::domain::id::EducatorId;
use crate::domain::run::RunSettings;
use crate::domain::supply::{Longer, Supposed};
use crate::domain::time::{self, Tz};

/// What a line asks for, by the name of its field.
const FIELDS: [&str; 8] = ["count", "areas", "states", "zone", "hours", "from", "to", "pay"];

/// One line as it was typed, by [`FIELDS`].
type Line = [String; FIELDS.len()];

/// What was typed. Each line sends every field, in order.
#[derive(Default)]
pub struct Typed {
    lines: Vec<Line>,
    /// Hours a week.
    longer: String,
    who: Vec<String>,
}

impl Typed {
    /// Takes a field that is one of these; hands any other back.
    pub fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "longer" => self.longer = value,
            "longer_who" => self.who.push(value),
            _ => {
                let field = name.strip_prefix("with_").and_then(|name| FIELDS.iter().position(|field| *field == name));
                let Some(field) = field else { return Err(value) };
                if field == 0 {
                    self.lines.push(Line::default());
                }
                if let Some(line) = self.lines.last_mut() {
                    line[field] = value;
                }
            }
        }
        Ok(())
    }

    pub fn of(settings: &RunSettings) -> Self {
        let line = |one: &Supposed| {
            let pay = one.pay_cents_per_minute.map_or(String::new(), |cents| hundredths(cents * 60));
            [
                one.count.to_string(),
                one.areas.join(", "),
                one.states.join(", "),
                one.tz.name().to_owned(),
                hours(one.minutes_per_week),
                one.start.to_string(),
                one.end.to_string(),
                pay,
            ]
        };
        Self {
            lines: settings.with.iter().map(line).collect(),
            longer: settings.longer.as_ref().map_or(String::new(), |longer| hours(longer.minutes_per_week)),
            who: settings.longer.iter().flat_map(|longer| &longer.educators).map(ToString::to_string).collect(),
        }
    }

    /// Whether anything is typed into it.
    pub fn is_used(&self) -> bool {
        !self.longer.trim().is_empty() || self.lines.iter().any(is_used)
    }

    /// What is supposed, or why it cannot be.
    pub fn read(&self) -> Result<(Vec<Supposed>, Option<Longer>), String> {
        let mut with = Vec::new();
        for (n, line) in self.lines.iter().filter(|line| is_used(line)).enumerate() {
            with.push(supposed(line).map_err(|why| format!("line {}: {why}", n + 1))?);
        }
        let longer = match self.longer.trim() {
            "" => None,
            text => {
                let minutes_per_week = minutes(text).ok_or("give the further hours a week as a number, such as 5")?;
                let educators: Result<Vec<EducatorId>, _> = self.who.iter().map(|id| id.parse()).collect();
                Some(Longer { educators: educators.map_err(|_| "choose educators from the list")?, minutes_per_week })
            }
        };
        let settings = RunSettings { with, longer, ..RunSettings::default() };
        let mut errors = Vec::new();
        settings.check_supply(&mut errors);
        match errors.into_iter().next() {
            Some(error) => Err(error.message),
            None => Ok((settings.with, settings.longer)),
        }
    }

    pub fn show(&self, offered: &Offered, educators: &[(EducatorId, String)], wrong: Option<&String>) -> Markup {
        let empty = Line::default();
        let used: Vec<&Line> = self.lines.iter().filter(|line| is_used(line)).collect();
        html! {
            @if let Some(why) = wrong { div.field { span.wrong { (why) } } }
            datalist #areas { @for area in &offered.areas { option value=(area) {} } }
            datalist #states { @for state in &offered.states { option value=(state) {} } }
            @for n in 0..=used.len() { (line(n, used.get(n).copied().unwrap_or(&empty))) }
            p.soft.small { "Several areas or states stand with commas between. Such educators are licensed for all grades and cleared in their states. Without pay they cost what most educators cost. A run with people or hours that are not there can be compared, not published." }
            fieldset {
                legend { "More hours" }
                div.fields {
                    div.field {
                        label for="longer" { "Hours a week more" }
                        input #longer name="longer" inputmode="decimal" value=(self.longer);
                    }
                    div.field {
                        label for="longer-who" { "For" }
                        select #longer-who name="longer_who" multiple size="4" aria-describedby="longer-hint" {
                            @for (id, name) in educators { option value=(id) selected[self.who.contains(&id.to_string())] { (name) } }
                        }
                        span.hint #longer-hint { "None chosen means everybody." }
                    }
                }
            }
        }
    }
}

/// Which line of supposed educators a pointer of a refused request is about, from 0.
pub fn line_of(pointer: &str) -> Option<usize> {
    pointer.strip_prefix("/with/")?.split('/').next()?.parse().ok()
}

/// What the form offers to choose from.
pub struct Offered {
    pub areas: Vec<String>,
    pub states: Vec<String>,
}

fn is_used(line: &Line) -> bool {
    let [count, areas, states, ..] = line;
    !matches!(count.trim(), "" | "0") || !areas.trim().is_empty() || !states.trim().is_empty()
}

fn supposed(line: &Line) -> Result<Supposed, &'static str> {
    let [count, areas, states, zone, hours, from, to, pay] = line;
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    };
    let pay = match pay.trim().trim_start_matches('$') {
        "" => None,
        text => {
            let hour: f64 = text.parse().map_err(|_| "give dollars an hour, such as 45, or nothing")?;
            Some(rounded(hour * 100.0 / 60.0).ok_or("give dollars an hour, such as 45, or nothing")?)
        }
    };
    Ok(Supposed {
        count: count.trim().parse().map_err(|_| "say how many, 1 to 100")?,
        states: list(states).into_iter().map(|state| state.to_ascii_uppercase()).collect(),
        areas: list(areas),
        tz: zone.parse::<Tz>().map_err(|_| "choose a zone from the list")?,
        minutes_per_week: minutes(hours).ok_or("give the hours a week as a number, such as 25")?,
        start: from.parse().map_err(|_| "give the time from which they are there, such as 08:00")?,
        end: to.parse().map_err(|_| "give the time until which they are there, such as 16:00")?,
        pay_cents_per_minute: pay,
    })
}

/// Hours as whole minutes.
fn minutes(hours: &str) -> Option<i64> {
    hours.trim().parse::<f64>().ok().and_then(|hours| rounded(hours * 60.0))
}

#[expect(clippy::cast_possible_truncation, reason = "in a range that both hold")]
fn rounded(number: f64) -> Option<i64> {
    (0.0..=1e9).contains(&number).then(|| number.round() as i64)
}

/// Minutes as hours, such as `25` or `7.5`.
fn hours(minutes: i64) -> String {
    hundredths((minutes * 100 + 30) / 60)
}

/// Without zeros at its end.
fn hundredths(number: i64) -> String {
    let text = format!("{}.{:02}", number / 100, number % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn line(n: usize, line: &Line) -> Markup {
    let [count, areas, states, zone, hours, from, to, pay] = line;
    let now = time::now();
    let id = |field: &str| format!("with-{field}-{n}");
    let usual = |typed: &str, usual: &str| if typed.is_empty() { usual.to_owned() } else { typed.to_owned() };
    let text = |field: &str, label: &str, value: &str, list: Option<&str>| {
        html! { div.field {
            label for=(id(field)) { (label) }
            input id=(id(field)) name=(format!("with_{field}")) value=(value) list=[list] autocomplete="off";
        } }
    };
    let own = zone.parse::<Tz>().ok().filter(|tz| !ZONES.contains(tz));
    html! {
        fieldset {
            legend { "More educators" @if n > 0 { ", line " (n + 1) } }
            div.fields {
                (text("count", "How many", count, None))
                (text("areas", "Licensed for", areas, Some("areas")))
                (text("states", "In the states", states, Some("states")))
                (text("hours", "Hours a week", &usual(hours, "25"), None))
                div.field.whole {
                    label for=(id("zone")) { "Their zone" }
                    select id=(id("zone")) name="with_zone" {
                        @for tz in own.iter().chain(&ZONES) { option value=(tz.name()) selected[tz.name() == zone] { (tz.name().replace('_', " ")) " (" (words::zone(now, *tz)) ")" } }
                    }
                }
                div.field { label for=(id("from")) { "There from" } input id=(id("from")) name="with_from" type="time" value=(usual(from, "08:00")); }
                div.field { label for=(id("to")) { "until" } input id=(id("to")) name="with_to" type="time" value=(usual(to, "16:00")); }
                (text("pay", "Dollars an hour", pay, None))
            }
        }
    }
}

/// Everything that a run supposes, a phrase each.
pub fn told(settings: &RunSettings, name: impl Fn(EducatorId) -> String) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(cents) = settings.unserved_cents_per_minute {
        said.push(format!("{} for a minute not served", words::dollars(cents)));
    }
    if let Some(cents) = settings.change_cents {
        said.push(format!("{} for a need that changes hands", words::dollars(cents)));
    }
    said.extend(settings.without.iter().map(|id| format!("without {}", name(*id))));
    for one in &settings.with {
        let more = words::plural(usize::try_from(one.count).unwrap_or(0), "more educator");
        let (areas, states) = (one.areas.join(", "), one.states.join(", "));
        said.push(format!("{more} for {areas} in {states}, {} hours a week each", hours(one.minutes_per_week)));
    }
    if let Some(longer) = &settings.longer {
        let who = match longer.educators.as_slice() {
            [] => "everybody".to_owned(),
            [one] => name(*one),
            more => words::plural(more.len(), "educator"),
        };
        said.push(format!("{} hours a week more for {who}", hours(longer.minutes_per_week)));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        let mut typed = Typed::default();
        for (name, value) in fields {
            typed.take(name, (*value).into()).expect("a field of the form");
        }
        typed
    }

    const LINE: [(&str, &str); 8] = [
        ("with_count", "2"),
        ("with_areas", "math, physics"),
        ("with_states", "az"),
        ("with_zone", "America/Phoenix"),
        ("with_hours", "7.5"),
        ("with_from", "08:00"),
        ("with_to", "16:00"),
        ("with_pay", "45"),
    ];

    #[test]
    fn a_line_is_read_in_hours_and_dollars_and_an_empty_one_is_passed_over() {
        let empty = LINE.map(|(name, _)| (name, if name == "with_hours" { "25" } else { "" }));
        let mut fields = empty.to_vec();
        fields.extend(LINE);
        let (with, longer) = typed(&fields).read().expect("is read");
        let [one] = with.as_slice() else { panic!("{with:?}") };
        assert_eq!((one.count, one.minutes_per_week, one.pay_cents_per_minute, longer), (2, 450, Some(75), None));
        assert_eq!(
            (one.areas.as_slice(), one.states.as_slice()),
            (&["math".into(), "physics".into()][..], &["AZ".into()][..])
        );
        let settings = RunSettings { with, ..RunSettings::default() };
        assert_eq!(Typed::of(&settings).read().expect("is read again").0, settings.with);
        assert_eq!(
            told(&settings, |_| String::new()),
            ["2 more educators for math, physics in AZ, 7.5 hours a week each"]
        );
    }

    #[test]
    fn what_cannot_be_supposed_is_told_with_what_to_give() {
        for (field, value, why) in [
            ("with_count", "many", "say how many"),
            ("with_count", "101", "give 1 to 100"),
            ("with_states", "Arizona", "two capital letters"),
            ("with_areas", " , ", "at least one license area"),
            ("with_zone", "Mars", "zone from the list"),
            ("with_hours", "NaN", "hours a week"),
            ("with_to", "07:00", "later than the start"),
            ("with_pay", "-1", "dollars an hour"),
        ] {
            let fields = LINE.map(|(name, usual)| (name, if name == field { value } else { usual }));
            let refused = typed(&fields).read().expect_err(field);
            assert!(refused.contains(why), "{field}: {refused}");
        }
        assert!(typed(&[("longer", "a few")]).read().is_err());
        let longer = typed(&[("longer", "5")]).read().expect("is read").1;
        assert_eq!(longer, Some(Longer { educators: Vec::new(), minutes_per_week: 300 }));
    }
}
