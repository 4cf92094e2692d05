//! Golden vectors of the domain research (domain.md §6) on minutes, lines and caps. Each test carries its vector's number.

use bellwether::domain::calendar::{Calendar, DateSpan};
use bellwether::domain::closure::{Closure, CycleRule, cycle_days};
use bellwether::domain::eligibility::{Credential, Demand, Ineligible, Paper, Regime, reasons, stretches};
use bellwether::domain::id::{DistrictId, LogId, RecordId as _};
use bellwether::domain::ledger::{Ledger, Line, Logged, Scheduled, School, ledger, periods};
use bellwether::domain::line::{Form, Interval, Minutes, read};
use bellwether::domain::log::MissReason;
use bellwether::domain::policy::caps::{
    Load, Pool, Tutoring, TutoringFault, Variance, VirginiaWeight, age_span, caseload_of, integrated_class, virginia,
};
use bellwether::domain::policy::{Policies, SetFigure, Standing};
use bellwether::domain::time::{Clock, Date};
use serde_json::json;

fn day(text: &str) -> Date {
    text.parse().unwrap_or_else(|why: String| panic!("{why}"))
}

fn span(first: &str, last: &str) -> DateSpan {
    DateSpan { first: day(first), last: day(last) }
}

fn calendar(first: &str, last: &str, closed: &[&str]) -> Calendar {
    let body = json!({"first": first, "last": last, "closed": closed, "bell_schedule": {"default": "regular"}});
    serde_json::from_value(body).expect("a calendar")
}

fn policies(figures: &[(&str, &str)]) -> Policies {
    let district = DistrictId::fresh();
    let set: Vec<SetFigure> = figures
        .iter()
        .map(|(key, value)| SetFigure {
            key: (*key).into(),
            value: (*value).into(),
            state: None,
            district_id: Some(district),
            effective_on: day("2020-07-01"),
            ends_on: None,
            standing: Standing::DistrictPolicy,
            citation: "a test".into(),
        })
        .collect();
    Policies::of(&set, "AZ", district)
}

fn entry(on: &str, planned: i64, delivered: i64, reason: Option<MissReason>) -> Logged {
    Logged { id: LogId::fresh(), held_on: day(on), planned, delivered, reason, makes_up: None }
}

fn account(
    form: &Form,
    of: DateSpan,
    days: &Calendar,
    logged: &[Logged],
    figures: &[(&str, &str)],
    today: &str,
) -> Ledger {
    let whole = DateSpan { first: days.first, last: days.last };
    let line = Line { form, span: of, logged, scheduled: &[], uncovered: &[], policies: &policies(figures) };
    ledger(&line, &School::new(days, whole), day(today))
}

/// 4: one session a month, anchored on August 31: months that have no 31st end early, and the next goes back to it.
#[test]
fn vector_04_a_month_anchored_on_the_31st_is_clamped_and_comes_back() {
    let days = calendar("2026-08-31", "2027-06-11", &[]);
    let form = read("1×/month 30").expect("reads");
    let school = School::new(&days, span("2026-08-31", "2027-06-11"));
    let found = periods(&form, span("2026-08-31", "2027-03-31"), &school, &policies(&[("period_anchor", "anchored")]));
    let firsts: Vec<String> = found.iter().map(|period| period.span.first.to_string()).collect();
    let expected = [
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
        "2027-02-28",
        "2027-03-31",
    ];
    assert_eq!(firsts, expected);
    for pair in found.windows(2) {
        assert_eq!(pair[0].span.last.plus_days(1), pair[1].span.first, "no day is missing or counted twice");
    }
}

/// 5: the same line by calendar and by anchor: other periods, the same number of sessions but for one.
#[test]
fn vector_05_calendar_and_anchored_months_differ_in_name_and_agree_in_number() {
    let days = calendar("2026-08-17", "2027-06-11", &[]);
    let form = read("1×/month 30").expect("reads");
    let of = span("2026-08-17", "2027-06-11");
    let with =
        |anchor| account(&form, of, &days, &[], &[("period_anchor", anchor), ("partial_period", "full")], "2027-06-12");
    let (calendar, anchored) = (with("calendar"), with("anchored"));
    assert_eq!(calendar.periods[0].period, "2026-08");
    assert_eq!(anchored.periods[0].period, "2026-08-17/2026-09-16");
    assert!((calendar.total.owed - anchored.total.owed).abs() <= 30, "{} {}", calendar.total.owed, anchored.total.owed);
    for ledger in [&calendar, &anchored] {
        let anchor = ledger.policy.iter().find(|figure| figure.key == "period_anchor").expect("is printed");
        assert_eq!((anchor.scope, anchor.citation.as_str()), ("district", "a test"));
    }
}

