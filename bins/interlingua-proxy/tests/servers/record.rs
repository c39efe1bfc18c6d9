//! Keeps what a server sent, as fixtures.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::foreign::Foreign;
use crate::tap::Exchange;

/// Writes the first exchange that a check caused: a stream as it came, or an error with its status.
pub(crate) fn keep(
    folder: &Path,
    foreign: &Foreign,
    name: &str,
    exchanges: &[Exchange],
) -> io::Result<()> {
    let Some(exchange) = exchanges.first() else {
        return Err(io::Error::other("the server was not asked"));
    };
    let (reply, name) = (&exchange.reply, format!("{}-{name}", foreign.name));
    let is_stream = reply.header("content-type").is_some_and(|it| it.contains("event-stream"));
    if reply.status == 200 && is_stream {
        let place = folder.join("streams");
        fs::create_dir_all(&place)?;
        fs::write(place.join(format!("{name}.sse")), &reply.body)?;
        return Ok(());
    }
    if reply.status == 200 {
        return Err(io::Error::other("the server answered, but not by a stream"));
    }
    let body: Value = match reply.json() {
        Value::Null => reply.text().into(),
        body => body,
    };
    let error = json!({
        "dialect": foreign.dialect, "http_status": reply.status, "body": body,
        "source": "recorded by cargo xtask servers",
    });
    let place = folder.join("errors");
    fs::create_dir_all(&place)?;
    fs::write(place.join(format!("{name}.json")), format!("{error:#}\n"))
}
