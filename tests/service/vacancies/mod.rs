//! A vacancy from its opening to a live class, with everybody who has a word in it.

mod figures;
mod posting;
mod table;

use bellwether::config::{Carrier, Mail, Settings};
use bellwether::domain::actor::Role;
use bellwether::domain::id::VacancyId;
use bellwether::domain::mail::Letter;
use bellwether::domain::records::{Pin, Veto};
use bellwether::domain::vacancy::{READINESS, Stage};
use bellwether::jobs::deadlines;
use bellwether::store::{self, Db, mail, vacancies};
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
        // The house bans its educator from its school, and locks its section to them.
        let mut tx = db.write("test").await.expect("writes");
        for veto in store::every::<Veto>(&mut tx).await.expect("lists") {
            store::delete::<Veto>(&mut tx, veto.id, None).await.expect("is deleted");
        }
        for pin in store::every::<Pin>(&mut tx).await.expect("lists") {
            store::delete::<Pin>(&mut tx, pin.id, None).await.expect("is deleted");
        }
        tx.commit().await.expect("commits");
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

    async fn answer(&self, who: &Client, offer: &str, body: Option<Value>) -> u16 {
        let verb = if body.is_some() { "decline" } else { "accept" };
        who.post(&format!("{offer}/{verb}"), &body.unwrap_or_else(|| json!({}))).await.status.as_u16()
    }

    /// Subjects of the mail that is owed, oldest first, with what each lists.
    async fn letters(&self) -> Vec<(String, String)> {
        let mut letters = Vec::new();
        let mut tx = self.house.db.write("test").await.expect("writes");
        while let Some(due) = mail::claim(&mut tx, std::time::Duration::from_mins(1)).await.expect("claims") {
            let Some(Letter::Notice(notice)) = due.letter else { continue };
            let facts: Vec<String> = notice.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            letters.push((notice.subject, [notice.text.join(" "), facts.join("\n")].join("\n")));
        }
        tx.commit().await.expect("commits");
        letters
    }
}

