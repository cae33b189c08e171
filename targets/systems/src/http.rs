//! The HTTP client of the targets that are called over HTTP.

use std::time::Duration;

/// A client that makes each call once, where it is told to: it repeats nothing and follows no
/// redirect, since only the caller knows whether a call may be made twice. Its connections are
/// shared by all who have a clone of it.
pub(crate) fn client(connect_timeout: Duration) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(connect_timeout)
        .no_proxy()
        .tcp_nodelay(true);
    // Building fails only where TLS or a resolver cannot be set up, and we use neither.
    builder.build().unwrap_or_default()
}
