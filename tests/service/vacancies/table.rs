//! Every stage, every action, every role: what follows, and whom it is for. Written from the issue, not from the code.

use std::collections::BTreeSet;

use bellwether::domain::actor::Role;
use bellwether::domain::id::{OfferId, VacancyId};
use bellwether::domain::vacancy::terms::Terms;
use bellwether::domain::vacancy::{READINESS, Stage};
use bellwether::store::vacancies::{self, NewOffer};
use bellwether::store::{Db, Tx};
use chrono::TimeDelta;
use serde_json::json;

use super::{Office, soon};
use crate::api::client::Client;
use crate::fresh::on_both;
use crate::people::person;
use Stage::{
    Cancelled, Clearing, Closed, Declined, DistrictAccepted, Draft, EducatorAccepted, Ending, Expired, Live, Offered,
    Onboarding, Open, Proposed, Withdrawn,
};

/// By stage: the actions that follow, with `o` for the office's, `d` for the district's, `e` for the educator's.
const FOLLOWS: [(Stage, &str); 15] = [
    (Draft, "d open, d withdrawn"),
    (Open, "o propose, d withdrawn, o cancelled"),
    (Proposed, "d accept, d decline, o open, d withdrawn, o cancelled"),
    (DistrictAccepted, "o offer, o open, d withdrawn, o cancelled"),
    (Offered, "e accept, e decline, o open, d withdrawn, o cancelled"),
    (EducatorAccepted, "o clearing, o open, d withdrawn, o cancelled"),
    (Clearing, "o onboarding, o open, d withdrawn, o cancelled"),
    (Onboarding, "o live, o open, d withdrawn, o cancelled"),
    (Live, "d ending, o cancelled"),
    (Ending, "o closed"),
    (Closed, ""),
    (Withdrawn, ""),
    (Declined, "d open, o propose, d withdrawn, o cancelled"),
    (Expired, "d open, o propose, d withdrawn, o cancelled"),
    (Cancelled, ""),
];

const BY_HAND: [&str; 8] = ["open", "withdrawn", "cancelled", "clearing", "onboarding", "live", "ending", "closed"];
const ASKED: [&str; 2] = ["propose", "offer"];
const ANSWERED: [&str; 2] = ["accept", "decline"];

/// Makes the vacancy stand there, with what was proposed and offered on the way; the last of that.
async fn stand(db: &Db, office: &Office, stage: Stage) -> OfferId {
    let vacancy: VacancyId = office.vacancy.parse().expect("an id");
    let mut tx = db.write("test").await.expect("writes");
    for offer in vacancies::of_vacancy(&mut tx, vacancy).await.expect("lists") {
        vacancies::answer(&mut tx, offer.id, "withdrawn", None).await.expect("is over");
    }
    let make = async |tx: &mut Tx, is_proposal: bool, answer: Option<&str>| {
        let new = NewOffer {
            vacancy_id: vacancy,
            educator_id: office.house.own.parsed("educators"),
            is_proposal,
            terms: Terms::default(),
            deadline_at: tx.at + TimeDelta::days(1),
        };
        let made = vacancies::make(tx, new).await.expect("an offer");
        if let Some(answer) = answer {
            vacancies::answer(tx, made, answer, None).await.expect("an answer");
        }
        made
    };
    let last = match stage {
        Proposed => make(&mut tx, true, None).await,
        DistrictAccepted => make(&mut tx, true, Some("accepted")).await,
        Offered => make(&mut tx, false, None).await,
        EducatorAccepted | Clearing | Onboarding | Live | Ending => make(&mut tx, false, Some("accepted")).await,
        _ => make(&mut tx, true, Some("withdrawn")).await,
    };
    vacancies::step(&mut tx, vacancy, stage, "test").await.expect("stands there");
    tx.commit().await.expect("commits");
    last
}

