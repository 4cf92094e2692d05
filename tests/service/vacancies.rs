//! A vacancy from its opening to a live class, with everybody who has a word in it.

use bellwether::config::{Carrier, Mail, Settings};
use bellwether::domain::actor::Role;
use bellwether::domain::id::VacancyId;
use bellwether::domain::vacancy::{READINESS, Stage};
use bellwether::store::{Db, mail, vacancies};
use serde_json::{Value, json};

use crate::access::house::House;
use crate::api::client::Client;
use crate::fresh::on_both;
use crate::people::person;

fn soon() -> String {
    (bellwether::domain::time::now() + chrono::TimeDelta::days(30)).to_rfc3339()
}

/// The house with its section in its vacancy, and clients of a server that sends mail.
struct Office {
    planner: Client,
    hr: Client,
    educator: Client,
    house: House,
    vacancy: String,
}

impl Office {
    async fn open(db: &Db) -> Self {
        let house = House::build(db.clone()).await;
        let vacancy = house.own.id("vacancies").to_owned();
        let section = format!("/api/v1/sections/{}", house.own.id("sections"));
        let mut body = house.own.bodies["sections"].clone();
        body["vacancy_id"] = json!(vacancy);
        let answer = house.people[0].send("PUT", &section, &[("if-match", "\"1\"")], &body).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        let folder = Carrier::Folder("unused".into());
        let mail = Mail { carrier: folder, from: "office@vendor.example".into(), hold: std::time::Duration::ZERO };
        let server = Client::with(db.clone(), Settings { mail: Some(mail), ..Settings::default() });
        let mut clients = Vec::new();
        let district = house.own.id("districts").parse().expect("an id");
        let educator = house.own.id("educators").parse().expect("an id");
        for (role, districts, educator) in [
            (Role::Coordinator, vec![], None),
            (Role::DistrictHr, vec![district], None),
            (Role::Educator, vec![], Some(educator)),
        ] {
            let (_, secret) = person(db, role, &districts, educator).await;
            clients.push(server.signed_in(&secret));
        }
        let [planner, hr, educator] = clients.try_into().unwrap_or_else(|_| panic!("three clients"));
        Self { planner, hr, educator, house, vacancy }
    }

    fn at(&self, what: &str) -> String {
        format!("/api/v1/vacancies/{}/{what}", self.vacancy)
    }

    async fn step(&self, who: &Client, stage: Stage) -> u16 {
        let body = json!({"stage": stage, "reason": format!("because {stage}")});
        who.post(&self.at("steps"), &body).await.status.as_u16()
    }

    async fn propose(&self, educator: &str) -> String {
        let body = json!({"educator_id": educator, "deadline_at": soon()});
        let answer = self.planner.post(&self.at("proposals"), &body).await;
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        format!("/api/v1/offers/{}", answer.id())
    }

    async fn progress(&self) -> Value {
        self.hr.get(&self.at("progress")).await.body
    }
}

