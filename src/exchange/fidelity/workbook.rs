//! The report as a workbook: a sheet of periods, one of the log, one of what is to be logged, one of
//! the policies.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{FIGURES, Report, Unwritable, figures, times};

/// Four sheets, numbers as numbers.
///
/// # Errors
/// [`Unwritable`], which is a defect.
pub fn xlsx(report: &Report) -> Result<Vec<u8>, Unwritable> {
    written(report).map_err(|error| Unwritable(error.to_string()))
}

fn written(report: &Report) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // Equal reports give equal files.
    let made = ExcelDateTime::from_timestamp(report.made_at.timestamp())?;
    let title = format!("Service minutes of {}", report.student_key);
    book.set_properties(&DocProperties::new().set_title(title).set_author("Bellwether").set_creation_datetime(&made));
    periods(book.add_worksheet(), report)?;
    log(book.add_worksheet(), report)?;
    to_log(book.add_worksheet(), report)?;
    policies(book.add_worksheet(), report)?;
    book.save_to_buffer()
}

fn header(sheet: &mut Worksheet, name: &str, columns: &[&str]) -> Result<(), XlsxError> {
    sheet.set_name(name)?;
    sheet.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    for (column, text) in columns.iter().enumerate() {
        sheet.write_string_with_format(0, at(column), *text, &bold)?;
    }
    Ok(())
}

fn at(column: usize) -> u16 {
    u16::try_from(column).unwrap_or(u16::MAX)
}

fn texts(sheet: &mut Worksheet, row: u32, texts: &[&str]) -> Result<(), XlsxError> {
    for (column, text) in texts.iter().enumerate() {
        sheet.write_string(row, at(column), *text)?;
    }
    Ok(())
}

fn numbers(sheet: &mut Worksheet, row: u32, from: usize, numbers: &[i64]) -> Result<(), XlsxError> {
    for (n, number) in numbers.iter().enumerate() {
        // Minutes of a school year are far below where whole numbers stop being exact.
        let number = f64::from(i32::try_from(*number).unwrap_or(i32::MAX));
        sheet.write_number(row, at(from + n), number)?;
    }
    Ok(())
}

fn periods(sheet: &mut Worksheet, report: &Report) -> Result<(), XlsxError> {
    const BEFORE: [&str; 8] = ["term", "school", "service", "line", "period", "first_on", "last_on", "counted"];
    header(sheet, "Periods", &[&BEFORE[..], &["school_days"], &FIGURES[..], &["pace"]].concat())?;
    let mut row = 0;
    for line in &report.lines {
        for period in &line.ledger.periods {
            row += 1;
            let (first, last) = (period.first_on.to_string(), period.last_on.to_string());
            texts(
                sheet,
                row,
                &[&line.term, &line.school, &line.service, &line.written, &period.period, &first, &last, period.why],
            )?;
            let all = [&[period.days][..], &figures(&period.sums)[..], &[period.pace][..]].concat();
            numbers(sheet, row, BEFORE.len(), &all)?;
        }
    }
    Ok(())
}

fn log(sheet: &mut Worksheet, report: &Report) -> Result<(), XlsxError> {
    const BEFORE: [&str; 8] = ["service", "line", "held_on", "times", "outcome", "reason", "makes_up", "logged_by"];
    header(sheet, "Log", &[&BEFORE[..], &["planned", "delivered", "version"]].concat())?;
    let mut row = 0;
    for line in &report.lines {
        for entry in &line.log {
            row += 1;
            let makes_up = entry.makes_up.map(|id| id.to_string()).unwrap_or_default();
            let (held_on, times) = (entry.held_on.to_string(), times(entry));
            let reason = entry.reason.map_or("", |reason| reason.name());
            let outcome = entry.outcome.name();
            texts(
                sheet,
                row,
                &[&line.service, &line.written, &held_on, &times, outcome, reason, &makes_up, &entry.logged_by],
            )?;
            numbers(sheet, row, BEFORE.len(), &[entry.planned_minutes, entry.delivered_minutes, entry.version])?;
        }
    }
    Ok(())
}

fn to_log(sheet: &mut Worksheet, report: &Report) -> Result<(), XlsxError> {
    const BEFORE: [&str; 5] = ["service", "line", "held_on", "times", "held"];
    header(sheet, "To log", &[&BEFORE[..], &["minutes"]].concat())?;
    let mut row = 0;
    for line in &report.lines {
        for one in &line.to_log {
            row += 1;
            let (held_on, times) = (one.held_on.to_string(), format!("{}-{}", one.starts, one.ends));
            let held = if one.unheld { "by nobody" } else { "" };
            texts(sheet, row, &[&line.service, &line.written, &held_on, &times, held])?;
            numbers(sheet, row, BEFORE.len(), &[one.minutes])?;
        }
    }
    Ok(())
}

fn policies(sheet: &mut Worksheet, report: &Report) -> Result<(), XlsxError> {
    header(sheet, "Policies", &["line", "policy", "value", "set by", "standing", "effective_on", "citation"])?;
    let mut row = 0;
    for line in &report.lines {
        for figure in &line.ledger.policy {
            row += 1;
            let since = figure.effective_on.map(|date| date.to_string()).unwrap_or_default();
            let standing = figure.standing.name();
            texts(
                sheet,
                row,
                &[&line.written, &figure.key, &figure.value, figure.scope, standing, &since, &figure.citation],
            )?;
        }
    }
    Ok(())
}
