//! Files that pages need, compiled in and served under the hash of their content, so that a browser keeps them for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::api::{State, error::Error, extract::Path};
use crate::domain::hash::sha256;

/// Minutes of one row of the week grid.
pub const ROW_MINUTES: u16 = 5;
/// Rows, lanes and hours that the grid has a class for.
const ROWS: u16 = 48 * 60 / ROW_MINUTES;
pub const LANES: usize = 40;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: String,
    hash: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |name, kind, text: String| Asset { name, kind, hash: sha256(&text)[..16].to_owned(), text };
    vec![
        asset("bellwether.css", "text/css; charset=utf-8", include_str!("assets/bellwether.css").into()),
        asset("grid.css", "text/css; charset=utf-8", grid()),
        asset("htmx.js", "text/javascript; charset=utf-8", include_str!("assets/htmx.min.js").into()),
        asset("live.js", "text/javascript; charset=utf-8", include_str!("assets/live.js").into()),
        asset("passkey.js", "text/javascript; charset=utf-8", include_str!("assets/passkey.js").into()),
        asset("board.js", "text/javascript; charset=utf-8", include_str!("assets/board.js").into()),
        asset("hours.js", "text/javascript; charset=utf-8", include_str!("assets/hours.js").into()),
        asset("icon.svg", "image/svg+xml", include_str!("assets/icon.svg").into()),
    ]
});

/// The places of a week grid as classes, because the Content-Security-Policy allows no style attributes:
/// `r…` and `s…` row and span, `l…` and `e…` first and last line of lanes, `h…` height in hours.
fn grid() -> String {
    let mut css = String::from("@media (min-width:60rem),print{");
    for row in 0..ROWS {
        let _ = write!(css, ".r{row}{{grid-row-start:{}}}.s{row}{{grid-row-end:span {row}}}", row + 1);
    }
    for lane in 1..=LANES + 1 {
        let _ = write!(css, ".l{lane}{{grid-column-start:{lane}}}.e{lane}{{grid-column-end:{lane}}}");
    }
    for hours in 1..=48 {
        let _ = write!(css, ".h{hours}{{grid-template-rows:repeat({},var(--row))}}", hours * 60 / ROW_MINUTES);
    }
    css + "}"
}

/// The address of an asset.
///
/// # Panics
/// If there is none of that name.
pub fn href(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name).expect("pages name assets that are compiled in");
    format!("/assets/{}/{name}", asset.hash)
}

pub(super) fn routes() -> Router<State> {
    Router::new().route("/assets/{hash}/{name}", get(read))
}

async fn read(Path((hash, name)): Path<(String, String)>) -> Result<impl IntoResponse, Error> {
    let asset = ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash).ok_or(Error::NoRoute)?;
    let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.text.as_str()))
}
