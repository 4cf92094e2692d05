//! Cautions: what no rule forbids and the cost does not say, but whoever gives a need to an educator should know.

use super::candidates::Warning;
use super::grid::{EducatorIx, Grid, Need};
use super::pairing::{Asked, Filter, Rules};
use super::rule::Caution;
use super::search::Offer;
use super::search::book::Book;

/// Days after the last meeting within which the end of a license is worth a word.
const SOON: i64 = 30;
/// Share of the weekly limit, in percent, from which a week counts as nearly full.
const NEARLY: i64 = 90;

/// The cautions about a need that the book has just given to an educator; `left` other needs were left to nobody for it.
/// `asked` is what the need asks of a license.
pub fn of(book: &Book<'_, '_>, asked: &[Asked<'_>], (need, offer): (Need, &Offer), left: usize) -> Vec<Warning> {
    let (grid, educator) = (book.grid, offer.educator);
    let mut found = Vec::new();
    let mut warn = |caution: Caution, said: String| found.push(Warning { code: caution.code().into(), said });
    if left > 0 {
        warn(Caution::Displaces, format!("{} would be left to nobody", needs(left)));
    }
    let now = grid.incumbents_of(need);
    if !now.is_empty() && !now.contains(&educator) {
        warn(Caution::Takes, "somebody else serves it now".into());
    }
    let away = away_minutes(grid, (need, offer));
    if away > 0 {
        warn(Caution::Away, format!("{away} minutes of it fall on days off"));
    }
    if let Some((ends, days)) = ends_soon(grid, asked, educator) {
        warn(Caution::Expires, format!("the license ends on {ends}, {days} days after the last meeting"));
    }
    let (most, limit) =
        (book.minutes_of(educator).0.iter().copied().max(), grid.educator(educator).max_minutes_per_week);
    if let Some(most) = most.filter(|most| *most * 100 >= limit * NEARLY) {
        warn(Caution::Full, format!("the fullest week would have {most} of {limit} minutes"));
    }
    let splits = |row: &&usize| book.together_served(**row).keys().any(|other| *other != educator);
    if grid.together_of(need).iter().any(|row| splits(&row)) {
        warn(Caution::Splits, "somebody else serves a need that belongs with it".into());
    }
    if let Need::Service(service) = need {
        let wanted = grid.services[service].wanted;
        if offer.slots.len() < wanted {
            warn(Caution::Fewer, format!("there is room for {} of {wanted} sessions", offer.slots.len()));
        }
    }
    found
}

fn needs(n: usize) -> String {
    if n == 1 { "another need".into() } else { format!("{n} other needs") }
}

fn away_minutes(grid: &Grid<'_>, (need, offer): (Need, &Offer)) -> i64 {
    match need {
        Need::Block(block) => {
            grid.blocks[block].sections.iter().map(|&s| grid.section_away_minutes(s, offer.educator)).sum()
        }
        Need::Service(service) => {
            offer.slots.iter().map(|&slot| grid.away_minutes(service, slot, offer.educator)).sum()
        }
    }
}

/// The date on which the longest of the licenses that serve ends, where it ends soon after the last meeting, and how many
/// days after.
fn ends_soon(grid: &Grid<'_>, asked: &[Asked<'_>], educator: EducatorIx) -> Option<(String, i64)> {
    let person = grid.educator(educator);
    let ends = |asked: &Asked<'_>| {
        let serves = person.licenses.iter().filter(|license| Rules::serves(Filter::Validity, asked, license));
        let longest = serves.map(|license| license.expires).max()?;
        Some((longest.number() - asked.last.number(), longest))
    };
    let (days, ends) = asked.iter().filter_map(ends).min()?;
    (days < SOON).then(|| (ends.format("%B %-d, %Y").to_string(), days))
}
