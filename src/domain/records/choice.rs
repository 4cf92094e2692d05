//! What people have decided before the engine does: pins, vetoes, needs that belong together, present assignments.

use super::CENTS;
use crate::domain::id::{EducatorId, NeedId, SchoolId, SectionId, ServiceId, TermId};
use crate::domain::record::{Findings, record};

record! {
    /// This need must be served by this educator: a section or a service.
    pub struct Pin: PinId, "pin" {
        pub term_id: TermId,
        #[serde(default)]
        pub section_id: Option<SectionId>,
        #[serde(default)]
        pub service_id: Option<ServiceId>,
        pub educator_id: EducatorId,
        /// Why, for whoever looks at it later.
        #[serde(default)]
        pub reason: Option<String>,
        /// Codes of the cautions (`W…`) that whoever decided it knew of and overrode, for that reason.
        #[serde(default)]
        #[schema(example = json!(["W05"]))]
        pub overrides: Vec<String>,
    }
    |pin, found| {
        either(found, pin.section_id, pin.service_id);
        found.distinct("/overrides", &pin.overrides);
        for (n, code) in pin.overrides.iter().enumerate() {
            let shaped = code.len() == 3 && code.starts_with('W') && code[1..].bytes().all(|b| b.is_ascii_digit());
            found.require(shaped, format!("/overrides/{n}"), "not the code of a caution, such as W05");
        }
        let why = pin.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
        found.require(pin.overrides.is_empty() || why, "/reason", "an override needs a reason");
    }
}

record! {
    /// This educator may not be matched at this school.
    pub struct Veto: VetoId, "veto" {
        pub educator_id: EducatorId,
        pub school_id: SchoolId,
        /// Why, for whoever looks at it later.
        #[serde(default)]
        pub reason: Option<String>,
    }
    |_, _| {}
}

record! {
    /// Needs better served by one educator, and what each further one costs.
    pub struct Together: TogetherId, "together" {
        pub term_id: TermId,
        /// Ids of sections and services of the term.
        pub needs: Vec<NeedId>,
        pub cents: i64,
    }
    |together, found| {
        found.filled("/needs", &together.needs);
        found.distinct("/needs", &together.needs);
        found.range("/cents", together.cents, CENTS);
    }
}

record! {
    /// Who serves a need now, as an imported file says; a published schedule goes before it.
    pub struct Incumbent: IncumbentId, "incumbent" {
        pub term_id: TermId,
        #[serde(default)]
        pub section_id: Option<SectionId>,
        #[serde(default)]
        pub service_id: Option<ServiceId>,
        pub educator_id: EducatorId,
    }
    |incumbent, found| either(found, incumbent.section_id, incumbent.service_id)
}

fn either(found: &mut Findings, section: Option<SectionId>, service: Option<ServiceId>) {
    found.require(section.is_some() != service.is_some(), "/section_id", "give either section_id or service_id");
}
