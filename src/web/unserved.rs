//! The needs that a run leaves unserved: how educators dropped out one filter after another, and the nearest fix.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::pager;
use super::{needs, words};
use crate::api::error::Error;
use crate::domain::id::{EducatorId, NeedId, RecordId, SchoolId};
use crate::domain::records::{Educator, School};
use crate::domain::run::Run;
use crate::domain::time::{Date, Tz};
use crate::engine::outcome::{Report, Unserved};
use crate::engine::rule::Rule;
use crate::store::{self, Tx};

const PAGE: usize = 20;

/// What each filter of the waterfall leaves, and whether a person must mend the records for more to remain.
const STEPS: [(&str, &str, bool); 10] = [
    ("state", "licensed in the state", true),
    ("area", "licensed for the subject", true),
    ("grade", "licensed for the grades", true),
    ("validity", "licensed on all dates", true),
    ("clearance", "cleared in the state", true),
    ("language", "speak the language", true),
    ("veto", "not vetoed", true),
    ("availability", "available at the times", false),
    ("load", "with room in their limits", false),
    ("conflicts", "free beside other work", false),
];
/// Needs that some educator could have served.
const NO_STEP: &str = "choice";

/// Which of them are shown.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The filter at which nobody was left.
    at: Option<String>,
    /// Counts from 1.
    page: Option<usize>,
}

/// A need with the names that a person knows it by.
struct Named {
    need: Unserved,
    title: String,
    about: String,
    nearest: Option<String>,
}

/// One page of the needs, and how many there are at each filter.
pub struct Shortfall {
    rows: Vec<Named>,
    counts: BTreeMap<usize, usize>,
    at: Option<String>,
    page: usize,
    pages: usize,
}

/// The filter at which nobody was left, as its place in [`STEPS`].
fn emptied(need: &Unserved) -> usize {
    let step = need.waterfall.iter().find(|step| step.remaining == 0);
    step.and_then(|step| STEPS.iter().position(|(filter, ..)| *filter == step.filter)).unwrap_or(STEPS.len())
}

fn key(step: usize) -> &'static str {
    STEPS.get(step).map_or(NO_STEP, |(filter, ..)| filter)
}

/// Chooses and names what is shown; only that is looked up. Zones are called as they were when the run was asked for.
pub async fn shortfall(tx: &mut Tx, report: &Report, asked: &Asked, run: &Run) -> Result<Shortfall, Error> {
    let at = run.created_at;
    let supposed = run.settings.supposed_names();
    let mut shortfall = choose(report, asked);
    for row in &mut shortfall.rows {
        (row.title, row.about) = match row.need.need.parse() {
            Ok(id) => needs::find(tx, id).await?.map_or_else(needs::former, |need| (need.title, need.about)),
            Err(_) => needs::former(),
        };
        row.need.reason = spoken(tx, &row.need.reason, at).await?;
        if let Some(fix) = &mut row.need.nearest {
            row.nearest = Some(match fix.educator.parse().ok().and_then(|id: EducatorId| supposed.get(&id)) {
                Some(name) => name.clone(),
                None => educator(tx, &fix.educator).await?,
            });
            fix.change = spoken(tx, &fix.change, at).await?;
            fix.confirmed = spoken(tx, &fix.confirmed, at).await?;
        }
    }
    Ok(shortfall)
}

fn choose(report: &Report, asked: &Asked) -> Shortfall {
    let mut counts = BTreeMap::new();
    for need in &report.unserved {
        *counts.entry(emptied(need)).or_default() += 1;
    }
    let at = asked.at.clone().filter(|at| counts.keys().any(|step| key(*step) == at));
    let wanted = |need: &&Unserved| at.as_deref().is_none_or(|at| key(emptied(need)) == at);
    let all: Vec<&Unserved> = report.unserved.iter().filter(wanted).collect();
    let pages = all.len().div_ceil(PAGE).max(1);
    let page = asked.page.unwrap_or(1).clamp(1, pages);
    let name = |need: &&Unserved| Named {
        title: need.need.clone(),
        about: String::new(),
        nearest: None,
        need: (*need).clone(),
    };
    let rows = all.iter().skip((page - 1) * PAGE).take(PAGE).map(name).collect();
    Shortfall { rows, counts, at, page, pages }
}

