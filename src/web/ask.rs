//! The form that asks for a run: which term and districts, how long, what counts for how much, and what to suppose.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{locks, suppose, words};
use crate::api::error::{Error, FieldIssue};
use crate::domain::id::{DistrictId, EducatorId, RunId, TermId};
use crate::domain::record::Stored;
use crate::domain::records::{District, Pin, Veto};
use crate::domain::run::{Run, RunSettings};
use crate::store::directory::{self, TermNumbers};
use crate::store::{self, Tx};

/// What was typed into the form, and what is wrong with it.
#[derive(Default)]
pub struct Typed {
    term: String,
    districts: Vec<String>,
    seconds: String,
    /// In percent.
    gap: String,
    /// In dollars; empty is what the term says.
    unserved: String,
    change: String,
    without: Vec<String>,
    start: String,
    supply: suppose::Typed,
    wrong: BTreeMap<&'static str, String>,
    /// What the records themselves refuse.
    issues: Vec<FieldIssue>,
    /// Locks that no schedule can keep.
    pub locks: Vec<locks::Told>,
}

impl Typed {
    pub fn new(fields: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "term" => typed.term = value,
                "district" => typed.districts.push(value),
                "seconds" => typed.seconds = value,
                "gap" => typed.gap = value,
                "unserved" => typed.unserved = value,
                "change" => typed.change = value,
                "without" => typed.without.push(value),
                "start" => typed.start = value,
                // Whatever is nobody's is passed over.
                name => drop(typed.supply.take(name, value)),
            }
        }
        typed
    }

    pub fn usual(term: Option<TermId>) -> Self {
        let typed = Self::of(&RunSettings::default());
        Self { term: term.map_or(String::new(), |term| term.to_string()), ..typed }
    }

    /// As another run was asked for, to begin with its schedule.
    pub fn copied(run: &Run) -> Self {
        let districts = run.district_ids.iter().map(ToString::to_string).collect();
        Self { term: run.term_id.to_string(), districts, start: run.id.to_string(), ..Self::of(&run.settings) }
    }

    fn of(settings: &RunSettings) -> Self {
        let price = |cents: Option<i64>| cents.map_or(String::new(), dollars);
        Self {
            seconds: settings.seconds.to_string(),
            gap: (settings.gap * 100.0).to_string(),
            unserved: price(settings.unserved_cents_per_minute),
            change: price(settings.change_cents),
            without: settings.without.iter().map(ToString::to_string).collect(),
            supply: suppose::Typed::of(settings),
            ..Self::default()
        }
    }

    /// Takes what a run was refused for: at what was typed, or of the records.
    pub fn refuse(&mut self, issues: Vec<FieldIssue>) {
        let (supposed, of_records): (Vec<_>, Vec<_>) =
            issues.into_iter().partition(|issue| suppose::line_of(&issue.pointer).is_some());
        let told = |issue: &FieldIssue| {
            suppose::line_of(&issue.pointer).map(|line| format!("line {}: {}", line + 1, issue.message))
        };
        let told: Vec<String> = supposed.iter().filter_map(told).collect();
        if !told.is_empty() {
            self.wrong.insert("with", told.join(" "));
        }
        self.issues = of_records;
    }

    /// What is asked for; none leaves in `wrong` why not.
    pub fn read(&mut self) -> Option<(TermId, Vec<DistrictId>, RunSettings)> {
        let term: Option<TermId> = self.term.parse().ok();
        let districts: Result<Vec<DistrictId>, _> = self.districts.iter().map(|id| id.parse()).collect();
        let without: Result<Vec<EducatorId>, _> = self.without.iter().map(|id| id.parse()).collect();
        let start = Some(self.start.as_str()).filter(|id| !id.is_empty()).map(str::parse::<RunId>).transpose();
        let seconds = self.seconds.trim().parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
        let gap: Option<f64> = self.gap.trim().trim_end_matches('%').trim().parse().ok();
        let gap = gap.filter(|gap| (0.0..=100.0).contains(gap));
        let (unserved, change) = (cents(&self.unserved), cents(&self.change));
        let supply = self.supply.read();
        let mut wrong = |refused: bool, field, why: &str| {
            if refused {
                self.wrong.insert(field, why.into());
            }
        };
        wrong(term.is_none(), "term", "choose a term");
        wrong(districts.is_err(), "district", "choose districts from the list");
        wrong(without.is_err(), "without", "choose educators from the list");
        wrong(seconds.is_none(), "seconds", "give whole seconds from 1 to 86400");
        wrong(gap.is_none(), "gap", "give a percentage from 0 to 100, such as 0.5");
        wrong(unserved.is_err(), "unserved", unserved.err().unwrap_or_default());
        wrong(change.is_err(), "change", change.err().unwrap_or_default());
        if let Err(why) = &supply {
            self.wrong.insert("with", why.clone());
        }
        let (with, longer) = supply.ok()?;
        let settings = RunSettings {
            seconds: seconds?,
            gap: gap? / 100.0,
            start_from: start.ok()?,
            unserved_cents_per_minute: unserved.ok()?,
            change_cents: change.ok()?,
            without: without.ok()?,
            with,
            longer,
            ..RunSettings::default()
        };
        Some((term?, districts.ok()?, settings))
    }
}

