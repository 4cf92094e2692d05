//! Service minutes with a database: written lines become services, sessions are logged and amended, ledgers add up, and
//! make-ups are proposed where everybody is free.

use bellwether::domain::actor::{Actor, Verb};
use bellwether::domain::id::{ServiceLineId, TermId};
use bellwether::domain::log::{MissReason, Said};
use bellwether::domain::records::{Service, ServiceLine};
use bellwether::store::{self, Statement, StoreError, log, makeup};
use chrono::DateTime;
use serde_json::{Value, json};

use crate::access::house::{House, logged};
use crate::api::client::Client;
use crate::fresh::on_both;

fn line(house: &House, written: &str) -> Value {
    let own = |kind| house.own.id(kind);
    json!({"term_id": own("terms"), "student_id": own("students"), "school_id": own("schools"), "service": "speech", "areas": ["slp"],
        "grade": "03", "written": written, "windows": [{"days": ["thu"], "start": "09:00", "end": "11:00"}]})
}

async fn services_of(client: &Client, line: &str) -> Vec<Value> {
    let answer = client.get(&format!("/api/v1/services?line_id={line}")).await;
    answer.body["items"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

fn plans(services: &[Value]) -> Vec<(i64, String, i64)> {
    let plan = |service: &Value| {
        let number = |name: &str| service[name].as_i64().expect("a number");
        (number("times"), service["per"].as_str().expect("text").to_owned(), number("minutes"))
    };
    services.iter().map(plan).collect()
}

#[tokio::test]
async fn a_written_line_becomes_services_that_follow_it_into_the_problem() {
    on_both(async |db| {
        let house = House::build(db).await;
        let special = &house.people[3];
        let made = special.post("/api/v1/service-lines", &line(&house, "individual, 6 x 30 min/month")).await;
        assert_eq!(made.status.as_u16(), 201, "{made:?}");
        let path = format!("/api/v1/service-lines/{}", made.id());
        let before = services_of(special, &made.id()).await;
        assert_eq!(plans(&before), [(4, "month".into(), 30), (2, "month".into(), 30)]);

        let term: TermId = house.own.parsed("terms");
        let problem = store::snapshot(&house.db, term, &[house.own.parsed("districts")]).await.expect("a problem");
        for service in &before {
            let known = problem.services.iter().find(|known| known.id == service["id"]).expect("is in the problem");
            assert_eq!((known.minutes, Some(known.times)), (30, service["times"].as_i64()));
        }

        let etag = [("if-match", made.header("etag"))];
        let changed = special.send("PUT", &path, &etag, &line(&house, "2 × 20 min/week")).await;
        assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
        let after = services_of(special, &made.id()).await;
        assert_eq!(plans(&after), [(2, "week".into(), 20)]);
        assert_eq!(after[0]["id"], before[0]["id"], "a service keeps its id");

        let etag = [("if-match", changed.header("etag"))];
        let gone = special.raw("DELETE", &path, &etag, axum::body::Body::empty()).await;
        assert_eq!(gone.status.as_u16(), 204, "{gone:?}");
        assert!(services_of(special, &made.id()).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_line_that_commits_nobody_is_refused_with_code_cause_and_action() {
    on_both(async |db| {
        let house = House::build(db).await;
        let special = &house.people[3];
        for (written, code) in
            [("30 min as needed", "L01"), ("minimum of 15 minutes per week", "L02"), ("2 x 30 min", "L05")]
        {
            for (path, body) in [
                ("/api/v1/service-lines", line(&house, written)),
                ("/api/v1/service-lines/read", json!({"written": written})),
            ] {
                let answer = special.post(path, &body).await;
                let errors = answer.refused(422, "bad_fields");
                assert_eq!(errors[0]["pointer"], "/written", "{errors}");
                let message = errors[0]["message"].as_str().expect("text");
                assert!(message.starts_with(&format!("{code}: ")) && message.contains("; "), "{message}");
            }
        }
        let read = special.post("/api/v1/service-lines/read", &json!({"written": "Speech, 6Mx30"})).await;
        assert_eq!((&read.body["text"], &read.body["plans"][1]["times"]), (&json!("6 × 30 min per month"), &json!(2)));
    })
    .await;
}

/// Golden vector 29: without consent to groups a student is served alone, or not planned.
#[tokio::test]
async fn vector_29_a_student_without_consent_is_in_no_group() {
    on_both(async |db| {
        let house = House::build(db).await;
        let special = &house.people[3];
        let refused = special.post("/api/v1/service-lines", &line(&house, "group, 2 x 30 min/week")).await;
        assert!(refused.refused(422, "bad_fields")[0]["message"].as_str().is_some_and(|text| text.starts_with("L11")));
        let mut grouped = line(&house, "2 x 30 min/week");
        grouped["max_group"] = json!(4);
        let refused = special.post("/api/v1/service-lines", &grouped).await;
        assert_eq!(refused.refused(422, "bad_fields")[0]["pointer"], "/max_group");
        let alone = special.post("/api/v1/service-lines", &line(&house, "2 x 30 min/week")).await;
        assert_eq!(services_of(special, &alone.id()).await[0]["max_group"], 1);
        grouped["group_consent"] = json!(true);
        let consented = special.post("/api/v1/service-lines", &grouped).await;
        assert_eq!(services_of(special, &consented.id()).await[0]["max_group"], 4);
    })
    .await;
}

#[tokio::test]
async fn a_session_is_logged_amended_and_accounted_for() {
    on_both(async |db| {
        let house = House::build(db).await;
        let (special, educator) = (&house.people[3], &house.people[4]);
        let path = format!("/api/v1/sessions/{}/log", house.own.id("service-sessions"));
        let service = house.own.id("services");
        let ledger = async |client: &Client| -> Value {
            let answer = client.get("/api/v1/minutes?on=2026-09-02").await;
            let items = answer.body.as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
            let of = |item: &&Value| item["service_ids"][0] == service;
            let ledger = &items.iter().find(of).expect("the service's ledger")["ledger"];
            let periods = ledger["periods"].as_array().expect("periods");
            periods.iter().find(|period| period["period"] == "week 2026-08-31").expect("the week").clone()
        };
        let week = ledger(educator).await;
        assert_eq!([&week["owed"], &week["scheduled"], &week["unlogged"]], [30, 30, 30], "{week}");

        // First as missed, then, corrected, as partly delivered.
        let missed = json!({"entries": [{"service_id": service, "outcome": "missed", "reason": "provider_absent"}]});
        let entry = educator.send("PUT", &path, &[], &missed).await;
        assert_eq!((entry.status.as_u16(), &entry.body[0]["planned_minutes"]), (200, &json!(50)), "{entry:?}");
        let week = ledger(special).await;
        assert_eq!([&week["missed"]["provider_absent"], &week["to_make_up"], &week["scheduled"]], [30, 30, 0], "{week}");
        let again = educator.send("PUT", &path, &[], &missed).await;
        assert_eq!(again.body[0]["version"], 1, "saying the same again changes nothing");
        let partly = json!({"entries": [{"service_id": service, "outcome": "partly", "reason": "technical", "starts": "10:10", "ends": "10:30"}]});
        let amended = special.send("PUT", &path, &[], &partly).await;
        assert_eq!([&amended.body[0]["version"], &amended.body[0]["delivered_minutes"]], [2, 20], "{amended:?}");
        let week = ledger(special).await;
        assert_eq!([&week["delivered"], &week["missed"]["technical"], &week["beyond"]["missed"]], [20, 10, 20], "{week}");

        let id = amended.body[0]["id"].as_str().expect("an id");
        let history = special.get(&format!("/api/v1/service-log/{id}/history")).await;
        let said: Vec<_> = history.body["changes"].as_array().expect("changes").iter().map(|c| c["after"]["outcome"].clone()).collect();
        assert_eq!(said, ["missed", "partly"], "what was said first is still there");
        assert_ne!(history.body["changes"][0]["actor"], history.body["changes"][1]["actor"]);

        // A session beside the schedule makes up what was missing, and no more than that.
        let extra = json!({"educator_id": house.own.id("educators"), "held_on": "2026-09-03", "starts": "13:00", "ends": "13:40", "makes_up": id});
        let made = educator.post(&format!("/api/v1/services/{service}/log"), &extra).await;
        assert_eq!(made.status.as_u16(), 201, "{made:?}");
        let week = ledger(special).await;
        assert_eq!([&week["delivered"], &week["made_up"], &week["to_make_up"]], [30, 10, 0], "{week}");

        for (body, pointer) in [
            (json!({"entries": [{"service_id": service, "outcome": "missed"}]}), "/entries/0/reason"),
            (json!({"entries": [{"service_id": house.foreign.id("services"), "outcome": "delivered"}]}), "/entries/0/service_id"),
            (json!({"entries": [{"service_id": service, "outcome": "missed", "reason": "technical", "makes_up": id}]}), "/entries/0/makes_up"),
            (json!({"entries": []}), "/entries"),
        ] {
            let answer = special.send("PUT", &path, &[], &body).await;
            assert_eq!(answer.refused(422, "bad_fields")[0]["pointer"], pointer, "{answer:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_said_before_the_session_began_is_refused() {
    on_both(async |db| {
        let house = House::build(db).await;
        let mut tx = house.db.write("test").await.expect("writes");
        tx.at = DateTime::parse_from_rfc3339("2026-09-01T16:59:00Z").expect("an instant").to_utc();
        let actor = Actor::program("test");
        let session =
            log::session(&mut tx, &actor, Verb::Write, house.own.parsed("service-sessions")).await.expect("is there");
        let said = [(house.own.parsed("services"), Said::delivered())];
        let refused = log::write(&mut tx, &session, &said).await.expect_err("is refused");
        assert!(
            matches!(&refused, StoreError::Invalid(issues) if issues[0].message.contains("has not begun")),
            "{refused}"
        );
        // That the school will be closed can be known before.
        let said = [(house.own.parsed("services"), Said::missed(MissReason::Closure))];
        assert_eq!(log::write(&mut tx, &session, &said).await.expect("is logged").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn make_ups_are_proposed_where_student_educator_and_school_are_free() {
    on_both(async |db| {
        let house = House::build(db).await;
        let admin = &house.people[0];
        let educator = house.own.id("educators");
        for (kind, body) in [
            ("availability", json!({"educator_id": educator, "days": ["tue"], "start": "09:30", "end": "16:00"})),
            ("licenses", json!({"educator_id": educator, "state": "AZ", "area": "slp", "grades": ["03"], "issued_on": "2024-07-01", "expires_on": "2026-09-20"})),
        ] {
            let answer = admin.post(&format!("/api/v1/{kind}"), &body).await;
            assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        }
        let entry = logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
        let mut tx = house.db.read().await.expect("reads");
        let now = DateTime::parse_from_rfc3339("2026-09-01T20:00:00Z").expect("an instant").to_utc();
        let found = makeup::proposals(&mut tx, &entry, now, 10).await.expect("proposals");
        // The window is 09:00 to 11:00 on Tuesdays, hers begins at 09:30, and her license ends before September 22.
        let said: Vec<String> = found.iter().map(|slot| format!("{} {}–{}", slot.held_on, slot.starts, slot.ends)).collect();
        assert_eq!(said, ["2026-09-08 09:30–10:20", "2026-09-15 09:30–10:20"]);
    })
    .await;
}

#[tokio::test]
async fn a_line_under_which_sessions_are_published_keeps_what_it_owed() {
    on_both(async |db| {
        let house = House::build(db).await;
        let mut tx = house.db.write("test").await.expect("writes");
        let id: ServiceLineId = house.own.parsed("service-lines");
        // The published service becomes part of the line.
        let service = store::get::<Service>(&mut tx, house.own.parsed("services")).await.expect("is there");
        let body = Service { line_id: Some(id), ..service.body };
        store::update(&mut tx, service.id, None, body).await.expect("updates");
        let line = store::get::<ServiceLine>(&mut tx, id).await.expect("is there").body;
        let other = ServiceLine { written: "3 x 20 min/week".into(), ..line };
        let refused = store::update(&mut tx, id, None, other).await.expect_err("is refused");
        assert!(matches!(&refused, StoreError::Invalid(issues) if issues[0].pointer == "/written"), "{refused}");
        assert!(matches!(store::delete::<ServiceLine>(&mut tx, id, None).await, Err(StoreError::InUse { .. })));
    })
    .await;
}

#[tokio::test]
async fn hr_learns_how_much_is_at_risk_and_of_no_student() {
    on_both(async |db| {
        let house = House::build(db).await;
        let hr = &house.people[2];
        let answer = hr.get("/api/v1/minutes/at-risk?on=2026-09-02").await;
        let rows = answer.body.as_array().unwrap_or_else(|| panic!("{answer:?}"));
        assert!(
            !rows.is_empty() && rows.iter().all(|row| row["district_id"] == house.own.id("districts")),
            "{answer:?}"
        );
        assert!(rows[0]["falling_short"].as_i64() > Some(0) && rows[0]["short_by"].as_i64() > Some(0), "{answer:?}");
        for secret in [house.own.id("students"), "k-A"] {
            assert!(!answer.text.contains(secret), "{secret} in {answer:?}");
        }
        hr.get(&format!("/api/v1/minutes/at-risk?student_id={}", house.own.id("students")))
            .await
            .refused(400, "bad_parameters");
    })
    .await;
}

#[tokio::test]
async fn a_closed_school_misses_its_sessions_and_a_remote_day_none() {
    on_both(async |db| {
        let house = House::build(db).await;
        let special = &house.people[3];
        let path = format!("/api/v1/schools/{}/closures", house.own.id("schools"));
        let close = async |body: Value| special.post(&path, &body).await;
        for (body, missed) in [
            (json!({"on": "2026-09-01", "kind": "remote"}), 0),
            (json!({"on": "2026-09-01", "kind": "early_release", "at": "10:50"}), 0),
            (json!({"on": "2026-09-02", "kind": "closed"}), 0),
            (json!({"on": "2026-09-01", "kind": "early_release", "at": "10:30"}), 1),
            // What is logged stays as it was said.
            (json!({"on": "2026-09-01", "kind": "closed"}), 0),
        ] {
            let answer = close(body.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.body.as_array().map(Vec::len)),
                (200, Some(missed)),
                "{body}: {answer:?}"
            );
        }
        let log = special.get(&format!("/api/v1/sessions/{}/log", house.own.id("service-sessions"))).await;
        assert_eq!((&log.body[0]["outcome"], &log.body[0]["reason"]), (&json!("missed"), &json!("school_activity")));
        close(json!({"on": "2026-09-01", "kind": "party"})).await.refused(422, "bad_fields");
    })
    .await;
}

#[tokio::test]
async fn the_fidelity_report_is_written_three_ways_and_each_is_recorded() {
    on_both(async |db| {
        let house = House::build(db).await;
        let special = &house.people[3];
        logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
        let student = format!("/api/v1/students/{}", house.own.id("students"));
        let export = async |format: &str| {
            special.post(&format!("{student}/fidelity"), &json!({"format": format, "purpose": "the team meets"})).await
        };
        let csv = export("csv").await;
        assert_eq!((csv.header("content-type"), csv.header("cache-control")), ("text/csv; charset=utf-8", "no-store"));
        assert!(csv.header("content-disposition").starts_with("attachment; filename=\"minutes-k-A-"), "{csv:?}");
        let mut lines = csv.text.lines();
        let columns: Vec<&str> = lines.next().expect("a header").split(',').collect();
        let at = |name: &str| {
            columns.iter().position(|column| *column == name).unwrap_or_else(|| panic!("no {name} in {columns:?}"))
        };
        let week =
            lines.find(|line| line.contains("week 2026-08-31")).expect("the week").split(',').collect::<Vec<_>>();
        assert_eq!([week[at("owed")], week[at("missed_provider_absent")], week[at("to_make_up")]], ["30", "30", "30"]);
        assert!(csv.text.contains("short_period=prorate (district)"), "policies are printed: {}", csv.text);

        let xlsx = export("xlsx").await;
        assert!(xlsx.status.is_success() && xlsx.text.starts_with("PK"), "{:?}", xlsx.headers);
        let pdf = export("pdf").await;
        assert!(
            pdf.status.is_success() && pdf.text.starts_with("%PDF-") && pdf.text.trim_end().ends_with("%%EOF"),
            "{:?}",
            pdf.headers
        );
        for part in ["SERVICE MINUTES OF STUDENT k-A", "educator absent 30", "short_period = prorate"] {
            assert!(pdf.text.contains(part), "{part} is not in the document");
        }

        let showings = special.get(&format!("{student}/showings")).await;
        let purposes: Vec<&Value> =
            showings.body.as_array().expect("lines").iter().map(|line| &line["purpose"]).collect();
        assert_eq!(purposes, [&json!("the team meets"); 3]);
        export("docx").await.refused(422, "bad_fields");
        let refused = special.post(&format!("{student}/fidelity"), &json!({"format": "csv", "purpose": " "})).await;
        refused.refused(422, "bad_fields");
    })
    .await;
}

#[tokio::test]
async fn an_educator_logs_a_session_on_the_page_and_the_line_shows_it() {
    on_both(async |db| {
        let house = House::build(db).await;
        let educator = &house.people[4];
        let page = format!("/educators/{}/log?on=2026-09-01", house.own.id("educators"));
        let session = house.own.id("service-sessions");
        let before = educator.get(&page).await;
        for part in ["not logged", "k-A", "Student absent", "10:00–10:50 AM MST"] {
            assert!(before.text.contains(part), "{part} is not in {}", before.text);
        }
        let say = async |body: String| {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            educator.raw("POST", &page, &headers, body).await
        };
        let said = say(format!("session={session}&outcome=missed&reason=student_absent")).await;
        assert_eq!((said.status.as_u16(), said.header("location")), (303, &*format!("{page}#s{session}")), "{said:?}");
        assert!(educator.get(&page).await.text.contains("0 of 50 min, student absent"));
        let said = say(format!("session={session}&service=&starts=10:00&ends=10:20&reason=technical")).await;
        assert_eq!(said.status.as_u16(), 303, "{said:?}");
        assert!(educator.get(&page).await.text.contains("20 of 50 min, technical failure, amended"));
        assert_eq!(say(format!("session={session}&outcome=partly")).await.status.as_u16(), 422);

        let line = educator.get(&format!("/students/{}/minutes", house.own.id("students"))).await;
        for part in ["Service minutes of k-A", "technical failure", "short_period", "district since 2026-07-01"] {
            assert!(line.text.contains(part), "{part} is not in {}", line.text);
        }
        let all = house.people[3].get("/minutes").await;
        assert!(all.text.contains("Service minutes at risk") && all.text.contains("k-A"), "{}", all.text);
        // A page beyond the last is the last.
        let beyond = house.people[3].get("/minutes?page=99&all=true").await;
        assert!(beyond.text.contains("k-A"), "{}", beyond.text);
        let hr = house.people[2].get("/minutes").await;
        assert!(hr.text.contains("A High") && !hr.text.contains("k-A"), "{}", hr.text);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_not_due_is_not_waited_for_on_the_page_of_the_log() {
    on_both(async |db| {
        let house = House::build(db.clone()).await;
        let (own, special, educator) = (|kind| house.own.id(kind), &house.people[3], &house.people[4]);
        let student = special.post("/api/v1/students", &json!({"district_id": own("districts"), "key": "k-beside"})).await.id();
        let body = json!({"term_id": own("terms"), "student_id": student, "school_id": own("schools"), "service": "speech", "areas": ["slp"],
            "grade": "03", "minutes": 30, "times": 1, "per": "week", "windows": [{"days": ["tue"], "start": "09:00", "end": "11:00"}]});
        let service = special.post("/api/v1/services", &body).await.id();
        let id = |text: &str| text.parse::<uuid::Uuid>().expect("an id").into();
        let change = async |sql: &'static str, id: bellwether::store::Value| {
            let mut tx = db.write("test").await.expect("writes");
            tx.execute(&Statement::both(sql), &[id]).await.expect(sql);
            tx.commit().await.expect("commits");
        };
        // Beside whoever meets there.
        let beside = "INSERT INTO session_student (session_id, service_id, student_id, starts_at, ends_at, due, serves) \
                      SELECT x.session_id, w.id, w.student_id, x.starts_at, x.ends_at, x.due, x.serves FROM session_student x \
                      JOIN service v ON v.id = x.service_id JOIN service w ON w.school_id = v.school_id WHERE w.id = $1 AND v.id <> w.id";
        change(beside, id(&service)).await;
        let path = format!("/educators/{}/log?on=2026-09-01", own("educators"));
        let page = async || educator.get(&path).await.text;
        let badges = |page: &str| (page.matches(">not logged<").count(), page.matches(">not due<").count());
        let both = page().await;
        assert!(badges(&both) == (2, 0) && both.contains("All students"), "{both}");

        change("UPDATE session_student SET serves = FALSE, due = FALSE WHERE service_id = $1", id(&service)).await;
        let one = page().await;
        assert!(badges(&one) == (1, 1) && !one.contains("All students"), "{one}");
        // Nobody is due: nothing is waited for, and whatever is said is said of everybody.
        change("UPDATE session_student SET serves = FALSE, due = FALSE WHERE service_id = $1", id(own("services"))).await;
        let none = page().await;
        assert!(badges(&none) == (0, 2) && none.contains("All students"), "{none}");
    })
    .await;
}

#[tokio::test]
async fn caps_and_papers_are_answered_for_whoever_asks() {
    on_both(async |db| {
        let house = House::build(db).await;
        let anybody = &house.people[4];
        let over = anybody.post("/api/v1/caps/check", &json!({"kind": "virginia_points", "level_one": 10, "with_paraprofessional": 0, "without": 4})).await;
        assert_eq!((&over.body["fits"], &over.body["held"]["count"]), (&json!(false), &json!(232)), "{over:?}");
        let unknown = json!({"kind": "caseload", "state": "TX", "area": "slp", "students": 1, "under_evaluation": 0, "assistants": 0});
        anybody.post("/api/v1/caps/check", &unknown).await.refused(422, "bad_fields");
        let asked = json!({"state": "IN", "regime": "board_license", "live": ["IN", "OH"], "first_on": "2027-06-01", "last_on": "2027-07-31", "credentials": [
            {"paper": "board_license", "state": "OH", "first_on": "2025-07-01", "last_on": "2027-06-30"},
            {"paper": "privilege", "state": "IN", "home": "OH", "first_on": "2026-07-01", "last_on": "2028-06-30"}]});
        let runs = anybody.post("/api/v1/eligibility", &asked).await;
        assert_eq!((&runs.body[1]["first_on"], &runs.body[1]["reasons"][0]), (&json!("2027-07-01"), &json!("home_license_ended")), "{runs:?}");
        // Arizona has no cap that the program knows: nobody is in the list.
        assert_eq!(house.people[1].get("/api/v1/caseloads").await.body, json!([]));
    })
    .await;
}
