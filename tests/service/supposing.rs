//! What a run supposes of its supply: educators who are not there, more hours. It is compared, and never published.

use axum::body::Body;
use bellwether::domain::records::District;
use bellwether::domain::run::RunSettings;
use bellwether::domain::supply::{Longer, Supposed};
use bellwether::store;
use serde_json::json;

use crate::api::client::Client;
use crate::candidates::{form, problem, solved, solved_for};
use crate::fresh::on_both;
use crate::runs::{ana, office, settings};

fn counselor() -> Supposed {
    Supposed {
        count: 1,
        states: vec!["AZ".into(), "NY".into()],
        areas: vec!["school-counseling".into(), "special-education".into()],
        tz: "America/Phoenix".parse().expect("a zone"),
        minutes_per_week: 1500,
        start: "05:00".parse().expect("a clock"),
        end: "20:00".parse().expect("a clock"),
        pay_cents_per_minute: None,
    }
}

#[tokio::test]
async fn supposed_supply_serves_more_is_compared_in_figures_and_by_name_and_is_not_published() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let plain = solved(&db, &state, term, settings()).await;
        let longer = Longer { educators: Vec::new(), minutes_per_week: 300 };
        let asked = RunSettings { with: vec![counselor()], longer: Some(longer), ..settings() };
        let run = solved(&db, &state, term, asked).await;
        let (before, after) = (problem(&db, plain).await, problem(&db, run).await);
        assert_eq!(after.educators.len(), before.educators.len() + 1);
        for (one, other) in before.educators.iter().zip(&after.educators) {
            assert_eq!(other.max_minutes_per_week, one.max_minutes_per_week + 300);
        }
        let supposed = after.educators.last().expect("the last");
        let median = before.educators.iter().map(|e| e.pay_cents_per_minute).max().expect("two");
        assert_eq!(supposed.pay_cents_per_minute, median, "of two the higher is the median");

        let client = Client::of(db.clone()).await;
        let unserved = async |run| {
            client.get(&format!("/api/v1/runs/{run}/unserved")).await.body.as_array().expect("a list").len()
        };
        assert!(unserved(run).await < unserved(plain).await, "somebody serves what nobody could");
        let page = client.get(&format!("/runs/{run}")).await.text;
        for part in [
            "What if:",
            "1 more educator for school-counseling, special-education in AZ, NY, 25 hours",
            "5 hours a week more for everybody",
            "cannot be published",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("Preview and publish"), "{page}");
        let compared = client.get(&format!("/runs/{run}/compare?with={plain}")).await.text;
        for part in [
            "In figures",
            "Needs not, or not wholly, served",
            "Supposed 1: school-counseling",
            "newly served",
            "This run supposes 1 more educator",
        ] {
            assert!(compared.contains(part), "{part} is not in {compared}");
        }
        // Asked again it begins with the same.
        let copy = client.get(&format!("/runs?copy={run}")).await.text;
        assert!(
            copy.contains("value=\"school-counseling, special-education\"") && copy.contains("value=\"AZ, NY\""),
            "{copy}"
        );
        let refused = client.raw("POST", &format!("/api/v1/runs/{run}/publish"), &[], Body::empty()).await;
        assert!(
            refused.refused(409, "conflict").is_array() && refused.text.contains("supposes people or hours"),
            "{refused:?}"
        );
        // Nor is there a preview of what cannot be.
        let preview = client.get(&format!("/runs/{run}/publish")).await;
        assert!(
            preview.status == 409 && preview.text.contains("supposes people or hours that are not there"),
            "{preview:?}"
        );
        assert!(!preview.text.contains("Before you publish"), "{preview:?}");
        assert_eq!(client.get(&format!("/runs/{plain}/publish")).await.status, 200);
        // Nobody is locked to somebody who is not there.
        let need = &after.services[1].id;
        let lock = format!("decision=lock&educator={}&reason=x&seen=none&overrides=W01%2CW07", supposed.id);
        let locked = form(&client, &format!("/runs/{run}/needs/{need}"), &lock).await;
        assert!(locked.status == 422 && locked.text.contains("only supposed"), "{locked:?}");
        // Beside what stands, too.
        state.publish(&ana(), plain).await.expect("is published");
        let compared = client.get(&format!("/runs/{run}/compare")).await.text;
        assert!(compared.contains("In figures") && compared.contains("Supposed 1"), "{compared}");
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_for_is_checked_field_by_field_on_the_form_as_through_the_api() {
    on_both(async |db| {
        let (_, term) = office(&db).await;
        let client = Client::of(db.clone()).await;
        let line = |field: &str, value: serde_json::Value| {
            let mut line = serde_json::to_value(counselor()).expect("JSON");
            line[field] = value;
            json!({"term_id": term, "with": [line]})
        };
        for (field, value) in [
            ("count", json!(0)),
            ("count", json!(101)),
            ("states", json!(["Arizona"])),
            ("areas", json!([])),
            ("minutes_per_week", json!(0)),
            ("end", json!("04:00")),
            ("pay_cents_per_minute", json!(-1)),
        ] {
            let refused = client.post("/api/v1/runs", &line(field, value)).await;
            let errors = refused.refused(422, "bad_fields");
            assert_eq!(errors[0]["pointer"], format!("/with/0/{field}"), "{errors}");
        }
        for (areas, why) in [
            (json!(["school-counselling", "special-education"]), "area “school-counselling”; did you mean “school-counseling”?"),
            (json!(["welding"]), "area “welding”; its needs ask for classics, latin, mathematics, school-counseling"),
        ] {
            let refused = client.post("/api/v1/runs", &line("areas", areas)).await;
            let errors = refused.refused(422, "bad_fields");
            assert_eq!(errors[0]["pointer"], "/with/0/areas", "{errors}");
            assert!(errors[0]["message"].as_str().is_some_and(|message| message.contains(why)), "{errors}");
        }
        let many = json!({"term_id": term, "with": [line("count", json!(100))["with"][0], line("count", json!(100))["with"][0], line("count", json!(1))["with"][0]]});
        assert_eq!(client.post("/api/v1/runs", &many).await.refused(422, "bad_fields")[0]["pointer"], "/with");
        assert_eq!(client.post("/api/v1/runs", &line("count", json!(2))).await.status, 202);

        let typed = "seconds=60&gap=0&with_count=2&with_areas=mathematics&with_states=az&with_zone=America/Phoenix&with_from=08:00&with_to=16:00&with_pay=45&longer=2.5";
        let wrong = form(&client, "/runs", &format!("term={term}&{typed}&with_hours=lots")).await;
        assert!(wrong.status == 422 && wrong.text.contains("line 1: give the hours a week"), "{wrong:?}");
        assert!(wrong.text.contains("value=\"lots\"") && wrong.text.contains("<details open"), "{wrong:?}");
        let typo = typed.replace("mathematics", "mathmatics");
        let wrong = form(&client, "/runs", &format!("term={term}&{typo}&with_hours=20")).await;
        assert!(wrong.status == 422 && wrong.text.contains("line 1: no need and no educator"), "{wrong:?}");
        assert!(wrong.text.contains("did you mean “mathematics”?") && wrong.text.contains("value=\"mathmatics\""), "{wrong:?}");
        assert!(!wrong.text.contains("do not make a problem"), "the records are not at fault: {wrong:?}");
        let made = form(&client, "/runs", &format!("term={term}&{typed}&with_hours=20")).await;
        assert_eq!(made.status, 303, "{made:?}");
        let run = client.get(&format!("/api/v1{}", made.header("location"))).await.body;
        let line = &run["settings"]["with"][0];
        assert_eq!((&line["minutes_per_week"], &line["pay_cents_per_minute"], &line["states"]), (&json!(1200), &json!(75), &json!(["AZ"])));
        assert_eq!(run["settings"]["longer"]["minutes_per_week"], 150);
    })
    .await;
}