/// 6: Virginia's twenty points, which may be reached and not passed.
#[test]
fn vector_06_virginias_mixed_caseload_holds_twenty_points() {
    let with = |n: usize, paraprofessional| {
        let mut all = vec![VirginiaWeight::LevelOne; 10];
        all.extend(vec![VirginiaWeight::LevelTwo { paraprofessional }; n]);
        virginia(&all)
    };
    assert_eq!((with(3, false).count, with(3, false).fits()), (199, true));
    assert_eq!((with(4, false).count, with(4, false).fits()), (232, false));
    assert_eq!((with(4, true).count, with(4, true).fits()), (200, true));
}

/// 7: Ohio's sixty months between the oldest and the youngest of a period.
#[test]
fn vector_07_ohios_age_span_is_sixty_months() {
    let on = day("2026-10-15");
    // 14 years 1 month to 18 years 11 months; 14 years 0 months to 19 years 1 month.
    let fits = age_span(&[day("2012-09-15"), day("2007-11-15"), day("2010-01-01")], on, 60);
    assert_eq!((fits.count, fits.fits()), (58, true));
    let wide = age_span(&[day("2012-10-15"), day("2007-09-15")], on, 60);
    assert_eq!((wide.count, wide.fits()), (61, false));
}

/// 8: New York counts everyone with a disability on the roster of an integrated class.
#[test]
fn vector_08_the_thirteenth_in_an_integrated_class_needs_notice() {
    assert_eq!(
        [12, 13, 14, 15].map(integrated_class),
        [Variance::None, Variance::Notice, Variance::Approval, Variance::Refused]
    );
}

/// 9: Michigan counts students under evaluation.
#[test]
fn vector_09_michigan_counts_who_is_being_evaluated() {
    let cap = caseload_of("MI", "slp").expect("a cap");
    let held = cap.hold(Load { students: 58, under_evaluation: 3, assistants: 0 });
    assert_eq!((held.count, held.limit, held.fits()), (61, 60, false));
    assert!(cap.hold(Load { students: 57, under_evaluation: 3, assistants: 0 }).fits());
}

/// 10: in Kentucky each assistant adds half a caseload.
#[test]
fn vector_10_kentuckys_assistants_raise_the_cap_by_half_each() {
    let cap = caseload_of("KY", "slp").expect("a cap");
    assert_eq!(cap.hold(Load { students: 130, under_evaluation: 9, assistants: 2 }).limit, 130);
    assert!(!cap.hold(Load { students: 66, under_evaluation: 0, assistants: 0 }).fits());
}

/// 21: an IEP amended on January 12: two lines, split by date, and what happened before stays as it was.
#[test]
fn vector_21_an_amended_line_splits_the_ledger_by_date() {
    let days = calendar("2027-01-04", "2027-01-29", &[]);
    let (before, after) = (read("2 × 30/week").expect("reads"), read("3 × 20/week").expect("reads"));
    let log = [
        entry("2027-01-05", 30, 30, None),
        entry("2027-01-07", 30, 0, Some(MissReason::ProviderAbsent)),
        entry("2027-01-12", 20, 20, None),
    ];
    let old = account(&before, span("2027-01-04", "2027-01-11"), &days, &log[..2], &[], "2027-01-13");
    let new = account(&after, span("2027-01-12", "2027-01-29"), &days, &log[2..], &[], "2027-01-13");
    // The week of the 11th: one day of five under the old line, four under the new.
    let owed = |ledger: &Ledger| ledger.periods.iter().map(|period| period.sums.owed).collect::<Vec<_>>();
    assert_eq!((owed(&old), owed(&new)), (vec![60, 12], vec![48, 60, 60]));
    assert_eq!((old.total.delivered, old.total.to_make_up, old.last_on), (30, 30, day("2027-01-11")));
    assert_eq!((new.total.delivered, new.first_on), (20, day("2027-01-12")));
    // Without the amendment the first week reads the same.
    let unamended = account(&before, span("2027-01-04", "2027-01-29"), &days, &log[..2], &[], "2027-01-13");
    assert_eq!(unamended.periods[0], old.periods[0]);
}

