//! Mails that come back after a server took them: reports as Postfix and Exchange Online write them, and what is none.

use std::io::Write as _;
use std::process::{Command, Stdio};

use bellwether::domain::id::{EducatorId, MailId};
use bellwether::domain::mail::Notice;
use bellwether::domain::records::Educator;
use bellwether::exchange::bounce;
use bellwether::store::mail::{self, Kept, Recipient};
use bellwether::store::{self, Db};
use serde_json::json;

use super::{Sink, deliver, mailroom};
use crate::api::client::Client;
use crate::fresh::{on_both, on_both_at};

/// As Postfix 3.7 reports to the sender: fields of the mail first, the headers that came back last.
const POSTFIX: &str = "Return-Path: <>
Received: by mx.vendor.example (Postfix)
\tid 4F2AB60C1D; Thu, 26 Nov 2026 15:04:05 +0000 (UTC)
Date: Thu, 26 Nov 2026 15:04:05 +0000 (UTC)
From: MAILER-DAEMON@mx.vendor.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: office@vendor.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary=\"3C5B260BFF.1795705445/mx.vendor.example\"
Message-Id: <20261126150405.4F2AB60C1D@mx.vendor.example>

This is a MIME-encapsulated message.

--3C5B260BFF.1795705445/mx.vendor.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.vendor.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

                   The mail system

<ADDRESS>: host mx.educator.example[192.0.2.25] said: 550 5.1.1
    <ADDRESS>: Recipient address rejected: User unknown in virtual
    mailbox table (in reply to RCPT TO command)

--3C5B260BFF.1795705445/mx.vendor.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.vendor.example
X-Postfix-Queue-ID: 3C5B260BFF
X-Postfix-Sender: rfc822; office@vendor.example
Arrival-Date: Thu, 26 Nov 2026 15:04:02 +0000 (UTC)

Final-Recipient: rfc822; ADDRESS
Original-Recipient: rfc822;ADDRESS
Action: ACTION
Status: STATUS
Remote-MTA: dns; mx.educator.example
Diagnostic-Code: smtp; 550 STATUS <ADDRESS>: Recipient address
    rejected: User unknown in virtual mailbox table

--3C5B260BFF.1795705445/mx.vendor.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <office@vendor.example>
From: The Office <office@vendor.example>
To: ADDRESS
Subject: Neutral
Message-ID: <MESSAGE-ID>
Date: Thu, 26 Nov 2026 15:04:01 +0000

--3C5B260BFF.1795705445/mx.vendor.example--
";

/// As Exchange Online does: HTML first, no original recipient, and the whole mail, as a message inside.
const EXCHANGE: &str = "Received: from AM0PR01MB0000.eurprd01.prod.exchangelabs.com
 by mail-am0.outbound.protection.outlook.com; Thu, 26 Nov 2026 15:04:09 +0000
MIME-Version: 1.0
From: <postmaster@educator.example>
To: <office@vendor.example>
Date: Thu, 26 Nov 2026 15:04:09 +0000
Content-Type: multipart/report; report-type=delivery-status;
 boundary=\"b1e2e5b0-0c2b-4d0e-9b60-0a6a5d1b4a11\"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Message-ID: <5a2c@AM0PR01MB0000.eurprd01.prod.exchangelabs.com>
In-Reply-To: <MESSAGE-ID>
References: <MESSAGE-ID>
Subject: Undeliverable: Neutral
Auto-Submitted: auto-replied

--b1e2e5b0-0c2b-4d0e-9b60-0a6a5d1b4a11
Content-Type: multipart/alternative; differences=Content-Type;
 boundary=\"92f4f8c4-5d2e-4c62-8a0d-2c1f2a9d7e10\"

--92f4f8c4-5d2e-4c62-8a0d-2c1f2a9d7e10
Content-Type: text/plain; charset=\"us-ascii\"
Content-Transfer-Encoding: quoted-printable

Delivery has failed to these recipients or groups:

ADDRESS
The email address you entered couldn't be found=2E

--92f4f8c4-5d2e-4c62-8a0d-2c1f2a9d7e10
Content-Type: text/html; charset=\"us-ascii\"
Content-Transfer-Encoding: quoted-printable

<html><body><p>Delivery has failed to these recipients or groups:</p></body=
></html>

--92f4f8c4-5d2e-4c62-8a0d-2c1f2a9d7e10--

--b1e2e5b0-0c2b-4d0e-9b60-0a6a5d1b4a11
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01MB0000.eurprd01.prod.exchangelabs.com
Received-From-MTA: dns;mx.vendor.example
Arrival-Date: Thu, 26 Nov 2026 15:04:08 +0000

Final-Recipient: rfc822;ADDRESS
Action: ACTION
Status: STATUS
Diagnostic-Code: smtp;550 STATUS RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
X-Display-Name: ADDRESS


