//! Who students are: kept sealed, each showing recorded in the transaction that shows it, purged with a certificate.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::tx::{Row, Statement, Tx, Value, statements};
use super::{audit, directory, entity, log};
use crate::args;
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{self, DistrictId, RecordId, ServiceId, StudentId};
use crate::domain::identity::{Certificate, Identity, IdentityField, Showing};
use crate::domain::records::{Service, ServiceLine, Student};
use crate::domain::seal::{Keyring, SealError, Sealed};
use crate::domain::time::Date;

statements! {
    GET = "SELECT key_id, wrapped, sealed FROM student_identity WHERE student_id = $1";
    DELETE = "DELETE FROM student_identity WHERE student_id = $1";
    INSERT = "INSERT INTO student_identity (student_id, key_id, wrapped, sealed, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5, $6)";
    SHOW = "INSERT INTO student_showing (id, at, actor, student_id, district_id, fields, purpose) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// Whether a student lies within reach: all, taught by an educator within a year, or of districts.
    REACHES = "SELECT 1 AS one FROM student t WHERE t.id = $1 AND ($2 OR t.district_id IN (SELECT unhex(value, '-') FROM json_each($4)) \
               OR EXISTS (SELECT 1 FROM session_student x JOIN session s ON s.id = x.session_id WHERE x.student_id = t.id AND s.educator_id = $3 AND s.ends_at > $5))"
            | "SELECT 1 AS one FROM student t WHERE t.id = $1 AND ($2 OR t.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($4)) \
               OR EXISTS (SELECT 1 FROM session_student x JOIN session s ON s.id = x.session_id WHERE x.student_id = t.id AND s.educator_id = $3 AND s.ends_at > $5))";
    SHOWINGS_OF_STUDENT = "SELECT id, at, actor, student_id, fields, purpose FROM student_showing WHERE student_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    SHOWINGS_OF_DISTRICT = "SELECT id, at, actor, student_id, fields, purpose FROM student_showing WHERE district_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    OLD_KEYS = "SELECT student_id, key_id, wrapped, sealed FROM student_identity WHERE key_id <> $1 ORDER BY student_id LIMIT 500";
    REWRAP = "UPDATE student_identity SET key_id = $2, wrapped = $3 WHERE student_id = $1";
    /// Students of a district all of whose services lie in terms that ended before a date; who has none, and nobody changed
    /// since then.
    EXPIRED = "SELECT t.id FROM student t WHERE t.district_id = $1 AND (t.updated_at < $2 OR EXISTS (SELECT 1 FROM service v WHERE v.student_id = t.id)) \
               AND NOT EXISTS (SELECT 1 FROM service v JOIN term m ON m.id = v.term_id WHERE v.student_id = t.id AND m.last_on >= $2) ORDER BY t.id";
    /// Districts that say for how many years they keep students.
    RETAINING = "SELECT id, retention_years FROM district WHERE retention_years IS NOT NULL ORDER BY id";
    /// One purge at a time: the second finds nobody left, and certifies nothing.
    TURN = "SELECT 1 AS one" | "SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock(hashtextextended('purge', 0))) AS locked";
    PURGE_ASSIGNMENTS = "DELETE FROM assignment WHERE service_id IN (SELECT id FROM service WHERE student_id = $1)";
    PURGE_PINS = "DELETE FROM pin WHERE service_id IN (SELECT id FROM service WHERE student_id = $1)";
    PURGE_INCUMBENTS = "DELETE FROM incumbent WHERE service_id IN (SELECT id FROM service WHERE student_id = $1)";
    PURGE_SESSIONS = "DELETE FROM session_student WHERE student_id = $1";
    /// Sessions that were for nobody else.
    PURGE_EMPTY = "DELETE FROM session WHERE service IS NOT NULL AND NOT EXISTS (SELECT 1 FROM session_student x WHERE x.session_id = session.id)";
    PURGE_LOG = "DELETE FROM service_log WHERE student_id = $1";
    PURGE_SERVICES = "DELETE FROM service WHERE student_id = $1";
    PURGE_LINES = "DELETE FROM service_line WHERE student_id = $1";
    PURGE_SHOWINGS = "DELETE FROM student_showing WHERE student_id = $1";
    PURGE_STUDENT = "DELETE FROM student WHERE id = $1";
    CERTIFY = "INSERT INTO purge (id, at, actor, district_id, body) VALUES ($1, $2, $3, $4, $5)";
    CERTIFICATES = "SELECT id, at, actor, district_id, body FROM purge WHERE district_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    SESSIONS = "SELECT s.id, s.starts_at, s.ends_at, s.educator_id, s.school_id, s.service, s.status, x.serves FROM session_student x \
                JOIN session s ON s.id = x.session_id WHERE x.student_id = $1 ORDER BY s.starts_at, s.id";
}

