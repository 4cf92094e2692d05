//! When an educator can be placed: painted on a week, with days off as exceptions.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use maud::{Markup, html};

use super::layout::{Page, Place};
use super::words;
use crate::api::hours::Hours;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::calendar::DateSpan;
use crate::domain::educator::Availability;
use crate::domain::hours::{self, Grid};
use crate::domain::id::{EducatorId, TimeOffId};
use crate::domain::time::{self, Clock, Date, Weekday, spoken};

pub(super) fn routes() -> Router<State> {
    Router::new().route("/educators/{id}/availability", get(show).post(change))
}

async fn show(Axum(state): Axum<State>, actor: Actor, Path(id): Path<EducatorId>, _: NoQuery) -> Result<Markup, Error> {
    let kept = state.hours(&actor, id).await?;
    Ok(page(&actor, id, &kept, &Painted::kept(&kept)))
}

/// What the grid shows, and what is wrong with it.
struct Painted {
    grid: Grid,
    /// It differs from what is kept.
    changed: bool,
    wrong: Option<String>,
}

impl Painted {
    fn kept(kept: &Hours) -> Self {
        Self { grid: Grid::of(&kept.offered()), changed: false, wrong: None }
    }
}

/// The fields of a form, some of them given more than once.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value.trim())
    }

    fn one(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    fn parsed<T: std::str::FromStr<Err = String>>(&self, name: &str) -> Result<T, Error> {
        self.one(name).parse().map_err(|message: String| Error::field(format!("/{name}"), message))
    }
}

