//! Posting a vacancy in one go.

use serde_json::{Value, json};

use super::Office;
use crate::fresh::on_both;

#[tokio::test]
async fn a_vacancy_is_posted_with_its_sections_in_one_go_or_not_at_all() {
    on_both(async |db| {
        let office = Office::open(&db).await;
        let (own, foreign) = (&office.house.own, &office.house.foreign);
        let posting = |sections: Value, more: Value| {
            let mut body = json!({"district_id": own.id("districts"), "term_id": own.id("terms"), "section_ids": sections});
            for (name, value) in more.as_object().expect("an object") {
                body[name] = value.clone();
            }
            body
        };
        let path = "/api/v1/vacancy-postings";
        let before = office.hr.get("/api/v1/vacancies").await.body["items"].as_array().map(Vec::len);
        office.hr.post(path, &posting(json!([]), json!({}))).await.refused(422, "bad_fields");
        // In a vacancy already; of somebody else; nowhere.
        for section in [own.id("sections"), foreign.id("sections"), own.id("schools")] {
            let refused = office.hr.post(path, &posting(json!([section]), json!({}))).await;
            refused.refused(422, "bad_fields");
            assert_eq!(refused.body["errors"][0]["pointer"], "/section_ids/0", "{refused:?}");
        }
        let by_hand = |school: &str, period: &str| {
            let meets = json!([{"period": period}]);
            json!({"open": true, "new_section": {"school_id": school, "course_id": own.id("courses"), "grades": ["09"], "meets": meets}})
        };
        office.hr.post(path, &posting(json!([]), by_hand(foreign.id("schools"), "P1"))).await.refused(422, "bad_fields");
        assert_eq!(office.hr.get("/api/v1/vacancies").await.body["items"].as_array().map(Vec::len), before);

        let posted = office.hr.post(path, &posting(json!([]), by_hand(own.id("schools"), "P1"))).await;
        assert_eq!((posted.status.as_u16(), &posted.body["stage"]), (201, &json!("open")), "{posted:?}");
        let pipeline = office.hr.get("/api/v1/vacancy-pipeline?stage=open").await.body;
        let entry = &pipeline["items"][0];
        assert_eq!((&entry["title"], &entry["sections"], &entry["waits_for"]), (&json!("Algebra"), &json!(1), &json!("office")));
        // Of the foreign district, the office may.
        let theirs = json!({"district_id": foreign.id("districts"), "term_id": own.id("terms"), "title": "Theirs", "section_ids": [foreign.id("sections")]});
        office.hr.post(path, &theirs).await.refused(422, "bad_fields");
        let posted = office.planner.post(path, &theirs).await;
        assert_eq!((posted.status.as_u16(), &posted.body["stage"]), (201, &json!("draft")));
    })
    .await;
}
