//! From a rendered letter to the server that takes it, or to a folder. Says whether a refusal is for now or for good.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{Address, Message, SmtpTransport, Transport as _};

use super::render::Rendered;
use crate::config::{Carrier, Mail};
use crate::domain::mail::nobody_there;
use crate::exchange::itip::Method;

/// Longest wait for one answer of a server (RFC 5321 §4.5.3.2 asks for minutes).
const PATIENCE: Duration = Duration::from_mins(2);
/// Replies that speak of the connection or of our login, never of the mail.
const NOT_ABOUT_THE_MAIL: [u16; 9] = [500, 502, 503, 504, 521, 523, 530, 534, 535];

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not this mail, ever. `nobody_there`: nor any other to that address.
    ForGood { nobody_there: bool, cause: String },
    /// Not now. `for_all`: whatever the mail.
    ForNow { for_all: bool, cause: String },
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub struct Post {
    from: Mailbox,
    carrier: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Smtp(SmtpTransport),
    Folder(PathBuf),
}

/// What the envelope and the headers need besides the letter.
#[derive(Clone, Copy, Debug)]
pub struct Cover<'c> {
    /// Unique, and the same whenever this mail is sent.
    pub id: &'c str,
    pub to: &'c str,
    pub name: &'c str,
    /// When it was decided to write.
    pub at: SystemTime,
    /// Full address for `List-Unsubscribe`; none where nobody may be spared the mail.
    pub unsubscribe: Option<&'c str>,
}

impl Post {
    /// Refuses settings that name no server or no sender, saying which.
    pub fn new(settings: &Mail) -> Result<Self, String> {
        let from =
            settings.from.parse().map_err(|error| format!("BELLWETHER_MAIL_FROM is no mail address: {error}"))?;
        let carrier = match &settings.carrier {
            Carrier::Folder(path) => Way::Folder(path.clone()),
            Carrier::Smtp(url) => {
                let builder = SmtpTransport::from_url(url.reveal())
                    .map_err(|error| format!("BELLWETHER_MAIL_URL is no address of a mail server: {error}"))?;
                Way::Smtp(builder.timeout(Some(PATIENCE)).pool_config(PoolConfig::new().max_size(2)).build())
            }
        };
        Ok(Self { from, carrier })
    }

    /// The address that letters come from.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.from.email.as_ref()
    }

    /// Puts a letter into a mail. The same letter and cover give the same mail.
    pub fn fold(&self, letter: &Rendered, cover: Cover<'_>) -> Result<Message, Failure> {
        let address: Address = cover.to.parse().map_err(|error| refused(&error, true))?;
        let name = Some(cover.name.to_owned()).filter(|name| !name.is_empty());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(&letter.subject)
            .date(cover.at)
            .message_id(Some(format!("<{}@{}>", cover.id, self.from.email.domain())))
            // RFC 3834: no robot answers a robot.
            .raw_header(header("Auto-Submitted", "auto-generated".into()));
        if let Some(address) = cover.unsubscribe {
            // RFC 8058: one click, without a page in between.
            builder = builder
                .raw_header(header("List-Unsubscribe", format!("<{address}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
        }
        let mut readings = MultiPart::alternative()
            .boundary(format!("=_a_{}", cover.id))
            .singlepart(SinglePart::plain(letter.text.clone()))
            .singlepart(SinglePart::html(letter.html.clone()));
        let mut calendars = letter.calendars.iter();
        if let Some((method, text)) = calendars.next() {
            // Inline, for mail programs offer buttons only then.
            readings = readings.singlepart(SinglePart::builder().header(content_type(*method)?).body(quoted(text)?));
        }
        let further: Vec<_> = calendars.collect();
        let built = if further.is_empty() {
            builder.multipart(readings)
        } else {
            let mut mixed = MultiPart::mixed().boundary(format!("=_m_{}", cover.id)).multipart(readings);
            for (n, (method, text)) in further.into_iter().enumerate() {
                let name = format!("meetings-{}.ics", n + 2);
                mixed = mixed.singlepart(Attachment::new(name).body(quoted(text)?, content_type(*method)?));
            }
            builder.multipart(mixed)
        };
        built.map_err(|error| refused(&error, false))
    }

    /// Hands a mail over. When this returns `Ok`, it is the server's.
    pub async fn send(&self, id: &str, mail: Message) -> Result<(), Failure> {
        match &self.carrier {
            Way::Smtp(server) => {
                let server = server.clone();
                let sent = tokio::task::spawn_blocking(move || server.send(&mail)).await;
                let sent = sent.map_err(|error| Failure::ForNow { for_all: false, cause: error.to_string() })?;
                sent.map(drop).map_err(|error| judged(&error))
            }
            Way::Folder(folder) => {
                let write = async {
                    tokio::fs::create_dir_all(folder).await?;
                    let path = folder.join(format!("{id}.eml"));
                    let unfinished = path.with_extension("part");
                    tokio::fs::write(&unfinished, mail.formatted()).await?;
                    tokio::fs::rename(unfinished, path).await
                };
                let cause = |error: std::io::Error| format!("cannot write into {}: {error}", folder.display());
                write.await.map_err(|error| Failure::ForNow { for_all: true, cause: cause(error) })
            }
        }
    }
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

fn content_type(method: Method) -> Result<ContentType, Failure> {
    let text = format!("text/calendar; charset=utf-8; method={}", method.name());
    ContentType::parse(&text).map_err(|error| refused(&error, false))
}

fn quoted(text: &str) -> Result<Body, Failure> {
    Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| refused(&"the calendar cannot be encoded", false))
}

fn refused(error: &impl std::fmt::Display, nobody_there: bool) -> Failure {
    Failure::ForGood { nobody_there, cause: error.to_string() }
}

/// What an answer of the server means for the mail.
fn judged(error: &smtp::Error) -> Failure {
    let code = error.status().map(u16::from);
    // Cut short: a server may say anything.
    let cause: String = error.to_string().chars().take(500).collect();
    let reply = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    // `5.1.1 no such user`: the enhanced code is the first word, where there is one.
    let word = reply.split_whitespace().next().unwrap_or_default();
    let status = (word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')).then_some(word);
    match code {
        Some(code) if error.is_permanent() && !NOT_ABOUT_THE_MAIL.contains(&code) => {
            Failure::ForGood { nobody_there: nobody_there(Some(code), status), cause }
        }
        // 4xx to this mail: others may pass. 421 closes the door to all.
        Some(code) => Failure::ForNow { for_all: code == 421 || error.is_permanent(), cause },
        None => Failure::ForNow { for_all: true, cause },
    }
}
