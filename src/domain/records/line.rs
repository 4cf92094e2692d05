//! What an IEP says is owed, as it is written, and the policies by which it is counted.

use crate::domain::id::{DistrictId, SchoolId, StudentId, TermId};
use crate::domain::license::Grade;
use crate::domain::line::{self, Grouping, SchoolWeeks};
use crate::domain::need::ServiceWindow;
use crate::domain::policy::{self, Standing};
use crate::domain::record::{Findings, record};
use crate::domain::time::Date;

record! {
    /// A service line of an IEP. The services that deliver it are made from it, one for each plan that it takes.
    pub struct ServiceLine: ServiceLineId, "service_line" {
        pub term_id: TermId,
        pub student_id: StudentId,
        pub school_id: SchoolId,
        /// For example `speech-language`.
        pub service: String,
        /// Any one of these is an acceptable license area.
        pub areas: Vec<String>,
        pub grade: Grade,
        /// As the IEP says it: `30 min 2×/week`, `1,080 min/year`. What commits nobody to an amount is refused.
        #[schema(example = "individual, 30 min 2×/week")]
        pub written: String,
        /// Minutes of one session, where the line leaves the split free.
        #[serde(default = "half_hour")]
        pub session_minutes: i64,
        /// The parents have agreed to group sessions. Without it the student is served alone.
        #[serde(default)]
        pub group_consent: bool,
        pub windows: Vec<ServiceWindow>,
        #[serde(default = "one")]
        pub max_group: i64,
        /// How many grades apart the members of a group may be.
        #[serde(default = "three")]
        pub grade_span: i64,
        /// First and last day; none is the term's.
        #[serde(default)]
        pub first_on: Option<Date>,
        #[serde(default)]
        pub last_on: Option<Date>,
        /// Multiplies the price of unserved minutes.
        #[serde(default = "one")]
        pub priority: i64,
        #[serde(default)]
        pub languages: Vec<String>,
    }
    |line, found| {
        found.named("/service", &line.service);
        found.filled("/areas", &line.areas);
        found.range("/session_minutes", line.session_minutes, 5..=480);
        found.filled("/windows", &line.windows);
        for (n, window) in line.windows.iter().enumerate() {
            found.filled(&format!("/windows/{n}/days"), &window.days);
            found.require(window.start < window.end, format!("/windows/{n}/end"), "ends before it starts");
        }
        found.range("/max_group", line.max_group, 1..=1000);
        found.range("/grade_span", line.grade_span, 0..=13);
        found.dates("/last_on", line.first_on, line.last_on);
        found.range("/priority", line.priority, 0..=1000);
        found.distinct("/languages", &line.languages);
        amount(line, found);
    }
}

fn amount(written: &ServiceLine, found: &mut Findings) {
    let form = match line::read(&written.written) {
        Ok(form) => form,
        Err(issue) => return found.refuse("/written", issue.to_string()),
    };
    if let Err(issue) = form.plans(written.session_minutes, SchoolWeeks::default()) {
        found.refuse("/written", issue.to_string());
    }
    let in_a_group = form.grouping == Some(Grouping::Group) || written.max_group > 1;
    found.require(
        written.group_consent || !in_a_group,
        if form.grouping == Some(Grouping::Group) { "/written" } else { "/max_group" },
        "L11: group sessions need the parents' consent; record it as group_consent, or serve the student alone",
    );
    found.require(
        form.grouping != Some(Grouping::Individual) || written.max_group == 1,
        "/max_group",
        "L08: the line says individual; leave max_group at 1",
    );
}

record! {
    /// A figure that a state or a district has set, by which minutes are counted.
    pub struct Policy: PolicyId, "policy" {
        /// For example `short_period` or `make_up.closure`.
        pub key: String,
        pub value: String,
        /// Give either a state or a district.
        #[serde(default)]
        pub state: Option<String>,
        #[serde(default)]
        pub district_id: Option<DistrictId>,
        pub effective_on: Date,
        #[serde(default)]
        pub ends_on: Option<Date>,
        /// How firm it stands; what is only believed to be law is an assumption.
        pub standing: Standing,
        /// Where it says so: section, address, minutes of a board. Printed on every report.
        pub citation: String,
    }
    |policy, found| {
        if let Err((pointer, message)) = policy::check(&policy.key, &policy.value) {
            found.refuse(pointer, message);
        }
        found.require(
            policy.state.is_some() != policy.district_id.is_some(),
            "/state",
            "give either a state or a district_id",
        );
        if let Some(state) = &policy.state {
            found.state("/state", state);
        }
        found.named("/citation", &policy.citation);
        found.dates("/ends_on", Some(policy.effective_on), policy.ends_on);
    }
}

fn half_hour() -> i64 {
    30
}

fn one() -> i64 {
    1
}

fn three() -> i64 {
    3
}