#[tokio::test]
async fn a_vacancy_goes_live_only_after_everybody_agreed_and_everything_is_checked() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        let (own, foreign) = (office.house.own.id("educators"), office.house.foreign.id("educators"));
        // Nothing is proposed before it is open, and the district opens it.
        let early = json!({"educator_id": own, "deadline_at": soon()});
        office.planner.post(&office.at("proposals"), &early).await.refused(409, "conflict");
        assert_eq!(office.step(&office.hr, Stage::Live).await, 403);
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204);

        // The district declines somebody for good: a veto in the next run.
        let proposal = office.propose(foreign).await;
        office.educator.post(&format!("{proposal}/accept"), &json!({})).await.refused(404, "not_found");
        let no = json!({"reason": "taught here before", "veto": true});
        assert_eq!(office.hr.post(&format!("{proposal}/decline"), &no).await.status.as_u16(), 204);
        office.hr.post(&format!("{proposal}/accept"), &json!({})).await.refused(409, "conflict");
        let problem = office.planner.get(&format!("/api/v1/terms/{}/problem", office.house.own.id("terms"))).await;
        let pair = json!({"educator": foreign, "school": office.house.own.id("schools")});
        assert!(problem.body["vetoes"].as_array().is_some_and(|all| all.contains(&pair)), "{}", problem.body["vetoes"]);

        // Somebody else, whom the district accepts, and who accepts.
        assert_eq!(office.step(&office.planner, Stage::Open).await, 204);
        let proposal = office.propose(own).await;
        let seen = office.hr.get("/api/v1/offers").await;
        assert_eq!(seen.body["items"].as_array().map(Vec::len), Some(2), "{seen:?}");
        assert_eq!(seen.body["items"][0]["terms"]["pay_cents_per_week"], Value::Null, "pay is between two");
        assert_eq!(office.hr.post(&format!("{proposal}/accept"), &json!({})).await.status.as_u16(), 204);
        let offered = office.planner.post(&office.at("offers"), &json!({"deadline_at": soon()})).await;
        assert_eq!(offered.status.as_u16(), 201, "{offered:?}");
        let mine = office.educator.get("/api/v1/offers").await;
        let terms = &mine.body["items"][0]["terms"];
        assert_eq!((mine.body["items"].as_array().map(Vec::len), &terms["weekly_minutes"]), (Some(1), &json!(50)));
        assert_eq!(terms["courses_to_prepare"], json!(["Algebra"]));
        assert_eq!(
            terms["sections"][0]["times"][0],
            "mon 08:00–08:50 (America/Phoenix); 08:00 on your clock (America/Phoenix) on 2026-08-10"
        );
        let offer = format!("/api/v1/offers/{}", offered.id());
        office.hr.post(&format!("{offer}/accept"), &json!({})).await.refused(404, "not_found");
        assert_eq!(office.educator.post(&format!("{offer}/accept"), &json!({})).await.status.as_u16(), 204);

        // Without a clearance it is not cleared; with it, and with everything ready, it goes live.
        assert_eq!(office.step(&office.planner, Stage::Clearing).await, 204);
        let clearance = format!("/api/v1/clearances/{}", office.house.own.id("clearances"));
        let gone =
            office.house.people[0].raw("DELETE", &clearance, &[("if-match", "\"1\"")], axum::body::Body::empty()).await;
        assert_eq!(gone.status.as_u16(), 204, "{gone:?}");
        let body = json!({"stage": "onboarding"});
        let refused = office.planner.post(&office.at("steps"), &body).await;
        refused.refused(409, "conflict");
        assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains("no clearance for AZ")), "{refused:?}");
        assert_eq!(
            office.house.people[0]
                .post("/api/v1/clearances", &office.house.own.bodies["clearances"])
                .await
                .status
                .as_u16(),
            201
        );
        assert_eq!(office.step(&office.planner, Stage::Onboarding).await, 204);
        let refused = office.planner.post(&office.at("steps"), &json!({"stage": "live"})).await;
        assert!(
            refused.body["detail"].as_str().is_some_and(|why| why.matches("is not ready").count() == READINESS.len()),
            "{refused:?}"
        );
        for (item, _) in READINESS {
            let body = json!({"item": item, "ready": true});
            assert_eq!(office.hr.send("PUT", &office.at("readiness"), &[], &body).await.status.as_u16(), 204);
        }
        assert_eq!(office.step(&office.planner, Stage::Live).await, 204);

        // Who, when and why, at every step.
        let progress = office.progress().await;
        let steps = progress["steps"].as_array().expect("steps");
        let stages: Vec<&str> = steps.iter().filter_map(|step| step["stage"].as_str()).collect();
        let expected = [
            "open",
            "proposed",
            "declined",
            "open",
            "proposed",
            "district_accepted",
            "offered",
            "educator_accepted",
            "clearing",
            "onboarding",
            "live",
        ];
        assert_eq!(stages, expected);
        assert!(steps.iter().all(|step| step["actor"].as_str().is_some_and(|who| who.starts_with("account:"))));
        assert_eq!(
            (steps[2]["reason"].as_str(), steps[10]["reason"].as_str()),
            (Some("taught here before"), Some("because live"))
        );
        assert!(progress["timers"]["minutes_to_fill"].is_i64() && progress["timers"]["minutes_to_propose"].is_i64());
        assert!(progress["offers"].as_array().is_some_and(|all| all.iter().all(|offer| offer["kind"] == "proposal")));
        // The district was written to twice, the educator once.
        let owed = mail::list(&mut db.read().await.expect("reads"), None, None, 9).await.expect("lists");
        assert_eq!(owed.iter().map(|mail| mail.kind.as_str()).collect::<Vec<_>>(), ["notice"; 3]);
    })
    .await;
}

#[tokio::test]
async fn a_deadline_that_passes_ends_a_proposal_and_no_answer_counts_after_it() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204);
        let proposal = office.propose(office.house.own.id("educators")).await;
        let mut tx = db.write("deadline").await.expect("writes");
        assert_eq!(vacancies::expire(&mut tx).await.expect("looks"), 0, "it is early");
        tx.at += chrono::TimeDelta::days(300);
        assert_eq!(vacancies::expire(&mut tx).await.expect("ends it"), 1);
        tx.commit().await.expect("commits");
        office.hr.post(&format!("{proposal}/accept"), &json!({})).await.refused(409, "conflict");
        let vacancy: VacancyId = office.vacancy.parse().expect("an id");
        let stage = vacancies::stage(&mut db.write("test").await.expect("writes"), vacancy).await.expect("a stage");
        assert_eq!(stage, Stage::Expired);
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204, "it may be opened again");
    })
    .await;
}
