//! The five verbs: status, body, ETag, pages, filters, and two writers of one record.

use axum::body::Body;
use serde_json::json;

use super::client::{Client, district};
use crate::fresh::on_both;

#[tokio::test]
async fn a_record_is_created_read_replaced_and_deleted() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let created = client.district("Mesa").await;
        let path = format!("/api/v1/districts/{}", created.id());
        assert_eq!((created.header("location"), created.header("etag")), (path.as_str(), "\"1\""));
        assert_eq!((&created.body["name"], &created.body["source"]), (&json!("Mesa"), &json!(null)));

        let read = client.get(&path).await;
        assert_eq!((read.status.as_u16(), read.header("etag"), &read.body), (200, "\"1\"", &created.body));
        let same = client.raw("GET", &path, &[("if-none-match", "\"1\"")], Body::empty()).await;
        assert_eq!((same.status.as_u16(), same.header("etag"), &same.body), (304, "\"1\"", &json!(null)));

        let replaced = client.send("PUT", &path, &[("if-match", "\"1\"")], &district("Tempe")).await;
        assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"2\""), "{replaced:?}");
        assert_eq!((&replaced.body["name"], &replaced.body["version"]), (&json!("Tempe"), &json!(2)));
        let changed = client.raw("GET", &path, &[("if-none-match", "\"1\"")], Body::empty()).await;
        assert_eq!((changed.status.as_u16(), &changed.body), (200, &replaced.body));

        client.raw("DELETE", &path, &[], Body::empty()).await.refused(428, "no_precondition");
        client.raw("DELETE", &path, &[("if-match", "\"1\"")], Body::empty()).await.refused(412, "stale");
        let deleted = client.raw("DELETE", &path, &[("if-match", "\"2\"")], Body::empty()).await;
        assert_eq!((deleted.status.as_u16(), &deleted.body), (204, &json!(null)));
        client.get(&path).await.refused(404, "not_found");
        client.send("PUT", &path, &[("if-match", "*")], &district("Tempe")).await.refused(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn pages_hold_every_record_once_and_in_order() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let mut made = Vec::new();
        for n in 0..7 {
            made.push(client.district(&format!("d{n}")).await.id());
        }
        let (mut path, mut seen) = ("/api/v1/districts?limit=3&state=AZ".to_owned(), Vec::new());
        let mut sizes = Vec::new();
        loop {
            let page = client.get(&path).await;
            assert_eq!(page.status.as_u16(), 200, "{page:?}");
            let items = page.body["items"].as_array().expect("items");
            sizes.push(items.len());
            seen.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
            let Some(next) = page.body["next"].as_str() else {
                assert_eq!(page.header("link"), "");
                break;
            };
            let link = format!("</api/v1/districts?limit=3&state=AZ&after={next}>; rel=\"next\"");
            assert_eq!(page.header("link"), link);
            path = format!("/api/v1/districts?limit=3&state=AZ&after={next}");
        }
        assert_eq!((seen, sizes), (made, vec![3, 3, 1]));
        assert_eq!(
            client.get("/api/v1/districts?limit=7").await.body["next"],
            json!(null),
            "a full last page is the last"
        );
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_a_list_and_unknown_parameters_are_refused() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let (mesa, tempe) = (client.district("Mesa").await.id(), client.district("Tempe").await.id());
        for (id, name) in [(&mesa, "A"), (&tempe, "B")] {
            let school = client.post("/api/v1/schools", &json!({"district_id": id, "name": name})).await;
            assert_eq!(school.status.as_u16(), 201, "{school:?}");
        }
        let page = client.get(&format!("/api/v1/schools?district_id={tempe}")).await;
        assert_eq!(
            (page.body["items"].as_array().map(Vec::len), &page.body["items"][0]["name"]),
            (Some(1), &json!("B"))
        );
        for (query, pointer) in [
            ("color=red", "#color"),
            ("district_id=x", "#district_id"),
            ("limit=0", "#limit"),
            ("limit=9999999999999999999999", "#limit"),
            ("after=zz", "#after"),
            ("name=a%00b", "#name"),
            ("name=a&name=b", "#name"),
        ] {
            let answer = client.get(&format!("/api/v1/schools?{query}")).await;
            assert_eq!(answer.refused(400, "bad_parameters")[0]["pointer"], pointer, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_writers_of_one_version_one_is_refused() {
    on_both(async |db| {
        let client = Client::of(db).await;
        for round in 0..10 {
            let path = format!("/api/v1/districts/{}", client.district("Mesa").await.id());
            let (a, b) = (district(&format!("a{round}")), district(&format!("b{round}")));
            let condition = [("if-match", "\"1\"")];
            let (a, b) =
                tokio::join!(client.send("PUT", &path, &condition, &a), client.send("PUT", &path, &condition, &b));
            let (won, lost) = if a.status.is_success() { (a, b) } else { (b, a) };
            assert_eq!(won.status.as_u16(), 200, "{won:?}");
            lost.refused(412, "stale");
            assert_eq!(client.get(&path).await.body, won.body);
        }
    })
    .await;
}

#[tokio::test]
async fn references_and_keys_are_kept() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let mesa = client.district("Mesa").await;
        let school = json!({"district_id": mesa.id(), "name": "A", "source": "sis", "source_id": "1"});
        assert_eq!(client.post("/api/v1/schools", &school).await.status.as_u16(), 201);
        client.post("/api/v1/schools", &school).await.refused(409, "conflict");
        let in_use = client.raw("DELETE", mesa.header("location"), &[("if-match", "\"1\"")], Body::empty()).await;
        in_use.refused(409, "conflict");
        let lost = json!({"district_id": "01932d2a-7b4c-7c3a-9d5e-2f1a6b8c0d1e", "name": "A"});
        let answer = client.post("/api/v1/schools", &lost).await;
        assert_eq!(answer.refused(422, "bad_fields")[0]["pointer"], "/district_id");
    })
    .await;
}
