//! Locks that stand against a run: which need is locked to whom, which rule that breaks, and the way back.

use maud::{Markup, html};

use super::decisions::way_back;
use super::{needs, unserved, words};
use crate::api::error::Error;
use crate::domain::id::{EducatorId, NeedId, PinId, RecordId as _, SectionId, ServiceId};
use crate::domain::record::Stored;
use crate::domain::records::Pin;
use crate::engine::locks::Broken;
use crate::engine::rule::Rule;
use crate::store::{self, Tx, directory};

/// One lock, with the names that a person knows it by.
pub struct Told {
    pub said: String,
    remedy: &'static str,
    /// None where somebody has undone it meanwhile.
    pin: Option<(PinId, i64)>,
    educator: String,
}

/// The locks with names.
pub async fn told(tx: &mut Tx, broken: &[Broken]) -> Result<Vec<Told>, Error> {
    let names = directory::educator_names(tx).await?;
    let mut all = Vec::new();
    for one in broken {
        let educator = one.educator.parse().ok().and_then(|id: EducatorId| names.get(&id));
        let educator = educator.cloned().unwrap_or_else(|| "a former educator".into());
        let rule = Rule::ALL.iter().copied().find(|rule| rule.code() == one.rule);
        let beside = match &one.beside {
            Some(other) => format!(" beside the lock of {}", name(tx, other).await?),
            None => String::new(),
        };
        let title = unserved::rule_title(&one.rule);
        let need = name(tx, &one.need).await?;
        let said = format!(
            "{need} is locked to {educator}, which cannot be kept{beside}: {title} ({}), {}.",
            one.rule, one.why
        );
        let pin = pin(tx, &one.need).await?.map(|pin| (pin.id, pin.version));
        all.push(Told { said, remedy: rule.map_or("", Rule::remedy), pin, educator });
    }
    Ok(all)
}

async fn name(tx: &mut Tx, need: &str) -> Result<String, Error> {
    let known = match need.parse::<NeedId>() {
        Ok(id) => needs::find(tx, id).await?,
        Err(_) => None,
    };
    Ok(known.map_or_else(|| needs::former().0, |known| format!("{} ({})", known.title, known.about)))
}

async fn pin(tx: &mut Tx, need: &str) -> Result<Option<Stored<Pin>>, Error> {
    let Ok(id) = need.parse::<NeedId>() else { return Ok(None) };
    let of_section = store::children::<Pin>(tx, "section_id", SectionId::from_uuid(id.uuid())).await?;
    let of_service = store::children::<Pin>(tx, "service_id", ServiceId::from_uuid(id.uuid())).await?;
    Ok(of_section.into_iter().chain(of_service).next())
}

/// The locks, each with what would help and the button that undoes it.
pub fn show(locks: &[Told]) -> Markup {
    html! {
        div.note.bad role="alert" {
            p { strong { (words::plural(locks.len(), "lock")) " cannot be kept, so nothing was planned." } " No run may break a rule, and none may pass over a lock:" }
            ul.decisions {
                @for lock in locks {
                    li {
                        span { (lock.said) " " span.soft { "Undo the lock, or " (lock.remedy) "." } }
                        @if let Some((id, version)) = lock.pin { (way_back("/decisions/undo", "lock", &id.to_string(), version, &lock.educator)) }
                    }
                }
            }
            p { a href="/decisions" { "All locks and bans" } }
        }
    }
}