fn about(student: StudentId) -> String {
    format!("student {student}")
}

/// How long after a session its educator may still see who the student is: what is logged of it is asked for until then.
const TAUGHT: TimeDelta = TimeDelta::days(366);

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        Self::Sealed(error.to_string())
    }
}

/// The student, if the actor may do this with who they are; to others they do not exist.
pub async fn permit(tx: &mut Tx, actor: &Actor, verb: Verb, id: StudentId) -> Result<Student> {
    let (all, own, districts) = directory::parts(&actor.reach(verb, Thing::Identities));
    if tx.row(&REACHES, args![id, all, own, districts, tx.at - TAUGHT]).await?.is_none() {
        return Err(StoreError::NotFound { what: "student", id: id.uuid() });
    }
    Ok(entity::get::<Student>(tx, id).await?.body)
}

/// Keeps who a student is. The audit trail learns which fields, never what they hold.
pub async fn keep(tx: &mut Tx, keys: &Keyring, id: StudentId, identity: &Identity) -> Result<()> {
    let issues = identity.check();
    if !issues.is_empty() {
        return Err(StoreError::Invalid(issues));
    }
    let text = serde_json::to_vec(identity).map_err(|_| StoreError::Corrupt("an identity".into()))?;
    let Sealed { key_id, wrapped, sealed } = keys.seal(&about(id), &text)?;
    tx.execute(&DELETE, args![id]).await?;
    let (at, actor) = (tx.at, tx.actor.clone());
    tx.execute(&INSERT, args![id, key_id, wrapped, sealed, at, actor]).await?;
    let fields = json!({ "name": identity.name.is_some(), "born_on": identity.born_on.is_some() });
    audit::write(tx, "keep_identity", "student", id.uuid(), None, Some(fields)).await
}

/// Forgets who a student is; the record stays.
pub async fn forget(tx: &mut Tx, id: StudentId) -> Result<()> {
    if tx.execute(&DELETE, args![id]).await? == 0 {
        return Err(StoreError::NotFound { what: "identity of student", id: id.uuid() });
    }
    audit::write(tx, "forget_identity", "student", id.uuid(), None, None).await
}

/// Opens these fields and records that: there is no other way to read them.
pub async fn show(
    tx: &mut Tx,
    keys: &Keyring,
    id: StudentId,
    district: DistrictId,
    fields: &[IdentityField],
    purpose: &str,
) -> Result<Identity> {
    let identity = opened(tx, keys, id).await?;
    let (showing, at, actor) = (id::fresh(), tx.at, tx.actor.clone());
    tx.execute(&SHOW, args![showing, at, actor, id, district, json!(fields), purpose]).await?;
    // The purpose may name somebody: it is kept with the showing, which a purge deletes.
    let about = json!({ "fields": fields, "showing": showing });
    audit::write(tx, "show_identity", "student", id.uuid(), None, Some(about)).await?;
    Ok(identity.unwrap_or_default().only(fields))
}

async fn opened(tx: &mut Tx, keys: &Keyring, id: StudentId) -> Result<Option<Identity>> {
    let Some(row) = tx.row(&GET, args![id]).await? else { return Ok(None) };
    let text = keys.open(&about(id), &sealed(&row)?)?;
    serde_json::from_slice(&text).map(Some).map_err(|_| StoreError::Corrupt("a sealed identity".into()))
}