/// Dollars as a form takes them: `12.50`.
fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Dollars as cents, nothing as nothing; whatever is neither is refused with what to give.
fn cents(text: &str) -> Result<Option<i64>, &'static str> {
    const GIVE: &str = "give dollars from 0 to 10000000, such as 12.50, or nothing for what the term says";
    let text = text.trim().trim_start_matches('$').replace(',', "");
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 2 {
        return Err(GIVE);
    }
    let cents: i64 = format!("{whole}{part:0<2}").parse().map_err(|_| GIVE)?;
    if cents <= 1_000_000_000 { Ok(Some(cents)) } else { Err(GIVE) }
}

/// The form with everything it offers.
pub struct Form {
    typed: Typed,
    districts: Vec<Stored<District>>,
    educators: Vec<(EducatorId, String)>,
    offered: suppose::Offered,
    locks: usize,
    bans: usize,
}

impl Form {
    pub async fn read(tx: &mut Tx, typed: Typed) -> Result<Self, Error> {
        let mut educators: Vec<_> = directory::educator_names(tx).await?.into_iter().collect();
        educators.sort_by_cached_key(|(_, name)| name.to_lowercase());
        Ok(Self {
            typed,
            districts: store::every::<District>(tx).await?,
            educators,
            offered: suppose::Offered { areas: directory::areas(tx).await?, states: directory::states(tx).await? },
            locks: store::every::<Pin>(tx).await?.len(),
            bans: store::every::<Veto>(tx).await?.len(),
        })
    }

    pub fn show(&self, terms: &[TermNumbers]) -> Markup {
        let typed = &self.typed;
        let wrong = |field: &str| typed.wrong.get(field);
        let supposed = !(typed.unserved.is_empty() && typed.change.is_empty() && typed.without.is_empty());
        let opened = supposed
            || typed.supply.is_used()
            || ["unserved", "change", "without", "with"].iter().any(|field| wrong(field).is_some());
        html! {
            section.card aria-labelledby="start" {
                h2 #start { "Start a run" }
                @if !typed.issues.is_empty() {
                    div.note.bad role="alert" {
                        p { strong { "The records do not make a problem that can be solved." } " Mend these, then start again:" }
                        ul.small { @for issue in &typed.issues { li { code { (issue.pointer) } ": " (issue.message) } } }
                    }
                }
                @if !typed.locks.is_empty() { (locks::show(&typed.locks)) }
                form method="post" action="/runs" {
                    div.field {
                        label for="term" { "Term" }
                        select #term name="term" required {
                            @for term in terms {
                                option value=(term.id) selected[typed.term == term.id.to_string()] { (term.name) }
                            }
                        }
                        @if let Some(why) = wrong("term") { span.wrong { (why) } }
                    }
                    fieldset {
                        legend { "Districts" }
                        span.soft.small { "None chosen means all of the term." }
                        div.checks tabindex="0" role="group" aria-label="Districts" {
                            @for district in &self.districts {
                                label {
                                    input type="checkbox" name="district" value=(district.id) checked[typed.districts.contains(&district.id.to_string())];
                                    (district.body.name) " (" (district.body.state) ")"
                                }
                            }
                        }
                        @if let Some(why) = wrong("district") { div.field { span.wrong { (why) } } }
                    }
                    div.fields {
                        (number("seconds", "Seconds to spend", &typed.seconds, "At most; 300 is usual.", wrong("seconds"), true))
                        (number("gap", "Gap in percent", &typed.gap, "Stop this close to the best possible; 0 asks for a proof.", wrong("gap"), true))
                    }
                    @if !typed.start.is_empty() {
                        label.check {
                            input type="checkbox" name="start" value=(typed.start) checked;
                            span { "Begin with the schedule of " a href=(format!("/runs/{}", typed.start)) { "that run" } }
                        }
                    }
                    details open[opened] {
                        summary { "What if …" }
                        p.soft.small #what-if { "Only this run supposes it; the records stay as they are." }
                        div.fields {
                            (number("unserved", "Dollars for a minute not served", &typed.unserved, "More: serve more, whatever it costs. Nothing: as the term says.", wrong("unserved"), false))
                            (number("change", "Dollars for a need that changes hands", &typed.change, "More: leave needs with who serves them now. Nothing: as the term says.", wrong("change"), false))
                        }
                        div.field {
                            label for="without" { "Plan without" }
                            select #without name="without" multiple size="5" aria-describedby="without-hint" {
                                @for (id, name) in &self.educators {
                                    option value=(id) selected[typed.without.contains(&id.to_string())] { (name) }
                                }
                            }
                            span.hint id="without-hint" { @if let Some(why) = wrong("without") { span.wrong { (why) } } "Educators who may leave, say: as if they were not there." }
                        }
                        (typed.supply.show(&self.offered, &self.educators, wrong("with")))
                    }
                    p.soft.small {
                        a href="/decisions" { (words::plural(self.locks, "lock")) " and " (words::plural(self.bans, "ban")) } " hold in it."
                    }
                    button type="submit" { "Start the run" }
                }
            }
        }
    }
}

