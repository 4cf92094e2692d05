//! Checks of pins, incumbents, vetoes and together rows, and of what everything could cost.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::{Names, Problem};
use crate::engine::problem::Pair;
use crate::engine::rule::Flaw;

/// The largest total that floating-point numbers still tell to the cent.
const MAX_TOTAL: i128 = 1 << 53;

pub fn check(problem: &Problem, names: &Names<'_>, findings: &mut Findings) {
    let vetoes: BTreeSet<_> = problem.vetoes.iter().map(|row| (row.educator.as_str(), row.school.as_str())).collect();
    check_pairs("/incumbents", &problem.incumbents, names, findings);
    check_pairs("/pins", &problem.pins, names, findings);
    let mut bundles: BTreeMap<&str, &str> = BTreeMap::new();
    for (n, pin) in problem.pins.iter().enumerate() {
        let at = format!("/pins/{n}");
        if names.school_of(&pin.need).is_some_and(|school| vetoes.contains(&(pin.educator.as_str(), school))) {
            let cause = format!("{:?} is pinned to {:?}, who is vetoed at its school", pin.need, pin.educator);
            findings.add(Flaw::VetoedPin, &at, "educator", cause);
        }
        let bundle = names.sections.get(pin.need.as_str()).and_then(|section| section.bundle.as_deref());
        if let Some(bundle) = bundle.filter(|bundle| *bundles.entry(bundle).or_insert(&pin.educator) != pin.educator) {
            let cause = format!("another section of bundle {bundle:?} is pinned to {:?}", bundles[bundle]);
            findings.add(Flaw::SplitPins, &at, "educator", cause);
        }
    }
    for (n, veto) in problem.vetoes.iter().enumerate() {
        let at = format!("/vetoes/{n}");
        findings.known(
            &at,
            "educator",
            "educator",
            &veto.educator,
            names.educators.contains_key(veto.educator.as_str()),
        );
        findings.known(&at, "school", "school", &veto.school, names.schools.contains_key(veto.school.as_str()));
    }
    for (n, row) in problem.together.iter().enumerate() {
        let at = format!("/together/{n}");
        findings.not_empty(&at, "needs", &row.needs);
        findings.no_repeats(&at, "needs", &row.needs);
        findings.cents(&at, "cents", row.cents);
        for (m, need) in row.needs.iter().enumerate() {
            findings.known(&format!("{at}/needs"), m, "need", need, names.school_of(need).is_some());
        }
    }
}

/// References lead somewhere, and each need has one row.
fn check_pairs(at: &str, rows: &[Pair], names: &Names<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (n, row) in rows.iter().enumerate() {
        let at = format!("{at}/{n}");
        findings.known(&at, "need", "need", &row.need, names.school_of(&row.need).is_some());
        findings.known(&at, "educator", "educator", &row.educator, names.educators.contains_key(row.educator.as_str()));
        if !seen.insert(&row.need) {
            findings.add(Flaw::SecondRow, &at, "need", format!("an earlier row is about {:?} too", row.need));
        }
    }
}

/// An upper bound of any honest total must stay exact everywhere it is computed.
pub fn check_sums(problem: &Problem, findings: &mut Findings) {
    let days = i128::from(problem.term.last.number() - problem.term.first.number() + 1);
    let count = |n: usize| i128::try_from(n).unwrap_or(i128::MAX);
    let weight = i128::from(problem.weights.unserved_cents_per_minute);
    let pay = problem.educators.iter().map(|row| i128::from(row.pay_cents_per_minute)).max().unwrap_or(0);
    let sections = problem.sections.iter().map(|row| (row.priority, 1440 * count(row.meets.len())));
    let services = problem.services.iter().map(|row| (row.priority, i128::from(row.minutes)));
    let needs: i128 = sections
        .chain(services)
        .map(|(priority, minutes)| days * minutes * (weight * i128::from(priority) + pay))
        .sum();
    let people: i128 = problem
        .educators
        .iter()
        .map(|row| i128::from(row.activation_cents) + i128::from(row.prep_cents) * count(problem.courses.len()))
        .sum();
    let split: i128 = problem.together.iter().map(|row| i128::from(row.cents) * count(row.needs.len())).sum();
    let change = i128::from(problem.weights.change_cents) * count(problem.incumbents.len());
    if needs + people + split + change > MAX_TOTAL {
        let cause = "the costs could add up to more than 2^53 cents, beyond which no sum is exact";
        findings.add(Flaw::HugeTotal, "", "weights", cause);
    }
}
