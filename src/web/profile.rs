//! What is kept of an educator besides their week: licenses with their ends, clearances, limits, and the address
//! where their sessions are joined, which they and the office may change.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, figure};
use super::words;
use crate::api::join::JoinUrl;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::EducatorId;
use crate::domain::record::Stored;
use crate::domain::records::{Clearance, Educator, License};
use crate::domain::time::{self, Date};
use crate::store::{self, Tx, directory};

/// A license that ends within so many days is marked.
const SOON: i64 = 90;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/educators/{id}/profile", get(show).post(change))
}

/// Everything that the page shows.
struct View {
    id: EducatorId,
    educator: Stored<Educator>,
    licenses: Vec<License>,
    clearances: Vec<String>,
    today: Date,
    typed: Option<String>,
    wrong: Option<String>,
}

async fn view(tx: &mut Tx, actor: &Actor, id: EducatorId) -> Result<View, Error> {
    if !directory::on_roster(tx, &actor.reach(Verb::Read, Thing::Roster), id).await? {
        return Err(Error::NotFound { kind: "educator", id: id.to_string() });
    }
    let educator = store::get::<Educator>(tx, id).await?;
    let licenses = store::children::<License>(tx, "educator_id", id).await?;
    let mut licenses: Vec<License> = licenses.into_iter().map(|row| row.body).collect();
    licenses.sort_by(|a, b| (a.expires_on, &a.state, &a.area).cmp(&(b.expires_on, &b.state, &b.area)));
    let clearances = store::children::<Clearance>(tx, "educator_id", id).await?;
    let mut clearances: Vec<String> = clearances.into_iter().map(|row| row.body.state).collect();
    clearances.sort();
    let today = Date(time::now().with_timezone(&educator.body.tz).date_naive());
    Ok(View { id, educator, licenses, clearances, today, typed: None, wrong: None })
}

async fn show(Axum(state): Axum<State>, actor: Actor, Path(id): Path<EducatorId>, _: NoQuery) -> Result<Markup, Error> {
    Ok(page(&actor, &view(&mut state.db.read().await?, &actor, id).await?))
}

#[derive(Deserialize)]
struct Typed {
    join: String,
    /// Version of the educator that whoever writes had before their eyes.
    seen: i64,
}

async fn change(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    _: NoQuery,
    form: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Typed { join, seen }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let (status, wrong) = match state.set_join_url(&actor, id, seen, &JoinUrl::typed(&join)).await {
        Ok(_) => return Ok(Redirect::to(&format!("/educators/{id}/profile")).into_response()),
        Err(Error::Fields(issues)) => {
            let said = issues.into_iter().map(|issue| issue.message).collect::<Vec<_>>().join("; ");
            (StatusCode::UNPROCESSABLE_ENTITY, format!("Not saved: {said}, such as https://meet.example.org/my-room."))
        }
        Err(Error::Stale { .. }) => {
            let why = "Not saved: somebody else has changed this educator since you opened the page. Yours is still in \
                       the form; save again to put it in place.";
            (StatusCode::CONFLICT, why.to_owned())
        }
        Err(other) => return Err(other),
    };
    let view = view(&mut state.db.read().await?, &actor, id).await?;
    Ok((status, page(&actor, &View { typed: Some(join), wrong: Some(wrong), ..view })).into_response())
}

fn page(actor: &Actor, view: &View) -> Markup {
    let (id, educator) = (view.id, &view.educator.body);
    let title = format!("Profile of {}", educator.display_name);
    let zone = words::zone(time::now(), educator.tz);
    let knows = actor.educator.is_some() || actor.may(Verb::Read, Thing::Planning);
    Page::new(&title, Place::Educators, actor).show(&html! {
        p.trail { a href=(format!("/educators/{id}/week")) { "Week of " (educator.display_name) } }
        h1 { (educator.display_name) }
        p.soft {
            "Own clock " (educator.tz.name()) " (" (zone) ")"
            @if !educator.languages.is_empty() { " · speaks " (educator.languages.join(", ")) }
            @if !educator.active { " · " span.badge.soft { "not active" } }
        }
        @if let Some(wrong) = &view.wrong { div.note.bad role="alert" { p { (wrong) } } }
        div.pair {
            (licenses(view))
            div {
                (join(actor, view))
                @if knows {
                    section.card aria-labelledby="limits" {
                        h2 #limits { "Limits" }
                        dl.figures {
                            (figure(&words::seconds(educator.max_minutes_per_week * 60), "a week, at most"))
                            (figure(&words::seconds(educator.max_minutes_per_day * 60), "a day, at most"))
                            (figure(&words::count(educator.max_preps), "courses, at most"))
                            (figure(&format!("{} min", educator.buffer_minutes), "between sessions"))
                        }
                        p.soft.small { "When you can teach stands on " a href=(format!("/educators/{id}/availability")) { "availability" } ". The staffing office changes the rest." }
                    }
                }
            }
        }
    })
}

