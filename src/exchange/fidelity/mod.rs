//! The fidelity report of a student: what is owed and what was delivered, period by period, with the log and every policy
//! figure it was counted by. As a table (CSV), a workbook (XLSX) and a document to print (PDF). No name is in it.

mod pdf;
mod table;
mod workbook;

use chrono::{DateTime, Utc};

use crate::domain::ledger::{Ledger, Sums};
use crate::domain::log::{LogEntry, MissReason, ToLog};
use crate::domain::time::Date;

pub use pdf::pdf;
pub use table::csv;
pub(super) use table::safe;
pub use workbook::xlsx;

/// What cannot be written, which is a defect of ours.
#[derive(Debug, thiserror::Error)]
#[error("the table or report cannot be written: {0}")]
pub struct Unwritable(pub(super) String);

/// One line of the student, with its ledger and its log.
#[derive(Clone, Debug)]
pub struct ReportLine {
    pub service: String,
    pub school: String,
    pub term: String,
    /// As the IEP says it, else in its normal form.
    pub written: String,
    pub ledger: Ledger,
    pub log: Vec<LogEntry>,
    /// Sessions that are over and of which nothing is said.
    pub to_log: Vec<ToLog>,
}

/// Everything that the report says.
#[derive(Clone, Debug)]
pub struct Report {
    /// The district's pseudonymous key.
    pub student_key: String,
    pub district: String,
    pub on: Date,
    pub made_at: DateTime<Utc>,
    pub lines: Vec<ReportLine>,
}

/// Names of the figures of a period, in the order of [`figures`].
const FIGURES: [&str; 21] = [
    "owed",
    "delivered",
    "made_up",
    "missed_student_absent",
    "missed_provider_absent",
    "missed_closure",
    "missed_school_activity",
    "missed_refused",
    "missed_technical",
    "missed_other",
    "scheduled",
    "booked",
    "unlogged",
    "unscheduled",
    "unheld",
    "to_make_up",
    "to_review",
    "excused",
    "remaining",
    "beyond_delivered",
    "beyond_scheduled",
];

fn figures(sums: &Sums) -> Vec<i64> {
    let missed = MissReason::ALL.into_iter().map(|reason| sums.missed.get(&reason).copied().unwrap_or(0));
    let after = [
        sums.scheduled,
        sums.booked,
        sums.unlogged,
        sums.unscheduled,
        sums.unheld,
        sums.to_make_up,
        sums.to_review,
        sums.excused,
        sums.remaining,
        sums.beyond.delivered,
        sums.beyond.scheduled,
    ];
    [sums.owed, sums.delivered, sums.made_up].into_iter().chain(missed).chain(after).collect()
}

/// The policy figures of a ledger on one line.
fn policy(ledger: &Ledger) -> String {
    let said = ledger.policy.iter().map(|figure| format!("{}={} ({})", figure.key, figure.value, figure.scope));
    said.collect::<Vec<_>>().join("; ")
}

/// When a session was, as the log says.
fn times(entry: &LogEntry) -> String {
    match (entry.starts, entry.ends) {
        (Some(starts), Some(ends)) => format!("{starts}-{ends}"),
        _ => String::new(),
    }
}
