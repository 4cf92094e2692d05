//! The report as one CSV table: a row for each period of each line.

use super::{FIGURES, Report, Unwritable, figures, policy};
use crate::domain::log::ToLog;

/// UTF-8, with a header row; the policies stand in the last column of every row.
///
/// # Errors
/// [`Unwritable`], which is a defect.
pub fn csv(report: &Report) -> Result<Vec<u8>, Unwritable> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let refuse = |error: csv::Error| Unwritable(error.to_string());
    let before = [
        "district",
        "student_key",
        "term",
        "school",
        "service",
        "line",
        "period",
        "first_on",
        "last_on",
        "school_days",
        "counted",
    ];
    out.write_record(before.into_iter().chain(FIGURES).chain(["pace", "short_by", "to_log", "policy"]))
        .map_err(refuse)?;
    for line in &report.lines {
        let policy = policy(&line.ledger);
        for period in &line.ledger.periods {
            let texts = [&report.district, &report.student_key, &line.term, &line.school, &line.service, &line.written];
            let mut row: Vec<String> = texts.into_iter().map(|text| safe(text)).collect();
            row.extend([period.period.clone(), period.first_on.to_string(), period.last_on.to_string()]);
            row.extend([period.days.to_string(), period.why.to_owned()]);
            row.extend(figures(&period.sums).iter().map(ToString::to_string));
            let to_log =
                line.to_log.iter().filter(|one| period.first_on <= one.held_on && one.held_on <= period.last_on);
            let to_log: Vec<String> = to_log.map(unlogged).collect();
            row.extend([period.pace.to_string(), period.sums.short().to_string(), to_log.join("; "), policy.clone()]);
            out.write_record(row).map_err(refuse)?;
        }
    }
    out.into_inner().map_err(|error| Unwritable(error.to_string()))
}

/// `2026-09-15 10:00-10:30`
fn unlogged(one: &ToLog) -> String {
    let nobody = if one.unheld { " (nobody held it)" } else { "" };
    format!("{} {}-{}{nobody}", one.held_on, one.starts, one.ends)
}

/// Text that a spreadsheet would take for a formula is marked as text (OWASP, CSV injection).
pub fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.into() }
}