fn licenses(view: &View) -> Markup {
    html! {
        section.card aria-labelledby="licenses" {
            h2 #licenses { "Licenses" }
            @if view.licenses.is_empty() { p { "None is kept: nothing can be taught without one. The staffing office adds them." } }
            @else {
                table.stack {
                    caption.unseen { "Licenses, those that end first before the others" }
                    thead { tr { th scope="col" { "State and area" } th scope="col" { "Grades" } th scope="col" { "Ends" } th scope="col" { "Standing" } } }
                    tbody { @for license in &view.licenses {
                        tr {
                            th scope="row" { (license.state) ", " (words::kind(&license.area)) }
                            td data-label="Grades" { (grades(license)) }
                            td data-label="Ends" { (words::long_date(license.expires_on)) }
                            td data-label="Standing" { (standing(license, view.today)) }
                        }
                    } }
                }
            }
            h3 { "Clearances" }
            @if view.clearances.is_empty() { p { "None: schools of no state may be served." } }
            @else { p { "Cleared in " (view.clearances.join(", ")) "." } }
        }
    }
}

fn grades(license: &License) -> String {
    let names: Vec<String> = license.grades.iter().map(ToString::to_string).collect();
    match (names.first(), names.last()) {
        (Some(first), Some(last)) if names.len() > 2 => format!("{first}–{last}"),
        _ => names.join(", "),
    }
}

fn standing(license: &License, today: Date) -> Markup {
    let left = (license.expires_on.0 - today.0).num_days();
    html! {
        @if today < license.issued_on { span.badge.soft { "from " (words::long_date(license.issued_on)) } }
        @else if left < 0 { span.badge.bad { "ended" } }
        @else if left <= SOON { span.badge.warn { (words::plural(usize::try_from(left).unwrap_or(0), "day")) " left" } }
        @else { span.badge.good { "valid" } }
    }
}

fn join(actor: &Actor, view: &View) -> Markup {
    let kept = view.educator.body.join_url.as_deref();
    html! {
        section.card aria-labelledby="join" {
            h2 #join { "Where sessions are joined" }
            @match kept {
                Some(room) => { p { a.address href=(room) rel="noreferrer" { (room) } } }
                None => { p { "Not known yet." } }
            }
            @if JoinUrl::may_change(actor, view.id) {
                form.noprint method="post" action=(format!("/educators/{}/profile", view.id)) {
                    input type="hidden" name="seen" value=(view.educator.version);
                    div.field {
                        label for="join-url" { "Address" }
                        input #join-url name="join" type="url" maxlength="500" autocomplete="off" aria-describedby="join-hint"
                            aria-invalid=[view.wrong.as_ref().map(|_| "true")] value=(view.typed.as_deref().or(kept).unwrap_or_default());
                        span.hint #join-hint { "Of Zoom, Meet, Teams or the like, beginning with https://. Shown beside each session to whoever may see it; empty takes it back." }
                    }
                    button type="submit" { "Save the address" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::Role;
    use crate::domain::id::RecordId as _;
    use crate::web::samples;

    fn view(room: Option<&str>) -> View {
        let id = EducatorId::fresh();
        let body = serde_json::json!({"display_name": "<b>Ana</b>", "tz": "America/Phoenix", "max_minutes_per_week": 1500, "join_url": room});
        let educator = Stored {
            id,
            version: 7,
            created_at: samples::now(),
            updated_at: samples::now(),
            body: serde_json::from_value(body).expect("an educator"),
        };
        let license = |state: &str, issued: (i32, u32, u32), expires: (i32, u32, u32)| License {
            educator_id: id,
            state: state.into(),
            area: "math".into(),
            grades: serde_json::from_value(serde_json::json!(["09", "10", "11"])).expect("grades"),
            issued_on: Date::ymd(issued.0, issued.1, issued.2),
            expires_on: Date::ymd(expires.0, expires.1, expires.2),
            source: None,
            source_id: None,
        };
        let licenses = vec![
            license("AZ", (2020, 7, 1), (2026, 11, 23)),
            license("NM", (2020, 7, 1), (2026, 11, 24)),
            license("NY", (2020, 7, 1), (2030, 6, 30)),
            license("WA", (2027, 1, 1), (2030, 6, 30)),
        ];
        let today = Date::ymd(2026, 11, 24);
        View { id, educator, licenses, clearances: vec!["NY".into()], today, typed: None, wrong: None }
    }

    #[test]
    fn each_license_says_how_long_it_holds() {
        let text = page(&samples::actor(), &view(None)).into_string();
        for part in ["ended", "0 days left", "valid", "from January 1, 2027", "09–11", "Cleared in NY.", "&lt;b&gt;Ana"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn the_address_is_for_all_who_look_and_changed_by_its_owner_and_the_office() {
        let view = view(Some("https://meet.example/ana?x=1&y=2"));
        let stranger = Actor { educator: Some(EducatorId::fresh()), role: Role::Educator, ..samples::actor() };
        let own = Actor { educator: Some(view.id), ..stranger.clone() };
        for (actor, may) in [(samples::actor(), true), (own, true), (stranger, false)] {
            let text = page(&actor, &view).into_string();
            assert!(text.contains("href=\"https://meet.example/ana?x=1&amp;y=2\""), "{text}");
            assert_eq!(text.contains("name=\"join\""), may, "{text}");
        }
    }
}