/// 22: a range of 30 to 45 minutes is satisfied by 30, and 25 are five short.
#[test]
fn vector_22_a_range_is_held_to_its_least_and_counts_what_was_given() {
    let days = calendar("2026-09-14", "2026-09-18", &[]);
    let form = read("30–45 min × 3/wk").expect("reads");
    let with = |minutes: [i64; 3]| {
        let dates = ["2026-09-14", "2026-09-16", "2026-09-18"];
        let log: Vec<Logged> = dates
            .iter()
            .zip(minutes)
            .map(|(on, given)| entry(on, 30, given, (given < 30).then_some(MissReason::Technical)))
            .collect();
        account(&form, span("2026-09-14", "2026-09-18"), &days, &log, &[], "2026-09-19").total
    };
    let compliant = with([30, 30, 30]);
    assert_eq!((compliant.owed, compliant.delivered, compliant.short(), compliant.remaining), (90, 90, 0, 0));
    let short = with([30, 25, 30]);
    assert_eq!((short.delivered, short.to_make_up, short.short()), (85, 5, 5));
    let long = with([45, 45, 45]);
    assert_eq!((long.delivered, long.beyond.delivered), (90, 45));
}

/// 23: what commits nobody is refused, by Wisconsin's list.
#[test]
fn vector_23_wordings_that_commit_nobody_are_refused() {
    for text in [
        "minimum of 15 minutes",
        "a minimum of 15 minutes per week",
        "as needed",
        "as deemed necessary",
        "when appropriate",
        "available daily",
    ] {
        let issue = read(text).expect_err("is refused");
        assert!(["L01", "L02"].contains(&issue.code) && !issue.action.is_empty(), "{text}: {issue}");
    }
}

/// 24: high-dosage tutoring is four students at most, three times a week at least, with one tutor.
#[test]
fn vector_24_five_students_two_sessions_or_another_tutor_are_no_high_dosage_tutoring() {
    let good = Tutoring { students: 4, sessions_a_week: 3, tutors: 1 };
    assert_eq!(good.faults(), []);
    assert_eq!(Tutoring { students: 5, ..good }.faults(), [TutoringFault::GroupTooLarge]);
    assert_eq!(Tutoring { sessions_a_week: 2, ..good }.faults(), [TutoringFault::TooFewSessions]);
    assert_eq!(Tutoring { tutors: 2, ..good }.faults(), [TutoringFault::ChangingTutor]);
}

/// 28: a pool for suspended students keeps its educator when nobody is in it, and takes no sixth.
#[test]
fn vector_28_an_empty_pool_keeps_its_educator_and_a_full_one_admits_nobody() {
    let mut pool = Pool { students: 0, most: 5 };
    assert!(pool.needs_educator());
    for n in 1..=5 {
        pool = pool.admit().unwrap_or_else(|| panic!("the {n}th is refused"));
    }
    assert_eq!((pool.students, pool.admit()), (5, None));
}

/// 30: ten minutes of a session are owed when the educator left after twenty; an hour when the educator was not there.
#[test]
fn vector_30_what_an_absent_educator_leaves_is_owed() {
    let days = calendar("2026-09-14", "2026-09-18", &[]);
    let form = Form::sessions(3, Interval::Week, Minutes::exactly(30));
    let log = [
        entry("2026-09-14", 30, 20, Some(MissReason::ProviderAbsent)),
        entry("2026-09-16", 30, 0, Some(MissReason::ProviderAbsent)),
        entry("2026-09-18", 30, 0, Some(MissReason::StudentAbsent)),
    ];
    let total = account(&form, span("2026-09-14", "2026-09-18"), &days, &log, &[], "2026-09-19").total;
    assert_eq!(total.missed[&MissReason::ProviderAbsent], 40);
    assert_eq!((total.delivered, total.to_make_up, total.excused), (20, 40, 30));
    let only = account(&form, span("2026-09-14", "2026-09-18"), &days, &log[..1], &[], "2026-09-19").total;
    assert_eq!((only.to_make_up, only.missed.len()), (10, 1));
}

