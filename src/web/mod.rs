//! Floor 4: pages, rendered here, on the same store calls as the API; every asset is embedded.
//!
//! To add a page: write `pub(super) fn routes() -> Router<State>` in a file of its own, name it in [`router`], show
//! through [`layout::Page`], and refuse with [`Error`](crate::api::error::Error), which [`dressed`] turns into a page.

mod absences;
mod account;
mod accounts;
mod ask;
mod assets;
mod board;
mod calendar;
mod cautions;
mod compare;
mod decisions;
mod fit;
mod home;
mod hours;
mod layout;
mod links;
mod locks;
mod log;
mod mail;
mod make_ups;
mod minutes;
mod need;
mod needs;
mod offers;
mod passkeys;
mod people;
mod plot;
mod profile;
mod refusal;
mod repairs;
mod run;
mod runs;
#[cfg(test)]
mod samples;
mod scope;
mod settings;
mod sides;
mod sign_in;
mod suppose;
mod today;
mod totp;
mod unserved;
mod vacancies;
mod week;
mod words;

use axum::Router;

use crate::api::State;

pub use refusal::dressed;

/// Every page.
pub fn router() -> Router<State> {
    let people = people::routes().merge(week::routes()).merge(profile::routes());
    let accounts = account::routes()
        .merge(settings::routes())
        .merge(totp::routes())
        .merge(passkeys::routes())
        .merge(links::routes())
        .merge(accounts::routes())
        .merge(sign_in::routes());
    let runs = runs::routes()
        .merge(run::routes())
        .merge(need::routes())
        .merge(compare::routes())
        .merge(board::routes())
        .merge(decisions::routes());
    let vacancies = vacancies::routes().merge(offers::routes());
    let minutes = minutes::routes().merge(log::routes()).merge(make_ups::routes());
    assets::routes()
        .merge(accounts)
        .merge(home::routes())
        .merge(people)
        .merge(minutes)
        .merge(vacancies)
        .merge(runs)
        .merge(mail::routes())
        .merge(absences::routes())
        .merge(repairs::routes())
        .merge(hours::routes())
}