--b1e2e5b0-0c2b-4d0e-9b60-0a6a5d1b4a11
Content-Type: message/rfc822

From: The Office <office@vendor.example>
To: ADDRESS
Subject: Neutral
Message-ID: <MESSAGE-ID>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=\"=_a_x\"

--=_a_x
Content-Type: text/plain; charset=utf-8

Hello

--=_a_x--

--b1e2e5b0-0c2b-4d0e-9b60-0a6a5d1b4a11--
";

struct Said<'s> {
    message_id: &'s str,
    address: &'s str,
    action: &'s str,
    status: &'s str,
}

fn report(of: &str, said: &Said<'_>) -> String {
    let text = of.replace("MESSAGE-ID", said.message_id).replace("ADDRESS", said.address);
    text.replace("ACTION", said.action).replace("STATUS", said.status).replace('\n', "\r\n")
}

/// Mails that were sent to these addresses, and their Message-IDs.
async fn sent(db: &Db, sink: &Sink, to: &[&str]) -> Vec<(MailId, String)> {
    let mut ids = Vec::new();
    for email in to {
        let body: Educator = serde_json::from_value(
            json!({"display_name": "Ana", "email": email, "tz": "America/Phoenix", "max_minutes_per_week": 1500}),
        )
        .expect("an educator");
        let mut tx = db.write("test").await.expect("writes");
        let educator: EducatorId = store::insert(&mut tx, body).await.expect("is kept").id;
        let notice = Notice { subject: "Neutral".into(), text: Vec::new(), facts: Vec::new(), link: None };
        let id = mail::notify(&mut tx, Recipient::Educator(educator), notice).await.expect("is owed");
        tx.commit().await.expect("commits");
        ids.push((id, format!("{id}@vendor.example")));
    }
    deliver(&mailroom(db, sink)).await;
    let taken = sink.taken();
    for (_, message_id) in &ids {
        assert!(taken.iter().any(|one| one.message_id == format!("<{message_id}>")), "{message_id} in {taken:?}");
    }
    ids
}

async fn kept(db: &Db, id: MailId) -> Kept {
    mail::get(&mut db.read().await.expect("reads"), id).await.expect("is kept")
}

async fn refused(db: &Db) -> Vec<String> {
    let found = mail::refusals(&mut db.read().await.expect("reads"), "", 100).await.expect("lists");
    found.into_iter().map(|one| format!("{} {}", one.address, one.scope)).collect()
}

#[test]
fn reports_of_postfix_and_exchange_are_read_alike() {
    for (of, said_of_it) in [(POSTFIX, "User unknown in virtual mailbox table"), (EXCHANGE, "RecipientNotFound")] {
        let said =
            Said { message_id: "x@vendor.example", address: "ana@educator.example", action: "failed", status: "5.1.1" };
        let read = bounce::read(report(of, &said).as_bytes()).expect("a report");
        assert_eq!(read.message_id.as_deref(), Some("x@vendor.example"));
        let [one] = &read.recipients[..] else { panic!("{read:?}") };
        assert_eq!(
            (one.addresses.as_slice(), one.action.as_str(), one.status.as_str()),
            (&["ana@educator.example".to_owned()][..], "failed", "5.1.1")
        );
        assert!(one.nobody_there && one.cause.contains(said_of_it), "{one:?}");
        for (action, status) in [("delayed", "4.4.7"), ("failed", "5.2.2"), ("failed", "5.7.1"), ("delivered", "2.0.0")]
        {
            let read = bounce::read(report(of, &Said { action, status, ..said }).as_bytes()).expect("a report");
            assert!(!read.recipients[0].nobody_there, "{action} {status}");
        }
    }
}

#[test]
fn what_is_no_report_is_refused_with_the_cause_and_breaks_nothing() {
    let said =
        Said { message_id: "x@vendor.example", address: "ana@educator.example", action: "failed", status: "5.1.1" };
    let whole = report(POSTFIX, &said);
    for (garbage, cause) in [
        ("", "no mail"),
        ("\0\u{1}\u{2}\u{ff}", "no "),
        ("Subject: I am away\r\n\r\nUntil Monday.\r\n", "no report of a delivery"),
        (
            "Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n\r\n--x--",
            "names no recipient",
        ),
        (&whole.replace("rfc822;", "x400;").replace("ana@educator.example", "C=US;A= "), "names no recipient"),
    ] {
        let why = bounce::read(garbage.as_bytes()).expect_err("is refused");
        assert!(why.contains(cause), "{garbage:?}: {why}");
    }
    // Cut anywhere, or with any byte spoiled, it is read or refused.
    for n in 0..whole.len() {
        let _ = bounce::read(&whole.as_bytes()[..n]);
        let mut spoiled = whole.clone().into_bytes();
        spoiled[n] ^= 0xa5;
        let _ = bounce::read(&spoiled);
    }
}