/// What the engine says, with names for ids, and clocks and zones as people here say them.
pub(super) async fn spoken(tx: &mut Tx, text: &str, at: DateTime<Utc>) -> Result<String, Error> {
    let mut words = Vec::new();
    for word in text.split(' ') {
        let core = word.trim_matches(['(', ')', ',', '.', ':', ';']);
        let said = if let Some(tz) = core.parse::<Tz>().ok().filter(|_| core.contains('/')) {
            words.push(word.replace(core, &words::zone(at, tz)).replace(['(', ')'], ""));
            continue;
        } else if let Ok(date) = core.parse::<Date>() {
            Some(words::long_date(date))
        } else if core.len() == 36 && core.parse::<EducatorId>().is_ok() {
            name(tx, core).await?
        } else if let Some((from, to)) = core.split_once('–') {
            words::clock(from).zip(words::clock(to)).map(|(from, to)| format!("{from}–{to}"))
        } else {
            words::clock(core)
        };
        words.push(said.map_or_else(|| word.to_owned(), |said| word.replace(core, &said)));
    }
    Ok(words.join(" "))
}

/// Whatever has this id: an educator, a need or a school.
async fn name(tx: &mut Tx, id: &str) -> Result<Option<String>, Error> {
    let Ok(uuid) = id.parse::<EducatorId>().map(RecordId::uuid) else { return Ok(None) };
    if let Some(educator) = store::find::<Educator>(tx, EducatorId::from_uuid(uuid)).await? {
        return Ok(Some(educator.body.display_name));
    }
    if let Some(need) = needs::find(tx, NeedId::from_uuid(uuid)).await? {
        return Ok(Some(need.title));
    }
    Ok(store::find::<School>(tx, SchoolId::from_uuid(uuid)).await?.map(|school| school.body.name))
}

async fn educator(tx: &mut Tx, id: &str) -> Result<String, Error> {
    let Ok(known) = id.parse::<EducatorId>() else { return Ok(id.into()) };
    Ok(store::find::<Educator>(tx, known).await?.map_or(id.into(), |educator| educator.body.display_name))
}

/// The whole part of the page: what nobody could serve apart, then every need with its reasons.
pub fn section(shortfall: &Shortfall, report: &Report, address: &str) -> Markup {
    let total = report.unserved.len();
    let nobody: usize =
        shortfall.counts.iter().filter(|(step, _)| STEPS.get(**step).is_some_and(|s| s.2)).map(|(_, n)| n).sum();
    let to = |at: Option<&str>, page: usize| {
        let mut query: Vec<String> = at.map(|at| format!("at={at}")).into_iter().collect();
        query.extend((page > 1).then(|| format!("page={page}")));
        if query.is_empty() { format!("{address}#unserved") } else { format!("{address}?{}#unserved", query.join("&")) }
    };
    html! {
        @if report.unstaffable > 0 {
            div.note.warn {
                p {
                    strong { "No qualified educator, whatever one does: " }
                    (words::dollars(report.unstaffable)) " of the cost is for minutes that no schedule could serve"
                    @if nobody > 0 { " (" (words::plural(nobody, "need")) " below, marked " em { "to be mended in the records" } ")" }
                    ". That is for hiring and licensing, not for planning."
                }
            }
        }
        section.card aria-labelledby="unserved" {
            h2 #unserved { "Unserved needs" }
            @if total == 0 {
                p { "None: every minute owed is served." }
            } @else {
                p.soft { (words::plural(total, "need")) " not, or not wholly, served, by the filter at which nobody was left." }
                @if shortfall.counts.len() > 1 { ul.chips {
                    li { a href=(to(None, 1)) aria-current=[shortfall.at.is_none().then_some("true")] { "All" span.n { (total) } } }
                    @for (step, n) in &shortfall.counts {
                        li {
                            a href=(to(Some(key(*step)), 1)) aria-current=[(shortfall.at.as_deref() == Some(key(*step))).then_some("true")] {
                                (STEPS.get(*step).map_or("not chosen".into(), |(_, left, _)| format!("none {left}"))) span.n { (n) }
                            }
                        }
                    }
                } }
                ul.needs { @for row in &shortfall.rows { (need(row, address)) } }
                @if shortfall.pages > 1 {
                    p.soft.small { "Page " (shortfall.page) " of " (shortfall.pages) }
                    @let at = shortfall.at.as_deref();
                    (pager((shortfall.page > 1).then(|| to(at, 1)).as_deref(), (shortfall.page < shortfall.pages).then(|| to(at, shortfall.page + 1)).as_deref()))
                }
            }
        }
    }
}