async fn change(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    _: NoQuery,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Error> {
    let Form(fields) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let fields = Fields(fields);
    let kept = state.hours(&actor, id).await?;
    let mut painted = Painted::kept(&kept);
    let done = match fields.one("do") {
        "away" => add_days(&state, &actor, id, &fields).await,
        "back" => {
            let version = fields.one("version").parse().unwrap_or(0);
            state.drop_days_off(&actor, fields.parsed::<TimeOffId>("off")?, version).await
        }
        what => {
            // As it was when the page was made, whatever is kept by now.
            let step = [15, 30].into_iter().find(|step| step.to_string() == fields.one("step"));
            let step = step.unwrap_or(painted.grid.step);
            painted.grid.step = step;
            painted.grid.on = fields.all("on").filter_map(|name| hours::cell(name, step)).collect();
            painted.changed = true;
            match filled(&mut painted.grid, what, &fields) {
                Ok(()) => {
                    let stranger = kept.offered().into_iter().filter(|one| !hours::fits(one));
                    let wanted = painted.grid.stretches().into_iter().chain(stranger).collect();
                    state.set_hours(&actor, id, fields.one("seen"), wanted).await
                }
                Err(refused) => Err(refused),
            }
        }
    };
    let status = match done {
        Ok(()) => return Ok(Redirect::to(&format!("/educators/{id}/availability")).into_response()),
        Err(Error::Fields(issues)) => {
            painted.wrong = Some(issues.into_iter().map(|issue| issue.message).collect::<Vec<_>>().join("; "));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Error::Conflict(why)) => {
            painted.wrong = Some(format!(
                "Not saved: {why}. The grid shows what you painted, and below it stands what is kept now. Save again to put yours in its place, or open the page anew to drop yours."
            ));
            StatusCode::CONFLICT
        }
        Err(Error::Stale { .. }) => {
            painted.wrong =
                Some("Not changed: somebody else changed it meanwhile. Below stands what is kept now.".into());
            StatusCode::CONFLICT
        }
        Err(other) => return Err(other),
    };
    let now = state.hours(&actor, id).await?;
    Ok((status, page(&actor, id, &now, &painted)).into_response())
}

/// Adds or removes the hours of the short form, where it is that which was sent.
fn filled(grid: &mut Grid, what: &str, fields: &Fields) -> Result<(), Error> {
    if what != "add" && what != "remove" {
        return Ok(());
    }
    let days: Vec<Weekday> = fields.all("day").filter_map(|day| day.parse().ok()).collect();
    let (from, to) = (fields.parsed::<Clock>("from")?, fields.parsed::<Clock>("to")?);
    let whole = |at: Clock| at.minutes().is_multiple_of(grid.step);
    if days.is_empty() || from >= to || !whole(from) || !whole(to) {
        let message =
            format!("choose at least one day, and times in order that are multiples of {} minutes", grid.step);
        return Err(Error::field("/from", message));
    }
    grid.paint(&days, from, to, what == "add");
    Ok(())
}

async fn add_days(state: &State, actor: &Actor, id: EducatorId, fields: &Fields) -> Result<(), Error> {
    let first = fields.parsed::<Date>("first_on")?;
    let last = if fields.one("last_on").is_empty() { first } else { fields.parsed::<Date>("last_on")? };
    state.add_days_off(actor, id, DateSpan { first, last }).await
}

fn page(actor: &Actor, id: EducatorId, kept: &Hours, painted: &Painted) -> Markup {
    let educator = &kept.educator;
    let title = format!("Availability of {}", educator.display_name);
    let page = Page { scripts: &["hours.js"], ..Page::new(&title, Place::Hours, actor) };
    let may_write = actor.may(Verb::Write, Thing::Record("availability"));
    let zone = words::zone(time::now(), educator.tz);
    page.show(&html! {
        p.trail { a href=(format!("/educators/{id}/week")) { "Week of " (educator.display_name) } }
        h1 { (title) }
        p.soft { "When new sessions may be placed, on the clock of " (educator.tz.name()) " (" (zone) "). What is published stays; the staffing office sees what no longer fits under Repairs." }
        @if let Some(wrong) = &painted.wrong { div.note.bad role="alert" { p { (wrong) } } }
        (grid(id, kept, painted, may_write))
        (exceptions(id, kept, may_write))
    })
}

fn grid(id: EducatorId, kept: &Hours, painted: &Painted, may_write: bool) -> Markup {
    let Grid { step, first, last, on } = &painted.grid;
    let strangers: Vec<Availability> = kept.offered().into_iter().filter(|one| !hours::fits(one)).collect();
    html! {
        form.card method="post" action=(format!("/educators/{id}/availability")) aria-labelledby="week" data-changed=(painted.changed) {
            h2 #week { "Usual week" }
            p.soft.small { "Check the times at which you can teach. With a mouse or pen drag over several; with a finger rest on one and then drag; with the keyboard move by arrows, and hold Shift to paint on the way." }
            input type="hidden" name="seen" value=(kept.seen());
            input type="hidden" name="step" value=(step);
            table.paint {
                caption.unseen { "Available times, by day and hour" }
                thead { tr { td {} @for day in Weekday::ALL { th scope="col" { (day.title()) } } } }
                tbody { @for at in (*first..*last).step_by(usize::from(*step)) {
                    @let whole = at.is_multiple_of(60);
                    tr.whole[whole] {
                        // Each box says its own time: between the hours no header is needed.
                        @if whole { th scope="row" { (words::hour(at / 60)) } } @else { td {} }
                        @for day in Weekday::ALL {
                            td { label {
                                input type="checkbox" name="on" value=(hours::named((day, at))) checked[on.contains(&(day, at))] disabled[!may_write]
                                    aria-label=(format!("{} {}", day.title(), said(at)));
                            } }
                        }
                    }
                } }
            }
            @if !strangers.is_empty() {
                p.soft { "Kept beside the grid, because they begin or end between quarters of an hour: " @for (n, one) in strangers.iter().enumerate() { @if n > 0 { "; " } (stretch(one, kept)) } "." }
            }
            @if painted.changed {
                div.note { p { "Kept now: " @if kept.stretches.is_empty() { "nothing" } @for (n, one) in kept.offered().iter().enumerate() { @if n > 0 { "; " } (stretch(one, kept)) } "." } }
            }
            @if may_write {
                div.weeks { button type="submit" name="do" value="save" { "Save the week" } }
                details {
                    summary { "Fill by times" }
                    fieldset.checks { legend { "Days" } @for day in Weekday::ALL { label { input type="checkbox" name="day" value=(day.name()) checked[day < Weekday::Sat]; (day.title()) } } }
                    div.fields {
                        div.field { label for="from" { "From" } input #from type="time" name="from" step=(u32::from(*step) * 60) value="08:00"; }
                        div.field { label for="to" { "To" } input #to type="time" name="to" step=(u32::from(*step) * 60) value="16:00"; }
                    }
                    div.weeks {
                        button.quiet type="submit" name="do" value="add" { "Add these and save" }
                        button.quiet type="submit" name="do" value="remove" { "Remove these and save" }
                    }
                }
            }
        }
    }
}

fn exceptions(id: EducatorId, kept: &Hours, may_write: bool) -> Markup {
    let action = format!("/educators/{id}/availability");
    let days = |first: Date, last: Date| {
        if first == last {
            words::long_date(first)
        } else {
            format!("{} to {}", words::long_date(first), words::long_date(last))
        }
    };
    html! {
        section.card aria-labelledby="off" {
            h2 #off { "Exceptions" }
            @if kept.off.is_empty() { p.soft { "No days off ahead." } }
            @else {
                ul.decisions { @for (row, of_absence) in &kept.off {
                    @let said = days(row.body.first_on, row.body.last_on);
                    li {
                        span { (said) @if *of_absence { " " span.badge.soft { "absence" } } }
                        @if may_write && !of_absence {
                            form.plain method="post" action=(action) {
                                input type="hidden" name="off" value=(row.id);
                                input type="hidden" name="version" value=(row.version);
                                button.quiet type="submit" name="do" value="back" { "Remove" span.unseen { " " (said) } }
                            }
                        }
                    }
                } }
            }
            @if may_write {
                form method="post" action=(action) {
                    div.fields {
                        div.field { label for="first_on" { "Not available from" } input #first_on type="date" name="first_on" required; }
                        div.field { label for="last_on" { "To" } input #last_on type="date" name="last_on" aria-describedby="last-hint"; span.hint #last-hint { "Empty: that day alone." } }
                    }
                    button.quiet type="submit" name="do" value="away" { "Add days off" }
                }
                p.soft.small { "Days on which sessions are published want an absence, reported from the " a href=(format!("/educators/{id}/week#away")) { "week" } "." }
            }
        }
    }
}

/// `8:30 AM`, of minutes after midnight.
fn said(at: u16) -> String {
    let text = spoken(at.into(), at.into());
    text.split_once('–').map_or_else(|| text.clone(), |(_, end)| end.to_owned())
}

/// `Mon, Tue 8:00 AM–12:00 PM MST`.
fn stretch(one: &Availability, kept: &Hours) -> String {
    let days: Vec<&str> = one.days.iter().map(|day| day.title()).collect();
    let zone = words::zone(time::now(), kept.educator.tz);
    format!("{} {} {zone}", days.join(", "), spoken(one.start.minutes().into(), one.end.minutes().into()))
}