fn number(name: &str, label: &str, value: &str, hint: &str, wrong: Option<&String>, required: bool) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) inputmode="decimal" value=(value) required[required] aria-describedby=(hint_id) aria-invalid=[wrong.map(|_| "true")];
            span.hint id=(hint_id) { @if let Some(why) = wrong { span.wrong { (why) } } (hint) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::domain::run::RunState;
    use crate::web::samples;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        Typed::new(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_form_is_read_with_its_gap_in_percent_and_any_number_of_districts() {
        let (term, a, b) = (TermId::fresh(), DistrictId::fresh(), DistrictId::fresh());
        let (t, a_text, b_text) = (term.to_string(), a.to_string(), b.to_string());
        let mut form =
            typed(&[("term", &t), ("district", &a_text), ("district", &b_text), ("seconds", "60"), ("gap", "0.5 %")]);
        let (asked, districts, settings) = form.read().expect("a good form");
        assert_eq!((asked, districts, settings.seconds), (term, vec![a, b], 60));
        assert!((settings.gap - 0.005).abs() < 1e-12);
        assert_eq!((settings.change_cents, settings.without), (None, Vec::new()));
    }

    #[test]
    fn every_refused_field_is_named_and_what_was_typed_stays() {
        let mut form =
            typed(&[("term", "x"), ("district", "y"), ("seconds", "0"), ("gap", "<b>NaN"), ("change", "1.234")]);
        assert!(form.read().is_none());
        assert_eq!(form.wrong.keys().copied().collect::<Vec<_>>(), ["change", "district", "gap", "seconds", "term"]);
        let offered = suppose::Offered { areas: vec!["math".into()], states: Vec::new() };
        let form = Form { typed: form, districts: Vec::new(), educators: Vec::new(), offered, locks: 1, bans: 2 };
        let text = form.show(&[samples::term()]).into_string();
        for part in [
            "give whole seconds from 1 to 86400",
            "value=\"&lt;b&gt;NaN\"",
            "aria-invalid=\"true\"",
            "1 lock and 2 bans",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn dollars_become_cents_and_nothing_stays_nothing() {
        let read: Vec<_> =
            ["", "12.5", "$1,000", "0", "-1", "x", "1e3", ".5", "10000000.01"].map(|text| cents(text).ok()).into();
        assert_eq!(read[..4], [Some(None), Some(Some(1250)), Some(Some(100_000)), Some(Some(0))]);
        assert!(read[4..].iter().all(Option::is_none), "{read:?}");
    }

    #[test]
    fn a_copied_run_asks_for_the_same_again() {
        let mut run = samples::run(RunState::Succeeded, Some("optimal"));
        let without = vec![EducatorId::fresh()];
        run.settings = RunSettings { change_cents: Some(12_345), without, gap: 0.0, ..run.settings };
        let (term, _, settings) = Typed::copied(&run).read().expect("a good form");
        assert_eq!((term, settings), (run.term_id, RunSettings { start_from: Some(run.id), ..run.settings }));
    }
}