/// 2: the calendar of 180 days of domain.md §3c.8, which has 34 Mondays and 37 Tuesdays: half an hour a week is 1,020 or
/// 1,110 minutes of 1,080.
#[test]
fn vector_02_a_monday_is_worth_less_than_a_tuesday() {
    let mut closed: Vec<String> = ["2026-09-07", "2026-10-12", "2026-11-03", "2026-11-11"].map(Into::into).to_vec();
    closed.extend(["2026-11-25", "2026-11-26", "2026-11-27", "2027-01-18", "2027-03-26", "2027-05-31"].map(Into::into));
    let weeks = [("2026-12-21", 12), ("2027-02-15", 5), ("2027-04-05", 5)];
    closed.extend(weeks.iter().flat_map(|(first, n)| (0..*n).map(|n| day(first).plus_days(n).to_string())));
    let days = calendar("2026-08-24", "2027-06-11", &closed.iter().map(String::as_str).collect::<Vec<_>>());
    let year = span("2026-08-24", "2027-06-11");
    let school = School::new(&days, year);
    let of = |name: &str| school.days.iter().filter(|day| day.date.weekday().name() == name).count();
    assert_eq!((school.days.len(), ["mon", "tue", "wed", "thu", "fri"].map(of)), (180, [34, 37, 36, 37, 36]));
    let of = |month: &str| school.days.iter().filter(|day| day.date.to_string().starts_with(month)).count();
    assert_eq!(["2026-09", "2026-10", "2026-11", "2026-12"].map(of), [21, 21, 16, 14]);

    let form = read("1,080 min/year").expect("reads");
    let given = |name: &str| {
        let held = school.days.iter().filter(|day| day.date.weekday().name() == name);
        let scheduled: Vec<Scheduled> =
            held.map(|day| Scheduled { held_on: day.date, minutes: 30, makes_up: None }).collect();
        let line = Line {
            form: &form,
            span: year,
            logged: &[],
            scheduled: &scheduled,
            uncovered: &[],
            policies: &policies(&[]),
        };
        let ledger = ledger(&line, &school, day("2026-08-24"));
        (scheduled.len(), ledger.total.scheduled + ledger.total.beyond.scheduled, ledger.short_by)
    };
    assert_eq!(given("mon"), (34, 1020, 60));
    assert_eq!(given("tue"), (37, 1110, 0));
}

/// 3, as a forecast: 1,080 minutes a year on Mondays, of which the calendar has 34.
#[test]
fn vector_03_a_yearly_line_on_too_few_mondays_falls_short_by_sixty() {
    let days = calendar("2026-08-24", "2027-06-11", &[]);
    let form = read("1,080 min/year").expect("reads");
    let school = School::new(&days, span("2026-08-24", "2027-06-11"));
    let mondays = school.days.iter().filter(|day| day.date.weekday().name() == "mon").take(34);
    let scheduled: Vec<Scheduled> =
        mondays.map(|day| Scheduled { held_on: day.date, minutes: 30, makes_up: None }).collect();
    let line = Line {
        form: &form,
        span: span("2026-08-24", "2027-06-11"),
        logged: &[],
        scheduled: &scheduled,
        uncovered: &[],
        policies: &policies(&[]),
    };
    let ledger = ledger(&line, &school, day("2026-08-24"));
    assert_eq!((ledger.total.owed, ledger.total.scheduled, ledger.short_by), (1080, 1020, 60));
}

fn paper(paper: Paper, state: &str, home: Option<&str>, first: &str, last: &str) -> Credential {
    Credential { paper, state: state.into(), home: home.map(Into::into), first_on: day(first), last_on: day(last) }
}

fn demand(state: &str, regime: Option<Regime>, live: &[&str]) -> Demand {
    Demand { state: state.into(), regime, live: live.iter().map(|state| (*state).to_owned()).collect() }
}

/// 11: a privilege in Indiana ends with the license in Ohio that it rests on.
#[test]
fn vector_11_a_privilege_ends_with_the_home_states_license() {
    let papers = [
        paper(Paper::BoardLicense, "OH", None, "2025-07-01", "2027-06-30"),
        paper(Paper::Privilege, "IN", Some("OH"), "2026-07-01", "2028-06-30"),
    ];
    let indiana = demand("IN", Some(Regime::BoardLicense), &["IN", "OH"]);
    assert_eq!(reasons(&papers, &indiana, day("2027-06-30")), []);
    assert_eq!(reasons(&papers, &indiana, day("2027-07-08")), [Ineligible::HomeLicenseEnded]);
    let runs = stretches(&papers, &indiana, day("2027-06-01"), day("2027-07-31"));
    assert_eq!((runs.len(), runs[0].last_on, runs[1].first_on), (2, day("2027-06-30"), day("2027-07-01")));
}

/// 12: the compact does not reach Texas.
#[test]
fn vector_12_a_license_of_a_member_state_is_nothing_in_texas() {
    let papers = [
        paper(Paper::BoardLicense, "NC", None, "2025-07-01", "2028-06-30"),
        paper(Paper::Privilege, "TX", Some("NC"), "2026-07-01", "2028-06-30"),
    ];
    let texas = demand("TX", Some(Regime::BoardLicense), &["NC"]);
    assert_eq!(reasons(&papers, &texas, day("2026-09-01")), [Ineligible::NotMember]);
    assert_eq!(reasons(&papers[..1], &texas, day("2026-09-01")), [Ineligible::NotMember]);
}

