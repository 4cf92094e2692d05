//! An educator is away: who stands in, for which dates, what changes and who hears of it, and that a later publication
//! keeps it so.

use std::collections::{BTreeMap, BTreeSet};

use bellwether::api::State;
use bellwether::args;
use bellwether::domain::actor::Role;
use bellwether::domain::calendar::DateSpan;
use bellwether::domain::id::{EducatorId, RunId, TermId};
use bellwether::domain::records::{Calendar, District, Educator, Pin, TimeOff};
use bellwether::domain::run::RunState;
use bellwether::domain::session::{Session, SessionStatus};
use bellwether::domain::spoken::day;
use bellwether::domain::time::{Date, Weekday};
use bellwether::engine::outcome::{Schedule, SectionAssignment};
use bellwether::engine::problem::{self, Problem};
use bellwether::engine::substitutes;
use bellwether::jobs::worker::Worker;
use bellwether::store::absences::{self as reports, Report};
use bellwether::store::{self, Db, Statement, mail, schedules};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::client::Client;
use crate::fresh::{on_both, on_postgres_at, waiting};
use crate::mail::{Sink, deliver, mailroom};
use crate::people::person;
use crate::runs::{ana, office_of, own, published, settings, until};

/// Algebra every morning and physics after it, both taught by Ana. Bo could teach algebra until Tuesday, Cy is not cleared,
/// Di is free and cleared, Ed is at work only in the afternoon. Nobody else may teach physics.
fn problem() -> Problem {
    read(&document())
}

/// The same in a year to come, in which September 16 and 17 are days of school.
fn later() -> (Problem, i32) {
    let now = chrono::Datelike::year(&bellwether::domain::time::now());
    let fits = |year: &i32| (Weekday::Mon..=Weekday::Thu).contains(&Date::ymd(*year, 9, 16).weekday());
    let year = (now + 1..now + 30).find(fits).expect("a year");
    (read(&document().replace("2026-", &format!("{year}-"))), year)
}

fn read(document: &str) -> Problem {
    problem::read(document.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"))
}

fn document() -> String {
    let educator = |id: &str, areas: &[&str], expires: &str, cleared: bool, hours: (&str, &str), pay: i64| {
        let license = |area: &&str| json!({"state": "NY", "area": area, "grades": ["09"], "issued": "2020-07-01", "expires": expires});
        json!({
            "id": id, "tz": "America/New_York", "clearances": if cleared { vec!["NY"] } else { vec![] }, "max_minutes_per_week": 1200,
            "licenses": areas.iter().map(license).collect::<Vec<_>>(), "pay_cents_per_minute": pay,
            "availability": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": hours.0, "end": hours.1}],
        })
    };
    let morning = ("07:00", "12:00");
    let section = |id: &str, course: &str, period: &str| json!({"id": id, "school": "hs", "course": course, "grades": ["09"], "meets": [{"period": period}]});
    let document = json!({
        "format": "staffing-problem/1", "name": "away", "term": {"first": "2026-08-31", "last": "2026-09-25"},
        "districts": [{"id": "ny", "name": "Hudson Falls", "state": "NY", "tz": "America/New_York", "calendar": {
            "first": "2026-08-31", "last": "2026-09-25", "closed": ["2026-09-07"], "bell_schedule": {"default": "regular"}}}],
        "schools": [{"id": "hs", "district": "ny", "name": "Hudson High School", "bell_schedules": [{"id": "regular", "periods": [
            {"id": "P1", "start": "08:00", "end": "08:45"}, {"id": "P2", "start": "09:00", "end": "09:45"}]}]}],
        "courses": [{"id": "alg", "name": "Algebra I", "areas": ["mathematics"]}, {"id": "phy", "name": "Physics", "areas": ["physics"]}],
        "sections": [section("s1", "alg", "P1"), section("s2", "phy", "P2")],
        "services": [],
        "pins": [{"need": "s1", "educator": "ana"}],
        "educators": [
            educator("ana", &["mathematics", "physics"], "2060-06-30", true, morning, 50),
            educator("bo", &["mathematics"], "2026-09-15", true, morning, 60),
            educator("cy", &["mathematics"], "2060-06-30", false, morning, 60),
            educator("di", &["mathematics"], "2060-06-30", true, morning, 90),
            educator("ed", &["mathematics"], "2060-06-30", true, ("13:00", "17:00"), 60),
        ],
    });
    document.to_string()
}

async fn work_off(state: &State, run: RunId) {
    let closing = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(state.db.clone(), own(), 1, closing.clone()).run());
    assert_eq!(until(state, run, |run| run.state.is_final()).await.state, RunState::Succeeded);
    closing.cancel();
    worker.await.expect("the worker stops");
}

