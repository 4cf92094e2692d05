//! Time to propose, time to fill and days lost, counted by hand.

use bellwether::domain::id::VacancyId;
use bellwether::domain::vacancy::Stage;
use bellwether::store::{Db, vacancies};
use serde_json::{Value, json};

use super::Office;
use crate::fresh::on_both;

/// Takes steps at their times.
async fn took(db: &Db, vacancy: &str, steps: &[(Stage, &str)]) {
    let vacancy: VacancyId = vacancy.parse().expect("an id");
    for (stage, at) in steps {
        let mut tx = db.write("test").await.expect("writes");
        tx.at = at.parse().expect("an instant");
        vacancies::step(&mut tx, vacancy, *stage, "").await.expect("a step");
        tx.commit().await.expect("commits");
    }
}

#[tokio::test]
async fn the_figures_of_vacancies_are_those_that_a_calendar_on_paper_gives() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        // Opened on Monday, August 31, at eight in Phoenix; proposed a day later; live nine days later, on a Wednesday.
        let own = [
            (Stage::Open, "2026-08-31T15:00:00Z"),
            (Stage::Proposed, "2026-09-01T15:00:00Z"),
            (Stage::DistrictAccepted, "2026-09-02T15:00:00Z"),
            (Stage::Live, "2026-09-09T15:00:00Z"),
        ];
        took(&db, &office.vacancy, &own).await;
        // The other district's has no sections; open from Monday, September 14, and withdrawn on Thursday.
        let foreign = [(Stage::Open, "2026-09-14T15:00:00Z"), (Stage::Withdrawn, "2026-09-17T15:00:00Z")];
        took(&db, office.house.foreign.id("vacancies"), &foreign).await;

        // August 31; September 1 to 4, 7 and 8. The house's calendar has no holidays.
        let filled = json!({
            "vacancies": 1, "filled": 1, "median_minutes_to_propose": 1440, "median_minutes_to_fill": 9 * 1440, "days_lost": 7,
        });
        let group = |name: &str, id: Value, of: &Value| {
            let mut group = of.clone();
            (group["name"], group["id"]) = (json!(name), id);
            group
        };
        let months = json!([
            {"month": "2026-08", "filled": 0, "median_minutes_to_fill": null, "days_lost": 1},
            {"month": "2026-09", "filled": 1, "median_minutes_to_fill": 9 * 1440, "days_lost": 6},
        ]);
        let expected = json!({
            "total": filled,
            "districts": [group("A", json!(office.house.own.id("districts")), &filled)],
            "states": [group("AZ", Value::Null, &filled)],
            "areas": [group("math", Value::Null, &filled)],
            "months": months,
        });
        assert_eq!(office.hr.get("/api/v1/vacancy-metrics").await.body, expected);

        // The office sees both: ten days in all, September 14 to 16 among them.
        let all = office.planner.get("/api/v1/vacancy-metrics").await.body;
        let total = json!({
            "vacancies": 2, "filled": 1, "median_minutes_to_propose": 1440, "median_minutes_to_fill": 9 * 1440, "days_lost": 10,
        });
        assert_eq!((&all["total"], &all["months"][1]["days_lost"]), (&total, &json!(9)));
        assert_eq!(all["districts"].as_array().map(Vec::len), Some(2));
        let none = format!("/api/v1/vacancy-metrics?term_id={}", bellwether::domain::id::fresh());
        assert_eq!(office.planner.get(&none).await.body["total"]["vacancies"], 0);

        // The pipeline says the same of each.
        let pipeline = office.hr.get("/api/v1/vacancy-pipeline").await.body;
        let entry = &pipeline["items"][0];
        assert_eq!(pipeline["items"].as_array().map(Vec::len), Some(1));
        assert_eq!((&entry["stage"], &entry["waits_for"], &entry["sections"]), (&json!("live"), &Value::Null, &json!(1)));
        assert_eq!(entry["opened_at"], "2026-08-31T15:00:00Z");
        let over = office.planner.get("/api/v1/vacancy-pipeline?stage=withdrawn&limit=1").await.body;
        assert_eq!(over["items"][0]["id"], office.house.foreign.id("vacancies"));
        assert!(over["next"].is_string());
    })
    .await;
}