fn sealed(row: &Row) -> Result<Sealed> {
    Ok(Sealed { key_id: row.get("key_id")?, wrapped: row.get("wrapped")?, sealed: row.get("sealed")? })
}

/// Wraps up to 500 keys anew that an older key had wrapped; how many.
pub async fn rewrap(tx: &mut Tx, keys: &Keyring) -> Result<usize> {
    let newest = keys.newest().ok_or(SealError::NoKey)?;
    let rows = tx.rows(&OLD_KEYS, args![newest]).await?;
    for row in &rows {
        let id: StudentId = row.id("student_id")?;
        let moved = keys.rewrap(&about(id), &sealed(row)?)?;
        tx.execute(&REWRAP, args![id, moved.key_id, moved.wrapped]).await?;
    }
    if !rows.is_empty() {
        let about = json!({ "key_id": newest, "identities": rows.len() });
        audit::write(tx, "rotate_keys", "student_identity", Uuid::nil(), None, Some(about)).await?;
    }
    Ok(rows.len())
}

/// Of whom an access report is.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    Student(StudentId),
    District(DistrictId),
}

/// Who was shown what, oldest first, after the showing `after`.
pub async fn showings(tx: &mut Tx, of: Of, after: Option<Uuid>, limit: i64) -> Result<Vec<Showing>> {
    let after = after.unwrap_or(Uuid::nil());
    let rows = match of {
        Of::Student(id) => tx.rows(&SHOWINGS_OF_STUDENT, args![id, after, limit]).await?,
        Of::District(id) => tx.rows(&SHOWINGS_OF_DISTRICT, args![id, after, limit]).await?,
    };
    let showing = |row: &Row| {
        Ok(Showing {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            student_id: row.get("student_id")?,
            fields: row.get::<Column<Vec<IdentityField>>>("fields")?.0,
            purpose: row.get("purpose")?,
        })
    };
    rows.iter().map(showing).collect()
}

/// Records that what is owed to a student and delivered was exported; no name is in it.
pub async fn note_export(tx: &mut Tx, id: StudentId, district: DistrictId, format: &str, purpose: &str) -> Result<()> {
    let (showing, at, actor) = (id::fresh(), tx.at, tx.actor.clone());
    tx.execute(&SHOW, args![showing, at, actor, id, district, json!([]), purpose]).await?;
    let about = json!({ "format": format, "purpose": purpose });
    audit::write(tx, "export_minutes", "student", id.uuid(), None, Some(about)).await
}

/// Everything that is kept about one student. Showing who they are is recorded.
pub async fn export(tx: &mut Tx, keys: &Keyring, id: StudentId, purpose: &str) -> Result<Json> {
    let student = entity::get::<Student>(tx, id).await?;
    let fields = [IdentityField::Name, IdentityField::BornOn];
    let identity = show(tx, keys, id, student.body.district_id, &fields, purpose).await?;
    let services = entity::children::<Service>(tx, "student_id", id).await?;
    let lines = entity::children::<ServiceLine>(tx, "student_id", id).await?;
    let ids: Vec<ServiceId> = services.iter().map(|service| service.id).collect();
    let log = log::of_services(tx, &ids).await?;
    let showings = showings(tx, Of::Student(id), None, i64::MAX).await?;
    let session = |row: &Row| -> Result<Json> {
        Ok(json!({
            "id": row.get::<Uuid>("id")?, "starts_at": row.get::<chrono::DateTime<chrono::Utc>>("starts_at")?,
            "ends_at": row.get::<chrono::DateTime<chrono::Utc>>("ends_at")?, "educator_id": row.get::<Uuid>("educator_id")?,
            "school_id": row.get::<Uuid>("school_id")?, "service": row.get::<Option<String>>("service")?,
            "status": row.get::<String>("status")?, "serves": row.get::<bool>("serves")?,
        }))
    };
    let sessions: Vec<Json> = tx.rows(&SESSIONS, args![id]).await?.iter().map(session).collect::<Result<_>>()?;
    let changes = audit::list(tx, Some(("student", id.uuid())), None, i64::MAX).await?;
    Ok(json!({
        "format": "bellwether-student/1", "exported_at": tx.at, "student": student, "identity": identity,
        "service_lines": lines, "services": services, "service_log": log, "sessions": sessions, "showings": showings, "changes": changes,
    }))
}