#[tokio::test]
async fn a_mail_that_came_back_counts_as_failed_and_who_does_not_exist_gets_no_more() {
    on_both(async |db| {
        let sink = Sink::start();
        let ids = sent(&db, &sink, &["Ana@educator.example", "bo@educator.example", "cy@educator.example"]).await;
        let admin = Client::of(db.clone()).await;
        let tell = async |of: &str, said: Said<'_>| {
            admin.post("/api/v1/mail-bounces", &json!({"report": report(of, &said)})).await
        };
        let said = |n: usize, address: &'static str, action: &'static str, status: &'static str| Said {
            message_id: &ids[n].1,
            address,
            action,
            status,
        };

        // A full mailbox is no missing one; a delay is no failure.
        let answer = tell(POSTFIX, said(1, "bo@educator.example", "delayed", "4.2.2")).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!([])), "{answer:?}");
        let answer = tell(EXCHANGE, said(1, "bo@educator.example", "failed", "5.2.2")).await;
        assert_eq!(answer.body, json!([{"mail_id": ids[1].0, "failed": true, "refused": false}]), "{answer:?}");
        let answer = tell(POSTFIX, said(0, "ana@educator.example", "failed", "5.1.1")).await;
        assert_eq!(answer.body, json!([{"mail_id": ids[0].0, "failed": true, "refused": true}]), "{answer:?}");
        let again = tell(POSTFIX, said(0, "ana@educator.example", "failed", "5.1.1")).await;
        assert_eq!(
            again.body,
            json!([{"mail_id": ids[0].0, "failed": false, "refused": true}]),
            "noted once: {again:?}"
        );
        let now = kept(&db, ids[0].0).await;
        assert!(
            now.state == "failed"
                && now.cause.as_deref().is_some_and(|cause| cause.starts_with("came back: 550 5.1.1")),
            "{now:?}"
        );
        assert_eq!(refused(&db).await, ["ana@educator.example all"]);

        // Reports that anybody could have written: of no mail of ours, or of a mail to somebody else.
        for forged in [
            Said {
                message_id: "01900000-0000-7000-8000-000000000000@vendor.example",
                ..said(2, "cy@educator.example", "failed", "5.1.1")
            },
            Said { message_id: "x", ..said(2, "cy@educator.example", "failed", "5.1.1") },
            said(2, "di@educator.example", "failed", "5.1.1"),
            said(0, "cy@educator.example", "failed", "5.1.1"),
        ] {
            let answer = tell(EXCHANGE, forged).await;
            assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!([])), "{answer:?}");
        }
        assert_eq!((kept(&db, ids[2].0).await.state.as_str(), refused(&db).await.len()), ("sent", 1));
        let answer = admin.post("/api/v1/mail-bounces", &json!({"report": "Subject: x\r\n\r\ny"})).await;
        assert_eq!(answer.refused(422, "bad_fields")[0]["pointer"], "/report", "{answer:?}");

        // It waits to be sent again, once the address is right and no longer refused.
        let retry = admin.post(&format!("/api/v1/mail/{}/retry", ids[1].0), &json!({})).await;
        assert_eq!(retry.status.as_u16(), 204, "{retry:?}");
        deliver(&mailroom(&db, &sink)).await;
        assert_eq!(kept(&db, ids[1].0).await.state, "sent");
    })
    .await;
}

#[tokio::test]
async fn a_mail_server_pipes_its_bounces_into_the_command() {
    on_both_at(async |db, url| {
        let sink = Sink::start();
        let ids = sent(&db, &sink, &["ana@educator.example"]).await;
        let pipe = |url: &str, text: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
            command
                .args(["mail", "bounced", "--db", url])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = command.spawn().expect("it starts");
            child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("is written");
            let output = child.wait_with_output().expect("it ends");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status.code(), text(&output.stdout), text(&output.stderr))
        };
        let said = Said { message_id: &ids[0].1, address: "ana@educator.example", action: "failed", status: "5.1.10" };
        let (code, out, _) = pipe(&url, &report(EXCHANGE, &Said { message_id: "x", ..said }));
        assert_eq!((code, out.as_str()), (Some(0), "nothing noted: it quotes no mail of ours to that address\n"));
        let (code, out, _) = pipe(&url, &report(EXCHANGE, &said));
        assert_eq!(
            (code, out),
            (Some(0), format!("mail {} counts as failed; its address gets no more mail\n", ids[0].0))
        );
        assert_eq!(
            (kept(&db, ids[0].0).await.state.as_str(), refused(&db).await),
            ("failed", vec!["ana@educator.example all".to_owned()])
        );
        let (code, _, err) = pipe(&url, "Subject: lunch\n\nSee you at noon.\n");
        assert!(code == Some(2) && err.contains("no report of a delivery"), "{err}");
        let (code, _, err) = pipe("sqlite:/nowhere/at/all/x.db", &report(POSTFIX, &said));
        assert_eq!(code, Some(75), "{err}");
    })
    .await;
}
