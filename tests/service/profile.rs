//! What people keep of themselves: where an educator's sessions are joined, the clock of an account, the mails it gets.

use crate::access::house::House;
use crate::api::client::{Answer, Client};
use crate::fresh::on_both;

const WEEK: &str = "/api/v1/sessions?from=2026-08-01T00:00:00Z&to=2026-12-31T00:00:00Z";

async fn sent(client: &Client, path: &str, body: &str) -> Answer {
    client.raw("POST", path, &[("content-type", "application/x-www-form-urlencoded")], body.to_owned()).await
}

/// The version that the form of a page was made from.
fn seen(page: &Answer) -> String {
    let rest = page.text.split("name=\"seen\" value=\"").nth(1).unwrap_or_else(|| panic!("no field: {}", page.text));
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn an_educator_says_where_sessions_are_joined_and_whoever_sees_a_session_sees_it() {
    on_both(async |db| {
        let house = House::build(db).await;
        let [_, office, hr, _, educator] = &house.people[..] else { panic!("five roles") };
        let path = format!("/educators/{}/profile", house.own.id("educators"));
        let version = seen(&educator.get(&path).await);
        let join = |url: &str, seen: &str| format!("join={url}&seen={seen}");
        for bad in ["http://meet.example/a", "javascript:alert(1)", "https://", "https:///x"] {
            let refused = sent(educator, &path, &join(bad, &version)).await;
            assert!(refused.status.as_u16() == 422 && refused.text.contains("not an https:// address"), "{refused:?}");
        }
        let saved = sent(educator, &path, &join("https://meet.example/ana", &version)).await;
        assert_eq!(saved.status.as_u16(), 303, "{saved:?}");
        // Whoever had the page open since before is told, and keeps what they typed.
        let late = sent(office, &path, &join("https://meet.example/office", &version)).await;
        assert_eq!(late.status.as_u16(), 409);
        for part in
            ["somebody else has changed", "value=\"https://meet.example/office\"", "href=\"https://meet.example/ana\""]
        {
            assert!(late.text.contains(part), "{part} is not in {}", late.text);
        }
        // Districts see it beside their sessions, and cannot change it.
        let sessions = hr.get(WEEK).await;
        assert_eq!(sessions.body["items"][0]["join_url"], "https://meet.example/ana", "{sessions:?}");
        let theirs = hr.get(&path).await;
        assert!(theirs.text.contains("href=\"https://meet.example/ana\"") && !theirs.text.contains("name=\"join\""));
        assert_eq!(sent(hr, &path, &join("", &seen(&late))).await.status.as_u16(), 404);
        assert_eq!(sent(office, &path, &join("", &seen(&late))).await.status.as_u16(), 303);
        assert!(hr.get(WEEK).await.body["items"][0]["join_url"].is_null());
    })
    .await;
}

#[tokio::test]
async fn an_account_has_a_name_and_a_clock_of_its_owners_choice() {
    on_both(async |db| {
        let house = House::build(db).await;
        let (office, educator) = (&house.people[1], &house.people[4]);
        let run = format!("/runs/{}", house.own.id("runs"));
        assert!(office.get(&run).await.text.contains(" UTC · at most"));
        let version = seen(&office.get("/account").await);
        let wrong = sent(office, "/account/profile", &format!("name=Bo&tz=Mars/Base&seen={version}")).await;
        assert_eq!(wrong.status.as_u16(), 422, "{wrong:?}");
        let saved = sent(office, "/account/profile", &format!("name=Bo+Diaz&tz=America/Phoenix&seen={version}")).await;
        assert_eq!(saved.status.as_u16(), 303, "{saved:?}");
        let text = office.get(&run).await.text;
        assert!(text.contains(" MST · at most") && text.contains("Bo Diaz"), "{text}");
        let again = sent(office, "/account/profile", &format!("name=X&tz=&seen={version}")).await;
        assert_eq!(again.status.as_u16(), 412, "of two at once the second is refused: {again:?}");
        // An educator's is that of their week unless they say otherwise; rights are not theirs to change.
        assert!(educator.get("/account").await.text.contains("MST"));
        assert_eq!(office.get("/api/v1/me").await.body["role"], "coordinator");
    })
    .await;
}

#[tokio::test]
async fn an_educator_turns_mails_about_the_schedule_off_and_on() {
    on_both(async |db| {
        let house = House::build(db).await;
        let [admin, office, .., educator] = &house.people[..] else { panic!("five roles") };
        assert_eq!(sent(office, "/account/mails", "wanted=false").await.status.as_u16(), 409, "none go to the office");
        let path = format!("/api/v1/educators/{}", house.own.id("educators"));
        let mut body = house.own.bodies["educators"].clone();
        body["email"] = "ana@a.example".into();
        let etag = [("if-match", admin.get(&path).await.header("etag").to_owned())];
        let etag = [("if-match", &*etag[0].1)];
        assert_eq!(admin.send("PUT", &path, &etag, &body).await.status.as_u16(), 200);
        for (wanted, says) in [("false", "You get no mails"), ("true", "a mail goes to ana@a.example")] {
            assert_eq!(sent(educator, "/account/mails", &format!("wanted={wanted}")).await.status.as_u16(), 303);
            let text = educator.get("/account").await.text;
            assert!(text.contains(says), "{text}");
        }
    })
    .await;
}