async fn act(office: &Office, client: &Client, action: &str, last: OfferId) -> u16 {
    let (path, body) = match action {
        "propose" => {
            let educator = office.house.own.id("educators");
            (office.at("proposals"), json!({"educator_id": educator, "deadline_at": soon()}))
        }
        "offer" => (office.at("offers"), json!({"deadline_at": soon()})),
        "accept" => (format!("/api/v1/offers/{last}/accept"), json!({})),
        "decline" => (format!("/api/v1/offers/{last}/decline"), json!({"reason": "no"})),
        stage => (office.at("steps"), json!({"stage": stage, "reason": "why"})),
    };
    client.post(&path, &body).await.status.as_u16()
}

/// What a role is answered: `mover` is whose step it is, none where it does not follow; `proposal` is what is answered.
fn expected(role: Role, action: &str, mover: Option<char>, proposal: bool) -> u16 {
    let office = matches!(role, Role::Administrator | Role::Coordinator);
    let done = if ASKED.contains(&action) { 201 } else { 204 };
    let follows = if mover.is_some() { done } else { 409 };
    if BY_HAND.contains(&action) {
        return match role {
            Role::Educator => 404,
            Role::SpecialEducation => 403,
            Role::DistrictHr if mover == Some('o') => 403,
            _ => follows,
        };
    }
    let theirs = match role {
        Role::DistrictHr => ANSWERED.contains(&action) && proposal,
        Role::Educator => ANSWERED.contains(&action) && !proposal,
        _ => false,
    };
    if office || theirs { follows } else { 404 }
}

#[tokio::test]
async fn each_stage_is_left_by_the_steps_that_follow_and_by_whom_they_are_for() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        let district = office.house.own.parsed("districts");
        let (_, secret) = person(&db, Role::SpecialEducation, &[district], None).await;
        let special = office.planner.signed_in(&secret);
        let clients = [&office.house.people[0], &office.planner, &office.hr, &special, &office.educator];
        for (item, _) in READINESS {
            let body = json!({"item": item, "ready": true});
            assert_eq!(office.hr.send("PUT", &office.at("readiness"), &[], &body).await.status.as_u16(), 204);
        }
        let (mut wrong, mut done) = (Vec::new(), 0);
        for (stage, follows) in FOLLOWS {
            let mut last = stand(&db, &office, stage).await;
            let proposal = !matches!(stage, Offered | EducatorAccepted | Clearing | Onboarding | Live | Ending);
            for action in BY_HAND.iter().chain(&ASKED).chain(&ANSWERED) {
                let one = follows.split(", ").find_map(|one| one.strip_suffix(&format!(" {action}")));
                let mover = one.and_then(|mover| mover.chars().next());
                for (role, client) in Role::ALL.into_iter().zip(clients) {
                    let (found, expected) =
                        (act(&office, client, action, last).await, expected(role, action, mover, proposal));
                    if found != expected {
                        wrong.push(format!("{stage}: {action} as {role} is {found}, not {expected}"));
                    }
                    if found < 300 {
                        done += 1;
                        last = stand(&db, &office, stage).await;
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(done > 90, "{done} steps were taken");
        let listed: BTreeSet<Stage> = FOLLOWS.iter().map(|(stage, _)| *stage).collect();
        assert_eq!(listed.len(), Stage::ALL.len());
    })
    .await;
}

#[tokio::test]
async fn a_deadline_moves_what_waits_for_an_answer_and_nothing_else() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        let vacancy: VacancyId = office.vacancy.parse().expect("an id");
        for stage in Stage::ALL {
            stand(&db, &office, stage).await;
            let mut tx = db.write("test").await.expect("writes");
            tx.at += TimeDelta::days(2);
            vacancies::expire(&mut tx).await.expect("looks");
            tx.commit().await.expect("commits");
            let found = vacancies::stage(&mut db.write("test").await.expect("writes"), vacancy).await.expect("a stage");
            assert_eq!(found, if matches!(stage, Proposed | Offered) { Expired } else { stage }, "{stage}");
        }
    })
    .await;
}