#[tokio::test]
async fn a_vacancy_goes_live_only_after_everybody_agreed_and_everything_is_checked() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        let own = office.house.own.id("educators");
        // Nothing is proposed before it is open, and the district opens it.
        let early = json!({"educator_id": own, "deadline_at": soon()});
        office.planner.post(&office.at("proposals"), &early).await.refused(409, "conflict");
        assert_eq!(office.step(&office.hr, Stage::Live).await, 409);
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204);

        let proposal = office.propose(own).await;
        office.educator.post(&format!("{proposal}/accept"), &json!({})).await.refused(404, "not_found");
        let seen = office.hr.get("/api/v1/offers").await;
        assert_eq!(seen.body["items"].as_array().map(Vec::len), Some(1), "{seen:?}");
        let terms = &seen.body["items"][0]["terms"];
        assert_eq!(terms["pay_cents_per_week"], Value::Null, "pay is between two");
        let papers = [
            json!({"what": "AZ clearance", "expires_on": null}),
            json!({"what": "AZ license in math", "expires_on": "2027-06-30"}),
        ];
        assert_eq!(terms["papers"], json!(papers));
        assert_eq!(office.answer(&office.hr, &proposal, None).await, 204);
        let offered = office.planner.post(&office.at("offers"), &json!({"deadline_at": soon()})).await;
        assert_eq!(offered.status.as_u16(), 201, "{offered:?}");
        let mine = office.educator.get("/api/v1/offers").await;
        let terms = &mine.body["items"][0]["terms"];
        assert_eq!((mine.body["items"].as_array().map(Vec::len), &terms["weekly_minutes"]), (Some(1), &json!(50)));
        assert_eq!((&terms["courses_to_prepare"], &terms["pay_cents_per_week"]), (&json!(["Algebra"]), &json!(0)));
        let pattern = &terms["sections"][0]["patterns"][0];
        assert_eq!((&pattern["days"], &pattern["own_starts"]), (&json!(["mon"]), &json!("08:00")));
        let offer = format!("/api/v1/offers/{}", offered.id());
        office.hr.post(&format!("{offer}/accept"), &json!({})).await.refused(404, "not_found");
        assert_eq!(office.answer(&office.educator, &offer, None).await, 204);
        assert_eq!(office.answer(&office.educator, &offer, None).await, 409, "answered once");
        let pins = store::every::<Pin>(&mut db.read().await.expect("reads")).await.expect("lists");
        let locked: Vec<_> = pins.iter().map(|pin| (pin.body.educator_id.to_string(), pin.body.section_id)).collect();
        assert_eq!(locked, [(own.to_owned(), Some(office.house.own.parsed("sections")))], "later runs keep to it");

        // Without a clearance it is not cleared; with it, and with everything ready, it goes live.
        assert_eq!(office.step(&office.planner, Stage::Clearing).await, 204);
        let clearance = format!("/api/v1/clearances/{}", office.house.own.id("clearances"));
        let gone =
            office.house.people[0].raw("DELETE", &clearance, &[("if-match", "\"1\"")], axum::body::Body::empty()).await;
        assert_eq!(gone.status.as_u16(), 204, "{gone:?}");
        let refused = office.planner.post(&office.at("steps"), &json!({"stage": "onboarding"})).await;
        refused.refused(409, "conflict");
        assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains("no clearance for AZ")), "{refused:?}");
        assert_eq!(office.progress().await["missing"][0], "no clearance for AZ; record it when it is there");
        let body = &office.house.own.bodies["clearances"];
        assert_eq!(office.house.people[0].post("/api/v1/clearances", body).await.status.as_u16(), 201);
        assert_eq!(office.step(&office.planner, Stage::Onboarding).await, 204);
        let refused = office.planner.post(&office.at("steps"), &json!({"stage": "live"})).await;
        let unready = |why: &str| why.matches(": not ready").count() == READINESS.len();
        assert!(refused.body["detail"].as_str().is_some_and(unready), "{refused:?}");
        office
            .hr
            .send("PUT", &office.at("readiness"), &[], &json!({"item": "x", "ready": true}))
            .await
            .refused(422, "bad_fields");
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
            "draft",
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
        assert_eq!(steps[8]["reason"], "because live");
        assert!(progress["timers"]["minutes_to_fill"].is_i64() && progress["timers"]["minutes_to_propose"].is_i64());
        assert!(progress["offers"].as_array().is_some_and(|all| all.iter().all(|offer| offer["kind"] == "proposal")));
        // Both who work in HR were written to, and the educator; each answer went to who had asked.
        let letters = office.letters().await;
        let subjects: Vec<&str> = letters.iter().map(|(subject, _)| subject.as_str()).collect();
        let expected = [
            "A proposal for Algebra",
            "A proposal for Algebra",
            "Accepted: Algebra, A",
            "An offer: Algebra, A",
            "Accepted: Algebra, A",
        ];
        assert_eq!(subjects, expected);
        assert!(letters[0].1.contains("Algebra, A High: Mon 8:00–8:50 AM MST"), "{}", letters[0].1);
        assert!(!letters[0].1.contains("Pay") && letters[3].1.contains("Pay for that week: $0.00"), "{}", letters[3].1);
    })
    .await;
}

#[tokio::test]
async fn who_declines_for_good_is_banned_in_later_runs_and_who_backs_out_is_unlocked() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        let (own, foreign) = (office.house.own.id("educators"), office.house.foreign.id("educators"));
        let school = office.house.own.id("schools");
        let problem = || async {
            office.planner.get(&format!("/api/v1/terms/{}/problem", office.house.own.id("terms"))).await.body
        };
        let holds =
            |problem: &Value, kind: &str, pair: Value| problem[kind].as_array().is_some_and(|all| all.contains(&pair));
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204);

        // Declined for now: no ban. Declined for good: one, with the reason, and no second proposal.
        let proposal = office.propose(foreign).await;
        assert_eq!(office.answer(&office.hr, &proposal, Some(json!({"reason": " "}))).await, 422);
        assert_eq!(office.answer(&office.hr, &proposal, Some(json!({"reason": "not this year"}))).await, 204);
        assert_eq!(office.answer(&office.hr, &proposal, None).await, 409);
        let veto = json!({"educator": foreign, "school": school});
        assert!(!holds(&problem().await, "vetoes", veto.clone()));
        let proposal = office.propose(foreign).await;
        let no = json!({"reason": "taught here before", "veto": true});
        assert_eq!(office.answer(&office.hr, &proposal, Some(no)).await, 204);
        assert!(holds(&problem().await, "vetoes", veto), "a ban in the next run");
        let again = json!({"educator_id": foreign, "deadline_at": soon()});
        let refused = office.planner.post(&office.at("proposals"), &again).await;
        assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains("banned from A High")), "{refused:?}");

        // Accepted by both, it is locked; given back by the office, it is not.
        let proposal = office.propose(own).await;
        assert_eq!(office.answer(&office.hr, &proposal, None).await, 204);
        let offered = office.planner.post(&office.at("offers"), &json!({"deadline_at": soon()})).await;
        assert_eq!(office.answer(&office.educator, &format!("/api/v1/offers/{}", offered.id()), None).await, 204);
        let pin = json!({"need": office.house.own.id("sections"), "educator": own});
        assert!(holds(&problem().await, "pins", pin.clone()));
        let silent = office.planner.post(&office.at("steps"), &json!({"stage": "open"})).await;
        silent.refused(422, "bad_fields");
        assert_eq!(office.step(&office.hr, Stage::Open).await, 403, "the district withdraws instead");
        assert_eq!(office.step(&office.planner, Stage::Open).await, 204);
        assert!(!holds(&problem().await, "pins", pin));

        // Taken back before it is answered, nobody can answer it, and whoever was asked hears so.
        office.letters().await;
        let proposal = office.propose(own).await;
        assert_eq!(office.step(&office.hr, Stage::Withdrawn).await, 204);
        assert_eq!(office.answer(&office.hr, &proposal, None).await, 409);
        let subjects: Vec<String> = office.letters().await.into_iter().map(|(subject, _)| subject).collect();
        assert_eq!(subjects[2..], ["No answer is needed: Algebra, A", "No answer is needed: Algebra, A"]);
    })
    .await;
}

