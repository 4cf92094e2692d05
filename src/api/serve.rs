//! Accepts connections and answers them with a router, defending against clients that dawdle.
//!
//! `axum::serve` is not used: it waits for ever for a header that never ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

/// Longest wait for a whole request header, and for the next request on an open connection.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for requests under way when the server is told to stop.
pub const GRACE: Duration = Duration::from_secs(10);
/// Longest wait for a client to take what was sent.
const UNTAKEN: Duration = Duration::from_secs(30);
/// Streams of one HTTP/2 connection at once.
const STREAMS: u32 = 64;

/// Serves until `closing` is cancelled, then lets the requests under way finish, for [`GRACE`] at most.
/// At most `connections` are open at once; further ones wait in the kernel's queue.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: usize,
    closing: CancellationToken,
) -> io::Result<()> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    http.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(HEADER_TIMEOUT);
    let places = Arc::new(Semaphore::new(connections));
    let graceful = GracefulShutdown::new();
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place.map_err(io::Error::other)?,
            () = closing.cancelled() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // The client left, or files ran out: neither is a reason to stop; the second needs a pause.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = closing.cancelled() => break,
        };
        stream.set_nodelay(true).ok();
        // A client that takes nothing of its answer does not keep its connection for ever.
        socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(UNTAKEN)).ok();
        let service = Extension(ConnectInfo(peer)).layer(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended badly");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off: they did not finish within {} s", GRACE.as_secs());
    }
    Ok(())
}
