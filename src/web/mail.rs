//! Mail: what is owed and what became of it, for the office; and the page on which somebody wants no more digests.

use axum::Router;
use axum::extract::State as Axum;
use axum::response::Redirect;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, pager};
use super::words;
use crate::api::access::Planner;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::Actor;
use crate::domain::id::MailId;
use crate::domain::time::Tz;
use crate::store::mail::{self, Kept};

const PAGE: usize = 50;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/mail", get(list))
        .route("/mail/{id}/retry", post(retry))
        .route("/unsubscribe/{id}", get(ask).post(unsubscribe))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    before: Option<MailId>,
}

async fn list(Axum(state): Axum<State>, Planner(actor): Planner, Query(which): Query<Which>) -> Result<Markup, Error> {
    let one_more = i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1;
    let mails = mail::list(&mut state.db.read().await?, None, which.before, one_more).await?;
    Ok(page(&actor, &mails, which.before.is_some(), state.settings.mail.is_some()))
}

async fn retry(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<MailId>,
    _: NoQuery,
) -> Result<Redirect, Error> {
    let mut tx = state.write(&actor).await?;
    mail::revive(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Redirect::to("/mail"))
}

fn page(actor: &Actor, mails: &[Kept], further: bool, is_set: bool) -> Markup {
    let shown = &mails[..mails.len().min(PAGE)];
    let next = shown.last().filter(|_| mails.len() > PAGE).map(|last| format!("/mail?before={}", last.id));
    Page::new("Mail", Place::Mail, actor).show(&html! {
        h1 { "Mail" }
        @if !is_set {
            div.note.warn { p { "No mail is sent: BELLWETHER_MAIL_URL and BELLWETHER_MAIL_FROM are not set. Publications owe nobody a mail until they are." } }
        }
        @if shown.is_empty() {
            (empty("No mail yet", &html! { p { "Educators with a mail address get one when a schedule is published." } }))
        } @else {
            table.stack {
                caption.unseen { "Mails, newest first" }
                thead { tr { th scope="col" { "To" } th scope="col" { "What" } th scope="col" { "State" } th scope="col" { "Since" } th scope="col" { span.unseen { "Actions" } } } }
                tbody { @for mail in shown { (row(mail, actor.tz)) } }
            }
            (pager(further.then_some("/mail"), next.as_deref()))
        }
    })
}

fn row(mail: &Kept, tz: Tz) -> Markup {
    let badge = match mail.state.as_str() {
        "sent" => "good",
        "failed" => "bad",
        "queued" => "warn",
        _ => "soft",
    };
    let at = words::instant(mail.ended_at.unwrap_or(mail.due_at), tz);
    html! {
        tr {
            th scope="row" { (mail.name.as_deref().unwrap_or("somebody who is gone")) @if let Some(address) = &mail.address { div.soft.small { (address) } } }
            td data-label="What" { (if mail.kind == "digest" { "Schedule" } else { "Notice" }) }
            td data-label="State" {
                span class=(format!("badge {badge}")) { (mail.state) }
                @if let Some(cause) = &mail.cause { div.soft.small { (cause) } }
            }
            td data-label="Since" { (at) @if mail.attempts > 1 { div.soft.small { (mail.attempts) " attempts" } } }
            td {
                @if mail.state == "failed" {
                    form.plain method="post" action=(format!("/mail/{}/retry", mail.id)) { button.quiet type="submit" { "Send again" } }
                }
            }
        }
    }
}

/// What a person sees who follows the link; a mail program posts at once (RFC 8058).
async fn ask(Axum(state): Axum<State>, Path(id): Path<MailId>, _: NoQuery) -> Result<Markup, Error> {
    mail::digest_address(&mut state.db.read().await?, id).await?.ok_or(Error::NoRoute)?;
    Ok(Page::open("No more mails").show(&html! {
        h1 { "No more mails about your schedule?" }
        p { "You will still get what you have to decide, and your schedule stays on your page and in your calendar feed." }
        form method="post" { button type="submit" { "Send me no more of these" } }
    }))
}

async fn unsubscribe(Axum(state): Axum<State>, Path(id): Path<MailId>, _: NoQuery) -> Result<Markup, Error> {
    let mut tx = state.db.write("unsubscribe").await?;
    let address = mail::digest_address(&mut tx, id).await?.ok_or(Error::NoRoute)?;
    mail::refuse(&mut tx, &address, true, "asked so by the link in a mail").await?;
    tx.commit().await?;
    Ok(Page::open("No more mails").show(&html! {
        h1 { "Done" }
        p { "You get no more mails about your schedule. The office can turn them on again." }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::web::samples;

    #[test]
    fn the_page_shows_what_failed_and_why_and_offers_another_try() {
        let mail = |state: &str, cause: Option<&str>| Kept {
            id: MailId::fresh(),
            kind: "digest".into(),
            state: state.into(),
            name: Some("<i>Ana</i>".into()),
            address: Some("ana@educator.example".into()),
            attempts: 3,
            created_at: samples::now(),
            due_at: samples::now(),
            ended_at: (state != "queued").then(samples::now),
            cause: cause.map(Into::into),
        };
        let text =
            page(&samples::actor(), &[mail("failed", Some("550 no such user")), mail("sent", None)], false, true);
        let text = text.into_string();
        assert_eq!(text.matches("Send again").count(), 1);
        assert!(
            text.contains("550 no such user") && text.contains("&lt;i&gt;Ana") && !text.contains("No mail is sent")
        );
        assert!(page(&samples::actor(), &[], false, false).into_string().contains("BELLWETHER_MAIL_URL"));
    }
}