/// 13: a member that does not issue privileges yet.
#[test]
fn vector_13_a_member_that_is_not_live_issues_nothing() {
    let papers = [
        paper(Paper::BoardLicense, "OH", None, "2025-07-01", "2028-06-30"),
        paper(Paper::Privilege, "WY", Some("OH"), "2026-07-01", "2028-06-30"),
    ];
    let on = day("2026-09-01");
    assert_eq!(reasons(&papers, &demand("WY", Some(Regime::BoardLicense), &["OH"]), on), [Ineligible::MemberNotLive]);
    assert_eq!(reasons(&papers, &demand("WY", Some(Regime::BoardLicense), &["OH", "WY"]), on), []);
}

/// 14: where both papers are asked for, a privilege is only one of them.
#[test]
fn vector_14_a_privilege_is_half_of_what_a_dual_state_asks() {
    let mut papers = vec![
        paper(Paper::BoardLicense, "OH", None, "2025-07-01", "2028-06-30"),
        paper(Paper::Privilege, "IN", Some("OH"), "2026-07-01", "2028-06-30"),
    ];
    let dual = demand("IN", Some(Regime::Dual), &["IN", "OH"]);
    assert_eq!(reasons(&papers, &dual, day("2026-09-01")), [Ineligible::MissingTeachingCredential]);
    papers.push(paper(Paper::TeachingCertificate, "IN", None, "2026-08-01", "2029-07-31"));
    assert_eq!(reasons(&papers, &dual, day("2026-09-01")), []);
}

/// 15: where no rule is known, a person decides.
#[test]
fn vector_15_without_a_rule_nobody_is_assigned_by_itself() {
    let papers = [paper(Paper::TeachingCertificate, "AZ", None, "2025-07-01", "2028-06-30")];
    assert_eq!(reasons(&papers, &demand("AZ", None, &[]), day("2026-09-01")), [Ineligible::UnknownNeedsDecision]);
}

/// 18: after a snow day on C, the next day of school is C where letters slide, and D where they are skipped.
#[test]
fn vector_18_a_snow_day_slides_or_skips_the_letter() {
    let body = json!({"first": "2027-01-11", "last": "2027-01-22", "cycle": ["A", "B", "C", "D"], "bell_schedule": {"default": "x"}});
    let calendar: Calendar = serde_json::from_value(body).expect("a calendar");
    let snow = [day("2027-01-13")];
    let letter = |rule| {
        let days = cycle_days(&calendar, &snow, rule, span("2027-01-11", "2027-01-22"));
        assert!(days.iter().all(|(date, _)| *date != snow[0]), "nobody is taught on the snow day");
        days.into_iter().find(|(date, _)| *date == day("2027-01-14")).map(|(_, letter)| letter)
    };
    assert_eq!((letter(CycleRule::Slide), letter(CycleRule::Skip)), (Some("C".into()), Some("D".into())));
}

fn clock(text: &str) -> Clock {
    text.parse().unwrap_or_else(|why: String| panic!("{why}"))
}

/// 19: what an early release removes is missed for a school activity, and owed by policy.
#[test]
fn vector_19_what_an_early_release_removes_is_owed() {
    let early = Closure::EarlyRelease { at: clock("13:00") };
    assert_eq!(early.misses(clock("14:05"), clock("14:55")), Some(MissReason::SchoolActivity));
    assert_eq!(early.misses(clock("12:30"), clock("13:00")), None);
    let days = calendar("2026-09-14", "2026-09-18", &[]);
    let log = [entry("2026-09-16", 30, 0, early.misses(clock("14:05"), clock("14:35")))];
    let form = read("1 x 30 min/week").expect("reads");
    let total = account(&form, span("2026-09-14", "2026-09-18"), &days, &log, &[], "2026-09-19").total;
    assert_eq!((total.missed[&MissReason::SchoolActivity], total.to_make_up), (30, 30));
}

/// 20: on a snow day on which students learn at home, who teaches from afar teaches on.
#[test]
fn vector_20_a_remote_snow_day_keeps_its_sessions() {
    let (starts, ends) = (clock("09:00"), clock("09:30"));
    assert_eq!(Closure::Remote.misses(starts, ends), None);
    assert_eq!(Closure::Closed.misses(starts, ends), Some(MissReason::Closure));
    assert_eq!(Closure::LateStart { at: clock("10:00") }.misses(starts, ends), Some(MissReason::SchoolActivity));
}
