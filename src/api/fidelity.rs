//! The fidelity report of a student as a file. Every one that is made is recorded in the student's access report.

use axum::extract::State as Axum;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::error::Error;
use super::extract::{Json, NoQuery, Path};
use crate::domain::actor::Actor;
use crate::domain::id::{RecordId as _, ServiceId, StudentId};
use crate::domain::identity;
use crate::domain::log::ToLog;
use crate::domain::time::Date;
use crate::exchange::fidelity::{self, Report, ReportLine};
use crate::store::minutes::{self, Account, Wanted};
use crate::store::{StoreError, identities};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(export))
}

/// In which form, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// `csv`, `xlsx` or `pdf`.
    #[schema(pattern = "^(csv|xlsx|pdf)$", example = "pdf")]
    format: String,
    /// Kept as long as the record, in the access report.
    #[schema(min_length = 3, max_length = 200)]
    purpose: String,
}

/// A file to send.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

impl State {
    /// Makes the fidelity report of a student, and records that.
    pub async fn fidelity(&self, actor: &Actor, id: StudentId, format: &str, purpose: &str) -> Result<File, Error> {
        let mut tx = self.write(actor).await?;
        let wanted = Wanted { student: Some(id), ..Wanted::default() };
        let subjects = minutes::subjects(&mut tx, actor, wanted).await?;
        let Some(first) = subjects.first() else {
            return Err(StoreError::NotFound { what: "student with service lines", id: id.uuid() }.into());
        };
        let why = identity::purpose(purpose).map_err(|why| Error::field("/purpose", why))?;
        let format = match format {
            "csv" => Format::Csv,
            "xlsx" => Format::Xlsx,
            "pdf" => Format::Pdf,
            other => return Err(Error::field("/format", format!("{other:?} is not a format; use csv, xlsx or pdf"))),
        };
        let (district_id, on) = (first.district_id, Date(tx.at.date_naive()));
        let (student_key, district) = (first.student_key.clone(), first.district_name.clone());
        let accounts = minutes::accounts(&mut tx, subjects, on).await?;
        let services: Vec<ServiceId> =
            accounts.iter().flat_map(|account| account.subject.service_ids.clone()).collect();
        let to_log = minutes::to_log(&mut tx, &services, on).await?;
        identities::note_export(&mut tx, id, district_id, format.ending(), &why).await?;
        let made_at = tx.at;
        tx.commit().await?;
        let lines = accounts.into_iter().map(|account| line(account, &to_log)).collect();
        let report = Report { student_key, district, on, made_at, lines };
        tokio::task::spawn_blocking(move || format.write(&report)).await.map_err(Error::internal)?
    }
}

fn line(account: Account, to_log: &[ToLog]) -> ReportLine {
    let Account { subject, ledger, log } = account;
    let of_line = to_log.iter().filter(|one| subject.service_ids.contains(&one.service_id));
    ReportLine {
        to_log: of_line.cloned().collect(),
        service: subject.service,
        school: subject.school_name,
        term: subject.term_name,
        written: subject.written.unwrap_or_else(|| ledger.line.clone()),
        ledger,
        log,
    }
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Xlsx,
    Pdf,
}

impl Format {
    const fn ending(self) -> &'static str {
        ["csv", "xlsx", "pdf"][self as usize]
    }

    fn write(self, report: &Report) -> Result<File, Error> {
        let (media_type, bytes) = match self {
            Self::Csv => ("text/csv; charset=utf-8", fidelity::csv(report).map_err(Error::internal)?),
            Self::Xlsx => (
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                fidelity::xlsx(report).map_err(Error::internal)?,
            ),
            Self::Pdf => ("application/pdf", fidelity::pdf(report)),
        };
        Ok(file(report, self.ending(), media_type, bytes))
    }
}

fn file(report: &Report, ending: &str, media_type: &'static str, bytes: Vec<u8>) -> File {
    // A district's key may hold what no file name should.
    let key: String = report.student_key.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    File { name: format!("minutes-{key}-{}.{ending}", report.on), media_type, bytes }
}

/// The fidelity report of a student
///
/// What is owed and what was delivered, by line and period, with the log and every policy it was counted by. No name is
/// in it. That it was made is recorded, like every showing.
#[utoipa::path(post, path = "/api/v1/students/{id}/fidelity", operation_id = "fidelityReport", tag = "minutes", params(("id" = Uuid, Path)), request_body = Wish, responses(
    (status = 200, description = "the file", content((String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (Vec<u8> = "application/pdf"))),
    (status = 404, description = "there is no such student, or nothing is owed"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn export(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
    Json(wish): Json<Wish>,
) -> Result<Response, Error> {
    let file = state.fidelity(&actor, id, &wish.format, &wish.purpose).await?;
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let headers = [
        (header::CONTENT_TYPE, file.media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".into()),
    ];
    Ok((headers, file.bytes).into_response())
}