async fn solve_and_publish(state: &State, term: TermId) {
    let run = state.ask(&ana(), term, Vec::new(), settings()).await.expect("a run").id;
    work_off(state, run).await;
    state.publish(&ana(), run).await.expect("is published");
}

/// Gives everybody a mail address, and says who is who.
async fn educators(db: &Db) -> BTreeMap<String, EducatorId> {
    let mut tx = db.write("test").await.expect("writes");
    let mut found = BTreeMap::new();
    for educator in store::every::<Educator>(&mut tx).await.expect("lists") {
        let name = educator.body.source_id.clone().expect("came from a file");
        let body = Educator { email: Some(format!("{name}@a.example")), ..educator.body };
        store::update(&mut tx, educator.id, Some(educator.version), body).await.expect("is changed");
        found.insert(name, educator.id);
    }
    tx.commit().await.expect("commits");
    found
}

async fn sessions(db: &Db) -> Vec<Session> {
    published(db).await.into_iter().map(|listed| listed.session).collect()
}

#[tokio::test]
async fn a_report_ranks_substitutes_and_one_click_changes_only_those_meetings() {
    on_both(async |db| {
        // To come: of what has begun nobody takes anything over.
        let (problem, year) = later();
        let days = [16, 17].map(|day| Date::ymd(year, 9, day));
        let (mut state, term) = office_of(&db, &problem).await;
        let sink = Sink::start();
        state.settings =
            bellwether::config::Settings { mail: Some(sink.settings()), ..(*state.settings).clone() }.into();
        let who = educators(&db).await;
        solve_and_publish(&state, term).await;
        let before = sessions(&db).await;
        assert!(before.iter().all(|session| session.meeting.educator_id == who["ana"]), "one teaches both");
        assert_eq!(before.iter().filter(|session| days.contains(&session.meeting.held_on)).count(), 2 * 2);
        let room = mailroom(&db, &sink);
        deliver(&room).await;
        assert_eq!(sink.taken().len(), 1, "only who teaches was written to");

        // Away on Wednesday and Thursday: Bo's license has ended by then.
        let (_, secret) = person(&db, Role::Coordinator, &[], None).await;
        let client = Client::with(db.clone(), (*state.settings).clone()).signed_in(&secret);
        let body = json!({"term_id": term, "first_on": days[0], "last_on": days[1], "reason": "ill"});
        let answer = client.post(&format!("/api/v1/educators/{}/absences", who["ana"]), &body).await;
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        let duties = answer.body["duties"].as_array().expect("duties");
        let duty = |title: &str| duties.iter().find(|duty| duty["title"] == title).expect("a duty").clone();
        let (algebra, physics) = (duty("Algebra I"), duty("Physics"));
        assert_eq!(algebra["meetings"].as_array().map(Vec::len), Some(2));
        assert_eq!(algebra["taken_by"], json!(who["di"]));
        let filters: BTreeMap<&str, &str> = algebra["substitutes"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| Some((one["educator_id"].as_str()?, one["filter"].as_str()?)))
            .collect();
        let filter = |name: &str| filters.get(who[name].to_string().as_str()).copied();
        assert_eq!(
            (filter("bo"), filter("cy"), filter("di"), filter("ed")),
            (Some("validity"), Some("clearance"), None, Some("availability"))
        );
        assert_eq!(
            (physics["taken_by"].clone(), filter("ana")),
            (Value::Null, None),
            "an adult in the room; and not whoever is away"
        );

        // Whoever a rule refuses is refused by name of the rule; then one click.
        let path = format!("/api/v1/absences/{}/approve", answer.body["absence"]["id"].as_str().expect("an id"));
        let unfit = json!({"choices": {algebra["id"].as_str().expect("an id"): who["cy"]}});
        client.post(&path, &unfit).await.refused(422, "bad_fields");
        assert_eq!(client.post(&path, &json!({})).await.status.as_u16(), 200);
        client.post(&path, &json!({})).await.refused(409, "conflict");
        let after = sessions(&db).await;
        let mut changed = Vec::new();
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old.id, new.id);
            if old != new {
                assert_eq!(new.sequence, old.sequence + 1);
                changed.push((
                    new.meeting.held_on.to_string(),
                    new.meeting.starts.to_string(),
                    new.meeting.educator_id,
                    new.meeting.status,
                ));
            }
        }
        let (planned, open) = (SessionStatus::Planned, SessionStatus::Uncovered);
        let expected = days.iter().flat_map(|on| {
            [
                (on.to_string(), "08:00".to_owned(), who["di"], planned),
                (on.to_string(), "09:00".to_owned(), who["ana"], open),
            ]
        });
        assert_eq!(changed, expected.collect::<Vec<_>>());

        // Who is concerned is told, of the dates concerned; nobody else.
        deliver(&room).await;
        let told = sink.read(1);
        let mut to: Vec<&str> =
            told.iter().map(|mail| mail.headers["to"].split('<').nth(1).expect("an address")).collect();
        to.sort_unstable();
        assert_eq!(to, ["ana@a.example>", "di@a.example>"]);
        let ana_hears = told.iter().find(|mail| mail.headers["to"].contains("ana@")).expect("a mail");
        assert_eq!(
            ana_hears.parts[0].text.matches(&format!("not held {}; {}", day(days[0]), day(days[1]))).count(),
            2,
            "{}",
            ana_hears.parts[0].text
        );
        assert!(!ana_hears.parts[0].text.contains("ill"), "why is nobody's business");

        // A later run knows of the days off; published, it keeps who stands in, and tells nobody anything new.
        solve_and_publish(&state, term).await;
        let again: Vec<_> = sessions(&db)
            .await
            .into_iter()
            .map(|s| (s.id, s.sequence, s.meeting.educator_id, s.meeting.status))
            .collect();
        let kept: Vec<_> =
            after.into_iter().map(|s| (s.id, s.sequence, s.meeting.educator_id, s.meeting.status)).collect();
        assert_eq!(again, kept);
        deliver(&room).await;
        assert_eq!(sink.taken().len(), 3);
        let owed = mail::list(&mut db.read().await.expect("reads"), Some("queued"), None, 9).await.expect("lists");
        assert!(owed.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_closure_makes_a_repair_that_says_whom_it_moves_and_publishes_only_that() {
    on_both(async |db| {
        // To come: what has begun is for the log.
        let (problem, year) = later();
        let snow = Date::ymd(year, 9, 16);
        let (mut state, term) = office_of(&db, &problem).await;
        let sink = Sink::start();
        state.settings =
            bellwether::config::Settings { mail: Some(sink.settings()), ..(*state.settings).clone() }.into();
        let who = educators(&db).await;
        assert!(state.ask_repair(&ana(), term).await.is_err(), "nothing stands yet");
        solve_and_publish(&state, term).await;
        let before = sessions(&db).await;
        let room = mailroom(&db, &sink);
        deliver(&room).await;

        // A day of snow.
        let mut tx = db.write("test").await.expect("writes");
        let calendar = store::every::<Calendar>(&mut tx).await.expect("lists").remove(0);
        let mut body = calendar.body;
        body.closed.push(snow);
        store::update(&mut tx, calendar.id, Some(calendar.version), body).await.expect("is changed");
        tx.commit().await.expect("commits");
        let news = state.news_of(term).await.expect("news");
        let told: Vec<_> = news.news.iter().map(|one| (one.what, one.name.as_str(), one.said.as_str())).collect();
        let said = format!("is closed on September 16, {year}");
        assert_eq!((news.version, told), (1, vec![("closed", "Hudson Falls", said.as_str())]));
        let run = state.ask_repair(&ana(), term).await.expect("a run");
        assert!(run.settings.repair && run.settings.start_from.is_some());
        work_off(&state, run.id).await;
        let changes = state.changes_of(run.id).await.expect("changes");
        let people: Vec<_> = changes.people.iter().map(|p| (p.educator_id, p.added, p.moved, p.dropped)).collect();
        assert_eq!((changes.unchanged_meetings, people), (before.len() - 2, vec![(who["ana"], 0, 0, 2)]));
        let mut titles: Vec<&str> = changes.people[0].needs.iter().map(|need| need.title.as_str()).collect();
        titles.sort_unstable();
        assert_eq!(titles, ["Algebra I", "Physics"]);

        state.publish(&ana(), run.id).await.expect("is published");
        let after = sessions(&db).await;
        let kept: Vec<_> = before.iter().filter(|s| s.meeting.held_on != snow).collect();
        assert!(
            after.len() == before.len() - 2 && after.iter().zip(kept).all(|(new, old)| new == old),
            "all else is as it was"
        );
        deliver(&room).await;
        let told = sink.read(1);
        assert_eq!(told.len(), 1);
        let line = format!("not held {}\n", bellwether::domain::spoken::day(snow));
        assert_eq!(told[0].parts[0].text.matches(&line).count(), 2, "{}", told[0].parts[0].text);
        assert!(state.changes_of(run.id).await.expect("changes").people.is_empty(), "it stands");
        assert!(state.news_of(term).await.expect("news").news.is_empty(), "and nothing has befallen since");
    })
    .await;
}

#[tokio::test]
async fn where_nobody_follows_an_educator_who_left_the_district_is_asked_for_an_adult_in_the_room() {
    on_both(async |db| {
        let (mut state, term) = office_of(&db, &later().0).await;
        let sink = Sink::start();
        state.settings =
            bellwether::config::Settings { mail: Some(sink.settings()), ..(*state.settings).clone() }.into();
        let who = educators(&db).await;
        let mut tx = db.read().await.expect("reads");
        let districts: Vec<_> = store::every::<District>(&mut tx).await.expect("lists").iter().map(|d| d.id).collect();
        drop(tx);
        person(&db, Role::DistrictHr, &districts, None).await;
        // The lock goes with her.
        let mut tx = db.write("test").await.expect("writes");
        for pin in store::every::<Pin>(&mut tx).await.expect("lists") {
            store::delete::<Pin>(&mut tx, pin.id, None).await.expect("is gone");
        }
        tx.commit().await.expect("commits");
        solve_and_publish(&state, term).await;
        let room = mailroom(&db, &sink);
        deliver(&room).await;
        let before = sink.taken().len();

        let mut tx = db.write("test").await.expect("writes");
        let taught: BTreeSet<EducatorId> = sessions(&db).await.iter().map(|s| s.meeting.educator_id).collect();
        assert_eq!(taught, BTreeSet::from([who["ana"]]), "one teaches both");
        let ana_now = store::get::<Educator>(&mut tx, who["ana"]).await.expect("is there");
        let gone = Educator { active: false, ..ana_now.body };
        store::update(&mut tx, who["ana"], Some(ana_now.version), gone).await.expect("is changed");
        tx.commit().await.expect("commits");
        let news = &state.news_of(term).await.expect("news").news;
        assert_eq!((news.len(), news[0].what, news[0].said.as_str()), (1, "educator", "no longer teaches"));

        let run = state.ask_repair(&ana(), term).await.expect("a run");
        work_off(&state, run.id).await;
        state.publish(&ana(), run.id).await.expect("is published");
        let taught: BTreeSet<EducatorId> = sessions(&db).await.iter().map(|s| s.meeting.educator_id).collect();
        assert_eq!(taught, BTreeSet::from([who["di"]]), "physics is nobody's");
        deliver(&room).await;
        let told = sink.read(before);
        let asked = told.iter().find(|mail| mail.headers["subject"] == "An adult is needed in the room");
        let text = &asked.expect("the district is asked").parts[0].text;
        assert!(text.contains(", 9:00–9:45 AM EDT, Physics, Hudson High School, and the "), "{text}");
        assert!(!text.contains("Algebra"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn an_absence_taken_back_before_it_begins_returns_every_meeting_and_tells_everybody() {
    on_both(async |db| {
        let (problem, year) = later();
        let (mut state, term) = office_of(&db, &problem).await;
        let sink = Sink::start();
        state.settings =
            bellwether::config::Settings { mail: Some(sink.settings()), ..(*state.settings).clone() }.into();
        let who = educators(&db).await;
        solve_and_publish(&state, term).await;
        let before = sessions(&db).await;
        let mut tx = db.read().await.expect("reads");
        let districts: Vec<_> = store::every::<District>(&mut tx).await.expect("lists").iter().map(|d| d.id).collect();
        drop(tx);
        person(&db, Role::DistrictHr, &districts, None).await;
        let client = Client::with(db.clone(), (*state.settings).clone());
        let (_, secret) = person(&db, Role::Coordinator, &[], None).await;
        let coordinator = client.signed_in(&secret);
        let (_, secret) = person(&db, Role::Educator, &[], Some(who["ana"])).await;
        let ana = client.signed_in(&secret);
        let room = mailroom(&db, &sink);
        deliver(&room).await;
        let seen = sink.taken().len();

        // She reports it herself, and sees neither who could stand in nor what they cost.
        let body = json!({"term_id": term, "first_on": Date::ymd(year, 9, 16), "last_on": Date::ymd(year, 9, 17), "reason": "fever"});
        let reported = ana.post(&format!("/api/v1/educators/{}/absences", who["ana"]), &body).await;
        assert_eq!((reported.status.as_u16(), reported.body["duties"].clone()), (201, json!([])), "{reported:?}");
        let path = format!("/api/v1/absences/{}", reported.body["absence"]["id"].as_str().expect("an id"));
        assert_eq!(reported.body["taking_back"], json!({"meetings": 0, "rooms": 0, "released": []}));
        ana.post(&format!("{path}/approve"), &json!({})).await.refused(404, "not_found");
        assert_eq!(coordinator.post(&format!("{path}/approve"), &json!({})).await.status.as_u16(), 200);
        let plan = ana.get(&path).await.body;
        let meaning = &plan["taking_back"];
        assert_eq!((meaning["meetings"].clone(), meaning["rooms"].clone()), (json!(4), json!(2)));
        assert_eq!(meaning["released"][0]["educator_id"], json!(who["di"]));
        deliver(&room).await;
        let asked = sink.read(seen);
        let subject = |mail: &crate::mail::Read| mail.headers["subject"].clone();
        let subjects: BTreeSet<String> = asked.iter().map(subject).collect();
        assert!(subjects.contains("Educator ana will be away"), "{subjects:?}");
        assert!(subjects.contains("An adult is needed in the room"), "{subjects:?}");

        // Taken back: each meeting is hers again, the days are no time off, and whoever heard of it hears of this.
        assert_eq!(ana.post(&format!("{path}/withdraw"), &json!({})).await.status.as_u16(), 200);
        let returned: Vec<_> = sessions(&db).await.into_iter().map(|s| (s.id, s.meeting)).collect();
        let expected: Vec<_> = before.into_iter().map(|s| (s.id, s.meeting)).collect();
        assert_eq!(returned, expected);
        let mut tx = db.read().await.expect("reads");
        assert!(store::every::<TimeOff>(&mut tx).await.expect("lists").is_empty());
        drop(tx);
        assert_eq!(ana.get(&path).await.body["taking_back"], Value::Null);
        ana.post(&format!("{path}/withdraw"), &json!({})).await.refused(409, "conflict");
        coordinator.post(&format!("{path}/approve"), &json!({})).await.refused(409, "conflict");
        deliver(&room).await;
        let told = sink.read(seen + asked.len());
        let of = |to: &str| told.iter().filter(|mail| mail.headers["to"].contains(to)).collect::<Vec<_>>();
        let (hers, dis) = (of("ana@a.example"), of("di@a.example"));
        let added = format!("added {}, 8:00–8:45 AM EDT", day(Date::ymd(year, 9, 16)));
        assert!(hers[0].parts[0].text.contains(&added), "{}", hers[0].parts[0].text);
        assert!(dis[0].parts[0].text.contains("No longer yours"), "{}", dis[0].parts[0].text);
        let subjects: BTreeSet<String> = told.iter().map(subject).collect();
        assert!(subjects.contains("No adult is needed in the room after all"), "{subjects:?}");
        assert!(subjects.contains("Educator ana has taken an absence back"), "{subjects:?}");
        assert!(told.iter().chain(&asked).all(|mail| !mail.parts[0].text.contains("fever")), "why is nobody's business");

        // What has begun is not taken back.
        let mut tx = db.write("test").await.expect("writes");
        let on = Date::ymd(2026, 9, 16);
        let past = Report { term_id: term, educator_id: who["ana"], first_on: on, last_on: on, reason: String::new() };
        let past = reports::report(&mut tx, &past).await.expect("is kept");
        tx.commit().await.expect("commits");
        ana.post(&format!("/api/v1/absences/{past}/withdraw"), &json!({})).await.refused(409, "conflict");
    })
    .await;
}

#[test]
fn whoever_stands_in_elsewhere_at_that_time_is_no_substitute() {
    let problem = problem();
    let mut schedule = Schedule::default();
    schedule.sections.push(SectionAssignment { section: "s1".into(), educator: "ana".into() });
    let meetings = [vec!["s1".to_owned()]];
    let duties = substitutes::duties(meetings.iter().map(Vec::as_slice));
    let day = Date::ymd(2026, 9, 16);
    let taken_by = |busy: &[&str]| {
        let busy = BTreeMap::from([("s1".to_owned(), busy.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>())]);
        let dates = DateSpan { first: day, last: day };
        let mut ranked =
            substitutes::rank(&problem, &schedule, "ana", dates, &duties, &BTreeMap::new(), &busy).expect("ranks");
        ranked.remove(0).taken_by
    };
    assert_eq!((taken_by(&[]).as_deref(), taken_by(&["di"])), (Some("di"), None));
}

#[tokio::test]
async fn a_hand_over_that_the_database_gives_up_for_a_deadlock_is_tried_again() {
    on_postgres_at(async |db, _| {
        let (problem, year) = later();
        let day = Date::ymd(year, 9, 16);
        let (state, term) = office_of(&db, &problem).await;
        let who = educators(&db).await;
        solve_and_publish(&state, term).await;
        let (_, secret) = person(&db, Role::Coordinator, &[], None).await;
        let client = Client::with(db.clone(), (*state.settings).clone()).signed_in(&secret);
        let body = json!({"term_id": term, "first_on": day, "last_on": day, "reason": "ill"});
        let answer = client.post(&format!("/api/v1/educators/{}/absences", who["ana"]), &body).await;
        let path = format!("/api/v1/absences/{}/approve", answer.body["absence"]["id"].as_str().expect("an id"));
        // Somebody holds the substitute, for whom the hand-over waits, and then wants the term, which the hand-over has.
        let mut other = db.write("test").await.expect("writes");
        let hold = Statement::both("SELECT id FROM educator WHERE id = $1 FOR UPDATE");
        other.row(&hold, args![who["di"]]).await.expect("is held");
        let crosses = async {
            while waiting(&db).await == 0 {
                tokio::task::yield_now().await;
            }
            // One of the two is given up: whoever waits first, as a rule.
            let _ = schedules::lock(&mut other, term).await;
            other.rollback().await.expect("lets go");
        };
        let nothing = json!({});
        let (done, ()) = tokio::join!(client.post(&path, &nothing), crosses);
        assert_eq!(done.status.as_u16(), 200, "{done:?}");
        let taken: BTreeSet<EducatorId> = sessions(&db)
            .await
            .iter()
            .filter(|session| session.meeting.held_on == day && session.meeting.status == SessionStatus::Planned)
            .map(|session| session.meeting.educator_id)
            .collect();
        assert_eq!(taken, [who["di"]].into());
    })
    .await;
}
