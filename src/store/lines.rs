//! Keeps the services of a line in step with it: one for each plan that what is written takes.

use std::future::Future;
use std::pin::Pin;

use uuid::Uuid;

use super::entity::{Entity as _, children, delete, get, insert, update, values};
use super::error::{Result, StoreError};
use super::minutes;
use super::tx::{Tx, Value, statements};
use crate::args;
use crate::domain::id::{RecordId, ServiceLineId};
use crate::domain::line::{self, Plan, SchoolWeeks};
use crate::domain::policy::Policies;
use crate::domain::record::Record as _;
use crate::domain::records::{District, School, Service, ServiceLine, Term};

statements! {
    /// Whether a line's services have sessions.
    OF_ANOTHER = "SELECT 1 AS one FROM service_line l WHERE l.id = $1 AND l.student_id <> $2";
    /// Whether a service whose student is another one has sessions, or a log.
    HELD_WITH_ANOTHER = "SELECT 1 AS one FROM service v WHERE v.id = $1 AND v.student_id <> $2 \
                         AND (EXISTS (SELECT 1 FROM session_student x WHERE x.service_id = v.id) OR EXISTS (SELECT 1 FROM service_log g WHERE g.service_id = v.id))";
    IN_USE = "SELECT 1 AS one FROM service v WHERE v.line_id = $1 AND EXISTS (SELECT 1 FROM session_student x WHERE x.service_id = v.id) LIMIT 1";
}

/// What a change of a record brings with it: for a line, its services. Boxed, because those are records too.
pub(super) fn follow<'t>(
    tx: &'t mut Tx,
    kind: &'static str,
    id: Uuid,
    gone: bool,
) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 't>> {
    Box::pin(async move {
        match (kind == ServiceLine::KIND, gone) {
            (false, _) => Ok(()),
            (true, true) => withdraw(tx, ServiceLineId::from_uuid(id)).await,
            (true, false) => settle(tx, ServiceLineId::from_uuid(id)).await,
        }
    })
}

/// Refuses a service for another student than its line is for, or than its sessions were for. `after` are the values of its
/// columns.
pub(super) async fn agree(tx: &mut Tx, kind: &'static str, id: Uuid, after: &[Value]) -> Result<()> {
    if kind != Service::KIND {
        return Ok(());
    }
    let value = |name: &str| {
        let at = Service::COLUMNS.iter().position(|column| column.name == name);
        at.and_then(|at| after.get(at)).cloned().ok_or_else(|| StoreError::Corrupt(format!("a service has no {name}")))
    };
    if tx.row(&OF_ANOTHER, &[value("line_id")?, value("student_id")?]).await?.is_some() {
        return Err(StoreError::invalid("/student_id", "this is not the student of its line"));
    }
    if tx.row(&HELD_WITH_ANOTHER, &[id.into(), value("student_id")?]).await?.is_some() {
        let message = "its sessions are with another student; give it a last_on, and write a new service";
        return Err(StoreError::invalid("/student_id", message));
    }
    Ok(())
}

/// Refuses to change what a line owes once sessions are published under it: what was owed then must still be readable.
/// `after` are the values of its columns.
pub(super) async fn hold(tx: &mut Tx, kind: &'static str, id: Uuid, after: &[Value]) -> Result<()> {
    if kind != ServiceLine::KIND {
        return Ok(());
    }
    let id = ServiceLineId::from_uuid(id);
    let before = values(&get::<ServiceLine>(tx, id).await?.body)?;
    let owed = |name: &str| ServiceLine::COLUMNS.iter().position(|column| column.name == name);
    let kept = ["term_id", "student_id", "written", "first_on"].into_iter().filter_map(owed);
    let changed = kept.into_iter().any(|n| before.get(n) != after.get(n));
    if !changed || tx.row(&IN_USE, args![id]).await?.is_none() {
        return Ok(());
    }
    let message = "sessions are published under this line; give it a last_on, and write a new line from the day after";
    Err(StoreError::invalid("/written", message))
}

/// Makes the line's services be those that its plans ask for. Services keep their ids as long as there is a plan for them.
async fn settle(tx: &mut Tx, id: ServiceLineId) -> Result<()> {
    let line = get::<ServiceLine>(tx, id).await?.body;
    let refuse = |issue: line::LineIssue| StoreError::invalid("/written", issue.to_string());
    let form = line::read(&line.written).map_err(refuse)?;
    let plans = form.plans(line.session_minutes, weeks(tx, &line).await?).map_err(refuse)?;
    let mut services = children::<Service>(tx, "line_id", id).await?.into_iter();
    for plan in plans {
        let wanted = service(&line, id, plan);
        match services.next() {
            Some(kept) if kept.body == wanted => {}
            Some(kept) => drop(update(tx, kept.id, None, wanted).await?),
            None => drop(insert(tx, wanted).await?),
        }
    }
    for surplus in services {
        delete::<Service>(tx, surplus.id, None).await?;
    }
    Ok(())
}

/// The weeks of a school year where the line is, on its first day.
async fn weeks(tx: &mut Tx, line: &ServiceLine) -> Result<SchoolWeeks> {
    let school = get::<School>(tx, line.school_id).await?.body;
    let district = get::<District>(tx, school.district_id).await?.body;
    let first = match line.first_on {
        Some(first) => first,
        None => get::<Term>(tx, line.term_id).await?.body.first_on,
    };
    let set = minutes::set_figures(tx).await?;
    Ok(Policies::of(&set, &district.state, school.district_id).on(first).weeks)
}

async fn withdraw(tx: &mut Tx, id: ServiceLineId) -> Result<()> {
    if tx.row(&IN_USE, args![id]).await?.is_some() {
        return Err(StoreError::InUse { what: "published session".into() });
    }
    for service in children::<Service>(tx, "line_id", id).await? {
        delete::<Service>(tx, service.id, None).await?;
    }
    Ok(())
}

fn service(line: &ServiceLine, id: ServiceLineId, plan: Plan) -> Service {
    Service {
        term_id: line.term_id,
        student_id: line.student_id,
        school_id: line.school_id,
        line_id: Some(id),
        service: line.service.clone(),
        areas: line.areas.clone(),
        grade: line.grade,
        minutes: plan.minutes,
        times: plan.times,
        per: plan.per,
        windows: line.windows.clone(),
        max_group: line.max_group,
        grade_span: line.grade_span,
        first_on: line.first_on,
        last_on: line.last_on,
        priority: line.priority,
        languages: line.languages.clone(),
        source: None,
        source_id: None,
    }
}