#[tokio::test]
async fn a_deadline_that_passes_ends_a_proposal_and_no_answer_counts_after_it() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204);
        let past = json!({"educator_id": office.house.own.id("educators"), "deadline_at": "2020-01-01T00:00:00Z"});
        office.planner.post(&office.at("proposals"), &past).await.refused(422, "bad_fields");
        let proposal = office.propose(office.house.own.id("educators")).await;
        assert_eq!(deadlines::look(&db, true).await.expect("looks"), 0, "it is early");
        // The same a month later: the deadline is what moves, for there is one clock.
        let statement = "UPDATE offer SET deadline_at = made_at";
        let mut tx = db.write("test").await.expect("writes");
        tx.execute(&bellwether::store::tx::Statement::both(statement), &[]).await.expect("moves it");
        tx.commit().await.expect("commits");
        assert_eq!(office.answer(&office.hr, &proposal, None).await, 409, "too late, though nobody has looked");
        office.letters().await;
        assert_eq!(deadlines::look(&db, true).await.expect("ends it"), 1);
        assert_eq!(deadlines::look(&db, true).await.expect("looks"), 0);
        let vacancy: VacancyId = office.vacancy.parse().expect("an id");
        let stage = vacancies::stage(&mut db.write("test").await.expect("writes"), vacancy).await.expect("a stage");
        assert_eq!(stage, Stage::Expired);
        let letters = office.letters().await;
        assert_eq!(letters.len(), 1, "who had asked is told");
        assert!(letters[0].0.starts_with("Not answered: Algebra") && letters[0].1.contains("in time"), "{letters:?}");
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204, "it may be opened again");
    })
    .await;
}

#[tokio::test]
async fn nothing_but_a_step_moves_a_vacancy_and_its_history_is_kept() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        let path = format!("/api/v1/vacancies/{}", office.vacancy);
        let mut body = office.house.own.bodies["vacancies"].clone();
        body["status"] = json!("open");
        office.hr.send("PUT", &path, &[("if-match", "\"1\"")], &body).await.refused(422, "bad_fields");
        body["status"] = json!("draft");
        body["title"] = json!("Mathematics");
        assert_eq!(office.hr.send("PUT", &path, &[("if-match", "\"1\"")], &body).await.status.as_u16(), 200);
        assert_eq!(office.step(&office.hr, Stage::Open).await, 204);
        office.propose(office.house.own.id("educators")).await;
        let version = office.hr.get(&path).await;
        let etag = format!("\"{}\"", version.body["version"]);
        let section = format!("/api/v1/sections/{}", office.house.own.id("sections"));
        let mut body = office.house.own.bodies["sections"].clone();
        body["vacancy_id"] = Value::Null;
        assert_eq!(office.hr.send("PUT", &section, &[("if-match", "\"2\"")], &body).await.status.as_u16(), 200);
        let gone = office.hr.raw("DELETE", &path, &[("if-match", &etag)], axum::body::Body::empty()).await;
        gone.refused(409, "conflict");
    })
    .await;
}
