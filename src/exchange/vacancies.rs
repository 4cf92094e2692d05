//! The pipeline of vacancies as one CSV table.

use chrono::{DateTime, SecondsFormat, Utc};

use super::fidelity::{Unwritable, safe};
use crate::domain::id::VacancyId;
use crate::domain::vacancy::timers::Timers;
use crate::domain::vacancy::{Party, Stage};

/// A vacancy as a row.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: VacancyId,
    pub title: String,
    pub district: String,
    pub state: String,
    pub stage: Stage,
    /// When it came there.
    pub since: DateTime<Utc>,
    pub opened_at: Option<DateTime<Utc>>,
    pub sections: i64,
    pub waits_for: Option<Party>,
    pub educator: Option<String>,
    pub timers: Timers,
}

/// UTF-8, with a header row; instants in UTC (RFC 3339), empty where there is none.
///
/// # Errors
/// [`Unwritable`], which is a defect.
pub fn csv(rows: &[Row]) -> Result<Vec<u8>, Unwritable> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let refuse = |error: csv::Error| Unwritable(error.to_string());
    let header = [
        "id",
        "vacancy",
        "district",
        "state",
        "stage",
        "since",
        "opened_at",
        "sections",
        "waits_for",
        "educator",
        "minutes_to_propose",
        "minutes_to_fill",
        "school_days_lost",
    ];
    out.write_record(header).map_err(refuse)?;
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let number = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    for row in rows {
        let fields = [
            row.id.to_string(),
            safe(&row.title),
            safe(&row.district),
            row.state.clone(),
            row.stage.name().to_owned(),
            instant(row.since),
            row.opened_at.map_or_else(String::new, instant),
            row.sections.to_string(),
            row.waits_for.map_or_else(String::new, |party| party.title().to_lowercase()),
            row.educator.as_deref().map_or_else(String::new, safe),
            number(row.timers.minutes_to_propose),
            number(row.timers.minutes_to_fill),
            row.timers.days_lost.to_string(),
        ];
        out.write_record(fields).map_err(refuse)?;
    }
    out.into_inner().map_err(|error| Unwritable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;

    #[test]
    fn a_table_has_a_row_for_each_and_no_text_that_a_spreadsheet_would_run() {
        let at: DateTime<Utc> = "2026-09-01T15:00:00Z".parse().expect("an instant");
        let row = Row {
            id: VacancyId::from_uuid(uuid::Uuid::nil()),
            title: "=1+1, \"Algebra\"".into(),
            district: "Mesa".into(),
            state: "AZ".into(),
            stage: Stage::DistrictAccepted,
            since: at,
            opened_at: None,
            sections: 2,
            waits_for: Some(Party::Office),
            educator: None,
            timers: Timers { minutes_to_propose: Some(1440), minutes_to_fill: None, days_lost: 3 },
        };
        let text = String::from_utf8(csv(&[row]).expect("a table")).expect("text");
        let expected = "00000000-0000-0000-0000-000000000000,\"'=1+1, \"\"Algebra\"\"\",Mesa,AZ,district_accepted,\
                        2026-09-01T15:00:00Z,,2,staffing office,,1440,,3";
        assert_eq!(text.lines().nth(1), Some(expected));
    }
}