/// The number that a page of a comparison says under a title.
fn figure(page: &str, title: &str) -> usize {
    let after = page.split(&format!("<dt>{title}</dt><dd>")).nth(1).unwrap_or_else(|| panic!("no {title}: {page}"));
    after.split('<').next().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{title}: {page}"))
}

#[tokio::test]
async fn only_what_both_schedules_plan_for_is_compared_and_the_rest_is_named() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let districts: Vec<_> = {
            let mut tx = db.read().await.expect("reads");
            store::every::<District>(&mut tx)
                .await
                .expect("lists")
                .into_iter()
                .map(|one| (one.body.name, one.id))
                .collect()
        };
        let of = |name: &str| districts.iter().find(|(one, _)| one == name).expect("a district").1;
        let whole = solved(&db, &state, term, settings()).await;
        // Whoever teaches in both would otherwise be promised to each in full.
        let first = problem(&db, whole).await.educators[0].id.parse().expect("an id");
        let apart = RunSettings { without: vec![first], ..settings() };
        let hill = solved_for(&db, &state, term, vec![of("d2")], apart).await;
        let client = Client::of(db.clone()).await;
        // The needs of the other district are no gain.
        let page = client.get(&format!("/runs/{whole}/compare?with={hill}")).await.text;
        assert_eq!(figure(&page, "newly served"), 0, "{page}");
        assert!(page.contains("did not plan for them: 4 needs (Mesa 4), ") && !page.contains(", 0 of them"), "{page}");
        let by_need = client.get(&format!("/runs/{whole}/compare?with={hill}&by=need")).await.text;
        assert!(
            by_need.contains("planned for the first time") && !by_need.contains(">newly served</span>"),
            "{by_need}"
        );
        let page = client.get(&format!("/runs/{hill}/compare?with={whole}")).await.text;
        assert!(
            page.contains("plans for 4 needs that this run does not (Mesa 4), ") && page.contains("Nothing differs"),
            "{page}"
        );

        // Published apart: counted anew, for as many districts as the run has.
        let mesa = solved_for(&db, &state, term, vec![of("Mesa")], settings()).await;
        state.publish(&ana(), mesa).await.expect("is published");
        let partly = client.get(&format!("/runs/{whole}/compare")).await.text;
        assert!(partly.contains("covers 1 district, this run 2 districts; both cover 1."), "{partly}");
        state.publish(&ana(), hill).await.expect("is published");
        for run in [whole, mesa, hill] {
            let page = client.get(&format!("/runs/{run}/compare")).await.text;
            assert!(page.contains("In figures") && page.contains("Services fully served"), "{page}");
            assert!(!page.contains("are not set side by side"), "{page}");
            let said = |column: &str| {
                let cell =
                    page.split(&format!("data-label=\"{column}\">$")).nth(1).and_then(|rest| rest.split('<').next());
                cell.map(|text| text.replace(',', ""))
            };
            assert!(said("Before").is_some(), "what stands is counted: {page}");
            // A run that could serve nothing has told of no schedule on its way.
            if run != hill {
                let cents = client.get(&format!("/api/v1/runs/{run}")).await.body["progress"]["incumbent"].as_i64();
                let cents = cents.expect("cents");
                assert_eq!(said("This run"), Some(format!("{}.{:02}", cents / 100, cents % 100)), "{page}");
            }
        }
    })
    .await;
}
