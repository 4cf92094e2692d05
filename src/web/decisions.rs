//! Locks and bans: everything that people have decided before the engine does, with its reason, and the way back.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::cautions::overridden;
use super::layout::{Page, Place, empty};
use super::needs;
use crate::api::error::Error;
use crate::api::{State, access::Planner, extract::NoQuery};
use crate::domain::actor::Actor;
use crate::domain::id::{EducatorId, NeedId, PinId, SchoolId, VetoId};
use crate::domain::record::Stored;
use crate::domain::records::{Pin, School, Veto};
use crate::store::{self, directory};

/// Decisions of each kind that the page shows, the latest first.
const MOST: usize = 200;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/decisions", get(read)).route("/decisions/undo", post(undo))
}

/// What the form of one way back holds.
#[derive(Deserialize)]
pub struct Undo {
    what: String,
    id: String,
    version: i64,
}

/// Takes back a lock or a ban, provided it is still the one that was seen.
pub async fn take_back(state: &State, actor: &Actor, form: Result<Form<Undo>, FormRejection>) -> Result<(), Error> {
    let Form(Undo { what, id, version }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let refused = |message: String| Error::field("/id", message);
    let mut tx = state.write(actor).await?;
    match what.as_str() {
        "lock" => {
            let id: PinId = id.parse().map_err(refused)?;
            store::permit::<Pin>(&mut tx, actor, Some(id), None).await?;
            store::delete::<Pin>(&mut tx, id, Some(version)).await.map(drop)?;
        }
        "ban" => {
            let id: VetoId = id.parse().map_err(refused)?;
            store::permit::<Veto>(&mut tx, actor, Some(id), None).await?;
            store::delete::<Veto>(&mut tx, id, Some(version)).await.map(drop)?;
        }
        _ => return Err(Error::field("/what", "use the page's own button")),
    }
    tx.commit().await?;
    Ok(())
}

/// The button that takes a decision about somebody back.
pub fn way_back(address: &str, what: &str, id: &str, version: i64, name: &str) -> Markup {
    html! {
        form.plain method="post" action=(address) {
            input type="hidden" name="what" value=(what);
            input type="hidden" name="id" value=(id);
            input type="hidden" name="version" value=(version);
            button.quiet type="submit" { "Undo" span.unseen { " the " (what) " of " (name) } }
        }
    }
}

async fn undo(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    _: NoQuery,
    form: Result<Form<Undo>, FormRejection>,
) -> Result<Redirect, Error> {
    take_back(&state, &actor, form).await?;
    Ok(Redirect::to("/decisions"))
}

/// A decision with the names of whom and what it concerns.
struct Named<T: crate::domain::record::Record> {
    row: Stored<T>,
    educator: String,
    about: String,
}

async fn read(Axum(state): Axum<State>, Planner(actor): Planner, _: NoQuery) -> Result<Markup, Error> {
    let mut tx = state.db.read().await?;
    let names = directory::educator_names(&mut tx).await?;
    let name = |id: EducatorId| names.get(&id).cloned().unwrap_or_else(|| "a former educator".into());
    let mut locks = Vec::new();
    for row in store::every::<Pin>(&mut tx).await?.into_iter().rev().take(MOST) {
        let need = row.body.section_id.map(NeedId::from).or(row.body.service_id.map(NeedId::from));
        let known = match need {
            Some(need) => needs::find(&mut tx, need).await?,
            None => None,
        };
        let about = known.map_or_else(|| needs::former().0, |need| format!("{} · {}", need.title, need.about));
        locks.push(Named { educator: name(row.body.educator_id), about, row });
    }
    let mut schools: BTreeMap<SchoolId, String> = BTreeMap::new();
    let mut bans = Vec::new();
    for row in store::every::<Veto>(&mut tx).await?.into_iter().rev().take(MOST) {
        let id = row.body.school_id;
        if let Entry::Vacant(place) = schools.entry(id) {
            place.insert(store::get::<School>(&mut tx, id).await?.body.name);
        }
        bans.push(Named { educator: name(row.body.educator_id), about: schools[&id].clone(), row });
    }
    Ok(page(&actor, &locks, &bans))
}

fn page(actor: &Actor, locks: &[Named<Pin>], bans: &[Named<Veto>]) -> Markup {
    let why = |reason: &Option<String>| html! { @match reason { Some(reason) => { "“" (reason) "”" } None => { span.soft { "imported, without a reason" } } } };
    Page::new("Locks and bans", Place::Runs, actor).show(&html! {
        p.trail { a href="/runs" { "Runs" } }
        h1 { "Locks and bans" }
        p.soft { "They hold in every run that is asked for, until they are undone. New ones are made from a need of a run, or on the board." }
        @if locks.is_empty() && bans.is_empty() {
            (empty("Nothing is decided by hand", &html! { p { "Open a need of a run to lock it to somebody, or to ban somebody from its school." } }))
        }
        @if !locks.is_empty() {
            section.card aria-labelledby="locks" {
                h2 #locks { "Locks" }
                table.stack {
                    caption.unseen { "Needs that one educator must serve" }
                    thead { tr { th scope="col" { "Educator" } th scope="col" { "Must serve" } th scope="col" { "Why" } th scope="col" { span.unseen { "Action" } } } }
                    tbody { @for one in locks { tr {
                        th scope="row" { (one.educator) }
                        td data-label="Must serve" { (one.about) }
                        td data-label="Why" { (why(&one.row.body.reason)) (overridden(&one.row.body.overrides)) }
                        td.number { (way_back("/decisions/undo", "lock", &one.row.id.to_string(), one.row.version, &one.educator)) }
                    } } }
                }
            }
        }
        @if !bans.is_empty() {
            section.card aria-labelledby="bans" {
                h2 #bans { "Bans" }
                table.stack {
                    caption.unseen { "Schools at which an educator may not be placed" }
                    thead { tr { th scope="col" { "Educator" } th scope="col" { "Not at" } th scope="col" { "Why" } th scope="col" { span.unseen { "Action" } } } }
                    tbody { @for one in bans { tr {
                        th scope="row" { (one.educator) }
                        td data-label="Not at" { (one.about) }
                        td data-label="Why" { (why(&one.row.body.reason)) }
                        td.number { (way_back("/decisions/undo", "ban", &one.row.id.to_string(), one.row.version, &one.educator)) }
                    } } }
                }
            }
        }
    })
}