fn need(row: &Named, address: &str) -> Markup {
    let need = &row.need;
    let missing = need.minutes_owed - need.minutes_served;
    let static_rule = STEPS.get(emptied(need)).is_some_and(|(.., mend)| *mend);
    html! {
        li {
            h3 { a href=(format!("{address}/needs/{}", need.need)) { (row.title) } }
            p.soft.small { (row.about) }
            p {
                strong { (words::count(missing)) " minutes" } " of " (words::count(need.minutes_owed)) " not served"
                @if static_rule { " · " span.badge.warn { "to be mended in the records" } }
            }
            @if !need.reason.is_empty() { p { (words::capital(&need.reason)) } }
            @if !need.waterfall.is_empty() {
                ol.waterfall aria-label="Educators left after each filter" {
                    @for step in &need.waterfall {
                        li.last[step.remaining == 0] title=(rule_title(&step.rule)) { (step.remaining) " " (left(&step.filter)) }
                    }
                }
            }
            @if let Some(fix) = &need.nearest {
                p.fix {
                    strong { "Nearest fix: " } (row.nearest.as_deref().unwrap_or(&fix.educator)) ": " (fix.change)
                    ", which serves " (words::count(fix.minutes_gained)) " more minutes. "
                    span.soft.small { (rule_title(&fix.rule)) " (" (fix.rule) "), " (fix.confirmed) }
                }
            }
        }
    }
}

fn left(filter: &str) -> &str {
    STEPS.iter().find(|(name, ..)| *name == filter).map_or(filter, |(_, left, _)| left)
}

/// The rule's title, from the catalogue.
pub fn rule_title(code: &str) -> &str {
    Rule::ALL.iter().find(|rule| rule.code() == code).map_or(code, |rule| rule.title())
}

/// The first page without names, for tests.
#[cfg(test)]
pub fn sample(report: &Report) -> Shortfall {
    choose(report, &Asked::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::outcome::Status;
    use crate::web::samples::{self, step, unserved};

    fn shown(report: &Report, at: Option<&str>, page: Option<usize>) -> String {
        let asked = Asked { at: at.map(Into::into), page };
        section(&choose(report, &asked), report, "/runs/7").into_string()
    }

    #[test]
    fn a_need_shows_its_waterfall_and_its_nearest_fix() {
        let text = shown(&samples::report(Status::Optimal, 0.0), None, None);
        for part in [
            "<strong>600 minutes</strong> of 900 not served",
            "Nobody is licensed &lt;for&gt; it",
            "4 licensed in the state",
            "<li class=\"last\" title=\"license\">0 licensed for the subject",
            "add a license row, which serves 600 more minutes",
            "to be mended in the records",
            "none free beside other work",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_filter_keeps_only_its_needs_and_an_unknown_one_keeps_all() {
        let report = samples::report(Status::Optimal, 0.0);
        let text = shown(&report, Some("conflicts"), None);
        assert!(text.contains(">n2</a></h3>") && !text.contains(">n1</a></h3>"), "{text}");
        assert!(shown(&report, Some("no such"), Some(99)).contains(">n1</a></h3>"));
    }

    #[test]
    fn a_long_list_is_shown_page_by_page() {
        let mut report = samples::report(Status::Limit, 0.1);
        report.unserved = (0..45).map(|n| unserved(&format!("n{n}"), vec![step("load", 0)])).collect();
        let text = shown(&report, Some("load"), Some(2));
        assert!(
            text.contains(">n20</a></h3>") && !text.contains(">n19</a></h3>") && text.contains("Page 2 of 3"),
            "{text}"
        );
        assert!(text.contains("/runs/7?at=load&amp;page=3#unserved"), "{text}");
    }

    #[test]
    fn nothing_unserved_is_good_news() {
        let mut report = samples::report(Status::Optimal, 0.0);
        report.unserved.clear();
        report.unstaffable = 0;
        let text = shown(&report, None, None);
        assert!(text.contains("every minute owed is served") && !text.contains("whatever one does"), "{text}");
    }
}
