//! A run: one execution of the engine, from the moment it is asked for to its verified answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::id::{DistrictId, EducatorId, RunId, TermId};
use super::supply::{Longer, Supposed};

/// Deaths of a run's child after which it is given up.
pub const MAX_FAILURES: i64 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl RunState {
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    #[must_use]
    pub fn name(self) -> &'static str {
        ["queued", "running", "succeeded", "failed", "cancelled"][self as usize]
    }

    /// Nothing more will happen to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl std::str::FromStr for RunState {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.name() == text);
        known.ok_or_else(|| {
            format!("{text:?} is not a state of a run; use queued, running, succeeded, failed or cancelled")
        })
    }
}

/// What a run may spend, and what it is asked to prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// Wall seconds of solving.
    #[schema(minimum = 1, maximum = 86400)]
    pub seconds: i64,
    /// Branch-and-bound nodes; none is no limit.
    #[schema(minimum = 1)]
    pub nodes: Option<i64>,
    /// Relative gap at which to stop; 0 asks for a proof.
    #[schema(minimum = 0, maximum = 1)]
    pub gap: f64,
    #[schema(minimum = 0)]
    pub seed: u32,
    #[schema(minimum = 1, maximum = 64)]
    pub threads: u8,
    /// Address space of the child.
    #[schema(minimum = 268_435_456)]
    pub memory_bytes: i64,
    /// Begin with the schedule of this run.
    #[schema(value_type = Option<Uuid>)]
    pub start_from: Option<RunId>,
    /// Cents for a minute that is owed and not served; none is what the term says.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub unserved_cents_per_minute: Option<i64>,
    /// Cents for a need that is taken from who serves it now; none is what the term says.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub change_cents: Option<i64>,
    /// Educators to plan without, as if they were not there.
    #[schema(value_type = Vec<Uuid>, max_items = 1000)]
    pub without: Vec<EducatorId>,
    /// Educators who are not there, to plan with as if they were. Such a run can be compared, not published.
    #[schema(max_items = 20)]
    pub with: Vec<Supposed>,
    /// More hours a week for some who are there. Such a run can be compared, not published.
    pub longer: Option<Longer>,
    /// Mend that schedule where it no longer holds, leave the rest of it as it is, and end.
    pub repair: bool,
    /// When a district is published for the first time in a term that has begun, write its sessions from the term's first day,
    /// as held: for history that is brought in from elsewhere. Else only those to come are written.
    pub history: bool,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            seconds: 300,
            nodes: None,
            gap: 0.005,
            seed: 1,
            threads: 2,
            memory_bytes: 8 << 30,
            start_from: None,
            unserved_cents_per_minute: None,
            change_cents: None,
            without: Vec::new(),
            with: Vec::new(),
            longer: None,
            repair: false,
            history: false,
        }
    }
}

/// A run as it stands. The problem, the schedule and the report are asked for by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Run {
    #[schema(value_type = Uuid)]
    pub id: RunId,
    #[schema(value_type = Uuid)]
    pub term_id: TermId,
    /// The districts it covers.
    #[schema(value_type = Vec<Uuid>)]
    pub district_ids: Vec<DistrictId>,
    pub state: RunState,
    pub settings: RunSettings,
    pub engine_version: String,
    /// SHA-256 of the problem's bytes, in hexadecimal.
    pub problem_sha256: String,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// How many times a worker has taken it up.
    pub attempt: i64,
    /// How many times its child has died.
    pub failures: i64,
    pub cancel_asked: bool,
    /// Number of its latest event.
    pub last_event: i64,
    /// The latest figures: `t` (seconds), `incumbent` and `bound` (cents), `gap`.
    #[schema(value_type = Option<Object>)]
    pub progress: Option<Json>,
    /// SHA-256 of the best schedule's bytes; none while there is none.
    pub schedule_sha256: Option<String>,
    /// How the solving ended: `optimal`, `within_gap`, `limit` or `defective`.
    pub status: Option<String>,
    /// Why it failed, or what befell it on the way.
    pub cause: Option<String>,
    /// The published schedule that this run became.
    pub schedule_id: Option<Uuid>,
}

/// Something a run told the world; numbers count up within the run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunEvent {
    pub seq: i64,
    pub at: DateTime<Utc>,
    /// `queued`, `started`, `progress`, `incumbent`, `retry` or `final`.
    pub kind: String,
    #[schema(value_type = Object)]
    pub body: Json,
}
