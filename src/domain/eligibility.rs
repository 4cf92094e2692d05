//! Whether an educator's papers cover a service in a state on a day (domain.md §3a.5): teaching certificates, board
//! licenses, and privileges to practice under a compact. Evaluated day by day; knows no schedules.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Date;

/// What kind of paper it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// Of a state's education department.
    TeachingCertificate,
    /// Of a state's health board.
    BoardLicense,
    /// To practice in another state under a compact. It ends with the home state's license.
    Privilege,
}

/// One paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub paper: Paper,
    /// Postal code of the state where it counts.
    pub state: String,
    /// Of a privilege, the state whose board license it rests on.
    #[serde(default)]
    pub home: Option<String>,
    /// First and last day, both included.
    pub first_on: Date,
    pub last_on: Date,
}

/// Which papers a state's schools ask of a profession (ASHA's classification).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    TeachingCredential,
    BoardLicense,
    /// Both.
    Dual,
}

/// States of the Audiology and Speech-Language Pathology Interstate Compact: CompactConnect
/// `active_compact_member_jurisdictions`, commit 90ec07b of 2026-08-07.
pub const ASLP_MEMBERS: [&str; 35] = [
    "AL", "AK", "AR", "CO", "DE", "FL", "GA", "ID", "IN", "IA", "KS", "KY", "LA", "ME", "MD", "MN", "MS", "MO", "MT",
    "NE", "NH", "NC", "OH", "OK", "RI", "SC", "TN", "UT", "VT", "VA", "VI", "WA", "WV", "WI", "WY",
];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Where the student is.
    pub state: String,
    /// None where the program has no row for this profession in this state: a person decides.
    pub regime: Option<Regime>,
    /// States whose part of the compact issues privileges already.
    pub live: BTreeSet<String>,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ineligible {
    /// No rule is known: never assigned without a person's decision.
    UnknownNeedsDecision,
    MissingTeachingCredential,
    MissingBoardLicense,
    /// A privilege counts only in a state of the compact …
    NotMember,
    /// … that issues them already …
    MemberNotLive,
    /// … and while the home state's license is valid.
    HomeLicenseEnded,
}

/// Every reason why these papers do not cover the demand on a day; none is eligible.
#[must_use]
pub fn reasons(papers: &[Credential], demand: &Demand, on: Date) -> Vec<Ineligible> {
    let Some(regime) = demand.regime else { return vec![Ineligible::UnknownNeedsDecision] };
    let valid = |paper: &&Credential| paper.first_on <= on && on <= paper.last_on;
    let here =
        |kind: Paper| papers.iter().filter(valid).any(|paper| paper.paper == kind && paper.state == demand.state);
    let mut found = Vec::new();
    if regime != Regime::BoardLicense && !here(Paper::TeachingCertificate) {
        found.push(Ineligible::MissingTeachingCredential);
    }
    if regime != Regime::TeachingCredential && !here(Paper::BoardLicense) {
        found.extend(privilege(papers, demand, on));
    }
    found
}

/// Why no privilege stands in for the board's license.
fn privilege(papers: &[Credential], demand: &Demand, on: Date) -> Option<Ineligible> {
    let holds =
        papers.iter().any(|paper| paper.paper == Paper::BoardLicense && paper.first_on <= on && on <= paper.last_on);
    let privileges = papers.iter().filter(|paper| paper.paper == Paper::Privilege && paper.state == demand.state);
    let privileges: Vec<&Credential> = privileges.collect();
    if !ASLP_MEMBERS.contains(&demand.state.as_str()) {
        // Whoever is licensed elsewhere hopes for the compact, which does not reach here.
        return Some(if holds || !privileges.is_empty() {
            Ineligible::NotMember
        } else {
            Ineligible::MissingBoardLicense
        });
    }
    if privileges.is_empty() {
        return Some(Ineligible::MissingBoardLicense);
    }
    if !demand.live.contains(&demand.state) {
        return Some(Ineligible::MemberNotLive);
    }
    let home = |privilege: &Credential| {
        papers.iter().any(|paper| {
            paper.paper == Paper::BoardLicense
                && Some(&paper.state) == privilege.home.as_ref()
                && paper.first_on <= on
                && on <= paper.last_on
        })
    };
    let stands = |privilege: &&Credential| privilege.first_on <= on && on <= privilege.last_on && home(privilege);
    if privileges.iter().any(stands) { None } else { Some(Ineligible::HomeLicenseEnded) }
}

/// A run of days with the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stretch {
    pub first_on: Date,
    pub last_on: Date,
    /// None is eligible.
    pub reasons: Vec<Ineligible>,
}

/// The answer for every day between two dates, both included, in runs.
#[must_use]
pub fn stretches(papers: &[Credential], demand: &Demand, first: Date, last: Date) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut day = first;
    while day <= last {
        let reasons = reasons(papers, demand, day);
        match found.last_mut() {
            Some(run) if run.reasons == reasons => run.last_on = day,
            _ => found.push(Stretch { first_on: day, last_on: day, reasons }),
        }
        day = day.plus_days(1);
    }
    found
}
