//! An educator's availability on its page: saved as a whole, refused where it was changed meanwhile, with nothing lost.

use bellwether::domain::records::{Availability, TimeOff};
use bellwether::store::{self, Db, Statement};

use crate::access::house::House;
use crate::api::client::{Answer, Client};
use crate::fresh::{on_both, on_postgres_at, waiting};

async fn sent(client: &Client, path: &str, body: &str) -> Answer {
    client.raw("POST", path, &[("content-type", "application/x-www-form-urlencoded")], body.to_owned()).await
}

async fn kept(db: &Db) -> Vec<(String, String, String, String)> {
    let mut tx = db.read().await.expect("reads");
    let rows = store::every::<Availability>(&mut tx).await.expect("lists");
    let days = |body: &Availability| body.days.iter().map(|day| day.name()).collect::<Vec<_>>().join(" ");
    rows.iter().map(|r| (r.id.to_string(), days(&r.body), r.body.start.to_string(), r.body.end.to_string())).collect()
}

/// What the page says that it was made from.
fn seen(page: &Answer) -> String {
    let rest = page.text.split("name=\"seen\" value=\"").nth(1).expect("a field");
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn a_painted_week_is_saved_as_a_whole_and_of_two_painters_neither_loses_theirs() {
    on_both(async |db| {
        let house = House::build(db.clone()).await;
        let (office, educator) = (&house.people[1], &house.people[4]);
        let path = format!("/educators/{}/availability", house.own.id("educators"));
        // Mondays from eight to four, as the house was furnished; of another educator the same.
        let before = kept(&db).await;
        let first = educator.get(&path).await;
        assert!(first.text.contains("value=\"mon-480\" checked"), "{}", first.text);
        let monday: Vec<String> = (480..960).step_by(30).map(|at| format!("&on=mon-{at}")).collect();
        let monday = monday.concat();
        let body = format!("do=save&step=30&seen={}{monday}&on=tue-480&on=tue-510&on=junk-1", seen(&first));
        assert_eq!(sent(educator, &path, &body).await.status.as_u16(), 303);
        let after = kept(&db).await;
        assert_eq!(after[..2], before[..], "what stays the same stays the same record");
        let new: Vec<_> =
            after[2..].iter().map(|(_, days, from, to)| (days.as_str(), from.as_str(), to.as_str())).collect();
        assert_eq!(new, [("tue", "08:00", "09:00")]);

        // The office had the page open since before.
        let body = format!("do=add&day=wed&from=09:00&to=10:00&step=30&seen={}{monday}", seen(&first));
        let refused = sent(office, &path, &body).await;
        assert_eq!(refused.status.as_u16(), 409);
        for part in ["changed by somebody else", "Tue 8:00–9:00 AM MST", "value=\"wed-540\" checked"] {
            assert!(refused.text.contains(part), "{part} is not in {}", refused.text);
        }
        assert_eq!(kept(&db).await, after, "nothing was saved");
        let body =
            format!("do=save&step=30&seen={}{monday}&on=tue-480&on=tue-510&on=wed-540&on=wed-570", seen(&refused));
        assert_eq!(sent(office, &path, &body).await.status.as_u16(), 303);
        assert_eq!(kept(&db).await.len(), 4);
        let bad = format!("do=add&day=wed&from=10:00&to=09:00&step=30&seen={}", seen(&office.get(&path).await));
        assert_eq!(sent(office, &path, &bad).await.status.as_u16(), 422);

        // Exceptions: not where sessions are published, and taken back by version.
        let refused = sent(educator, &path, "do=away&first_on=2026-09-01").await;
        assert!(refused.status.as_u16() == 422 && refused.text.contains("report an absence"), "{refused:?}");
        assert_eq!(sent(educator, &path, "do=away&first_on=2060-03-01&last_on=2060-03-05").await.status.as_u16(), 303);
        let mut tx = db.read().await.expect("reads");
        let off = store::every::<TimeOff>(&mut tx).await.expect("lists").pop().expect("days off");
        drop(tx);
        assert!(educator.get(&path).await.text.contains("March 1, 2060 to March 5, 2060"));
        let stale = sent(educator, &path, &format!("do=back&off={}&version=7", off.id)).await;
        assert_eq!(stale.status.as_u16(), 409);
        let back = sent(educator, &path, &format!("do=back&off={}&version={}", off.id, off.version)).await;
        assert_eq!(back.status.as_u16(), 303);
        assert!(!educator.get(&path).await.text.contains("March 1, 2060"));
    })
    .await;
}

/// On SQLite there is one writer, so that the second reads what the first has written.
#[tokio::test]
async fn of_two_who_add_hours_at_once_one_is_told_of_the_other() {
    on_postgres_at(async |db, _| {
        let house = House::build(db.clone()).await;
        let (office, educator) = (&house.people[1], &house.people[4]);
        let path = format!("/educators/{}/availability", house.own.id("educators"));
        let seen = seen(&educator.get(&path).await);
        // Each adds, and takes nothing away that the other would miss.
        let monday = (480..960).step_by(30).map(|at| format!("&on=mon-{at}")).collect::<Vec<_>>().concat();
        let add = |day: &str| format!("do=add&day={day}&from=09:00&to=10:00&step=30&seen={seen}{monday}");
        let (wednesday, thursday) = (add("wed"), add("thu"));
        // Nobody can commit a change as long as somebody else writes the trail.
        let mut trail = db.write("test").await.expect("writes");
        let lock = Statement::both("SELECT pg_advisory_xact_lock(hashtextextended('audit', 0))");
        trail.execute(&lock, &[]).await.expect("locks");
        let let_go = async {
            while waiting(&db).await < 2 {
                tokio::task::yield_now().await;
            }
            trail.rollback().await.expect("lets go");
        };
        let (first, second, ()) =
            tokio::join!(sent(educator, &path, &wednesday), sent(office, &path, &thursday), let_go);
        let mut answers = [first.status.as_u16(), second.status.as_u16()];
        answers.sort_unstable();
        assert_eq!(answers, [303, 409]);
        assert_eq!(kept(&db).await.len(), 3, "of both sides, and one more");
    })
    .await;
}
