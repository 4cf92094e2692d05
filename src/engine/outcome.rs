//! The answer: a schedule in the format of the specification, its cost, and how the run ended.

use serde::{Deserialize, Serialize};

use crate::domain::time::Clock;

use super::rule::{Issue, Rule};
use super::validate;

/// Read a schedule. Its form is checked, with every issue told; whether it keeps the rules is for `verify` to say.
pub fn read(bytes: &[u8]) -> Result<Schedule, Vec<Issue>> {
    validate::read_schedule(bytes)
}

/// The only value of a schedule's field `format`.
pub const FORMAT: &str = "staffing-schedule/1";

/// Who serves what. What is not listed is unserved. Keys beside these (a solver's report) are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub format: String,
    #[serde(default)]
    pub sections: Vec<SectionAssignment>,
    #[serde(default)]
    pub services: Vec<ServiceAssignment>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { format: FORMAT.into(), sections: Vec::new(), services: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionAssignment {
    pub section: String,
    pub educator: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAssignment {
    pub service: String,
    pub educator: String,
    pub sessions: Vec<WeeklySession>,
}

/// A slot of the week (or cycle, or month) that repeats over the term.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeeklySession {
    /// A weekday, or a cycle label.
    pub day: String,
    /// On the school's clock.
    pub start: Clock,
    /// Which instructional occurrences of the weekday in each month; none is every week.
    #[serde(default)]
    pub weeks: Option<Vec<u8>>,
}

/// The cost of a schedule in cents, term by term (specification §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub unserved: i64,
    pub pay: i64,
    pub activation: i64,
    pub prep: i64,
    pub split: i64,
    pub change: i64,
    pub total: i64,
}

impl Cost {
    /// The same terms with `total` made their sum.
    #[must_use]
    pub fn summed(self) -> Self {
        let total = self.unserved + self.pay + self.activation + self.prep + self.split + self.change;
        Self { total, ..self }
    }
}

/// One broken rule, found by recounting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's code; `H00` where the schedule itself is malformed.
    pub code: String,
    /// Ids of the needs, educators, students or bundles concerned.
    pub about: Vec<String>,
    pub message: String,
}

impl Violation {
    #[must_use]
    pub fn new(rule: Rule, about: impl IntoIterator<Item = impl Into<String>>, message: impl Into<String>) -> Self {
        Self { code: rule.code().into(), about: about.into_iter().map(Into::into).collect(), message: message.into() }
    }
}

/// What an independent recount of a schedule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub valid: bool,
    pub violations: Vec<Violation>,
    pub cost: Cost,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Proven: no schedule costs less.
    Optimal,
    /// Within the gap that was asked for.
    WithinGap,
    /// A limit (seconds, nodes, memory, a stop) came first; the bound still holds.
    Limit,
    /// The schedule failed verification: a defect of ours, never an answer.
    Defective,
}

/// Which limits end a run, and its seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Branch-and-bound nodes in any one programme; none is no limit. With the same nodes and seed the
    /// answer is the same, byte for byte.
    pub nodes: Option<u64>,
    /// Relative gap at which to stop, for example 0.01; 0 asks for a proof.
    pub gap: f64,
    pub seed: u32,
    pub threads: usize,
    /// Mend the schedule to start from where it no longer holds, leave the rest as it is, and end.
    #[serde(default)]
    pub repair: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes: None, gap: 0.0, seed: 1, threads: 2, repair: false }
    }
}

/// Progress, as it happens. Costs in cents.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress<'s> {
    pub incumbent: Option<i64>,
    pub bound: Option<i64>,
    /// The schedule behind `incumbent`, where this event brings a better one.
    pub schedule: Option<&'s Schedule>,
}

/// Relative gap between a schedule's cost and a lower bound: (cost − bound) / cost; 0 where both are 0.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a ratio for people; the integers are kept beside it")]
pub fn gap(cost: i64, bound: i64) -> f64 {
    if cost <= bound { 0.0 } else { (cost - bound) as f64 / (cost.max(1)) as f64 }
}

/// What the engine says of itself beside the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub status: Status,
    /// Cost of the schedule in cents, recounted by `verify`.
    pub objective: i64,
    /// No schedule of this problem costs less than this many cents.
    pub bound: i64,
    pub gap: f64,
    /// How the bound was obtained.
    pub bound_from: String,
    pub cost: Cost,
    /// Cents owed for minutes that no qualified educator could serve whatever one does: news for HR, not
    /// for the solver.
    pub unstaffable: i64,
    pub counts: Counts,
    pub unserved: Vec<Unserved>,
    /// Violations found by `verify`; empty unless `status` is `defective`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Wall seconds and peak memory are the caller's to fill: the engine has no clock.
    #[serde(default)]
    pub seconds: f64,
    #[serde(default)]
    pub peak_rss_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub sections: usize,
    pub sections_served: usize,
    pub services: usize,
    /// Every minute owed is served.
    pub services_served: usize,
    pub services_partly_served: usize,
    pub educators: usize,
    pub educators_used: usize,
    /// (need, educator) pairs that the static rules allow.
    pub pairings: usize,
    /// Connected components of the pairing graph that have both a need and an educator.
    pub components: usize,
    pub minutes_owed: i64,
    pub minutes_served: i64,
}

/// A need that is not, or not wholly, served: how educators dropped out, and the smallest change found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unserved {
    pub need: String,
    pub minutes_owed: i64,
    pub minutes_served: i64,
    /// Educators that remain after each filter, in the order they are applied.
    pub waterfall: Vec<WaterfallStep>,
    /// One sentence that names the step at which nobody was left.
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestFix>,
    /// Educators looked at for `nearest`; 0 where none was looked for: nobody holds such a license, somebody
    /// is free already, or the need is beyond the 500 (in a repair the 50) with most cents missing.
    #[serde(default)]
    pub nearest_tried: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaterfallStep {
    /// `state`, `area`, `grade`, `validity`, `clearance`, `language`, `veto`, `availability`, `load`, `conflicts`.
    pub filter: String,
    /// The rule behind the filter.
    pub rule: String,
    pub remaining: usize,
}

/// The nearest educator and the single change that would serve the need, confirmed by re-checking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearestFix {
    pub educator: String,
    pub rule: String,
    pub change: String,
    /// Minutes more that would then be served with everything else as it is: of the need (of its whole
    /// bundle), less those that the change displaces.
    pub minutes_gained: i64,
    /// How it was confirmed, for example `re-checked against the schedule`.
    pub confirmed: String,
}

/// A schedule with its report: what `solve` writes and what a run keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub schedule: Schedule,
    pub report: Report,
}