/// Students of a district whose last term ended before a date.
pub async fn expired(tx: &mut Tx, district: DistrictId, before: Date) -> Result<Vec<StudentId>> {
    tx.rows(&EXPIRED, args![district, before]).await?.iter().map(|row| row.id("id")).collect()
}

/// Districts that say for how many years they keep students, and the years.
pub async fn retaining(tx: &mut Tx) -> Result<Vec<(DistrictId, i64)>> {
    tx.rows(&RETAINING, args![]).await?.iter().map(|row| Ok((row.id("id")?, row.get("retention_years")?))).collect()
}

/// Destroys the students of a district that its retention schedule of so many years names, if there are any.
pub async fn purge_due(tx: &mut Tx, district: DistrictId, years: i64) -> Result<Option<Certificate>> {
    tx.row(&TURN, args![]).await?;
    let students = expired(tx, district, Date(tx.at.date_naive()).years_before(years)).await?;
    if students.is_empty() {
        return Ok(None);
    }
    let reason = format!("retention schedule of the district: {years} years after the last term");
    purge(tx, district, &students, &reason).await.map(Some)
}

/// Destroys these students of a district with everything that is kept about them, and certifies it.
pub async fn purge(tx: &mut Tx, district: DistrictId, students: &[StudentId], reason: &str) -> Result<Certificate> {
    const STEPS: [(&str, &Statement); 10] = [
        ("assignment", &PURGE_ASSIGNMENTS),
        ("pin", &PURGE_PINS),
        ("incumbent", &PURGE_INCUMBENTS),
        ("session_student", &PURGE_SESSIONS),
        ("service_log", &PURGE_LOG),
        ("service", &PURGE_SERVICES),
        ("service_line", &PURGE_LINES),
        ("student_showing", &PURGE_SHOWINGS),
        ("student_identity", &DELETE),
        ("student", &PURGE_STUDENT),
    ];
    let mut rows: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for student in students {
        for (table, statement) in STEPS {
            *rows.entry(table).or_default() += tx.execute(statement, args![*student]).await?;
        }
        audit::write(tx, "purge", "student", student.uuid(), None, None).await?;
    }
    *rows.entry("session").or_default() += tx.execute(&PURGE_EMPTY, args![]).await?;
    let body = json!({
        "students": students.len(), "rows": rows, "reason": reason,
        "kept": "runs, published schedules and the audit trail, which holds every record as it was before each change, name these \
                 students by random ids and the district's pseudonymous key, never by name; backups made before keep what they hold \
                 until they are deleted",
    });
    let certificate =
        Certificate { id: id::fresh(), at: tx.at, actor: tx.actor.clone(), district_id: district.uuid(), body };
    let Certificate { id, at, actor, body, .. } = certificate.clone();
    tx.execute(&CERTIFY, args![id, at, actor, district, body]).await?;
    audit::write(tx, "purge", "district", district.uuid(), None, Some(certificate.body.clone())).await?;
    Ok(certificate)
}

/// Certificates of a district, oldest first.
pub async fn certificates(
    tx: &mut Tx,
    district: DistrictId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Certificate>> {
    let certificate = |row: &Row| {
        Ok(Certificate {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            district_id: row.get("district_id")?,
            body: row.get::<Column<Json>>("body")?.0,
        })
    };
    let args: [Value; 3] = [district.into(), after.unwrap_or(Uuid::nil()).into(), limit.into()];
    tx.rows(&CERTIFICATES, &args).await?.iter().map(certificate).collect()
}
