//! Make-up sessions over HTTP: when what a session lacked can be made up, one call that books it, one that cancels it.

use axum::extract::State as Axum;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::again::again;
use super::error::Error;
use super::extract::{Json, NoQuery, Path};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{LogId, SessionId};
use crate::domain::makeup::Slot;
use crate::domain::time::{self, Clock, Date};
use crate::store::makeup::{self, Booking};
use crate::store::{log, mail, schedules};

/// Times proposed for one make-up.
const PROPOSALS: usize = 10;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(proposals, book)).routes(routes!(booked, cancel))
}

/// When it is to be held, on the school's clock.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    held_on: Date,
    starts: Clock,
}

/// When a missed session can be made up
///
/// Times from now on that are free for the student and for whoever serves them now, inside the service's windows, on days
/// of school, while a license and a clearance cover the service, within the educator's minutes of week and day.
#[utoipa::path(get, path = "/api/v1/service-log/{id}/make-up", operation_id = "proposeMakeUp", tag = "minutes", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "at most ten times on the school's clock; none where nothing is missing", body = Vec<Slot>), (status = 404, description = "there is no such entry"),
))]
async fn proposals(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<LogId>,
    _: NoQuery,
) -> Result<axum::Json<Vec<Slot>>, Error> {
    let mut tx = state.db.read().await?;
    let entry = log::get(&mut tx, &actor, Verb::Read, id).await?;
    Ok(axum::Json(makeup::proposals(&mut tx, &entry, time::now(), PROPOSALS).await?))
}

/// Book a make-up session
///
/// For the minutes that the entry lacks, less what was made up or is booked. It is a session like others, in calendars,
/// mail and the log, and no later schedule moves it. It is taken back where one needs its time, where the service ends, the
/// educator is off or leaves, or the school is closed that day: the minutes are to be made up again.
#[utoipa::path(post, path = "/api/v1/service-log/{id}/make-up", operation_id = "bookMakeUp", tag = "minutes", params(("id" = Uuid, Path)), request_body = Wish, responses(
    (status = 201, description = "it is booked", body = Booking),
    (status = 404, description = "there is no such entry"),
    (status = 409, description = "somebody is in another session at that time"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "nothing is left to make up, or the time does not suit everybody"),
))]
async fn book(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<LogId>,
    _: NoQuery,
    Json(Wish { held_on, starts }): Json<Wish>,
) -> Result<Response, Error> {
    let booking = state.book_make_up(&actor, id, held_on, starts).await?;
    Ok((StatusCode::CREATED, axum::Json(booking)).into_response())
}

/// A booked make-up session
#[utoipa::path(get, path = "/api/v1/make-ups/{id}", operation_id = "getMakeUp", tag = "minutes", params(("id" = Uuid, Path, description = "of the session")), responses(
    (status = 200, description = "the booking", body = Booking), (status = 404, description = "there is no such make-up session"),
))]
async fn booked(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<SessionId>,
    _: NoQuery,
) -> Result<axum::Json<Booking>, Error> {
    let mut tx = state.db.read().await?;
    log::session(&mut tx, &actor, Verb::Read, id).await?;
    Ok(axum::Json(makeup::find(&mut tx, id).await?))
}

/// Cancel a booked make-up session
///
/// As long as it has not begun. Its minutes are to be made up again.
#[utoipa::path(delete, path = "/api/v1/make-ups/{id}", operation_id = "cancelMakeUp", tag = "minutes", params(("id" = Uuid, Path, description = "of the session")), responses(
    (status = 204, description = "it is cancelled"),
    (status = 404, description = "there is no such make-up session"),
    (status = 422, description = "it has begun, or is logged"),
))]
async fn cancel(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<SessionId>,
    _: NoQuery,
) -> Result<StatusCode, Error> {
    state.cancel_make_up(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose time a session takes is for whoever plans to say.
fn permit(actor: &Actor) -> Result<(), Error> {
    if actor.may(Verb::Write, Thing::ServiceSessions) { Ok(()) } else { Err(Error::Forbidden) }
}

impl State {
    /// Books what an entry lacks as a session on this date at this time of the school's clock, and owes its educator a mail.
    pub async fn book_make_up(&self, actor: &Actor, id: LogId, held_on: Date, starts: Clock) -> Result<Booking, Error> {
        again(Error::is_busy, || self.try_to_book(actor, id, held_on, starts)).await
    }

    async fn try_to_book(&self, actor: &Actor, id: LogId, held_on: Date, starts: Clock) -> Result<Booking, Error> {
        let mut tx = self.write(actor).await?;
        let entry = log::get(&mut tx, actor, Verb::Read, id).await?;
        permit(actor)?;
        // Against a publication, against another booking of the same entry, and against changes of what it rests on.
        let term = log::term_of(&mut tx, &entry).await?;
        schedules::lock(&mut tx, term).await?;
        makeup::lock(&mut tx).await?;
        let entry = log::get(&mut tx, actor, Verb::Read, id).await?;
        let booking = makeup::book(&mut tx, &entry, held_on, starts).await?;
        self.tell_of_booking(&mut tx, &booking).await?;
        tx.commit().await?;
        Ok(booking)
    }

    /// Cancels a booked session that has not begun, and owes its educator a mail.
    pub async fn cancel_make_up(&self, actor: &Actor, id: SessionId) -> Result<(), Error> {
        again(Error::is_busy, || self.try_to_cancel(actor, id)).await
    }

    async fn try_to_cancel(&self, actor: &Actor, id: SessionId) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        log::session(&mut tx, actor, Verb::Read, id).await?;
        permit(actor)?;
        // Against a publication that takes it back as well.
        let term = makeup::find(&mut tx, id).await?.term_id;
        schedules::lock(&mut tx, term).await?;
        let booking = makeup::find(&mut tx, id).await?;
        makeup::cancel(&mut tx, &booking, "asked for").await?;
        self.tell_of_booking(&mut tx, &booking).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn tell_of_booking(&self, tx: &mut crate::store::Tx, booking: &Booking) -> Result<(), Error> {
        if let Some(settings) = &self.settings.mail {
            mail::announce(tx, booking.term_id, &[booking.educator_id].into(), settings.hold).await?;
        }
        Ok(())
    }
}
