//! Delivery status notifications (RFC 3464): what a mail server reports, after it took a mail, of each recipient it failed.
//!
//! Anybody can write such a report. It is worth no more than the Message-ID it quotes, which is for the store to know.

use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders as _, PartType};

use crate::domain::mail::nobody_there;

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of the mail that it is about, without brackets; none where the report does not quote it.
    pub message_id: Option<String>,
    pub recipients: Vec<Recipient>,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// As we wrote it where the report says so, and as the last server knew it.
    pub addresses: Vec<String>,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`.
    pub action: String,
    /// The enhanced status code: `5.1.1`.
    pub status: String,
    /// What the server said, on one line.
    pub cause: String,
    /// It failed because there is no such address.
    pub nobody_there: bool,
}

/// Most bytes of a cause that are kept.
const LONGEST: usize = 500;

/// Reads a report as it arrived, headers and all.
///
/// # Errors
/// If it is no mail, or no report of a delivery: says which.
pub fn read(bytes: &[u8]) -> Result<Report, String> {
    let parser = MessageParser::default();
    let mail = parser.parse(bytes).ok_or("this is no mail: it has no headers")?;
    let status = mail
        .parts
        .iter()
        .find(|part| is(part.content_type(), "message", &["delivery-status", "global-delivery-status"]));
    let Some(status) = status else {
        let what = "this is no report of a delivery (RFC 3464): it has no part message/delivery-status";
        return Err(format!("{what}; give only bounces to it"));
    };
    let text = String::from_utf8_lossy(status.contents()).replace("\r\n", "\n");
    // Fields of the mail, then, after an empty line each, fields of every recipient.
    let groups = text.split("\n\n").map(str::trim).filter(|group| !group.is_empty());
    let recipients: Vec<Recipient> = groups.filter_map(|group| recipient(&parser, group)).collect();
    if recipients.is_empty() {
        return Err("the report names no recipient; a server that writes such reports breaks RFC 3464".into());
    }
    Ok(Report { message_id: quoted(&parser, &mail), recipients })
}

fn is(content: Option<&mail_parser::ContentType<'_>>, kind: &str, of: &[&str]) -> bool {
    let Some(content) = content else { return false };
    let within = |subtype: &str| of.iter().any(|one| one.eq_ignore_ascii_case(subtype));
    content.ctype().eq_ignore_ascii_case(kind) && content.subtype().is_some_and(within)
}

/// The fields of one recipient; none for a group that names none, as the first does not.
fn recipient(parser: &MessageParser, group: &str) -> Option<Recipient> {
    let block = format!("{group}\n\n");
    let fields = parser.parse_headers(block.as_bytes())?;
    let field = |name: &str| {
        let known = fields.headers_raw().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    // `rfc822; ana@educator.example`
    let typed = |name: &str| field(name).and_then(|value| Some(value.split_once(';')?.1.trim().to_owned()));
    let bare = |address: String| address.trim_matches(['<', '>', '"']).to_owned();
    let mut addresses: Vec<String> =
        ["Original-Recipient", "Final-Recipient"].into_iter().filter_map(typed).map(bare).collect();
    addresses.retain(|address| address.contains('@'));
    addresses.dedup();
    if addresses.is_empty() {
        return None;
    }
    let action = field("Action").unwrap_or_default().to_lowercase();
    // A comment may follow the code.
    let status = field("Status").and_then(|value| value.split(' ').next().map(str::to_owned)).unwrap_or_default();
    let said = typed("Diagnostic-Code").unwrap_or_default();
    let reply = said.get(..3).and_then(|code| code.parse().ok());
    let nobody_there = action == "failed" && nobody_there(reply, Some(&status));
    let cause = if said.is_empty() { format!("reported as {action}, {status}") } else { said };
    Some(Recipient { addresses, action, status, cause: cause.chars().take(LONGEST).collect(), nobody_there })
}

/// The Message-ID of the mail that came back: whole, or its headers alone.
fn quoted(parser: &MessageParser, report: &Message<'_>) -> Option<String> {
    report.parts.iter().find_map(|part| match &part.body {
        PartType::Message(inner) => inner.message_id().map(str::to_owned),
        _ if is(part.content_type(), "text", &["rfc822-headers"])
            || is(part.content_type(), "message", &["rfc822-headers", "global-headers"]) =>
        {
            let block = [part.contents(), b"\r\n\r\n"].concat();
            let headers = parser.parse_headers(&block)?;
            match headers.header("Message-ID")? {
                HeaderValue::Text(id) => Some(id.to_string()),
                HeaderValue::TextList(ids) => ids.first().map(ToString::to_string),
                _ => None,
            }
        }
        _ => None,
    })
}
